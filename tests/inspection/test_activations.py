"""Layers run one by one: the network's own outputs to the bit, from any layer on, and with channels switched off."""

from dataclasses import replace

import pytest
import torch

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.activations import activations, onwards, output_of
from alexnet_viz.network.spec import Flatten, layer_names, module_keys, walk
from alexnet_viz.network.zoo import MODELS
from tests.inspection.networks import CEIL, EVERY_KIND, LAST, NAMES, condition, filled, picture, ready
from tests.inspection.switchboard import hooked, logits_of

WHOLE = ["alexnet_200", "alexnet_cifar", "lenet5"]


def logits_from(*args):
    *_, (_, logits) = onwards(*args)
    return logits


@pytest.mark.parametrize("spec", [*(MODELS[id].spec for id in WHOLE), EVERY_KIND, CEIL], ids=[*WHOLE, "floor", "ceil"])
def test_layer_by_layer_is_forward_to_the_bit(spec):
    network = filled(spec)
    batch = picture(spec, batch=2)
    outputs = activations(network, batch)
    assert list(outputs) == ["input", *layer_names(spec.layers)]
    assert outputs["input"] is batch
    with torch.inference_mode():
        assert torch.equal(network(batch), list(outputs.values())[-1])
    for row in walk(spec).rows:
        assert outputs[row.name].shape == (2, *row.shape)
        assert not outputs[row.name].requires_grad


@pytest.mark.parametrize("name", ["input", *NAMES])
def test_from_every_layer_on_it_is_the_network_to_the_bit(name):
    network, outputs = ready(batch=2)
    with torch.no_grad():
        assert torch.equal(logits_from(network, outputs[name], name), outputs[LAST])


def test_one_layers_output_needs_none_of_those_after_it():
    spec = replace(EVERY_KIND, layers=(*EVERY_KIND.layers[:4], Flatten()))
    network, outputs = ready()
    small = filled(spec)
    assert torch.equal(output_of(small, outputs["input"], "pool1"), outputs["pool1"])
    with pytest.raises(UserError, match=r"no layer named input\. Layers: conv1"):
        output_of(network, outputs["input"], "input")


@pytest.mark.parametrize("name", ["input", "conv1", "pool1", "tanh2"])
def test_gradients_flow_back_to_the_layer_and_nowhere_else(name):
    """Against central differences, in double precision, of the hooked module."""
    network = filled(weight=2.0).double()
    outputs = activations(network, picture(scale=3.0).double())
    off = {"pool1": [1, 4], "norm2": [0], "fc3": [3, 5]}
    values = outputs[name].clone().requires_grad_(True)
    logits = logits_from(network, values, name, off)
    (gradient,) = torch.autograd.grad(logits[0, 2], values)
    assert not any(parameter.grad is not None for parameter in network.parameters())
    assert values.grad is None

    direction = torch.randn(values.shape, generator=torch.Generator().manual_seed(7)).double()

    def logit(step):
        moved = (outputs[name] + step * direction).detach()
        if name == "input":
            return logits_of(network, moved, off)[0, 2]
        mine = hooked(network, off)
        key = module_keys(EVERY_KIND.layers)[NAMES.index(name)]
        mine.get_submodule(key).register_forward_hook(lambda *_: moved, prepend=True)  # before the switches
        return mine(outputs["input"])[0, 2]

    difference = float(logit(1e-7) - logit(-1e-7)) / 2e-7
    assert difference != 0
    assert float((gradient * direction).sum()) == pytest.approx(difference, rel=1e-4)


def test_no_gradient_goes_through_a_channel_that_is_off():
    network, outputs = ready(weight=2.0, scale=3.0)
    values = outputs["relu1"].clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(logits_from(network, values, "relu1", {"relu1": [2, 3]})[0, 0], values)
    by_channel = gradient[0].flatten(1).abs().sum(dim=1)
    assert not by_channel[2:4].any()
    assert by_channel[[0, 1, 4, 5, 6, 7]].any()


@pytest.mark.parametrize(
    ("layer", "off", "words"),
    [
        ("conv9", {}, "no layer named conv9. Layers: input, conv1"),
        ("input", {"conv9": []}, "no layer named conv9. Layers: conv1"),
        ("input", {"input": [0]}, "no layer named input. Layers: conv1"),
        ("input", {"conv1": [8]}, "conv1 has no channel 8. Its channels go from 0 to 7."),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(layer, off, words):
    network, outputs = ready()
    with pytest.raises(UserError) as problem:
        logits_from(network, outputs["input"], layer, off)
    assert words in str(problem.value)


def test_a_network_in_training_is_refused_before_it_changes():
    network = filled().train()
    before = condition(network)
    with pytest.raises(ValueError, match="training mode"):
        activations(network, picture())
    assert condition(network) == before
