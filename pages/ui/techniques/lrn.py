"""Local response normalisation on the current photo: its maps, one value by hand, batch normalisation beside it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import streamlit as st

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.inspection.maps import peak
from alexnet_viz.inspection.techniques.lrn import Unit, strongest, unit
from alexnet_viz.network.spec import LRN
from alexnet_viz.paper import departures
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import percent
from pages.ui.choose import pictures
from pages.ui.store import networks
from pages.ui.techniques import cached, parts
from pages.ui.widgets import show
from pages.ui.widgets.layout import Tabs, pick
from pages.ui.widgets.pixels import map_picker

MODEL = "alexnet_200"  # trained filters; it has no LRN of its own
SIZES = (1, 3, 5, 7, 9, 15, 31)
ALPHAS = (1e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2, 0.1, 0.2, 0.5, 1.0)
STREAMS: Mapping[int, str] = {1: N_("all maps"), 2: N_("each of two streams")}
FORMULAS: Mapping[str, str] = {"code": N_("the code: alpha / n"), "printed": N_("as printed: alpha")}
MAP_WIDTH = 300  # pixels on the screen
BORDER = 31  # the last map of the first of two streams of 32

_LAYER = "lrn_layer"  # session key: the record that the sliders make


def maps(t: Translator) -> None:
    """The strongest maps before and after, and how far their values moved."""
    model, picture = networks.model(MODEL), pictures.current_picture(t)
    layer = _sliders(t)
    formula, within, other = st.columns([8, 8, 5], vertical_alignment="bottom")
    printed = pick(t, t("Formula"), FORMULAS, segments=True, key="lrn_formula", of=formula) == "printed"
    groups = pick(t, t("Neighbours from"), STREAMS, segments=True, key="lrn_streams", of=within)
    layer = replace(layer, groups=groups)
    with other:
        pictures.picture_popover(t)
    st.session_state[_LAYER] = layer
    sheets, change, neighbours = cached.lrn_maps(model, picture, layer, printed)
    caption = N_(
        "The {count} strongest of the photo's 64 maps, 55 x 55 each, in the same colours, full from {limit:.2f} "
        "on: {channels}."
    )
    parts.two_sheets(t, sheets, t("Before: relu1"), t("After LRN"), caption)
    st.markdown(
        t(
            "Values above zero changed by **{median}** in the median and by {largest} at most. The division by k to "
            "the power of beta, {constant:.3f}, is the same everywhere. What the neighbours changed beyond it is "
            "{own} in the median and **{most}** at most.",
            median=percent(change.median),
            largest=percent(change.largest),
            constant=layer.k**layer.beta,
            own=percent(neighbours.median),
            most=percent(neighbours.largest),
        )
    )
    _scale(t)


def _sliders(t: Translator) -> LRN:
    k, n, alpha, beta = st.columns(4, gap="medium")
    return LRN(
        k=k.slider(t("k: added to every sum"), 0.5, 8.0, 2.0, 0.5, key="lrn_k"),
        size=n.select_slider(t("n: maps that count"), SIZES, 5, key="lrn_n"),
        alpha=alpha.select_slider(
            t("alpha: weight of the squares"), ALPHAS, 1e-4, format_func="{:g}".format, key="lrn_alpha"
        ),
        beta=beta.slider(t("beta: the power"), 0.0, 1.5, 0.75, 0.05, key="lrn_beta"),
    )


def _scale(t: Translator) -> None:
    """Why the paper's alpha does so little here, and what the printed formula would do to larger values."""
    ratios, gap = departures.input_ratios(), cached.lrn_uniform_gap()
    square = departures.mean_square(ratios)
    st.caption(
        t(
            "The paper's network got pixels from 0 to 255 less their mean; this one gets numbers {low:.0f} to "
            "{high:.0f} times as small. Squares are {square:,.0f} times as small, so with the same filters the "
            "paper's 0.0001 is about {alpha:.2f} here. On values uniform in 0..50 the code's formula and the printed "
            "one differ by {median} in the median and by {largest} at most (computed on 290,400 random values; no "
            "values in this range can differ by more than {bound}).",
            low=min(ratios),
            high=max(ratios),
            square=square,
            alpha=departures.PAPER_ALPHA * square,
            median=percent(gap.median),
            largest=percent(gap.largest),
            bound=percent(gap.bound),
        )
    )


