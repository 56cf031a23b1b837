"""Weight files: read back as they were written, or refused in a sentence that names what is wrong."""

import contextlib
import hashlib
import io
import json
import os
import pickle
import zipfile
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save, save_file

from alexnet_viz.errors import UserError
from alexnet_viz.files.download import file_digest
from alexnet_viz.network import weights
from alexnet_viz.network.build import random_state
from alexnet_viz.network.sources import RANDOM, WeightsSource
from alexnet_viz.network.spec import Linear
from alexnet_viz.network.weights import load_model, open_model, read_state, with_names
from alexnet_viz.network.zoo import LISTED, MODELS
from alexnet_viz.words.labels import class_ids
from tests.network.networks import seed_class

torch.set_num_threads(1)

SPEC = MODELS["lenet5"].spec
LAST = "classifier.4"


@pytest.fixture(scope="module")
def state():
    return random_state(SPEC, seed=11)


@pytest.fixture
def nothing_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def written(path, state, metadata=None):
    if path.suffix == ".safetensors":
        save_file(state, path, metadata=metadata)
    else:
        torch.save(state, path)
    return WeightsSource("file", path)


def with_outputs(count):
    layers = (*SPEC.layers[:-1], replace(SPEC.layers[-1], outputs=count))
    return random_state(replace(SPEC, layers=layers), seed=11)


def refusal(source, model_id="lenet5"):
    with pytest.raises(UserError) as raised:
        load_model(model_id, source)
    return str(raised.value)


@pytest.mark.parametrize("name", ["mine.safetensors", "mine.pth", "mine.pt", "wants gradients.pth"])
def test_round_trip(tmp_path, state, name):
    parameters = {key: torch.nn.Parameter(tensor) for key, tensor in state.items()}
    source = written(tmp_path / name, parameters if "gradients" in name else state)
    model = load_model("lenet5", source)
    loaded = model.network.state_dict()
    assert list(loaded) == list(state)
    assert all(torch.equal(loaded[key], state[key]) for key in state)
    assert (model.entry, model.origin, model.trained) == (MODELS["lenet5"], "file", True)
    assert model.classes == tuple("0123456789")
    assert not any(module.training for module in model.network.modules())
    assert not any(parameter.requires_grad for parameter in model.network.parameters())


@pytest.mark.parametrize("name", ["mine.safetensors", "mine.pth"])
def test_half_precision_is_read_as_single(tmp_path, state, name):
    model = load_model("lenet5", written(tmp_path / name, {key: tensor.half() for key, tensor in state.items()}))
    assert {parameter.dtype for parameter in model.network.parameters()} == {torch.float32}
    assert torch.allclose(model.network.state_dict()[f"{LAST}.bias"], state[f"{LAST}.bias"], atol=1e-3)


# ---- classes --------------------------------------------------------------------------------------------------------


def test_the_class_count_is_read_from_the_last_bias(tmp_path):
    model = load_model("lenet5", written(tmp_path / "three.pth", with_outputs(3)))
    assert model.network.spec.layers[-1] == Linear(84, 3)
    assert model.classes == ("class 0", "class 1", "class 2")
    assert model.network(torch.zeros(1, 1, 32, 32)).shape == (1, 3)
    assert MODELS["lenet5"].spec.layers[-1] == Linear(84, 10)


@pytest.mark.parametrize(
    "classes",
    ["cat,dog", "", "null", "5", '["cat", ', '"abcdefghij"', '["cat", "dog"]', "[" * 100_000],
    ids=lambda text: text[:12],
)
def test_other_peoples_metadata_is_left_aside(tmp_path, state, classes):
    # "classes" is a common word: what it holds need not be ours, nor as many names as there are outputs.
    source = written(tmp_path / "a.safetensors", state, {"classes": classes, "format": "pt"})
    assert load_model("lenet5", source).classes == tuple("0123456789")


# ---- random weights -------------------------------------------------------------------------------------------------


def test_no_two_models_have_one_digest(nothing_installed):
    """What was computed of one would be shown for the other."""
    digests = {load_model(model_id, RANDOM).digest for model_id in MODELS}
    assert len(digests) == len(MODELS)


