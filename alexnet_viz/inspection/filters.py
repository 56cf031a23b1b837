"""A network's kernels (the paper's figure 3), what can be measured of each, and the order and groups to show them in.

    weights = kernels(model.network, "conv1")                    # (64, 3, 11, 11), a copy
    measured = statistics(weights, streams(spec, "conv1"), rgb=sees_rgb(spec, "conv1"))
    order(measured, "frequency")                                 # filter numbers, coarse gratings first
    grouped(measured, "colour")                                  # [("colour", numbers), ("grey", numbers)]
    rgb_tiles(weights)                                           # (64, 11, 11, 3), a picture of each filter

Orientation is that of the stripes, not of the wave across them: degrees counter-clockwise from horizontal as the
kernel is drawn (row 0 on top). 0 is horizontal stripes, 45 rises to the right, 90 is vertical, 135 falls to the right.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.activations import Floats
from alexnet_viz.network.build import Network
from alexnet_viz.network.fields import check_layer
from alexnet_viz.network.spec import LRN, Conv, Layer, Linear, Spec, kernel_layers, layer_names
from alexnet_viz.pictures.render import colour_tiles

Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]  # filter numbers, from 0

Scale = Literal["filter", "layer"]

PREFERRED = 0.5  # selectivity from which a filter has an orientation: most power lies there; noise in 11 x 11 gets 0.3
NEAR = 22.5  # degrees on either side of an orientation: four such sectors make the half circle
COLOURED = 0.5  # share of the energy above which a filter counts as colour: there is more of it than of grey
DEAD = 0.1  # share of the layer's median norm down to which a filter counts as dead
DUPLICATE = 0.95  # cosine, whatever its sign, from which a filter repeats an earlier one

_FINER = 8  # bins of the padded spectrum for each one that a kernel's own pixels give
_ROUNDING = 1e-12  # share of a kernel's power below which a number is nothing but rounding
_CHUNK = 512  # filters compared at once: 8 MB of cosines for 4096
_SKETCH = 256  # dimensions in which filters are first compared
_MARGIN = 0.05  # of a cosine there: eight times its standard deviation


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """One entry a filter, (N,) each. A fully connected layer's units are measured as kernels of one pixel."""

    norm: Numbers  # L2, over the whole kernel
    mean: Numbers  # of its weights
    orientation: Numbers  # degrees of the stripes, 0 <= a < 180, as the module says; nan without a preferred one
    frequency: Numbers  # cycles per pixel of the strongest grating; 0 if the mean is stronger: a blob, or one pixel
    selectivity: Numbers  # 0..1, share of the power beside the mean that lies within NEAR of the strongest grating
    colour: Numbers  # 0..1, share of the energy left without each pixel's mean over R, G, B; nan if these are not seen
    dead: NDArray[np.bool_]  # the norm is at most DEAD times the layer's median
    duplicate_of: Indices  # the first earlier filter of the same group with |cosine| >= DUPLICATE; -1 if none
    group: Indices  # the stream it belongs to, from 0


# ---- The kernels -----------------------------------------------------------------------------------------------------


def kernels(network: Network, layer_name: str) -> Floats:
    """A copy of a layer's weights: (filters, input channels / groups, k, k), fully connected (units, inputs)."""
    number = _number(network.spec, layer_name)
    known = kernel_layers(network.spec)
    if layer_name not in known:
        raise UserError("{layer} has no kernels. Layers that have: {known}.", layer=layer_name, known=", ".join(known))
    weight = network.layers()[number].get_parameter("weight").detach()
    copy: Floats = weight.numpy().astype(np.float32)
    return copy


def sees_rgb(spec: Spec, layer_name: str) -> bool:
    """Whether each of the layer's filters sees the picture's own red, green and blue."""
    layer = spec.layers[_number(spec, layer_name)]
    return isinstance(layer, Conv) and layer_name == "conv1" and layer.groups == 1 and spec.input[0] == 3


def streams(spec: Spec, layer_name: str) -> int:
    """Into how many streams a layer's filters fall: 2 on the paper's two GPUs (section 3.5), otherwise 1.

    Its own groups say so, or those of what reads it: conv1 sees the whole picture, and half of it is on each GPU.
    """
    groups = [layer.groups for layer in _up_to_the_next(spec, layer_name) if isinstance(layer, Conv | LRN)]
    return next((count for count in groups if count > 1), 1)


