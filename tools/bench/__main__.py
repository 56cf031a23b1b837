"""The benchmark: `make bench` prints one table and exits with 1 if a bar is missed; `make bench-full` has slow rows.

Absolute times vary from machine to machine; what counts are ratios measured in one run, side by side.
A row whose data or browser is missing prints "skipped" and the reason. Of slow rows, `make bench` prints the last
figure, which is kept by hand in docs/benchmarks.md.
"""

import logging
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tools.bench import attribution, experiments, pages, start, training, watching, wire
from tools.catalogue import ROOT

RECORDS = ROOT / "docs" / "benchmarks.md"
HALF = ("--epochs", "10")  # of those of the preset fast: about a tenth of the seed's time


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
    yield from measured(experiments.slowest_control, "techniques, slowest of all controls: server time", "ms", 300)
    yield from measured(start.memory, "server memory after every page was opened once", "MB", None)
    yield from measured(attribution.gradcam_cost, "Grad-CAM end to end, against raw forward + backward", "x", 1.2)
    yield from measured(
        attribution.integrated_gradients_cost, "integrated gradients, 64 steps, against Captum's default", "x", 1.1
    )
    yield from measured(attribution.occlusion_speed, "occlusion, as fast as Captum's one by one", "x", 1.5, least=True)
    bar = training.speed_bar()
    yield from measured(training.speed, "training, images per second against the seed's loop", "x", bar, least=True)
    yield from measured(training.stop, "Stop while alexnet_cifar trains: until the process is gone", "s", 2)
    yield from measured(watching.cost, "live page watched by a client: images per second lost", "%", 5)
    yield from measured(watching.rerun_while_training, "classify, one rerun while a run trains, against idle", "x", 2)
    for name, one in wire.INTERACTIONS.items():
        yield from measured(partial(wire.kilobytes, name), f"on the wire: {one.what}", "kB", None)
    if full:
        for measure, what, unit, bar, least in SLOW:
            yield from measured(measure, what, unit, bar, least=least)


SLOW: tuple[tuple[Callable[[], float], str, str, float | None, bool], ...] = (
    *(  # minutes each
        (
            partial(attribution.pointing, method),
            f"pointing game, 200 grids: {method} (chance 25)",
            "%",
            60 if method == "gradcam" else None,
            True,
        )
        for method in attribution.METHOD_IDS
    ),
    (watching.cost_in_chromium, "live page watched in Chromium: images per second lost", "%", None, False),
    # an hour for both, and half an hour
    (training.accuracy_of_fast, "CIFAR-10 by the preset fast: test images right", "%", 86.5, True),
    (training.time_of_fast, "CIFAR-10 by the preset fast: share of the seed's 50 epochs' time", "%", 20, False),
    (partial(training.accuracy_of_fast, *HALF), "the same with half the epochs: test images right", "%", None, True),
    (partial(training.time_of_fast, *HALF), "the same with half the epochs: share of the time", "%", None, False),
)


def last(what: str) -> str:
    """The last figure of a row, as docs/benchmarks.md records it: | row | figure | date | machine |."""
    for line in RECORDS.read_text(encoding="utf-8").splitlines():
        row, *cells = (cell.strip() for cell in line.strip().strip("|").split("|"))
        if row == what and len(cells) == 3 and all(cells):
            return "last: {} on {}, {}".format(*cells)
    return "not measured yet"


def measured(
    measure: Callable[[], float], what: str, unit: str, bar: float | None, *, least: bool = False
) -> Iterator[Row]:
    try:
        yield Row(what, measure(), unit, bar, least=least)
    except start.MissingError as reason:
        yield Row(what, None, unit, bar, str(reason))


def main() -> int:
    # AppTest has it warn of every page that is opened, since no server runs.
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").disabled = True
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    full, missed = "--full" in sys.argv[1:], False
    for row in rows(full):
        figure = "-" if row.figure is None else f"{row.figure:.3g}"
        print(f"{row.what:<64} {figure:>8} {row.unit:<4} {row.verdict}", flush=True)
        missed |= row.missed
    if not full:
        for _, what, *_ in SLOW:
            print(f"{what:<64} {last(what)}")
    return int(missed)


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            return next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
