"""Curves of a training run as Apache ECharts options: plain dictionaries, drawn anew each second without a flicker.

Raw values are drawn faintly under their average; the average is corrected for its start (Kingma and Ba 2015, section
3), so that a constant series stays constant. Long series are thinned, never more than MOST points a line.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alexnet_viz.charts.base import PALETTE, STRONG, WEAK

MOST = 500  # points of one line
_TYPES = ("solid", "dashed", "dotted")

Option = dict[str, Any]
Line = tuple[str, ArrayLike, ArrayLike]  # name, x, y


def thinned(count: int, most: int = MOST) -> NDArray[np.intp]:
    """At most `most` indices of a series, evenly spread, its first and last always among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def smoothed(values: ArrayLike, weight: float) -> NDArray[np.float64]:
    """The exponential moving average with bias correction; `weight` is how much of the past stays. Gaps stay gaps."""
    averages, mean, scale = [], 0.0, 0.0
    for value in np.asarray(values, np.float64):
        if np.isfinite(value):
            mean, scale = weight * mean + (1 - weight) * value, weight * scale + (1 - weight)
        averages.append(mean / scale if np.isfinite(value) else np.nan)
    return np.array(averages)


def step_curve(name: str, steps: ArrayLike, values: ArrayLike, weight: float, title: str) -> Option:
    """One value a step: raw and faint, its average on top."""
    x, y = np.asarray(steps), np.asarray(values, np.float64)
    kept = thinned(len(x))
    return _chart(
        title,
        [
            _line(name, x[kept], y[kept], STRONG, opacity=0.4, width=1),
            _line(name, x[kept], smoothed(y, weight)[kept], STRONG, width=2.5),
        ],
        [],
    )


def epoch_curves(lines: Sequence[Line], title: str, *, percent: bool = False, dots: bool = True) -> Option:
    """A few values an epoch, or one a step without `dots`, as lines; told apart by colour and dash."""
    drawn = []
    for i, (name, x, y) in enumerate(lines):
        kept = thinned(len(np.asarray(x)))
        values = np.asarray(y, np.float64)[kept]
        color, dash = PALETTE[i % len(PALETTE)], _TYPES[i // 2 % 3]
        drawn.append(_line(name, np.asarray(x)[kept], values, color, dash=dash, dots=dots))
    option = _chart(title, drawn, [name for name, _, _ in lines])
    if percent:
        option["yAxis"] |= {"min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}}
    return option


def confusion_matrix(counts: NDArray[np.int64], names: Sequence[str]) -> Option:
    """What was said (columns) of what it is (rows), `counts` of (classes, classes).

    Right answers are blue and mistakes vermilion, the fuller the larger their share of the row; by its square root, so
    that rare mistakes show. Touching a cell tells its numbers. Pairs that never came are no cells: a watched page gets
    the chart every second, and a hundred classes have ten thousand pairs.
    """
    of = counts.sum(1)
    cells = [
        {
            "name": f"{names[row]} → {names[column]}: {counts[row, column]:,} / {of[row]:,}",
            "value": [column, row, round(float(counts[row, column] / max(1, of[row])) ** 0.5, 4)],
            "itemStyle": {"color": STRONG if row == column else WEAK},
        }
        for row, column in np.argwhere(counts).tolist()
    ]
    axis = {"type": "category", "data": list(names), "axisTick": {"show": False}, "splitLine": {"show": True}}
    return {
        "animation": False,
        "grid": {"left": 4, "right": 12, "top": 8, "bottom": 4, "containLabel": True},
        "tooltip": {"formatter": "{b}"},
        "xAxis": axis | {"axisLabel": {"rotate": 60, "fontSize": 11}},
        "yAxis": axis | {"axisLabel": {"fontSize": 11}, "inverse": True},
        "visualMap": {"show": False, "min": 0, "max": 1, "dimension": 2, "inRange": {"opacity": [0.06, 1]}},
        "series": [{"type": "heatmap", "data": cells}],
    }


def _line(
    name: str,
    x: NDArray[Any],
    y: NDArray[np.float64],
    color: str,
    *,
    opacity: float = 1.0,
    width: float = 2,
    dash: str = "solid",
    dots: bool = False,
) -> Option:
    points = [[float(a), round(float(b), 5) if np.isfinite(b) else None] for a, b in zip(x, y, strict=True)]
    return {
        "type": "line",
        "name": name,
        "data": points,
        "showSymbol": dots,
        "lineStyle": {"color": color, "opacity": opacity, "width": width, "type": dash},
        "itemStyle": {"color": color},
    }


def _chart(title: str, series: list[Option], names: list[str]) -> Option:
    return {
        "animation": False,
        "title": {"text": title, "left": 0, "top": 4, "textStyle": {"fontSize": 13}},
        "grid": {"left": 46, "right": 12, "top": 34 + 24 * bool(names), "bottom": 24},
        "legend": {"type": "scroll", "data": names, "top": 28, "left": 0} if names else {"show": False},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "value", "min": "dataMin", "max": "dataMax", "minInterval": 1},
        "yAxis": {"type": "value", "scale": True},
        "series": series,
    }
