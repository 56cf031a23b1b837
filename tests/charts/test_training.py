"""Curves of a run: thinned, averaged without a false start, and as plain dictionaries."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_viz.charts import training as training_charts


@given(count=st.integers(1, 20_000), most=st.integers(2, 500))
def test_thinning_keeps_both_ends_and_is_never_longer(count, most):
    kept = training_charts.thinned(count, most)
    assert (kept[0], kept[-1]) == (0, count - 1)
    assert len(kept) <= most
    assert (np.diff(kept) > 0).all()
    if count <= most:
        assert kept.tolist() == list(range(count))


@given(value=st.floats(-1e3, 1e3), count=st.integers(1, 50), weight=st.floats(0, 0.99))
def test_a_constant_series_stays_constant(value, count, weight):
    assert training_charts.smoothed([value] * count, weight) == pytest.approx([value] * count, abs=1e-6)


@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30), weight=st.floats(0, 0.99))
def test_the_average_is_a_weighted_mean_of_the_past(values, weight):
    for i, average in enumerate(training_charts.smoothed(values, weight)):
        weights = np.array([weight ** (i - j) for j in range(i + 1)])
        assert average == pytest.approx(float(weights @ values[: i + 1] / weights.sum()), abs=1e-5)


def test_a_gap_stays_a_gap_and_moves_nothing():
    averages = training_charts.smoothed([1.0, np.nan, 1.0, np.inf], 0.9)
    assert averages[[0, 2]] == pytest.approx([1, 1])
    assert np.isnan(averages[[1, 3]]).all()


def test_a_step_curve_is_plain_json_with_the_raw_line_under_the_average():
    option = training_charts.step_curve("loss", range(1, 3001), np.linspace(2, 1, 3000), 0.9, "Loss")
    raw, average = json.loads(json.dumps(option, allow_nan=False))["series"]
    assert len(raw["data"]) == len(average["data"]) == training_charts.MOST
    assert raw["lineStyle"]["opacity"] < average["lineStyle"]["opacity"]
    assert raw["data"][0] == average["data"][0] == [1.0, 2.0]


def test_lines_of_epochs_differ_in_colour_and_a_gap_is_null():
    lines = [("training", [1, 2], [50, 60]), ("validation", [1, 2], [np.nan, 55])]
    option = json.loads(json.dumps(training_charts.epoch_curves(lines, "Right", percent=True), allow_nan=False))
    assert option["legend"]["data"] == ["training", "validation"]
    assert len({line["lineStyle"]["color"] for line in option["series"]}) == 2
    assert option["xAxis"]["minInterval"] == 1  # no epoch 1.2
    assert option["series"][1]["data"] == [[1.0, None], [2.0, 55.0]]
    assert option["yAxis"]["max"] == 100


def test_a_confusion_matrix_has_a_cell_for_each_pair_that_came_and_tells_right_from_wrong():
    option = training_charts.confusion_matrix(np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]]), ["cat", "dog", "owl"])
    cells = {tuple(cell["value"][:2]): cell for cell in option["series"][0]["data"]}
    assert {at: cell["name"] for at, cell in cells.items()} == {
        (0, 0): "cat → cat: 3 / 4",
        (1, 0): "cat → dog: 1 / 4",
        (1, 1): "dog → dog: 2 / 2",
    }
    assert cells[1, 0]["value"][2] == 0.5, "the square root of a quarter"
    assert cells[0, 0]["itemStyle"] == cells[1, 1]["itemStyle"] != cells[1, 0]["itemStyle"]
