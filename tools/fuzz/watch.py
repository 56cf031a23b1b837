"""What happens when hostile input comes to a door: accepted, refused in words, or neither; and what it does meanwhile.

An audit hook of the interpreter sees every file that is opened, made, moved or removed, every process and every
connection, while an attack is met.
"""

import os
import random
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from alexnet_viz.errors import UserError
from alexnet_viz.words.i18n import LANGUAGES, translator

BAIT = "bait"  # folder outside of the home that hostile paths and links lead to; nobody may read it


@dataclass(frozen=True)
class Attack:
    """One hostile input. `meet` brings it to its door: it returns, or raises `UserError`; anything else is a bug."""

    title: str
    meet: Callable[[], object]


Maker = Callable[[random.Random, int, Path], Attack]  # chance, number, folder for files that the attack brings along


@dataclass
class Report:
    """What became of many attacks."""

    met: int = 0
    accepted: int = 0
    refused: int = 0
    escaped: list[str] = field(default_factory=list)  # exceptions that are no UserError, warnings
    outside: list[str] = field(default_factory=list)  # files touched outside of the home, processes, connections
    slowest: tuple[float, str] = 0.0, ""  # seconds of the processor, and what took them
    seconds: float = 0.0  # of the processor, for all
    peak: float = 0.0  # resident memory in MB above what it was before, at its peak and at the end
    end: float = 0.0


def meet_all(
    maker: Maker,
    seed: int,
    numbers: Iterable[int],
    sandbox: "Sandbox",
    say: Callable[[str], object] = lambda title: None,
) -> Report:
    """Make every attack and bring it to its door. `say` is told of each before it is met."""
    report = Report()
    for number in numbers:
        attack = maker(random.Random(f"{seed}/{number}"), number, sandbox.given)
        title = f"{number} {attack.title}"
        say(title)
        start = time.process_time()
        with watched(sandbox) as seen, warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("default")
            try:
                _meet(attack, report)
            except BaseException:  # a panic in a library's Rust is no Exception
                report.escaped.append(f"{title}\n{traceback.format_exc()}")
        report.met += 1
        report.slowest = max(report.slowest, (time.process_time() - start, title))
        report.escaped += [f"{title}\nwarned: {one.message}" for one in warned]
        report.outside += [f"{title}: {what}" for what in seen]
    return report


def _meet(attack: Attack, report: Report) -> None:
    try:
        attack.meet()
    except UserError as refusal:
        for language in LANGUAGES:
            translator(language)(refusal.message)  # can be said in every one
        report.refused += 1
    else:
        report.accepted += 1


# ---- What it does meanwhile -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sandbox:
    """Folders of one's own: everything that a user has, with the app's home among it."""

    root: Path

    def __post_init__(self) -> None:
        for name in ("home", "given", "user", "tmp", "here", BAIT):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / BAIT / "secret.txt").write_text("nobody may read this")

    @property
    def home(self) -> Path:
        """ALEXNET_VIZ_HOME, the only place where the app may write."""
        return self.root / "home"

    @property
    def given(self) -> Path:
        """Where attacks put the files that they bring along."""
        return self.root / "given"

    def environment(self) -> dict[str, str]:
        """Variables of a process that lives here; its working folder shall be `here`."""
        places = {"ALEXNET_VIZ_HOME": "home", "HOME": "user", "TMPDIR": "tmp"}
        places |= {"XDG_CACHE_HOME": "user/cache", "TORCH_HOME": "user/torch"}
        return {variable: str(self.root / place) for variable, place in places.items()}

    def listing(self) -> set[str]:
        """Every file and folder outside of the home and of what attacks bring along."""
        ours = (self.home, self.given)
        return {str(path) for path in self.root.rglob("*") if not any(path.is_relative_to(one) for one in ours)}


_watching: tuple[Sandbox, list[str]] | None = None  # where, and what the hook notes down

# Event: for each of its arguments that is a path, where it and the folder that it may be relative to stand.
_CHANGES: dict[str, list[tuple[int, int | None]]] = {
    "os.mkdir": [(0, 2)],
    "os.remove": [(0, 1)],
    "os.rmdir": [(0, 1)],
    "os.chmod": [(0, 2)],
    "os.utime": [(0, 3)],
    "os.rename": [(0, 2), (1, 3)],
    "os.link": [(0, 2), (1, 3)],
    "os.symlink": [(1, 2)],
    "os.truncate": [(0, None)],
}
_NEVER = {
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn"),
    *("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"),
    *("ctypes.dlopen", "os.kill", "os.putenv", "webbrowser.open"),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@contextmanager
def watched(sandbox: Sandbox) -> Iterator[list[str]]:
    """What is done while the block runs that must not be."""
    global _watching
    _set_hook()
    with patch.object(sys, "dont_write_bytecode", True):
        _watching = sandbox, []
        try:
            yield _watching[1]
        finally:
            _watching = None


@cache  # a hook cannot be taken away
def _set_hook() -> None:
    sys.addaudithook(_noted)


def _noted(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    sandbox, seen = _watching
    changed = [(arguments[path], folder and arguments[folder]) for path, folder in _CHANGES.get(event, ())]
    if event == "open":
        path, mode, flags = arguments
        if set("wax+") & set(mode or "") or (flags or 0) & _WRITING:
            changed = [(path, None)]
        elif _within(sandbox.root / BAIT, path):
            seen.append(f"read {path!r:.200}")
    outside = [
        path for path, beside in changed if path != os.devnull and not _within(sandbox.home, path, beside, unknown=True)
    ]
    if event in _NEVER or outside:
        seen.append(f"{event} {outside or arguments!r:.200}")


def _within(folder: Path, path: Any, beside: Any = None, unknown: bool = False) -> bool:
    """`beside` is an open folder that the path may be relative to, as shutil.rmtree's are. An open file has no path."""
    if isinstance(path, int):
        return unknown
    whole = os.fsdecode(path)
    if isinstance(beside, int) and beside >= 0:
        whole = os.path.join(os.readlink(f"/proc/self/fd/{beside}"), whole)
    return Path(os.path.realpath(whole)).is_relative_to(folder)
