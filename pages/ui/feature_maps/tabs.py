"""The feature maps page: the photo, all channels of a layer, and the lazy tabs below."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image

from alexnet_viz.charts import inspection as inspection_charts
from alexnet_viz.network import tables
from alexnet_viz.network.fields import visible_box
from alexnet_viz.network.spec import layer_names
from alexnet_viz.pictures import images, render
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import messages
from pages.ui.choose import models, pictures
from pages.ui.feature_maps import switchboard
from pages.ui.feature_maps.view import View, montage, order_and_range, pick_channel
from pages.ui.store import networks
from pages.ui.widgets import by_hand, downloads, show
from pages.ui.widgets.layout import Tabs, pick
from pages.ui.widgets.pixels import map_picker

if TYPE_CHECKING:
    from alexnet_viz.inspection.maps import Statistics

MAP_WIDTH = 330  # pixels on the screen


def channels(t: Translator, view: View) -> None:
    """All channels of the layer, one of which is chosen by a click."""
    pick_channel(t, view)
    order_and_range(t)
    if not view.model.trained:
        st.warning(t("These weights are random: the maps show what the network does, not what it has learnt."))


def photo(t: Translator, view: View) -> None:
    """What the network saw, with the field of the chosen channel's strongest answer; and how to sort."""
    from alexnet_viz.inspection.maps import peak

    at = peak(view.values[view.channel])
    box = visible_box(view.model.network.spec, view.layer, *at)
    edges = (box.left, box.top, box.right, box.bottom) if box else (0, 0, 0, 0)
    text = N_("Here channel {number} of {layer} answers most.")
    if view.flat:
        text = N_("Unit {number} of {layer} sees the whole picture.")
    alt = t("What the network saw, with the place of the strongest answer outlined")
    show.picture(render.outlined(view.seen, edges), alt, t(text, number=view.channel, layer=view.layer))
    found = view.statistics
    text = N_(
        "Shape {shape}. {dead} of {count} show nothing above zero, {saturated} are saturated; {zeros:.0%} of all "
        "values are not above zero."
    )
    dead, saturated, zeros = int(found.dead.sum()), int(found.saturated.sum()), float(found.sparsity.mean())
    shape = " x ".join(map(str, view.values.shape))
    st.caption(t(text, shape=shape, dead=dead, count=len(found), saturated=saturated, zeros=zeros))


def _channel(t: Translator, view: View) -> None:
    from alexnet_viz.inspection.maps import extreme, histogram, peak

    values = view.values[view.channel]
    enlarged, over, made = st.columns([4, 4, 3], gap="medium")
    with enlarged:
        st.markdown(f"**{t('Enlarged, with its values')}**")
        if view.flat:
            st.metric(t("Unit {number} of {layer}", number=view.channel, layer=view.layer), f"{float(values):.4f}")
        else:
            _enlarged(t, view, values, peak(values))
    over.markdown(f"**{t('Over the photo')}**")
    heat = values.reshape(1, 1) if view.flat else values
    low, high = float(values.min()), float(values.max())
    caption = t("Orange above zero, blue below; from {low:.4g} to {high:.4g}.", low=low, high=high)
    png = render.overlaid(view.seen, heat, extreme(heat))
    show.picture(png, t("The channel's map laid over the photo"), caption, of=over)
    with made:
        _filter(t, view)
        if not view.flat:
            st.markdown(f"**{t('How its values are spread')}**")
            figure = inspection_charts.distribution(*histogram(values), t("Value"), t("Positions"))
            show.chart(figure, t("Histogram of the channel's values"), "channel_histogram")


def _enlarged(t: Translator, view: View, values: np.ndarray, at: tuple[int, int]) -> None:
    rows, columns = values.shape
    what = {"channel": view.channel, "layer": view.layer, "rows": rows, "columns": columns}
    label = t("Channel {channel} of {layer}, {rows} x {columns}", **what)
    key = f"map_at_{view.layer}_{view.channel}_{view.model.digest[:8]}_{view.picture.digest[:8]}"
    limit = float(view.limits[view.channel])
    map_picker(t, label, values, key=key, width=MAP_WIDTH, limit=limit, default=at)
    text = N_("Largest value {high:.4g} at row {row}, column {column}; mean {mean:.4g}. One value is one square.")
    st.caption(t(text, high=float(values.max()), row=at[0], column=at[1], mean=float(values.mean())))


