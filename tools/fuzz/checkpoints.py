"""Hostile weight files: damaged ones, pickles that are programs, tensors and headers that claim what is not there."""

import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from alexnet_viz.network.build import random_state
from alexnet_viz.network.weights import open_model
from alexnet_viz.network.zoo import MODELS
from tools.class_folders import zipped
from tools.fuzz.watch import Attack
from tools.picture_files import mutated

STATE = random_state(MODELS["lenet5"].spec, seed=3)
LAST = "classifier.4"
EXTREMES = (-(2**63), -1, 0, 1, 2, 255, 2**16, 2**31 - 1, 2**32, 2**40, 2**63 - 1, 2**64, 2**200)

File = tuple[str, str, bytes]  # what it is, its suffix, its bytes


def saved(content: Any, *, old: bool = False) -> bytes:
    data = io.BytesIO()
    torch.save(content, data, _use_new_zipfile_serialization=not old)
    return data.getvalue()


_CHECKPOINT = {"state_dict": STATE, "epoch": 3, "optimizer": {"state": {0: {"step": 1}}, "param_groups": [{"lr": 0.1}]}}
SEEDS: Mapping[str, bytes] = {
    "plain.pth": saved(STATE),
    "before-1.6.pth": saved(STATE, old=True),
    "checkpoint.pth": saved(_CHECKPOINT),
    "plain.safetensors": save(STATE, metadata={"classes": json.dumps([f"c{i}" for i in range(10)])}),
}


# ---- Damaged --------------------------------------------------------------------------------------------------------


def damaged(chance: random.Random) -> File:
    name = chance.choice(list(SEEDS))
    return name, Path(name).suffix, mutated(chance, SEEDS[name])


def damaged_member(chance: random.Random) -> File:
    """One member of the archive, with right checksums around it."""
    members = unzipped(SEEDS[chance.choice(["plain.pth", "checkpoint.pth"])])
    name = chance.choice([*members, *[key for key in members if key.endswith("data.pkl")] * 20])
    members[name] = mutated(chance, members[name])
    return f"member {name}", ".pth", zipped(members)


def rearranged(chance: random.Random) -> File:
    """Members missing, swapped, renamed, too many, packed."""
    members = unzipped(SEEDS["plain.pth"])
    one, other = chance.sample(list(members), 2)
    bad_name = chance.choice(["../x", "/etc/passwd", "a\\b", "DATA.PKL", "other/data.pkl"])
    without = {name: data for name, data in members.items() if name != one}
    how = {
        "missing": without,
        "swapped": members | {one: members[other], other: members[one]},
        "renamed": without | {bad_name: members[one]},
        "many": members | {f"archive/data/{number}": bytes(10) for number in range(2000)},
        "packed": members,
        "long names": members | {f"{'n' * 60_000}{i}": b"" for i in range(200)},
    }
    what = chance.choice(list(how))
    return what, ".pth", zipped(how[what], zipfile.ZIP_DEFLATED if what == "packed" else zipfile.ZIP_STORED)


def unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {item.filename: archive.read(item) for item in archive.infolist()}


# ---- Programs -------------------------------------------------------------------------------------------------------

# Functions that no reader may call, each with arguments that would do harm.
CALLS: Sequence[tuple[str, str, tuple[Any, ...]]] = (
    *(("os", name, ("touch pwned",)) for name in ("system", "popen")),
    *(("posix", name, ("touch pwned",)) for name in ("system", "remove")),
    *(
        ("builtins", name, ("open('pwned', 'w')",))
        for name in ["eval", "exec", "compile", "__import__", "open", "getattr"]
    ),
    ("subprocess", "Popen", (["touch", "pwned"],)),
    ("shutil", "rmtree", ("/tmp/nothing",)),
    ("socket", "create_connection", (("127.0.0.1", 9),)),
    ("webbrowser", "open", ("http://127.0.0.1",)),
    ("runpy", "run_path", ("/etc/passwd",)),
    ("torch", "load", ("/etc/passwd",)),
    ("torch.hub", "load", ("user/repo", "model")),
    ("torch.storage", "_load_from_bytes", (b"x",)),
    ("torch._utils", "_rebuild_device_tensor_from_numpy", (1, 2, 3, 4)),
    ("torch", "FloatTensor", (6, 1, 5, 5)),  # memory as it lies there
    ("torch", "FloatStorage", (2**31,)),
    ("torch", "Tensor", (2**31,)),
    ("torch.nn.parameter", "Parameter", (1,)),
    ("numpy", "load", ("/etc/passwd",)),
    ("numpy.core.multiarray", "_reconstruct", (1, 2, 3)),
    ("builtins", "bytearray", (2**40,)),
    ("builtins", "set", ([1],)),
    ("collections", "Counter", ([1],)),
    ("collections", "OrderedDict", ([[[1], 2]],)),
    ("_codecs", "encode", ("x", "zip")),
    ("alexnet_viz.training.runs", "delete_run", (1,)),
)


