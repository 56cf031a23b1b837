"""What watching costs a training run, and what a training run costs the pages: a real server, a real run."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alexnet_viz.training.events import StepDone
from alexnet_viz.training.processes import Processes
from alexnet_viz.training.runs import Run, read_events
from tools.bench.clock import in_turns
from tools.bench.start import chromium
from tools.bench.training import home, running_run
from tools.catalogue import ROOT
from tools.server import Server, running
from tools.websocket import visit

PAIRS = 3  # of a window in which nobody watches and one in which somebody does
SECONDS = 20  # of a window
SETTLE = 5  # seconds after the first page: the server imports torch
RERUNS = 40
PAUSE = 0.15  # seconds between two reruns


def cost() -> float:
    """Percent of its images per second that a run loses while a websocket client keeps its page open."""
    with _server_and_run() as (server, run):

        def watched() -> None:
            with visit(server.url, "train", f"run={run.id}") as tab:
                before = tab.runs
                tab.stay(SECONDS)
                assert tab.runs - before > SECONDS / 3, "the page was not redrawn"

        return _cost(run, watched)


def cost_in_chromium() -> float:
    """The same with a Chromium that draws the page on the same cores."""
    with chromium() as browser, _server_and_run() as (server, run):

        def watched() -> None:
            page = browser.new_page()
            page.goto(f"{server.url}/train?run={run.id}")
            page.wait_for_timeout(1000 * SECONDS)
            page.close()

        return _cost(run, watched)


def rerun_while_training() -> float:
    """One rerun of the classify page while a run trains, as a multiple of the same on an idle machine."""
    with home() as folder, running(ROOT / "app.py", folder) as server, visit(server.url, "classify") as tab:
        time.sleep(SETTLE)

        def rerun() -> float:
            time.sleep(PAUSE)
            return 1000 * tab.rerun()

        in_turns(RERUNS, rerun)  # everything is cached now
        (idle,) = in_turns(RERUNS, rerun)
        with running_run(Processes()):
            (busy,) = in_turns(RERUNS, rerun)
    print(f"  {busy:.1f} ms, idle {idle:.1f} ms (medians of {RERUNS})")
    return busy / idle


def reruns_in_a_row(page: str) -> float:
    """Milliseconds of a rerun over a real websocket, one right after the other, as slider drags are felt."""
    with home() as folder, running(ROOT / "app.py", folder) as server, visit(server.url, page) as tab:
        time.sleep(SETTLE)

        def rerun() -> float:
            return 1000 * tab.rerun()

        in_turns(RERUNS // 4, rerun)  # everything is cached now
        (middle,) = in_turns(RERUNS, rerun)
    return middle


@contextmanager
def _server_and_run() -> Iterator[tuple[Server, Run]]:
    with home() as folder, running(ROOT / "app.py", folder) as server, running_run(Processes()) as run:
        with visit(server.url, "train"):
            time.sleep(SETTLE)
        yield server, run


def _cost(run: Run, watched: Callable[[], None]) -> float:
    before, after = in_turns(
        PAIRS,
        lambda: _images_per_second(run, lambda: time.sleep(SECONDS)),
        lambda: _images_per_second(run, watched),
    )
    print(f"  {before:.0f} images per second alone, {after:.0f} watched (medians of {PAIRS})")
    return 100 * (1 - after / before)


def _images_per_second(run: Run, meanwhile: Callable[[], None]) -> float:
    """Of the training steps that were done meanwhile."""
    told = (run.path / "metrics.jsonl").stat().st_size  # whole lines: each is written at once
    meanwhile()
    steps = [event for event in read_events(run, told)[0] if isinstance(event, StepDone)]
    return statistics.harmonic_mean([step.images_per_second for step in steps])
