"""What this machine is, and what processes take of it, read from /proc (Linux)."""

import contextlib
import os
import platform
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")  # a second
_PAGE = os.sysconf("SC_PAGE_SIZE") / 1e6  # MB


def processor() -> str:
    """Its name."""
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo", encoding="utf-8") as info:
        return next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    return platform.processor() or platform.machine()


def memory_mb(process: int | str = "self", what: str = "VmRSS") -> float:
    """Resident memory of a process, or another line of its status."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{what}:"))) / 1000


def forget_peak() -> None:
    """This process's most resident memory, VmHWM, is counted from here (Linux 4.0 and newer)."""
    Path("/proc/self/clear_refs").write_text("5")


def processes(word: str, where: str) -> set[int]:
    """Those that live, but this one, with this word in their "cmdline", or as NAME=VALUE in their "environ"."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if word.encode() in (folder / where).read_bytes().split(b"\0"):
                found.add(int(folder.name))
    return found - {os.getpid()}


@dataclass(frozen=True)
class Process:
    """One process at one moment."""

    id: int
    parent: int
    seconds: float  # of the processor, by user and system, so far
    resident: float  # MB


def family(process: int) -> list[Process]:
    """The process and all its descendants that live."""
    children: dict[int, list[Process]] = {}
    found: list[Process] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()  # behind the name, which may hold anything
            seconds = (int(stat[11]) + int(stat[12])) / _TICKS
            one = Process(int(folder.name), int(stat[1]), seconds, int(stat[21]) * _PAGE)
            (found if one.id == process else children.setdefault(one.parent, [])).append(one)
    for one in found:
        found.extend(children.get(one.id, []))
    return found


@dataclass(frozen=True)
class Sample:
    """One look at a process and all that it started."""

    at: float  # seconds since the first one
    cores: float  # busy since the look before
    resident: float  # MB


@contextlib.contextmanager
def usage(process: int) -> Iterator[list[Sample]]:
    """Samples of a process and its descendants, one a second, while the block runs."""
    samples: list[Sample] = []
    over = threading.Event()

    def watch() -> None:
        started = before = time.monotonic()
        took = sum(one.seconds for one in family(process))
        while not over.wait(1.0):
            now, members = time.monotonic(), family(process)
            seconds = sum(one.seconds for one in members)
            cores = max(0.0, seconds - took) / (now - before)
            samples.append(Sample(now - started, cores, sum(one.resident for one in members)))
            took, before = seconds, now

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()
