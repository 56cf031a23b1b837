"""Plotly figures of the techniques page: curves of activations, histograms by layer, distributions of answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from alexnet_viz.charts import base, training
from alexnet_viz.charts.base import GREEN, MUTED, ORANGE, SHARES, SKY, STRONG, WEAK, chart, name_axis


def answers_over_masks(
    names: Sequence[str],
    samples: NDArray[Any],
    mean: NDArray[Any],
    averaged: NDArray[Any],
    titles: tuple[str, str, str],
) -> go.Figure:
    """One box a class over its probabilities, (masks, classes), with two marks: their mean, and the averaged network.

    Titles are those of the boxes, the mean and the averaged network. The first class stands on top.
    """
    places = list(range(len(names)))
    figure = chart(x={"range": [-0.01, 1.01], **SHARES}, y=name_axis(names), height=56 * len(names) + 96)
    figure.add_box(
        x=samples.T.ravel(),
        y=[place for place in places for _ in range(len(samples))],
        orientation="h",
        name=titles[0],
        marker={"color": MUTED, "size": 4, "opacity": 0.7},
        line_color=MUTED,
        boxpoints="all",
        jitter=0.6,
        pointpos=0,
        hoverinfo="skip",
    )
    for title, values, color, symbol in (
        (titles[1], mean, STRONG, "circle"),
        (titles[2], averaged, WEAK, "diamond-open"),
    ):
        rim = {"line": {"width": 3, "color": color}}
        hover = "%{x:.2%}<extra></extra>"
        base.add_points(figure, values, places, color, symbol, 13, marker=rim, name=title, hovertemplate=hover)
    return figure


_SHIFT_STYLES = (
    (STRONG, "solid", "circle"),
    (WEAK, "solid", "square"),
    (GREEN, "solid", "diamond"),
    (MUTED, "dash", "x"),
)


def change_by_shift(changes: Sequence[NDArray[Any]], names: Sequence[str], titles: tuple[str, str]) -> go.Figure:
    """Relative changes by the number of pixels moved, one line each; the first counts, the last is the reference."""
    return base.line_chart(
        [(name, list(range(len(change))), change) for name, change in zip(names, changes, strict=True)],
        titles,
        styles=_SHIFT_STYLES,
        x={"dtick": 1},
        y={"rangemode": "tozero", **SHARES},
        height=320,
        hovertemplate="%{x}: %{y:.1%}<extra></extra>",
    )


def lrn_neighbours(
    channels: Sequence[int], values: Sequence[float], counted: Sequence[bool], chosen: int, titles: tuple[str, str]
) -> go.Figure:
    """A value among its neighbours across channels, each with its number; those that do not count are hatched."""
    figure = chart(
        x={"title": titles[0], "type": "category"},
        y={"title": titles[1], "rangemode": "tozero"},
        height=240,
        margin={"l": 0, "r": 0, "t": 24, "b": 0},
        bargap=0.3,
    )
    figure.add_bar(
        x=[str(channel) for channel in channels],
        y=list(values),
        marker={
            "color": [STRONG if channel == chosen else MUTED for channel in channels],
            "pattern": {"shape": ["" if counts else "x" for counts in counted]},
        },
        text=[f"{value:.3f}" for value in values],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    return figure


def channel_statistics(groups: Sequence[tuple[str, NDArray[Any], NDArray[Any]]], titles: tuple[str, str]) -> go.Figure:
    """One point a channel and group: (name, means, standard deviations)."""
    figure = chart(x={"title": titles[0], "zeroline": True}, y={"title": titles[1], "rangemode": "tozero"}, height=320)
    styles = ((MUTED, "circle"), (STRONG, "diamond"), (WEAK, "x"))
    for (name, means, deviations), (color, symbol) in zip(groups, styles, strict=True):
        base.add_points(
            figure,
            means,
            deviations,
            color,
            symbol,
            8,
            marker={"opacity": 0.85},
            name=name,
            customdata=list(range(len(means))),
            hovertemplate="%{customdata}: %{x:.3f} / %{y:.3f}<extra></extra>",
        )
    return figure


def two_rules(
    paper: Sequence[float], torch: Sequence[float], cut: int, names: tuple[str, str], titles: tuple[str, str]
) -> go.Figure:
    """One weight under two rules, over the steps; a dotted line where the learning rate falls."""
    figure = base.line_chart(
        [(name, list(range(len(path))), list(path)) for name, path in zip(names, (paper, torch), strict=True)],
        titles,
        styles=((STRONG, "solid"), (WEAK, "dash")),
        height=300,
        hovertemplate="%{x}: %{y:.4f}<extra></extra>",
    )
    figure.add_vline(x=cut, line={"dash": "dot", "color": MUTED})
    return figure


_FUNCTION_STYLES: Mapping[str, tuple[str, str]] = {  # colour, dash
    "relu": (STRONG, "solid"),
    "tanh": (ORANGE, "dash"),
    "sigmoid": (GREEN, "dashdot"),
}
_FAINT = 0.3  # opacity of what is there for comparison


def function_curves(
    x: NDArray[Any],
    lines: Mapping[str, NDArray[Any]],
    names: Mapping[str, str],
    at: float,
    points: Mapping[str, float],
    titles: tuple[str, str],
) -> go.Figure:
    """One line for each activation function by its id, and on each a dot at the chosen x."""
    figure = base.line_chart(
        [(names[function], x, line) for function, line in lines.items()],
        titles,
        styles=[_FUNCTION_STYLES[function] for function in lines],
        height=280,
        hoverinfo="skip",
    )
    for function in lines:
        color, name = _FUNCTION_STYLES[function][0], names[function]
        hover = "%{x}: %{y:.4g}"
        base.add_points(
            figure, [at], [points[function]], color, size=11, name=name, hovertemplate=hover, showlegend=False
        )
    figure.add_vline(x=at, line={"dash": "dot", "color": MUTED})
    return figure


def signal_and_gradient(
    flows: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    names: Mapping[str, str],
    chosen: str,
    words: tuple[str, str],
    titles: tuple[str, str],
) -> go.Figure:
    """Signal and gradient by layer, the input first, on a log axis; the chosen function strong, the others faint.

    `words` are what the two are called. A zero has no place on a log axis: there the line ends.
    """
    figure = chart(x={"title": titles[0]}, y={"title": titles[1], "type": "log", "exponentformat": "power"}, height=360)
    for function, both in flows.items():
        for values, word, dash in zip(both, words, ("solid", "dot"), strict=True):
            base.add_line(
                figure,
                list(range(len(values))),
                [float(value) or None for value in values],
                _FUNCTION_STYLES[function][0],
                dash,
                width=4 if function == chosen else 2,
                name=f"{names[function]}: {word}",
                opacity=1 if function == chosen else _FAINT,
                hovertemplate="%{x}: %{y:.2e}",
            )
    return figure


def small_histogram(counts: NDArray[Any], edges: NDArray[Any], function: str) -> go.Figure:
    """A layer's values as bars without a scale: shapes to be held against each other."""
    figure = chart(
        x={"range": [edges[0], edges[-1]], "nticks": 3},
        y={"visible": False},
        height=120,
        margin={"l": 4, "r": 4, "t": 4, "b": 0},
        bargap=0,
    )
    color, hover = _FUNCTION_STYLES[function][0], "%{x:.3g}: %{customdata}<extra></extra>"
    base.add_histogram(figure, counts, edges, color, customdata=counts, hovertemplate=hover)
    return figure


