"""What the feature maps page looks at: a model, a picture, a layer, an order and a colour range; then a channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from alexnet_viz.network.spec import layer_names
from alexnet_viz.pictures import render
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import session
from pages.ui.choose import layers, models, pictures
from pages.ui.session import ChosenModel, Picture
from pages.ui.store import networks
from pages.ui.widgets.pixels import click_picker

if TYPE_CHECKING:
    from alexnet_viz.inspection.maps import Statistics
    from alexnet_viz.network.weights import Model

Floats = NDArray[np.float32]

ORDERS: Mapping[str, str] = {
    "number": N_("by number"),
    "mean": N_("by mean"),
    "maximum": N_("by maximum"),
    "sparsity": N_("fewest zeros first"),
}
SCALES: Mapping[str, str] = {"unit": N_("each channel"), "layer": N_("this layer"), "all": N_("all layers")}

MODES: Mapping[str, str] = {"layer": N_("One layer"), "walk": N_("Walk through")}

MODE = session.Choice("view", "layer")
ORDER = session.Choice("sort", "number")
SCALE = session.Choice("range", "unit")


@dataclass(frozen=True)
class View:
    """What was chosen, and what the network made of it."""

    chosen: ChosenModel
    model: "Model"
    picture: Picture
    layer: str
    order_by: str
    scale: str

    @cached_property
    def layers(self) -> Mapping[str, Floats]:
        """Every layer's output, (C, H, W) or (N,), by name."""
        return networks.layers(self.model, self.picture)

    @property
    def input(self) -> Floats:
        """What the network got, (C, H, W)."""
        return networks.input_array(self.model, self.picture)

    @property
    def values(self) -> Floats:
        """This layer's output."""
        return self.layers[self.layer]

    @property
    def flat(self) -> bool:
        """Whether the layer is a vector of units."""
        return self.values.ndim == 1

    @cached_property
    def statistics(self) -> "Statistics":
        from alexnet_viz.inspection.maps import activation_function, statistics

        return statistics(self.values, activation_function(self.model.network.spec, self.layer))

    @cached_property
    def order(self) -> NDArray[np.intp]:
        from alexnet_viz.inspection.maps import order

        return order(self.statistics, self.order_by)

    @property
    def channel(self) -> int:
        """The chosen channel; the first one of the layer if the number is too high for it."""
        return int(session.CHANNEL.current([str(number) for number in range(len(self.values))]))

    def limits(self) -> Floats:
        from alexnet_viz.inspection.maps import limits

        return limits(self.layers, self.layer, self.scale)

    def montage(self) -> render.Montage:
        """All channels in the chosen order and colour range."""
        values, limits = self.values[self.order], self.limits()[self.order]
        if self.flat:  # one colour range for all units: with one each, all would look alike
            return render.vector(values, float(limits.max(initial=0.0)))
        return render.montage(values, limits)

    def channel_names(self, t: Translator) -> list[str]:
        """What is said of each tile under the mouse, in the order of the tiles."""
        found = self.statistics
        if self.flat:
            return [t("unit {number}: {value:.4g}", number=i, value=found.mean[i]) for i in self.order]
        return [
            t(
                "channel {number}: mean {mean:.3g}, from {low:.3g} to {high:.3g}",
                number=i,
                mean=found.mean[i],
                low=found.minimum[i],
                high=found.maximum[i],
            )
            for i in self.order
        ]


def choose_mode(t: Translator) -> str:
    """One layer with all its channels, or a walk from the first to the last."""
    picked = st.segmented_control(
        t("View"),
        list(MODES),
        default=MODE.current(MODES),
        format_func=lambda mode: t(MODES[mode]),
        required=True,
        key=f"maps_mode_{t.language}",
        label_visibility="collapsed",
        width="stretch",
    )
    MODE.remember(picked)
    return picked


def choose_view(t: Translator, *, with_layer: bool) -> View:
    """The controls at the top of the page."""
    network, layer, picture = st.columns([4, 6, 3], vertical_alignment="bottom")
    with network:
        chosen = models.model(t)
    with picture:
        current = pictures.picture_popover(t)
    names = layer_names(chosen.spec.layers)
    name = names[0]
    if with_layer:
        with layer:
            name = layers.layer(t, names)
    with st.skeleton(height=420):
        model = networks.load(chosen)
        return View(chosen, model, current, name, ORDER.current(ORDERS), SCALE.current(SCALES))


def order_and_range(t: Translator) -> None:
    """How the channels are sorted, and what the strongest colour stands for."""
    by = ORDER.current(ORDERS)
    sorting, colours = st.columns(2)
    picked = sorting.selectbox(
        t("Sorted"),
        list(ORDERS),
        index=list(ORDERS).index(by),
        format_func=lambda order: t(ORDERS[order]),
        key=f"maps_order_{t.language}",
    )
    ORDER.remember(picked)
    scale = SCALE.current(SCALES)
    chosen = colours.selectbox(
        t("Colour range"),
        list(SCALES),
        index=list(SCALES).index(scale),
        format_func=lambda scale: t(SCALES[scale]),
        key=f"maps_range_{t.language}",
    )
    SCALE.remember(chosen)
    if picked != by or chosen != scale:
        st.rerun()


def pick_channel(t: Translator, view: View, montage: render.Montage) -> None:
    """The montage; a click on a tile chooses its channel."""
    place = list(view.order).index(view.channel)
    rows, columns = montage.rows, montage.columns
    label = t("All {count} channels of {layer}", count=len(view.values), layer=view.layer)
    if view.flat:
        label = t("All {count} units of {layer}", count=len(view.values), layer=view.layer)
    click_picker(
        t,
        label,
        montage.png,
        rows,
        columns,
        key=f"maps_{view.model.digest[:8]}_{view.layer}",
        width=min(montage.width, 720),
        at=montage.place(place),
        on_click=lambda cell: choose_channel(int(view.order[montage.number(cell, len(view.values))])),
        place="{value}",
        values=view.channel_names(t),
    )


def choose_channel(number: int) -> None:
    """Choose a channel; the mark in the montage follows."""
    session.CHANNEL.remember(str(number))
