"""Plotly figures of the pages that look inside: distributions, answers side by side, rankings, scatters."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from numpy.typing import NDArray

from alexnet_viz.charts.base import BAR_HEIGHT, LEGEND_ABOVE, MUTED, SECOND, STRONG, chart, name_axis
from alexnet_viz.words.numbers import percent

WEAK = SECOND  # what speaks against


def distribution(counts: NDArray[Any], edges: NDArray[Any], value: str, number: str) -> go.Figure:
    """A histogram; the other arguments are the axis titles. Counts are drawn by their square root.

    After a ReLU nearly all values are zero: on a linear axis that bar alone would be seen.
    """
    middles, widths = (edges[:-1] + edges[1:]) / 2, edges[1:] - edges[:-1]
    ticks = _round_counts(int(counts.max()))
    figure = chart(
        x={"title": value},
        y={"title": number, "tickvals": [tick**0.5 for tick in ticks], "ticktext": ticks},
        height=190,
        bargap=0,
    )
    figure.add_bar(
        x=middles,
        y=counts**0.5,
        width=widths,
        marker={"color": [STRONG if middle > 0 else MUTED for middle in middles]},
        customdata=list(zip(edges[:-1], edges[1:], counts, strict=True)),
        hovertemplate="%{customdata[0]:.3g} ... %{customdata[1]:.3g}: %{customdata[2]}<extra></extra>",
    )
    return figure


def _round_counts(highest: int) -> list[int]:
    """A few round numbers up to the highest count, for an axis drawn by square roots."""
    return [count for count in (1, 10, 100, 1000, 10_000, 100_000) if count <= highest] or [highest]


def before_and_after(
    names: Sequence[str], before: Sequence[float], after: Sequence[float], titles: tuple[str, str]
) -> go.Figure:
    """Probabilities of the same classes twice, first class on top."""
    figure = chart(
        x={"range": [0, 1], "visible": False},
        y=name_axis(names),
        height=int(1.5 * BAR_HEIGHT * len(names)) + 60,
        margin={"l": 0, "r": 72, "t": 4, "b": 4},
        bargap=0.25,
        legend={**LEGEND_ABOVE, "traceorder": "normal"},
    )
    for title, shares, color in ((titles[0], before, MUTED), (titles[1], after, STRONG)):
        figure.add_bar(
            x=list(shares),
            y=list(range(len(names))),
            orientation="h",
            name=title,
            marker={"color": color},
            text=[percent(share) for share in shares],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x:.2%}<extra></extra>",
        )
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
    figure.add_bar(
        x=list(drops),
        y=list(range(len(channels))),
        orientation="h",
        marker={"color": [STRONG if drop >= 0 else WEAK for drop in drops]},
        text=[f"{drop:+.3f}" for drop in drops],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    return figure


def scatter(
    x: NDArray[Any], y: NDArray[Any], titles: tuple[str, str], groups: Sequence[tuple[str, NDArray[Any]]], chosen: int
) -> go.Figure:
    """One point an item, coloured and shaped by group: (name, item numbers). The chosen item has a ring.

    Every point carries its item's number as `customdata`, so that a click can be followed.
    """
    figure = go.Figure()
    for (name, numbers), color, symbol in zip(groups, _COLORS * 2, _SYMBOLS * 2, strict=False):
        figure.add_scatter(
            x=x[numbers],
            y=y[numbers],
            mode="markers",
            name=name,
            marker={"size": 9, "color": color, "symbol": symbol, "opacity": 0.85},
            customdata=[[int(number)] for number in numbers],
            hovertemplate="%{customdata[0]}: %{x:.3f} / %{y:.3f}<extra></extra>",
        )
    figure.add_scatter(
        x=x[[chosen]],
        y=y[[chosen]],
        mode="markers",
        marker={"size": 18, "symbol": "circle-open", "line": {"width": 3}, "color": WEAK},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_layout(height=380, margin={"l": 0, "r": 0, "t": 8, "b": 0}, legend={"orientation": "h", "y": 1.1})
    figure.update_xaxes(title=titles[0])
    figure.update_yaxes(title=titles[1])
    return figure


_COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9"]  # Okabe and Ito
_SYMBOLS = ["circle", "diamond", "square", "triangle-up", "x"]


def curves(x: NDArray[Any], lines: Sequence[NDArray[Any]], names: Sequence[str], titles: tuple[str, str]) -> go.Figure:
    """Probabilities over a share; the first line is what counts, the others are what it is held against."""
    share = {"tickformat": ".0%"}
    figure = chart(
        x={"title": titles[0], "range": [0, 1], **share},
        y={"title": titles[1], "range": [0, 1.02], **share},
        height=280,
        legend=LEGEND_ABOVE,
    )
    for i, (line, name) in enumerate(zip(lines, names, strict=True)):
        style = {"color": STRONG, "width": 3} if i == 0 else {"color": WEAK, "dash": "dash"}
        figure.add_scatter(x=x, y=line, mode="lines", name=name, line=style)
    return figure
