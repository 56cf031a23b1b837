"""The two streams of a network that was split over two GPUs (the paper's sections 3.2 and 6.1).

colours(model.network).verdict                        # did one stream take the colours, as in the paper's figure 3?
members(spec, "conv2", stream=0)                      # the channels of a stream
kept(model.network, outputs, "conv2", stream=0)       # which pictures keep their answer without it
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from alexnet_viz.inspection.ablation import ablate
from alexnet_viz.inspection.activations import Floats
from alexnet_viz.inspection.filters import COLOURED, Numbers, kernels, sees_rgb, statistics
from alexnet_viz.network.build import Network
from alexnet_viz.network.fields import check_layer
from alexnet_viz.network.spec import Spec, walk

STREAMS = 2
SPLITS = 10_000  # random ways to halve the filters that a difference is held against
CHANCE = 0.01  # at most so many of those may differ as much, or the difference is put down to chance

Verdict = Literal["apart", "partly", "alike"]


@dataclass(frozen=True)
class StreamColours:
    """How much colour the filters of conv1 have, by stream."""

    shares: Numbers  # (streams, filters), 0 grey .. 1 colour: `filters.Statistics.colour`
    chance: float  # share of random halvings of the same filters whose means differ at least as much

    @property
    def means(self) -> Numbers:
        """(streams,)"""
        means: Numbers = self.shares.mean(axis=1)
        return means

    @property
    def coloured(self) -> NDArray[np.int64]:
        """(streams,): filters with more colour than grey in them."""
        counts: NDArray[np.int64] = (self.shares > COLOURED).sum(axis=1)
        return counts

    @property
    def order(self) -> NDArray[np.int64]:
        """(streams, filters): each stream's filters by their numbers in conv1, most colour first."""
        streams, filters = self.shares.shape
        ranked = np.argsort(-self.shares, axis=1, kind="stable")
        numbers: NDArray[np.int64] = ranked + filters * np.arange(streams)[:, None]
        return numbers

    @property
    def verdict(self) -> Verdict:
        """apart: beyond chance, most filters of one stream grey and most of the other coloured, as the paper saw it;
        partly: beyond chance, but not as clearly; alike: halving the filters at random does as much."""
        if self.chance > CHANCE:
            return "alike"
        half = self.shares.shape[1] / 2
        return "apart" if self.coloured.min() < half < self.coloured.max() else "partly"


def colours(network: Network) -> StreamColours:
    """The colour of conv1's filters in each of the two streams: the first half of them, and the second.

    The paper's figure 3: one GPU's kernels are "largely color-agnostic", the other's "largely color-specific". Which
    of them is which changes from run to run. Raises `ValueError` where conv1 does not see red, green and blue.
    """
    if not sees_rgb(network.spec, "conv1"):
        raise ValueError("conv1 does not see red, green and blue: its filters have no colour")
    measured = statistics(kernels(network, "conv1"), STREAMS, rgb=True)
    shares = np.stack([measured.colour[measured.group == stream] for stream in range(STREAMS)])
    return StreamColours(shares, _by_chance(shares))


def _by_chance(shares: Numbers) -> float:
    """A permutation test. The filters as they are count as one of the halvings, so it is never 0."""
    everything = np.tile(shares.ravel(), (SPLITS, 1))
    mixed = np.random.default_rng(0).permuted(everything, axis=1).reshape(SPLITS, STREAMS, -1)
    differences = np.abs(np.diff(mixed.mean(axis=2), axis=1)).ravel()
    seen = np.abs(np.diff(shares.mean(axis=1)))[0]
    return float((1 + (differences >= seen * (1 - 1e-12)).sum()) / (1 + SPLITS))  # sums in another order round apart


def members(spec: Spec, layer: str, stream: int) -> tuple[int, ...]:
    """The channels (or units) of a layer in one of the two streams, 0 or 1: the first half, or the second.

    Raises `UserError` for a layer that does not exist, `ValueError` for another stream.
    """
    rows = {row.name: row for row in walk(spec).rows}
    check_layer(layer, list(rows))
    if stream not in range(STREAMS):
        raise ValueError(f"stream {stream}: there are 0 and 1")
    half = rows[layer].shape[0] // STREAMS
    return tuple(range(stream * half, (stream + 1) * half))


def silenced(network: Network, outputs: Mapping[str, Tensor], layer: str, stream: int) -> Floats:
    """The logits, (B, classes), when a stream's maps are zero at one layer; `outputs` come from `activations`.

    What follows in that stream up to the next layer that reads both streams (conv3, fc6) then comes from biases alone.
    """
    *_, logits = ablate(network, outputs, {layer: members(network.spec, layer, stream)}).values()
    return logits.numpy().copy()


def kept(network: Network, outputs: Mapping[str, Tensor], layer: str, stream: int) -> NDArray[np.bool_]:
    """(B,): whether the best class is the same without that stream's maps."""
    *_, before = outputs.values()
    same: NDArray[np.bool_] = before.numpy().argmax(1) == silenced(network, outputs, layer, stream).argmax(1)
    return same
