"""One value in a network, worked by hand with the real numbers.

outputs = activations(model.network, batch)              # {"input": ..., "conv1": ..., "relu1": ...}
worked = work(model.network, outputs, "conv1", channel=3, row=10, column=12)
worked.window * worked.kernel                            # (C, k, k): the products, also in worked.products
worked.total + worked.bias                               # what worked.result is, and the network's worked.output
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet_viz.inspection.activations import INPUT, Floats, activations
from alexnet_viz.network import spec
from alexnet_viz.network.build import Network, with_weights
from alexnet_viz.network.fields import Box, check_channel, check_layer, check_position, window_box

TOP = 10  # contributions shown of a fully connected layer's thousands


@dataclass(frozen=True, kw_only=True)
class _Worked:
    """Where the value stands, and what it is. A vector's units are its channels, at row 0 and column 0."""

    layer: str
    channel: int
    row: int
    column: int
    result: float  # worked out here, in double precision from the network's float32 values
    output: float  # what the network computed, in float32


@dataclass(frozen=True, kw_only=True)
class _Weighted(_Worked):
    """result = total + bias."""

    total: float  # of all inputs x weights
    bias: float
    activation: str  # name of the next layer if that is an activation, otherwise ""
    activated: float | None  # that layer's value here


@dataclass(frozen=True, kw_only=True)
class WorkedConv(_Weighted):
    """total = sum of products."""

    first_channel: int  # of the input channels that its group sees,
    last_channel: int  # this one included
    box: Box  # the window in the map that arrives; it may reach into the padding
    window: Floats  # (C, k, k), input channels of the group, rows, columns; zeros where padding
    inside: NDArray[np.bool_]  # (k, k), False where padding
    kernel: Floats  # (C, k, k)
    products: Floats  # (C, k, k)


@dataclass(frozen=True, kw_only=True)
class WorkedPool(_Worked):
    """The largest value of a window, or its mean: sum of the window / divisor."""

    mode: Literal["max", "avg"]
    box: Box  # the pixels of the map that arrives that are really there: padding is cut off
    window: Floats  # (rows, columns) of that box; empty if the window lies in padding alone (the result is then 0)
    winner: tuple[int, int] | None  # max: row and column in the map that arrives, the first one of equals
    divisor: int  # avg: pixels counted. The floor rule counts padding (as PyTorch does), the ceil rule does not


@dataclass(frozen=True, kw_only=True)
class WorkedLRN(_Worked):
    """denominator = (k + alpha / size * sum of squares) ** beta; result = value / denominator."""

    value: float
    first_neighbour: int  # channel of the first of `neighbours`
    neighbours: Floats  # (up to size,), values of the channels around it, itself included, its own group's only
    squares: float  # sum of the neighbours' squares
    k: float
    alpha: float
    beta: float
    size: int
    denominator: float


@dataclass(frozen=True, kw_only=True)
class WorkedLinear(_Weighted):
    """total = sum of all contributions, not only of the n that are shown."""

    inputs: int  # how many there are
    indices: NDArray[np.int64]  # (n,), of the inputs with the largest contributions, largest magnitude first
    values: Floats  # (n,), those inputs
    weights: Floats  # (n,)
    contributions: Floats  # (n,), value x weight

    @property
    def rest(self) -> float:
        """What all other inputs contribute together."""
        return self.total - float(self.contributions.sum(dtype=np.float64))


@dataclass(frozen=True, kw_only=True)
class WorkedBatchNorm(_Worked):
    """normalised = (value - mean) / sqrt(variance + epsilon); result = normalised * scale + shift."""

    value: float
    mean: float
    variance: float
    epsilon: float
    normalised: float
    scale: float
    shift: float


@dataclass(frozen=True, kw_only=True)
class WorkedActivation(_Worked):
    """result = function(value): relu max(0, x); tanh; sigmoid 1 / (1 + exp(-x))."""

    function: Literal["relu", "tanh", "sigmoid"]
    value: float


@dataclass(frozen=True, kw_only=True)
class WorkedDropout(_Worked):
    """The value as it came: dropout acts in training only."""

    rate: float
    value: float


@dataclass(frozen=True, kw_only=True)
class WorkedFlatten(_Worked):
    """The value as it came, and where it stood: a unit's number is (channel * height + row) * width + column."""

    source: tuple[int, ...]  # (channel, row, column), or (unit,) of what was flat already


Worked = (
    WorkedConv
    | WorkedPool
    | WorkedLRN
    | WorkedLinear
    | WorkedBatchNorm
    | WorkedActivation
    | WorkedDropout
    | WorkedFlatten
)


