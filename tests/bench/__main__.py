"""The benchmark: `make bench` prints one table and exits with 1 if a bar is missed.

Absolute times vary from machine to machine; what counts are ratios measured in one run, side by side.
A row whose data or browser is missing prints "skipped" and the reason.
"""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.bench import pages, start


@dataclass(frozen=True)
class Row:
    """One measured figure and the bar it is held to; no bar means that it is only reported."""

    what: str
    figure: float | None
    unit: str
    bar: float | None = None
    skipped: str = ""

    @property
    def verdict(self) -> str:
        if self.skipped:
            return f"skipped: {self.skipped}"
        if self.bar is None:
            return "reported"
        return f"at most {self.bar:g}: {'met' if self.figure <= self.bar else 'MISSED'}"

    @property
    def missed(self) -> bool:
        return not self.skipped and self.bar is not None and self.figure > self.bar


def rows() -> Iterator[Row]:
    yield from measured(start.first_paint, "process start to first page painted, against a bare app", "x", 1.5)
    yield from measured(pages.warm_rerun, "classify, everything cached: one rerun's server time", "ms", 50)
    yield from measured(pages.architecture_edit, "architecture, one edit: server time of the whole page", "ms", 100)
    yield from measured(start.memory, "server memory after every page was opened once", "MB", None)


def measured(measure: Callable[[], float], what: str, unit: str, bar: float | None) -> Iterator[Row]:
    try:
        yield Row(what, measure(), unit, bar)
    except start.MissingError as reason:
        yield Row(what, None, unit, bar, str(reason))


def main() -> int:
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    missed = False
    for row in rows():
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
