"""The numbers of one pixel on its way into the network."""

import numpy as np
import pytest

from alexnet_viz.inspection.preprocessing import steps
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.pictures.images import decode
from alexnet_viz.pictures.samples import load_sample


@pytest.mark.parametrize("model_id", MODELS)
def test_a_pixels_numbers_are_the_ones_that_enter_the_network(model_id):
    preprocess = MODELS[model_id].preprocess
    image = decode(load_sample("coffee")).image
    way = steps(preprocess, image)
    array = preprocess.to_array(image)
    for row, column in ((0, 0), (preprocess.crop - 1, 3), (7, preprocess.crop - 1)):
        values = way.pixel(row, column)
        assert [value.normalised for value in values] == [float(v) for v in array[:, row, column]]
        for value in values:
            assert value.scaled == value.byte / 255
            assert value.normalised == pytest.approx((value.scaled - value.mean) / value.std, abs=1e-4)


def test_the_steps_are_the_ones_that_the_page_names():
    preprocess = MODELS["alexnet_torchvision"].preprocess
    way = steps(preprocess, decode(load_sample("cat")).image)
    assert way.resized.size == (int(256 * 451 / 300), 256)
    assert way.cropped.size == (224, 224)
    assert np.asarray(way.cropped).shape == (224, 224, 3)
