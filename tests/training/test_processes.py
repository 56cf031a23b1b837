"""The server's side of training, with a pretended one: started, stopped, killed, queued, and nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.training import processes as subject
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import Started
from alexnet_viz.training.processes import Processes, device_kind, queue
from alexnet_viz.training.runs import Control, Status, history, read_events, write_status
from tests.conftest import ROOT
from tests.training.pretended import COMMAND, LONG, PATIENCE, new, steps_told, until

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def processes():
    made = Processes(COMMAND)
    yield made
    for handle in made.handles.values():
        handle.kill()
        handle.wait(PATIENCE)


def started(processes, epochs=1):
    run = new(epochs)
    processes.start(run)
    return run


def in_state(processes, run, state):
    return until(lambda: processes.state(run) == state)


def training(processes, epochs=LONG, steps=1):
    """A run that has taken some steps."""
    run = started(processes, epochs)
    until(lambda: len(history(run).steps) >= steps)
    return run


def ended(processes, run, state=""):
    """Wait for the process's end; with a state, for that first."""
    if state:
        in_state(processes, run, state)
    processes.handles[run.id].wait(PATIENCE)


# Start and end


def test_a_run_from_start_to_end(processes):
    run = started(processes, epochs=2)
    assert processes.state(run) in ("queued", "running")
    in_state(processes, run, "finished")
    told = history(run)
    assert steps_told(run) == list(range(1, 21))
    assert [event.epoch for event in told.epochs] == [1, 2]
    assert told.finished.test_accuracy == 0.9
    assert isinstance(read_events(run)[0][0], Started)
    status = run.status()
    assert (status.step, status.steps, status.epoch, status.device, status.memory) == (20, 20, 2, "pretended", 7)
    assert (run.path / "log.txt").read_text() == ""


def test_the_process_is_its_own_and_gives_way_to_the_pages(processes):
    run = training(processes)
    pid = processes.handles[run.id].pid
    assert run.status().pid == pid
    assert os.getsid(pid) == pid
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0) or os.getpriority(0, 0) >= 10


def test_the_process_finds_the_app_from_any_folder(processes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    in_state(processes, started(processes), "finished")


def test_a_stopped_run_has_saved_where_it_was(processes):
    run = training(processes, steps=3)
    processes.stop(run)
    ended(processes, run, "stopped")
    saved = json.loads((run.checkpoints / "last.json").read_text())
    assert steps_told(run) == list(range(1, saved + 1))
    assert history(run).finished.state == "stopped"


def test_stop_needs_not_wait_for_the_data_to_load(processes, monkeypatch):
    monkeypatch.setenv("PRETEND_LOADING", "600")
    run = started(processes)
    in_state(processes, run, "running")
    heartbeat = run.status().heartbeat
    until(lambda: run.status().heartbeat > heartbeat)  # also while the training is busy with something else
    processes.stop(run)
    ended(processes, run)
    assert processes.state(run) == run.status().state == "stopped"
    assert history(run).finished.state == "stopped"


def test_pause_and_resume(processes):
    run = training(processes, epochs=3, steps=3)
    processes.pause(run)
    ended(processes, run, "paused")
    processes.resume(run)
    in_state(processes, run, "finished")
    assert steps_told(run) == list(range(1, 31))


def test_another_learning_rate(processes):
    run = training(processes)
    processes.set_learning_rate(run, 0.125)
    until(lambda: history(run).steps[-1].lr == 0.125)
    assert [event.lr for event in history(run).changes] == [0.125]
    with pytest.raises(UserError, match="Learning rate"):
        processes.set_learning_rate(run, 100)


# Nothing lost


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "half_a_line"), [(1, b""), (12, b""), (12, b'{"event": "step", "st')])
def test_a_killed_run_is_interrupted_and_goes_on(processes, steps, half_a_line):
    run = training(processes, epochs=3, steps=steps)
    processes.handles[run.id].kill()
    ended(processes, run)
    assert processes.state(run) == "interrupted"
    assert Processes().state(run) == "interrupted"  # as another server sees it
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write(half_a_line)  # what was being written is cut off
    processes.resume(run)
    in_state(processes, run, "finished")
    assert steps_told(run) == list(range(1, 31))
    assert [event.epoch for event in history(run).epochs] == [1, 2, 3]


def test_sigterm_saves_and_leaves_it_interrupted(processes):
    run = training(processes, steps=3)
    processes.handles[run.id].terminate()
    in_state(processes, run, "interrupted")
    assert run.status().state == "running"
    assert history(run).finished.state == "interrupted"
    assert json.loads((run.checkpoints / "last.json").read_text()) == steps_told(run)[-1]


def test_ctrl_c_stops(processes):
    run = training(processes, steps=3)
    processes.handles[run.id].send_signal(signal.SIGINT)
    in_state(processes, run, "stopped")


