"""`python -m tools.load --visitors 30 --seconds 120 [--training] [--soak MINUTES]`: a class at the app, and one table.

It starts a server of its own on 127.0.0.1 and asks no other. Every visitor holds a websocket and does one thing every
three seconds, more or less; what it waits is counted from asking until the script was through, without a browser's
drawing. Exits with 1 if a bar is missed. With --training a run trains meanwhile, and the bars are twice as high. A soak
also holds memory, hooks, caches and processes to their bounds.
"""

import argparse
import json
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import mean, median
from unittest.mock import patch

from alexnet_viz.words.i18n import LANGUAGES, translator
from tools import ROOT
from tools.load.actions import ACTIONS, BARS, CHAPTERS
from tools.load.watched import REPORT
from tools.machine import Sample, family, processes, processor, usage
from tools.server import Server, running
from tools.waiting import until
from tools.websocket import Tab, visit

MOST_VISITORS, MOST_MINUTES = 100, 60
EVERY = 3.0  # seconds from one action of a visitor to its next, on average
JITTER = 0.5  # share of that by which it comes earlier or later, at most
# Seconds of a soak in which memory may grow. The last store to fill is that of a visitor's own pictures: twelve, and
# one is uploaded in about 67 seconds.
WARM_UP = 15 * 60
WINDOW = 60  # seconds whose median is one figure of memory
LOG = 8000  # characters of the server's log that are shown after an error
GROWTH = 1.10  # of memory after the warm-up, at most
APOLOGY = "Something in this app went wrong; it is not your fault. Reload the page. The log has the details."


@dataclass(frozen=True)
class Taken:
    """One action of one visitor: what it took, or what went wrong."""

    action: str
    seconds: float
    error: str = ""


@dataclass
class Outcome:
    """What all visitors did, and what the server took for it."""

    taken: list[Taken]
    samples: list[Sample]
    client_cores: float
    problems: list[str] = field(default_factory=list)  # that only a soak looks for


def load(visitors: int, seconds: float, *, seed: int = 0, soak: bool = False, every: float = EVERY) -> Outcome:
    """So many visitors for so long, at a server of their own."""
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, {REPORT: f"{folder}/report.json"}):
        home = Path(folder) / "home"
        with running(ROOT / "app.py", home, "tools.load.watched") as server:
            _warm(server)
            own = time.process_time()
            with usage(server.process.pid) as samples:
                taken = _visits(server, visitors, seconds, seed, every)
            outcome = Outcome(taken, samples, (time.process_time() - own) / seconds)
            if any(one.error for one in taken):
                print(Path(f"/proc/{server.process.pid}/fd/2").read_text()[-LOG:])
            if soak:
                outcome.problems.extend([*_grown(samples), *_held(server, Path(folder) / "report.json")])
        if left := processes(f"ALEXNET_VIZ_HOME={home}", "environ"):
            outcome.problems.append(f"processes outlived the server: {left}")
        return outcome


def _warm(server: Server) -> None:
    """One visitor goes everywhere, so that torch and the models are loaded: a load is not a start."""
    with visit(server.url) as one:
        for action in (action for chapter in CHAPTERS for action in chapter):
            ACTIONS[action].do(one, Random(-1))


def _visits(server: Server, visitors: int, seconds: float, seed: int, every: float) -> list[Taken]:
    taken: list[Taken] = []
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(visitors) as pool:
        for number in range(visitors):
            pool.submit(_visit, server, number, Random(1000 * seed + number), end, every, taken)
            time.sleep(every / visitors)
    return taken


def _visit(server: Server, number: int, chance: Random, end: float, every: float, taken: list[Taken]) -> None:
    """One visitor, until the end; after an error it opens the page anew, as a person would."""
    first = number % len(CHAPTERS)  # visitors begin with different ones
    actions = [action for chapter in (*CHAPTERS[first:], *CHAPTERS[:first]) for action in chapter]
    while time.monotonic() < end:
        action = "open_classify"
        try:
            with visit(server.url) as one:
                due = time.monotonic()
                for action in cycle(actions):
                    if due >= end:
                        return
                    time.sleep(max(0.0, due - time.monotonic()))
                    due = max(due, time.monotonic() - every) + every * chance.uniform(1 - JITTER, 1 + JITTER)
                    taken.append(_one(one, action, chance))
        except Exception as problem:  # whatever it is, it is counted
            taken.append(Taken(action, 0.0, f"{type(problem).__name__}: {problem}"))
            time.sleep(every)


def _one(one: Tab, action: str, chance: Random) -> Taken:
    seconds = ACTIONS[action].do(one, chance)
    one.fetch_pictures()
    apologies = {translator(language)(APOLOGY) for language in LANGUAGES}
    wrong = [text.replace("\\", "") for text in one.complaints()]
    return Taken(action, seconds, next((text for text in wrong if text in apologies), ""))


