"""A weights file of one's own: the network that it fits is found, whatever it is; hostile ones get one sentence."""

import io
import json
import os
import pickle
import re
import struct
import zipfile

import pytest
import safetensors.torch
import torch

from alexnet_viz.errors import UserError
from alexnet_viz.network.build import random_state
from alexnet_viz.network.sources import find_weights
from alexnet_viz.network.weights import load_model, open_model
from alexnet_viz.network.zoo import MODELS
from tools.catalogue import ROOT

torch.set_num_threads(1)


def pth(state, **how) -> bytes:
    data = io.BytesIO()
    torch.save(state, data, **how)
    return data.getvalue()


@pytest.fixture(scope="module")
def cifar():
    return random_state(MODELS["alexnet_cifar"].spec, seed=5)


@pytest.mark.parametrize("model_id", ["alexnet_200", "alexnet_cifar", "lenet5"])
@pytest.mark.parametrize("kind", ["pth", "legacy", "safetensors", "wrapped", "ddp"])
def test_the_network_that_a_file_fits_is_found(model_id, kind):
    state = random_state(MODELS[model_id].spec, seed=5)
    name, data = {
        "pth": lambda: ("a.pth", pth(state)),
        "legacy": lambda: ("a.pt", pth(state, _use_new_zipfile_serialization=False)),
        "safetensors": lambda: ("a.safetensors", safetensors.torch.save(state)),
        "wrapped": lambda: ("a.pth", pth({"state_dict": state, "epoch": 3})),
        "ddp": lambda: ("a.pth", pth({f"module.{key}": value for key, value in state.items()})),
    }[kind]()
    model = open_model(data, name)
    assert model.entry.id == model_id
    assert model.origin == "file"
    assert all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())


def test_the_seeds_own_script_writes_a_file_that_opens_and_predicts_identically(tmp_path):
    """Its second code block's class, saved as it saves: torch.save(model.state_dict(), 'alexnet_cifar10_best.pth')."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "seed.md").read_text(encoding="utf-8"), re.S)
    script = next(block for block in blocks if "class AlexNetCIFAR" in block)
    definition = script[script.index("class AlexNetCIFAR") : script.index("# 데이터 전처리")]
    names = {"torch": torch, "nn": torch.nn}
    exec(definition, names)
    theirs = names["AlexNetCIFAR"]().eval()
    path = tmp_path / "alexnet_cifar10_best.pth"
    torch.save(theirs.state_dict(), path)
    ours = open_model(path)
    x = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(ours.network(x), theirs(x), atol=1e-5)
    assert ours.entry.id == "alexnet_cifar"
    assert ours.classes[3] == "cat"


def test_a_hub_cache_in_torchvisions_layout_is_found_and_used(tmp_path, monkeypatch):
    """The true convolutions, which are shipped, with a random head, as if torch hub had fetched the file."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "home"))
    entry = MODELS["alexnet_torchvision"]
    assert find_weights(entry).origin == "random"
    state = random_state(entry.spec, seed=1)
    shipped = load_model("alexnet_200").network.state_dict()
    state |= {key: tensor for key, tensor in shipped.items() if key.startswith("features.")}
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.save(state, cache / entry.hub)
    model = load_model("alexnet_torchvision")
    assert model.origin == "hub"
    assert torch.equal(model.network.state_dict()["features.0.weight"], shipped["features.0.weight"])
    assert len(model.classes) == 1000


def test_the_home_folder_comes_before_the_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    (tmp_path / "weights").mkdir()
    path = tmp_path / "weights" / "lenet5.pth"
    torch.save(random_state(MODELS["lenet5"].spec, seed=2), path)
    assert load_model("lenet5").origin == "home"


def refusal(data: bytes, name: str) -> str:
    with pytest.raises(UserError) as raised:
        open_model(data, name)
    return str(raised.value)


def test_a_file_that_fits_nothing_is_told_what_differs(cifar):
    state = {**cifar, "features.3.weight": torch.zeros(99, 64, 3, 3)}
    del state["features.0.bias"]
    said = refusal(pth(state), "mine.pth")
    assert "mine.pth does not fit alexnet_cifar" in said
    assert "features.0.bias: - / 64" in said
    assert "features.3.weight: 99x64x3x3 / 192x64x3x3" in said


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_a_pickle_with_a_payload_does_not_run(tmp_path, cifar):
    trap = tmp_path / "ran"
    for data in (pickle.dumps(Payload(trap)), pth({**cifar, "x": Payload(trap)}), pth(Payload(trap))):
        assert "is not a weights file that can be opened" in refusal(data, "evil.pth")
    assert not trap.exists()


def test_truncated_files_get_one_sentence(cifar):
    for name, data in (("a.pth", pth(cifar)), ("a.safetensors", safetensors.torch.save(cifar))):
        for share in (0, 0.001, 0.3, 0.9, 0.999):
            assert "is not a weights file that can be opened" in refusal(data[: int(share * len(data))], name)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_numbers_are_named(cifar, value):
    state = {key: tensor.clone() for key, tensor in cifar.items()}
    state["features.6.weight"][0, 0, 0, 0] = value
    said = refusal(pth(state), "a.pth")
    assert "features.6.weight" in said
    assert "not finite" in said


def test_a_huge_header_takes_no_memory():
    for length in (2**63, 2**40, 10**9):
        assert "is not a weights file" in refusal(struct.pack("<Q", length) + b"{}", "a.safetensors")
    claims = {"features.0.weight": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}}
    header = json.dumps(claims).encode()
    assert "is not a weights file" in refusal(struct.pack("<Q", len(header)) + header, "a.safetensors")


def test_a_packed_zip_is_a_bomb_and_refused(cifar):
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(pth(cifar))) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for item in source.infolist():
            out.writestr(item.filename, source.read(item))
    assert "is not a weights file" in refusal(packed.getvalue(), "a.pth")


def test_a_tensor_that_claims_more_than_it_stores_is_refused():
    state = random_state(MODELS["lenet5"].spec)
    state["classifier.4.weight"] = torch.zeros(1).expand(90_000, 84)
    state["classifier.4.bias"] = torch.zeros(1).expand(90_000)
    assert "is not a weights file" in refusal(pth(state), "a.pth")


def test_a_file_over_the_limit_is_refused_before_it_is_read(monkeypatch, cifar):
    monkeypatch.setattr("alexnet_viz.network.weights.MAX_BYTES", 1000)
    assert "at most 0 MB" in refusal(pth(cifar), "a.pth")


def test_names_in_a_file_are_a_strangers_words(cifar):
    names = [f"<b>\x1b[31m{i}\n" + "x" * 500 for i in range(10)]
    model = open_model(safetensors.torch.save(cifar, {"classes": json.dumps(names)}), "a.safetensors")
    assert all(name.isprintable() and len(name) <= 80 for name in model.classes)
    for nonsense in ("[", "3", '{"a": 1}', json.dumps([1] * 10), "[" * 100_000):
        model = open_model(safetensors.torch.save(cifar, {"classes": nonsense}), "a.safetensors")
        assert model.classes[0] == "airplane"
