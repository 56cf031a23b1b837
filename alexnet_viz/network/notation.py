"""A whole network in one line of text, for links: `?net=3x227x227_conv96k11s4_relu_lrn_pool3s2_..._fc9216-4096`.

    written = write_spec(spec)
    spec = read_spec(written)      # the same network, or a UserError

A link is a stranger's words: every number is bounded, and nothing but layers can come out of it.
"""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Literal

from alexnet_viz.errors import UserError
from alexnet_viz.network.spec import (
    LRN,
    Activation,
    AdaptivePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Pool,
    Shape,
    Spec,
)

MAX_LAYERS = 64
MAX_SIDE = 1024  # pixels of the input
MAX_INPUT_CHANNELS = 512
MAX_CHANNELS = 8192
MAX_UNITS = 2_000_000  # inputs of a fully connected layer
MAX_KERNEL = 64
MAX_LENGTH = 4000  # characters

_SEPARATOR = "_"


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
    match layer:
        case Conv(channels, kernel, stride, padding, groups):
            return f"conv{channels}k{kernel}s{stride}p{padding}g{groups}"
        case Pool(kernel, stride, padding, mode):
            return f"{mode}{kernel}s{stride}p{padding}"
        case AdaptivePool(size):
            return f"adapt{size}"
        case LRN(size, alpha, beta, k, groups):
            return f"lrn{size}a{_decimal(alpha)}b{_decimal(beta)}k{_decimal(k)}g{groups}"
        case BatchNorm():
            return "bn"
        case Activation(function):
            return function
        case Dropout(rate):
            return f"drop{_decimal(rate)}"
        case Flatten():
            return "flat"
        case Linear(inputs, outputs):
            return f"fc{inputs}-{outputs}"


def _decimal(number: float) -> str:
    """Six digits, as `_real` reads them; without the plus of 1e+06, which a URL would make a space."""
    return f"{number:g}".replace("+", "")


_INT = r"(\d{1,7})"
_FLOAT = r"(\d{1,6}(?:\.\d{1,6})?(?:e-?\d{1,3})?)"

# Each word's pattern, and the record made of its groups.
_WORDS: Mapping[str, Callable[..., Layer]] = {
    f"conv{_INT}k{_INT}s{_INT}p{_INT}g{_INT}": lambda *n: Conv(
        *_whole(n, MAX_CHANNELS, *[MAX_KERNEL] * 3, MAX_CHANNELS)
    ),
    f"(max|avg){_INT}s{_INT}p{_INT}": lambda mode, *n: _pool(mode, *_whole(n, *[MAX_KERNEL] * 3)),
    f"adapt{_INT}": lambda n: AdaptivePool(*_whole([n], MAX_KERNEL)),
    f"lrn{_INT}a{_FLOAT}b{_FLOAT}k{_FLOAT}g{_INT}": lambda size, alpha, beta, k, groups: LRN(
        *_whole([size], MAX_CHANNELS), *_real(alpha, beta, k), *_whole([groups], MAX_CHANNELS)
    ),
    "bn": BatchNorm,
    "(relu|tanh|sigmoid)": Activation,
    f"drop{_FLOAT}": lambda rate: Dropout(*_real(rate)),
    "flat": Flatten,
    f"fc{_INT}-{_INT}": lambda *n: Linear(*_whole(n, MAX_UNITS, MAX_CHANNELS)),
}


def _read(word: str) -> Layer:
    for pattern, make in _WORDS.items():
        if match := re.fullmatch(pattern, word, re.ASCII):
            try:
                return make(*match.groups())
            except ValueError as problem:
                raise _unreadable(word) from problem
    raise _unreadable(word)


def _pool(mode: Literal["max", "avg"], kernel: int, stride: int, padding: int) -> Pool:
    return Pool(kernel, stride, padding, mode)


def _read_input(word: str) -> Shape:
    match = re.fullmatch(f"{_INT}x{_INT}x{_INT}", word, re.ASCII)
    if not match:
        raise _unreadable(word)
    try:
        return tuple(_whole(match.groups(), MAX_INPUT_CHANNELS, MAX_SIDE, MAX_SIDE, lowest=1))
    except ValueError as problem:
        raise _unreadable(word) from problem


def _whole(texts: Any, *highest: int, lowest: int = 0) -> list[int]:
    numbers = [int(text) for text in texts]
    if any(not lowest <= number <= most for number, most in zip(numbers, highest, strict=True)):
        raise ValueError("out of bounds")
    return numbers


def _real(*texts: str) -> list[float]:
    numbers = [float(f"{float(text):g}") for text in texts]  # no more digits than are written
    if not all(isfinite(number) for number in numbers):
        raise ValueError("not finite")
    return numbers


def _unreadable(word: str) -> UserError:
    return UserError(
        "The link holds no network that can be read; this part of it is unknown or out of bounds: {part}. "
        "Ask for the link again, or start from one of the networks in the list.",
        part=word[:60],
    )