def work(
    network: Network,
    outputs: Mapping[str, Tensor],
    layer_name: str,
    channel: int,
    row: int = 0,
    column: int = 0,
    *,
    top: int = TOP,
) -> Worked:
    """One value of a layer, worked out from what arrived there, for the first picture of the batch.

    `outputs` come from `activations` of the same network. The arrays in the answer are copies. `top` is the number of
    contributions kept of a fully connected layer. Raises `UserError` for a layer or position that does not exist.
    """
    unit = _Unit(network, outputs, layer_name, channel, row, column)
    with np.errstate(all="ignore"):  # a stranger's weights may be huge; infinity is then the answer, as in torch
        match unit.layer:
            case spec.Conv() as layer:
                return _conv(unit, layer)
            case spec.Pool() as layer:
                return _pool(unit, layer)
            case spec.AdaptivePool() as layer:
                return _adaptive_pool(unit, layer)
            case spec.LRN() as layer:
                return _lrn(unit, layer)
            case spec.BatchNorm():
                return _batch_norm(unit)
            case spec.Activation(function):
                result = _ACTIVATIONS[function](unit.value)
                return WorkedActivation(**unit.at, result=result, function=function, value=unit.value)
            case spec.Dropout(rate):
                return WorkedDropout(**unit.at, result=unit.value, rate=rate, value=unit.value)
            case spec.Flatten():
                return _flatten(unit)
            case spec.Linear():
                return _linear(unit, top)


# ---- What is asked ---------------------------------------------------------------------------------------------------


def work_alone(layer: spec.Layer, maps: Floats, channel: int, row: int, column: int) -> Worked:
    """One value of a layer without weights, worked out from maps (C, H, W)."""
    network = with_weights(spec.Spec(maps.shape, (layer,)), {})
    outputs = activations(network, torch.from_numpy(maps)[None])
    return work(network, outputs, spec.layer_names((layer,))[0], channel, row, column)


class _Unit:
    """The value in question: its layer, what arrives there, and its place. Raises `UserError` if there is none."""

    def __init__(
        self, network: Network, outputs: Mapping[str, Tensor], name: str, channel: int, row: int, column: int
    ) -> None:
        names = spec.layer_names(network.spec.layers)
        check_layer(name, names)
        values = _first(outputs[name])
        check_channel(name, values.shape, channel)
        check_position(name, values.shape, row, column)
        number = names.index(name)
        layers = network.spec.layers
        self.layer: spec.Layer = layers[number]
        self.rounding: spec.Rounding = network.spec.rounding
        self.index = (channel, row, column)[: values.ndim]
        self.arriving = _first(outputs[names[number - 1] if number else INPUT])  # (C, H, W) or (N,)
        module = network.layers()[number]
        self.weights = {key: _plain(tensor) for key, tensor in module.state_dict().items()}
        self.epsilon = float(getattr(module, "eps", 0.0))
        follower = names[number + 1] if isinstance((*layers, None)[number + 1], spec.Activation) else ""
        self.follower, self.followed = follower, float(_first(outputs[follower])[self.index]) if follower else None
        self.at: dict[str, Any] = {
            "layer": name,
            "channel": channel,
            "row": row,
            "column": column,
            "output": float(values[self.index]),
        }

    @property
    def value(self) -> float:
        """What arrives at the same place, for layers that go value by value."""
        return float(self.arriving[self.index])

    def weighted(self, products: Floats, number: int) -> dict[str, Any]:
        """What a layer that sums inputs x weights has in common: its sum and bias, and the activation after it."""
        total, bias = _total(products), float(self.weights["bias"][number])
        after = {"activation": self.follower, "activated": self.followed}
        return {**self.at, **after, "total": total, "bias": bias, "result": total + bias}


def _first(batch: Tensor) -> Floats:
    return _plain(batch[0])


def _plain(tensor: Tensor) -> Floats:
    """The tensor's own memory where it is float32: to be read only."""
    array: Floats = tensor.detach().numpy().astype(np.float32, copy=False)
    return array


def _total(array: Floats) -> float:
    return float(array.sum(dtype=np.float64))


# ---- One function a kind ---------------------------------------------------------------------------------------------


def _conv(unit: _Unit, layer: spec.Conv) -> WorkedConv:
    channel, row, column = unit.index
    per_group = unit.arriving.shape[0] // layer.groups
    first = channel // (layer.channels // layer.groups) * per_group
    box = window_box(layer, row, column)
    window, inside = _padded(unit.arriving[first : first + per_group], box)
    kernel = unit.weights["weight"][channel].copy()
    products = window * kernel  # (C, k, k)
    return WorkedConv(
        **unit.weighted(products, channel),
        first_channel=first,
        last_channel=first + per_group - 1,
        box=box,
        window=window,
        inside=inside,
        kernel=kernel,
        products=products,
    )


