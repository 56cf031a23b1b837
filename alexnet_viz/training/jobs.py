"""Training processes: started and watched by the server, and what such a process does around the training itself.

    jobs = Jobs()                        # once a server; holds the handles of the processes it started
    jobs.start(new_run(config))          # python -m alexnet_viz train --run ID, in a session of its own
    jobs.state(run)                      # queued, running, ..., interrupted
    jobs.stop(run), jobs.pause(run), jobs.resume(run), jobs.set_learning_rate(run, 0.001)

    for event in work(run, train): ...   # in the process: waits for the device, trains, writes the run's files

One run at a time trains on a device. The others wait in `queue()`, first come, first served, whichever server or
shell they come from: their processes wait for a file lock and have not imported torch yet. No torch.
"""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import FileIO
from pathlib import Path
from types import FrameType
from typing import Literal, Protocol, Self, cast, get_args

from filelock import FileLock, Timeout

from alexnet_viz.errors import UserError
from alexnet_viz.training.config import FIELDS, TrainConfig
from alexnet_viz.training.events import EpochDone, Event, Finished, Resumed, Started, StepDone, to_line
from alexnet_viz.training.runs import (
    STATES,
    Asked,
    Control,
    End,
    Run,
    State,
    Status,
    Written,
    control,
    delete_run,
    runs,
    runs_dir,
    state_of,
    write_status,
    writing,
)
from alexnet_viz.words.i18n import Message

COMMAND = (sys.executable, "-m", "alexnet_viz", "train", "--run")  # a run's id follows
SERVER_VARIABLE = "ALEXNET_VIZ_SERVER"  # tells a process the pid of the server that started it
NICENESS = 10  # a process started by a page leaves the processor to the pages
BEAT = 0.5  # seconds between two looks of a process at its surroundings
WAIT = 0.25  # seconds between two looks at the queue
LONGEST_LINE = 65536  # bytes in metrics.jsonl; an edited network takes 4000 of them

_ROOT = Path(__file__).resolve().parent.parent.parent
_RESUMABLE = ("paused", "stopped", "failed", "interrupted")
_ENDS: Mapping[int, End] = {signal.SIGINT: "stopped", signal.SIGTERM: "interrupted"}
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


# ---- In the server --------------------------------------------------------------------------------------------------


class Jobs:
    """The processes that this one started. One object a server; it holds no visitor's data.

    `command` is what is run, with the run's id as its last argument.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        self._handles: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, run: Run) -> None:
        """Start the process of a run that `new_run` just made; it outlives the page, not the server."""
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
        with writing(run.path), (run.path / "log.txt").open("ab") as log:
            self._handles[run.id] = subprocess.Popen(
                [*self._command, run.id],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the server's terminal is not meant for it
                env={**os.environ, SERVER_VARIABLE: str(os.getpid()), "PYTHONPATH": path},
            )

    def resume(self, run: Run) -> None:
        """Go on from the last checkpoint, or from the beginning where there is none."""
        self.claim(run)
        self.start(run)

    def claim(self, run: Run) -> None:
        """Put a run that rests back into the queue; of two who try at once, one succeeds."""
        with control(run).lock():
            state = self.state(run)
            if state not in _RESUMABLE:
                raise UserError(
                    "The run {name} cannot go on: it is {state}.", name=run.id, state=Message(STATES[state])
                )
            control(run).take_back()
            now = time.time()
            write_status(run, replace(run.status(), state="queued", queued_at=now, heartbeat=now, pid=0, problem=None))

    def stop(self, run: Run) -> None:
        """Ask a run to save a checkpoint and end; it answers within two seconds."""
        control(run).ask(stop=True)

    def pause(self, run: Run) -> None:
        """Ask a run to save a checkpoint and rest, which frees the device for the next one."""
        control(run).ask(pause=True)

    def set_learning_rate(self, run: Run, rate: float) -> None:
        """Ask for another learning rate from the next step on."""
        FIELDS["learning_rate"].check(rate)
        control(run).ask(learning_rate=rate)

    def delete(self, run: Run) -> None:
        """Remove a run for good; one that is running or waiting has to be stopped first."""
        if (state := self.state(run)) in ("queued", "running"):
            raise UserError("The run {name} is {state}. Stop it first.", name=run.id, state=Message(STATES[state]))
        delete_run(run)
        self._handles.pop(run.id, None)

    def alive(self, run: Run) -> bool | None:
        """Whether a run's process is there; None where only its heartbeat can tell."""
        handle = self._handles.get(run.id)
        if handle and handle.poll() is None:
            return True
        pid = run.status().pid
        if handle and pid in (0, handle.pid):  # 0: it ended before it could write anything
            return False
        return None if not pid or _exists(pid) else False

    def state(self, run: Run) -> State:
        """What a run is now; whether its process is there is asked first, since what it wrote last is final."""
        alive = self.alive(run)
        return state_of(run.status(), alive, time.time(), control(run).asked())