def test_without_a_file_weights_are_random_and_say_so(nothing_installed):
    first, second = load_model("lenet5"), load_model("lenet5", RANDOM)
    assert (first.origin, first.trained) == ("random", False)
    assert first.digest == second.digest
    assert first.classes == class_ids("digits")
    ours, theirs = first.network.state_dict(), second.network.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_weights_at_home_are_found(nothing_installed, tmp_path, monkeypatch, state):
    entry = replace(MODELS["lenet5"], hub="lenet.pth")
    monkeypatch.setattr("alexnet_viz.network.zoo.MODELS", {"lenet5": entry})
    (tmp_path / "home" / "weights").mkdir(parents=True)
    written(tmp_path / "home" / "weights" / "lenet.pth", state)
    model = load_model("lenet5")
    assert model.origin == "home"
    assert torch.equal(model.network.state_dict()[f"{LAST}.bias"], state[f"{LAST}.bias"])


def test_an_unknown_model_is_a_user_error():
    with pytest.raises(UserError, match="no model named"):
        load_model("vgg")


# ---- files that do not fit ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"features.0.weight": torch.zeros(6, 3, 5, 5)}, ["mine.pth", "features.0.weight: 6x3x5x5 / 6x1x5x5"]),
        ({"features.3.bias": None}, ["features.3.bias: - / 16"]),
        ({"features.9.weight": torch.zeros(1)}, ["features.9.weight: 1 / -"]),
    ],
    ids=["shape", "missing", "too many"],
)
def test_what_differs_is_named(tmp_path, state, change, parts):
    tensors = {key: tensor for key, tensor in (state | change).items() if tensor is not None}
    source = written(tmp_path / "mine.pth", tensors)
    with pytest.raises(UserError) as raised:
        open_model(source.path)
    for sentence in (refusal(source), str(raised.value)):
        assert all(part in sentence for part in [*parts, "does not fit lenet5", *LISTED])


def test_the_weights_of_another_model_are_refused(tmp_path, state):
    assert "does not fit" in refusal(written(tmp_path / "lenet.safetensors", state), "alexnet_cifar")


@pytest.mark.parametrize(
    "tensors",
    [
        {"classifier.bias": torch.zeros(10)},  # DenseNet's last layer
        {"classifier.head.bias": torch.zeros(10)},
        {"classifier.6.fc.bias": torch.zeros(10)},
        {"classifier.06.bias": torch.zeros(10)},
        {"classifier.٦.bias": torch.zeros(10)},  # an Arabic six, which int() reads
        {f"{LAST}.bias": torch.zeros(0)},
        {f"{LAST}.bias": torch.tensor(1.0)},
        {"fc.bias": torch.zeros(10)},
    ],
    ids=["no number", "a word", "deeper", "leading zero", "Arabic", "no outputs", "one number", "another name"],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_other_peoples_networks_are_refused(tmp_path, tensors, suffix):
    assert "does not fit" in refusal(written(tmp_path / f"theirs{suffix}", tensors))


@pytest.mark.parametrize("key", [0, 0.5, (1, 2), None, frozenset([1])])
def test_keys_that_are_no_words_lie_beside_the_weights(tmp_path, state, key):
    model = load_model("lenet5", written(tmp_path / "odd.pth", state | {key: torch.zeros(1)}))
    assert torch.equal(model.network.state_dict()[f"{LAST}.bias"], state[f"{LAST}.bias"])


ODD_TENSORS = {
    "sparse": torch.Tensor.to_sparse,
    "complex": lambda weight: weight.to(torch.complex64),
    "float8": lambda weight: weight.to(torch.float8_e4m3fn),  # finite, but no CPU arithmetic tells
    "quantised": lambda weight: torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8),
    "without values": lambda weight: weight.to("meta"),
    "one value repeated": lambda weight: weight[:1, :1].clone().expand(weight.shape),
    "ragged": lambda weight: torch.nested.nested_tensor([weight[0], weight[1, :5]]),
    "not a number": lambda weight: weight * float("nan"),
    "too large": lambda weight: weight.double() + 1e300,
}


