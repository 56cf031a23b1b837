"""The command under torchrun: two processes that share every batch take the course of one."""

import os
import subprocess

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
