"""What the channels of a layer did with one picture, as numbers: statistics, orders, colour ranges, one channel.

    outputs = activations(model.network, batch)
    found = statistics(outputs["relu1"][0].numpy()) # one entry a channel
    order(found, "sparsity")                        # channel numbers

Fully connected layers are maps of one pixel: their units are channels, at row 0 and column 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet_viz.inspection.activations import Floats
from alexnet_viz.network.spec import Activation, Conv, Flatten, Linear, Spec, layer_names

BOUNDS: Mapping[str, tuple[float, float]] = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}  # a ReLU has no upper one
NEAR_BOUND = 0.01  # share of the range within which a value counts as saturated: there the slope is almost 0
MOSTLY = 0.9  # share of a channel's values that makes the whole channel saturated


@dataclass(frozen=True)
class Statistics:
    """One entry a channel, for one picture."""

    mean: Floats
    minimum: Floats
    maximum: Floats
    sparsity: Floats  # share of values that are not above zero: those that a ReLU makes, or has made, zero
    dead: NDArray[np.bool_]  # no value above zero; after a ReLU: zero everywhere
    saturated: NDArray[np.bool_]  # nearly all values at a bound of tanh or sigmoid; never where there is no bound

    def __len__(self) -> int:
        return len(self.mean)


def statistics(values: Floats, function: str = "") -> Statistics:
    """Statistics of a layer's output for one picture, (C, H, W) or (N,); `function` is its activation function."""
    flat = values.reshape(len(values), -1)  # (C, H * W)
    return Statistics(
        mean=flat.mean(1),
        minimum=flat.min(1),
        maximum=flat.max(1),
        sparsity=(flat <= 0).mean(1, dtype=np.float32),
        dead=flat.max(1) <= 0,
        saturated=_at_bounds(flat, function).mean(1) >= MOSTLY,
    )


def _at_bounds(flat: Floats, function: str) -> NDArray[np.bool_]:
    if function not in BOUNDS:
        return np.zeros(flat.shape, np.bool_)
    low, high = BOUNDS[function]
    margin = NEAR_BOUND * (high - low)
    return (flat <= low + margin) | (flat >= high - margin)


def activation_function(spec: Spec, layer_name: str) -> str:
    """The function of an activation layer, otherwise ""."""
    layer = spec.layers[layer_names(spec.layers).index(layer_name)]
    return layer.function if isinstance(layer, Activation) else ""


ORDERS: Mapping[str, Callable[[Statistics], NDArray[np.float32]]] = {
    "number": lambda found: np.arange(len(found), dtype=np.float32),
    "mean": lambda found: -found.mean,
    "maximum": lambda found: -found.maximum,
    "sparsity": lambda found: found.sparsity,
}


def order(found: Statistics, by: str) -> NDArray[np.intp]:
    """Channel numbers, those with most to show first; equals stay in order of their number."""
    return np.argsort(ORDERS[by](found), kind="stable")


def extreme(values: Floats) -> float:
    """The largest magnitude; what is no finite number does not count."""
    return float(np.abs(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)).max(initial=0.0))


def limits(layers: Mapping[str, Floats], layer_name: str, scale: str) -> Floats:
    """The magnitude of the strongest colour, one for each channel: `scale` is one of "unit", "layer", "all".

    "all" is the extreme over all layers, so that layers can be held against each other.
    """
    values = layers[layer_name]
    if scale == "unit":
        finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).reshape(len(values), -1)
        strongest: Floats = np.abs(finite).max(1, initial=0.0).astype(np.float32)
        return strongest
    shared = extreme(values) if scale == "layer" else max(map(extreme, layers.values()))
    return np.full(len(values), shared, np.float32)


def peak(channel: Floats) -> tuple[int, int]:
    """Row and column of a channel's largest value, (H, W) or a scalar; the first one of equals."""
    row, column = np.unravel_index(int(channel.argmax()), channel.shape or (1,)) if channel.ndim == 2 else (0, 0)
    return int(row), int(column)


def energy(values: Floats) -> Floats:
    """How strongly all channels together answer at each position, (C, H, W) -> (H, W): their root mean square."""
    squares: Floats = np.sqrt(np.square(values, dtype=np.float64).mean(0)).astype(np.float32)
    return squares


def histogram(values: Floats, bins: int = 40) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts and the edges of their bins, which always have an edge at zero: what a ReLU cuts stays apart."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    width = (high - low) / bins or 1.0
    edges = width * np.arange(np.floor(low / width), np.ceil(high / width) + 1)
    if len(edges) < 2:
        edges = np.array([0.0, width])
    counts, edges = np.histogram(values, np.append(edges[:-1], max(edges[-1], high)))
    return counts, edges


def weighted_layer(spec: Spec, layer_name: str) -> str:
    """The layer whose weights made these channels: the layer itself, or the last one before it that has weights.

    "" where there is none, and where a Flatten lies between: its units are no longer one filter's each.
    """
    names = layer_names(spec.layers)
    for name, layer in reversed(list(zip(names, spec.layers, strict=True))[: names.index(layer_name) + 1]):
        if isinstance(layer, Flatten):
            return ""
        if isinstance(layer, Conv | Linear):
            return name
    return ""
