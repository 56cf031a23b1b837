"""What stated probabilities were worth when somebody checked: on photographs of a network's classes and of others.

measured = reliability(model)          # of a shipped file that carries such figures; else None
measured.near(0.6)                     # of the answers stated like this one, how many were right?
"""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Any

from alexnet_viz.network.weights import Model

BOUNDS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)  # of the bands; a hundred photographs fill no narrower ones
Z_95 = 1.959964  # standard deviations on either side of the mean that hold 95 % of a normal distribution


@dataclass(frozen=True)
class Band:
    """The measured answers whose stated probability lay between two bounds."""

    low: float  # inclusive
    high: float
    stated: float  # mean
    count: int  # photographs of its own classes
    right: int  # of those
    others: int  # photographs of other things that it stated at least `low` for

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share of right answers lies, with 95 % confidence."""
        return wilson_interval(self.right, self.count)


@dataclass(frozen=True)
class Reliability:
    """Answers to photographs, and to small pictures like those of the training; none of them was trained on."""

    answers: tuple[tuple[float, bool], ...]  # photographs of its classes: probability of the best, whether right
    others: tuple[float, ...]  # photographs of things it never learnt: the best class's probability
    small: tuple[Mapping[str, float], ...]  # bins of 64x64 test pictures: "count", "probability", "hit_rate"
    small_count: int
    small_top1: float
    top5: float  # share of the photographs whose class is among the best five

    @property
    def top1(self) -> float:
        """Share of the photographs whose best class is right."""
        return sum(right for _, right in self.answers) / len(self.answers)

    def bands(self) -> list[Band]:
        """Every band that holds a photograph, from the least sure answers to the surest."""
        return [band for band in map(self._band, range(len(BOUNDS) - 1)) if band.count]

    def near(self, stated: float) -> Band:
        """The band of an answer that is stated with this probability; it may hold no photograph."""
        return self._band(min(bisect_right(BOUNDS, stated), len(BOUNDS) - 1) - 1)

    def others_above(self, stated: float) -> int:
        """How many of the things it never learnt it states above this probability."""
        return sum(other > stated for other in self.others)

    def _band(self, number: int) -> Band:
        low, high = BOUNDS[number : number + 2]
        last = number == len(BOUNDS) - 2
        inside = [answer for answer in self.answers if low <= answer[0] < high or (last and answer[0] == high)]
        return Band(
            low,
            high,
            sum(stated for stated, _ in inside) / len(inside) if inside else (low + high) / 2,
            len(inside),
            sum(right for _, right in inside),
            sum(other >= low for other in self.others),
        )


def reliability(model: Model) -> Reliability | None:
    """What was measured of a shipped file; a stranger's file may say anything, so it is not asked."""
    return _read(model.metadata.get("figures", "{}")) if model.origin == "shipped" else None


@cache
def _read(written: str) -> Reliability | None:
    figures: Mapping[str, Any] = json.loads(written)
    if "photographs" not in figures:
        return None
    photographs, small = figures["photographs"], figures["test"]
    return Reliability(
        tuple((stated, bool(right)) for stated, right in photographs["answers"]),
        tuple(photographs["others"]),
        tuple(small["calibration"]),
        small["images"],
        small["top1"],
        photographs["top5"],
    )


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share, from 0 to 1; honest for small counts (Wilson 1927). All of it for none."""
    if not count:
        return 0.0, 1.0
    share, extra = hits / count, Z_95**2 / count
    middle = (share + extra / 2) / (1 + extra)
    reach = sqrt(share * (1 - share) * extra + extra**2 / 4) / (1 + extra)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def as_bins(bands: Sequence[Band]) -> list[dict[str, float]]:
    """Bands as a reliability diagram takes them, each with its 95 % interval."""
    return [
        {
            "count": band.count,
            "probability": band.stated,
            "hit_rate": band.right / band.count,
            "low": band.interval[0],
            "high": band.interval[1],
        }
        for band in bands
    ]
