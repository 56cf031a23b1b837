"""A whole network in one line of text, for links: `?net=3x227x227_conv96k11s4_relu_lrn_pool3s2_..._fc9216-4096`.

    written = write_spec(spec)
    spec = read_spec(written)      # the same network, or a UserError

A link is a stranger's words: every number is bounded, and nothing but layers can come out of it.
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from math import isfinite
from string import Formatter
from typing import Any, get_args

from alexnet_viz.errors import UserError
from alexnet_viz.network.spec import RECORDS, Layer, Shape, Spec

MAX_LAYERS = 64
MAX_SIDE = 1024  # pixels of the input
MAX_INPUT_CHANNELS = 512
MAX_CHANNELS = 8192
MAX_UNITS = 2_000_000  # inputs of a fully connected layer
MAX_KERNEL = 64
MAX_LENGTH = 4000  # characters

_SEPARATOR = "_"

# Each kind's word, with its settings where they are written.
_WORDS: Mapping[str, str] = {
    "conv": "conv{channels}k{kernel}s{stride}p{padding}g{groups}",
    "pool": "{mode}{kernel}s{stride}p{padding}",
    "adaptive_pool": "adapt{size}",
    "lrn": "lrn{size}a{alpha}b{beta}k{k}g{groups}",
    "batch_norm": "bn",
    "activation": "{function}",
    "dropout": "drop{rate}",
    "flatten": "flat",
    "linear": "fc{inputs}-{outputs}",
}
_HIGHEST = {"kernel": MAX_KERNEL, "stride": MAX_KERNEL, "padding": MAX_KERNEL, "inputs": MAX_UNITS}  # else MAX_CHANNELS
_INT = r"\d{1,7}"
_FLOAT = r"\d{1,6}(?:\.\d{1,6})?(?:e-?\d{1,3})?"


def write_spec(spec: Spec) -> str:
    """The network as text that a URL carries without escaping."""
    parts = ["x".join(map(str, spec.input)), *map(_write, spec.layers)]
    if spec.rounding == "ceil":
        parts.append("ceil")
    return _SEPARATOR.join(parts)


def read_spec(text: str) -> Spec:
    """The network that a text writes. Raises `UserError` for anything else."""
    if len(text) > MAX_LENGTH:
        raise _unreadable(text[:40] + "...")
    first, *rest = text.split(_SEPARATOR)
    rounding = "ceil" if rest and rest[-1] == "ceil" else "floor"
    words = rest[:-1] if rounding == "ceil" else rest
    if not words or len(words) > MAX_LAYERS:
        raise _unreadable(first)
    return Spec(_read_input(first), tuple(map(_read, words)), "ceil" if rounding == "ceil" else "floor")


def _write(layer: Layer) -> str:
    settings = {name: _decimal(value) if isinstance(value, float) else value for name, value in vars(layer).items()}
    return _WORDS[layer.kind].format(**settings)


def _decimal(number: float) -> str:
    """Six digits, as `_number` reads them; without the plus of 1e+06, which a URL would make a space."""
    return f"{number:g}".replace("+", "")


def _pattern(record: type[Layer]) -> str:
    """The regular expression of a kind's word, a named group for each setting."""
    types = {item.name: item.type for item in fields(record)}

    def group(name: str) -> str:
        choices = "|".join(get_args(types[name])) or (_FLOAT if types[name] is float else _INT)
        return f"(?P<{name}>{choices})"

    return "".join(text + (group(name) if name else "") for text, name, _, _ in Formatter().parse(_WORDS[record.kind]))


_PATTERNS: Mapping[str, type[Layer]] = {_pattern(record): record for record in RECORDS.values()}


def _read(word: str) -> Layer:
    for pattern, record in _PATTERNS.items():
        if match := re.fullmatch(pattern, word, re.ASCII):
            types = {item.name: item.type for item in fields(record)}
            try:
                return record(
                    **{name: _setting(record, name, types[name], text) for name, text in match.groupdict().items()}
                )
            except ValueError as problem:
                raise _unreadable(word) from problem
    raise _unreadable(word)


def _setting(record: type[Layer], name: str, type_: Any, text: str) -> Any:
    """A setting's value. Raises `ValueError` where it is out of bounds."""
    if type_ is float:
        number = float(f"{float(text):g}")  # no more digits than are written
        if not isfinite(number):
            raise ValueError("not finite")
        return number
    return (
        _whole(text, MAX_KERNEL if record.kind == "adaptive_pool" else _HIGHEST.get(name, MAX_CHANNELS))
        if type_ is int
        else text
    )


def _read_input(word: str) -> Shape:
    match = re.fullmatch(f"({_INT})x({_INT})x({_INT})", word, re.ASCII)
    try:
        sizes = zip(match.groups() if match else (), (MAX_INPUT_CHANNELS, MAX_SIDE, MAX_SIDE), strict=True)
        return tuple(_whole(text, most, lowest=1) for text, most in sizes)
    except ValueError as problem:
        raise _unreadable(word) from problem


def _whole(text: str, most: int, lowest: int = 0) -> int:
    if not lowest <= int(text) <= most:
        raise ValueError("out of bounds")
    return int(text)


def _unreadable(word: str) -> UserError:
    return UserError(
        "The link holds no network that can be read; this part of it is unknown or out of bounds: {part}. "
        "Ask for the link again, or start from one of the networks in the list.",
        part=word[:60],
    )
