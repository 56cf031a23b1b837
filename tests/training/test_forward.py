"""Layers as training runs them: the network's own values and gradients."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from alexnet_viz.network.build import Network
from alexnet_viz.network.extra_layers import GroupedLRN
from alexnet_viz.network.spec import Activation, BatchNorm, Conv, Dropout, Flatten, Linear, Pool, Spec
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.training.forward import QuickDropout, QuickLRN, Trained

SMALL = Spec(
    (3, 12, 12),
    (
        *(Conv(6, 3, padding=1), Activation(), Pool(3, 2), Conv(8, 3, padding=1), BatchNorm(), Activation("tanh")),
        *(Pool(2, 2, mode="avg"), Conv(4, 2), Activation(), Pool(1, 1, mode="avg"), Flatten(), Dropout(0.0)),
        *(Linear(4, 5), Activation(), Linear(5, 3)),
    ),
)
CEIL = Spec((3, 9, 9), (Conv(4, 3), Activation(), Pool(3, 2), Flatten(), Linear(36, 2)), "ceil")


def without_dropout(spec):
    return replace(spec, layers=tuple(Dropout(0.0) if isinstance(one, Dropout) else one for one in spec.layers))


@pytest.mark.parametrize(
    "spec", [SMALL, CEIL, without_dropout(MODELS["alexnet_cifar"].spec)], ids=["small", "ceil", "cifar"]
)
def test_values_and_gradients_are_the_networks(spec):
    torch.manual_seed(0)
    network = Network(spec).train()
    trained = Trained(network)
    x = torch.randn(4, *spec.input)
    statistics = {key: value.clone() for key, value in network.state_dict().items()}
    expected = network(x)
    wanted = torch.autograd.grad(expected.square().sum(), list(network.parameters()))
    network.load_state_dict(statistics)
    got = trained(x)
    found = torch.autograd.grad(got.square().sum(), list(network.parameters()))
    assert got.equal(expected)
    assert all(torch.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in zip(found, wanted, strict=True))
    assert {id(p) for p in trained.parameters()} == {id(p) for p in network.parameters()}


def test_a_relu_before_a_max_pooling_runs_after_it_and_no_other_one_does():
    kinds = [type(layer) for layer in Trained(Network(SMALL)).quick]
    assert kinds[:4] == [nn.Conv2d, nn.MaxPool2d, nn.ReLU, nn.Conv2d]
    assert kinds[5:7] == [nn.Tanh, nn.AvgPool2d]
    assert kinds[8:10] == [nn.ReLU, nn.AvgPool2d]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_normalisation_is_torchs_own(size, groups):
    torch.manual_seed(0)
    layer = GroupedLRN(size, alpha=0.3, beta=0.75, k=2.0, groups=groups)
    x = torch.randn(2, 8, 3, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    expected, got = layer(x), QuickLRN(layer)(x)
    assert torch.allclose(got, expected, rtol=1e-6, atol=1e-7)
    weights = torch.randn_like(expected)
    (wanted,), (found,) = (torch.autograd.grad((y * weights).sum(), x) for y in (expected, got))
    assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-7)


def test_normalisation_across_all_channels():
    layer = nn.LocalResponseNorm(5, alpha=0.3)
    x = torch.randn(2, 8, 3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(QuickLRN(layer)(x), layer(x), rtol=1e-6, atol=1e-7)


def test_normalisation_keeps_half_precision():
    x = torch.randn(1, 4, 2, 2).bfloat16()
    assert QuickLRN(nn.LocalResponseNorm(3))(x).dtype == torch.bfloat16


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_scales_the_rest(rate):
    torch.manual_seed(0)
    dropout = QuickDropout(rate).train()
    x = torch.full((400, 500), 3.0, requires_grad=True)
    out = dropout(x)
    kept = out != 0
    assert kept.double().mean().item() == pytest.approx(1 - rate, abs=0.004)  # four standard deviations
    assert torch.allclose(out[kept], torch.tensor(3 / (1 - rate)))
    (gradient,) = torch.autograd.grad(out.sum(), x)
    assert torch.allclose(gradient, out / 3)
    together = (kept[:, :-1] & kept[:, 1:]).double().mean().item()
    assert together == pytest.approx((1 - rate) ** 2, abs=0.006)  # neighbours know nothing of each other
    assert dropout.eval()(x) is x


def test_dropout_in_bf16_stays_in_bf16():
    assert QuickDropout(0.5).train()(torch.ones(3, dtype=torch.bfloat16)).dtype == torch.bfloat16