@pytest.mark.filterwarnings("ignore")  # torch's own, while it writes and reads these
@pytest.mark.parametrize("kind", ODD_TENSORS)
def test_tensors_that_no_layer_can_use_are_refused_or_read_as_numbers(tmp_path, state, kind):
    source = written(
        tmp_path / "odd.pth", state | {"classifier.0.weight": ODD_TENSORS[kind](state["classifier.0.weight"])}
    )
    if kind == "float8":
        with contextlib.suppress(UserError):
            assert load_model("lenet5", source).network(torch.zeros(1, 1, 32, 32)).isfinite().all()
    else:
        said = refusal(source)
        assert "odd.pth" in said
        assert ("classifier.0.weight" in said and "not finite" in said) == (kind in ("not a number", "too large"))


# ---- files that are no weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gone.safetensors", "gone.pth"])
def test_a_missing_file_is_named(tmp_path, name):
    assert name in refusal(WeightsSource("file", tmp_path / name))


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth", "a.txt"])
@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"hello", b"\x80\x04.", b"PK\x03\x04 not a zip", b"\x02" + bytes(7) + b"{}"),
        *(length.to_bytes(8, "little") + b"{}" for length in (2**64 - 1, 2**63, 2**40, 10**9)),
    ],
    ids=[
        "empty",
        "text",
        "pickle",
        "zip",
        "no tensors",
        *(f"header of {n}" for n in ("2**64", "2**63", "2**40", "10**9")),
    ],
)
def test_what_is_no_weights_file_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    sentence = refusal(WeightsSource("file", path))
    assert name in sentence


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth"])
def test_a_folder_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    assert name in refusal(WeightsSource("file", tmp_path / name))


@pytest.mark.parametrize("cut", [10, 1000, 20_000, 100_000])
@pytest.mark.parametrize("name", ["a.safetensors", "a.pth"])
def test_a_file_cut_short_is_refused(tmp_path, state, name, cut):
    source = written(tmp_path / name, state)
    source.path.write_bytes(source.path.read_bytes()[:-cut])
    assert name in refusal(source)


@pytest.mark.parametrize(
    "content",
    [[1, 2], {}, {"state_dict": {}}, {"epoch": 3}, torch.zeros(3), None, torch.nn.Linear(2, 2)],
    ids=["list", "empty", "wrapped nothing", "number", "tensor", "nothing", "module"],
)
def test_a_pth_that_is_no_state_dict_is_refused(tmp_path, content):
    assert "is not a weights file" in refusal(written(tmp_path / "a.pth", content))


class Payload:
    """What a hostile file holds: reading it makes a folder, if anything in it is ever run."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("where", ["alone", "among tensors", "bare pickle"])
def test_nothing_in_a_file_is_run(tmp_path, state, where):
    made = tmp_path / "made"
    path = tmp_path / "hostile.pth"
    content = Payload(made) if where == "alone" else {**state, "features.0.weight": Payload(made)}
    if where == "bare pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path)
    assert "is not a weights file" in refusal(WeightsSource("file", path))
    assert not made.exists()


def test_the_payload_above_does_run_for_a_careless_reader(tmp_path):
    made = tmp_path / "made"
    pickle.loads(pickle.dumps(Payload(made)))
    assert made.is_dir()


def test_metadata_of_a_safetensors_file_is_read(tmp_path, state):
    path = tmp_path / "a.safetensors"
    save_file(state, path, metadata={"accuracy": "0.9"})
    tensors, metadata = read_state(path)
    assert metadata == {"accuracy": "0.9"}
    assert tensors.keys() == state.keys()
    save_file(state, path)
    assert read_state(path)[1] == {}


def test_a_suffix_in_capitals_is_the_same_suffix(tmp_path, state):
    save_file(state, tmp_path / "A.safetensors")
    (tmp_path / "A.safetensors").rename(tmp_path / "A.SAFETENSORS")
    assert read_state(tmp_path / "A.SAFETENSORS")[0].keys() == state.keys()


# ---- files of one's own ---------------------------------------------------------------------------------------------


def as_bytes(content, **how):
    buffer = io.BytesIO()
    torch.save(content, buffer, **how)
    return buffer.getvalue()


@pytest.mark.parametrize("model_id", ["alexnet_200", "alexnet_cifar", "lenet5"])
@pytest.mark.parametrize("kind", ["a.pth", "a.pt", "a.safetensors", "state_dict", "model", "module."])
def test_the_network_that_a_file_fits_is_found(tmp_path, model_id, kind):
    """Whatever writes it: torch of today and before 1.6, safetensors, a training script, DDP."""
    state = random_state(MODELS[model_id].spec, seed=5)
    name, data = {
        "a.pt": lambda: (kind, as_bytes(state, _use_new_zipfile_serialization=False)),
        "a.safetensors": lambda: (kind, save(state)),
        "module.": lambda: ("a.pth", as_bytes({f"module.{key}": value for key, value in state.items()})),
        "a.pth": lambda: (kind, as_bytes(state)),
    }.get(kind, lambda: ("a.pth", as_bytes({kind: state, "epoch": 3})))()
    path = tmp_path / name
    path.write_bytes(data)
    for model in (open_model(path), open_model(data, name), open_model(path, model_id=model_id)):
        assert (model.entry.id, model.origin) == (model_id, "file")
        assert model.digest == file_digest(path) == hashlib.sha256(data).hexdigest()
        assert all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())


def test_the_seeds_own_script_writes_a_file_that_opens_and_predicts_identically(tmp_path):
    """Its second code block's class, saved as it saves: torch.save(model.state_dict(), 'alexnet_cifar10_best.pth')."""
    theirs = seed_class("AlexNetCIFAR")().eval()
    path = tmp_path / "alexnet_cifar10_best.pth"
    torch.save(theirs.state_dict(), path)
    ours = open_model(path)
    x = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(ours.network(x), theirs(x), atol=1e-5)
    assert (ours.entry.id, ours.classes) == ("alexnet_cifar", class_ids("cifar10"))


