"""The run and the weights that come with the app."""

import json
import math

import pytest

from alexnet_viz.network.weights import Model, load_model
from alexnet_viz.training.augment import Normalise
from alexnet_viz.training.datasets import load_dataset
from alexnet_viz.training.measure import accuracy, logits_of
from alexnet_viz.training.runs import classes_of, history, runs
from alexnet_viz.training.snapshots import TEST, epoch_of, read_snapshot, snapshot_files
from alexnet_viz.words.labels import class_ids
from tools.catalogue import ROOT

TRAINED = ("alexnet_cifar", "alexnet_cifar_2gpu")
CREDITS = (ROOT / "assets" / "CREDITS.md").read_text(encoding="utf-8")


def claimed(model: Model) -> float:
    assert model.origin == "shipped"
    return float(json.loads(model.metadata["figures"])["test_accuracy"])


@pytest.mark.parametrize(("model_id", "bar"), [("alexnet_cifar", 0.87), ("alexnet_cifar_2gpu", 0.80)])
def test_shipped_weights_are_as_good_as_asked_and_as_their_credits_say(model_id, bar):
    said = claimed(load_model(model_id))
    assert said >= bar
    assert f"**{said:.2%} of" in CREDITS


def test_what_is_claimed_holds_on_the_test_images(cifar10_zip):
    """On every fourth: 2,500 images, within three standard errors."""
    dataset = load_dataset(cifar10_zip)
    images, labels = dataset.test.images[::4], dataset.test.labels[::4]
    for model_id in TRAINED:
        model = load_model(model_id)
        normalise = Normalise(model.entry.preprocess.mean, model.entry.preprocess.std)
        said, right = claimed(model), accuracy(logits_of(model.network, images, normalise), labels)
        assert abs(right - said) < 3 * math.sqrt(said * (1 - said) / len(labels)), model_id


def test_the_shipped_run_is_the_first_leg_of_the_shipped_weights():
    (shipped,) = [one for one in runs() if one.shipped]
    told = history(shipped)
    assert shipped.status().state == "finished"
    assert len(told.epochs) == shipped.config().epochs
    assert f"{told.finished.test_accuracy:.2%} of the test images" in CREDITS


def test_the_shipped_run_knows_its_classes_and_what_each_epoch_showed():
    (shipped,) = [one for one in runs() if one.shipped]
    assert classes_of(shipped) == class_ids("cifar10")
    files = snapshot_files(shipped.path)
    assert [epoch_of(file) for file in files] == list(range(1, shipped.config().epochs + 1))
    assert read_snapshot(files[-1]).pictures.shape[1:] == (32, 32, 3)
    tested = read_snapshot(shipped.path / TEST)
    assert tested.confusion.sum() == 10_000
    assert tested.confusion.trace() / 10_000 == pytest.approx(history(shipped).finished.test_accuracy)
    assert tested.confusion.sum(axis=1).tolist() == [1000] * 10
