"""What the paper says against what its code and today's libraries do, on real values: what the paper tab shows.

    found = first_layer_both_ways(maps, LRN())      # (C, H, W), conv1 of a picture
    found.difference, found.relative.median         # how far the two orders of layer 1 are from each other

The departures themselves are listed in `alexnet_viz.paper.departures`.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from PIL import Image

from alexnet_viz.inspection.activations import Floats
from alexnet_viz.inspection.techniques.lrn import Change, as_printed, change, through
from alexnet_viz.network.spec import LRN, Activation, AdaptivePool, Dropout, Flatten, Pool, Spec, walk
from alexnet_viz.pictures.images import Preprocess

POOL = Pool(kernel=3, stride=2)  # the paper's overlapping one (section 3.4)


@dataclass(frozen=True)
class TwoWays:
    """The same maps, (C, H, W), as the paper says and as the code does. No value is below zero."""

    paper: Floats
    code: Floats

    @property
    def difference(self) -> float:
        """The largest one of all values."""
        return float(np.abs(self.paper - self.code).max())

    @property
    def relative(self) -> Change:
        """How far the smaller of two values lies below the larger one."""
        return change(np.maximum(self.paper, self.code), np.minimum(self.paper, self.code))


def alpha_both_ways(maps: Floats, layer: LRN) -> TwoWays:
    """LRN of maps after their ReLU, alpha as printed and divided by n."""
    return TwoWays(through(maps, as_printed(layer)), through(maps, layer))


def first_layer_both_ways(maps: Floats, layer: LRN) -> TwoWays:
    """What follows conv1, on its maps: ReLU, LRN, pool (section 3.5); LRN, pool, ReLU (the 2012 code)."""
    return TwoWays(through(maps, Activation(), layer, POOL), through(maps, layer, POOL, Activation()))


def fifth_layer_both_ways(maps: Floats) -> TwoWays:
    """What follows conv5, on its maps: ReLU, pool; pool, ReLU."""
    return TwoWays(through(maps, Activation(), POOL), through(maps, POOL, Activation()))


@dataclass(frozen=True)
class Dropped:
    """One place where dropout stands: how many values pass there, and how many of them one draw makes zero."""

    after: str  # name of the layer before it
    before: str  # name of the next layer with weights
    values: int
    zeroed: int


def dropout_places(spec: Spec, seed: int) -> list[Dropped]:
    """Every dropout of a network, in order, with one seeded draw of what it makes zero."""
    rows = walk(spec).rows
    generator = torch.Generator().manual_seed(seed)
    return [
        Dropped(
            after=next(r.name for r in reversed(rows[:i]) if not isinstance(r.layer, AdaptivePool | Flatten)),
            before=next(r.name for r in rows[i:] if r.params),
            values=prod(row.input),
            zeroed=int((torch.rand(row.input, generator=generator) < row.layer.rate).sum()),
        )
        for i, row in enumerate(rows)
        if isinstance(row.layer, Dropout)
    ]


@dataclass(frozen=True)
class InputScale:
    """One colour channel of a picture as one preprocessing hands it to the network."""

    minimum: float
    maximum: float
    std: float  # of its pixels


def input_scales(preprocess: Preprocess, picture: Image.Image) -> list[InputScale]:
    """Red, green and blue of a picture that is cropped already."""
    return [
        InputScale(float(values.min()), float(values.max()), float(values.std(dtype=np.float64)))
        for values in preprocess.normalised(picture)
    ]