def test_a_hub_cache_in_torchvisions_layout_is_found_and_used(nothing_installed, tmp_path):
    """The true convolutions, which are shipped, with a random head, as if torch hub had fetched the file."""
    entry = MODELS["alexnet_torchvision"]
    assert load_model(entry.id).origin == "random"
    shipped = load_model("alexnet_200").network.state_dict()
    state = random_state(entry.spec, seed=1) | {key: shipped[key] for key in shipped if key.startswith("features.")}
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.save(state, cache / entry.hub)
    model = load_model("alexnet_torchvision")
    assert model.origin == "hub"
    assert torch.equal(model.network.state_dict()["features.0.weight"], shipped["features.0.weight"])
    assert len(model.classes) == 1000


def test_two_keys_that_become_one_are_refused(state):
    with pytest.raises(UserError):
        open_model(as_bytes(state | {f"module.{LAST}.bias": torch.zeros(10)}), "twice.pth")


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "MAX_BYTES", 2**20)
    path = tmp_path / "large.pth"
    with path.open("wb") as file:
        file.truncate(2**20 + 1)
    for content in (path, path.read_bytes()):
        with pytest.raises(UserError, match="at most 1 MB"):
            open_model(content, "large.pth")


def test_a_packed_archive_is_refused_unread(tmp_path, state):
    stored = zipfile.ZipFile(io.BytesIO(as_bytes(state)))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in stored.infolist():
            archive.writestr(item.filename, stored.read(item))
    with pytest.raises(UserError, match="is not a weights file"):
        open_model(packed.getvalue(), "bomb.pth")


@pytest.mark.parametrize("metadata", [None, [], "x", {"classes": None}, {"classes": 5}])
def test_strange_metadata_is_refused_or_left_aside(tmp_path, state, metadata):
    """The same from bytes as from a path."""
    plain = save(state)
    length = int.from_bytes(plain[:8], "little")
    header = json.dumps(json.loads(plain[8 : 8 + length]) | {"__metadata__": metadata}).encode()
    path = tmp_path / "odd.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + plain[8 + length :])
    answers = []
    for content in (path, path.read_bytes()):
        try:
            answers.append(open_model(content, path.name).classes)
        except UserError as problem:
            answers.append(str(problem))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["고양이", "dog"], ("고양이", "dog")),
        (["a\nb", "c\x1b[31m"], ("ab", "c[31m")),
        (["a" * 500, "b"], ("a" * 80, "b")),
        (["cat", "cat"], ("class 0", "class 1")),
        (["cat", ""], ("class 0", "class 1")),
        (["cat", 5], ("class 0", "class 1")),
    ],
    ids=["plain", "unprintable", "long", "twice", "empty", "number"],
)
def test_class_names_are_read_from_the_file_and_made_harmless(names, classes):
    content = save(with_outputs(2), metadata={"classes": json.dumps(names)})
    assert open_model(content, "a.safetensors").classes == classes


