"""The command under torchrun: two processes that share every batch take the course of one."""

import os
import socket
import subprocess
import sys

import pytest

from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import EpochDone, Finished, Started, StepDone, from_line
from alexnet_viz.training.runs import runs
from alexnet_viz.training.train import train
from tools.catalogue import ROOT
from tools.disturbed_runs import draw_pictures, flags, plain, torchrun
from tools.small_runs import of


@pytest.mark.slow
def test_two_processes_take_the_course_of_one(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "home"))
    chosen = plain(draw_pictures(tmp_path / "pictures"), epochs=10)
    done = subprocess.run(
        [*torchrun(2), "train", *flags(chosen), "--json"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    events = [from_line(line) for line in done.stdout.splitlines()]
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert events[-1].state == "finished"
    assert TrainConfig.from_dict(events[0].config) == chosen
    (made,) = (run for run in runs() if not run.shipped)
    assert (made.path / "metrics.jsonl").read_text() == done.stdout

    alone = list(train(chosen))
    pairs = list(zip(of(StepDone, events), of(StepDone, alone), strict=True))
    assert len(pairs) == 50
    for one, other in pairs:
        assert one.loss == pytest.approx(other.loss, abs=1e-3)
        assert one.accuracy == pytest.approx(other.accuracy, abs=1e-6)
        assert one.lr == other.lr
    assert [epoch.val_accuracy for epoch in of(EpochDone, events)] == [
        epoch.val_accuracy for epoch in of(EpochDone, alone)
    ]
    assert events[-1].test_accuracy == alone[-1].test_accuracy


def test_processes_of_ones_own_script_end_well_and_leave_no_thread_of_the_group():
    """One that lived on could abort the process while Python ends: -6 after all work was done."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.distributed_worker"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    told, silent = (process.communicate(timeout=600) for process in processes)
    assert [process.returncode for process in processes] == [0, 0], told[1] + silent[1]
    *lines, threads = told[0].splitlines()
    assert isinstance(from_line(lines[-1]), Finished)
    assert len(silent[0].splitlines()) == 1  # only the first process tells
    for left in (threads, *silent[0].splitlines()):
        assert "gloo" not in left
        assert "tcpstore" not in left
