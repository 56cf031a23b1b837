"""How many of our files two journeys pass: `python -m tools.journeys`, or `... FOLDER` for a checkout that lies there.

A photo is uploaded and its Grad-CAM overlay drawn; Start is pressed and a point of the curve drawn. Both are really
made, in Streamlit's test harness and, for the run, in its own process. Meanwhile every call of a function of ours is
noted, with what it was given and what it gave. The *way* is then followed backwards from what was drawn:

- a function that was running when it was drawn is on the way, and so is one that it called, if what that one gave (an
  array, an image, a dataclass, a digest, a run's id ...) is what was drawn, or went into another one on the way;
- of a photo, only what was made from the photo counts: not the network that is loaded, not the words beside it;
- a check that gives nothing on is not on the way, and neither are `words` and `errors`, which everything passes.

A file counts if it owns such a function. It is entered *twice* if one that it called, however far down, calls back into
it. Kept answers would hide the way, so all is computed anew.

Before the rooms, at b06608d, a photo passed 18 files and entered one twice, a run 26 and two. (Counted by hand, with
what carries neither photo nor run, such as turns and tables: 29 and 34.)
"""

import hashlib
import io
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from inspect import CO_GENERATOR
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType, GeneratorType
from typing import Any
from unittest.mock import patch

from PIL import Image
from streamlit.runtime.caching.cache_utils import CachedFunc

from tools import ROOT
from tools.pages import open_page, visited_server
from tools.waiting import until

OURS = ("alexnet_viz", "pages", "app.py")
NOT_COUNTED = re.compile(r"(/|^)(words/.*|(errors|i18n|labels|lessons|words|class_words)\.py)$")
DRAWN = {"photo": "drawn over the photo", "run": "The training loss over the steps"}  # in the drawing's text
CHARTS = {"image", "echarts_chart", "plotly_chart"}  # of Streamlit: what draws
LINE = re.compile(r'"loss": ')  # in the line that the process writes of a step
NAME = re.compile(r"[0-9a-f]{12,}|\d{8}-\d{6}-[\w-]+")  # digests, and ids of runs
ARRAYS = ("numpy", "torch", "PIL")  # modules of what a function makes by itself from what it has
KINDS = (*ARRAYS, "plotly", *OURS)  # modules of whose objects the way is made
NO_PART = ("Network", "Translator", "dtype", "device")  # of what is drawn
TRACE, FOLDER = "JOURNEY_TRACE", "JOURNEY_FOLDER"  # tell the run's process where to leave its part, and whose files
INSIDE = "import sys; sys.path.append('{here}'); from tools import journeys; journeys.watch_process()"
ASK = CachedFunc.__call__
DEEP = 4  # levels of fields and items that are looked into
WAIT = 300  # seconds for a run's first step

Thing = tuple[str, Any]
Ends = Callable[[FrameType, str, Any], Any]  # what is drawn at this event of sys.setprofile; None for nothing


@dataclass
class Call:
    """One call of a function of ours. A generator is called once for each of its steps."""

    file: str
    name: str
    above: int  # the call that made it; -1 for none
    given: set[Thing]
    gave: set[Thing] = field(default_factory=set)
    over: bool = False
    again: int = -1  # of a generator: its step before


@dataclass
class Notes:
    """All calls in order, and those that were under way when it was drawn, with what was drawn."""

    calls: list[Call] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    drawn: set[Thing] = field(default_factory=set)
    begun: int = 0  # calls before it


