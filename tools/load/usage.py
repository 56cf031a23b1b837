"""What processes take of the machine, read from /proc once a second (Linux)."""

import contextlib
import os
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")  # a second
_PAGE = os.sysconf("SC_PAGE_SIZE") / 1e6  # MB


@dataclass(frozen=True)
class Sample:
    """One look at a process and all that it started."""

    at: float  # seconds since the first one
    cores: float  # busy since the look before
    resident: float  # MB
    processes: int


class Usage:
    """Samples of a process and its descendants while the block runs."""

    def __init__(self, process: int, every: float = 1.0) -> None:
        self.samples: list[Sample] = []
        self._process, self._every = process, every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Usage":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def cores(self) -> float:
        """Busy on average."""
        return statistics.mean(sample.cores for sample in self.samples)

    def peak(self) -> float:
        """Resident memory at most, MB."""
        return max(sample.resident for sample in self.samples)

    def resident(self, begin: float, end: float) -> float:
        """Median of the resident memory, MB, from one moment to another, in seconds."""
        return statistics.median(sample.resident for sample in self.samples if begin <= sample.at < end)

    def _watch(self) -> None:
        started = before = time.monotonic()
        ticks = sum(_ticks(one) for one in family(self._process))
        while not self._over.wait(self._every):
            now = time.monotonic()
            processes = family(self._process)
            took = sum(_ticks(one) for one in processes)
            cores = max(0, took - ticks) / _TICKS / (now - before)
            resident = sum(_resident(one) for one in processes)
            self.samples.append(Sample(now - started, cores, resident, len(processes)))
            ticks, before = took, now


def family(process: int) -> list[int]:
    """The process and all its descendants that live."""
    children: dict[int, list[int]] = {}
    for one in _all():
        with contextlib.suppress(OSError):  # it ended meanwhile
            children.setdefault(int(_stat(one)[1]), []).append(one)
    found = [process]
    for one in found:
        found.extend(children.get(one, []))
    return found


def with_environment(variable: str, value: str) -> list[int]:
    """The processes, but this one, in whose environment a variable has this value."""
    wanted, found = f"{variable}={value}".encode(), []
    for one in _all():
        with contextlib.suppress(OSError):
            if one != os.getpid() and wanted in Path(f"/proc/{one}/environ").read_bytes().split(b"\0"):
                found.append(one)
    return found


def _all() -> Iterator[int]:
    return (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))


def _stat(process: int) -> list[str]:
    """What follows the name, which may hold anything: state, parent, ..."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def _ticks(process: int) -> int:
    with contextlib.suppress(OSError):
        stat = _stat(process)
        return int(stat[11]) + int(stat[12])  # user and system
    return 0


def _resident(process: int) -> float:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
    return 0.0
