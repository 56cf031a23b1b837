"""The training process's side: it waits for its turn, trains, and writes the run's files.

    for event in work(run, train): ...   # in the process that `training.processes` or a shell started

A process that waits for its device holds no memory: torch is imported when `train` is called. No torch.
"""

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import FileIO
from pathlib import Path
from types import FrameType
from typing import Protocol, Self, cast, get_args

from filelock import FileLock, Timeout

from alexnet_viz.errors import UserError
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import EpochDone, Event, Finished, Resumed, Started, StepDone, to_line
from alexnet_viz.training.left_out import started_notes
from alexnet_viz.training.processes import SERVER_VARIABLE, device_kind, queue
from alexnet_viz.training.runs import (
    STATES,
    Asked,
    Control,
    End,
    Run,
    Status,
    Written,
    disk_problem,
    runs_dir,
    write_status,
    writing,
)
from alexnet_viz.words.i18n import Message

NICENESS = 10  # a process started by a page leaves the processor to the pages
BEAT = 0.5  # seconds between two looks of a process at its surroundings
WAIT = 0.25  # seconds between two looks at the queue
LONGEST_LINE = 65536  # bytes in metrics.jsonl; an edited network takes 4000 of them

_ENDS: Mapping[int, End] = {signal.SIGINT: "stopped", signal.SIGTERM: "interrupted"}
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


class Train(Protocol):
    """`training.train.train`, or what stands in for it. Torch is imported when it is called, not before."""

    def __call__(
        self, config: TrainConfig, *, run_dir: Path, resume: bool, control: Callable[[], Asked]
    ) -> Iterator[Event]: ...


def work(run: Run, train: Train) -> Iterator[Event]:
    """Wait for the device, train, and write the run's files. Yields its events, each after it is on disk.

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
    device = device_kind(config)
    with _Worker(run) as worker:
        problem: Exception | None = None
        try:
            with worker.turn(device_lock(device), device) as has_turn:
                if has_turn:
                    worker.remove_half_written()
                    resume = worker.open_metrics()
                    yield from worker.recorded(train(config, run_dir=run.path, resume=resume, control=worker.asked))
        except _LeaveError:
            pass
        except OSError as error:  # a full or forbidden disk is something that a person can act on
            problem = disk_problem(run.path, error) if error.errno in _DISK else error
        except Exception as error:
            problem = error
        if not worker.finished:
            yield worker.record_end(problem)
        if problem:
            raise problem


class _LeaveError(BaseException):
    """An end was asked for while there is nothing to save yet."""


class _Worker:
    """What a process writes about a run, and what it listens to: the control file, signals, the end of its server.

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

    # Recording

    def remove_half_written(self) -> None:
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

    def recorded(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events of the training, each written before it is passed on."""
        begun = False
        while True:
            self._may_leave = not begun
            event = next(events, None)
            self._may_leave = False
            if event is None:
                return
            begun = begun or not isinstance(event, Started)
            self._record(event)
            yield event

    def record_end(self, problem: Exception | None) -> Finished:
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

    def _record(self, event: Event) -> None:
        self._append(event)
        if isinstance(event, Started):
            self._log(started_notes(event))
        with self._status_lock:
            self._status = _after(self._status, event)
        if isinstance(event, Finished):
            self._over.set()  # no heartbeat after it: whoever reads it may resume the run, and that writes the status
        if not isinstance(event, StepDone):
            self._write_status()
        self.finished = isinstance(event, Finished)

    def _log(self, lines: Sequence[Message]) -> None:
        if lines:
            with writing(self._run.path), (self._run.path / "log.txt").open("a", encoding="utf-8") as log:
                log.writelines(f"{line}\n" for line in lines)

    def _append(self, event: Event) -> None:
        if self._metrics:
            line = to_line(event).encode()
            if self._metrics.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _write_status(self, *, in_place: bool = False) -> None:
        with self._status_lock:
            write_status(self._run, replace(self._status, heartbeat=time.time()), in_place=in_place)


def _after(status: Status, event: Event) -> Status:
    """The status after an event. An end as interrupted is not written: a reader finds it by itself."""
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


def device_lock(device: str) -> FileLock:
    """Held by the process that trains on a device; the system lets go of it when the process ends, however."""
    with writing(runs_dir()):
        runs_dir().mkdir(parents=True, exist_ok=True)
        return FileLock(runs_dir() / f".{device}.lock")
