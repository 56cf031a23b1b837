"""Training processes, with a pretended training: started, stopped, killed, queued, and nothing is lost.

The pretended training takes a step every 10 ms, and after every tenth one ends an epoch and saves how far it is.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.training import jobs as subject
from alexnet_viz.training import runs as run_files
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import Finished, Resumed, Started, StepDone, from_line, to_line
from alexnet_viz.training.jobs import Jobs, device_lock, device_of, queue, work
from alexnet_viz.training.runs import Asked, Status, control, history, new_run, read_events, write_status
from tests.conftest import ROOT

PATIENCE = 30  # seconds; a test that waits longer has failed
LONG = 600  # epochs of 0.1 s: longer than anybody's patience

PRETENDED = """
import json, os, sys, time
from alexnet_viz.training import jobs, runs
from alexnet_viz.training.events import *

def train(config, *, run_dir, resume, control):
    steps, file = 10 * config.epochs, run_dir / "checkpoints" / "last.json"

    def save(step):
        fresh = file.with_suffix(".part")
        fresh.write_text(json.dumps(step))
        os.replace(fresh, file)
        return Saved(step=step, epoch=step // 10, file=file.name)

    yield Started(run=run_dir.name, config=config.to_dict(), device="pretended", steps=steps)
    time.sleep(float(os.environ.get("PRETEND_LOADING", "0")))
    done = json.loads(file.read_text()) if resume and file.exists() else 0
    if resume:
        yield Resumed(step=done, epoch=done // 10)
    rate, changes = config.learning_rate, 0
    for step in range(done + 1, steps + 1):
        asked = control()
        if asked.end:
            yield save(step - 1)
            yield Finished(state=asked.end)
            return
        if asked.changes > changes:
            rate, changes = asked.learning_rate, asked.changes
            yield LearningRateChanged(step=step - 1, lr=rate)
        time.sleep(0.01)
        if os.environ.get("PRETEND_BUG") == str(step):
            raise RuntimeError("a bug in step " + str(step))
        epoch = (step - 1) // 10 + 1
        yield StepDone(step=step, epoch=epoch, loss=1 / step, accuracy=0.5, lr=rate, images_per_second=1.0,
                       seconds=0.0, memory=7)
        if step % 10 == 0:
            yield EpochDone(epoch=epoch, step=step, train_loss=1.0, train_accuracy=0.5, val_loss=None,
                            val_accuracy=None, lr=rate, images_per_second=1.0, seconds=0.0)
            yield save(step)
    yield Finished(state="finished", test_accuracy=0.9, test_loss=0.1, seconds=1.0)

for event in jobs.work(runs.run(sys.argv[1]), train):
    pass
"""
COMMAND = (sys.executable, "-c", PRETENDED)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(run_files, "SHIPPED_DIR", tmp_path / "shipped")
    return tmp_path / "home"


@pytest.fixture
def jobs():
    made = Jobs(COMMAND)
    yield made
    for handle in made._handles.values():
        handle.kill()
        handle.wait(PATIENCE)


def until(condition):
    """Wait for something to come true; returns what it is."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return value


def new(epochs=1, **settings):
    return new_run(TrainConfig(data="shapes", epochs=epochs, **settings))


def started(jobs, epochs=1):
    run = new(epochs)
    jobs.start(run)
    return run


def in_state(jobs, run, state):
    return until(lambda: jobs.state(run) == state)


def training(jobs, epochs=LONG, steps=1):
    """A run that has taken some steps."""
    run = started(jobs, epochs)
    until(lambda: len(history(run).steps) >= steps)
    return run


def ended(jobs, run):
    jobs._handles[run.id].wait(PATIENCE)


def steps_told(run):
    return [event.step for event in history(run).steps]


# Start and end


def test_a_run_from_start_to_end(jobs):
    run = started(jobs, epochs=2)
    assert jobs.state(run) in ("queued", "running")
    in_state(jobs, run, "finished")
    told = history(run)
    assert steps_told(run) == list(range(1, 21))
    assert [event.epoch for event in told.epochs] == [1, 2]
    assert told.finished.test_accuracy == 0.9
    assert isinstance(read_events(run)[0][0], Started)
    status = run.status()
    assert (status.step, status.steps, status.epoch, status.device, status.memory) == (20, 20, 2, "pretended", 7)
    assert (run.path / "log.txt").read_text() == ""


def test_the_process_is_its_own_and_gives_way_to_the_pages(jobs):
    run = training(jobs)
    pid = jobs._handles[run.id].pid
    assert run.status().pid == pid
    assert os.getsid(pid) == pid
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0) or os.getpriority(0, 0) >= 10


def test_the_process_finds_the_app_from_any_folder(jobs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    in_state(jobs, started(jobs), "finished")


def test_the_command_is_the_command_lines():
    assert subject.COMMAND[1:] == ("-m", "alexnet_viz", "train", "--run")


def test_a_stopped_run_has_saved_where_it_was(jobs):
    run = training(jobs, steps=3)
    jobs.stop(run)
    in_state(jobs, run, "stopped")
    ended(jobs, run)
    saved = json.loads((run.checkpoints / "last.json").read_text())
    assert steps_told(run) == list(range(1, saved + 1))
    assert history(run).finished.state == "stopped"


def test_stop_needs_not_wait_for_the_data_to_load(jobs, monkeypatch):
    monkeypatch.setenv("PRETEND_LOADING", "600")
    run = started(jobs)
    in_state(jobs, run, "running")
    heartbeat = run.status().heartbeat
    until(lambda: run.status().heartbeat > heartbeat)  # also while the training is busy with something else
    jobs.stop(run)
    ended(jobs, run)
    assert jobs.state(run) == run.status().state == "stopped"
    assert history(run).finished.state == "stopped"


def test_pause_and_resume(jobs):
    run = training(jobs, epochs=3, steps=3)
    jobs.pause(run)
    in_state(jobs, run, "paused")
    ended(jobs, run)
    jobs.resume(run)
    in_state(jobs, run, "finished")
    assert steps_told(run) == list(range(1, 31))


def test_another_learning_rate(jobs):
    run = training(jobs)
    jobs.set_learning_rate(run, 0.125)
    until(lambda: history(run).steps[-1].lr == 0.125)
    assert [event.lr for event in history(run).changes] == [0.125]
    with pytest.raises(UserError, match="Learning rate"):
        jobs.set_learning_rate(run, 100)


# Nothing lost


@pytest.mark.parametrize("steps", [1, 12])
def test_a_killed_run_is_interrupted_and_goes_on(jobs, steps):
    run = training(jobs, epochs=3, steps=steps)
    jobs._handles[run.id].kill()
    ended(jobs, run)
    assert jobs.state(run) == "interrupted"
    assert Jobs().state(run) == "interrupted"  # as another server sees it
    jobs.resume(run)
    in_state(jobs, run, "finished")
    assert steps_told(run) == list(range(1, 31))
    assert [event.epoch for event in history(run).epochs] == [1, 2, 3]


def test_a_line_that_was_being_written_is_cut_off(jobs):
    run = training(jobs, epochs=3, steps=12)
    jobs._handles[run.id].kill()
    ended(jobs, run)
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"event": "step", "st')
    jobs.resume(run)
    in_state(jobs, run, "finished")
    assert steps_told(run) == list(range(1, 31))
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    assert [to_line(from_line(line)) for line in lines]


def test_sigterm_saves_and_leaves_it_interrupted(jobs):
    run = training(jobs, steps=3)
    jobs._handles[run.id].terminate()
    in_state(jobs, run, "interrupted")
    assert run.status().state == "running"
    assert history(run).finished.state == "interrupted"
    assert json.loads((run.checkpoints / "last.json").read_text()) == steps_told(run)[-1]


def test_ctrl_c_stops(jobs):
    run = training(jobs, steps=3)
    jobs._handles[run.id].send_signal(signal.SIGINT)
    in_state(jobs, run, "stopped")


def test_the_end_of_the_server_interrupts_and_loses_nothing(jobs, tmp_path):
    server = """
import sys, time
from alexnet_viz.training import jobs, runs
server = jobs.Jobs(sys.argv[2:])
server.start(runs.run(sys.argv[1]))
time.sleep(600)
"""
    run = new(LONG)
    with subprocess.Popen([sys.executable, "-c", server, run.id, *COMMAND], cwd=ROOT) as process:
        until(lambda: len(history(run).steps) >= 3)
        assert jobs.state(run) == "running"  # as another server sees it
        process.kill()
    in_state(jobs, run, "interrupted")
    saved = json.loads((run.checkpoints / "last.json").read_text())
    assert steps_told(run)[-1] == saved
    jobs.resume(run)
    until(lambda: steps_told(run)[-1] > saved + 3)
    told = steps_told(run)  # read once: the run goes on
    assert told == list(range(1, len(told) + 1))


def test_a_run_without_heartbeat_and_handle_is_interrupted(jobs):
    run = new()
    write_status(run, Status(state="running", pid=os.getpid(), heartbeat=time.time()))
    assert jobs.state(run) == "running"
    write_status(run, Status(state="running", pid=os.getpid(), heartbeat=time.time() - 60))
    assert jobs.state(run) == "interrupted"


def test_a_pid_that_is_gone_needs_no_waiting(jobs):
    with subprocess.Popen(["true"]) as gone:
        pass
    run = new()
    write_status(run, Status(state="running", pid=gone.pid, heartbeat=time.time()))
    assert jobs.state(run) == "interrupted"


# Failing


def test_a_bug_is_failed_with_its_traceback_in_the_log(jobs, monkeypatch):
    monkeypatch.setenv("PRETEND_BUG", "5")
    run = started(jobs)
    in_state(jobs, run, "failed")
    ended(jobs, run)
    assert "a bug in step 5" in (run.path / "log.txt").read_text()
    assert history(run).finished.state == "failed"
    assert steps_told(run) == [1, 2, 3, 4]
    monkeypatch.delenv("PRETEND_BUG")
    jobs.resume(run)
    in_state(jobs, run, "finished")
    assert run.status().problem is None


def test_a_process_that_cannot_even_start_is_interrupted():
    jobs = Jobs([sys.executable, "-c", "raise SystemExit(3)"])
    run = started(jobs)
    in_state(jobs, run, "interrupted")


def failing(error):
    def train(config, *, run_dir, resume, control):
        yield Started(run=run_dir.name, config={})
        raise error

    return train


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


def test_a_stop_wins_over_a_failure(jobs):
    run = new()
    control(run).ask(stop=True)
    write_status(run, replace(run.status(), state="failed"))
    assert jobs.state(run) == "stopped"


# One at a time


def test_runs_of_one_device_wait_in_the_order_they_came(jobs):
    first = training(jobs)
    others = [started(jobs, epochs=2) for _ in range(3)]
    until(lambda: all(run.status().pid for run in others))
    assert [run.id for run in queue()] == [run.id for run in queue("cpu")] == [run.id for run in others]
    assert queue("cuda") == []
    assert {jobs.state(run) for run in others} == {"queued"}
    jobs.stop(others[1])
    in_state(jobs, others[1], "stopped")
    assert [run.id for run in queue()] == [others[0].id, others[2].id]
    jobs.stop(first)
    in_state(jobs, others[2], "finished")
    assert jobs.state(others[0]) == "finished"
    begun = [read_events(run)[0][0] for run in (others[0], others[2])]
    assert all(isinstance(event, Started) for event in begun)
    assert read_events(others[1])[0] == []


def test_a_paused_run_frees_the_device_and_queues_again_at_the_end(jobs):
    first = training(jobs)
    second = started(jobs, LONG)
    jobs.pause(first)
    in_state(jobs, second, "running")
    jobs.resume(first)
    third = started(jobs, LONG)
    until(lambda: len(queue()) == 2)
    assert [run.id for run in queue()] == [first.id, third.id]


def test_a_killed_waiting_run_blocks_nobody(jobs):
    first = training(jobs)
    second, third = started(jobs), started(jobs)
    until(lambda: second.status().pid and third.status().pid)
    jobs._handles[second.id].kill()
    ended(jobs, second)
    assert jobs.state(second) == "interrupted"
    jobs.stop(first)
    in_state(jobs, third, "finished")


def test_a_run_that_does_not_rest_cannot_be_resumed_or_deleted(jobs):
    run = training(jobs)
    with pytest.raises(UserError, match="running"):
        jobs.resume(run)
    with pytest.raises(UserError, match="Stop it first"):
        jobs.delete(run)
    jobs.stop(run)
    in_state(jobs, run, "stopped")
    ended(jobs, run)
    jobs.delete(run)
    assert not run.path.exists()


def test_of_two_who_resume_at_once_one_succeeds(jobs):
    run = training(jobs)
    jobs.pause(run)
    in_state(jobs, run, "paused")
    ended(jobs, run)
    jobs.claim(run)
    with pytest.raises(UserError, match="queued"):
        Jobs().claim(run)


def test_a_run_is_not_worked_on_twice(jobs):
    run = started(jobs)
    in_state(jobs, run, "finished")
    with pytest.raises(UserError, match="finished"):
        next(work(run, failing(ValueError())))


def test_the_device_is_found_without_torch(monkeypatch):
    def where(device):
        return device_of(TrainConfig(data="shapes", device=device))

    monkeypatch.setattr(subject.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert [where("auto"), where("cpu"), where("cuda")] == ["cpu", "cpu", "cuda"]  # hidden in these tests
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert [where("auto"), where("cpu"), where("cuda")] == ["cuda", "cpu", "cuda"]
    monkeypatch.setattr(subject.shutil, "which", lambda name: None)
    assert [where("auto"), where("cpu"), where("cuda")] == ["cpu", "cpu", "cuda"]


# In the process


def test_an_event_is_on_disk_before_the_training_goes_on():
    run = new()
    found = []

    def train(config, *, run_dir, resume, control):
        assert not resume
        assert run.status().state == "running"
        with pytest.raises(subject.Timeout):
            device_lock("cpu").acquire(timeout=0)  # it is this process's turn
        for step in (1, 2):
            yield StepDone(step=step, epoch=1, loss=1, accuracy=0, lr=1, images_per_second=1, seconds=1)
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
        for step in range(1, 100):
            yield StepDone(step=step, epoch=1, loss=1, accuracy=0, lr=1, images_per_second=1, seconds=1)

    events = work(run, train)
    next(events)
    events.close()
    device_lock("cpu").acquire(timeout=0).lock.release()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert steps_told(run) == [1]


def test_a_run_stopped_before_it_began_trains_nothing():
    run = new()
    control(run).ask(stop=True)
    assert list(work(run, failing(AssertionError()))) == [Finished(state="stopped", seconds=pytest.approx(0, abs=60))]
    assert run.status().state == "stopped"
    assert not list(run.checkpoints.iterdir())


def test_a_resumed_run_is_told_so_and_nothing_else():
    run = new()
    control(run).ask(pause=True)
    list(work(run, failing(AssertionError())))
    (run.path / "metrics.jsonl").write_text(to_line(Started(run=run.id, config={})))
    Jobs().claim(run)

    def train(config, *, run_dir, resume, control):
        assert resume
        assert control() == Asked()
        yield Resumed(step=0, epoch=0)
        yield Finished(state="finished")

    list(work(run, train))
    assert run.status().state == "finished"
    assert Path(run.path / "metrics.jsonl").read_text().count("\n") == 3
