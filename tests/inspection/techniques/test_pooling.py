"""Pooling: equal to naive loops and to torch's gradients, with the sizes that AlexNet has."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alexnet_viz.inspection.techniques import pooling
from alexnet_viz.network.spec import Pool

SIZES = st.tuples(st.integers(3, 9), st.integers(3, 9))
MAPS = SIZES.flatmap(lambda size: arrays(np.float32, size, elements=st.integers(-2, 9).map(float)))  # with ties
NAMES = st.sampled_from(list(pooling.POOLINGS))


def naive_windows(shape, pool):
    """Every window as the list of its positions, in order, row by row; by the floor rule."""
    return [
        [
            [(r * pool.stride + i, c * pool.stride + j) for i in range(pool.kernel) for j in range(pool.kernel)]
            for c in range((shape[1] - pool.kernel) // pool.stride + 1)
        ]
        for r in range((shape[0] - pool.kernel) // pool.stride + 1)
    ]


@settings(max_examples=30)
@given(MAPS, NAMES)
def test_a_pooled_map_is_that_of_a_loop(values, name):
    pool = pooling.POOLINGS[name]
    take = max if pool.mode == "max" else lambda found: sum(found) / len(found)
    expected = [[take([float(values[at]) for at in one]) for one in row] for row in naive_windows(values.shape, pool)]
    found = pooling.pooled(values, pool)
    assert found.shape == np.shape(expected)
    assert np.allclose(found, expected, rtol=1e-6)
    assert np.array_equal(pooling.pooled(np.stack([values, values + 1]), pool)[0], found)


@settings(max_examples=30)
@given(MAPS, NAMES)
def test_a_window_has_its_values_and_its_winner(values, name):
    pool = pooling.POOLINGS[name]
    for r, row in enumerate(naive_windows(values.shape, pool)):
        for c, positions in enumerate(row):
            seen = pooling.window(values, pool, r, c)
            assert seen.window.ravel().tolist() == [values[at] for at in positions]
            assert (seen.box.top, seen.box.left) == positions[0]
            assert (seen.box.bottom - 1, seen.box.right - 1) == positions[-1]
            assert seen.result == pytest.approx(float(pooling.pooled(values, pool)[r, c]), rel=1e-6)
            if pool.mode == "avg":
                assert seen.winner is None
            else:
                first = max(positions, key=lambda at: values[at])  # max() keeps the first of equals
                assert seen.winner == first


@settings(max_examples=30)
@given(SIZES, NAMES)
def test_coverage_is_that_of_a_loop(shape, name):
    pool = pooling.POOLINGS[name]
    counts = np.zeros(shape, int)
    for row in naive_windows(shape, pool):
        for positions in row:
            for at in positions:
                counts[at] += 1
    found = pooling.coverage(shape, pool)
    assert np.array_equal(found.counts, counts)
    assert found.shared == pytest.approx((counts > 1).sum() / counts.size)
    assert found.unread == (counts == 0).sum()


@settings(max_examples=30)
@given(MAPS, st.sampled_from(list(pooling.MAX_POOLINGS)))
def test_winners_are_those_of_a_loop(values, name):
    pool = pooling.MAX_POOLINGS[name]
    wins, level, outputs, won = np.zeros(values.shape, int), 0, 0, []
    for positions in (one for row in naive_windows(values.shape, pool) for one in row):
        outputs += 1
        if len({float(values[at]) for at in positions}) == 1:
            level += 1
            continue
        won.append(max(positions, key=lambda at: values[at]))
        wins[won[-1]] += 1
    found = pooling.winners(values, pool)
    assert np.array_equal(found.wins, wins)
    assert (found.outputs, found.level, found.shared) == (outputs, level, sum(wins[at] > 1 for at in won))
    assert found.survivors == len(set(won))
    assert found.surviving == pytest.approx(len(set(won)) / values.size)
    assert found.sharing == pytest.approx(sum(won.count(at) > 1 for at in won) / max(len(won), 1))
    assert found.most == wins.max()
    if name == "apart":
        assert found.shared == 0, "windows that do not overlap share nothing"


def test_winners_are_where_torch_sends_the_gradient():
    maps = torch.randn(3, 11, 11, generator=torch.Generator().manual_seed(0))
    for pool in pooling.MAX_POOLINGS.values():
        leaf = maps.clone().requires_grad_(True)
        torch.nn.functional.max_pool2d(leaf, pool.kernel, pool.stride).sum().backward()
        found = pooling.winners(maps.numpy(), pool)
        assert np.array_equal(found.wins, leaf.grad.numpy())
        each = [pooling.winners(one.numpy(), pool) for one in maps]
        assert found.shared == sum(one.shared for one in each)
        assert found.outputs == sum(one.outputs for one in each)


def test_a_map_of_zeros_has_no_winners():
    found = pooling.winners(np.zeros((5, 5), np.float32), pooling.POOLINGS["overlapping"])
    assert (found.outputs, found.level, found.survivors, found.sharing, found.most) == (4, 4, 0, 0, 0)


@pytest.mark.parametrize(("length", "floor", "ceil"), [(55, 27, 27), (27, 13, 13), (13, 6, 6)])
def test_windows_of_three_fit_alexnets_maps_by_either_rule(length, floor, ceil):
    assert pooling.side(length, pooling.POOLINGS["overlapping"]) == floor
    assert pooling.side(length, pooling.POOLINGS["overlapping"], "ceil") == ceil
    assert pooling.coverage((length, length), pooling.POOLINGS["overlapping"]).unread == 0


@pytest.mark.parametrize(("length", "floor", "ceil"), [(55, 27, 28), (27, 13, 14), (13, 6, 7)])
def test_windows_of_two_leave_the_last_row_and_column_unread(length, floor, ceil):
    pool = pooling.POOLINGS["apart"]
    assert (pooling.side(length, pool), pooling.side(length, pool, "ceil")) == (floor, ceil)
    found = pooling.coverage((length, length), pool)
    assert found.unread == 2 * length - 1
    assert found.shared == 0
    assert (found.counts[-1] == 0).all()


def test_how_many_values_of_conv1_lie_in_more_than_one_window():
    found = pooling.coverage((55, 55), pooling.POOLINGS["overlapping"])
    assert found.shared == pytest.approx(1 - 29**2 / 55**2)  # 29 of 55 places in a row lie in one window only
    assert round(100 * found.shared, 1) == 72.2
    assert (found.counts == 4).sum() == 26**2


def test_the_poolings_are_the_papers():
    assert pooling.POOLINGS["overlapping"] == Pool(3, 2)
    assert pooling.POOLINGS["apart"] == Pool(2, 2)
    assert pooling.POOLINGS["average"].mode == "avg"
    assert list(pooling.MAX_POOLINGS) == ["overlapping", "apart"]


def test_shift_changes_are_those_of_a_loop():
    maps = np.random.default_rng(1).random((3, 9, 13), np.float32)
    found = pooling.shift_changes(maps)
    assert set(found.pooled) == set(pooling.POOLINGS)
    for name, changes in [("", found.unpooled), *found.pooled.items()]:
        for by in range(pooling.SHIFTS + 1):
            still, moved = maps[:, :, : 13 - pooling.SHIFTS], maps[:, :, by : by + 13 - pooling.SHIFTS]
            if name:
                still, moved = (
                    np.stack([pooling.pooled(np.ascontiguousarray(one), pooling.POOLINGS[name]) for one in each])
                    for each in (still, moved)
                )
            distance = np.sqrt(((moved - still) ** 2).sum())
            assert changes[by] == pytest.approx(distance / np.sqrt((still**2).sum()), rel=1e-5)
        assert changes[0] == 0


def test_a_move_by_the_stride_moves_pooled_maps_by_one_place():
    maps = np.random.default_rng(2).random((2, 9, 13), np.float32)
    for pool in pooling.POOLINGS.values():
        before, after = (pooling.pooled(np.ascontiguousarray(maps[:, :, by : by + 9]), pool) for by in (0, 2))
        assert np.array_equal(before[:, :, 1:], after[:, :, :-1])


def test_maps_that_do_not_change_along_a_row_do_not_change_when_they_move():
    maps = np.broadcast_to(np.arange(9, dtype=np.float32)[None, :, None], (2, 9, 13))
    found = pooling.shift_changes(maps)
    assert not found.unpooled.any()
    assert not any(changes.any() for changes in found.pooled.values())
    assert not pooling.shift_changes(np.zeros((1, 9, 9), np.float32)).unpooled.any()
