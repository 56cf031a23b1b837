"""Plotly figures. Colours and fonts come from the app's theme; numbers are printed, never colour alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from alexnet_viz.words.numbers import percent

BAR_HEIGHT = 38  # pixels for one bar and its gap

# Okabe and Ito's palette, told apart by colour-blind readers: the answer, and everything else.
STRONG, MUTED = "#0072b2", "#9fb6c3"
SECOND = "#d55e00"  # theirs too: vermilion, beside the blue

LEGEND_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}


def chart(x: Mapping[str, Any], y: Mapping[str, Any], **layout: Any) -> go.Figure:
    """An empty chart that stays still under the mouse, with these two axes; `layout` comes before the house's own.

    All in one call: a figure that is updated bit by bit takes seven times as long, and every visitor draws some.
    """
    still = {"fixedrange": True}
    house = {"margin": {"l": 0, "r": 0, "t": 4, "b": 0}, "dragmode": False}
    return go.Figure(layout={**house, "xaxis": {**still, **x}, "yaxis": {**still, **y}, **layout})


def name_axis(names: Sequence[str], size: float = 15) -> dict[str, Any]:
    """A vertical axis of names, the first on top, `size` pixels high; what they name lies at 0, 1, 2, ..."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": [f"{name}  " for name in names],
        "autorange": "reversed",
        "automargin": True,
        "tickfont": {"size": size},
    }


def probability_bars(names: Sequence[str], probabilities: Sequence[float], zoom: float = 1.0) -> go.Figure:
    """Horizontal bars, most probable first, with the percentage beside each; the first bar stands out.

    `zoom` enlarges bars and words, which are measured in pixels.
    """
    figure = chart(
        x={"range": [0, 1], "visible": False},
        y=name_axis(names, 15 * zoom),
        height=(BAR_HEIGHT * len(names) + 24) * zoom,
        margin={"l": 0, "r": 72 * zoom, "t": 4, "b": 4},
        bargap=0.35,
    )
    figure.add_bar(
        x=list(probabilities),
        y=list(range(len(names))),
        orientation="h",
        marker={"color": [STRONG, *[MUTED] * (len(names) - 1)]},
        text=[percent(p) for p in probabilities],
        textposition="outside",
        textfont={"size": 12 * zoom},
        cliponaxis=False,
        hovertext=[f"{name}: {p:.4%}" for name, p in zip(names, probabilities, strict=True)],
        hoverinfo="text",
    )
    return figure


def reliability_diagram(
    curves: Mapping[str, Sequence[Mapping[str, float]]], stated: str, hits: str, ideal: str
) -> go.Figure:
    """How often answers of each stated probability were right, against the diagonal of perfect calibration.

    Each curve, by its name, is a list of bins with "probability", "hit_rate" and "count"; where a bin has "low" and
    "high", they are drawn as its interval. The other arguments are the axis titles and the diagonal's name.
    """
    figure = chart(
        x={"title": stated, "range": [0, 1.03], "tickformat": ".0%"},
        y={"title": hits, "range": [0, 1.03], "tickformat": ".0%"},
        height=380,
        legend={**LEGEND_ABOVE, "itemsizing": "constant"},
    )
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": MUTED}, name=ideal)
    for (name, bins), color, symbol in zip(curves.items(), (STRONG, SECOND), ("circle", "diamond"), strict=False):
        most = max(item["count"] for item in bins)
        figure.add_scatter(
            x=[item["probability"] for item in bins],
            y=[item["hit_rate"] for item in bins],
            error_y={
                "array": [item.get("high", item["hit_rate"]) - item["hit_rate"] for item in bins],
                "arrayminus": [item["hit_rate"] - item.get("low", item["hit_rate"]) for item in bins],
                "thickness": 1,
            },
            mode="lines+markers",
            line_color=color,
            marker={
                "symbol": symbol,
                # A square root, so that a bin's area is its count.
                "size": [max(6.0, 26 * (item["count"] / most) ** 0.5) for item in bins],
            },
            cliponaxis=False,
            customdata=[item["count"] for item in bins],
            hovertemplate="%{x:.1%} / %{y:.1%} (%{customdata})<extra></extra>",
            name=name,
        )
    return figure