def shares_by_layer(
    layers: Sequence[str], shares: Sequence[tuple[str, Sequence[float]]], titles: tuple[str, str], chosen: str = ""
) -> go.Figure:
    """Shares of one or two kinds, (name, one for each layer), as bars; the chosen layer's name is bold."""
    every = max(1, round(len(layers) / 10))  # names of more than ten layers would cover each other
    places = list(range(0, len(layers), every))
    shown = [f"<b>{layers[i]}</b>" if layers[i] == chosen else layers[i] for i in places]
    figure = chart(
        x={"title": titles[0], "tickvals": places, "ticktext": shown},
        y={"title": titles[1], "range": [0, 1], **SHARES},
        height=260,
        bargap=0.2,
        showlegend=len(shares) > 1,
    )
    for (name, values), color, shape in zip(shares, (STRONG, WEAK), ("", "/"), strict=False):
        figure.add_bar(
            x=list(range(len(layers))),
            y=list(values),
            name=name,
            marker={"color": color, "pattern": {"shape": shape}},
            customdata=list(layers),
            hovertemplate="%{customdata}: %{y:.1%}",
        )
    return figure


def race_errors(lines: Sequence[training.Line], title: str, goal: float) -> training.Option:
    """Errors of several runs step by step, shares drawn as per cent, with a dotted line at the goal."""
    errors = [(name, x, 100 * np.asarray(y)) for name, x, y in lines]
    option = training.epoch_curves(errors, title, percent=True, dots=False)
    option["series"][0]["markLine"] = {
        "symbol": "none",
        "silent": True,
        "label": {"show": False},
        "lineStyle": {"type": "dotted", "color": MUTED, "width": 2},
        "data": [{"yAxis": 100 * goal}],
    }
    return option


_FADED = 0.5  # opacity of the bars beside the chosen one


