"""What runs told, read as it grows: what is new since the last look, and nothing where no file has changed.

    overviews = Overviews()          # once a server
    overviews.of(run)                # epochs, end and the like of any run, without its steps

A run of CIFAR-10 tells of 16,000 steps, four megabytes of them. No torch.
"""

import os
import threading
from collections import OrderedDict
from pathlib import Path

from alexnet_viz.training.events import Event, as_it_went
from alexnet_viz.training.runs import History, Run, history_of, read_events

MOST_KEPT = 1000  # runs; without its steps one takes some kilobytes


class Reading:
    """What was read of one run so far. Without steps, their lines are passed over unread."""

    def __init__(self, *, steps: bool = True) -> None:
        self._steps = steps
        self._stamp: tuple[int, int, int] | None = None  # of the file as it was read last
        self._offset = 0
        self._events: list[Event] = []
        self._history = history_of([])

    def catch_up(self, run: Run) -> History:
        """All that the run told so far; the very same object where nothing is new."""
        stamp = _stamp(run.path / "metrics.jsonl")
        if stamp == self._stamp:
            return self._history
        if stamp is None or (self._stamp and stamp[0] != self._stamp[0]) or stamp[1] < self._offset:
            self._offset, self._events, self._history = 0, [], history_of([])  # another file
        new, self._offset = read_events(run, self._offset, steps=self._steps)
        if new:
            self._events = as_it_went([*self._events, *new])
            self._history = history_of(self._events)
        self._stamp = stamp
        return self._history


class Overviews:
    """What all runs told, without their steps; for many threads."""

    def __init__(self) -> None:
        self._readings: OrderedDict[Path, Reading] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._readings)

    def of(self, run: Run) -> History:
        """Epochs, checkpoints, changed rates and the end of a run; its steps are left out."""
        with self._lock:
            reading = self._readings.pop(run.path, None) or Reading(steps=False)
            self._readings[run.path] = reading  # the last one used is the last one to go
            while len(self._readings) > MOST_KEPT:
                self._readings.popitem(last=False)
            return reading.catch_up(run)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """What changes when a file does: which one it is, its size in bytes, and when it was written."""
    try:
        found = os.stat(file)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
