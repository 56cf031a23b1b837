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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from alexnet_viz.errors import UserError
from alexnet_viz.words.i18n import LANGUAGES, translator
from tools.server import memory_mb

TRANSLATORS = [translator(language) for language in LANGUAGES]
BAIT = "bait"  # folder outside of the home that hostile paths and links lead to; nobody may read it

_MOST_KEPT = 20  # problems that a report keeps in full


@dataclass(frozen=True)
class Attack:
    """One hostile input. `meet` brings it to its door: it returns, or raises `UserError`; anything else is a bug."""

    title: str
    meet: Callable[[], object]


Maker = Callable[[random.Random, int, Path], Attack]  # chance, number, folder for files that the attack brings along


@dataclass
class Report:
    """What became of many attacks."""

    accepted: int = 0
    refused: int = 0
    escaped: list[str] = field(default_factory=list)  # exceptions that are no UserError, warnings
    outside: list[str] = field(default_factory=list)  # files touched outside of the home, processes, connections
    slowest: float = 0.0  # seconds of the processor
    slowest_title: str = ""

    @property
    def met(self) -> int:
        return self.accepted + self.refused + len(self.escaped)


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
            problem = _met(attack, report)
        seconds = time.process_time() - start
        if seconds > report.slowest:
            report.slowest, report.slowest_title = seconds, title
        if problem:
            report.escaped.append(f"{title}\n{problem}" if len(report.escaped) < _MOST_KEPT else title)
        report.escaped += [f"{title}\nwarned: {one.message}" for one in warned]
        report.outside += [f"{title}: {what}" for what in seen]
    return report


def _met(attack: Attack, report: Report) -> str:
    """Counts what became of it; returns the traceback of a bug."""
    try:
        try:
            attack.meet()
        except UserError as refusal:
            for t in TRANSLATORS:
                t(refusal.message)  # can be said in every language
            report.refused += 1
        else:
            report.accepted += 1
    except BaseException:  # a panic in a library's Rust is no Exception
        return traceback.format_exc()
    return ""


# ---- What it does meanwhile -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sandbox:
    """Folders of one's own: everything that a user has, with the app's home among it."""

    root: Path

    @property
    def home(self) -> Path:
        """ALEXNET_VIZ_HOME, the only place where the app may write."""
        return self.root / "home"

    @property
    def given(self) -> Path:
        """Where attacks put the files that they bring along."""
        return self.root / "given"

    def prepare(self) -> None:
        for name in ("home", "given", "user", "tmp", "here", BAIT):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / BAIT / "secret.txt").write_text("nobody may read this")

    def environment(self) -> dict[str, str]:
        """Variables of a process that lives here; its working folder shall be `here`."""
        return {
            "ALEXNET_VIZ_HOME": str(self.home),
            "HOME": str(self.root / "user"),
            "TMPDIR": str(self.root / "tmp"),
            "XDG_CACHE_HOME": str(self.root / "user" / "cache"),
            "TORCH_HOME": str(self.root / "user" / "torch"),
        }

    def listing(self) -> set[str]:
        """Every file and folder outside of the home and of what attacks bring along."""
        skipped = {self.home, self.given}
        found = set()
        for folder, names, files in os.walk(self.root):
            names[:] = [name for name in names if Path(folder, name) not in skipped]
            found |= {os.path.relpath(os.path.join(folder, name), self.root) for name in (*names, *files)}
        return found


_seen: list[str] | None = None  # what the hook notes down; None while nothing is watched
_sandbox = Sandbox(Path())
_hooked = False

# Event: for each of its arguments that is a path, where it and the folder that it may be relative to stand.
_CHANGES: dict[str, Sequence[tuple[int, int]]] = {
    "os.mkdir": [(0, 2)],
    "os.remove": [(0, 1)],
    "os.rmdir": [(0, 1)],
    "os.chmod": [(0, 2)],
    "os.utime": [(0, 3)],
    "os.rename": [(0, 2), (1, 3)],
    "os.link": [(0, 2), (1, 3)],
    "os.symlink": [(1, 2)],
    "os.truncate": [(0, -1)],
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
    global _seen, _sandbox, _hooked
    if not _hooked:
        sys.addaudithook(_noted)
        _hooked = True
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    _seen, _sandbox = [], sandbox
    try:
        yield _seen
    finally:
        _seen = None
        sys.dont_write_bytecode = before


def _noted(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event in _NEVER:
        _seen.append(f"{event} {arguments!r:.200}")
    elif event in _CHANGES:
        for path, folder in _CHANGES[event]:
            _note_unless_home(event, _whole(arguments[path], arguments[folder]))
    elif event == "open":
        path, mode, flags = arguments
        if isinstance(path, int):
            return
        if any(letter in (mode or "") for letter in "wax+") or (flags or 0) & _WRITING:
            _note_unless_home("written", path)
        elif _within(path, _sandbox.root / BAIT):
            _seen.append(f"read {path!r:.200}")


def _whole(path: Any, folder: Any) -> Any:
    """A path that may be relative to an open folder, as shutil.rmtree's are."""
    if isinstance(path, int) or not isinstance(folder, int) or folder < 0:
        return path
    return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), os.fsdecode(path))


def _note_unless_home(event: str, path: Any) -> None:
    if _seen is not None and not isinstance(path, int) and path != os.devnull and not _within(path, _sandbox.home):
        _seen.append(f"{event} {path!r:.200}")


def _within(path: Any, folder: Path) -> bool:
    whole = os.path.realpath(os.fsdecode(path))
    return whole == str(folder) or whole.startswith(f"{folder}{os.sep}")


# ---- Memory ---------------------------------------------------------------------------------------------------------


resident_mb = memory_mb  # of this process
peak_mb = partial(memory_mb, what="VmHWM")  # the most that was ever resident since `forget_peak`


def forget_peak() -> None:
    """The peak is counted from here (Linux 4.0 and newer)."""
    Path("/proc/self/clear_refs").write_text("5")