def _up_to_the_next(spec: Spec, layer_name: str) -> Iterator[Layer]:
    """The named layer, what follows it, and the next layer with kernels."""
    start = _number(spec, layer_name)
    yield spec.layers[start]
    for layer in spec.layers[start + 1 :]:
        yield layer
        if isinstance(layer, Conv | Linear):
            return


def _number(spec: Spec, layer_name: str) -> int:
    names = layer_names(spec.layers)
    check_layer(layer_name, names)
    return names.index(layer_name)


# ---- What is measured ------------------------------------------------------------------------------------------------


def statistics(kernels: Floats, groups: int = 1, rgb: bool = False) -> Statistics:
    """Every measure of every filter, from `kernels` (N, C, k, k) or (N, inputs).

    `groups` is the number of streams, `rgb` whether the three input channels are red, green and blue.
    Orientation and frequency are read off the power spectrum summed over the input channels, padded with zeros. They
    are good to 3 degrees and 10 % where a grating fits into a kernel more than one and a half times; where it does not,
    and in 3 x 3 kernels, they are rough. A spot with a surround has its ring's frequency and no orientation.
    """
    maps = kernels.reshape(*kernels.shape[:2], *(kernels.shape[2:] or (1, 1)))  # (N, C, k, k)
    flat = kernels.reshape(len(kernels), -1)
    norm = _norms(flat)
    group = np.arange(len(kernels)) * groups // len(kernels)
    gratings = np.array([_grating(kernel) for kernel in maps])  # (N, 3)
    return Statistics(
        norm=norm,
        mean=flat.mean(axis=1, dtype=np.float64),
        orientation=gratings[:, 0],
        frequency=gratings[:, 1],
        selectivity=gratings[:, 2],
        colour=_colour(maps) if rgb else np.full(len(maps), np.nan),
        dead=norm <= DEAD * np.median(norm),
        duplicate_of=_duplicates(flat, norm, group),
        group=group,
    )


def _norms(flat: Floats) -> Numbers:
    norms: Numbers = np.sqrt(np.einsum("ij,ij->i", flat, flat, dtype=np.float64))
    return norms


def _grating(kernel: Floats) -> tuple[float, float, float]:
    """Orientation, frequency and selectivity of one kernel (C, k, k)."""
    weights = _fewer_channels(kernel.astype(np.float64))
    beside = weights - weights.mean(axis=(1, 2), keepdims=True)  # the mean's own peak would bury a weaker grating
    if np.square(beside).sum() <= _ROUNDING * np.square(weights).sum():
        return np.nan, 0.0, 0.0
    whole, power = _power(weights), _power(beside)
    row, column = divmod(int(power.argmax()), len(power))
    down, right = _refined(power, row, column)
    orientation = float(_stripes(down, right))
    frequencies = np.fft.fftfreq(len(power))
    turned = _stripes(frequencies[:, None], frequencies) - orientation
    near = np.abs((turned + 90) % 180 - 90) <= NEAR  # 179 and 1 are 2 degrees apart
    selectivity = float(power[near].sum() / power.sum())
    frequency = float(np.hypot(down, right)) if whole[row, column] > whole[0, 0] else 0.0
    return orientation if selectivity >= PREFERRED else np.nan, frequency, selectivity


def _fewer_channels(kernel: Numbers) -> Numbers:
    """At most k * k channels with the same summed power at every frequency, instead of hundreds.

    That power is a sum over pairs of pixels p, q of sum_c w[c, p] w[c, q], and R of a QR decomposition keeps these.
    """
    channels, height, width = kernel.shape
    _, upper = np.linalg.qr(kernel.reshape(channels, -1))
    return upper.reshape(-1, height, width)


def _power(kernel: Numbers) -> Numbers:
    """The padded power spectrum, summed over the channels: rows and columns in the order of `np.fft.fftfreq`."""
    side = _FINER * kernel.shape[-1]
    spectrum = np.fft.fft2(kernel, (side, side))
    power: Numbers = (spectrum.real**2 + spectrum.imag**2).sum(axis=0)
    return power


