"""Plotly figures of the Compare page: where parameters and multiply-accumulates live, and one against the other."""

import itertools
import math
from collections.abc import Sequence

import plotly.graph_objects as go

from alexnet_viz.charts.base import (
    LEGEND_ABOVE,
    MUTED,
    ORANGE,
    STRONG,
    add_line,
    add_name_bars,
    add_points,
    chart,
    name_axis,
)
from alexnet_viz.words.numbers import percent, short_number

CONV, FC = STRONG, ORANGE
_NEAR = 0.12  # decades: points nearer than this get their labels on different sides
_ROOM = 0.6  # decades around the points, for their labels
_SIDES = ("middle right", "middle left", "bottom center")

_DECADES = {"type": "log", "dtick": 1, "exponentformat": "SI"}

Shares = Sequence[tuple[int, int, int]]  # for each network: in convolutions, in fully connected layers, in all


def share_bars(names: Sequence[str], shares: Shares, conv: str, fc: str) -> go.Figure:
    """For each network two bars, convolutions and fully connected layers, as shares of the whole.

    Each bar has its share and its number beside it. `conv` and `fc` are the legend's words.
    """
    figure = chart(
        x={"range": [0, 1.85], "visible": False},
        y=name_axis(names),
        height=56 * len(names) + 48,
        margin={"l": 0, "r": 8, "t": 32, "b": 4},
        bargap=0.25,
        legend={**LEGEND_ABOVE, "traceorder": "normal"},
    )
    for which, (legend, color) in enumerate([(conv, CONV), (fc, FC)]):
        add_name_bars(
            figure,
            [share[which] / share[2] for share in shares],
            color,
            [f"{percent(share[which] / share[2])} ({short_number(share[which])})" for share in shares],
            name=legend,
            hovertext=[f"{name}, {legend}: {share[which]:,}" for name, share in zip(names, shares, strict=True)],
            hoverinfo="text",
        )
    return figure


def work_scatter(
    names: Sequence[str],
    params: Sequence[int],
    macs: Sequence[int],
    x_title: str,
    y_title: str,
    reuse: Sequence[int],
) -> go.Figure:
    """MACs against parameters on logarithmic axes, each point named.

    `reuse` are the dotted lines: on the line k each parameter is used k times for one image, on the average.
    """
    left, right = _around(params)
    free = _middle_of_widest_gap(params)
    figure = chart(
        x={"title": x_title, "range": [left, right], "showgrid": True, **_DECADES},
        y={"title": y_title, "range": _around(macs), **_DECADES},
        height=460,
        showlegend=False,
    )
    for times in reuse:
        add_line(
            figure,
            [10**left, 10**right],
            [times * 10**left, times * 10**right],
            MUTED,
            "dot",
            width=1,
            hoverinfo="skip",
        )
        figure.add_annotation(
            x=free,
            y=free + math.log10(times),
            text=f"{times}x",
            showarrow=False,
            xanchor="left",
            yanchor="top",
            yshift=-2,
        )
    add_points(
        figure,
        list(params),
        list(macs),
        STRONG,
        size=12,
        mode="markers+text",
        text=list(names),
        textposition=label_sides(params, macs),
        textfont_size=14,
        customdata=[f"{name}: {p:,} / {m:,}" for name, p, m in zip(names, params, macs, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    return figure


def label_sides(xs: Sequence[float], ys: Sequence[float]) -> list[str]:
    """Where each point's name goes so that near points' names do not cover each other: right, else left, else below."""
    sides: list[str] = []
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        taken = {
            sides[j] for j in range(i) if abs(math.log10(x / xs[j])) < _NEAR and abs(math.log10(y / ys[j])) < _NEAR
        }
        sides.append(next(side for side in _SIDES if side not in taken or side == _SIDES[-1]))
    return sides


def _around(values: Sequence[int]) -> tuple[float, float]:
    logarithms = [math.log10(value) for value in values]
    return min(logarithms) - _ROOM, max(logarithms) + _ROOM


def _middle_of_widest_gap(values: Sequence[int]) -> float:
    """Where no point is, as a logarithm."""
    logarithms = sorted(math.log10(value) for value in values)
    start, end = max(itertools.pairwise(logarithms), key=lambda pair: pair[1] - pair[0])
    return (start + end) / 2
