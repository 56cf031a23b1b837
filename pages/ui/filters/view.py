"""What the filters page looks at: a model's layer with weights, how its kernels are drawn, sorted and grouped."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from alexnet_viz.network.spec import Conv, Spec, kernel_layers, layer_names
from alexnet_viz.pictures import render
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import session
from pages.ui.choose import layers, models
from pages.ui.filters import cached
from pages.ui.session import ChosenModel
from pages.ui.store import networks
from pages.ui.widgets.pixels import tile_picker

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
    def possible(self) -> list[str]:
        """Ways of drawing kernels; colours only where there are red, green and blue."""
        return [how for how in DRAWN if how != "colours" or self.rgb]

    @property
    def drawn(self) -> str:
        return DRAW.current(self.possible) or self.possible[0]

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

        ordered = order(self.statistics, ORDER.current(ORDERS))
        if self.grouping == "none":
            return [("", ordered)]
        places = np.argsort(ordered)
        return [
            (group, members[np.argsort(places[members])]) for group, members in grouped(self.statistics, self.grouping)
        ]

    def group_title(self, t: Translator, group: str) -> str:
        """What a group of the chosen grouping is called; one that holds all filters, "all"."""
        return t(GROUPS.get((self.grouping, group), group or N_("all")))

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


def enlarged(picture: Image.Image, side: int) -> Image.Image:
    """A small picture, every pixel a square, so many times as large as fits into `side` pixels."""
    scale = max(1, side // max(picture.size))
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)


def choose_filters(t: Translator) -> FilterView:
    """The controls at the top of the page."""
    network, layer = st.columns([3, 2], vertical_alignment="bottom")
    with network:
        chosen = models.model(t)
    with layer:
        picked = layers.layer(t, kernel_layers(chosen.spec), key="filter_layer", hideable=False)
    with st.skeleton(height=420):
        return FilterView(chosen, networks.load(chosen), picked)


def how_to_draw(t: Translator, view: FilterView) -> None:
    """How kernels are drawn, coloured, sorted and grouped."""
    boxes = [(t("Sorted"), ORDER, ORDERS, ORDER.current(ORDERS)), (t("Grouped"), GROUPING, GROUPINGS, view.grouping)]
    if view.convolution:
        how = {how: DRAWN[how] for how in view.possible}
        boxes[:0] = [(t("Drawn"), DRAW, how, view.drawn), (t("Colour range"), SCALE, SCALES, SCALE.current(SCALES))]
    changed = False
    for place, (label, choice, titles, current) in zip(st.columns(4)[-len(boxes) :], boxes, strict=True):
        key = f"filters_{choice.param}_{t.language}_{len(titles)}"
        said = {one: t(title) for one, title in titles.items()}
        picked = place.selectbox(label, list(said), list(said).index(current), format_func=said.__getitem__, key=key)
        if picked != current:
            choice.remember(picked)
            changed = True
    if view.convolution and view.drawn == "input":
        most = view.kernels.shape[1] - 1
        number = st.number_input(t("Input channel"), 0, most, view.input, key=f"filter_input_{view.layer}")
        changed |= number != view.input
        INPUT.remember(str(number))
    if changed:
        st.rerun()


def pick_filter(t: Translator, view: FilterView) -> None:
    """The pictures of all filters, a block for each group; a click chooses one."""
    groups = view.groups()
    beside = len(groups) == 2 and max(len(members) for _, members in groups) < 3 * min(len(m) for _, m in groups)
    places = st.columns(2) if beside else [st.container() for _ in groups]
    for place, (group, members) in zip(places, groups, strict=True):
        with place:
            if group:
                st.markdown(f"**{view.group_title(t, group)}** · {len(members)}")
            _block(t, view, group, members)


def _block(t: Translator, view: FilterView, group: str, members: NDArray[np.intp]) -> None:
    numbers = [int(i) for i in members]
    tile_picker(
        t,
        t("{count} filters of {layer}", count=len(members), layer=view.layer),
        view.montage(members),
        [t("filter {number}: norm {norm:.3g}", number=i, norm=view.statistics.norm[i]) for i in numbers],
        lambda number: choose_filter(numbers[number]),
        key=f"filters_{view.model.digest[:8]}_{view.layer}_{group}",
        at=numbers.index(view.filter) if view.filter in numbers else None,
    )


def choose_filter(number: int) -> None:
    """Choose a filter; the mark in the pictures follows."""
    session.CHANNEL.remember(str(number))