@pytest.mark.slow
def test_the_end_of_the_server_interrupts_and_loses_nothing(processes, tmp_path):
    server = """
import sys, time
from alexnet_viz.training import processes, runs
server = processes.Processes(sys.argv[2:])
server.start(runs.run(sys.argv[1]))
time.sleep(600)
"""
    run = new(LONG)
    with subprocess.Popen([sys.executable, "-c", server, run.id, *COMMAND], cwd=ROOT) as process:
        until(lambda: len(history(run).steps) >= 3)
        assert processes.state(run) == "running"  # as another server sees it
        process.kill()
    in_state(processes, run, "interrupted")
    saved = json.loads((run.checkpoints / "last.json").read_text())
    assert steps_told(run)[-1] == saved
    processes.resume(run)
    until(lambda: steps_told(run)[-1] > saved + 3)
    told = steps_told(run)  # read once: the run goes on
    assert told == list(range(1, len(told) + 1))


def test_without_a_handle_heartbeat_and_pid_tell(processes):
    run = new()
    with subprocess.Popen(["true"]) as gone:
        pass
    for pid, ago, state in (
        (os.getpid(), 0, "running"),
        (os.getpid(), 60, "interrupted"),
        (gone.pid, 0, "interrupted"),
    ):
        write_status(run, Status(state="running", pid=pid, heartbeat=time.time() - ago))
        assert processes.state(run) == state


# Failing


def test_a_bug_is_failed_with_its_traceback_in_the_log(processes, monkeypatch):
    monkeypatch.setenv("PRETEND_BUG", "5")
    run = started(processes)
    ended(processes, run, "failed")
    assert "a bug in step 5" in (run.path / "log.txt").read_text()
    assert history(run).finished.state == "failed"
    assert steps_told(run) == [1, 2, 3, 4]
    monkeypatch.delenv("PRETEND_BUG")
    processes.resume(run)
    in_state(processes, run, "finished")
    assert run.status().problem is None


def test_a_process_that_cannot_even_start_is_interrupted():
    processes = Processes([sys.executable, "-c", "raise SystemExit(3)"])
    run = started(processes)
    in_state(processes, run, "interrupted")


def test_a_stop_wins_over_a_failure(processes):
    run = new()
    Control(run).ask(stop=True)
    write_status(run, replace(run.status(), state="failed"))
    assert processes.state(run) == "stopped"


# One at a time


def test_runs_of_one_device_wait_in_the_order_they_came(processes):
    first = training(processes)
    others = [started(processes, epochs=2) for _ in range(3)]
    until(lambda: all(run.status().pid for run in others))
    assert [run.id for run in queue()] == [run.id for run in queue("cpu")] == [run.id for run in others]
    assert queue("cuda") == []
    assert {processes.state(run) for run in others} == {"queued"}
    processes.stop(others[1])
    in_state(processes, others[1], "stopped")
    assert [run.id for run in queue()] == [others[0].id, others[2].id]
    processes.stop(first)
    in_state(processes, others[2], "finished")
    assert processes.state(others[0]) == "finished"
    begun = [read_events(run)[0][0] for run in (others[0], others[2])]
    assert all(isinstance(event, Started) for event in begun)
    assert read_events(others[1])[0] == []


def test_a_paused_run_frees_the_device_and_queues_again_at_the_end(processes):
    first = training(processes)
    second = started(processes, LONG)
    processes.pause(first)
    in_state(processes, second, "running")
    processes.resume(first)
    third = started(processes, LONG)
    until(lambda: len(queue()) == 2)
    assert [run.id for run in queue()] == [first.id, third.id]


@pytest.mark.slow
def test_a_killed_waiting_run_blocks_nobody(processes):
    first = training(processes)
    second, third = started(processes), started(processes)
    until(lambda: second.status().pid and third.status().pid)
    processes.handles[second.id].kill()
    ended(processes, second)
    assert processes.state(second) == "interrupted"
    processes.stop(first)
    in_state(processes, third, "finished")


def test_a_run_that_does_not_rest_cannot_be_resumed_or_deleted(processes):
    run = training(processes)
    with pytest.raises(UserError, match="running"):
        processes.resume(run)
    with pytest.raises(UserError, match="Stop it first"):
        processes.delete(run)
    processes.stop(run)
    ended(processes, run, "stopped")
    processes.delete(run)
    assert not run.path.exists()


def test_of_two_who_resume_at_once_one_succeeds(processes):
    run = training(processes)
    processes.pause(run)
    ended(processes, run, "paused")
    processes.claim(run)
    with pytest.raises(UserError, match="queued"):
        Processes().claim(run)


def test_the_device_is_found_without_torch(monkeypatch):
    def where(device):
        return device_kind(TrainConfig(data="shapes", device=device))

    monkeypatch.setattr(subject.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert [where("auto"), where("cpu"), where("cuda")] == ["cpu", "cpu", "cuda"]  # hidden in these tests
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert [where("auto"), where("cpu"), where("cuda")] == ["cuda", "cpu", "cuda"]
    monkeypatch.setattr(subject.shutil, "which", lambda name: None)
    assert [where("auto"), where("cpu"), where("cuda")] == ["cpu", "cpu", "cuda"]