def _filter(t: Translator, view: View) -> None:
    """The weights that made the channel."""
    from alexnet_viz.inspection.filters import input_norm, kernels, rgb_tiles
    from alexnet_viz.inspection.maps import weighted_layer

    spec = view.model.network.spec
    source = weighted_layer(spec, view.layer)
    if not source or (view.flat and len(kernels(view.model.network, source)) != len(view.values)):
        return
    st.markdown(f"**{t('The filter that made it: {layer}', layer=source)}**")
    kernel = kernels(view.model.network, source)[[view.channel]]
    if kernel.ndim == 2:
        st.caption(t("A weight for each of its {count:,} inputs; see the tab worked by hand.", count=kernel.size))
        return
    size = " x ".join(map(str, kernel.shape[1:]))
    if kernel.shape[1] == 3:
        tile = Image.fromarray(rgb_tiles(kernel)[0])
        png = images.encode(tile.resize((220, 220), Image.Resampling.NEAREST))
        caption = t("{size}, as colours", size=size)
    else:
        png = render.diverging(input_norm(kernel)[0], side=220)
        caption = t("{size}: the norm over its input channels", size=size)
    show.picture(png, t("The filter's weights"), caption, width=160)


def _hand(t: Translator, view: View) -> None:
    outputs = networks.outputs(view.model, view.picture)
    by_hand.at_position(t, view.model.network, outputs, view.seen, view.layer, view.channel)


def _two(t: Translator, view: View) -> None:
    """Another picture, or another model, at the same layer."""
    titles = {"picture": N_("Another picture"), "model": N_("Another network")}
    what = pick(t, t("Beside it"), titles, key="two_what", segments=True)
    other = _other_picture(t, view) if what == "picture" else _other_model(t, view)
    limits = [view.limits, other.limits]
    if what == "picture":
        limits = [np.maximum(*limits)] * 2
    for place, side, limit in zip(st.columns(2, gap="medium"), (view, other), limits, strict=True):
        with place:
            _side(t, side, limit, named=what == "model")
    if what == "picture":
        st.caption(t("Each channel has the same colours on both sides."))


def _side(t: Translator, view: View, limits: np.ndarray, *, named: bool) -> None:
    st.markdown(f"**{messages.escape(view.chosen.title(t) if named else view.picture.name)}**, {view.layer}")
    everything = t("All {count} channels of {layer}", count=len(view.values), layer=view.layer)
    show.picture(montage(view.values, limits).png, everything, everything)
    if view.flat:
        return
    low, high = st.columns([1, 2], vertical_alignment="center")
    number, channel = view.channel, view.values[view.channel]
    png = render.diverging(channel, float(limits[number]), side=160)
    show.picture(png, t("Channel {number} of {layer}", number=number, layer=view.layer), width=160, of=low)
    says = N_("Channel {number}: mean {mean:.4g}, largest {high:.4g}")
    high.caption(t(says, number=number, mean=float(channel.mean()), high=float(channel.max())))


def _other_picture(t: Translator, view: View) -> View:
    others = {one.id: one for one in pictures.all_pictures(t) if one.digest != view.picture.digest}
    key = f"two_picture_{t.language}_{len(others)}"
    picked = st.selectbox(t("The other picture"), list(others), format_func=lambda one: others[one].name, key=key)
    return replace(view, picture=others[picked])


def _other_model(t: Translator, view: View) -> View:
    second = models.second_model(t, view.chosen)
    with st.skeleton(height=200):
        model = networks.load(second)
    names = layer_names(model.network.spec.layers)
    at = names.index(view.layer) if view.layer in names else 0
    layer = st.selectbox(t("Its layer"), names, at, key=f"two_layer_{second.entry.id}_{view.layer}")
    return replace(view, chosen=second, model=model, layer=layer)


def _table(t: Translator, view: View) -> None:
    """Every channel's statistics, and everything shown here as files."""
    found = view.statistics
    rows = [
        {
            t("Channel"): int(i),
            t("Mean"): round(float(found.mean[i]), 6),
            t("Smallest"): round(float(found.minimum[i]), 6),
            t("Largest"): round(float(found.maximum[i]), 6),
            t("Not above zero"): round(float(found.sparsity[i]), 4),
            t("State"): t(_state(found, i)),
        }
        for i in view.order
    ]
    st.dataframe(rows, hide_index=True, height=380)
    name = f"{view.model.entry.id}-{view.layer}"
    with st.container(horizontal=True):
        downloads.save(t("Picture (PNG)"), view.montage().png, f"{name}.png", "image/png")
        downloads.save(t("Table (CSV)"), tables.as_csv(rows), f"{name}.csv", "text/csv")
        downloads.save(
            t("All values (NPZ)"), lambda: downloads.npz({view.layer: view.values}), f"{name}.npz", "application/zip"
        )
    if not view.flat:
        values = view.values[view.channel]
        label, file_name = t("This channel's values (CSV)"), f"{name}-{view.channel}.csv"
        downloads.save(label, lambda: downloads.grid_csv(values), file_name, "text/csv")


def _state(found: "Statistics", i: int) -> str:
    if found.dead[i]:
        return N_("dead on this picture")
    return N_("saturated") if found.saturated[i] else ""


TABS: Tabs = {
    "channel": (N_("The chosen channel"), _channel),
    "hand": (N_("Worked by hand"), _hand),
    "beside": (N_("Side by side"), _two),
    "off": (N_("Switch channels off"), switchboard.switchboard),
    "matters": (N_("What matters?"), switchboard.ranking),
    "table": (N_("Numbers"), _table),
}
