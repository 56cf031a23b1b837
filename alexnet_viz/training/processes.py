"""The server's side of training: it starts processes, watches them, and asks them to stop.

    processes = Processes()                   # once a server; holds the handles of the processes it started
    processes.start(new_run(config))          # python -m alexnet_viz train --run ID, in a session of its own
    processes.state(run)                      # queued, running, ..., interrupted
    processes.stop(run), processes.pause(run), processes.resume(run), processes.set_learning_rate(run, 0.001)

One run at a time trains on a device. The others wait in `queue()`, first come, first served, whichever server or
shell they come from: their processes (`training.worker`) wait for a file lock and have not imported torch yet.
No torch.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from alexnet_viz.errors import UserError
from alexnet_viz.training.config import FIELDS, TrainConfig
from alexnet_viz.training.runs import STATES, Control, Run, State, delete_run, runs, state_of, write_status, writing
from alexnet_viz.words.i18n import Message

COMMAND = (sys.executable, "-m", "alexnet_viz", "train", "--run")  # a run's id follows
SERVER_VARIABLE = "ALEXNET_VIZ_SERVER"  # tells a process the pid of the server that started it

_ROOT = Path(__file__).resolve().parent.parent.parent
_RESUMABLE = ("paused", "stopped", "failed", "interrupted")


class Processes:
    """The training processes that this one started. One object a server; it holds no visitor's data.

    `command` is what is run, with the run's id as its last argument.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        self.handles: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, run: Run) -> None:
        """Start the process of a run that `new_run` just made; it outlives the page, not the server."""
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
        with writing(run.path), (run.path / "log.txt").open("ab") as log:
            self.handles[run.id] = subprocess.Popen(
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
        with Control(run).lock():
            state = self.state(run)
            if state not in _RESUMABLE:
                raise UserError(
                    "The run {name} cannot go on: it is {state}.", name=run.id, state=Message(STATES[state])
                )
            Control(run).take_back()
            now = time.time()
            write_status(run, replace(run.status(), state="queued", queued_at=now, heartbeat=now, pid=0, problem=None))

    def stop(self, run: Run) -> None:
        """Ask a run to save a checkpoint and end; it answers within two seconds."""
        Control(run).ask(stop=True)

    def pause(self, run: Run) -> None:
        """Ask a run to save a checkpoint and rest, which frees the device for the next one."""
        Control(run).ask(pause=True)

    def set_learning_rate(self, run: Run, rate: float) -> None:
        """Ask for another learning rate from the next step on."""
        FIELDS["learning_rate"].check(rate)
        Control(run).ask(learning_rate=rate)

    def delete(self, run: Run) -> None:
        """Remove a run for good; one that is running or waiting has to be stopped first."""
        if (state := self.state(run)) in ("queued", "running"):
            raise UserError("The run {name} is {state}. Stop it first.", name=run.id, state=Message(STATES[state]))
        delete_run(run)
        self.handles.pop(run.id, None)

    def alive(self, run: Run) -> bool | None:
        """Whether a run's process is there; None where only its heartbeat can tell."""
        handle = self.handles.get(run.id)
        if handle and handle.poll() is None:
            return True
        pid = run.status().pid
        if handle and pid in (0, handle.pid):  # 0: it ended before it could write anything
            return False
        return None if not pid or _exists(pid) else False

    def state(self, run: Run) -> State:
        """What a run is now; whether its process is there is asked first, since what it wrote last is final."""
        alive = self.alive(run)
        return state_of(run.status(), alive, time.time(), Control(run).asked())


def queue(device: str = "") -> list[Run]:
    """The runs that wait, in the order in which they will start; of one device ("cpu", "cuda") or of all."""
    processes = Processes()
    waiting = []
    for run in runs():
        with suppress(UserError):  # a damaged or just deleted run waits for nothing
            if processes.state(run) == "queued" and device in ("", device_kind(run.config())):
                waiting.append((run.status().queued_at, run.id, run))
    return [run for *_, run in sorted(waiting, key=lambda item: item[:2])]


def device_kind(config: TrainConfig) -> Literal["cpu", "cuda"]:
    """What a run will compute on, found without torch: a graphics card whose driver is here and not hidden."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")
    has_card = shutil.which("nvidia-smi") is not None and not hidden
    return "cuda" if config.device == "cuda" or (config.device == "auto" and has_card) else "cpu"


def _exists(pid: int) -> bool:
    """Also true of a stranger with the same pid; not of a process that has ended unseen by its parent."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    with suppress(OSError):  # a system without /proc does not say
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True