class Watch:
    """Notes calls while the block runs, in this thread and in those that are started meanwhile."""

    def __init__(self, root: Path, ends: Ends, begins: str = "", done: Callable[[Notes], None] = lambda notes: None):
        self.notes, self._root = Notes(), f"{root}{os.sep}"
        self._ends, self._begins, self._done = ends, begins, done
        self._files: dict[str, str] = {}
        self._kept: list[Any] = []  # objects whose identity was noted must not make room for others
        self._steps: dict[int, int] = {}  # of the generators that live: the last one
        self._local, self._lock = threading.local(), threading.Lock()

    def __enter__(self) -> "Watch":
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)
        assert kind or self.notes.running, "the end of the way was not reached"

    def _note(self, frame: FrameType, event: str, what: Any) -> None:
        if self.notes.running:
            sys.setprofile(None)
            return
        stack: list[tuple[FrameType, int]] = self._local.__dict__.setdefault("stack", [])
        if event == "return":
            if stack and stack[-1][0] is frame:
                call = self.notes.calls[stack.pop()[1]]
                made = frame.f_locals.get("self") if frame.f_code.co_name == "__init__" else what
                call.gave, call.over = self._things(made), True
            elif frame.f_code.co_name == self._begins and what:
                self.notes.begun = len(self.notes.calls)
        elif event == "call" and (file := self._file(frame)):
            code = frame.f_code
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 2]
            given = self._things([frame.f_locals[name] for name in names if name in frame.f_locals])
            with self._lock:
                again = self._steps.get(id(frame), -1)
                self.notes.calls.append(Call(file, code.co_qualname, stack[-1][1] if stack else -1, given, again=again))
                stack.append((frame, len(self.notes.calls) - 1))
                if code.co_flags & CO_GENERATOR:
                    self._steps[id(frame)] = len(self.notes.calls) - 1
                    self._kept.append(frame)
        elif stack and (drawn := self._ends(frame, event, what)) is not None:
            self.notes.drawn, self.notes.running = self._things(drawn), [number for _, number in stack]
            sys.setprofile(None)
            self._done(self.notes)

    def _file(self, frame: FrameType) -> str:
        name = frame.f_code.co_filename
        if name not in self._files:
            inside = name.removeprefix(self._root) if name.startswith(self._root) else ""
            self._files[name] = inside if inside.split(os.sep)[0] in OURS else ""
        return self._files[name]

    def _things(self, value: Any, deep: int = DEEP) -> set[Thing]:
        """What is told from other things, in a value and what it holds."""
        if isinstance(value, str):
            return {("name", value)} if NAME.fullmatch(value) else set()
        if isinstance(value, bytes):
            return {("bytes", hash(value))} if len(value) > 64 else set()
        held: Iterable[Any] = ()
        if isinstance(value, dict):
            held = value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            held = list(value)[:64]
        elif type(value).__name__ == "UploadedFile":
            return self._things(value.getvalue())
        elif isinstance(value, GeneratorType):
            held = ()
        elif not type(value).__module__.startswith(KINDS) or type(value).__name__ in NO_PART:
            return set()
        else:
            held = getattr(value, "__dict__", {}).values() if type(value).__module__.startswith(OURS) else ()
        kind = "array" if type(value).__module__.startswith(ARRAYS) else "object"
        found = set() if isinstance(value, tuple) else {(kind, id(value))}
        self._kept.append(value)
        return found.union(*(self._things(one, deep - 1) for one in held)) if deep else found


def made_from(notes: Notes, source: set[Thing]) -> set[Thing]:
    """The source, and all that came out of functions that had it. What was there before stays what it was."""
    made, other = set(source), set[Thing]()
    below = called(notes)

    def visit(number: int, had: bool) -> bool:
        """Whether what the call gave was made from the source. `had` is whether its caller had some of it."""
        call = notes.calls[number]
        if had:  # what nobody gave the caller it made itself
            made.update(thing for thing in call.given - other if thing[0] != "object")
        has = bool(call.given & made)
        for one in below[number]:
            has |= visit(one, has)
        (made if has else other).update(call.gave - made - other)
        return bool(call.gave & made)

    for first in below[-1]:
        visit(first, False)
    return made


def called(notes: Notes) -> dict[int, list[int]]:
    """For each call, those that it made itself; for a generator's step, also those of its steps before."""
    below: dict[int, list[int]] = {-1: []}
    for number, call in enumerate(notes.calls):
        below[number] = list(below[call.again]) if call.again >= 0 else []
        below[call.above].append(number)
    return below


def way(notes: Notes, source: set[Thing] | None = None) -> list[int]:
    """The calls on the way, in their order; see the module's first paragraph."""
    calls, on = notes.calls, set(notes.running)
    made = made_from(notes, source) if source else None

    def of(things: set[Thing]) -> set[Thing]:
        return things if made is None else things & made

    below = called(notes)
    wanted = of(notes.drawn).union(*(of(calls[number].given) for number in on))
    before: tuple[int, int] = (-1, -1)
    while before != (len(on), len(wanted)):
        before = len(on), len(wanted)
        for number in sorted(on, reverse=True):
            # What a function makes itself, it makes from all that those whom it called gave.
            mine = [calls[one] for one in below[number] if calls[one].over and one >= notes.begun]
            known = calls[number].given.union(*(one.gave for one in mine))
            asked = set().union(*(calls[one].given for one in below[number] if one in on))
            asked |= calls[number].gave if calls[number].over else notes.drawn if number == notes.running[-1] else set()
            if of(asked) - known:
                wanted |= set().union(*(of(one.gave) for one in mine))
            for one in below[number]:
                if one >= notes.begun and calls[one].gave & wanted:
                    on.add(one)
                    wanted |= of(calls[one].given)
    for number, call in enumerate(calls):  # of an earlier run of the page, which left the source in the session
        if number >= notes.begun and source and call.given & source and number < notes.running[0]:
            while number >= 0:
                on.add(number)
                number = calls[number].above
    return sorted(on)


