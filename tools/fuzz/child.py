"""One door in a process of its own: `python -m tools.fuzz.child DOOR SEED NUMBER...`, in a sandbox, as JSON.

A process of its own, because a bug may end it, and because memory is measured.
"""

import gc
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from tools.fuzz.doors import DOORS, Door
from tools.fuzz.watch import Sandbox, forget_peak, meet_all, peak_mb, resident_mb

NOW = "now.txt"  # in the sandbox: the attack that is being met


def meet(door: Door, seed: int, numbers: Iterable[int], sandbox: Sandbox) -> dict[str, object]:
    """What became of them, with resident memory at the end and at its peak, above what it was before, in MB."""
    for attack in door.sound(sandbox.given):
        attack.meet()
    gc.collect()
    before = resident_mb()
    forget_peak()
    start = time.process_time()
    with (sandbox.root / NOW).open("w", encoding="utf-8", errors="replace") as now:

        def say(title: str) -> None:
            now.seek(0)
            now.truncate()
            now.write(title)
            now.flush()

        report = meet_all(door.attack, seed, numbers, sandbox, say)
    peak, processor = peak_mb() - before, time.process_time() - start
    gc.collect()
    return {**asdict(report), "met": report.met, "processor": processor, "peak": peak, "end": resident_mb() - before}


def main() -> None:
    name, seed, first, last, root = sys.argv[1:]
    print(json.dumps(meet(DOORS[name], int(seed), range(int(first), int(last)), Sandbox(Path(root)))))


if __name__ == "__main__":
    main()
