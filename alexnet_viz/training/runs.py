"""Runs as folders, which are all that a page and a training process share.

    run = new_run(config)                       # ALEXNET_VIZ_HOME/runs/20261124-124501-alexnet-cifar-3fa2c1
    run.config(), run.status()
    events, offset = read_events(run, 0)        # and from `offset` on the next time
    Control(run).ask(learning_rate=0.001)       # the process looks here at every step

    config.json      what was asked, when, and by whom; written before the process starts
    status.json      where the process is; replaced whole, once a second
    metrics.jsonl    one event a line, appended
    log.txt          the process's own output
    control.json     what is asked of the process: to stop, to pause, another learning rate
    checkpoints/     weights, and what a resumed run needs

Each file has one writer: the process, except control.json, which is written under a lock. Runs that come with the
app (assets/runs) look the same and are read only. No torch.
"""

import csv
import errno
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock

from alexnet_viz.errors import UserError
from alexnet_viz.files.paths import home_dir
from alexnet_viz.training.config import DATASETS, TrainConfig
from alexnet_viz.training.events import (
    EpochDone,
    Event,
    Finished,
    LearningRateChanged,
    Saved,
    Started,
    StepDone,
    as_it_went,
    from_line,
)
from alexnet_viz.words.i18n import N_, Message
from alexnet_viz.words.labels import class_ids

SHIPPED_DIR = Path(__file__).resolve().parent.parent.parent / "assets" / "runs"
LONGEST_ID = 100  # characters; a longer name is no folder's
STALE_AFTER = 15  # seconds without a heartbeat, which comes every second

Written = Literal["queued", "running", "paused", "finished", "stopped", "failed"]
State = Written | Literal["interrupted"]
End = Literal["", "stopped", "paused", "interrupted"]

STATES: Mapping[State, str] = {  # as a reader sees them
    "queued": N_("queued"),
    "running": N_("running"),
    "paused": N_("paused"),
    "finished": N_("finished"),
    "stopped": N_("stopped"),
    "failed": N_("failed"),
    "interrupted": N_("interrupted"),
}

