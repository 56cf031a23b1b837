"""LRN against a loop of the printed formula and against torch; batch normalisation likewise."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.techniques import lrn
from alexnet_viz.network.spec import LRN
from tests.inspection.techniques.lrn_by_loop import drawn, printed_formula, rectified

LAYERS = st.builds(
    LRN,
    size=st.sampled_from([1, 3, 5, 7, 15]),
    alpha=st.floats(1e-5, 1),
    beta=st.floats(0, 1.5),
    k=st.floats(0.5, 8),
    groups=st.sampled_from([1, 2, 4]),
)


@settings(max_examples=40)
@given(LAYERS, st.integers(0, 99))
def test_the_printed_record_is_the_printed_formula(layer, seed):
    maps = drawn(8, 3, 4, seed=seed)
    assert np.allclose(
        lrn.normalise(maps, lrn.as_printed(layer)).after, printed_formula(maps, layer), rtol=1e-4, atol=1e-6
    )


@settings(max_examples=40)
@given(LAYERS, st.integers(0, 99))
def test_the_record_is_torchs_own_in_every_stream(layer, seed):
    maps = drawn(8, 3, 4, seed=seed)
    theirs = nn.LocalResponseNorm(layer.size, layer.alpha, layer.beta, layer.k)
    streams = torch.from_numpy(maps)[None].chunk(layer.groups, dim=1)
    expected = torch.cat([theirs(stream) for stream in streams], dim=1)[0].numpy()
    assert np.allclose(lrn.normalise(maps, layer).after, expected, rtol=1e-6)


def test_the_seeds_line_is_the_code_and_five_times_its_alpha_is_the_paper():
    maps = rectified(96, 5, 5)
    batch = torch.from_numpy(maps)[None]
    code = nn.LocalResponseNorm(size=5, alpha=0.0001, beta=0.75, k=2)(batch)[0].numpy()
    paper = nn.LocalResponseNorm(size=5, alpha=0.0005, beta=0.75, k=2)(batch)[0].numpy()
    assert np.allclose(lrn.normalise(maps, LRN()).after, code, rtol=1e-6)
    assert np.allclose(paper, printed_formula(maps, LRN()), rtol=1e-5)
    assert lrn.as_printed(LRN()).alpha == pytest.approx(5e-4)
    assert nn.LocalResponseNorm(5).k == 1.0, "PyTorch's default; the paper's is 2"


def test_what_changes_on_paper():
    found = lrn.change(np.float32([0, 2, 4, -8]), np.float32([0, 1, 1, -8]))
    assert found == lrn.Change(median=0.5, largest=0.75)


def test_without_neighbours_only_the_constant_is_left():
    found = lrn.normalise(rectified(6, 4, 4), LRN(alpha=1e-12, k=16.0, beta=0.5))
    assert found.change.median == pytest.approx(0.75)
    assert found.neighbours.largest < 1e-5
    felt = lrn.normalise(rectified(6, 4, 4), LRN(alpha=1.0, k=16.0, beta=0.5))
    assert felt.neighbours.largest > 0.5


def test_on_values_uniform_to_50_they_differ_by_a_tenth():
    gap = lrn.uniform_gap()
    assert gap.median == pytest.approx(0.10, abs=0.005)
    assert 0.20 < gap.largest <= gap.bound
    assert gap.bound == pytest.approx(0.24, abs=0.005)
    assert gap.bound == pytest.approx(1 - ((2 + 1e-4 * 2500) / (2 + 5e-4 * 2500)) ** 0.75)
    assert lrn.uniform_gap() == gap


def test_a_unit_by_the_code_and_by_the_paper():
    maps, layer = rectified(64, 6, 7), LRN(alpha=0.05, groups=2)
    for channel, row, column in [(0, 0, 0), (31, 3, 2), (32, 5, 6), (63, 2, 1), (40, 1, 1)]:
        found = lrn.unit(maps, layer, channel, row, column)
        assert found.code.result == pytest.approx(lrn.normalise(maps, layer).after[channel, row, column], rel=1e-5)
        expected = printed_formula(maps, layer)[channel, row, column]
        assert found.printed.result == pytest.approx(expected, rel=1e-6)
        assert found.printed.alpha / found.printed.size == pytest.approx(layer.alpha)
        if expected:
            assert found.below == pytest.approx(1 - found.printed.result / found.code.result)


def test_neighbours_beyond_the_border_of_a_stream_drop_out():
    maps = rectified(64, 2, 2) + 1
    across, within = (lrn.unit(maps, LRN(groups=groups), 31, 1, 0) for groups in (1, 2))
    assert across.channels == within.channels == [29, 30, 31, 32, 33]
    assert across.counted == [True] * 5
    assert within.counted == [True, True, True, False, False]
    assert within.code.squares == pytest.approx(float((maps[29:32, 1, 0].astype(np.float64) ** 2).sum()))
    assert within.code.result > across.code.result
    assert lrn.unit(maps, LRN(groups=2), 32, 1, 0).counted == [False, False, True, True, True]
    assert lrn.unit(maps, LRN(), 0, 0, 0).channels == [0, 1, 2]


def test_a_place_that_does_not_exist_is_named():
    with pytest.raises(UserError, match="rows go from 0 to 1"):
        lrn.unit(rectified(4, 2, 2), LRN(), 0, 2, 0)
    with pytest.raises(UserError, match="channels go from 0 to 3"):
        lrn.unit(rectified(4, 2, 2), LRN(), 4, 0, 0)


def test_the_strongest_come_first():
    maps = np.zeros((4, 2, 2), np.float32)
    maps[2, 0, 1], maps[1, 1, 1] = 9, 5
    assert lrn.strongest(maps, 3) == [2, 1, 0]


def test_colours_are_full_where_one_value_in_a_hundred_is():
    maps = np.arange(1001, dtype=np.float32).reshape(7, 11, 13)
    assert lrn.colour_limit(maps) == pytest.approx(990)
    one_peak = np.zeros((1, 20, 20), np.float32)
    one_peak[0, 3, 3] = 5
    assert lrn.colour_limit(one_peak) == 5


def test_batch_normalisation_is_torchs_in_training():
    batch = rectified(3, 5, 4, 6) * np.arange(1, 6, dtype=np.float32)[:, None, None]
    expected = nn.BatchNorm2d(5)(torch.from_numpy(batch)).detach().numpy()
    assert np.allclose(lrn.batch_normalised(batch), expected, rtol=1e-4, atol=1e-5)
    after = lrn.by_channel(lrn.batch_normalised(batch))
    assert np.allclose(after.mean, 0, atol=1e-5)
    assert np.allclose(after.std, 1, atol=1e-3)
    # A map that is the same everywhere becomes zero.
    assert np.array_equal(
        lrn.batch_normalised(np.full((2, 1, 3, 3), 7, np.float32)), np.zeros((2, 1, 3, 3), np.float32)
    )


def test_lrn_of_a_batch_and_its_divisors():
    batch, layer = rectified(3, 8, 4, 4), LRN(alpha=0.01)
    found = lrn.lrn_by_channel(batch, layer)
    after = np.stack([lrn.normalise(maps, layer).after for maps in batch])
    assert np.allclose(found.after.mean, after.mean((0, 2, 3)), rtol=1e-5)
    assert np.allclose(found.after.std, after.std((0, 2, 3)), rtol=1e-5)
    divisors = batch[batch > 0] / after[batch > 0]
    assert (found.least_divisor, found.largest_divisor) == pytest.approx((divisors.min(), divisors.max()))
    assert found.least_divisor >= 2**0.75 * (1 - 1e-6)
