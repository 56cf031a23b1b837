"""Pooling on a real map: windows that overlap (3/2, the paper's) against windows that do not (2/2).

    pool = POOLINGS["overlapping"]
    pooled(values, pool)                    # (H, W) or (C, H, W) -> smaller
    window(values, pool, row=4, column=7)   # what one output saw, and which value won
    coverage((55, 55), pool)                # in how many windows each value lies
    winners(values, pool)                   # how many windows each value wins
    shift_changes(maps)                     # how far the pooled maps move when the maps do

All by the floor rule, as in PyTorch: what does not fill a window at the right and bottom edge is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from numpy.typing import NDArray

from alexnet_viz.inspection.activations import Floats
from alexnet_viz.inspection.by_hand import WorkedPool, work_alone
from alexnet_viz.network.spec import Pool, Rounding, Spec, walk

Counts = NDArray[np.int64]

POOLINGS: Mapping[str, Pool] = {
    "overlapping": Pool(kernel=3, stride=2),  # Krizhevsky et al. 2012, section 3.4: s = 2, z = 3
    "apart": Pool(kernel=2, stride=2),  # what the paper holds it against: s = 2, z = 2
    "average": Pool(kernel=2, stride=2, mode="avg"),
}
MAX_POOLINGS: Mapping[str, Pool] = {name: pool for name, pool in POOLINGS.items() if pool.mode == "max"}

SHIFTS = 4  # map pixels that a map is moved by at most


@dataclass(frozen=True)
class Coverage:
    """In how many windows the values of a map lie."""

    counts: Counts  # (H, W)
    shared: float  # share of the values that lie in more than one window, 0..1
    unread: int  # values in no window: the rest at the right and bottom edge


@dataclass(frozen=True)
class Winners:
    """Which values of a map max pooling lets through. Windows of equal values, all zero after a ReLU, have no winner.

    In a window with a few equal largest values the first one wins, as in torch.
    """

    wins: NDArray[np.uint8]  # (H, W) or (C, H, W), windows that each value wins
    outputs: int
    level: int  # windows whose values are all equal
    shared: int  # windows with a winner whose winner also wins another one

    @property
    def most(self) -> int:
        """Windows that a single value wins at most."""
        return int(self.wins.max())

    @property
    def survivors(self) -> int:
        """Values that win at least one window."""
        return int((self.wins > 0).sum())

    @property
    def surviving(self) -> float:
        """Their share of all values, 0..1."""
        return self.survivors / self.wins.size

    @property
    def sharing(self) -> float:
        """Share of the windows with a winner that have it in common with another window, 0..1."""
        return self.shared / max(self.outputs - self.level, 1)


@dataclass(frozen=True)
class ShiftChanges:
    """How far maps change when they move by 0, 1, ... pixels: |moved - unmoved| / |unmoved| (Euclidean norms)."""

    unpooled: NDArray[np.float64]  # (shifts + 1,), of the maps themselves
    pooled: Mapping[str, NDArray[np.float64]]  # the same by the names of POOLINGS


def side(length: int, pool: Pool, rounding: Rounding = "floor") -> int:
    """How long a side of that many values is after pooling."""
    return walk(Spec((1, length, length), (pool,), rounding)).rows[0].shape[1]


def pooled(values: Floats, pool: Pool) -> Floats:
    """Every map pooled, (..., H, W) -> (..., h, w)."""
    maps = torch.from_numpy(np.ascontiguousarray(values)).reshape(1, -1, *values.shape[-2:])
    small = (F.max_pool2d if pool.mode == "max" else F.avg_pool2d)(maps, pool.kernel, pool.stride)
    result: Floats = small.reshape(*values.shape[:-2], *small.shape[-2:]).numpy()
    return result


def window(values: Floats, pool: Pool, row: int, column: int) -> WorkedPool:
    """What the output at a row and column of a pooled map, (H, W), is made of; the position has to exist."""
    worked = work_alone(pool, values[None], 0, row, column)
    assert isinstance(worked, WorkedPool)
    return worked


def coverage(shape: tuple[int, int], pool: Pool) -> Coverage:
    """In how many windows each value of a map, (H, W), lies."""
    down, across = (_windows_along(length, pool) for length in shape)
    counts = np.outer(down, across)
    return Coverage(counts, float((counts > 1).mean()), int((counts == 0).sum()))


def _windows_along(length: int, pool: Pool) -> Counts:
    """In how many windows each value of one row lies."""
    counts = np.zeros(length, np.int64)
    for i in range(side(length, pool)):
        counts[i * pool.stride : i * pool.stride + pool.kernel] += 1
    return counts


def winners(values: Floats, pool: Pool) -> Winners:
    """Which values of a map, (H, W), or of many, (C, H, W), max pooling lets through."""
    maps = torch.from_numpy(np.ascontiguousarray(values)).reshape(-1, 1, *values.shape[-2:])
    highest, places = F.max_pool2d(maps, pool.kernel, pool.stride, return_indices=True)  # (C, 1, h, w)
    level = (highest == -F.max_pool2d(-maps, pool.kernel, pool.stride)).flatten(1).numpy()  # (C, h * w)
    won_at = places.flatten(1).numpy()  # (C, h * w), row * W + column
    wins = np.zeros((len(maps), maps[0].numel()), np.uint8)
    np.add.at(wins, (np.arange(len(maps))[:, None], won_at), ~level)
    shared = ~level & (np.take_along_axis(wins, won_at, 1) > 1)
    return Winners(wins.reshape(values.shape), level.size, int(level.sum()), int(shared.sum()))


def shift_changes(maps: Floats) -> ShiftChanges:
    """How far maps, (C, H, W), change when they move to the left by 0 to SHIFTS of their own pixels, all together.

    Only values that are there in every position are used, so nothing is made up at an edge.
    """
    width = maps.shape[2] - SHIFTS
    moved = [maps[:, :, by : by + width] for by in range(SHIFTS + 1)]
    return ShiftChanges(
        _changes(moved),
        {name: _changes([pooled(each, pool) for each in moved]) for name, pool in POOLINGS.items()},
    )


def _changes(moved: list[Floats]) -> NDArray[np.float64]:
    """Each one's distance to the first, in lengths of the first."""
    length = float(np.linalg.norm(moved[0])) or 1.0
    return np.array([float(np.linalg.norm(each - moved[0])) / length for each in moved])