def queue(device: str = "") -> list[Run]:
    """The runs that wait, in the order in which they will start; of one device ("cpu", "cuda") or of all."""
    jobs = Jobs()
    waiting = []
    for run in runs():
        with suppress(UserError):  # a damaged or just deleted run waits for nothing
            if jobs.state(run) == "queued" and device in ("", device_of(run.config())):
                waiting.append((run.status().queued_at, run.id, run))
    return [run for *_, run in sorted(waiting, key=lambda item: item[:2])]


def device_of(config: TrainConfig) -> Literal["cpu", "cuda"]:
    """What a run will compute on, found without torch: a graphics card whose driver is here and not hidden."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")
    has_card = shutil.which("nvidia-smi") is not None and not hidden
    return "cuda" if config.device == "cuda" or (config.device == "auto" and has_card) else "cpu"


def device_lock(device: str) -> FileLock:
    """Held by the process that trains on a device; the system lets go of it when the process ends, however."""
    with writing(runs_dir()):
        runs_dir().mkdir(parents=True, exist_ok=True)
        return FileLock(runs_dir() / f".{device}.lock")


def _exists(pid: int) -> bool:
    """Also true of a stranger with the same pid."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not _is_over(pid)


def _is_over(pid: int) -> bool:
    """Whether a process has ended and its parent has not looked yet; False where the system does not say."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


# ---- In the process -------------------------------------------------------------------------------------------------


class Train(Protocol):
    """`training.train.train`, or what stands in for it. Torch is imported when it is called, not before."""

    def __call__(
        self, config: TrainConfig, *, run_dir: Path, resume: bool, control: Callable[[], Asked]
    ) -> Iterator[Event]: ...


def work(run: Run, train: Train) -> Iterator[Event]:
    """Wait for the device, train, and write the run's files. Yields what is told, after it is on disk.

    Goes on from the last checkpoint if the run was started before. The last event is `Finished`, whatever happens;
    an error is raised after it. Ctrl-C and the page's Stop save a checkpoint first; a SIGTERM or the end of the
    server too, and leave the run as interrupted. To be called in the main thread, where Python handles signals.
    """
    status = run.status()
    if status.state != "queued" or status.pid:
        raise UserError(
            "The run {name} is not waiting to be started: it is {state}. Resume it, or start a new one.",
            name=run.id,
            state=Message(STATES[status.state]),
        )
    config = run.config()
    device = device_of(config)
    with _Worker(run) as worker:
        problem: Exception | None = None
        try:
            with worker.turn(device_lock(device), device) as has_turn:
                if has_turn:
                    worker.tidy()
                    resume = worker.open_metrics()
                    yield from worker.told(train(config, run_dir=run.path, resume=resume, control=worker.asked))
        except _LeaveError:
            pass
        except Exception as error:
            problem = _explained(error, run)
        if not worker.finished:
            yield worker.last_words(problem)
        if problem:
            raise problem


class _LeaveError(BaseException):
    """An end was asked for while there is nothing to save yet."""


class _Worker:
    """What a process tells of a run, and what it hears: the control file, signals, and the end of its server.

    A thread of its own writes the heartbeat and listens, whatever the training is busy with.
    """

    def __init__(self, run: Run) -> None:
        self.finished = False
        self._run = run
        self._control = Control(run)
        self._status = replace(run.status(), pid=os.getpid())
        self._status_lock = threading.Lock()
        self._server = int(os.environ.get(SERVER_VARIABLE, "0"))  # 0: started from a shell, which may go away
        self._started = time.monotonic()
        self._metrics: FileIO | None = None
        self._end: End = ""  # what signals and the server's end ask for; it goes before the control file
        self._may_leave = False  # while there is nothing to save: torch and the data are still being loaded
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Self:
        if self._server:
            os.nice(NICENESS)
        self._write_status()
        self._handlers = {number: signal.signal(number, self._on_signal) for number in _ENDS}
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._metrics:
            self._metrics.close()

    # Hearing

    def asked(self) -> Asked:
        asked = self._control.asked()
        return replace(asked, end=self._end) if self._end else asked

    def _listen(self) -> None:
        beats = 0
        while not self._over.wait(BEAT):
            if self._server and os.getppid() != self._server:
                self._end = self._end or "interrupted"
            if self._may_leave and self.asked().end:
                self._end = self.asked().end
                os.kill(os.getpid(), signal.SIGTERM)  # wakes the main thread from whatever it waits for
            beats += 1
            if beats % 2 == 0:
                with suppress(UserError):  # the training notices a full disk by itself
                    self._write_status()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._end = self._end or _ENDS[number]
        signal.signal(signal.SIGINT, signal.default_int_handler)  # who presses Ctrl-C twice means it
        if self._may_leave:
            self._may_leave = False
            raise _LeaveError

    # Waiting

    @contextmanager
    def turn(self, lock: FileLock, device: str) -> Iterator[bool]:
        """The device, when all who came before have had it; False if an end was asked for while waiting."""
        while not self.asked().end:
            if queue(device)[:1] == [self._run]:
                with suppress(Timeout):
                    lock.acquire(timeout=0)
                    break
            time.sleep(WAIT)
        try:
            if lock.is_locked:
                self._status = replace(self._status, state="running")  # also while torch and the data are being loaded
                self._write_status()
            yield lock.is_locked
        finally:
            lock.release()

    # Telling

    def tidy(self) -> None:
        """Remove the checkpoints that a killed process was about to replace others by: they may be large."""
        for half in self._run.checkpoints.glob(".*"):
            half.unlink()

    def open_metrics(self) -> bool:
        """Make the metrics ready for more lines; whether there are some already."""
        self._metrics = (self._run.path / "metrics.jsonl").open("a+b", buffering=0)
        size = self._metrics.seek(0, os.SEEK_END)
        self._metrics.seek(max(0, size - LONGEST_LINE))
        tail = self._metrics.read()
        half_a_line = len(tail) - (tail.rfind(b"\n") + 1)  # left by a process that was killed while it wrote
        self._metrics.truncate(size - half_a_line)
        return size > half_a_line

    def told(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events of the training, each written before it is passed on."""
        begun = False
        while True:
            self._may_leave = not begun
            event = next(events, None)
            self._may_leave = False
            if event is None:
                return
            begun = begun or not isinstance(event, Started)
            self._tell(event)
            yield event

    def last_words(self, problem: Exception | None) -> Finished:
        """The end of a run whose training could not tell it, written as far as the disk allows."""
        self._over.set()
        message = problem.message if isinstance(problem, UserError) else None
        event = Finished(
            state="failed" if problem else self.asked().end,
            seconds=time.monotonic() - self._started,
            message=str(message or ""),
        )
        with self._status_lock:
            self._status = _after(replace(self._status, problem=message), event)
        with suppress(OSError):
            self._append(event)
        try:
            self._write_status()
        except UserError:
            with suppress(UserError):
                self._write_status(in_place=True)  # a full disk has no room for a second file
        return event

    def _tell(self, event: Event) -> None:
        self._append(event)
        with self._status_lock:
            self._status = _after(self._status, event)
        if isinstance(event, Finished):
            self._over.set()  # no heartbeat after it: whoever reads it may resume the run, and that writes the status
        if not isinstance(event, StepDone):
            self._write_status()
        self.finished = isinstance(event, Finished)

    def _append(self, event: Event) -> None:
        if self._metrics:
            line = to_line(event).encode()
            if self._metrics.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _write_status(self, *, in_place: bool = False) -> None:
        with self._status_lock:
            write_status(self._run, replace(self._status, heartbeat=time.time()), in_place=in_place)


def _after(status: Status, event: Event) -> Status:
    """The status once this was told. An end as interrupted is not written: it is what readers find."""
    match event:
        case Started():
            return replace(status, state="running", device=event.device, steps=event.steps)
        case StepDone():
            return replace(status, step=event.step, epoch=event.epoch - 1, memory=event.memory)
        case EpochDone() | Resumed():
            return replace(status, step=event.step, epoch=event.epoch)
        case Finished() if event.state in get_args(Written):
            return replace(status, state=cast(Written, event.state))
        case _:
            return status


def _explained(error: Exception, run: Run) -> Exception:
    """What went wrong, in words if a person can act on it: a full or forbidden disk."""
    if isinstance(error, OSError) and error.errno in _DISK:
        try:
            with writing(run.path):
                raise error
        except UserError as explained:
            return explained
    return error
