"""The run and the weights that come with the app."""

import json

import pytest

from alexnet_viz.network.weights import load_model
from alexnet_viz.training.runs import history, runs


def test_the_shipped_run_and_its_weights_say_the_same():
    (shipped,) = [one for one in runs() if one.shipped]
    told = history(shipped)
    assert len(told.epochs) == shipped.config().epochs
    assert shipped.status().state == "finished"
    model = load_model("alexnet_cifar")
    assert model.origin == "shipped"
    claimed = json.loads(model.metadata["figures"])["test_accuracy"]
    assert claimed == pytest.approx(told.finished.test_accuracy, abs=1e-4)
