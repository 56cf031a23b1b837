"""Captured outputs: equal to the layers run one by one, copies, and no hook left."""

import pytest
import torch

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.by_hand import activations
from alexnet_viz.inspection.capture import capture
from alexnet_viz.network.build import view
from alexnet_viz.network.spec import layer_names
from tests.inspection.attribution.attribution_models import WITH_LRN, array_of, condition, model_of

torch.set_num_threads(1)


@pytest.fixture
def network():
    return view(model_of(WITH_LRN).network)


@pytest.fixture
def batch(network):
    return torch.from_numpy(array_of(model_of(WITH_LRN)))[None]


def test_it_sees_what_the_layers_compute(network, batch):
    names = [name for name in layer_names(WITH_LRN.layers) if name != "flatten"]
    with capture(network, names) as seen:
        network(batch)
    expected = activations(network, batch)
    assert sorted(seen) == sorted(names)
    for name in names:
        assert torch.equal(seen[name], expected[name]), name


def test_outputs_are_copies_without_gradient(network, batch):
    with capture(network, ["conv1", "relu1"]) as seen:
        network.features[0].register_forward_hook(lambda module, inputs, output: output.mul_(0))
        network(batch.clone().requires_grad_(True))
    assert seen["conv1"].abs().sum() > 0, "copied before anybody changed it"
    assert seen["relu1"].abs().sum() == 0
    assert not seen["conv1"].requires_grad


def test_the_latest_pass_counts(network, batch):
    with capture(network, ["conv1"]) as seen:
        network(batch)
        network(batch * 2)
    assert torch.equal(seen["conv1"], activations(network, batch * 2)["conv1"])


@pytest.mark.parametrize("names", [["conv9"], ["conv1", "flatten"]])
def test_a_name_that_is_no_module(network, names):
    before = condition(network)
    with pytest.raises(UserError, match=f"no layer named {names[-1]}. Layers: conv1, relu1"), capture(network, names):
        pass
    assert condition(network) == before


def test_no_hook_is_left(network, batch, monkeypatch):
    before = condition(network)
    with capture(network, ["conv1", "fc4"]):
        assert condition(network)["hooks"] == 2
        network(batch)
    assert condition(network) == before

    def broken(self, batch):
        raise RuntimeError("broken")

    monkeypatch.setattr(torch.nn.MaxPool2d, "forward", broken)
    with pytest.raises(RuntimeError, match="broken"), capture(network, ["conv1"]) as seen:
        network(batch)
    assert list(seen) == ["conv1"]
    assert condition(network) == before
