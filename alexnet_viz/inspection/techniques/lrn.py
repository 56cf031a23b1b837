"""Local response normalisation on real values, and batch normalisation beside it: what the LRN tab shows.

    found = normalise(maps, LRN(alpha=0.01))                     # (C, H, W), relu1 of a picture
    found.change.median, found.neighbours.largest                # shares of the values
    unit(maps, LRN(groups=2), channel=31, row=4, column=7)       # its neighbours, by the code and by the paper

A `LRN` record means what the 2012 code and PyTorch do: alpha is divided by n (layer.py:1183). `as_printed` is the
record that does what the paper prints in section 3.3.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from alexnet_viz.inspection.activations import Floats
from alexnet_viz.inspection.by_hand import WorkedLRN, work_alone
from alexnet_viz.inspection.maps import order, statistics
from alexnet_viz.network.build import with_weights
from alexnet_viz.network.spec import LRN, Layer, Spec

PAPER = LRN()  # k = 2, n = 5, alpha = 1e-4, beta = 0.75 (section 3.3)


@dataclass(frozen=True)
class Change:
    """How far values moved, as shares of what they were. Zeros stay zeros and are left out."""

    median: float
    largest: float


def change(before: Floats, after: Floats) -> Change:
    """From `before` to `after`, arrays of one shape with at least one value that is not zero."""
    some = before != 0
    moved = np.abs(1 - after[some] / before[some].astype(np.float64))
    return Change(float(np.median(moved)), float(moved.max()))


def strongest(maps: Floats, count: int) -> list[int]:
    """The channels with the largest values, strongest first."""
    return [int(channel) for channel in order(statistics(maps), "maximum")[:count]]


def colour_limit(maps: Floats) -> float:
    """The value that 99 of 100 do not exceed: a scale up to the one peak would leave all the rest pale."""
    return float(np.quantile(maps, 0.99)) or float(maps.max())


@dataclass(frozen=True)
class Normalised:
    """Maps before and after, (C, H, W)."""

    before: Floats
    after: Floats
    change: Change  # all of it
    neighbours: Change  # what is left once the division by k ** beta, the same everywhere, is taken out


def as_printed(layer: LRN) -> LRN:
    """The record that computes the paper's printed formula: alpha is divided by n after all, so n times as much."""
    return replace(layer, alpha=layer.alpha * layer.size)


def normalise(maps: Floats, layer: LRN) -> Normalised:
    """Maps of one picture, (C, H, W), through the network's own LRN module."""
    after = through(maps, layer)
    constant = np.float32(layer.k**layer.beta)
    return Normalised(maps, after, change(maps, after), change(maps / constant, after))


@dataclass(frozen=True)
class Unit:
    """One value and its neighbours at the same position of the maps around it."""

    around: WorkedLRN  # all maps counted, whatever the streams
    code: WorkedLRN  # within its own stream, alpha divided by n
    printed: WorkedLRN  # within its own stream, alpha as it stands

    @property
    def channels(self) -> list[int]:
        """Of `around.neighbours`."""
        return [self.around.first_neighbour + i for i in range(len(self.around.neighbours))]

    @property
    def counted(self) -> list[bool]:
        """Which of them are in its own stream."""
        own = range(self.code.first_neighbour, self.code.first_neighbour + len(self.code.neighbours))
        return [channel in own for channel in self.channels]

    @property
    def below(self) -> float:
        """How far the printed formula's result lies below the code's, as a share of the code's."""
        return 1 - self.code.denominator / self.printed.denominator


def unit(maps: Floats, layer: LRN, channel: int, row: int, column: int) -> Unit:
    """A value of maps, (C, H, W), worked by hand. Raises `UserError` for a position that does not exist."""
    ways = (replace(layer, groups=1), layer, as_printed(layer))
    around, code, printed = (work_alone(way, maps, channel, row, column) for way in ways)
    return Unit(around, code, printed)  # type: ignore[arg-type]  # LRN's are WorkedLRN


@dataclass(frozen=True)
class Gap(Change):
    """How far the printed formula's results lie below the code's, as shares of the code's."""

    bound: float  # where all n neighbours have the highest value that there is


def uniform_gap(layer: LRN = PAPER, highest: float = 50.0) -> Gap:
    """On seeded values uniform in 0..highest, as many as layer 1 of the paper's network has."""
    values = np.random.default_rng(0).uniform(0, highest, (96, 55, 55)).astype(np.float32)
    drawn = change(through(values, layer), through(values, as_printed(layer)))
    squares = layer.size * highest**2
    share = (layer.k + layer.alpha / layer.size * squares) / (layer.k + layer.alpha * squares)
    return Gap(drawn.median, drawn.largest, 1 - share**layer.beta)


def through(maps: Floats, *layers: Layer) -> Floats:
    """Maps, (C, H, W), through a chain of layers without weights."""
    batch = torch.from_numpy(maps)[None]
    for module in with_weights(Spec(maps.shape, layers), {}).layers():
        batch = module(batch)
    result: Floats = batch[0].numpy()
    return result


@dataclass(frozen=True)
class ByChannel:
    """Mean and standard deviation of every channel, (C,), over pictures and positions."""

    mean: Floats
    std: Floats


EPSILON = 1e-5  # PyTorch's: keeps a channel that is the same everywhere from a division by zero


def by_channel(batch: Floats) -> ByChannel:
    """Statistics of a batch, (B, C, H, W)."""
    values = batch.astype(np.float64)
    mean, std = values.mean((0, 2, 3)), values.std((0, 2, 3))
    return ByChannel(mean.astype(np.float32), std.astype(np.float32))


def batch_normalised(batch: Floats) -> Floats:
    """A batch, (B, C, H, W), less each channel's mean, over its standard deviation, as in training (Ioffe 2015).

    The learnt scale and shift that follow are at their start, 1 and 0.
    """
    found = by_channel(batch)
    mean, std = found.mean[:, None, None], found.std[:, None, None]
    normalised: Floats = ((batch - mean) / np.sqrt(std**2 + np.float32(EPSILON))).astype(np.float32)
    return normalised


@dataclass(frozen=True)
class LrnByChannel:
    """What LRN makes of a batch: its statistics, and by what it divides. Every value has a divisor of its own."""

    after: ByChannel
    least_divisor: float  # of the values that are not zero
    largest_divisor: float


def lrn_by_channel(batch: Floats, layer: LRN) -> LrnByChannel:
    """LRN of a batch, (B, C, H, W), of maps after their ReLU."""
    after = np.stack([through(maps, layer) for maps in batch])
    some = batch > 0
    divisors = batch[some] / after[some]
    return LrnByChannel(by_channel(after), float(divisors.min()), float(divisors.max()))
