"""The paper's way and its code's, on the same values: against loops, and in numbers."""

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet_viz.inspection.techniques.lrn import uniform_gap
from alexnet_viz.inspection.techniques.paper import (
    alpha_both_ways,
    dropout_places,
    fifth_layer_both_ways,
    first_layer_both_ways,
    input_scales,
)
from alexnet_viz.network.spec import LRN
from alexnet_viz.network.zoo import MODELS
from tests.inspection.techniques.lrn_by_loop import drawn, printed_formula, rectified


def pooled(maps):
    """3x3 windows with stride 2, by loops."""
    count, height, width = maps.shape
    return np.array(
        [
            [[maps[c, r : r + 3, q : q + 3].max() for q in range(0, width - 2, 2)] for r in range(0, height - 2, 2)]
            for c in range(count)
        ]
    )


def test_the_first_layer_in_both_orders():
    maps, layer = drawn(8, 9, 9, scale=3), LRN(alpha=0.1)
    code_alpha = LRN(alpha=layer.alpha / layer.size)  # the oracle's alpha is not divided
    found = first_layer_both_ways(maps, layer)
    assert np.allclose(found.paper, pooled(printed_formula(np.maximum(maps, 0), code_alpha)), rtol=1e-5, atol=1e-6)
    assert np.allclose(found.code, np.maximum(pooled(printed_formula(maps, code_alpha)), 0), rtol=1e-5, atol=1e-6)
    assert found.difference == pytest.approx(float(np.abs(found.paper - found.code).max()))
    some = found.paper > 0
    assert found.relative.largest == pytest.approx(float((1 - found.code[some] / found.paper[some]).max()))
    assert found.relative.largest > 0.01
    assert (found.paper >= found.code * (1 - 1e-6)).all(), "negative neighbours only make the code divide by more"


def test_without_lrn_the_order_makes_no_difference():
    found = first_layer_both_ways(drawn(8, 9, 9), LRN(alpha=1e-12))
    assert found.relative.largest < 1e-6


def test_pooling_before_the_relu_is_the_same_to_the_bit():
    found = fifth_layer_both_ways(drawn(256, 13, 13))
    assert found.difference == 0.0
    assert found.paper.shape == (256, 6, 6)
    assert np.array_equal(found.paper, np.maximum(pooled(drawn(256, 13, 13)), 0))


def test_alpha_as_printed_divides_by_more():
    maps, layer = rectified(8, 3, 3), LRN()
    found = alpha_both_ways(maps, layer)
    assert np.allclose(found.paper, printed_formula(maps, layer), rtol=1e-5)
    assert (found.paper <= found.code).all()


def test_the_bound_is_reached_where_all_neighbours_are_highest():
    both = alpha_both_ways(np.full((9, 1, 1), 50, np.float32), LRN())
    assert both.relative.largest == pytest.approx(uniform_gap().bound, rel=1e-5)


def test_where_dropout_stands():
    paper = dropout_places(MODELS["alexnet_2012"].spec, seed=1)
    assert [(d.after, d.before, d.values) for d in paper] == [("relu6", "fc7", 4096), ("relu7", "fc8", 4096)]
    for model in ("alexnet_torchvision", "alexnet_single"):
        theirs = dropout_places(MODELS[model].spec, seed=1)
        assert [(d.after, d.before, d.values) for d in theirs] == [("pool5", "fc6", 9216), ("relu6", "fc7", 4096)]
    for place in paper:
        assert abs(place.zeroed - place.values / 2) < 5 * (place.values / 4) ** 0.5
    assert paper == dropout_places(MODELS["alexnet_2012"].spec, seed=1)
    assert paper != dropout_places(MODELS["alexnet_2012"].spec, seed=2)


def test_draws_leave_torchs_own_seed_alone():
    before = torch.random.get_rng_state()
    dropout_places(MODELS["alexnet_2012"].spec, seed=1)
    uniform_gap()
    assert torch.equal(before, torch.random.get_rng_state())


def test_one_picture_in_two_scales():
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    picture = Image.fromarray(pixels)
    paper, torchvision = (
        input_scales(MODELS[name].preprocess, picture) for name in ("alexnet_2012", "alexnet_torchvision")
    )
    for c, (large, small) in enumerate(zip(paper, torchvision, strict=True)):
        mean, std = (0.485, 0.456, 0.406)[c] * 255, (0.229, 0.224, 0.225)[c] * 255
        assert large.minimum == pytest.approx(pixels[..., c].min() - mean, abs=1e-3)
        assert large.maximum == pytest.approx(pixels[..., c].max() - mean, abs=1e-3)
        assert large.std == pytest.approx(pixels[..., c].std(), rel=1e-4)
        assert (small.minimum * std, small.maximum * std) == pytest.approx((large.minimum, large.maximum), abs=1e-3)
