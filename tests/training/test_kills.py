"""Real training processes, killed at random moments and taken the disk away: what they did is what an undisturbed run
does, to the bit.

The run is small and its epochs short: each of them saves, so that many kills fall into the writing of a checkpoint.
`make chaos` kills more often, and servers too: tools/chaos.py.
"""

import os
import random
import resource
import sys
from pathlib import Path

import pytest

from alexnet_viz.training import train as module
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import as_it_went
from alexnet_viz.training.processes import COMMAND, Processes
from alexnet_viz.training.runs import Run, new_run, runs
from alexnet_viz.training.train import train
from tools.disturbed_runs import (
    PATIENCE,
    PER_EPOCH,
    at_home,
    chance_decides_much,
    check_interrupted,
    check_same,
    draw_pictures,
    finish,
    kill_all,
    moment,
    never_disturbed,
    resumed_at,
    saved_step,
    size_told,
    told_steps,
    until,
)
from tools.small_runs import config as small_config
from tools.small_runs import course, dataset, run, same, weights

# ---- Fixtures -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with at_home(tmp_path_factory.mktemp("home")) as folder, pytest.MonkeyPatch.context() as patch:
        # A thread that waits for another one keeps its core busy: on a busy machine, ten times the time. Chaos has all.
        patch.setenv("OMP_NUM_THREADS", "1")
        yield folder


@pytest.fixture(scope="module")
def chosen(home) -> TrainConfig:
    return chance_decides_much(draw_pictures(home / "pictures"), epochs=40)


@pytest.fixture(scope="module")
def undisturbed(chosen) -> Run:
    return never_disturbed(chosen)


@pytest.fixture
def processes():
    made = Processes()
    yield made
    kill_all(made)


# ---- Killed ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_three_kills_at_random_moments_change_nothing(processes, chosen, undisturbed):
    chance, killed = random.Random(7), new_run(chosen)
    processes.start(killed)
    told, resumed = 0, []
    for phase in ("stepping", "saving", "starting"):
        moment(killed, phase, chance, told)
        handle = processes.handles[killed.id]
        assert handle.poll() is None, "it was over before it could be killed"
        handle.kill()
        handle.wait(PATIENCE)
        resumed.append(check_interrupted(killed, processes))
        told = size_told(killed)
        processes.resume(killed)
    finish(processes, killed)
    assert resumed[1] > 0
    assert set(resumed_at(killed)) <= set(resumed)
    assert resumed_at(killed)[-1] == resumed[-1]
    check_same(killed, undisturbed)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A small run in this process that nothing disturbs, and how many events it tells when it saves at every step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SAVE_SECONDS", 0)
        folder = tmp_path_factory.mktemp("whole")
        return run(run_dir=folder), folder


def test_a_kill_after_any_event_changes_nothing(tmp_path, whole, monkeypatch):
    monkeypatch.setattr(module, "SAVE_SECONDS", 0)  # a checkpoint after every step
    events, folder = whole
    for count in range(1, len(events)):
        running = train(small_config(), tmp_path / str(count), dataset=dataset())
        before = [next(running) for _ in range(count)]
        del running  # nothing of it is asked any more
        after = run(run_dir=tmp_path / str(count), resume=True)
        assert course(as_it_went([*before, *after])) == course(events), f"killed after {before[-1]}"
        assert same(weights(tmp_path / str(count)), weights(folder))


class _KilledError(BaseException):
    pass


@pytest.mark.parametrize("renamed", [False, True])
def test_a_kill_before_or_after_any_file_is_replaced_changes_nothing(tmp_path, whole, renamed, monkeypatch):
    replace, events = os.replace, whole[0]

    def killed_at(count):
        calls = iter(range(count, -1, -1))

        def replace_or_die(*names):
            last = next(calls) == 0
            if renamed or not last:
                replace(*names)
            if last:
                raise _KilledError

        return replace_or_die

    for count in range(1000):
        folder, before = tmp_path / str(count), []
        monkeypatch.setattr(os, "replace", killed_at(count))
        try:
            for event in train(small_config(), folder, dataset=dataset()):
                before.append(event)
        except _KilledError:
            pass
        else:
            break
        monkeypatch.undo()
        after = run(run_dir=folder, resume=True)
        assert course(as_it_went([*before, *after])) == course(events), f"killed after {before[-1]}"
        assert same(weights(folder), weights(whole[1]))
    assert count >= 12  # three files at each of three epochs' ends, the best, the second's weights, and the test's


# ---- No room, no right ----------------------------------------------------------------------------------------------


# Even the superuser's process obeys a folder's mode once it has no right to override it (CAP_DAC_OVERRIDE).
OBEDIENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0); os.execv(sys.executable, sys.argv[1:])"


@pytest.mark.slow
def test_a_full_disk_and_a_forbidden_folder_are_said_and_cost_nothing(chosen, undisturbed):
    processes, hindered = Processes([sys.executable, "-c", OBEDIENT, *COMMAND]), new_run(chosen)
    try:
        processes.start(hindered)
        until(lambda: saved_step(hindered) > PER_EPOCH)
        room = (hindered.checkpoints / "last.pt").stat().st_size // 2
        # From now on the system refuses any file that is as large as a checkpoint.
        resource.prlimit(processes.handles[hindered.id].pid, resource.RLIMIT_FSIZE, (room, room))
        failed(processes, hindered)
        assert not halves(hindered)

        saved = saved_step(hindered)
        processes.resume(hindered)
        until(lambda: saved_step(hindered) > saved)
        for folder in (hindered.path, hindered.checkpoints):
            folder.chmod(0o500)
        failed(processes, hindered)  # a half written file may be left in a folder from which nothing can be removed

        for folder in (hindered.path, hindered.checkpoints):
            folder.chmod(0o700)
        processes.resume(hindered)
        finish(processes, hindered)
        assert not halves(hindered)
        check_same(hindered, undisturbed)
    finally:
        kill_all(processes)


def failed(processes: Processes, run: Run) -> None:
    """It said why, and its last checkpoint can be read."""
    processes.handles[run.id].wait(PATIENCE)
    assert processes.state(run) == Processes().state(run) == "failed"
    problem = str(run.status().problem)
    assert "The run cannot be written into" in problem
    assert str(run.path) in problem
    assert "what was saved before is still there" in problem
    assert problem in (run.path / "log.txt").read_text()
    assert 0 < saved_step(run) <= told_steps(run)
    assert run in runs()


def halves(run: Run) -> list[Path]:
    """Files whose writing was not finished."""
    return list(run.checkpoints.glob(".*"))
