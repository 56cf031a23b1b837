"""What the filters page looks at: a model's layer with weights, how its kernels are drawn, sorted and grouped."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from alexnet_viz.network.spec import Conv, Spec, kernel_layers, layer_names
from alexnet_viz.pictures import render
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import session
from pages.ui.choose import models
from pages.ui.filters import cached
from pages.ui.session import ChosenModel
from pages.ui.store import networks
from pages.ui.widgets.pixels import click_picker

if TYPE_CHECKING:
    from alexnet_viz.inspection.filters import Statistics
    from alexnet_viz.network.weights import Model

Floats = NDArray[np.float32]

DRAWN: Mapping[str, str] = {
    "colours": N_("as colours"),
    "norm": N_("norm over the inputs"),
    "input": N_("one input channel"),
}
SCALES: Mapping[str, str] = {"filter": N_("each filter"), "layer": N_("this layer")}
ORDERS: Mapping[str, str] = {
    "number": N_("by number"),
    "norm": N_("by norm"),
    "orientation": N_("by orientation"),
    "frequency": N_("by frequency"),
    "colour": N_("most colour first"),
}
GROUPINGS: Mapping[str, str] = {
    "none": N_("not grouped"),
    "stream": N_("by stream"),
    "colour": N_("colour, grey"),
    "orientation": N_("by direction"),
    "state": N_("dead, duplicate"),
}
GROUPS: Mapping[tuple[str, str], str] = {
    ("stream", "0"): N_("Stream 1"),
    ("stream", "1"): N_("Stream 2"),
    ("colour", "colour"): N_("Colour"),
    ("colour", "grey"): N_("Grey"),
    ("colour", "none"): N_("Sees no colours"),
    ("orientation", "horizontal"): N_("Horizontal stripes"),
    ("orientation", "diagonal up"): N_("Stripes rising to the right"),
    ("orientation", "vertical"): N_("Vertical stripes"),
    ("orientation", "diagonal down"): N_("Stripes falling to the right"),
    ("orientation", "none"): N_("No direction"),
    ("state", "dead"): N_("Dead"),
    ("state", "duplicate"): N_("Duplicates of an earlier one"),
    ("state", "distinct"): N_("Neither dead nor a duplicate"),
}

DRAW = session.Choice("draw", "")  # "" stands for what suits the layer best
SCALE = session.Choice("filter_range", "filter")
ORDER = session.Choice("filter_sort", "number")
GROUPING = session.Choice("group", "")  # "" stands for the streams where there are two
INPUT = session.Choice("input", "0")


@dataclass(frozen=True)
class FilterView:
    """A layer's filters, and how they are shown."""

    chosen: ChosenModel
    model: "Model"
    layer: str

    @property
    def spec(self) -> Spec:
        return self.model.network.spec

    @property
    def convolution(self) -> bool:
        return isinstance(self.spec.layers[layer_names(self.spec.layers).index(self.layer)], Conv)

    @cached_property
    def kernels(self) -> Floats:
        """(filters, input channels of the group, k, k), or (units, inputs) of a fully connected layer."""
        from alexnet_viz.inspection.filters import kernels

        return kernels(self.model.network, self.layer)

    @cached_property
    def rgb(self) -> bool:
        from alexnet_viz.inspection.filters import sees_rgb

        return sees_rgb(self.spec, self.layer)

    @cached_property
    def statistics(self) -> "Statistics":
        return cached.statistics(self.model, self.layer)

    @property
    def drawn(self) -> str:
        """How kernels are drawn; colours only where there are red, green and blue."""
        possible = [how for how in DRAWN if how != "colours" or self.rgb]
        return DRAW.current(possible) or possible[0]

    @property
    def grouping(self) -> str:
        streams = int(self.statistics.group.max(initial=0)) + 1
        return GROUPING.current(GROUPINGS) or ("stream" if streams > 1 else "none")

    @property
    def filter(self) -> int:
        """The chosen filter; the first one if the number is too high for this layer."""
        return int(session.CHANNEL.current([str(i) for i in range(len(self.kernels))]))

    @property
    def input(self) -> int:
        """The chosen input channel of a filter."""
        return int(INPUT.current([str(i) for i in range(self.kernels.shape[1])]))

    def planes(self) -> Floats:
        """One plane a filter, (N, k, k): its norm over the inputs, or one input channel."""
        from alexnet_viz.inspection.filters import input_norm, input_slice

        return input_norm(self.kernels) if self.drawn == "norm" else input_slice(self.kernels, self.input)

    def groups(self) -> list[tuple[str, NDArray[np.intp]]]:
        """Groups in turn, each with its filters in the chosen order."""
        from alexnet_viz.inspection.filters import grouped, order

        by = ORDER.current(ORDERS)
        places = np.argsort(order(self.statistics, by))
        if self.grouping == "none":
            return [("", order(self.statistics, by))]
        return [
            (group, members[np.argsort(places[members])]) for group, members in grouped(self.statistics, self.grouping)
        ]

    def montage(self, members: NDArray[np.intp], limit: float = 0.0) -> render.Montage:
        """Those filters as one picture; `limit` overrules the chosen colour range."""
        from alexnet_viz.inspection.filters import rgb_tiles

        scale = SCALE.current(SCALES)
        if not self.convolution:
            norms = self.statistics.norm.astype(np.float32)
            return render.vector(norms[members], limit or float(norms.max(initial=0.0)))
        if self.drawn == "colours":
            tiles = rgb_tiles(self.kernels, limit or scale)  # of all, so that the layer's range is the layer's
            return render.picture_montage(tiles[members])
        planes = self.planes()
        each = np.abs(planes).reshape(len(planes), -1).max(axis=1)
        limits = each if scale == "filter" else np.full(len(planes), each.max(initial=0.0))
        return render.montage(planes[members], limit or limits[members])


