"""`make fuzz`: hostile input at every door, one table, exit 1 if a bar is missed. Two doors at a time.

Bars: every attack is met, nothing but UserError is raised, nothing is touched outside of ALEXNET_VIZ_HOME, no process
and no connection is started, resident memory grows by less than 300 MB at its peak, and all of it takes 8 minutes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tools.bench.__main__ import processor
from tools.catalogue import ROOT
from tools.fuzz.child import NOW
from tools.fuzz.doors import DOORS, Door
from tools.fuzz.watch import Sandbox

MOST_GROWTH = 300  # MB
MOST_SECONDS = 480
_SHOWN = 5  # problems of a door that are printed


@dataclass(frozen=True)
class Row:
    """One door's outcome; `report` is empty where its process died."""

    door: Door
    asked: int
    seconds: float
    report: dict[str, Any]
    problems: list[str]

    @property
    def verdict(self) -> str:
        missed = []
        if self.report.get("met", 0) < self.asked:
            missed.append(f"{self.report.get('met', 0)} of {self.asked} met")
        if self.problems:
            missed.append(f"{len(self.problems)} problems")
        if self.report.get("peak", 0) >= MOST_GROWTH:
            missed.append(f"more than {MOST_GROWTH} MB")
        return f"MISSED: {', '.join(missed)}" if missed else "met"


def row(seed: int, numbers: range, door: Door) -> Row:
    """Run one door in a sandbox of its own."""
    with tempfile.TemporaryDirectory(prefix="alexnet-fuzz-") as folder:
        sandbox = Sandbox(Path(folder).resolve())
        sandbox.prepare()
        (sandbox.root / NOW).touch()
        before, start = sandbox.listing(), time.monotonic()
        command = [sys.executable, "-B", "-m", "tools.fuzz.child", door.name, str(seed)]
        command += [str(numbers.start), str(numbers.stop), str(sandbox.root)]
        environment = {**os.environ, **sandbox.environment(), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        here = sandbox.root / "here"
        try:
            done = subprocess.run(
                command, cwd=here, env=environment, capture_output=True, text=True, timeout=2 * MOST_SECONDS
            )
            code, said, told = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired:
            code, said, told = -1, "", "it did not end"
        seconds = time.monotonic() - start
        problems = [f"left behind: {name}" for name in sorted(sandbox.listing() - before)]
        if code:
            at = (sandbox.root / NOW).read_text(encoding="utf-8")
            return Row(door, len(numbers), seconds, {}, [f"exit {code} at: {at}\n{told[-2000:]}", *problems])
        report = json.loads(said.splitlines()[-1])
        return Row(door, len(numbers), seconds, report, [*report["escaped"], *report["outside"], *problems])


COLUMNS: Mapping[str, Callable[[Row], str]] = {
    "door        ": lambda row: row.door.name,
    "attacks": lambda row: f"{row.report.get('met', 0)}",
    "accepted": lambda row: f"{row.report.get('accepted', 0)}",
    " refused": lambda row: f"{row.report.get('refused', 0)}",
    " escaped": lambda row: f"{len(row.report.get('escaped', ()))}",
    " outside": lambda row: f"{len(row.report.get('outside', ()))}",
    " seconds": lambda row: f"{row.seconds:.1f}",
    "  CPU s": lambda row: f"{row.report.get('processor', 0):.1f}",
    " slowest": lambda row: f"{row.report.get('slowest', 0):.2f}",
    " peak MB": lambda row: f"{row.report.get('peak', 0):+.0f}",
    " end MB": lambda row: f"{row.report.get('end', 0):+.0f}",
}


def line(row: Row) -> str:
    door, *figures = COLUMNS.items()
    cells = [f"{cell(row):>{len(heading)}}" for heading, cell in figures]
    return " ".join([f"{door[1](row):<{len(door[0])}}", *cells, "", row.verdict])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz")
    parser.add_argument("doors", nargs="*", metavar="DOOR", help=f"some of: {', '.join(DOORS)}")
    parser.add_argument("--seed", type=int, default=0, help="another one gives other input")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one attack again")
    args = parser.parse_args()
    chosen = [DOORS[name] for name in args.doors or DOORS]
    print(f"{processor()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, seed {args.seed}")
    print(*COLUMNS)
    start = time.monotonic()
    missed = False
    with ThreadPoolExecutor(max_workers=2) as pool:
        wanted = [
            (range(args.only, args.only + 1) if args.only is not None else range(door.attacks)) for door in chosen
        ]
        for one in pool.map(partial(row, args.seed), wanted, chosen):
            print(line(one), flush=True)
            for problem in one.problems[:_SHOWN]:
                print("    " + problem.replace("\n", "\n    "))
            if one.report:
                print(f"    slowest: {one.report['slowest_title']}")
            missed |= one.verdict != "met"
    seconds = time.monotonic() - start
    late = seconds > MOST_SECONDS
    print(f"{seconds:.0f} s in all, at most {MOST_SECONDS}: {'MISSED' if late else 'met'}")
    return int(missed or late)


if __name__ == "__main__":
    sys.exit(main())
