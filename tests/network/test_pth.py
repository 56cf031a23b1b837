"""`.pth` files without torch's reader: the tensors that torch reads, and nothing that a program in them asks for."""

import io
import pickle
import random
import struct
import zipfile
from contextlib import suppress

import pytest
import torch

from alexnet_viz.network import pth
from alexnet_viz.network.build import random_state
from alexnet_viz.network.pth import Contents, Foreign, Stored, read_pth
from alexnet_viz.network.zoo import MODELS
from tools.class_folders import zipped
from tools.fuzz import checkpoints

STATE = random_state(MODELS["lenet5"].spec, seed=11)


def saved(content, *, old=False, protocol=2):
    data = io.BytesIO()
    torch.save(content, data, _use_new_zipfile_serialization=not old, pickle_protocol=protocol)
    return data.getvalue()


def trained():
    """What a training script keeps: weights, optimizer, schedule, and this and that."""
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2))
    optimizer = torch.optim.AdamW(network.parameters())
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    more = {"epoch": 3, "best": 0.5, "args": {"sides": (32, 32), "note": None, "flags": [True, False]}, "mask": STATE}
    return {
        "state_dict": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "seen": torch.zeros(3, dtype=torch.bool),
        **more,
    }


FILES = {
    "state dict": STATE,
    "checkpoint": trained(),
    "parameters": {key: torch.nn.Parameter(tensor) for key, tensor in STATE.items()},
    "views": {"t": torch.arange(12.0).view(3, 4).t(), "part": torch.arange(12.0)[3:5], "one": torch.tensor(5)},
    "kinds": {str(kind): torch.ones(2, 3).to(kind) for kind in (torch.half, torch.bfloat16, torch.double, torch.int8)},
    "shared": {"a": STATE["features.0.weight"], "b": STATE["features.0.weight"]},
    "empty": {"a": torch.zeros(0), "b": torch.zeros(0, 5), "c": torch.zeros(())},
}


