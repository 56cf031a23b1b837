"""Figures of the ReLU tab that hold logic: zeros on a log axis, and the goal of the race."""

import numpy as np

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.charts.training import MOST

NAMES = {"relu": "ReLU", "sigmoid": "sigmoid"}


def test_a_line_ends_where_nothing_is_left():
    values = np.array([1.0, 1e-30, 0.0])
    figure = technique_charts.signal_and_gradient(
        {"relu": (values, values[::-1]), "sigmoid": (values, values)},
        NAMES,
        "sigmoid",
        ("signal", "gradient"),
        ("", ""),
    )
    assert list(figure.data[0].y) == [1.0, 1e-30, None]
    assert [trace.name for trace in figure.data[:2]] == ["ReLU: signal", "ReLU: gradient"]
    assert figure.layout.yaxis.type == "log"
    strong = {trace.name for trace in figure.data if trace.opacity == 1}
    assert strong == {"sigmoid: signal", "sigmoid: gradient"}


def test_many_layers_keep_their_names_apart():
    for count in (1, 7, 50):
        names = [f"relu{i}" for i in range(count)]
        figure = technique_charts.shares_by_layer(names, [("dead", [0.5] * count)], ("", ""), names[0])
        assert 1 <= len(figure.layout.xaxis.ticktext) <= 13
        assert figure.layout.xaxis.ticktext[0] == "<b>relu0</b>"


def test_the_race_is_thinned_and_has_its_goal():
    steps = list(range(1, 2001))
    option = technique_charts.race_errors([("ReLU", steps, [0.5] * 2000), ("tanh", [1], [np.nan])], "Error", 0.25)
    first, second = option["series"]
    assert len(first["data"]) == MOST
    assert first["data"][0] == [1.0, 50.0]
    assert first["data"][-1][0] == 2000
    assert second["data"] == [[1.0, None]]
    assert first["markLine"]["data"] == [{"yAxis": 25.0}]
    assert (option["yAxis"]["min"], option["yAxis"]["max"]) == (0, 100)
