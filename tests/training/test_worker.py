"""What the training process itself does: it waits for its turn, writes before it tells, and says why it ends."""

import signal
import subprocess
import sys

import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.training import runs as run_files
from alexnet_viz.training import worker as subject
from alexnet_viz.training.events import Finished, Resumed, Started, to_line
from alexnet_viz.training.processes import Processes
from alexnet_viz.training.runs import Asked, Control, history, read_events
from alexnet_viz.training.worker import device_lock, work
from tests.conftest import ROOT
from tests.training.pretended import LONG, PATIENCE, PRETENDED, failing, new, steps_told
from tests.training.told import step

pytestmark = pytest.mark.usefixtures("home")


def ending(config, *, run_dir, resume, control):
    yield Finished(state="finished")


def test_an_error_that_a_person_can_act_on_is_kept(home):
    run = new()
    with pytest.raises(UserError, match="no pictures"):
        list(work(run, failing(UserError("There are no pictures in {folder}.", folder="x"))))
    assert str(run.status().problem) == "There are no pictures in x."
    assert history(run).finished.message == "There are no pictures in x."
    assert run.status().state == "failed"


def test_the_last_event_is_always_the_end():
    events = work(new(), failing(ZeroDivisionError()))
    assert isinstance(next(events), Started)
    assert next(events).state == "failed"
    with pytest.raises(ZeroDivisionError):
        next(events)


def test_a_full_disk_is_a_sentence():
    run = new()
    with pytest.raises(UserError, match="disk full"):
        list(work(run, failing(OSError(28, "No space left on device"))))
    assert "disk full" in str(run.status().problem)


def test_a_file_that_may_not_grow(home):
    """The system itself refuses to write: metrics stop at a whole step, and the reason is told."""
    run = new(LONG)
    limit = "import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
    process = subprocess.run(
        [sys.executable, "-c", limit + PRETENDED, run.id], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
    )
    assert process.returncode == 1
    assert "Make room" in process.stderr
    assert run.status().state == "failed"
    assert "Make room" in str(run.status().problem)
    assert (run.path / "metrics.jsonl").stat().st_size <= 3000
    assert steps_told(run) == list(range(1, len(steps_told(run)) + 1))


def test_a_disk_without_any_room_still_tells_why(monkeypatch):
    run = new()

    def full(*_):
        raise OSError(28, "No space left on device")

    def train(config, *, run_dir, resume, control):
        yield Started(run=run_dir.name, config={})
        monkeypatch.setattr(run_files.os, "replace", full)
        yield Started(run=run_dir.name, config={})

    with pytest.raises(UserError, match="disk full"):
        list(work(run, train))
    assert run.status().state == "failed"
    assert "disk full" in str(run.status().problem)


def test_an_event_is_on_disk_before_the_training_goes_on():
    run = new()
    found = []

    def train(config, *, run_dir, resume, control):
        assert not resume
        assert run.status().state == "running"
        with pytest.raises(subject.Timeout):
            device_lock("cpu").acquire(timeout=0)  # it is this process's turn
        for number in (1, 2):
            yield step(number)
            found.append(len(read_events(run)[0]))
        yield Finished(state="finished")

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    told = list(work(run, train))
    assert found == [1, 2]
    assert read_events(run)[0] == told
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    device_lock("cpu").acquire(timeout=0).lock.release()


def test_an_abandoned_run_lets_go_of_everything():
    run = new()

    def train(config, *, run_dir, resume, control):
        for number in range(1, 100):
            yield step(number)

    events = work(run, train)
    next(events)
    events.close()
    device_lock("cpu").acquire(timeout=0).lock.release()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert steps_told(run) == [1]


def test_a_run_stopped_before_it_began_trains_nothing():
    run = new()
    Control(run).ask(stop=True)
    assert list(work(run, failing(AssertionError()))) == [Finished(state="stopped", seconds=pytest.approx(0, abs=60))]
    assert run.status().state == "stopped"
    assert not list(run.checkpoints.iterdir())


def test_a_resumed_run_is_told_so_and_nothing_else():
    run = new()
    Control(run).ask(pause=True)
    list(work(run, failing(AssertionError())))
    (run.path / "metrics.jsonl").write_text(to_line(Started(run=run.id, config={})))
    Processes().claim(run)

    def train(config, *, run_dir, resume, control):
        assert resume
        assert control() == Asked()
        yield Resumed(step=0, epoch=0)
        yield Finished(state="finished")

    list(work(run, train))
    assert run.status().state == "finished"
    assert (run.path / "metrics.jsonl").read_text().count("\n") == 3


def test_a_run_is_not_worked_on_twice():
    run = new()
    list(work(run, ending))
    with pytest.raises(UserError, match="finished"):
        next(work(run, failing(ValueError())))