def test_a_header_that_claims_more_than_the_file_has_is_refused():
    claims = {"features.0.weight": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}}
    with pytest.raises(UserError, match="is not a weights file"):
        open_model(with_header(json.dumps(claims).encode()), "a.safetensors")


def with_header(header, values=b""):
    return len(header).to_bytes(8, "little") + header + values


@pytest.mark.parametrize("from_file", [False, True])
def test_a_header_that_would_become_gigabytes_is_refused_unread(tmp_path, monkeypatch, from_file):
    """A list in JSON takes three bytes, and 64 in memory."""
    content = with_header(b'{"__metadata__":[' + b"[]," * 1_000_000 + b"[]]}")
    monkeypatch.setattr(json, "loads", lambda text: pytest.fail("read"))
    path = tmp_path / "long.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not a weights file"):
        open_model(path if from_file else content, path.name)


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F4", "BOOL", "U32", "C64"])
def test_numbers_of_rare_kinds_are_refused(state, dtype):
    plain = save(state)
    length = int.from_bytes(plain[:8], "little")
    header = json.loads(plain[8 : 8 + length])
    header[f"{LAST}.bias"]["dtype"] = dtype
    with pytest.raises(UserError):
        open_model(with_header(json.dumps(header).encode(), plain[8 + length :]), "odd.safetensors")


def test_more_values_than_the_largest_file_has_are_refused(state, monkeypatch):
    """Of one byte each they would take four times as much memory as the file."""
    monkeypatch.setattr(weights, "MAX_VALUES", sum(tensor.numel() for tensor in state.values()) - 1)
    with pytest.raises(UserError, match="is not a weights file"):
        open_model(as_bytes({key: tensor.to(torch.int8) for key, tensor in state.items()}), "many.pth")


# ---- class names ----------------------------------------------------------------------------------------------------

TEN = [f"thing {i}" for i in range(10)]
IN_ORDER = {name: number for number, name in enumerate(TEN)}


def test_names_are_never_assumed_in_silence(state):
    model = open_model(as_bytes(state), "mine.pth")
    assert (model.classes, model.names) == (class_ids("digits"), "assumed")
    assert any("are assumed" in str(remark) for remark in model.remarks)
    model = open_model(as_bytes(with_outputs(3)), "mine.pth")
    assert model.names == "none"
    assert any("numbered" in str(remark) for remark in model.remarks)


def test_networks_of_ours_and_published_files_have_their_names(nothing_installed):
    assert load_model("alexnet_200").remarks == ()
    assert load_model("lenet5", RANDOM).remarks == ()


@pytest.mark.parametrize(
    "beside",
    [
        {"classes": TEN},
        {"class_names": tuple(TEN)},
        {"class_to_idx": IN_ORDER},
        {"idx_to_class": dict(enumerate(TEN))},
        {"hyper_parameters": {"labels": TEN}},
    ],
    ids=lambda beside: next(iter(beside)),
)
def test_names_that_lie_beside_the_weights_are_taken(state, beside):
    model = open_model(as_bytes({"state_dict": state, **beside}), "mine.pth")
    assert (model.classes, model.names) == (tuple(TEN), "known")
    assert model.remarks == ()


@pytest.mark.parametrize("said", [TEN, IN_ORDER, {str(number): name for number, name in enumerate(TEN)}])
@pytest.mark.parametrize("key", ["classes", "class_to_idx", "id2label"])
def test_names_in_the_metadata_of_safetensors_are_taken(state, key, said):
    assert open_model(save(state, {key: json.dumps(said)}), "a.safetensors").classes == tuple(TEN)


def test_names_that_are_given_make_another_model_of_the_same_network(state):
    """Answers are cached by the digest, and hold the names."""
    model = open_model(as_bytes(state), "mine.pth")
    named = with_names(model, TEN)
    assert (named.classes, named.names, named.remarks) == (tuple(TEN), "known", ())
    assert named.network is model.network
    assert named.digest != model.digest
    assert named.digest[:16] == model.digest[:16]
    assert with_names(with_names(model, TEN[::-1]), TEN).digest == named.digest
    with pytest.raises(UserError, match="10 outputs, and these are 3"):
        with_names(model, TEN[:3])
