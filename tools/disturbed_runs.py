"""Runs whose processes are killed, for tests and for tools/chaos.py: how to disturb one, and how it has to come out."""

import contextlib
import random
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from alexnet_viz.training.checkpoints import read_checkpoint
from alexnet_viz.training.config import FIELDS, TrainConfig
from alexnet_viz.training.events import Resumed, StepDone, from_line
from alexnet_viz.training.processes import Processes
from alexnet_viz.training.runs import STALE_AFTER, Run, new_run, read_events
from tools import machine, waiting
from tools.small_runs import course, of, same, stripes, weights

PATIENCE = 600  # seconds; a test that waits longer has failed. On an idle machine, all here take half a minute
PLAIN_NET = "3x8x8_conv6k3s1p1g1_relu_max2s2p0_flat_fc96-64_relu_fc64-3"
until = partial(waiting.until, patience=PATIENCE)
PER_EPOCH = 5  # steps
NET = "3x8x8_conv6k3s1p1g1_relu_max2s2p0_bn_flat_drop0.5_fc96-1024_relu_drop0.5_fc1024-3"  # its checkpoint: 800 kB


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
    varied = {"rotation": 5.0, "colour_jitter": 0.1, "pca_colour": 0.1, "shift": 1, "snapshot_every": 10}
    return plain(data, epochs, net=NET, flip=True, **varied)


def plain(data: Path, epochs: int, **settings: Any) -> TrainConfig:
    """Without dropout, augmentation and batch normalisation, which every process does to its own share."""
    small = {"net": PLAIN_NET, "batch": 16, "learning_rate": 0.02, "validation": 0.2, "flip": False, "shift": 0}
    return TrainConfig(data=str(data), epochs=epochs, precision="fp32", device="cpu", **{**small, **settings})


@contextlib.contextmanager
def at_home(folder: Path) -> Iterator[Path]:
    """Runs are made in this folder, and on the processor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALEXNET_VIZ_HOME", str(folder))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        yield folder


def processes_of(run: Run) -> set[int]:
    """The processes that work on a run, whoever started them."""
    return machine.processes(run.id, "cmdline")


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
    return found.position.step if found else 0


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
    assert not processes_of(run)
    saved = saved_step(run)
    assert told_steps(run) - PER_EPOCH <= saved <= told_steps(run)
    return saved


def finish(processes: Processes, run: Run) -> None:
    until(lambda: processes.state(run) == "finished")
    processes.handles[run.id].wait(PATIENCE)
    assert not processes_of(run)


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


def flags(config: TrainConfig) -> list[str]:
    """The same settings on the command line."""
    given = []
    for name, value in config.to_dict().items():
        flag = name.replace("_", "-")
        if FIELDS[name].kind == "bool":
            given.append(f"--{flag}" if value else f"--no-{flag}")
        elif value != "":
            given += [f"--{flag}", str(value)]
    return given


def torchrun(processes: int) -> list[str]:
    started = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [*started, "-m", "alexnet_viz"]
