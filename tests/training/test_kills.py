"""Real training processes, killed at random moments and taken the disk away: what they did is what an undisturbed run
does, to the bit.

The run is small and its epochs short: each of them saves, so that many kills fall into the writing of a checkpoint.
`make chaos` kills more often, and servers too: tools/chaos.py.
"""

import contextlib
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from alexnet_viz.training import train as module
from alexnet_viz.training.checkpoints import read_checkpoint
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import Resumed, StepDone, as_it_went, from_line
from alexnet_viz.training.processes import COMMAND, Processes
from alexnet_viz.training.runs import STALE_AFTER, Run, new_run, read_events, runs
from alexnet_viz.training.train import train
from tests.training.test_train import config as small_config
from tests.training.test_train import course, dataset, of, run, same, stripes, torch, weights

PATIENCE = 600  # seconds; a test that waits longer has failed. On an idle machine, all here take half a minute
PER_EPOCH = 5  # steps
NET = "3x8x8_conv6k3s1p1g1_relu_max2s2p0_bn_flat_drop0.5_fc96-1024_relu_drop0.5_fc1024-3"  # its checkpoint: 800 kB

# ---- Runs and their ends, for tools/chaos.py too --------------------------------------------------------------------


def draw_pictures(file: Path) -> Path:
    """A folder of class folders with 96 pictures of 8x8 pixels to learn from, and 30 to be examined with."""
    for part, split in (("train", stripes(96)), ("test", stripes(30, seed=1))):
        for i, (pixels, label) in enumerate(zip(split.images, split.labels, strict=True)):
            folder = file / part / ("across", "down", "none")[label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / f"{i:03}.png")
    return file


def chance_decides_much(data: Path, epochs: int) -> TrainConfig:
    """Dropout, every augmentation, and a learning rate that never stays: whatever is not repeated exactly shows."""
    return TrainConfig(
        **{"data": str(data), "net": NET, "epochs": epochs, "batch": 16, "learning_rate": 0.02, "shift": 1},
        **{"rotation": 5.0, "colour_jitter": 0.1, "pca_colour": 0.1, "validation": 0.2, "precision": "fp32"},
        **{"device": "cpu", "snapshot_every": 10},
    )


@contextlib.contextmanager
def at_home(folder: Path) -> Iterator[Path]:
    """Runs are made in this folder, and on the processor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALEXNET_VIZ_HOME", str(folder))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        yield folder


def until(condition, every: float = 0.02):
    """Wait for something to come true; returns what it is."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(every)
    return value


def processes_of(run: Run) -> list[int]:
    """The processes that work on a run, whoever started them; those that ended and wait to be noticed are none."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            ended = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if not ended and run.id.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def size_told(run: Run) -> int:
    file = run.path / "metrics.jsonl"
    return file.stat().st_size if file.exists() else 0


def moment(run: Run, phase: str, chance: random.Random, told_before: int) -> None:
    """Wait for a random moment in a phase of the process that was just started, or for its end.

    Born: Python itself starts, and nobody knows the pid yet. Starting: torch and the data are loaded.
    """

    def over() -> bool:
        return not processes_of(run)

    if phase == "born":
        time.sleep(chance.uniform(0, 0.5))
        return
    if phase == "starting":
        until(lambda: run.status().pid or over())
        time.sleep(chance.uniform(0, 2))
        return
    # The first line says that it started, a second one that it resumed; those after them come from steps.
    until(lambda: size_told(run) > told_before + 3000 or over())
    time.sleep(chance.uniform(0, 0.4))
    if phase == "saving":
        until(lambda: any(run.checkpoints.glob(".*")) or over(), every=0.0002)


def saved_step(run: Run) -> int:
    found = read_checkpoint(run.path, torch.device("cpu"))
    return found.progress.step if found else 0


def told_steps(run: Run) -> int:
    return max((event.step for event in of(StepDone, read_events(run)[0])), default=0)


def check_interrupted(run: Run, processes: Processes | None = None) -> int:
    """Shown as interrupted, nobody works on it, and at most an epoch has to be done again. Returns where it goes on."""
    if processes:  # those that started it know at once
        assert processes.state(run) == "interrupted"
    # Another server knows no handle; a process that had not even written its pid takes it some seconds to give up.
    started = time.monotonic()
    until(lambda: Processes().state(run) == "interrupted")
    assert run.status().pid == 0 or time.monotonic() - started < STALE_AFTER / 2
    assert processes_of(run) == []
    saved = saved_step(run)
    assert told_steps(run) - PER_EPOCH <= saved <= told_steps(run)
    return saved


def finish(processes: Processes, run: Run) -> None:
    until(lambda: processes.state(run) == "finished")
    processes.handles[run.id].wait(PATIENCE)
    assert processes_of(run) == []


def never_disturbed(config: TrainConfig) -> Run:
    processes, made = Processes(), new_run(config)
    processes.start(made)
    try:
        finish(processes, made)
    finally:
        kill_all(processes)
    return made


def kill_all(processes: Processes) -> None:
    for handle in processes.handles.values():
        handle.kill()
        handle.wait(PATIENCE)


def check_same(disturbed: Run, undisturbed: Run) -> None:
    """Every loss, accuracy and learning rate, the test images' too, and every weight that was kept."""
    assert course(read_events(disturbed)[0]) == course(read_events(undisturbed)[0])
    kept = sorted(path.name for path in undisturbed.checkpoints.glob("*.safetensors"))
    assert sorted(path.name for path in disturbed.checkpoints.glob("*.safetensors")) == kept
    for name in kept:
        assert same(weights(disturbed.path, name), weights(undisturbed.path, name)), name
    assert not list(disturbed.checkpoints.glob(".*"))  # nothing half written is left either


def resumed_at(run: Run) -> list[int]:
    """Where the run's processes went on, by their own word."""
    events = map(from_line, (run.path / "metrics.jsonl").read_text().splitlines())
    return [event.step for event in of(Resumed, events)]


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
