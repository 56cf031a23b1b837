"""Grad-CAM by hand: on paper, equal to Captum's, with channels off, and the model left as it was."""

import numpy as np
import pytest
import torch

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.attribution.attribute import attribute, layers_with_maps
from alexnet_viz.inspection.attribution.gradcam_by_hand import recipe
from alexnet_viz.network.build import with_weights
from alexnet_viz.network.spec import Activation, Conv, Flatten, Linear, Spec
from tests.inspection.attribution.attribution_models import WITH_LRN, array_of, model_of, random_model
from tests.inspection.networks import condition


def on_paper(last):
    """Two maps: the picture itself and its double. The class is a weighted sum of their four values each."""
    spec = Spec((1, 2, 2), (Conv(2, kernel=1), Activation(), Flatten(), Linear(8, 2)))
    state = {
        "features.0.weight": torch.tensor([1.0, 2.0]).reshape(2, 1, 1, 1),
        "features.0.bias": torch.zeros(2),
        "classifier.0.weight": torch.tensor([last, [0.0] * 8]),
        "classifier.0.bias": torch.tensor([0.5, 0.0]),
    }
    return model_of(spec, ("this", "other"), state=state)


PICTURE = np.array([[[1, 2], [3, 4]]], np.float32)


def test_on_paper():
    worked = recipe(on_paper([1.0, 1, 1, 5, -3, -3, -3, -3]), PICTURE, target="this")
    assert worked.maps.tolist() == [[[1, 2], [3, 4]], [[2, 4], [6, 8]]]
    assert worked.gradients[0].tolist() == [[1, 1], [1, 5]]
    assert worked.weights.tolist() == [2, -3]
    assert worked.weighted_sum.tolist() == [[2 - 6, 4 - 12], [6 - 18, 8 - 24]]
    assert worked.rectified.tolist() == [[0, 0], [0, 0]]
    assert (worked.layer, worked.target, worked.class_id) == ("relu1", 0, "this")
    assert worked.logit == 0.5 + 1 + 2 + 3 + 20 - 3 * 20
    assert worked.probability == pytest.approx(1 / (1 + np.exp(-worked.logit)))
    assert worked.top.tolist() == [1, 0], "magnitudes of weight x mean: 3 x 5 and 2 x 2.5"
    assert worked.blank
    assert not worked.all_negative


def test_all_weights_negative():
    worked = recipe(on_paper([-1.0] * 8), PICTURE, target=0)
    assert worked.all_negative
    assert worked.blank
    for_it = recipe(on_paper([1.0] * 8), PICTURE)
    assert (for_it.all_negative, for_it.blank, for_it.class_id) == (False, False, "this")


@pytest.mark.parametrize("model_id", ["small", "alexnet_cifar", "lenet5"])
def test_it_is_captums(model_id):
    model = model_of(WITH_LRN) if model_id == "small" else random_model(model_id)
    array = array_of(model)
    for layer in layers_with_maps(model.network.spec):
        worked, answer = recipe(model, array, layer, 1), attribute(model, array, "gradcam", layer=layer, target=1)
        assert np.abs(worked.weighted_sum - answer.raw).max() <= 1e-5 * np.abs(answer.raw).max()
        assert np.abs(worked.enlarged - answer.heat).max() <= 1e-5 * np.abs(answer.heat).max()
        assert worked.logit == pytest.approx(answer.logit, abs=1e-6)
        assert worked.probability == pytest.approx(answer.probability, abs=1e-6)
        sizes = np.abs(worked.weights * worked.maps.mean((1, 2)))[worked.top]
        assert (np.diff(sizes) <= 0).all()
        assert sorted(worked.top) == list(range(len(worked.maps)))
    assert recipe(model, array).target == attribute(model, array, "gradcam").target


@pytest.mark.parametrize("switched", ["relu1", "conv2", "relu2", "fc3"])
def test_channels_off_are_filters_without_weights(switched):
    model = model_of(WITH_LRN)
    array = array_of(model)
    worked = recipe(model, array, "conv2", 1, off={switched: {0, 3}})
    # The same network with those filters set to zero: before or after the ReLU makes no difference to a zero.
    state = {key: tensor.clone() for key, tensor in model.network.state_dict().items()}
    number = {"relu1": "features.0", "conv2": "features.4", "relu2": "features.4", "fc3": "classifier.0"}[switched]
    for part in ("weight", "bias"):
        state[f"{number}.{part}"][[0, 3]] = 0
    expected = recipe(model_of(WITH_LRN, state=state), array, "conv2", 1)
    assert worked.logit == pytest.approx(expected.logit, abs=1e-6)
    on = [1, 2, 4, 5, 6, 7]
    assert np.allclose(worked.weights[on], expected.weights[on], atol=1e-7)
    if switched != "relu2":
        assert np.allclose(worked.weighted_sum, expected.weighted_sum, atol=1e-7)
    else:
        assert not worked.gradients[[0, 3]].any(), "nothing flows back through a channel that is off"


def test_the_model_stays_as_it_was():
    model = model_of(WITH_LRN)
    before, array = condition(model.network), array_of(model)
    original = array.copy()
    recipe(model, array, off={"conv1": [1]})
    for asked in ({"layer": "fc3"}, {"target": "horse"}, {"off": {"conv9": [0]}}):
        with pytest.raises(UserError):
            recipe(model, array, **asked)
    with pytest.raises(RuntimeError):
        recipe(model, array[:2])
    assert condition(model.network) == before
    assert np.array_equal(array, original)


def test_arrays_are_plain_and_a_callers_no_grad_does_not_matter():
    model = model_of()
    with torch.no_grad():
        worked = recipe(model, array_of(model))
    assert {value.dtype.name for value in vars(worked).values() if isinstance(value, np.ndarray)} == {
        "float32",
        "int64",
    }
    assert with_weights(model.network.spec, model.network.state_dict()).features[0].weight.grad is None