def called(chance: random.Random) -> File:
    module, name, arguments = chance.choice(CALLS)
    made = code(arguments)
    function = f"c{module}\n{name}\n".encode()
    program = {
        "REDUCE": function + made + b"R",
        "NEWOBJ": function + made + b"\x81",
        "BUILD": function + b")\x81" + made + b"b",
        "INST": b"(" + made + f"i{module}\n{name}\n".encode(),
        "OBJ": b"(" + function + made + b"o",
        "STACK_GLOBAL": _text(module) + _text(name) + b"\x93" + made + b"R",
        "NEWOBJ_EX": function + made + b"}\x92",
        "BINPERSID": made + b"Q",
        "EXT1": b"\x82\x01" + made + b"R",
    }
    how = chance.choice(list(program))
    inside = chance.choice((program[how], _in_dict(program[how])))
    return f"{module}.{name} by {how}", ".pth", _program(chance, inside)


def endless(chance: random.Random) -> File:
    """Small programs with much to do."""
    programs = {
        "deep key": b"})" + b"\x85" * 400_000 + b"K\x01s",
        "wide key": b"})q\x00" + b"h\x00\x86q\x00" * 60 + b"K\x01s",
        "deep list": b"]" * 200_000 + b"a" * 199_999,
        "deep dict": (b"}" + _text("state_dict")) * 50_000 + b"}" + b"s" * 50_000,
        "wide list": b"]q\x00" + b"(h\x00h\x00lq\x00" * 60 + b")R",
        "in itself": b"}q\x00" + _text("state_dict") + b"h\x00s",
        "many steps": b"}" + b"N0" * 600_000,
        "many objects": b"](" + b"]" * 900_000 + b"e",
        "long number": b"}" + b"\x8a\xff" + b"\x7f" * 255 + b"K\x01s",
        "longer number": b"}" + b"\x8b" + struct.pack("<i", 500_000) + b"\x7f" * 500_000 + b"K\x01s",
        "digits": b"}I" + b"9" * 10_000 + b"\nK\x01s",
        "long text": b"}X\xff\xff\xff\xff" + b"a" * 1000,
        "memo": b"}" + b"".join(b"r" + struct.pack("<I", i * 4_000_037 % 2**32) for i in range(50_000)),
        "no end": b"}" * 10,
        "empty stack": b"s" * 10,
        "marks": b"(" * 100_000 + b"t" * 99_999,
    }
    name = chance.choice(list(programs))
    return name, ".pth", _program(chance, programs[name])


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()


def _in_dict(value: bytes) -> bytes:
    return b"}" + _text("features.0.weight") + value + b"s"


def _program(chance: random.Random, body: bytes) -> bytes:
    """A pickle as a file of its own, in an archive, or as the fourth of the old format."""
    program = b"\x80" + bytes([chance.choice((2, 2, 2, 4, 255))]) + body + b"."
    match chance.randrange(3):
        case 0:
            return program
        case 1:
            return zipped(unzipped(SEEDS["plain.pth"]) | {"archive/data.pkl": program})
    old = SEEDS["before-1.6.pth"]
    start = old.index(b"\x80\x02", old.index(b"type_sizes"))
    return old[:start] + program + pickle.dumps([], protocol=2)


# ---- Tensors --------------------------------------------------------------------------------------------------------


def absurd_tensor(chance: random.Random) -> File:
    """Sizes, strides, offsets and lengths that have nothing to do with what is stored."""
    count, offset, *rest = (chance.choice((150, 0, 1, 6, chance.choice(EXTREMES))) for _ in range(10))
    size, stride = rest[: chance.choice((0, 1, 2, 4))], rest[: chance.choice((0, 1, 2, 4))]
    kind = chance.choice(("Float", "Double", "Half", "Bool", "ComplexFloat", "QInt8", "Byte", "Untyped"))
    storage = b"(" + _text("storage") + f"ctorch\n{kind}Storage\n".encode() + _text("0") + _text("cpu") + code(count)
    layout = [code(offset), code(tuple(size)), code(tuple(stride))]
    arguments = [storage + b"tQ", *layout, b"\x89", b"ccollections\nOrderedDict\n)R"]
    rebuild = chance.choice(("_rebuild_tensor_v2", "_rebuild_tensor_v2", "_rebuild_tensor", "_rebuild_sparse_tensor"))
    tensor = f"ctorch._utils\n{rebuild}\n".encode() + b"(" + b"".join(arguments) + b"tR"
    program = b"\x80\x02" + _in_dict(tensor) + b"."
    members = unzipped(SEEDS["plain.pth"]) | {"archive/data.pkl": program}
    return f"{kind} {count} values, offset {offset}, size {size}, stride {stride}", ".pth", zipped(members)


def code(value: Any) -> bytes:
    """What a pickle says to make a plain value."""
    return pickle.dumps(value, protocol=2)[2:-1]


_KINDS = (torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int64, torch.bool, torch.complex64)
_VALUES = (float("nan"), float("inf"), -float("inf"), 3e38, 1e-45)


