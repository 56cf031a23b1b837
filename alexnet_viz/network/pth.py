"""The tensors of a `.pth` file, read without torch's own reader: the pickle in it is looked at, and never run.

    state = read_pth(data)     # {"features.0.weight": Tensor, ...}

A pickle is a program for a small machine with a stack. Torch's `weights_only` reader refuses strange functions, but a
stranger's kilobyte still ends it: tuples in tuples as a key overflow the stack of the process or take hours to hash,
`bytearray` takes memory that no file has, `FloatTensor` shows what lay in memory before (all tried with torch 2.14,
tests/network/test_pth.py). This reader knows the two dozen instructions that a state dict is written with, calls
nothing, and makes None of whatever it does not know. A tensor is a note of where its values are, checked against what
the file has; only those of the state dict are read.
"""

import io
import pickletools
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import IO, Any

import torch
from torch import Tensor

from alexnet_viz.files.zips import open_zip

MOST_STEPS = 1_000_000  # instructions of a pickle; a state dict has about 20 for each tensor
MOST_LISTING = 2**20  # bytes of the archive's listing
MOST_AXES = 8
WRAPPERS = ("state_dict", "model")

_DTYPES = {
    "torch DoubleStorage": torch.float64,
    "torch FloatStorage": torch.float32,
    "torch HalfStorage": torch.float16,
    "torch BFloat16Storage": torch.bfloat16,
    "torch LongStorage": torch.int64,
    "torch IntStorage": torch.int32,
    "torch ShortStorage": torch.int16,
    "torch CharStorage": torch.int8,
    "torch ByteStorage": torch.uint8,
    "torch BoolStorage": torch.bool,
    "torch ComplexFloatStorage": torch.complex64,
    "torch ComplexDoubleStorage": torch.complex128,
}
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # how files of torch before 1.6 begin


@dataclass(frozen=True)
class _Name:
    """A function or class that a pickle names, "MODULE NAME". It is never imported."""

    text: str


class _Storage:
    """A row of values in the file, read when they are asked for, once for all tensors that share them."""

    def __init__(self, dtype: torch.dtype, count: int, read: Callable[[], bytes]) -> None:
        self.dtype = dtype
        self.count = count
        self._read = read
        self._values: Tensor | None = None

    def values(self) -> Tensor:
        if self._values is None:
            data = bytearray(self._read())
            if len(data) != self.count * self.dtype.itemsize:
                raise ValueError("a storage of another length")
            self._values = torch.frombuffer(data, dtype=self.dtype) if data else torch.empty(0, dtype=self.dtype)
        return self._values


