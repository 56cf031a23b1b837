"""What `torch.save` wrote, read without torch's own reader: the pickle in it is looked at, and never run.

    content = read_pth(data)     # {"state_dict": {"features.0.weight": Stored(...), ...}, "epoch": 3}
    content["state_dict"]["features.0.weight"].tensor()

A pickle is a program for a small machine with a stack. Torch's `weights_only` reader refuses strange functions, but a
stranger's kilobyte still ends it: tuples in tuples as a key overflow the stack of the process or take hours to hash,
`bytearray` takes memory that no file has, `FloatTensor` shows what lay in memory before (all tried with torch 2.14,
tests/network/test_pth.py). This reader knows the instructions that data are written with in the protocols 2 to 5,
calls nothing, and keeps of whatever else a program would make only what it is called. A tensor is a note of where its
values are, checked against what the file has; its values are read when they are asked for.
"""

import io
import pickletools
import sys
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
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
# Instructions by what they do: their argument is the value; they begin an empty one; they keep and fetch values.
_VALUES = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "SHORT_BINSTRING", "BINSTRING", "STRING"}
_VALUES |= {"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT"}
_MAKERS: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(("NONE", "EMPTY_SET", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), lambda: None),
    **{"NEWTRUE": lambda: True, "NEWFALSE": lambda: False},
    **{"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": lambda: Contents()},
}
_MEMO = {"GET", "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
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
class Stored:
    """A tensor in a file: every one of its values is there."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def dtype(self) -> torch.dtype:
        return self.storage.dtype

    def tensor(self) -> Tensor:
        """The values, read from the file once for all tensors that share them."""
        return self.storage.values().as_strided(self.shape, self.stride, self.offset)


class Contents(dict[Any, Any]):
    """A dict in a file, with the attributes that were set on it, such as the `_metadata` of a state dict."""

    attributes: Any = None


class Foreign:
    """Something that only running the file would make: an object, a function's result."""

    def __init__(self, name: str) -> None:
        self.name = name  # "MODULE NAME" of its class or function
        self.is_module = False  # an nn.Module, by the attributes that every one has


class _OtherKey:
    """Stands for a key that is neither a word nor a number: to hash what a stranger made may never end."""


class NotTorchError(ValueError):
    """The bytes are nothing that `torch.save` wrote."""


class CutOffError(ValueError):
    """The file ends before what it says it holds."""


def read_pth(data: bytes) -> Any:
    """What was given to `torch.save` (today's format, and that before 1.6), with `Stored` in place of tensors.

    Dicts are `Contents`; objects of classes are `Foreign`. Raises ValueError, and whatever zip files and pickles
    raise, for anything else.
    """
    if not data.startswith(b"PK"):
        return _read_stream(data)
    held = ExitStack()  # the archive lies in memory, and stays open for as long as something can read from it
    return _read_archive(held.enter_context(open_zip(io.BytesIO(data), MOST_LISTING)), len(data), held)


def _read_archive(archive: zipfile.ZipFile, room: int, held: ExitStack) -> Any:
    members = {item.filename: item for item in archive.infolist()}
    if any(item.compress_type != zipfile.ZIP_STORED for item in members.values()):
        raise ValueError("a packed member; torch stores them as they are")
    if sum(item.file_size for item in members.values()) > room:
        raise ValueError("members that lie over each other")
    (program,) = (name for name in members if name.rpartition("/")[2] == "data.pkl")
    folder = program.removesuffix("data.pkl")
    if f"{folder}byteorder" in members and archive.read(f"{folder}byteorder") != sys.byteorder.encode():
        raise ValueError("another byte order")
    machine = _Machine(lambda key, size: partial(_read_member, archive, f"{folder}data/{key}", held))
    return machine.run(io.BytesIO(archive.read(program)))


def _read_member(archive: zipfile.ZipFile, name: str, held: ExitStack) -> bytes:
    return archive.read(name)


def _read_stream(data: bytes) -> Any:
    """Five pickles, then each storage: how many values in 8 bytes, and the values."""
    stream = io.BytesIO(data)
    if not data.startswith(b"\x80") or _Machine().run(stream) != _MAGIC:
        raise NotTorchError("no file of torch.save")
    if _Machine().run(stream) != _PROTOCOL:
        raise NotTorchError("no file of torch.save")
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
    if at > len(data):
        raise CutOffError("values are missing")
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
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _MAKERS:
            self.stack.append(_MAKERS[name]())
        elif name in _MEMO:
            self._remember(name, argument)
        elif not (self._collected(name) or self._filled(name) or self._named(name, argument)):
            raise ValueError(f"an instruction that torch.save does not write: {name}")

    def _remember(self, name: str, argument: Any) -> None:
        if name.endswith("GET"):
            self.stack.append(self.memo[argument])
        else:
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = self.stack[-1]

    def _collected(self, name: str) -> bool:
        """Instructions that make one value of those on the stack."""
        stack = self.stack
        match name:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                self.marks.append(len(stack))
            case "TUPLE":
                stack.append(tuple(self._since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._take(int(name[-1]))))
            case "LIST":
                stack.append(self._since_mark())
            case "DICT":
                parts = self._since_mark()
                stack.append(_put(Contents(), list(zip(parts[::2], parts[1::2], strict=True))))
            case "FROZENSET":
                self._since_mark()
                stack.append(None)
            case "DUP":
                stack.append(stack[-1])
            case "POP" if self.marks and self.marks[-1] == len(stack):
                self.marks.pop()
            case "POP":
                self._take(1)
            case "POP_MARK":
                self._since_mark()
            case _:
                return False
        return True

    def _filled(self, name: str) -> bool:
        """Instructions that put something into the value on top of the stack."""
        stack = self.stack
        match name:
            case "APPEND" | "APPENDS":
                parts = self._take(1) if name == "APPEND" else self._since_mark()
                if isinstance(stack[-1], list):
                    stack[-1].extend(parts)
            case "ADDITEMS":
                self._since_mark()
            case "SETITEM" | "SETITEMS":
                parts = self._take(2) if name == "SETITEM" else self._since_mark()
                if isinstance(stack[-1], Contents):
                    _put(stack[-1], list(zip(parts[::2], parts[1::2], strict=True)))
            case "BUILD":
                (attributes,) = self._take(1)
                if isinstance(stack[-1], Contents):
                    stack[-1].attributes = attributes
                elif isinstance(stack[-1], Foreign) and isinstance(attributes, dict):
                    stack[-1].is_module = "_modules" in attributes and "_parameters" in attributes
            case _:
                return False
        return True

    def _named(self, name: str, argument: Any) -> bool:
        """Instructions that name something to be called, or a storage."""
        stack = self.stack
        match name:
            case "GLOBAL":
                stack.append(_Name(argument))
            case "STACK_GLOBAL":
                module, attribute = self._take(2)
                if not isinstance(module, str) or not isinstance(attribute, str):
                    raise ValueError("a name that is no word")
                stack.append(_Name(f"{module} {attribute}"))
            case "REDUCE":
                stack.append(_made(*self._take(2)))
            case "NEWOBJ":
                stack.append(_made(*self._take(2)))
            case "NEWOBJ_EX":
                stack.append(_made(*self._take(3)[:2]))
            case "BINPERSID":
                stack.append(self._storage(*self._take(1)))
            case _:
                return False
        return True

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

    def _storage(self, about: Any) -> _Storage | _Name | None:
        """("storage", type, key, device, count), and in old files a view, which none of today's have.

        Old files also name the classes of modules so, with their source: ("module", class, file, source).
        """
        match about:
            case ("module", _Name() as name, *_):
                return name
            case ("storage", _Name(kind), str(key), _, int(count), *view) if kind in _DTYPES and view in ([], [None]):
                if key not in self.storages:
                    dtype = _DTYPES[kind]
                    self.storages[key] = _Storage(dtype, count, self.reader(key, count * dtype.itemsize))
                return self.storages[key]
        return None


def _put(target: Contents, items: list[Any]) -> Contents:
    for key, value in items:
        target[key if key is None or isinstance(key, str | int | float) else _OtherKey()] = value
    return target


def _made(function: Any, arguments: Any) -> Any:
    """What calling the function would give, for those that a state dict is written with; `Foreign` for others."""
    name = function.text if isinstance(function, _Name) else ""
    match name, arguments:
        case "collections OrderedDict" | "builtins dict" | "__builtin__ dict", ():
            return Contents()
        case "collections defaultdict", (_,):
            return Contents()
        case "collections Counter", (Contents() as counts,):
            return counts
        case "collections OrderedDict", (list(pairs),):  # as Python 2 wrote it
            return _put(Contents(), pairs)
        case "torch._utils _rebuild_tensor" | "torch._utils _rebuild_tensor_v2", (storage, offset, size, stride, *_):
            return _stored(storage, offset, size, stride) or Foreign("torch Tensor")
        case "torch._utils _rebuild_parameter" | "torch._utils _rebuild_parameter_with_state", (parameter, *_):
            return parameter
        case "torch._tensor _rebuild_from_type_v2", (_Name() as rebuild, _, tuple(parts), _):
            return _made(rebuild, parts) if "_rebuild_from_type" not in rebuild.text else Foreign(name)
        case "torch Size", (tuple(sizes),):
            return sizes
    return Foreign(name)


def _stored(storage: Any, offset: Any, size: Any, stride: Any) -> Stored | None:
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
    return Stored(storage, offset, size, stride)