def wrong_state(chance: random.Random) -> File:
    """A sound file with a state dict that is none of ours: kinds, values, keys, shapes."""
    key, tensor = chance.choice(list(STATE.items()))
    rest = {name: other for name, other in STATE.items() if name != key}
    odd = tensor.clone()
    odd.view(-1)[chance.randrange(odd.numel())] = chance.choice(_VALUES)
    shapes = (tensor.unsqueeze(0), tensor.flatten(), *map(torch.zeros, [(), (0,), (1,) * 20, (0, 5, 5)]))
    new_name = chance.choice(["x", "", "classifier.9.bias", "classifier.99999.bias", "module." * 9, "\0", "ㄱ" * 999])
    outputs = chance.choice((0, 1, 3, 5000))
    states: Mapping[str, dict[str, torch.Tensor]] = {
        "kind": STATE | {key: tensor.to(chance.choice(_KINDS))},
        "value": STATE | {key: odd},
        "missing": rest,
        "renamed": rest | {new_name: tensor},
        "shape": STATE | {key: chance.choice(shapes)},
        "outputs": STATE | {f"{LAST}.weight": torch.zeros(outputs, 84), f"{LAST}.bias": torch.zeros(outputs)},
        "prefixed, and not": {f"module.{name}": other for name, other in STATE.items()} | {key: tensor.clone()},
        "many": STATE | {f"extra.{i}": torch.zeros(1) for i in range(3000)},
    }
    what = chance.choice(list(states))
    if chance.random() < 0.5:
        return f"state {what} {key}", ".safetensors", save(states[what])
    return f"state {what} {key}", ".pth", saved(states[what], old=chance.random() < 0.3)


# ---- Headers of safetensors -----------------------------------------------------------------------------------------

_DTYPES = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F6_E2M3", "F4", "I64", "U64", "I8", "BOOL")


def header(chance: random.Random) -> File:
    data = SEEDS["plain.safetensors"]
    length = int.from_bytes(data[:8], "little")
    claims, values = json.loads(data[8 : 8 + length]), data[8 + length :]
    match chance.randrange(9):
        case 0:
            long = b'{"__metadata__":[' + b"[]," * 3_000_000 + b"[]]}"
            return "a long header", ".safetensors", _with_header(long, values)
        case 1:
            length = chance.choice((*[number for number in EXTREMES if 0 <= number < 2**64], len(data), len(data) - 8))
            return f"header of {length} bytes", ".safetensors", struct.pack("<Q", length) + data[8:]
    key, other = chance.sample(list(STATE), 2)
    classes = ({"classes": json.dumps(["\u202e\0" * 50] * 10)}, {"classes": "[" * 50_000})
    what, lie = chance.choice(
        (
            ("data_offsets", chance.choices(EXTREMES, k=2)),
            ("data_offsets", claims[other]["data_offsets"]),
            ("shape", chance.choices(EXTREMES, k=chance.choice((0, 1, 4, 100)))),
            ("dtype", chance.choice((*_DTYPES, "C64", "F128", "", None, 5))),
            (chance.choice(("data_offsets", "shape")), chance.choice([None, "x", [0.5, 1], {}, [[]], [-1, 4]])),
            ("__metadata__", chance.choice((*classes, {"x": 1}, [], "x", None, {"a": {}}))),
            (chance.choice(("", "x" * 100_000, "\u202e", "__metadata__ ")), claims[key]),
        )
    )
    if what in claims[key]:
        claims[key][what] = lie
    else:
        claims[what] = lie
        if what != "__metadata__":
            del claims[key]  # it has another name now
    return f"header {what[:20]} {key}", ".safetensors", _with_header(json.dumps(claims).encode(), values)


def _with_header(header: bytes, values: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + values


# ---- The door -------------------------------------------------------------------------------------------------------

MAKERS: Sequence[Callable[[random.Random], File]] = (
    *(damaged, damaged_member, damaged_member, rearranged, called, called, endless, absurd_tensor, absurd_tensor),
    *(wrong_state, wrong_state, header, header),
)


def attack(chance: random.Random, number: int, given: Path) -> Attack:
    """From bytes as an upload comes, or from a file as the command line names it."""
    title, suffix, data = MAKERS[number % len(MAKERS)](chance)
    suffix = chance.choice((suffix, suffix, suffix, ".pth", ".safetensors"))
    if chance.random() < 0.5:
        return Attack(title, lambda: _meet(data, f"theirs{suffix}"))
    path = given / f"theirs{suffix}"
    path.write_bytes(data)
    return Attack(f"{title}, from a file", lambda: _meet(path, ""))


def _meet(file: Path | bytes, name: str) -> None:
    model = open_model(file, name)
    answer = model.network(torch.zeros(1, 1, 32, 32))
    assert answer.shape == (1, len(model.classes))
    assert all(parameter.isfinite().all() for parameter in model.network.parameters())
    assert all(name.isprintable() and 0 < len(name) <= 80 for name in model.classes)


def sound(given: Path) -> Sequence[Attack]:
    return [Attack(name, lambda name=name, data=data: _meet(data, name)) for name, data in SEEDS.items()]
