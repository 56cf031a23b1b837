"""The table of `make fuzz`: hostile input at every door, each met in a process of its own, in a sandbox.

A process of its own, because a bug may end it, and because memory is measured. Bars: every attack is met, nothing but
UserError is raised, nothing is touched outside of ALEXNET_VIZ_HOME, no process and no connection is started, resident
memory grows by less than 300 MB at its peak, and all of it takes 8 minutes.
"""

import argparse
import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from tools import ROOT
from tools.fuzz.watch import Report, Sandbox, meet_all
from tools.machine import forget_peak, memory_mb, processor

MOST_GROWTH = 300  # MB
MOST_SECONDS = 480
DOORS: Mapping[str, int] = {"images": 20_000, "checkpoints": 1560, "archives": 630, "links": 12_000, "names": 4200}
_SHOWN = 5  # problems of a door that are printed


def door(name: str) -> ModuleType:
    """The module that makes its attacks. `sound` is what it must accept, or nothing is proven by refusing the rest."""
    return importlib.import_module(f"tools.fuzz.{name}")


@dataclass(frozen=True)
class Row:
    """One door's outcome."""

    door: str
    asked: int
    seconds: float
    report: Report

    @property
    def problems(self) -> list[str]:
        return [*self.report.escaped, *self.report.outside]

    @property
    def verdict(self) -> str:
        missed = []
        if self.report.met < self.asked:
            missed.append(f"{self.report.met} of {self.asked} met")
        if self.problems:
            missed.append(f"{len(self.problems)} problems")
        if self.report.peak >= MOST_GROWTH:
            missed.append(f"more than {MOST_GROWTH} MB")
        return f"MISSED: {', '.join(missed)}" if missed else "met"


def row(seed: int, only: int | None, name: str) -> Row:
    """Run one door in a sandbox of its own."""
    numbers = range(DOORS[name]) if only is None else range(only, only + 1)
    with tempfile.TemporaryDirectory(prefix="alexnet-fuzz-") as folder:
        sandbox = Sandbox(Path(folder).resolve())
        before, start = sandbox.listing(), time.monotonic()
        command = [sys.executable, "-B", "-m", "tools.fuzz", name, f"--seed={seed}", f"--inside={sandbox.root}"]
        command += [] if only is None else [f"--only={only}"]
        environment = {**os.environ, **sandbox.environment(), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment["PYTHONIOENCODING"] = "utf-8:backslashreplace"
        run = partial(subprocess.run, capture_output=True, text=True, encoding="utf-8", timeout=2 * MOST_SECONDS)
        try:
            done = run(command, cwd=sandbox.root / "here", env=environment)
            *_, last = ["nothing", *done.stdout.splitlines()]
            told = f"exit {done.returncode} at: {last}\n{done.stderr[-2000:]}"
            report = Report(escaped=[told]) if done.returncode else Report(**json.loads(last))
        except subprocess.TimeoutExpired:
            report = Report(escaped=["it did not end"])
        report.outside += [f"left behind: {path}" for path in sorted(sandbox.listing() - before)]
        return Row(name, len(numbers), time.monotonic() - start, report)


def meet(name: str, seed: int, numbers: Sequence[int], sandbox: Sandbox) -> Report:
    """In the door's process: what became of the attacks, the title of each printed before it is met."""
    for attack in door(name).sound(sandbox.given):
        attack.meet()
    gc.collect()
    before = memory_mb()
    forget_peak()
    start = time.process_time()
    report = meet_all(door(name).attack, seed, numbers, sandbox, partial(print, flush=True))
    report.peak, report.seconds = memory_mb(what="VmHWM") - before, time.process_time() - start
    gc.collect()
    report.end = memory_mb() - before
    return report


HEADINGS = "door          attacks accepted  refused  escaped  outside  seconds    CPU s  slowest  peak MB   end MB"


def line(row: Row) -> str:
    report = row.report
    counts = (report.met, report.accepted, report.refused, len(report.escaped), len(report.outside))
    return (
        f"{row.door:<12} {' '.join(f'{count:>8}' for count in counts)} {row.seconds:>8.1f} {report.seconds:>8.1f} "
        f"{report.slowest[0]:>8.2f} {report.peak:>+8.0f} {report.end:>+8.0f}  {row.verdict}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz")
    parser.add_argument("doors", nargs="*", metavar="DOOR", help=f"some of: {', '.join(DOORS)}")
    parser.add_argument("--seed", type=int, default=0, help="another one gives other input")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one attack again")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)  # of a door's process: its sandbox
    args = parser.parse_args()
    if args.inside:
        (name,) = args.doors
        numbers = range(DOORS[name]) if args.only is None else [args.only]
        print(json.dumps(asdict(meet(name, args.seed, numbers, Sandbox(args.inside)))))
        return 0
    print(f"{processor()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, seed {args.seed}")
    print(HEADINGS)
    start, missed = time.monotonic(), False
    with ThreadPoolExecutor(max_workers=2) as pool:
        for one in pool.map(partial(row, args.seed, args.only), args.doors or DOORS):
            print(line(one), flush=True)
            for problem in one.problems[:_SHOWN]:
                print("    " + problem.replace("\n", "\n    "))
            print(f"    slowest: {one.report.slowest[1]}")
            missed |= one.verdict != "met"
    seconds = time.monotonic() - start
    late = seconds > MOST_SECONDS
    print(f"{seconds:.0f} s in all, at most {MOST_SECONDS}: {'MISSED' if late else 'met'}")
    return int(missed or late)


if __name__ == "__main__":
    sys.exit(main())