def memory_bars(
    batches: Sequence[int],
    chosen: int,
    panels: Mapping[str, Mapping[str, Sequence[int]]],
    card: tuple[str, int],
    titles: tuple[str, str],
) -> go.Figure:
    """Stacked bars of memory over the batch, a panel beside the other: {panel: {part: bytes of each batch}}.

    `card` is the name and the bytes of one graphics card: a dashed line, and another at twice that. The chosen
    batch stands out.
    """
    figure = make_subplots(
        rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=list(panels)
    )
    labels = [f"<b>{batch}</b>" if batch == chosen else str(batch) for batch in batches]
    opacity = [1.0 if batch == chosen else _FADED for batch in batches]
    card_size, highest = card[1] / 2**30, 2 * card[1] / 2**30  # GiB, as all that is drawn
    for column, panel in enumerate(panels.values(), start=1):
        place = {"row": 1, "col": column}
        for (name, sizes), color in zip(panel.items(), (STRONG, ORANGE, SKY), strict=True):
            figure.add_bar(
                **place,
                x=labels,
                y=[size / 2**30 for size in sizes],
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                marker={"color": color, "opacity": opacity},
                hovertemplate="%{y:.2f} GiB<extra>" + name + "</extra>",
            )
        totals = [sum(parts) / 2**30 for parts in zip(*panel.values(), strict=True)]
        highest = max(highest, *totals)
        figure.add_scatter(
            **place,
            x=labels,
            y=totals,
            mode="text",
            text=[f"{total:.1f}" for total in totals],
            textposition="top center",
            cliponaxis=False,
            showlegend=False,
            hoverinfo="skip",
        )
        for times in (1, 2):
            figure.add_hline(
                **place,
                y=times * card_size,
                line={"dash": "dash", "color": WEAK, "width": 2},
                annotation={"text": card[0] if times == 1 else f"{times} x", "font_color": WEAK},
                annotation_position="top left",
            )
    figure.update_layout(
        barmode="stack",
        height=400,
        margin={"l": 0, "r": 0, "t": 28, "b": 0},
        bargap=0.25,
        dragmode=False,
        legend={"orientation": "h", "y": -0.22, "yanchor": "top", "x": 0, "traceorder": "normal"},
    )
    figure.update_xaxes(title=titles[0], type="category", fixedrange=True)
    figure.update_yaxes(range=[0, 1.1 * highest], fixedrange=True)
    figure.update_yaxes(title=titles[1], col=1)
    return figure


def stream_colours(shares: NDArray[Any], names: Sequence[str], titles: tuple[str, str]) -> go.Figure:
    """A dot a filter at its share of colour, (streams, filters), a row a stream; a diamond at each row's mean.

    Titles are those of the axis and of the mean. Dots are spread up and down so that they do not hide each other.
    """
    rows = {"autorange": None, "range": [len(names) - 0.4, -0.6], "zeroline": False}
    figure = chart(x={"title": titles[0], "range": [-0.02, 1.02]}, y={**name_axis(names, 12), **rows}, height=240)
    spread = [0.09 * (i % 5 - 2) for i in range(shares.shape[1])]
    for place, (row, name) in enumerate(zip(shares, names, strict=True)):
        base.add_points(
            figure,
            sorted(row),
            [place + offset for offset in spread],
            MUTED,
            size=8,
            marker={"opacity": 0.8},
            name=name,
            showlegend=False,
            hovertemplate="%{x:.2f}<extra>" + name + "</extra>",
        )
    means = shares.mean(axis=1)
    base.add_points(
        figure,
        means,
        list(range(len(names))),
        STRONG,
        "diamond",
        16,
        marker={"line": {"width": 2, "color": "white"}},
        mode="markers+text",
        text=[f"{mean:.2f}" for mean in means],
        textposition="top center",
        textfont_size=15,
        name=titles[1],
        hoverinfo="skip",
    )
    figure.add_vline(x=0.5, line={"dash": "dot", "color": MUTED})
    return figure


def stability(
    means: NDArray[Any], said: Sequence[Sequence[str]], names: Sequence[str], titles: tuple[str, str]
) -> go.Figure:
    """Probabilities by the step of strength, one line a kind, (kinds, steps + 1); `said` are the strengths in words."""
    return base.line_chart(
        [(name, list(range(len(mean))), mean) for name, mean in zip(names, means, strict=True)],
        titles,
        x={"dtick": 1},
        y={"range": [-0.02, 1.04], **SHARES},
        height=340,
        each=[{"customdata": list(strengths)} for strengths in said],
        hovertemplate="%{customdata}: %{y:.1%}",
    )


def colour_cloud(pixels: NDArray[Any], axes: Sequence[NDArray[Any]], titles: tuple[str, str]) -> go.Figure:
    """Pixels, (n, 3), by their red and blue, in their own colours; p1, p2, ... are the ends of axes, (2, 3) each."""
    levels = (255 * pixels).round().astype(int).tolist()
    axis = {"range": [-0.05, 1.05], "constrain": "domain"}
    figure = chart(
        x={"title": titles[0], **axis}, y={"title": titles[1], **axis, "scaleanchor": "x", "scaleratio": 1}, height=300
    )
    base.add_points(
        figure,
        pixels[:, 0],
        pixels[:, 2],
        [f"rgb({red}, {green}, {blue})" for red, green, blue in levels],
        size=7,
        marker={"line": {"width": 0.5, "color": MUTED}},
        hoverinfo="skip",
        showlegend=False,
    )
    styles = ((STRONG, "solid"), (WEAK, "dash"), (ORANGE, "dot"))
    for number, (ends, (color, dash)) in enumerate(zip(axes, styles, strict=True), start=1):
        base.add_line(figure, ends[:, 0], ends[:, 2], color, dash, width=4, name=f"p{number}", hoverinfo="skip")
    return figure
