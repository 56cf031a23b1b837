"""The benchmark: `make bench` prints one table and exits with 1 if a bar is missed; `make bench-full` has slow rows.

Absolute times vary from machine to machine; what counts are ratios measured in one run, side by side.
A row whose data or browser is missing prints "skipped" and the reason.
"""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.bench import attribution, pages, start


@dataclass(frozen=True)
class Row:
    """One measured figure and the bar it is held to; no bar means that it is only reported."""

    what: str
    figure: float | None
    unit: str
    bar: float | None = None
    skipped: str = ""
    least: bool = False  # the bar is the smallest figure allowed, not the largest

    @property
    def verdict(self) -> str:
        if self.skipped:
            return f"skipped: {self.skipped}"
        if self.bar is None:
            return "reported"
        return f"at {'least' if self.least else 'most'} {self.bar:g}: {'MISSED' if self.missed else 'met'}"

    @property
    def missed(self) -> bool:
        if self.skipped or self.bar is None:
            return False
        return self.figure < self.bar if self.least else self.figure > self.bar


def rows(full: bool) -> Iterator[Row]:
    yield from measured(start.first_paint, "process start to first page painted, against a bare app", "x", 1.5)
    yield from measured(pages.warm_rerun, "classify, everything cached: one rerun's server time", "ms", 50)
    yield from measured(pages.architecture_edit, "architecture, one edit: server time of the whole page", "ms", 100)
    yield from measured(start.memory, "server memory after every page was opened once", "MB", None)
    yield from measured(attribution.gradcam_cost, "Grad-CAM end to end, against raw forward + backward", "x", 1.2)
    yield from measured(
        attribution.integrated_gradients_cost, "integrated gradients, 64 steps, against Captum's default", "x", 1.1
    )
    yield from measured(attribution.occlusion_speed, "occlusion, as fast as Captum's one by one", "x", 1.5, least=True)
    if full:
        yield from pointing_game()


def pointing_game() -> Iterator[Row]:
    """Minutes: 200 grids for each method."""
    for method in attribution.METHOD_IDS:
        bar = 60 if method == "gradcam" else None
        what = f"pointing game, 200 grids: {method} (chance 25)"
        yield from measured(partial(attribution.pointing, method), what, "%", bar, least=True)


def measured(
    measure: Callable[[], float], what: str, unit: str, bar: float | None, *, least: bool = False
) -> Iterator[Row]:
    try:
        yield Row(what, measure(), unit, bar, least=least)
    except start.MissingError as reason:
        yield Row(what, None, unit, bar, str(reason))


def main() -> int:
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    missed = False
    for row in rows("--full" in sys.argv[1:]):
        figure = "-" if row.figure is None else f"{row.figure:.3g}"
        print(f"{row.what:<64} {figure:>8} {row.unit:<4} {row.verdict}", flush=True)
        missed |= row.missed
    return int(missed)


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            return next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