def passed(notes: Notes, source: set[Thing] | None = None) -> dict[str, tuple[str, bool]]:
    """Files in the order in which they are entered: by which function, and whether one that it called calls back."""
    found: dict[str, tuple[str, bool]] = {}
    for number in way(notes, source):
        call = notes.calls[number]
        if NOT_COUNTED.search(call.file):
            continue
        above, left, twice = call.above, False, False
        while above >= 0 and not twice:
            file = notes.calls[above].file
            left |= file != call.file and not NOT_COUNTED.search(file)
            twice, above = left and file == call.file, notes.calls[above].above
        name, before = found.get(call.file, (call.name, False))
        found[call.file] = (name, before or twice)
    return found


# ---- The two journeys -----------------------------------------------------------------------------------------------

Part = dict[str, tuple[str, bool]]  # files on the way, each with the function that is entered, and whether twice


def drawing(alternative: str) -> Ends:
    """What Streamlit is given to draw under a text like this one."""

    def ends(frame: FrameType, event: str, what: Any) -> Any:
        if event == "call" and frame.f_code.co_name in CHARTS and alternative in str(frame.f_locals.get("alt") or ""):
            return [value for name, value in frame.f_locals.items() if name not in ("self", "dg")]
        return None

    return ends


def starting(frame: FrameType, event: str, what: Any) -> Any:
    """The command of a process that is started."""
    return frame.f_locals["args"] if event == "call" and frame.f_code.co_qualname == "Popen.__init__" else None


def writing(frame: FrameType, event: str, what: Any) -> Any:
    """The line about a step that is written."""
    if event != "c_call" or what.__name__ != "write":
        return None
    texts = [value for value in frame.f_locals.values() if isinstance(value, str | bytes)]
    return [text for text in texts if LINE.search(str(text))] or None


def cold(cached: CachedFunc, *given: Any, **named: Any) -> Any:
    """A kept answer would hide the way to it. What is asked without a question is no answer but a store."""
    return cached._info.func(*given, **named) if given or named else ASK(cached)


def photo_to_overlay(root: Path) -> dict[str, Part]:
    app = open_page("attribution", root=root)
    app.session_state["another_picture_en"] = True  # the box with the uploader is open
    app.run()
    data = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(data, "PNG")
    app.file_uploader[0].upload("mine.png", data.getvalue(), "image/png")
    with patch.object(CachedFunc, "__call__", cold), Watch(root, drawing(DRAWN["photo"]), "file_uploader") as watch:
        app.run()
    source = {("bytes", hash(data.getvalue())), ("name", hashlib.sha256(data.getvalue()).hexdigest())}
    return {"page": passed(watch.notes, source)}


def start_to_point(root: Path) -> dict[str, Part]:
    app = open_page("train", root=root)
    app.button(key="train_start").click()
    with TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        (Path(folder) / "sitecustomize.py").write_text(INSIDE.format(here=ROOT))
        there = {"PYTHONPATH": folder, TRACE: str(trace), FOLDER: str(root)}
        with patch.dict(os.environ, there), Watch(root, starting, begins="button") as click:
            app.run()
        until(trace.exists, WAIT, problem="the run's process takes no step")
        inside = json.loads(trace.read_text())
    with Watch(root, drawing(DRAWN["run"])) as look:
        app.run()
    app.button(key="live_stop").click().run()
    return {"click": passed(click.notes), "process": inside, "page": passed(look.notes)}


def watch_process() -> None:
    """In the run's process, before its first line: watch until it writes about a step, and tell the way to there."""

    def tell(notes: Notes) -> None:
        draft = Path(os.environ[TRACE] + ".draft")
        draft.write_text(json.dumps(passed(notes)))
        draft.replace(os.environ[TRACE])

    Watch(Path(os.environ[FOLDER]), writing, done=tell).__enter__()


JOURNEYS: Mapping[str, tuple[str, int, Callable[[Path], dict[str, Part]]]] = {
    "photo": ("an uploaded photo to its Grad-CAM overlay", 15, photo_to_overlay),
    "run": ("Start to a point on the live curve", 20, start_to_point),
}


def main(root: Path) -> int:
    sys.path.insert(0, str(root))
    os.chdir(root)
    missed = False
    with TemporaryDirectory() as home, patch.dict(os.environ, {"ALEXNET_VIZ_HOME": home}), visited_server():
        for title, most, journey in JOURNEYS.values():
            parts = journey(root)
            files = {file for part in parts.values() for file in part}
            twice = {file for part in parts.values() for file, (_, again) in part.items() if again}
            for name, part in parts.items():
                for file, (function, again) in part.items():
                    print(f"  {name:<8} {file:<50} {function:<40} {'twice' * again}")
            print(f"{title}: {len(files)} files, at most {most}; {len(twice)} entered twice")
            missed |= len(files) > most or bool(twice)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if sys.argv[1:] else ROOT).resolve()))
