"""Statistics of a layer's channels, against loops over their values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from alexnet_viz.inspection import maps
from alexnet_viz.network.spec import Activation, Conv, Flatten, Linear, Pool, Spec
from alexnet_viz.network.zoo import model_entry

values = hnp.arrays(
    np.float32,
    st.one_of(st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6)), st.tuples(st.integers(1, 8))),
    elements=st.floats(-100, 100, width=32),
)


@given(values)
def test_statistics_are_what_a_loop_finds(layer):
    found = maps.statistics(layer)
    assert len(found) == len(layer)
    for i, channel in enumerate(layer):
        every = np.atleast_1d(channel).ravel().tolist()
        assert found.mean[i] == pytest.approx(sum(every) / len(every), abs=1e-3)
        assert (found.minimum[i], found.maximum[i]) == (min(every), max(every))
        assert found.sparsity[i] == pytest.approx(sum(value <= 0 for value in every) / len(every))
        assert found.dead[i] == all(value <= 0 for value in every)
    assert not found.saturated.any()


@pytest.mark.parametrize(
    ("function", "channel", "saturated"),
    [
        ("tanh", [0.999, -0.999, 1.0, -1.0], True),
        ("tanh", [0.5, -0.999, 1.0, -1.0], False),
        ("sigmoid", [0.001, 0.9999, 0.0, 1.0], True),
        ("sigmoid", [0.5, 0.5, 0.5, 0.5], False),
        ("relu", [0.0, 0.0, 1000.0, 1000.0], False),
    ],
)
def test_saturated_is_what_lies_at_the_bounds(function, channel, saturated):
    found = maps.statistics(np.array([channel], np.float32).reshape(1, 2, 2), function)
    assert found.saturated.tolist() == [saturated]


def test_orders_show_most_first_and_keep_equals_in_turn():
    layer = np.array([[1, 0], [5, 1], [0, 0], [5, 1]], np.float32)[:, None, :]
    found = maps.statistics(layer)
    assert maps.order(found, "number").tolist() == [0, 1, 2, 3]
    assert maps.order(found, "mean").tolist() == [1, 3, 0, 2]
    assert maps.order(found, "maximum").tolist() == [1, 3, 0, 2]
    assert maps.order(found, "sparsity").tolist() == [1, 3, 0, 2]


def test_colour_ranges_of_a_unit_a_layer_and_the_network():
    layers = {"conv1": np.array([[[1, -4]], [[2, 0]]], np.float32), "fc2": np.array([-9, 3], np.float32)}
    assert maps.limits(layers, "conv1", "unit").tolist() == [4, 2]
    assert maps.limits(layers, "conv1", "layer").tolist() == [4, 4]
    assert maps.limits(layers, "conv1", "all").tolist() == [9, 9]


def test_what_is_no_finite_number_sets_no_range():
    assert maps.extreme(np.array([np.nan, np.inf, -2, 1], np.float32)) == 2
    assert maps.extreme(np.array([], np.float32)) == 0


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.floats(-9, 9, width=32)))
def test_the_peak_is_the_first_largest_value(channel):
    row, column = maps.peak(channel)
    assert channel[row, column] == channel.max()
    before = channel.ravel()[: row * channel.shape[1] + column]
    assert not (before == channel.max()).any()


def test_a_units_peak_is_its_only_place():
    assert maps.peak(np.float32(3.0)) == (0, 0)


def test_energy_is_the_root_mean_square_over_channels():
    layer = np.array([[[3.0, 0.0]], [[4.0, 0.0]]], np.float32)
    assert maps.energy(layer) == pytest.approx(np.array([[12.5**0.5, 0.0]]))


@given(values)
def test_a_histogram_counts_every_value_and_has_an_edge_at_zero(layer):
    counts, edges = maps.histogram(layer)
    assert counts.sum() == layer.size
    assert len(edges) == len(counts) + 1
    assert np.abs(edges).min() == pytest.approx(0, abs=1e-4)
    assert edges[0] <= layer.min() + 1e-4
    assert edges[-1] >= layer.max() - 1e-4


def test_the_filter_behind_a_channel():
    spec = model_entry("alexnet_2012").spec
    for layer, source in (("conv1", "conv1"), ("relu1", "conv1"), ("norm1", "conv1"), ("pool1", "conv1")):
        assert maps.weighted_layer(spec, layer) == source
    assert maps.weighted_layer(spec, "pool5") == "conv5"
    assert maps.weighted_layer(spec, "relu6") == "fc6"
    flatten = next(name for name in maps.layer_names(spec.layers) if name.startswith("flatten"))
    assert maps.weighted_layer(spec, flatten) == ""
    pooled = Spec((3, 8, 8), (Pool(2, 2), Flatten(), Linear(48, 2)))
    assert maps.weighted_layer(pooled, maps.layer_names(pooled.layers)[0]) == ""


def test_the_function_of_an_activation_layer():
    spec = Spec((1, 8, 8), (Conv(2, kernel=3), Activation("tanh"), Flatten(), Linear(72, 2)))
    assert maps.activation_function(spec, "conv1") == ""
    names = maps.layer_names(spec.layers)
    assert maps.activation_function(spec, names[1]) == "tanh"