def _refined(power: Numbers, row: int, column: int) -> tuple[float, float]:
    """The top of the paraboloid through a peak and its eight neighbours, in cycles per pixel down and to the right."""
    rows, columns = ((i + np.arange(-1, 2)) % len(power) for i in (row, column))
    (nw, n, ne), (w, centre, e), (sw, s, se) = power[np.ix_(rows, columns)] / power[row, column]
    slope = np.array([s - n, e - w]) / 2
    mixed = (se - sw - ne + nw) / 4
    bend = np.array([[s - 2 * centre + n, mixed], [mixed, e - 2 * centre + w]])
    step = np.linalg.lstsq(bend, -slope)[0].clip(-1, 1)  # not solve(): along a ridge nothing bends
    down, right = ((np.array([row, column]) + step) / len(power) + 0.5) % 1 - 0.5
    return float(down), float(right)


def _stripes(down: ArrayLike, right: ArrayLike) -> Numbers:
    """Degrees, 0 <= a < 180, of the stripes of a wave with so many cycles per pixel down and to the right."""
    across = np.degrees(np.arctan2(-np.asarray(down), right))  # rows count downwards, angles turn upwards
    stripes: Numbers = (across + 90) % 180
    return np.where(stripes < 180, stripes, 0.0)  # a rounded -1e-20 % 180 is 180


def _colour(maps: Floats) -> Numbers:
    """Of (N, 3, k, k). A kernel of zeros has no colour."""
    weights = maps.astype(np.float64)
    energy = np.square(weights).sum(axis=(1, 2, 3))
    coloured = np.square(weights - weights.mean(axis=1, keepdims=True)).sum(axis=(1, 2, 3))
    return _ratio(coloured, energy, 0.0)


def _ratio(part: Numbers, whole: Numbers, of_nothing: float) -> Numbers:
    ratios: Numbers = np.divide(part, whole, out=np.full(part.shape, of_nothing), where=whole > 0)
    return ratios


def _duplicates(flat: Floats, norm: Numbers, group: Indices) -> Indices:
    """Compared in pieces, and only those filters in full that resemble another one in a sketch of the layer."""
    directions = _directions(flat, norm)
    sketch = _sketch(directions)
    numbers = np.arange(len(flat))
    original = np.full(len(flat), -1)
    for start in range(0, len(flat), _CHUNK):
        these, before = numbers[start : start + _CHUNK], numbers[: start + _CHUNK]
        comparable = (before < these[:, None]) & (group[before] == group[these, None])
        resembling = (_cosines(sketch, these, before) >= DUPLICATE - _MARGIN) & comparable
        some = resembling.any(axis=1)
        these, comparable = these[some], comparable[some]
        alike = (_cosines(directions, these, before) >= DUPLICATE) & comparable
        original[these] = np.where(alike.any(axis=1), alike.argmax(axis=1), -1)
    return original


def _directions(flat: Floats, norm: Numbers) -> Floats:
    """Filters of length 1; those of zeros stay so."""
    directions = np.empty_like(flat)
    np.divide(flat, np.where(norm > 0, norm, 1.0)[:, None], out=directions, casting="same_kind")
    return directions


def _sketch(directions: Floats) -> Floats:
    """The directions in a random space of _SKETCH dimensions, where there are more: a fortieth of fc6's work.

    A cosine c comes out with an error of (1 - c * c) / 16 (its standard deviation): 0.006 at DUPLICATE.
    """
    inputs = directions.shape[1]
    if inputs <= _SKETCH:
        return directions
    projected = directions @ np.random.default_rng(0).standard_normal((inputs, _SKETCH), np.float32)
    return _directions(projected, _norms(projected))


def _cosines(directions: Floats, these: Indices, before: Indices) -> Floats:
    """(these, before), without their signs. `before` is 0, 1, 2, ...: its slice is not copied, as its rows would be."""
    cosines: Floats = np.abs(directions[these] @ directions[: len(before)].T)
    return cosines


def cosine(first: Floats, second: Floats) -> Numbers:
    """(N,): the cosine between filters of the same number in two checkpoints; nan where one of them is zero."""
    if first.shape != second.shape:
        raise UserError(
            "Filters can be compared one by one only in layers of the same shape; these are {first} and {second}. "
            "Choose a checkpoint of the same network.",
            first="x".join(map(str, first.shape)),
            second="x".join(map(str, second.shape)),
        )
    a, b = first.reshape(len(first), -1), second.reshape(len(second), -1)
    products = np.einsum("ij,ij->i", a, b, dtype=np.float64)
    return _ratio(products, _norms(a) * _norms(b), np.nan)


