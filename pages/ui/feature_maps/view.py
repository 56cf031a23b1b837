"""What the feature maps page looks at: a model, a picture, a layer, an order and a colour range; then a channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from alexnet_viz.network.spec import layer_names
from alexnet_viz.pictures import render
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import session
from pages.ui.choose import layers, models, pictures
from pages.ui.session import ChosenModel, Picture
from pages.ui.store import networks
from pages.ui.widgets.layout import pick
from pages.ui.widgets.pixels import tile_picker

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

    @cached_property
    def layers(self) -> Mapping[str, Floats]:
        """Every layer's output, (C, H, W) or (N,), by name."""
        return networks.layers(self.model, self.picture)

    @property
    def seen(self) -> Image.Image:
        """What the network got, as a picture that people can see."""
        return networks.seen(self.model, self.picture)

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
        """Channel numbers as they are sorted."""
        from alexnet_viz.inspection.maps import order

        return order(self.statistics, ORDER.current(ORDERS))

    @property
    def channel(self) -> int:
        """The chosen channel; the first one of the layer if the number is too high for it."""
        return int(session.CHANNEL.current([str(number) for number in range(len(self.values))]))

    @cached_property
    def limits(self) -> Floats:
        """What the strongest colour of each channel stands for."""
        from alexnet_viz.inspection.maps import limits

        return limits(self.layers, self.layer, SCALE.current(SCALES))

    def montage(self) -> render.Montage:
        """All channels in the chosen order and colour range."""
        return montage(self.values[self.order], self.limits[self.order])

    def channel_names(self, t: Translator) -> list[str]:
        """What is said of each tile under the mouse, in the order of the tiles."""
        found = self.statistics
        if self.flat:
            return [t("unit {number}: {value:.4g}", number=i, value=found.mean[i]) for i in self.order]
        text = N_("channel {number}: mean {mean:.3g}, from {low:.3g} to {high:.3g}")
        columns = zip(self.order, *(v[self.order] for v in (found.mean, found.minimum, found.maximum)), strict=True)
        return [t(text, number=i, mean=mean, low=low, high=high) for i, mean, low, high in columns]


def montage(values: Floats, limits: Floats, width: int = render.MONTAGE_WIDTH) -> render.Montage:
    """Channels as tiles. All units of a vector share one colour range: with one each, all would look alike."""
    if values.ndim == 1:
        return render.vector(values, float(limits.max(initial=0.0)), width)
    return render.montage(values, limits, width)


def choose_mode(t: Translator) -> str:
    """One layer with all its channels, or a walk from the first to the last."""
    hidden = {"label_visibility": "collapsed", "width": "stretch"}
    return pick(t, t("View"), MODES, MODE, key="maps_mode", segments=True, **hidden)


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
        return View(chosen, networks.load(chosen), current, name)


def order_and_range(t: Translator) -> None:
    """How the channels are sorted, and what the strongest colour stands for."""
    before = ORDER.current(ORDERS), SCALE.current(SCALES)
    sorting, colours = st.columns(2)
    order = pick(t, t("Sorted"), ORDERS, ORDER, key="maps_order", of=sorting)
    scale = pick(t, t("Colour range"), SCALES, SCALE, key="maps_range", of=colours)
    if (order, scale) != before:
        st.rerun()


def pick_channel(t: Translator, view: View) -> None:
    """The montage; a click on a tile chooses its channel."""
    label = N_("All {count} units of {layer}") if view.flat else N_("All {count} channels of {layer}")
    tile_picker(
        t,
        t(label, count=len(view.values), layer=view.layer),
        view.montage(),
        view.channel_names(t),
        lambda number: choose_channel(int(view.order[number])),
        key=f"maps_{view.model.digest[:8]}_{view.layer}",
        at=list(view.order).index(view.channel),
    )


def choose_channel(number: int) -> None:
    """Choose a channel; the mark in the montage follows."""
    session.CHANNEL.remember(str(number))
