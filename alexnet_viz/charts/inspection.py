"""Plotly figures of the pages that look inside: distributions, answers side by side, rankings, scatters."""

import itertools
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from numpy.typing import NDArray

from alexnet_viz.charts import base
from alexnet_viz.charts.base import MUTED, PALETTE, SHARES, STRONG, WEAK, chart, name_axis
from alexnet_viz.words.numbers import percent

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")


def distribution(counts: NDArray[Any], edges: NDArray[Any], value: str, number: str) -> go.Figure:
    """A histogram; the other arguments are the axis titles."""
    highest = int(counts.max())
    ticks = [count for count in (1, 10, 100, 1000, 10_000, 100_000) if count <= highest] or [highest]
    figure = chart(
        x={"title": value},
        y={"title": number, "tickvals": [tick**0.5 for tick in ticks], "ticktext": ticks},
        height=190,
        bargap=0,
    )
    base.add_histogram(
        figure,
        counts,
        edges,
        [STRONG if low + high > 0 else MUTED for low, high in itertools.pairwise(edges)],
        customdata=list(zip(edges[:-1], edges[1:], counts, strict=True)),
        hovertemplate="%{customdata[0]:.3g} ... %{customdata[1]:.3g}: %{customdata[2]}<extra></extra>",
    )
    return figure


def before_and_after(
    names: Sequence[str], before: Sequence[float], after: Sequence[float], titles: tuple[str, str]
) -> go.Figure:
    """Probabilities of the same classes twice, first class on top."""
    figure = chart(
        x={"range": [0, 1], "visible": False},
        y=name_axis(names),
        height=int(1.5 * base.BAR_HEIGHT * len(names)) + 60,
        margin={"l": 0, "r": 72, "t": 4, "b": 4},
        bargap=0.25,
        legend={**base.LEGEND_ABOVE, "traceorder": "normal"},
    )
    for title, shares, color in ((titles[0], before, MUTED), (titles[1], after, STRONG)):
        text = [percent(share) for share in shares]
        base.add_name_bars(figure, shares, color, text, name=title, hovertemplate="%{x:.2%}<extra></extra>")
    return figure


def ranking(channels: Sequence[int], drops: Sequence[float], axis: str) -> go.Figure:
    """How far a value falls when each channel alone is switched off; below zero it rises."""
    figure = chart(
        x={"title": axis, "zeroline": True},
        y=name_axis([str(channel) for channel in channels], 12),
        height=26 * len(channels) + 60,
        margin={"l": 0, "r": 64, "t": 4, "b": 0},
        bargap=0.3,
    )
    colors = [STRONG if drop >= 0 else WEAK for drop in drops]
    base.add_name_bars(figure, drops, colors, [f"{drop:+.3f}" for drop in drops], hoverinfo="skip")
    return figure


def scatter(
    x: NDArray[Any], y: NDArray[Any], titles: tuple[str, str], groups: Sequence[tuple[str, NDArray[Any]]], chosen: int
) -> go.Figure:
    """One point an item, coloured and shaped by group: (name, item numbers). The chosen item has a ring.

    Every point carries its item's number as `customdata`, so that a click can be followed.
    """
    # Not `chart`: here one zooms in, and drags.
    figure = go.Figure(
        layout={
            "height": 380,
            "margin": {"l": 0, "r": 0, "t": 8, "b": 0},
            "legend": {"orientation": "h", "y": 1.1},
            "xaxis": {"title": titles[0]},
            "yaxis": {"title": titles[1]},
        }
    )
    for (name, numbers), color, symbol in zip(groups, PALETTE[:5] * 2, _SYMBOLS * 2, strict=False):
        base.add_points(
            figure,
            x[numbers],
            y[numbers],
            color,
            symbol,
            name=name,
            marker={"opacity": 0.85},
            customdata=[[int(number)] for number in numbers],
            hovertemplate="%{customdata[0]}: %{x:.3f} / %{y:.3f}<extra></extra>",
        )
    ring = {"line": {"width": 3}}
    base.add_points(
        figure, x[[chosen]], y[[chosen]], WEAK, "circle-open", 18, marker=ring, hoverinfo="skip", showlegend=False
    )
    return figure


def curves(x: NDArray[Any], lines: Sequence[NDArray[Any]], names: Sequence[str], titles: tuple[str, str]) -> go.Figure:
    """Probabilities over a share; the first line is what counts, the others are what it is held against."""
    return base.line_chart(
        [(name, x, line) for name, line in zip(names, lines, strict=True)],
        titles,
        styles=[(STRONG, "solid"), *[(WEAK, "dash")] * len(lines)],
        x={"range": [0, 1], **SHARES},
        y={"range": [0, 1.02], **SHARES},
        height=280,
    )