# ---- Order and groups ------------------------------------------------------------------------------------------------

# What filters are sorted by, smallest first.
ORDERS: Mapping[str, Callable[[Statistics], Numbers]] = {
    "number": lambda measured: np.arange(len(measured.norm), dtype=np.float64),
    "norm": lambda measured: -measured.norm,
    "orientation": lambda measured: measured.orientation,
    "frequency": lambda measured: measured.frequency,
    "colour": lambda measured: -measured.colour,
}


def order(statistics: Statistics, by: str) -> Indices:
    """Filter numbers in an order of `ORDERS`: largest norm and most colour first, otherwise the smallest value.

    Equals stay in the order of their numbers; filters without a value come last.
    """
    return np.argsort(ORDERS[by](statistics), kind="stable")


def grouped(statistics: Statistics, by: str) -> list[tuple[str, Indices]]:
    """The groups of a grouping of `GROUPINGS` that have filters: each group's id and its filters' numbers."""
    parts = GROUPINGS[by](statistics)
    return [(group, np.flatnonzero(members)) for group, members in parts.items() if members.any()]


_DIRECTIONS = ("horizontal", "diagonal up", "vertical", "diagonal down")  # sectors of 45 degrees around 0, 45, 90, 135


def _by_orientation(measured: Statistics) -> dict[str, NDArray[np.bool_]]:
    sectors = np.floor((measured.orientation + NEAR) / (2 * NEAR)) % len(_DIRECTIONS)
    return {name: sectors == i for i, name in enumerate(_DIRECTIONS)} | {"none": np.isnan(sectors)}


# Which filters each group has, by the group's id; every filter is in one.
GROUPINGS: Mapping[str, Callable[[Statistics], dict[str, NDArray[np.bool_]]]] = {
    "stream": lambda measured: {str(stream): measured.group == stream for stream in np.unique(measured.group)},
    "colour": lambda measured: {
        "colour": measured.colour > COLOURED,
        "grey": measured.colour <= COLOURED,
        "none": np.isnan(measured.colour),
    },
    "orientation": _by_orientation,
    "state": lambda measured: {  # dead before duplicate: what a dead filter resembles says nothing
        "dead": measured.dead,
        "duplicate": ~measured.dead & (measured.duplicate_of >= 0),
        "distinct": ~measured.dead & (measured.duplicate_of < 0),
    },
}


# ---- Pictures --------------------------------------------------------------------------------------------------------


def rgb_tiles(kernels: Floats, scale: Scale | float = "filter") -> NDArray[np.uint8]:
    """(N, k, k, 3): each kernel as a picture, its zeros mid grey (128), its extreme 0 or 255.

    The extreme is each filter's own, the layer's, or a number such as `matched_limit` gives; beyond that it is clipped.
    """
    if kernels.shape[1] != 3:
        raise UserError(
            "Kernels can be shown in colour only if they see red, green and blue; these see {channels} channels. "
            "Choose the first convolution, or look at one input channel.",
            channels=kernels.shape[1],
        )
    largest = np.abs(kernels).max(axis=(1, 2, 3), keepdims=True).astype(np.float64)
    limits = {"filter": largest, "layer": largest.max()}
    return colour_tiles(kernels, limits[scale] if isinstance(scale, str) else scale)


def matched_limit(first: Floats, second: Floats) -> float:
    """The largest magnitude in either: the range in which two checkpoints can be compared by eye."""
    return float(max(np.abs(first).max(), np.abs(second).max()))


def input_slice(kernels: Floats, channel: int) -> Floats:
    """(N, k, k): what each filter does with one input channel of its group."""
    if not 0 <= channel < kernels.shape[1]:
        raise UserError(
            "There is no input channel {channel}. Input channels go from 0 to {last}.",
            channel=channel,
            last=kernels.shape[1] - 1,
        )
    return kernels[:, channel].copy()


def input_norm(kernels: Floats) -> Floats:
    """(N, k, k): the L2 norm over the input channels at each pixel."""
    norms: Floats = np.sqrt(np.square(kernels, dtype=np.float64).sum(axis=1)).astype(np.float32)
    return norms