@dataclass(frozen=True)
class _Stored:
    """A tensor in a file: every one of its values is there."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def tensor(self) -> Tensor:
        return self.storage.values().as_strided(self.size, self.stride, self.offset)


def read_pth(data: bytes) -> dict[Any, Any]:
    """The state dict that `torch.save` wrote into these bytes, in today's format or in that of torch before 1.6.

    A checkpoint that holds it under "state_dict" or "model" is understood. What is no tensor stays what it is, or is
    None. Raises ValueError, and whatever zip files and pickles raise, for anything else.
    """
    if not data.startswith(b"PK"):
        return _state(_read_stream(data))
    with open_zip(io.BytesIO(data), MOST_LISTING) as archive:
        return _state(_read_archive(archive, len(data)))


def _state(found: Any) -> dict[Any, Any]:
    for wrapper in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict):
        raise ValueError("no state dict")
    return {key: value.tensor() if isinstance(value, _Stored) else value for key, value in found.items()}


def _read_archive(archive: zipfile.ZipFile, room: int) -> Any:
    members = {item.filename: item for item in archive.infolist()}
    if any(item.compress_type != zipfile.ZIP_STORED for item in members.values()):
        raise ValueError("a packed member; torch stores them as they are")
    if sum(item.file_size for item in members.values()) > room:
        raise ValueError("members that lie over each other")
    (program,) = (name for name in members if name.rpartition("/")[2] == "data.pkl")
    folder = program.removesuffix("data.pkl")
    if f"{folder}byteorder" in members and archive.read(f"{folder}byteorder") != sys.byteorder.encode():
        raise ValueError("another byte order")
    machine = _Machine(lambda key, size: partial(archive.read, f"{folder}data/{key}"))
    return machine.run(io.BytesIO(archive.read(program)))


def _read_stream(data: bytes) -> Any:
    """Five pickles, then each storage: how many values in 8 bytes, and the values."""
    stream = io.BytesIO(data)
    if _Machine().run(stream) != _MAGIC or _Machine().run(stream) != _PROTOCOL:
        raise ValueError("no file of torch.save")
    if _Machine().run(stream)["little_endian"] is not (sys.byteorder == "little"):
        raise ValueError("another byte order")
    sizes: dict[str, int] = {}
    places: dict[str, slice] = {}

    def reader(key: str, size: int) -> Callable[[], bytes]:
        sizes[key] = size
        return lambda: data[places[key]]

    found = _Machine(reader).run(stream)
    keys = _Machine().run(stream)
    at = stream.tell()
    for key in keys:
        places[key] = slice(at + 8, at + 8 + sizes[key])
        at += 8 + sizes[key]
    return found


def _no_storages(key: str, size: int) -> Callable[[], bytes]:
    raise ValueError("a storage where there is none")


@dataclass
class _Machine:
    """Follows one pickle. `reader` tells how the bytes of a storage are got at, by its key and size in bytes."""

    reader: Callable[[str, int], Callable[[], bytes]] = _no_storages
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    storages: dict[str, _Storage] = field(default_factory=dict)

    def run(self, program: IO[bytes]) -> Any:
        for steps, (opcode, argument, _) in enumerate(pickletools.genops(program)):
            if steps > MOST_STEPS:
                raise ValueError("too long a pickle")
            if opcode.name == "STOP":
                return self.stack.pop()
            self._step(opcode.name, argument)
        raise ValueError("a pickle without an end")

    def _step(self, name: str, argument: Any) -> None:
        stack = self.stack
        match name:
            case "PROTO":
                pass
            case "BINUNICODE" | "SHORT_BINSTRING" | "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT":
                stack.append(argument)
            case "NONE" | "EMPTY_SET":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(name == "NEWTRUE")
            case "GLOBAL":
                stack.append(_Name(argument))
            case "EMPTY_TUPLE":
                stack.append(())
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "MARK":
                self.marks.append(len(stack))
            case "TUPLE":
                stack.append(tuple(self._since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._take(int(name[-1]))))
            case "APPEND" | "APPENDS":
                parts = self._take(1) if name == "APPEND" else self._since_mark()
                if isinstance(stack[-1], list):
                    stack[-1].extend(parts)
            case "SETITEM" | "SETITEMS":
                parts = self._take(2) if name == "SETITEM" else self._since_mark()
                if isinstance(stack[-1], dict):
                    _put(stack[-1], list(zip(parts[::2], parts[1::2], strict=True)))
            case "REDUCE":
                stack.append(_made(*self._take(2)))
            case "NEWOBJ":
                self._take(2)
                stack.append(None)
            case "BUILD":
                self._take(1)  # attributes beside the contents, such as the versions of a state dict
            case "BINPERSID":
                stack.append(self._storage(*self._take(1)))
            case "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case _:
                raise ValueError(f"an instruction that torch.save does not write: {name}")

    def _take(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise ValueError("an empty stack")
        return self._since(len(self.stack) - count)

    def _since_mark(self) -> list[Any]:
        return self._since(self.marks.pop())

    def _since(self, start: int) -> list[Any]:
        parts = self.stack[start:]
        del self.stack[start:]
        return parts

    def _storage(self, about: Any) -> _Storage | None:
        """("storage", type, key, device, count), and in old files a view, which none of today's have."""
        match about:
            case ("storage", _Name(kind), str(key), _, int(count), *view) if kind in _DTYPES and view in ([], [None]):
                if key not in self.storages:
                    dtype = _DTYPES[kind]
                    self.storages[key] = _Storage(dtype, count, self.reader(key, count * dtype.itemsize))
                return self.storages[key]
        return None


def _put(target: dict[Any, Any], items: list[Any]) -> None:
    """Keys are words and numbers: to hash anything else may never end."""
    for key, value in items:
        if not isinstance(key, str | int):
            raise ValueError("a key that is neither a word nor a number")
        target[key] = value


def _made(function: Any, arguments: Any) -> Any:
    """What calling the function would give, for the four that a state dict is written with; None for others."""
    name = function.text if isinstance(function, _Name) else ""
    match name, arguments:
        case "collections OrderedDict", ():
            return {}
        case "collections OrderedDict", (list(pairs),):  # as Python 2 wrote it
            target: dict[Any, Any] = {}
            _put(target, pairs)
            return target
        case "torch._utils _rebuild_tensor" | "torch._utils _rebuild_tensor_v2", (storage, offset, size, stride, *_):
            return _stored(storage, offset, size, stride)
        case "torch._utils _rebuild_parameter", (parameter, *_):
            return parameter
    return None


def _stored(storage: Any, offset: Any, size: Any, stride: Any) -> _Stored | None:
    """The tensor, if the storage has so many values, and has them where it says."""
    if not isinstance(storage, _Storage):
        return None
    axes = {len(size), len(stride)} if isinstance(size, tuple) and isinstance(stride, tuple) else set()
    if len(axes) != 1 or max(axes) > MOST_AXES:
        raise ValueError("a tensor whose sizes and strides do not belong together")
    if any(type(number) is not int or not 0 <= number < 2**40 for number in (offset, *size, *stride)):
        raise ValueError("a tensor whose sizes are none")
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if prod(size) and (last >= storage.count or prod(size) > storage.count):
        raise ValueError("a tensor that is larger than its storage")
    return _Stored(storage, offset, size, stride)
