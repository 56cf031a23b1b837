"""What training takes: images per second against the seed's loop, seconds until a Stop, accuracy for the time."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

from alexnet_viz.files.paths import CIFAR10_VARIABLE, cifar10_path
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.devices import device_of, uses_bf16
from alexnet_viz.training.events import Finished, StepDone, from_line
from alexnet_viz.training.processes import Processes
from alexnet_viz.training.runs import Run, history, new_run
from tools import ROOT
from tools.bench.clock import in_turns, seconds
from tools.bench.start import MissingError
from tools.waiting import until

ROUNDS = 3
SEED_BATCHES = 40  # about 15 s of the seed's loop on two cores
SECONDS = 15  # of ours
WARM_UP = 5  # steps that are not counted, as in the seed's file
SEED_EPOCHS = 50
SEED_IMAGES = 50_000  # an epoch's
PATIENCE = 120  # seconds; torch and the data take their time


def speed() -> float:
    """Our images per second as a multiple of the seed's loop's, in windows that alternate."""
    data = _cifar10()
    with home():
        seeds, mine = in_turns(ROUNDS, partial(seed_speed, data), partial(our_speed, data))
    print(f"  {mine:.0f} images per second, the seed's loop {seeds:.0f} (medians of {ROUNDS})")
    return mine / seeds


def speed_bar() -> float | None:
    """What is asked of `speed` here: units for bf16 are most of it, so a processor without them is only reported."""
    config = TrainConfig(data="cifar10")
    device = device_of(config)
    if device.type == "cuda":
        return 15
    return 2.2 if uses_bf16(config, device) else None


def seed_speed(data: Path) -> float:
    """Images per second of the seed's loop, in a process of its own."""
    command = [sys.executable, str(ROOT / "tools" / "bench" / "seed_baseline.py"), str(data)]
    done = subprocess.run([*command, "--batches", str(SEED_BATCHES)], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["images_per_second"])


def our_speed(data: Path) -> float:
    """Images per second of the training command, by the clock on the wall: what it tells and writes included."""
    command = [sys.executable, "-m", "alexnet_viz", "train", "--data", str(data), "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        events = map(from_line, process.stdout)
        begun = next(event for event in events if isinstance(event, StepDone) and event.step == WARM_UP)
        started = time.perf_counter()
        for event in events:
            took = time.perf_counter() - started
            if isinstance(event, StepDone) and took >= SECONDS:
                break
        process.terminate()
        for _ in events:  # its last words; a full pipe would stop it
            pass
    return (event.step - begun.step) * TrainConfig(data="cifar10").batch / took


def stop() -> float:
    """Seconds from the request until the process is gone, while it trains `alexnet_cifar`; the median of three."""
    taken = []
    jobs = Processes()
    with home(), running_run(jobs) as run:
        for resumed in (False, True, True):
            if resumed:
                jobs.resume(run)
                _until_it_steps(run)
            taken.append(seconds(lambda: (jobs.stop(run), until(lambda: not jobs.alive(run), PATIENCE, every=0.005))))
    return statistics.median(taken)


@cache
def fast_to_the_end(*flags: str) -> tuple[float, float]:
    """Of the preset "fast" on CIFAR-10: test accuracy, and its time as a share of the seed's 50 epochs', both percent.

    The seed's time is reckoned from its speed before and after; what it spends on testing is left out. An hour.
    """
    data = _cifar10()
    with home():
        before = seed_speed(data)
        command = [sys.executable, "-m", "alexnet_viz", "train", "--data", "cifar10", *flags, "--json"]
        env = {**os.environ, CIFAR10_VARIABLE: str(data)}
        started = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
        took = time.perf_counter() - started
        after = seed_speed(data)
    finished = from_line(done.stdout.splitlines()[-1])
    assert isinstance(finished, Finished)
    assert finished.test_accuracy is not None
    seeds = SEED_EPOCHS * SEED_IMAGES / statistics.mean((before, after))
    print(f"  {took:.0f} s, the seed's {SEED_EPOCHS} epochs {seeds:.0f} s")
    return 100 * finished.test_accuracy, 100 * took / seeds


# ---- For tools/bench/watching.py too --------------------------------------------------------------------------------


@contextmanager
def home() -> Iterator[Path]:
    """A folder for runs and decoded images that goes away again."""
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, {"ALEXNET_VIZ_HOME": folder}):
        yield Path(folder)


@contextmanager
def running_run(jobs: Processes) -> Iterator[Run]:
    """A long run of `alexnet_cifar` on shapes, started as a page starts it, that has taken some steps."""
    run = new_run(TrainConfig(data="shapes", epochs=1000))
    jobs.start(run)
    try:
        _until_it_steps(run)
        yield run
    finally:
        jobs.stop(run)
        until(lambda: not jobs.alive(run), PATIENCE)


def _until_it_steps(run: Run) -> None:
    steps = len(history(run).steps)
    until(lambda: len(history(run).steps) >= steps + WARM_UP, PATIENCE, problem=f"no steps: {run.path / 'log.txt'}")


def _cifar10() -> Path:
    beside = ROOT.parent / "shared" / "data" / "cifar10-jpeg.zip"
    path = cifar10_path() or (beside if beside.is_file() else None)
    if path is None:
        raise MissingError(f"CIFAR-10 is not here: set {CIFAR10_VARIABLE} to its zip of class folders")
    if not find_spec("torchvision"):
        raise MissingError("no torchvision here, which the seed's loop needs")
    return path
