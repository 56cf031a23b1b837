"""Plotly figures of the techniques page: curves of activations, histograms by layer, distributions of answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from alexnet_viz.charts import training as training_charts
from alexnet_viz.charts.base import LEGEND_ABOVE, MUTED, STRONG, chart, name_axis
from alexnet_viz.charts.inspection import WEAK

# ---- Dropout --------------------------------------------------------------------------------------------------------


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
    figure = chart(
        x={"range": [-0.01, 1.01], "tickformat": ".0%"},
        y=name_axis(names),
        height=56 * len(names) + 96,
        margin={"l": 0, "r": 12, "t": 4, "b": 0},
        legend=LEGEND_ABOVE,
    )
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
        figure.add_scatter(
            x=values,
            y=places,
            mode="markers",
            name=title,
            marker={"color": color, "size": 13, "symbol": symbol, "line": {"width": 3, "color": color}},
            hovertemplate="%{x:.2%}<extra></extra>",
        )
    return figure


# ---- Pooling --------------------------------------------------------------------------------------------------------


def change_by_shift(changes: Sequence[NDArray[Any]], names: Sequence[str], titles: tuple[str, str]) -> go.Figure:
    """Relative changes by the number of pixels moved, one line each; the first counts, the last is the reference."""
    figure = chart(
        x={"title": titles[0], "dtick": 1},
        y={"title": titles[1], "rangemode": "tozero", "tickformat": ".0%"},
        height=320,
        legend=LEGEND_ABOVE,
    )
    for change, name, (color, dash, symbol) in zip(changes, names, _SHIFT_STYLES, strict=False):
        figure.add_scatter(
            x=list(range(len(change))),
            y=change,
            mode="lines+markers",
            name=name,
            line={"color": color, "dash": dash, "width": 3},
            marker={"size": 9, "symbol": symbol},
            hovertemplate="%{x}: %{y:.1%}<extra></extra>",
        )
    return figure


_SHIFT_STYLES = [  # colour, dash, symbol: Okabe and Ito
    (STRONG, "solid", "circle"),
    (WEAK, "solid", "square"),
    ("#009e73", "solid", "diamond"),
    (MUTED, "dash", "x"),
]


# ---- LRN ------------------------------------------------------------------------------------------------------------


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
    figure = chart(
        x={"title": titles[0], "zeroline": True},
        y={"title": titles[1], "rangemode": "tozero"},
        height=320,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.1},
    )
    for (name, means, deviations), color, symbol in zip(
        groups, (MUTED, STRONG, WEAK), ("circle", "diamond", "x"), strict=True
    ):
        figure.add_scatter(
            x=means,
            y=deviations,
            mode="markers",
            name=name,
            marker={"size": 8, "color": color, "symbol": symbol, "opacity": 0.85},
            customdata=list(range(len(means))),
            hovertemplate="%{customdata}: %{x:.3f} / %{y:.3f}<extra></extra>",
        )
    return figure


# ---- Paper against code ---------------------------------------------------------------------------------------------


def two_rules(
    paper: Sequence[float], torch: Sequence[float], cut: int, names: tuple[str, str], titles: tuple[str, str]
) -> go.Figure:
    """One weight under two rules, over the steps; a dotted line where the learning rate falls."""
    figure = chart(
        x={"title": titles[0]},
        y={"title": titles[1]},
        height=300,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.12},
    )
    for path, name, color, dash in ((paper, names[0], STRONG, "solid"), (torch, names[1], WEAK, "dash")):
        figure.add_scatter(
            y=list(path),
            mode="lines",
            name=name,
            line={"color": color, "dash": dash, "width": 3},
            hovertemplate="%{x}: %{y:.4f}<extra></extra>",
        )
    figure.add_vline(x=cut, line={"dash": "dot", "color": MUTED})
    return figure


# ---- ReLU -----------------------------------------------------------------------------------------------------------

_FUNCTION_STYLES: Mapping[str, tuple[str, str]] = {  # colour, dash: Okabe and Ito
    "relu": (STRONG, "solid"),
    "tanh": ("#e69f00", "dash"),
    "sigmoid": ("#009e73", "dashdot"),
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
    figure = chart(x={"title": titles[0]}, y={"title": titles[1]}, height=280, legend=LEGEND_ABOVE)
    for function, line in lines.items():
        color, dash = _FUNCTION_STYLES[function]
        style = {"color": color, "dash": dash, "width": 3}
        figure.add_scatter(x=x, y=line, mode="lines", name=names[function], line=style, hoverinfo="skip")
        figure.add_scatter(
            x=[at],
            y=[points[function]],
            mode="markers",
            marker={"color": color, "size": 11},
            name=names[function],
            hovertemplate="%{x}: %{y:.4g}",
            showlegend=False,
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
    figure = chart(
        x={"title": titles[0]},
        y={"title": titles[1], "type": "log", "exponentformat": "power"},
        height=360,
        legend=LEGEND_ABOVE,
    )
    for function, both in flows.items():
        color, _ = _FUNCTION_STYLES[function]
        for values, word, dash in zip(both, words, ("solid", "dot"), strict=True):
            figure.add_scatter(
                x=list(range(len(values))),
                y=[float(value) or None for value in values],
                mode="lines",
                name=f"{names[function]}: {word}",
                line={"color": color, "dash": dash, "width": 4 if function == chosen else 2},
                opacity=1 if function == chosen else _FAINT,
                hovertemplate="%{x}: %{y:.2e}",
            )
    return figure


def small_histogram(counts: NDArray[Any], edges: NDArray[Any], function: str) -> go.Figure:
    """A layer's values as bars without a scale: shapes to be held against each other. Heights are square roots."""
    figure = chart(
        x={"range": [edges[0], edges[-1]], "nticks": 3},
        y={"visible": False},
        height=120,
        margin={"l": 4, "r": 4, "t": 4, "b": 0},
        bargap=0,
    )
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts**0.5,
        width=edges[1:] - edges[:-1],
        marker_color=_FUNCTION_STYLES[function][0],
        customdata=counts,
        hovertemplate="%{x:.3g}: %{customdata}<extra></extra>",
    )
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
        y={"title": titles[1], "range": [0, 1], "tickformat": ".0%"},
        height=260,
        bargap=0.2,
        showlegend=len(shares) > 1,
        legend=LEGEND_ABOVE,
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


