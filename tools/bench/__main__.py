"""The benchmark: `make bench` prints one table and exits with 1 if a bar is missed; `make bench-full` has slow rows.

Absolute times vary from machine to machine; what counts are ratios measured in one run, side by side.
A row whose data or browser is missing prints "skipped" and the reason. Of slow rows, `make bench` prints the last
figure, which is kept by hand in docs/benchmarks.md.
"""

import logging
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from alexnet_viz.inspection.attribution.methods import METHODS
from tools import ROOT
from tools.bench import attribution, pages, start, training, watching, wire
from tools.machine import processor

RECORDS = ROOT / "docs" / "benchmarks.md"
HALF = ("--epochs", "10")  # of those of the preset fast: about a tenth of the seed's time


@dataclass(frozen=True)
class Row:
    """A figure, how it is measured, and the bar it is held to; no bar means that it is only reported."""

    measure: Callable[[], float]
    what: str
    unit: str
    bar: float | None = None
    least: bool = False  # the bar is the smallest figure allowed, not the largest

    def verdict(self, figure: float) -> str:
        if self.bar is None:
            return "reported"
        met = figure >= self.bar if self.least else figure <= self.bar
        return f"at {'least' if self.least else 'most'} {self.bar:g}: {'met' if met else 'MISSED'}"


def quick_rows() -> tuple[Row, ...]:
    speed_bar = training.speed_bar()
    return (
        Row(start.first_paint, "process start to first page painted, against a bare app", "x", 1.5),
        Row(pages.warm_rerun, "classify, everything cached: one rerun's server time", "ms", 50),
        Row(pages.architecture_edit, "architecture, one edit: server time of the whole page", "ms", 100),
        Row(pages.slowest_control, "techniques, slowest of all controls: server time", "ms", 300),
        Row(partial(pages.runs_rerun, "home"), "home, ten runs of 16,000 steps: one rerun's server time", "ms", 50),
        Row(partial(pages.runs_rerun, "runs"), "runs, ten of 16,000 steps: one rerun's server time", "ms", 50),
        Row(start.memory, "server memory after every page was opened once", "MB"),
        Row(attribution.gradcam_cost, "Grad-CAM end to end, against raw forward + backward", "x", 1.2),
        Row(
            attribution.integrated_gradients_cost, "integrated gradients, 64 steps, against Captum's default", "x", 1.1
        ),
        Row(attribution.occlusion_speed, "occlusion, as fast as Captum's one by one", "x", 1.5, least=True),
        Row(training.speed, "training, images per second against the seed's loop", "x", speed_bar, least=True),
        Row(training.stop, "Stop while alexnet_cifar trains: until the process is gone", "s", 2),
        Row(watching.cost, "live page watched by a client: images per second lost", "%", 5),
        Row(watching.rerun_while_training, "classify, one rerun while a run trains, against idle", "x", 2),
        *(
            Row(partial(watching.reruns_in_a_row, page), f"{page}, reruns in a row over a websocket", "ms")
            for page in ("classify", "architecture")
        ),
        *(Row(partial(wire.kilobytes, one), f"on the wire: {one.what}", "kB") for one in wire.INTERACTIONS),
    )


fast = training.fast_to_the_end
SLOW = (
    *(  # minutes each
        Row(
            partial(attribution.pointing, method),
            f"pointing game, 200 grids: {method} (chance 25)",
            *("%", 60 if method == "gradcam" else None, True),
        )
        for method in METHODS
    ),
    Row(watching.cost_in_chromium, "live page watched in Chromium: images per second lost", "%"),
    # an hour for both, and half an hour
    Row(lambda: fast()[0], "CIFAR-10 by the preset fast: test images right", "%", 86.5, least=True),
    Row(
        lambda: fast()[1],
        "CIFAR-10 by the preset fast: share of the seed's 50 epochs' time",
        "%",
        20,
    ),
    Row(lambda: fast(*HALF)[0], "the same with half the epochs: test images right", "%"),
    Row(lambda: fast(*HALF)[1], "the same with half the epochs: share of the time", "%"),
)


def last(what: str) -> str:
    """The last figure of a row, as docs/benchmarks.md records it: | row | figure | date | machine |."""
    for line in RECORDS.read_text(encoding="utf-8").splitlines():
        row, *cells = (cell.strip() for cell in line.strip().strip("|").split("|"))
        if row == what and len(cells) == 3 and all(cells):
            return "last: {} on {}, {}".format(*cells)
    return "not measured yet"


def main() -> int:
    # AppTest has it warn of every page that is opened, since no server runs.
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").disabled = True
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    full, missed = "--full" in sys.argv[1:], False
    for row in (*quick_rows(), *(SLOW if full else ())):
        try:
            figure = row.measure()
            shown, verdict = f"{figure:.3g}", row.verdict(figure)
        except start.MissingError as reason:
            shown, verdict = "-", f"skipped: {reason}"
        print(f"{row.what:<64} {shown:>8} {row.unit:<4} {verdict}", flush=True)
        missed |= verdict.endswith("MISSED")
    if not full:
        for row in SLOW:
            print(f"{row.what:<64} {last(row.what)}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