def _padded(maps: Floats, box: Box) -> tuple[Floats, NDArray[np.bool_]]:
    """The part of the maps under the box, zeros outside them; and (rows, columns), True inside them."""
    real = box.clipped(*maps.shape[1:])
    rows = slice(real.top - box.top, real.bottom - box.top)
    columns = slice(real.left - box.left, real.right - box.left)
    window = np.zeros((len(maps), box.height, box.width), np.float32)
    inside = np.zeros(window.shape[1:], np.bool_)
    window[:, rows, columns] = maps[:, real.top : real.bottom, real.left : real.right]
    inside[rows, columns] = True
    return window, inside


def _pool(unit: _Unit, layer: spec.Pool) -> WorkedPool:
    box = window_box(layer, *unit.index[1:]).clipped(*unit.arriving.shape[1:])
    if layer.mode == "avg":
        return _pooled(unit, box, layer.kernel**2 if unit.rounding == "floor" else box.height * box.width)
    return _pooled(unit, box)


def _adaptive_pool(unit: _Unit, layer: spec.AdaptivePool) -> WorkedPool:
    """Window i of n pixels goes from floor(i * n / size) to ceil((i + 1) * n / size): windows may overlap."""
    (top, bottom), (left, right) = (
        (i * length // layer.size, -(-(i + 1) * length // layer.size))
        for i, length in zip(unit.index[1:], unit.arriving.shape[1:], strict=True)
    )
    return _pooled(unit, Box(top, left, bottom, right), (bottom - top) * (right - left))


def _pooled(unit: _Unit, box: Box, divisor: int | None = None) -> WorkedPool:
    """The mean of the window by this divisor, or without one its largest value; of an empty window 0."""
    window = unit.arriving[unit.index[0], box.top : box.bottom, box.left : box.right].copy()
    winner, result = None, 0.0
    if divisor is not None:
        result = _total(window) / max(divisor, 1)
    elif window.size:
        down, across = divmod(int(window.argmax()), window.shape[1])
        winner, result = (box.top + down, box.left + across), float(window[down, across])
    mode: Literal["max", "avg"] = "max" if divisor is None else "avg"
    return WorkedPool(**unit.at, result=result, mode=mode, box=box, window=window, winner=winner, divisor=divisor or 0)


def _lrn(unit: _Unit, layer: spec.LRN) -> WorkedLRN:
    channel, row, column = unit.index
    per_group = unit.arriving.shape[0] // layer.groups
    start = channel // per_group * per_group
    first = max(start, channel - layer.size // 2)  # an even size has one neighbour more before it than after it
    end = min(start + per_group, channel + (layer.size - 1) // 2 + 1)
    neighbours = unit.arriving[first:end, row, column].copy()
    squares = _total(np.square(neighbours, dtype=np.float64))
    denominator = np.float64(layer.k + layer.alpha / layer.size * squares) ** layer.beta
    return WorkedLRN(
        **unit.at,
        result=float(unit.value / denominator),
        value=unit.value,
        first_neighbour=first,
        neighbours=neighbours,
        squares=squares,
        k=layer.k,
        alpha=layer.alpha,
        beta=layer.beta,
        size=layer.size,
        denominator=float(denominator),
    )


def _linear(unit: _Unit, top: int) -> WorkedLinear:
    values = unit.arriving[unit.index[:-1]]  # (inputs,); without a Flatten before it, one row of one map
    weights = unit.weights["weight"][unit.index[-1]]
    contributions = values * weights
    largest = np.argsort(-np.abs(contributions), kind="stable")[:top]
    return WorkedLinear(
        **unit.weighted(contributions, unit.index[-1]),
        inputs=len(values),
        indices=largest,
        values=values[largest],
        weights=weights[largest],
        contributions=contributions[largest],
    )


def _batch_norm(unit: _Unit) -> WorkedBatchNorm:
    mean, variance, scale, shift = (
        float(unit.weights[key][unit.index[0]]) for key in ("running_mean", "running_var", "weight", "bias")
    )
    normalised = float((unit.value - mean) / np.sqrt(np.float64(variance + unit.epsilon)))
    return WorkedBatchNorm(
        **unit.at,
        result=normalised * scale + shift,
        value=unit.value,
        mean=mean,
        variance=variance,
        epsilon=unit.epsilon,
        normalised=normalised,
        scale=scale,
        shift=shift,
    )


def _flatten(unit: _Unit) -> WorkedFlatten:
    source = tuple(int(i) for i in np.unravel_index(unit.index[0], unit.arriving.shape))
    return WorkedFlatten(**unit.at, result=float(unit.arriving[source]), source=source)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))  # neither overflows


_ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "relu": lambda x: float(np.maximum(x, 0.0)),  # not max(): a not-a-number stays one
    "tanh": math.tanh,
    "sigmoid": _sigmoid,
}
