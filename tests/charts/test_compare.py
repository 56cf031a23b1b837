"""The figures that compare networks."""

import pytest

from alexnet_viz.charts import compare as compare_charts
from alexnet_viz.network.comparison import comparison

ROWS = comparison()


def test_bars_print_every_share_and_number():
    shares = [(row.conv_params, row.fc_params, row.params) for row in ROWS]
    figure = compare_charts.share_bars([row.name for row in ROWS], shares, "conv", "fc")
    conv, fc = figure.data
    assert conv.text[1] == "3.8 % (2.33M)"
    assert fc.text[1] == "96.2 % (58.6M)"
    assert [x + y for x, y in zip(conv.x, fc.x, strict=True)] == pytest.approx([1, 1, 1, 1, 1, 1], abs=1e-3)
    assert conv.marker.color != fc.marker.color


def test_near_points_get_their_names_on_different_sides():
    names, params, macs = zip(*((row.name, row.params, row.macs) for row in ROWS), strict=True)
    figure = compare_charts.work_scatter(names, params, macs, "Parameters", "MACs", (1, 10, 100))
    points = figure.data[-1]
    assert list(points.text) == list(names)
    assert points.textposition[names.index("AlexNet")] != points.textposition[names.index("torchvision")]
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert [annotation.text for annotation in figure.layout.annotations] == ["1x", "10x", "100x"]


def test_sides_run_out_without_an_error():
    assert compare_charts.label_sides([1, 1, 1, 1], [1, 1, 1, 1]) == [
        *("middle right", "middle left", "bottom center", "bottom center")
    ]