def race_curves(lines: Sequence[training_charts.Line], title: str) -> training_charts.Option:
    """Several runs step by step, for a live chart: like `epoch_curves`, thinned and without dots."""
    thin = []
    for name, x, y in lines:
        kept = training_charts.thinned(len(np.asarray(x)))
        thin.append((name, np.asarray(x)[kept], np.asarray(y)[kept]))
    option = training_charts.epoch_curves(thin, title)
    for series in option["series"]:
        series["showSymbol"] = False
    return option


def race_errors(lines: Sequence[training_charts.Line], title: str, goal: float) -> training_charts.Option:
    """Errors of several runs step by step, shares drawn as per cent, with a dotted line at the goal."""
    percent = [(name, x, 100 * np.asarray(y)) for name, x, y in lines]
    option = race_curves(percent, title)
    option["yAxis"] |= {"min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}}
    option["series"][0]["markLine"] = {
        "symbol": "none",
        "silent": True,
        "label": {"show": False},
        "lineStyle": {"type": "dotted", "color": MUTED, "width": 2},
        "data": [{"yAxis": 100 * goal}],
    }
    return option


# ---- Two GPUs -------------------------------------------------------------------------------------------------------

_PARTS = (STRONG, "#e69f00", "#56b4e9")  # Okabe and Ito: blue, orange, sky blue
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
    totals = {title: [sum(parts) for parts in zip(*panel.values(), strict=True)] for title, panel in panels.items()}
    for column, (title, panel) in enumerate(panels.items(), start=1):
        for (name, sizes), color in zip(panel.items(), _PARTS, strict=True):
            figure.add_bar(
                row=1,
                col=column,
                x=labels,
                y=[size / 2**30 for size in sizes],
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                marker={"color": color, "opacity": opacity},
                hovertemplate="%{y:.2f} GiB<extra>" + name + "</extra>",
            )
        figure.add_scatter(
            row=1,
            col=column,
            x=labels,
            y=[total / 2**30 for total in totals[title]],
            mode="text",
            text=[f"{total / 2**30:.1f}" for total in totals[title]],
            textposition="top center",
            cliponaxis=False,
            showlegend=False,
            hoverinfo="skip",
        )
        for times in (1, 2):
            figure.add_hline(
                row=1,
                col=column,
                y=times * card[1] / 2**30,
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
    highest = max(max(total) for total in totals.values())
    figure.update_xaxes(title=titles[0], type="category", fixedrange=True)
    figure.update_yaxes(range=[0, 1.1 * max(highest, 2 * card[1]) / 2**30], fixedrange=True)
    figure.update_yaxes(title=titles[1], col=1)
    return figure


def stream_colours(shares: NDArray[Any], names: Sequence[str], titles: tuple[str, str]) -> go.Figure:
    """A dot a filter at its share of colour, (streams, filters), a row a stream; a diamond at each row's mean.

    Titles are those of the axis and of the mean. Dots are spread up and down so that they do not hide each other.
    """
    figure = chart(
        x={"title": titles[0], "range": [-0.02, 1.02]},
        y={
            "tickvals": list(range(len(names))),
            "ticktext": [f"{name}  " for name in names],
            "range": [len(names) - 0.4, -0.6],
            "automargin": True,
            "zeroline": False,
        },
        height=240,
        legend=LEGEND_ABOVE,
    )
    spread = [0.09 * (i % 5 - 2) for i in range(shares.shape[1])]
    for place, (row, name) in enumerate(zip(shares, names, strict=True)):
        figure.add_scatter(
            x=sorted(row),
            y=[place + offset for offset in spread],
            mode="markers",
            marker={"size": 8, "color": MUTED, "opacity": 0.8},
            name=name,
            showlegend=False,
            hovertemplate="%{x:.2f}<extra>" + name + "</extra>",
        )
    means = shares.mean(axis=1)
    figure.add_scatter(
        x=means,
        y=list(range(len(names))),
        mode="markers+text",
        marker={"size": 16, "symbol": "diamond", "color": STRONG, "line": {"width": 2, "color": "white"}},
        text=[f"{mean:.2f}" for mean in means],
        textposition="top center",
        textfont_size=15,
        name=titles[1],
        hoverinfo="skip",
    )
    figure.add_vline(x=0.5, line={"dash": "dot", "color": MUTED})
    return figure


# ---- Augmentation ---------------------------------------------------------------------------------------------------

_KIND_STYLES = (
    (STRONG, "solid", "circle"),
    ("#e69f00", "dash", "diamond"),
    ("#009e73", "dot", "square"),
    (WEAK, "dashdot", "triangle-up"),
    ("#cc79a7", "longdash", "x"),
)
_AXIS_STYLES = ((STRONG, "solid"), (WEAK, "dash"), ("#e69f00", "dot"))


def stability(
    means: NDArray[Any], said: Sequence[Sequence[str]], names: Sequence[str], titles: tuple[str, str]
) -> go.Figure:
    """Probabilities by the step of strength, one line a kind, (kinds, steps + 1); `said` are the strengths in words."""
    figure = chart(
        x={"title": titles[0], "dtick": 1},
        y={"title": titles[1], "range": [-0.02, 1.04], "tickformat": ".0%"},
        height=340,
        margin={"l": 0, "r": 8, "t": 4, "b": 0},
        legend=LEGEND_ABOVE,
    )
    for mean, strengths, name, (color, dash, symbol) in zip(means, said, names, _KIND_STYLES, strict=True):
        figure.add_scatter(
            x=list(range(len(mean))),
            y=mean,
            mode="lines+markers",
            name=name,
            line={"color": color, "dash": dash, "width": 2.5},
            marker={"symbol": symbol, "size": 9},
            customdata=list(strengths),
            hovertemplate="%{customdata}: %{y:.1%}",
        )
    return figure


def colour_cloud(pixels: NDArray[Any], axes: Sequence[NDArray[Any]], titles: tuple[str, str]) -> go.Figure:
    """Pixels, (n, 3), by their red and blue, in their own colours; p1, p2, ... are the ends of axes, (2, 3) each."""
    levels = (255 * pixels).round().astype(int).tolist()
    figure = chart(
        x={"title": titles[0], "range": [-0.05, 1.05], "constrain": "domain"},
        y={"title": titles[1], "range": [-0.05, 1.05], "constrain": "domain", "scaleanchor": "x", "scaleratio": 1},
        height=300,
        legend=LEGEND_ABOVE,
    )
    figure.add_scatter(
        x=pixels[:, 0],
        y=pixels[:, 2],
        mode="markers",
        marker={
            "size": 7,
            "color": [f"rgb({red}, {green}, {blue})" for red, green, blue in levels],
            "line": {"width": 0.5, "color": MUTED},
        },
        hoverinfo="skip",
        showlegend=False,
    )
    for number, (ends, (color, dash)) in enumerate(zip(axes, _AXIS_STYLES, strict=True), start=1):
        figure.add_scatter(
            x=ends[:, 0],
            y=ends[:, 2],
            mode="lines",
            name=f"p{number}",
            line={"color": color, "dash": dash, "width": 4},
            hoverinfo="skip",
        )
    return figure