def one_value(t: Translator) -> None:
    """One value, its neighbours across the maps, and its denominator, by the code and by the paper."""
    model, picture = networks.model(MODEL), pictures.current_picture(t)
    values = networks.layers(model, picture)["relu1"]
    layer: LRN = st.session_state[_LAYER]
    key = f"lrn_map_{picture.digest[:8]}"
    st.session_state.setdefault(key, strongest(values, 1)[0])
    chosen, within, border = st.columns([2, 3, 2], vertical_alignment="bottom")
    channel = chosen.number_input(t("Map"), 0, len(values) - 1, key=key)
    groups = pick(t, t("Neighbours from"), STREAMS, segments=True, key="lrn_unit_streams", of=within)
    layer = replace(layer, groups=groups)
    border.button(
        t("Map {number}, at the border", number=BORDER),
        on_click=lambda: st.session_state.update({key: BORDER}),
        help=t("The last map of the first stream: with two streams its neighbours beyond the border do not count."),
        key="lrn_border",
        width="stretch",
    )
    position, sums = st.columns([2, 3], gap="medium")
    with position:
        row, column = map_picker(
            t,
            t("Map {number} of relu1, 55 x 55: choose a position", number=channel),
            values[channel],
            key=f"lrn_at_{picture.digest[:8]}_{channel}",
            width=MAP_WIDTH,
            limit=float(values.max()),
            default=peak(values[channel]),
        )
    found = unit(values, layer, channel, row, column)
    with sums:
        _neighbours(t, found, channel)
    _formulas(t, found)


def _neighbours(t: Translator, found: Unit, channel: int) -> None:
    numbers = found.around.neighbours
    axes = (t("Map"), t("Value at this position"))
    show.chart(
        technique_charts.lrn_neighbours(found.channels, numbers, found.counted, channel, axes),
        ", ".join(f"{c}: {value:.3f}" for c, value in zip(found.channels, numbers, strict=True)),
        "lrn_neighbours",
    )
    show.table(
        {
            t("Map"): found.channels,
            t("Value"): [f"{value:.4f}" for value in numbers],
            t("Squared"): [f"{square:.4f}" for square in np.square(numbers)],
            t("Counts"): [t("yes") if counts else t("no, other stream") for counts in found.counted],
        }
    )


def _formulas(t: Translator, found: Unit) -> None:
    code = rf"\frac{{{found.code.alpha:g}}}{{{found.code.size}}}"
    printed = f"{found.printed.alpha / found.printed.size:g}"
    formulas = ((t("By the code"), found.code, code), (t("As printed"), found.printed, printed))
    for place, (title, value, factor) in zip(st.columns(2, gap="medium"), formulas, strict=True):
        place.markdown(f"**{title}**")
        place.latex(
            rf"\frac{{{value.value:.4f}}}{{\left({value.k:g} + {factor} \cdot {value.squares:.3f}\right)"
            rf"^{{{value.beta:g}}}}}"
        )
        place.latex(rf"= \frac{{{value.value:.4f}}}{{{value.denominator:.5f}}} = \mathbf{{{value.result:.5f}}}")
    st.caption(
        t(
            "{value:.3f} is the sum of the squares of the {count} values that count. The printed formula's result is "
            "{share} below the code's. k, n, alpha and beta are those of the sliders above.",
            value=found.code.squares,
            count=len(found.code.neighbours),
            share=percent(found.below),
        )
    )


def batch_norm(t: Translator) -> None:
    """What LRN and batch normalisation make of the same maps of all sample photos."""
    model, layer = networks.model(MODEL), st.session_state[_LAYER]
    before, normalised = cached.batch_norm_on_samples(model)
    lrn = cached.lrn_on_samples(model, layer)
    names = (t("Before: relu1"), t("After LRN"), t("After batch norm"))
    groups = (before, lrn.after, normalised)
    points = [(name, group.mean, group.std) for name, group in zip(names, groups, strict=True)]
    show.chart(
        technique_charts.channel_statistics(points, (t("Mean of a map's values"), t("Standard deviation"))),
        t("Mean and standard deviation of each of the 64 maps: before, after LRN, after batch normalisation"),
        "lrn_batch_norm",
    )
    st.caption(t("One point a map, over all sample photographs and positions."))
    show.table(
        {
            "": names,
            t("Means"): [f"{group.mean.min():z.3f} ... {group.mean.max():z.3f}" for group in groups],
            t("Standard deviations"): [f"{group.std.min():.3f} ... {group.std.max():.3f}" for group in groups],
        }
    )
    st.markdown(
        t(
            "**LRN** divides every value by a number of its own, here between {least:.3f} and {largest:.3f}: the more "
            "the maps around it answer at the same place, the larger that number. It needs no other pictures, learns "
            "nothing, and leaves zeros where they are. **Batch normalisation** takes one number from all values of a "
            "map and divides them by another, over all pictures and places: every map gets mean 0 and standard "
            "deviation 1. It usually stands before the ReLU and learns a scale and a shift of its own.",
            least=lrn.least_divisor,
            largest=lrn.largest_divisor,
        )
    )


EXPERIMENTS: Tabs = {
    "maps": (N_("What does LRN do to the maps?"), maps),
    "unit": (N_("One value and its neighbours"), one_value),
    "batchnorm": (N_("Batch normalisation beside it"), batch_norm),
}
