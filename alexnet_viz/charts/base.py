"""Plotly figures, and the parts that the others are made of. Colours and fonts come from the app's theme.

Numbers are printed, and lines and points differ in dash or symbol too: colour alone never tells them apart.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from numpy.typing import NDArray

from alexnet_viz.words.numbers import percent

BAR_HEIGHT = 38  # pixels for one bar and its gap

# Okabe and Ito's palette, told apart by colour-blind readers.
BLUE, ORANGE, GREEN, PINK, SKY, VERMILION = "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"
PALETTE = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION)
STRONG, WEAK = BLUE, VERMILION  # the answer, and what it is held against
MUTED = "#9fb6c3"  # everything else

STYLES = (  # colour, dash and symbol of lines beside each other
    (STRONG, "solid", "circle"),
    (ORANGE, "dash", "diamond"),
    (GREEN, "dot", "square"),
    (WEAK, "dashdot", "triangle-up"),
    (PINK, "longdash", "x"),
)

LEGEND_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
SHARES = {"tickformat": ".0%"}  # of an axis


def chart(x: Mapping[str, Any], y: Mapping[str, Any], **layout: Any) -> go.Figure:
    """An empty chart that stays still under the mouse, with these two axes; `layout` comes before the house's own.

    All in one call: a figure that is updated bit by bit takes seven times as long, and every visitor draws some.
    """
    still = {"fixedrange": True}
    house = {"margin": {"l": 0, "r": 8, "t": 8, "b": 0}, "dragmode": False, "legend": LEGEND_ABOVE}
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


def add_line(
    figure: go.Figure, x: Any, y: Any, color: str, dash: str = "solid", *, width: float = 3, **more: Any
) -> None:
    """A line; `more` is what else Plotly's scatter takes."""
    figure.add_scatter(x=x, y=y, line={"color": color, "dash": dash, "width": width}, **{"mode": "lines", **more})


def add_points(
    figure: go.Figure, x: Any, y: Any, color: Any, symbol: str = "circle", size: float = 9, **more: Any
) -> None:
    """Points; `marker` adds to how they look, `more` is what else Plotly's scatter takes."""
    marker = {"color": color, "symbol": symbol, "size": size, **more.pop("marker", {})}
    figure.add_scatter(x=x, y=y, marker=marker, **{"mode": "markers", **more})


def add_name_bars(figure: go.Figure, values: Any, color: Any, text: Sequence[str], **more: Any) -> None:
    """Horizontal bars beside a `name_axis`, each with its text at its end."""
    figure.add_bar(
        x=list(values),
        y=list(range(len(text))),
        orientation="h",
        marker={"color": color},
        text=list(text),
        textposition="outside",
        cliponaxis=False,
        **more,
    )


def add_histogram(figure: go.Figure, counts: NDArray[Any], edges: NDArray[Any], color: Any, **more: Any) -> None:
    """Counts between edges as bars. Heights are square roots: after a ReLU nearly all values are zero, and on a linear
    axis that bar alone would be seen."""
    middles = (edges[:-1] + edges[1:]) / 2
    figure.add_bar(x=middles, y=counts**0.5, width=edges[1:] - edges[:-1], marker={"color": color}, **more)


def line_chart(
    lines: Sequence[tuple[str, Any, Any]],
    titles: tuple[str, str],
    *,
    styles: Sequence[tuple[str, ...]] = STYLES,
    x: Mapping[str, Any] | None = None,
    y: Mapping[str, Any] | None = None,
    height: int,
    each: Sequence[Mapping[str, Any]] = (),
    **more: Any,
) -> go.Figure:
    """Lines, (name, x, y), under axes with these titles; with dots where their style names a symbol.

    `each` adds to one line after the other, `more` to all of them.
    """
    figure = chart(x={"title": titles[0], **(x or {})}, y={"title": titles[1], **(y or {})}, height=height)
    for i, (name, across, up) in enumerate(lines):
        color, dash, *symbol = styles[i]
        dots = {"mode": "lines+markers", "marker": {"symbol": symbol[0], "size": 9}} if symbol else {}
        add_line(figure, across, up, color, dash, name=name, **{**dots, **more, **(each[i] if each else {})})
    return figure


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
    add_name_bars(
        figure,
        probabilities,
        [STRONG, *[MUTED] * (len(names) - 1)],
        [percent(p) for p in probabilities],
        textfont={"size": 12 * zoom},
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
        x={"title": stated, "range": [0, 1.03], **SHARES},
        y={"title": hits, "range": [0, 1.03], **SHARES},
        height=380,
        legend={**LEGEND_ABOVE, "itemsizing": "constant"},
    )
    add_line(figure, [0, 1], [0, 1], MUTED, "dot", width=2, name=ideal)
    for (name, bins), color, symbol in zip(curves.items(), (STRONG, WEAK), ("circle", "diamond"), strict=False):
        most = max(item["count"] for item in bins)
        rates = [item["hit_rate"] for item in bins]
        add_points(
            figure,
            [item["probability"] for item in bins],
            rates,
            color,
            symbol,
            # A square root, so that a bin's area is its count.
            marker={"size": [max(6.0, 26 * (item["count"] / most) ** 0.5) for item in bins]},
            error_y={
                "array": [item.get("high", rate) - rate for item, rate in zip(bins, rates, strict=True)],
                "arrayminus": [rate - item.get("low", rate) for item, rate in zip(bins, rates, strict=True)],
                "thickness": 1,
            },
            mode="lines+markers",
            line_color=color,
            cliponaxis=False,
            customdata=[item["count"] for item in bins],
            hovertemplate="%{x:.1%} / %{y:.1%} (%{customdata})<extra></extra>",
            name=name,
        )
    return figure
