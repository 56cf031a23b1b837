"""Baselines and blur against loops and against pictures."""

import math

import numpy as np
import pytest
import torch

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.attribution.baselines import BASELINES, baseline, blurred
from alexnet_viz.pictures.images import Preprocess

COLOUR = Preprocess(8, 8, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))


def batch(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_black_and_grey_are_those_colours():
    values = batch(2, 3, 8, 8)
    black, grey = (baseline(id, values, COLOUR) for id in ("black", "grey"))
    assert np.asarray(COLOUR.from_array(black[1].numpy())).max() == 0
    assert np.asarray(COLOUR.from_array(grey[1].numpy()))[3, 5].tolist() == [102, 128, 153]


@pytest.mark.parametrize("id", BASELINES)
def test_a_baseline_is_like_the_batch_and_leaves_it_alone(id):
    values = batch(2, 3, 8, 8)
    made = baseline(id, values, COLOUR)
    assert (made.shape, made.dtype) == (values.shape, values.dtype)
    assert made.is_contiguous()
    assert torch.equal(values, batch(2, 3, 8, 8))


def test_an_unknown_baseline():
    with pytest.raises(UserError, match=r"no baseline named white\. Baselines: black, grey, blur"):
        baseline("white", batch(1, 3, 8, 8), COLOUR)


@pytest.mark.parametrize("sigma", [0.6, 1.7])
def test_blur_equals_a_loop(sigma):
    values = batch(2, 3, 7, 9)
    reach = math.ceil(3 * sigma)
    expected = torch.zeros_like(values)
    for b, c, y, x in np.ndindex(values.shape):
        total = weight = 0.0
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                g = math.exp(-0.5 * (dy**2 + dx**2) / sigma**2)
                total += g * float(values[b, c, min(max(y + dy, 0), 6), min(max(x + dx, 0), 8)])
                weight += g
        expected[b, c, y, x] = total / weight
    assert torch.allclose(blurred(values, sigma), expected, atol=1e-5)


def test_blur_keeps_an_even_picture():
    assert torch.allclose(blurred(torch.full((1, 1, 5, 5), 3.0), 4.0), torch.full((1, 1, 5, 5), 3.0))
