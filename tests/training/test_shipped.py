"""The run and the weights that come with the app."""

import json

import numpy as np
import pytest

from alexnet_viz.labels import class_ids
from alexnet_viz.network.weights import load_model
from alexnet_viz.training.runs import classes_of, history, runs
from alexnet_viz.training.snapshots import TEST, epoch_of, read_snapshot, snapshot_files


def test_the_shipped_run_and_its_weights_say_the_same():
    (shipped,) = [one for one in runs() if one.shipped]
    told = history(shipped)
    assert len(told.epochs) == shipped.config().epochs
    assert shipped.status().state == "finished"
    model = load_model("alexnet_cifar")
    assert model.origin == "shipped"
    claimed = json.loads(model.metadata["figures"])["test_accuracy"]
    assert claimed == pytest.approx(told.finished.test_accuracy, abs=1e-4)


def test_the_shipped_run_knows_its_classes_and_what_each_epoch_showed():
    (shipped,) = [one for one in runs() if one.shipped]
    assert classes_of(shipped) == class_ids("cifar10")
    files = snapshot_files(shipped.path)
    assert [epoch_of(file) for file in files] == list(range(1, shipped.config().epochs + 1))
    assert read_snapshot(files[-1]).pictures.shape[1:] == (32, 32, 3)
    tested = read_snapshot(shipped.path / TEST)
    assert tested.confusion.sum() == 10_000
    assert tested.confusion.trace() / 10_000 == pytest.approx(history(shipped).finished.test_accuracy)
    assert tested.confusion_shares.sum(axis=1) == pytest.approx(np.ones(10), abs=1e-5)