def assert_same(ours, theirs):
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, Stored)
        assert (ours.dtype, ours.shape) == (theirs.dtype, tuple(theirs.shape))
        assert torch.equal(ours.tensor(), theirs)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            assert_same(ours[key], value)
    elif isinstance(theirs, list | tuple):
        for mine, their in zip(ours, theirs, strict=True):
            assert_same(mine, their)
    elif theirs is None or isinstance(theirs, bool | int | float | str):
        assert ours == theirs


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("old", [False, True], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("name", FILES)
def test_the_same_content_as_torch_reads(name, old, protocol):
    """torch's safe reader knows protocol 2 alone, its other one all of them; these files are our own."""
    data = saved(FILES[name], old=old, protocol=protocol)
    assert_same(read_pth(data), torch.load(io.BytesIO(data), weights_only=False))


def test_no_values_are_read_before_somebody_asks(monkeypatch):
    read = []
    real = pth._Storage.values
    monkeypatch.setattr(pth._Storage, "values", lambda self: read.append(self) or real(self))
    content = read_pth(saved(trained()))
    assert not read
    content["state_dict"]["0.weight"].tensor()
    assert len(read) == 1


def test_ordered_dicts_of_python_2():
    start = b"\x80\x02ccollections\nOrderedDict\n"
    assert read_pth(archive(start + b"](](U\x01aK\x01ee\x85R.")) == {"a": 1}
    with pytest.raises(ValueError, match="unpack"):  # a pair of one
        read_pth(archive(start + b"](](U\x01aee\x85R."))


def test_a_file_of_another_byte_order_is_refused():
    members = checkpoints.unzipped(saved(STATE)) | {"archive/byteorder": b"big"}
    with pytest.raises(ValueError, match="byte order"):
        read_pth(zipped(members))


# ---- Programs -------------------------------------------------------------------------------------------------------


def archive(program):
    return zipped(checkpoints.unzipped(saved(STATE)) | {"archive/data.pkl": program})


def in_dict(value):
    return b"\x80\x02}X\x01\x00\x00\x00a" + value + b"s."


UNINITIALISED = in_dict(b"ctorch\nFloatTensor\nM\xe8\x03\x85R")
BYTES_OF_NOTHING = in_dict(b"cbuiltins\nbytearray\nJ\x00\x00\x10\x00\x85R")  # here 1 MiB


def test_torchs_own_reader_does_follow_such_programs():
    """Why there is another one. Tuples in tuples as a key would end this process, so they are not shown."""
    read = torch.load(io.BytesIO(archive(UNINITIALISED)), weights_only=True)
    assert read["a"].shape == (1000,)  # whatever lay in memory
    assert len(torch.load(io.BytesIO(archive(BYTES_OF_NOTHING)), weights_only=True)["a"]) == 2**20


@pytest.mark.parametrize(
    ("program", "name"), [(UNINITIALISED, "torch FloatTensor"), (BYTES_OF_NOTHING, "builtins bytearray")]
)
def test_of_what_a_program_would_make_there_is_only_its_name(program, name):
    made = read_pth(archive(program))["a"]
    assert isinstance(made, Foreign)
    assert made.name == name


@pytest.mark.parametrize(
    "program",
    [b"})" + b"\x85" * 400_000 + b"K\x01s", b"})q\x00" + b"h\x00\x86q\x00" * 60 + b"K\x01s"],
    ids=["deep", "wide"],
)
def test_keys_that_are_neither_words_nor_numbers_are_never_hashed(program):
    content = read_pth(archive(b"\x80\x02" + program + b"."))
    assert list(content.values()) == [1]
    assert not isinstance(next(iter(content)), tuple)


def test_keys_may_be_words_numbers_and_none():
    keys = {"a": 0, 1: 1, 2.5: 2, None: 3, False: 4}
    assert read_pth(saved(keys)) == keys


@pytest.mark.parametrize("old", [False, True], ids=["zip", "before 1.6"])
def test_whole_modules_are_known_as_such(old):
    made = read_pth(saved({"net": torch.nn.Linear(2, 2)}, old=old))["net"]
    assert isinstance(made, Foreign)
    assert (made.name, made.is_module) == ("torch.nn.modules.linear Linear", True)


def test_attributes_of_a_state_dict_are_kept():
    content = read_pth(saved(torch.nn.Linear(2, 2).state_dict()))
    assert isinstance(content, Contents)
    assert content.attributes["_metadata"][""] == {"version": 1}


def test_a_program_may_be_long_but_not_endless(monkeypatch):
    monkeypatch.setattr(pth, "MOST_STEPS", 100)
    assert read_pth(archive(b"\x80\x02}" + b"N" * 90 + b"}.")) == {}
    with pytest.raises(ValueError, match="too long"):
        read_pth(archive(b"\x80\x02}" + b"N" * 110 + b"}."))


@pytest.mark.parametrize(
    ("count", "offset", "size", "stride", "words"),
    [
        (150, 0, (150,), (1,), ""),
        (150, 149, (1,), (1,), ""),
        (150, 150, (1,), (1,), "larger"),
        (150, 1, (150,), (1,), "larger"),
        (150, 0, (151,), (1,), "larger"),
        (150, 0, (2, 2), (149, 1), "larger"),
        (150, 0, (151,), (0,), "larger"),  # one value, repeated
        (150, -1, (1,), (1,), "none"),
        (150, 0, (2,), (-1,), "none"),
        (150, 0, (2**50,), (0,), "none"),
        (150, 0, (1, 1), (1,), "together"),
        (150, 0, (1,) * 9, (1,) * 9, "together"),
        (151, 0, (150,), (1,), "another length"),
        (149, 0, (149,), (1,), "another length"),
    ],
)
def test_every_value_of_a_tensor_is_in_the_file(count, offset, size, stride, words):
    members = checkpoints.unzipped(saved({"a": torch.arange(150.0)}))
    text = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    layout = b"".join(map(checkpoints.code, (offset, tuple(size), tuple(stride))))
    arguments = text + checkpoints.code(count) + b"tQ" + layout + b"\x89N"
    program = in_dict(b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR")
    data = zipped(members | {"archive/data.pkl": program})
    if words:
        with pytest.raises(ValueError, match=words):
            read_pth(data)["a"].tensor()
    else:
        assert read_pth(data)["a"].tensor().tolist() == torch.arange(150.0).as_strided(size, stride, offset).tolist()


def test_members_that_claim_more_than_the_file_has_are_refused():
    data = bytearray(saved(STATE))
    at = data.index(b"PK\1\2")
    struct.pack_into("<II", data, at + 20, 2**31, 2**31)
    with pytest.raises((ValueError, zipfile.BadZipFile)):
        read_pth(bytes(data))


def test_values_that_were_damaged_are_noticed():
    data = saved(STATE)
    values = STATE["features.0.weight"].numpy().tobytes()
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        read_pth(data.replace(values, bytes(len(values))))["features.0.weight"].tensor()


def test_the_old_format_is_no_mere_pickle():
    for data in (b"", pickle.dumps(5, 2), pickle.dumps({}, 2), saved(STATE, old=True)[:-1000]):
        with pytest.raises(Exception, match=r".+"):
            read_pth(data)


def test_damaged_programs_raise_nothing_but_exceptions():
    chance = random.Random(0)
    for _ in range(300):
        with suppress(Exception):
            read_pth(checkpoints.damaged_member(chance)[2])