def choose_filters(t: Translator) -> FilterView:
    """The controls at the top of the page."""
    network, layer = st.columns([3, 2], vertical_alignment="bottom")
    with network:
        chosen = models.model(t)
    names = kernel_layers(chosen.spec)
    current = session.LAYER.current(names)
    with layer:
        picked = st.select_slider(
            t("Layer"), names, current if current in names else names[0], key=f"filter_layer_{hash(tuple(names))}"
        )
    session.LAYER.remember(picked)
    with st.skeleton(height=420):
        return FilterView(chosen, networks.load(chosen), picked)


def how_to_draw(t: Translator, view: FilterView) -> None:
    """How kernels are drawn, coloured, sorted and grouped."""
    possible = [how for how in DRAWN if how != "colours" or view.rgb]
    places = st.columns(4)
    changed = [
        _choose(t, places[0], t("Drawn"), DRAW, {how: DRAWN[how] for how in possible}, view.drawn)
        if view.convolution
        else False,
        _choose(t, places[1], t("Colour range"), SCALE, SCALES, SCALE.current(SCALES)) if view.convolution else False,
        _choose(t, places[2], t("Sorted"), ORDER, ORDERS, ORDER.current(ORDERS)),
        _choose(t, places[3], t("Grouped"), GROUPING, GROUPINGS, view.grouping),
    ]
    if view.convolution and view.drawn == "input":
        picked = st.number_input(
            t("Input channel"), 0, view.kernels.shape[1] - 1, view.input, key=f"filter_input_{view.layer}"
        )
        changed.append(picked != view.input)
        INPUT.remember(str(picked))
    if any(changed):
        st.rerun()


def _choose(t: Translator, place, label: str, choice: session.Choice, titles: Mapping[str, str], current: str) -> bool:
    """One select box; whether it was changed."""
    picked = place.selectbox(
        label,
        list(titles),
        index=list(titles).index(current),
        format_func=lambda option: t(titles[option]),
        key=f"filters_{choice.param}_{t.language}_{len(titles)}",
    )
    if picked != current:
        choice.remember(picked)
    return picked != current


def pick_filter(t: Translator, view: FilterView) -> None:
    """The pictures of all filters, a block for each group; a click chooses one."""
    groups = view.groups()
    beside = len(groups) == 2 and max(len(members) for _, members in groups) < 3 * min(len(m) for _, m in groups)
    places = st.columns(2) if beside else [st.container() for _ in groups]
    for place, (group, members) in zip(places, groups, strict=True):
        with place:
            if group:
                title = t(GROUPS.get((view.grouping, group), group))
                st.markdown(f"**{title}** · {len(members)}")
            _block(t, view, group, members)


def _block(t: Translator, view: FilterView, group: str, members: NDArray[np.intp]) -> None:
    sheet = view.montage(members)
    numbers = [int(i) for i in members]
    place = numbers.index(view.filter) if view.filter in numbers else None
    click_picker(
        t,
        t("{count} filters of {layer}", count=len(members), layer=view.layer),
        sheet.png,
        sheet.rows,
        sheet.columns,
        key=f"filters_{view.model.digest[:8]}_{view.layer}_{group}",
        width=min(sheet.width, 720),
        at=sheet.place(place) if place is not None else None,
        on_click=lambda cell: choose_filter(numbers[sheet.number(cell, len(numbers))]),
        place="{value}",
        values=[t("filter {number}: norm {norm:.3g}", number=i, norm=view.statistics.norm[i]) for i in numbers],
    )


def choose_filter(number: int) -> None:
    """Choose a filter; the mark in the pictures follows."""
    session.CHANNEL.remember(str(number))
