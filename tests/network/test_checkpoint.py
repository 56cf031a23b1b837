"""Weights in whatever people save: found wherever they lie, or the file is named for what it is."""

import pytest
import torch
from safetensors.torch import save as save_safetensors
from torch import nn

from alexnet_viz.errors import UserError
from alexnet_viz.network import weights
from alexnet_viz.network.weights import open_model, read_state
from tests.network.checkpoints import HOLDERS, LIGHTNING, NO_WEIGHTS, STATE, prefixed, saved

torch.set_num_threads(1)


def assert_is_state(model):
    assert model.entry.id == "lenet5"
    assert all(torch.equal(tensor, STATE[key]) for key, tensor in model.network.state_dict().items())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("new", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("name", HOLDERS)
def test_the_weights_are_found(name, new, protocol):
    data = saved(HOLDERS[name], _use_new_zipfile_serialization=new, pickle_protocol=protocol)
    assert_is_state(open_model(data, "mine.ckpt"))


@pytest.mark.parametrize("name", [name for name in HOLDERS if name.startswith("prefix") or name == "SWA"])
def test_prefixes_are_taken_off_in_safetensors_too(name):
    assert_is_state(open_model(save_safetensors(HOLDERS[name]), "mine.safetensors"))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".pth.tar", ""])
def test_the_reader_is_chosen_by_the_content(tmp_path, suffix):
    for number, data in enumerate((saved(STATE), save_safetensors(STATE))):
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(data)
        assert_is_state(open_model(path))
        assert_is_state(open_model(data, path.name))


def test_what_lies_among_the_weights_and_is_none_of_them_is_named():
    (note,) = open_model(saved(LIGHTNING), "a.ckpt").notes
    assert "criterion.weight, train_acc.tp" in str(note)
    assert not open_model(saved(HOLDERS["SWA"]), "a.pth").notes


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict_ema": prefixed("", {k: v + 1 for k, v in STATE.items()}), "state_dict": STATE},
        prefixed("model.") | prefixed("ema.", {key: value + 1 for key, value in STATE.items()}),
    ],
    ids=["two dicts", "one dict"],
)
def test_of_two_sets_of_weights_one_is_taken_and_both_are_named(content):
    model = open_model(saved(content), "two.pth")
    assert_is_state(model)
    (note,) = model.notes
    assert "2 sets" in str(note)
    assert "ema" in str(note)


def test_layers_beside_the_network_are_not_left_aside():
    """A network with a branch of its own beside an AlexNet answers something else."""
    for more in ({"branch.weight": torch.zeros(5, 7)}, {"norm.weight": torch.ones(3), "norm.bias": torch.ones(3)}):
        with pytest.raises(UserError, match=r"branch\.weight|norm\.weight"):
            open_model(saved(prefixed("net.") | more), "branched.pth")


@pytest.mark.filterwarnings("ignore")  # torch's own, about TorchScript
@pytest.mark.parametrize("name", NO_WEIGHTS)
def test_what_is_no_weights_file_is_named_for_what_it_is(tmp_path, name):
    make, words = NO_WEIGHTS[name]
    data = make()
    path = tmp_path / "given.pth"
    path.write_bytes(data)
    for file in (path, data):
        with pytest.raises(UserError) as raised:
            open_model(file, "given.pth")
        said = str(raised.value)
        assert all(word in said for word in ["given.pth", "is not a weights file", *words]), said


@pytest.mark.parametrize("state", ["resnet", "vgg", "mlp"])
def test_another_architecture_is_shown_beside_the_nearest_network(state):
    states = {
        "resnet": {"conv1.weight": torch.zeros(64, 3, 7, 7), "bn1.weight": torch.zeros(64), "fc.bias": torch.zeros(9)},
        "vgg": {"features.0.weight": torch.zeros(64, 3, 3, 3), "features.2.weight": torch.zeros(64, 64, 3, 3)},
        "mlp": nn.Sequential(nn.Linear(784, 10)).state_dict(),
    }
    expected = {"resnet": "conv1.weight (64x3x7x7)", "vgg": "features.0.weight (64x3x3x3)", "mlp": "0.weight (10x784)"}
    with pytest.raises(UserError) as raised:
        open_model(saved({"state_dict": states[state]}), "theirs.pth")
    said = str(raised.value)
    assert expected[state] in said
    assert "nearest" in said
    if state == "vgg":
        assert "alexnet_cifar is the nearest" in said, "their first layers have the same shape"


def test_a_file_that_is_too_large_says_how_to_save_the_weights_alone(monkeypatch):
    monkeypatch.setattr(weights, "MAX_BYTES", 1000)
    with pytest.raises(UserError, match=r'torch\.save\(torch\.load\("big\.ckpt".*\["state_dict"\]'):
        open_model(saved(STATE), "big.ckpt")


def test_two_keys_for_one_tensor_are_named():
    with pytest.raises(UserError, match=r"classifier\.4\.bias and module\.classifier\.4\.bias"):
        open_model(saved(STATE | {"module.classifier.4.bias": torch.zeros(10)}), "twice.pth")


def test_other_networks_weights_are_read_without_their_wrappers():
    state = {"conv.weight": torch.zeros(2, 3, 3, 3), "head.fc.weight": torch.ones(2, 2)}
    for content in (state, {"model": prefixed("module.", state)}, prefixed("_orig_mod.net.", state)):
        assert read_state(saved(content), "a.pth")[0].keys() == state.keys()
    head = {"fc.weight": torch.zeros(2, 2), "fc.bias": torch.zeros(2)}
    assert read_state(saved(head), "a.pth")[0].keys() == head.keys()