_ID = re.compile("[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_STEP = b'{"event": "step",'  # how a line of a step begins
_CHECKPOINT = re.compile(r"[a-z0-9-]+(\.[a-z0-9]+)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Status:
    """What a process last wrote about itself."""

    state: Written
    queued_at: float = 0.0  # seconds since 1970, as all times here
    heartbeat: float = 0.0
    pid: int = 0  # 0 before there is a process
    step: int = 0  # done
    steps: int = 0  # of the whole run; 0 while unknown
    epoch: int = 0  # done
    device: str = ""  # as a person would say it
    memory: int = 0  # bytes in use there
    problem: Message | None = None  # why it failed


@dataclass(frozen=True)
class Asked:
    """What is asked of a process. `end` is the state it shall end in: stopped, paused or interrupted."""

    end: End = ""
    learning_rate: float | None = None
    changes: int = 0  # how many learning rates were asked for so far, so that the same one counts again


@dataclass(frozen=True)
class Run:
    """A run's folder. Its files are read when asked for, since a process may be writing them."""

    id: str
    path: Path
    shipped: bool = False  # comes with the app, read only

    def config(self) -> TrainConfig:
        """What was asked of it."""
        return TrainConfig.from_dict(self._record()["config"])

    def created(self) -> float:
        """When it was made, in seconds since 1970."""
        return float(self._record()["created"])

    def owner(self) -> str:
        """The digest of who made it, see `may_control`; "" for the command line."""
        return str(self._record()["owner"])

    def status(self) -> Status:
        """What its process last wrote."""
        record = _read_json(self, "status.json")
        if record.get("state") not in get_args(Written):
            raise _damaged(self, "status.json")
        known = {item.name: record[item.name] for item in fields(Status) if item.name in record}
        problem = known.pop("problem", None)
        return Status(**known, problem=_message_from(problem) if problem else None)

    def _record(self) -> dict[str, Any]:
        return {"created": 0.0, "owner": "", **_read_json(self, "config.json")}

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"


# ---- Which runs there are -------------------------------------------------------------------------------------------


def runs_dir() -> Path:
    """Where runs are made."""
    return home_dir() / "runs"


def new_run(config: TrainConfig, *, owner: str = "") -> Run:
    """A queued run; its process is still to be started. `owner` is a secret of its maker, kept as a digest."""
    now = time.time()
    name = (config.model if not config.net else "edited").replace("_", "-")
    run_id = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{name}-{secrets.token_hex(3)}"
    run = Run(run_id, runs_dir() / run_id)
    if config.data not in DATASETS:
        config = replace(config, data=str(Path(config.data).expanduser().absolute()))  # the process may stand elsewhere
    with writing(run.path):
        run.checkpoints.mkdir(parents=True)
        record = {"created": now, "owner": owner_digest(owner), "config": config.to_dict()}
        replace_file(run.path / "config.json", json.dumps(record, ensure_ascii=False, indent=1).encode())
    write_status(run, Status(state="queued", queued_at=now, heartbeat=now))
    return run


def runs() -> list[Run]:
    """All runs that can be read, newest first; those that come with the app are last."""
    return runs_and_damaged()[0]


def runs_and_damaged() -> tuple[list[Run], list[Run]]:
    """`runs()`, and those whose config.json or status.json is damaged: nothing can be told of them but their names."""
    found: tuple[list[Run], list[Run]] = [], []
    for run in _all_runs():
        found[not _readable(run)].append(run)
    return found


def run(run_id: str) -> Run:
    """The run with this id, which may come from a link."""
    if len(run_id) <= LONGEST_ID and _ID.fullmatch(run_id):
        for folder, shipped in _folders():
            if (folder / run_id / "config.json").is_file():
                return Run(run_id, folder / run_id, shipped)
    raise _no_run(run_id[:60])


def delete_run(run: Run) -> None:
    """Remove a run and everything it made. Ask first, and only when no process works on it."""
    _refuse_shipped(run)
    with writing(run.path):
        # Renamed first: whatever happens from here on, no half of a run is listed.
        doomed = run.path.with_name(f".{run.id}.deleted")
        run.path.rename(doomed)
        shutil.rmtree(doomed)


def checkpoint_path(text: str) -> Path:
    """The file that `TrainConfig.start_from` means, RUN/FILE; both may come from a stranger."""
    run_id, _, name = text.partition("/")
    file = run(run_id).checkpoints / name
    if not _CHECKPOINT.fullmatch(name) or not file.is_file():
        raise UserError("The run {name} has no checkpoint {file}.", name=run_id, file=name[:60])
    return file


def usable_weights(run: Run) -> Path | None:
    """The weights that other pages can look at: the best epoch's, else the last one's; None while there are none.

    An edited network, or one with other activations or normalisation, is none of the table: its weights mean nothing
    there even where their shapes fit.
    """
    config = run.config()
    if config.net or config.activation or config.normalisation:
        return None
    files = (run.checkpoints / name for name in ("best.safetensors", "last.safetensors"))
    return next((file for file in files if file.is_file()), None)


def classes_of(run: Run) -> tuple[str, ...]:
    """The ids of the classes that a run learns, as its checkpoints say; of the data sets known here also without one.

    Read from the file's header: its length in eight bytes, then JSON. () where nothing says it.
    """
    for file in sorted(run.checkpoints.glob("*.safetensors")):
        with file.open("rb") as opened:
            header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
        return tuple(json.loads(header.get("__metadata__", {}).get("classes", "[]")))
    data = run.config().data
    return class_ids(data) if data in DATASETS else ()


def _folders() -> tuple[tuple[Path, bool], ...]:
    """Where runs are, and whether those come with the app."""
    return (runs_dir(), False), (SHIPPED_DIR, True)


def _all_runs() -> list[Run]:
    return [
        Run(file.parent.name, file.parent, shipped)
        for folder, shipped in _folders()
        for file in sorted(folder.glob("*/config.json"), reverse=True)  # ids begin with the time
        if _ID.fullmatch(file.parent.name)
    ]


def _readable(run: Run) -> bool:
    try:
        record = run._record()
        TrainConfig.from_dict(record["config"]), float(record["created"]), run.status()
    except (UserError, KeyError, TypeError, ValueError, AttributeError):  # no JSON, or JSON of something else
        return False
    return True


# ---- State ----------------------------------------------------------------------------------------------------------


def state_of(status: Status, alive: bool | None, now: float, asked: Asked | None = None) -> State:
    """What a run is, from what its process wrote and whether that is there. In this order:

    1. Asked to stop and written failed: stopped, since a process told to stop may stumble on its way out.
    2. Written finished, stopped, failed or paused: that. A process writes these last, so it may be there or not.
    3. Written running or queued, and the process is there (`alive`): that. Where nobody knows (None), a heartbeat
       within STALE_AFTER seconds before `now` says so.
    4. Otherwise the process is gone: stopped if that was asked, else interrupted. Interrupted is never written.
    """
    stop_asked = asked is not None and asked.end == "stopped"
    if status.state == "failed" and stop_asked:
        return "stopped"
    if status.state not in ("queued", "running"):
        return status.state
    if alive if alive is not None else now - status.heartbeat < STALE_AFTER:
        return status.state
    return "stopped" if stop_asked else "interrupted"


def write_status(run: Run, status: Status, *, in_place: bool = False) -> None:
    """Replace the status: a reader sees the old one or the new one, never half of one.

    `in_place` gives that up, and needs no room on the disk.
    """
    problem = _message_record(status.problem) if status.problem else None
    text = json.dumps({**asdict(status), "problem": problem}, ensure_ascii=False)
    with writing(run.path):
        (_overwrite if in_place else replace_file)(run.path / "status.json", text.encode())


def _message_record(message: Message) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, Message):
            return _message_record(value)
        return value if isinstance(value, str | int | float) else str(value)

    return {"text": message.text, "values": {name: plain(value) for name, value in message.values.items()}}


def _message_from(record: Mapping[str, Any]) -> Message:
    values = {name: _message_from(v) if isinstance(v, dict) else v for name, v in record["values"].items()}
    return Message(record["text"], **values)


# ---- Asking a process -----------------------------------------------------------------------------------------------


class Control:
    """What is asked of a run's process, by anybody who may, and read by the process."""

    LOOK_EVERY = 0.1  # seconds; a process asks at every step, which may be a thousand times a second

    def __init__(self, run: Run) -> None:
        self._run = run
        self._file = run.path / "control.json"
        self._asked = Asked()
        self._stamp: tuple[int, int] | None = None  # of the file that was read last
        self._looked = -self.LOOK_EVERY

    def ask(self, *, stop: bool = False, pause: bool = False, learning_rate: float | None = None) -> None:
        """Ask for an end, or for another learning rate from the next step on."""
        with self.lock():
            asked = self._read()
            if stop or pause:
                asked = replace(asked, end="stopped" if stop else "paused")
            if learning_rate is not None:
                asked = replace(asked, learning_rate=learning_rate, changes=asked.changes + 1)
            self._write(asked)

    def take_back(self) -> None:
        """Ask for no end any more; call it inside `lock()`."""
        self._write(replace(self._read(), end=""))

    def asked(self) -> Asked:
        """What is asked now; looks at the file at most every LOOK_EVERY seconds."""
        now = time.monotonic()
        if now - self._looked >= self.LOOK_EVERY:
            self._looked = now
            stamp = self._stamp_now()
            if stamp != self._stamp:
                self._stamp, self._asked = stamp, self._read()
        return self._asked

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Nobody else asks or starts anything meanwhile."""
        _refuse_shipped(self._run)
        with writing(self._run.path), FileLock(self._run.path / "control.lock"):
            yield

    def _stamp_now(self) -> tuple[int, int] | None:
        with suppress(OSError):
            found = self._file.stat()
            return found.st_mtime_ns, found.st_ino
        return None

    def _read(self) -> Asked:
        if not self._file.exists():
            return Asked()
        record = _read_json(self._run, "control.json")
        return Asked(**{item.name: record[item.name] for item in fields(Asked) if item.name in record})

    def _write(self, asked: Asked) -> None:
        replace_file(self._file, json.dumps(asdict(asked)).encode())


def may_control(owner: str, visitor: str, *, token: str, given: str, bound_to_localhost: bool) -> bool:
    """Whether a visitor may stop or delete a run.

    Its owner may, and who gives the teacher's token; the command line's runs (owner "") have no other owner. With no
    token set and the server reachable from this computer only, everybody may.

    Args:
        owner: `Run.owner()`.
        visitor: the secret of the visitor's session, as given to `new_run`.
        token: ALEXNET_VIZ_TEACHER_TOKEN, "" if not set.
        given: what the visitor entered.
        bound_to_localhost: whether the server listens on 127.0.0.1 alone.
    """
    if token and secrets.compare_digest(given.encode(), token.encode()):
        return True
    if owner and secrets.compare_digest(owner_digest(visitor), owner):
        return True
    return bound_to_localhost and not token


def owner_digest(secret: str) -> str:
    """What is kept of the secret of whoever made a run or uploaded a zip; "" of nobody's."""
    return hashlib.sha256(secret.encode()).hexdigest() if secret else ""


# ---- What a run told ------------------------------------------------------------------------------------------------


def read_events(run: Run, offset: int = 0, *, steps: bool = True) -> tuple[list[Event], int]:
    """The events from a byte offset on, and the offset for the next time. Half a line at the end waits for its rest.

    Without `steps`, lines of steps are passed over, which is most of the work. What a `Resumed` among the events takes
    back is left out; for what was read earlier, see `as_it_went`.
    """
    try:
        with (run.path / "metrics.jsonl").open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    data = data[: data.rfind(b"\n") + 1]
    try:
        lines = [line for line in data.split(b"\n")[:-1] if steps or not line.startswith(_STEP)]
        events = [from_line(line.decode()) for line in lines]
    except ValueError as problem:
        raise _damaged(run, "metrics.jsonl") from problem
    return as_it_went(events), offset + len(data)


@dataclass(frozen=True)
class History:
    """What a run told, sorted by kind, without what happened again."""

    steps: tuple[StepDone, ...]
    epochs: tuple[EpochDone, ...]
    saved: tuple[Saved, ...]
    changes: tuple[LearningRateChanged, ...]
    finished: Finished | None
    started: Started | None = None  # the last time that a process began or went on

    @property
    def best_epoch(self) -> EpochDone | None:
        """The epoch with the highest validation accuracy, the first of equals; None without a validation split."""
        checked = [epoch for epoch in self.epochs if epoch.val_accuracy is not None]
        return max(checked, key=lambda epoch: epoch.val_accuracy or 0.0, default=None)


def history(run: Run) -> History:
    """All that a run told so far."""
    return history_of(read_events(run)[0])


def history_of(events: list[Event]) -> History:
    """The same from events in hand, as `as_it_went` leaves them."""
    ends = [event for event in events if isinstance(event, Finished)]
    return History(
        steps=tuple(event for event in events if isinstance(event, StepDone)),
        epochs=tuple(event for event in events if isinstance(event, EpochDone)),
        saved=tuple(event for event in events if isinstance(event, Saved)),
        changes=tuple(event for event in events if isinstance(event, LearningRateChanged)),
        finished=ends[-1] if ends else None,
        started=next((event for event in reversed(events) if isinstance(event, Started)), None),
    )


def metrics_csv(run: Run) -> str:
    """One row an epoch, for a spreadsheet; what was not measured is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [item.name for item in fields(EpochDone)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in history_of(read_events(run, steps=False)[0]).epochs)
    return text.getvalue()


# ---- Files ----------------------------------------------------------------------------------------------------------


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns what a full or forbidden disk raises into a sentence."""
    try:
        yield
    except OSError as problem:
        raise disk_problem(folder, problem) from problem


def disk_problem(folder: Path, problem: OSError) -> UserError:
    """The sentence for it."""
    return UserError(
        "The run cannot be written into {folder} ({reason}). Make room there or choose another folder with "
        "ALEXNET_VIZ_HOME; what was saved before is still there.",
        folder=str(folder),
        reason=Message("disk full") if problem.errno == errno.ENOSPC else problem.strerror or str(problem),
    )


def replace_file(file: Path, data: bytes | memoryview, *, sync: bool = False) -> None:
    """Write a file whole or not at all; with `sync` also where the power fails."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as opened:
            opened.write(data)
            if sync:
                opened.flush()
                os.fsync(opened.fileno())  # a rename may reach the disk before the bytes do
        os.replace(fresh, file)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _overwrite(file: Path, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.write(data)
        opened.truncate(len(data))


def _read_json(run: Run, name: str) -> dict[str, Any]:
    try:
        record = json.loads((run.path / name).read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise _no_run(run.id) from problem
    except (OSError, ValueError) as problem:
        raise _damaged(run, name) from problem
    if not isinstance(record, dict):
        raise _damaged(run, name)
    return record


def _no_run(name: str) -> UserError:
    return UserError("There is no run {name}. It may have been deleted; the runs page lists all.", name=name)


def _damaged(run: Run, name: str) -> UserError:
    return UserError("The file {file} of the run {name} cannot be read. Delete the run.", file=name, name=run.id)


def _refuse_shipped(run: Run) -> None:
    if run.shipped:
        raise UserError("The run {name} comes with the app and cannot be changed or deleted.", name=run.id)