# ---- What a soak looks for ------------------------------------------------------------------------------------------


def _grown(samples: Sequence[Sample]) -> list[str]:
    """Memory after the warm-up, window by window."""
    last = samples[-1].at
    starts = range(int(min(WARM_UP, last / 2)), int(last - WINDOW / 2), WINDOW)
    windows = [median(one.resident for one in samples if start <= one.at < start + WINDOW) for start in starts]
    print("memory by minute after the warm-up, MB: " + " ".join(f"{window:.0f}" for window in windows))
    if max(windows) <= GROWTH * windows[0]:
        return []
    return [f"memory grew from {windows[0]:.0f} to {max(windows):.0f} MB after the warm-up"]


def _held(server: Server, report: Path) -> list[str]:
    """Hooks, caches and processes, when the visitors have gone."""
    os.kill(server.process.pid, signal.SIGUSR1)
    until(report.exists, patience=60, problem="the server does not tell what it holds")
    held = json.loads(report.read_text())
    print(f"{held['entries']} entries in caches, {held['hooks']} hooks")
    problems = [f"over its bound: {text}" for text in held["over"]]
    if held["hooks"]:
        problems.append(f"{held['hooks']} hooks were left on modules")
    if len(family(server.process.pid)) > 1:
        problems.append("the server has processes that nobody asked for")
    return problems


# ---- The table ------------------------------------------------------------------------------------------------------


def table(outcome: Outcome, factor: float = 1.0) -> tuple[list[str], bool]:
    """Its lines, and whether every bar is met. `factor` raises the bars."""
    lines = [
        f"{'milliseconds':<28} {'count':>6} {'errors':>6} {'p50':>6} {'p95':>6} {'p99':>6} {'most':>6}  p95 at most"
    ]
    met = not outcome.problems
    for bar_id, bar in BARS.items():
        of_bar = {action for action, entry in ACTIONS.items() if entry.bar == bar_id}
        for action in sorted(of_bar, key=list(ACTIONS).index):
            lines.append(_row("  " + ACTIONS[action].title, [one for one in outcome.taken if one.action == action]))
        ours = [one for one in outcome.taken if one.action in of_bar]
        most = factor * bar.milliseconds
        good = percentile([one.seconds for one in ours if not one.error], 95) * 1000 <= most
        met &= good and not any(one.error for one in ours)
        lines.append(f"{_row(bar.title, ours)}  {most:.0f}: {'met' if good else 'MISSED'}")
    resident = [sample.resident for sample in outcome.samples]
    lines.append(
        f"server: {mean(sample.cores for sample in outcome.samples):.2f} cores, {resident[-1]:.0f} MB at the end, "
        f"{max(resident):.0f} MB at most; the visitors: {outcome.client_cores:.2f} cores"
    )
    wrong = [one for one in outcome.taken if one.error]
    lines.extend(f"error: {ACTIONS[one.action].title}: {one.error[:300]}" for one in wrong[:10])
    lines.extend(f"MISSED: {problem}" for problem in outcome.problems)
    return lines, met


def _row(title: str, taken: Sequence[Taken]) -> str:
    good = [one.seconds for one in taken if not one.error]
    shown = " ".join(f"{1000 * percentile(good, share):>6.0f}" for share in (50, 95, 99, 100))
    return f"{title:<28} {len(taken):>6} {len(taken) - len(good):>6} {shown}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many percent of all do not exceed; infinite where there are none."""
    return sorted(values)[max(0, math.ceil(share / 100 * len(values)) - 1)] if values else math.inf


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m tools.load", description=__doc__.split("\n\n")[0])
    parser.add_argument("--visitors", type=int, default=30, choices=range(1, MOST_VISITORS + 1), metavar="N")
    parser.add_argument("--seconds", type=int, default=100, choices=range(5, 60 * MOST_MINUTES + 1), metavar="S")
    parser.add_argument("--training", action="store_true", help="a run trains meanwhile")
    parser.add_argument("--soak", type=int, default=0, choices=range(1, MOST_MINUTES + 1), metavar="MINUTES")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    seconds = 60 * asked.soak or asked.seconds
    with ExitStack() as stack:
        if asked.training:
            from alexnet_viz.training.processes import Processes
            from tools.bench.training import home, running_run

            stack.enter_context(home())
            stack.enter_context(running_run(Processes()))
        outcome = load(asked.visitors, seconds, seed=asked.seed, soak=bool(asked.soak))
    lines, met = table(outcome, 2.0 if asked.training else 1.0)
    print(
        f"{asked.visitors} visitors for {seconds} s, one action every {EVERY:g} s each"
        f"{', a run training meanwhile' if asked.training else ''}; {processor()}, {os.cpu_count()} cores"
    )
    print("\n".join(lines))
    return int(not met)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
