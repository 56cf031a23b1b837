"""The feature maps page: the photo, all channels of a layer, and the lazy tabs below."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image

from alexnet_viz.charts import inspection as inspection_charts
from alexnet_viz.network import tables
from alexnet_viz.network.fields import visible_box
from alexnet_viz.pictures import images, render
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import messages
from pages.ui.choose import models, pictures
from pages.ui.feature_maps import switchboard as feature_maps_switchboard
from pages.ui.feature_maps.view import View, order_and_range, pick_channel
from pages.ui.store import networks
from pages.ui.widgets import by_hand, downloads
from pages.ui.widgets.layout import Tabs
from pages.ui.widgets.pixels import map_picker
from pages.ui.widgets.show import FIXED

if TYPE_CHECKING:
    from alexnet_viz.inspection.maps import Statistics

MAP_WIDTH = 330  # pixels on the screen


def channels(t: Translator, view: View) -> None:
    """All channels of the layer, one of which is chosen by a click."""
    pick_channel(t, view, view.montage())
    order_and_range(t)
    if not view.model.trained:
        st.warning(t("These weights are random: the maps show what the network does, not what it has learnt."))


def photo(t: Translator, view: View) -> None:
    """What the network saw, with the field of the chosen channel's strongest answer; and how to sort."""
    from alexnet_viz.inspection.maps import peak

    at = peak(view.values[view.channel])
    box = visible_box(view.model.network.spec, view.layer, *at)
    edges = (box.left, box.top, box.right, box.bottom) if box else (0, 0, 0, 0)
    number = {"number": view.channel, "layer": view.layer}
    st.image(
        render.outlined(seen(view), edges),
        caption=t("Unit {number} of {layer} sees the whole picture.", **number)
        if view.flat
        else t("Here channel {number} of {layer} answers most.", **number),
        width="stretch",
        output_format="PNG",
        alt=t("What the network saw, with the place of the strongest answer outlined"),
    )
    found = view.statistics
    st.caption(
        t(
            "Shape {shape}. {dead} of {count} show nothing above zero, {saturated} are saturated; {zeros:.0%} of all "
            "values are not above zero.",
            shape=" x ".join(map(str, view.values.shape)),
            dead=int(found.dead.sum()),
            count=len(found),
            saturated=int(found.saturated.sum()),
            zeros=float(found.sparsity.mean()),
        )
    )


def seen(view: View) -> Image.Image:
    """The preprocessed picture turned back into one that people can see."""
    return view.chosen.entry.preprocess.from_array(view.input)


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
    with over:
        st.markdown(f"**{t('Over the photo')}**")
        heat = values if not view.flat else values.reshape(1, 1)
        st.image(
            render.overlaid(seen(view), heat, extreme(heat)),
            caption=t(
                "Orange above zero, blue below; from {low:.4g} to {high:.4g}.",
                low=float(values.min()),
                high=float(values.max()),
            ),
            width="stretch",
            output_format="PNG",
            alt=t("The channel's map laid over the photo"),
        )
    with made:
        _filter(t, view)
        if not view.flat:
            st.markdown(f"**{t('How its values are spread')}**")
            st.plotly_chart(
                inspection_charts.distribution(*histogram(values), t("Value"), t("Positions")),
                config=FIXED,
                key="channel_histogram",
                alt=t("Histogram of the channel's values"),
            )


def _enlarged(t: Translator, view: View, values: np.ndarray, at: tuple[int, int]) -> None:
    rows, columns = values.shape
    label = t(
        "Channel {channel} of {layer}, {rows} x {columns}",
        channel=view.channel,
        layer=view.layer,
        rows=rows,
        columns=columns,
    )
    map_picker(
        t,
        label,
        values,
        key=f"map_at_{view.layer}_{view.channel}_{view.model.digest[:8]}_{view.picture.digest[:8]}",
        width=MAP_WIDTH,
        limit=float(view.limits()[view.channel]),
        default=at,
    )
    st.caption(
        t(
            "Largest value {high:.4g} at row {row}, column {column}; mean {mean:.4g}. One value is one square.",
            high=float(values.max()),
            row=at[0],
            column=at[1],
            mean=float(values.mean()),
        )
    )


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
    first = kernel.shape[1] == 3
    png = (
        images.encode(Image.fromarray(rgb_tiles(kernel)[0]).resize((220, 220), Image.Resampling.NEAREST))
        if first
        else render.diverging(input_norm(kernel)[0], side=220)
    )
    size = " x ".join(map(str, kernel.shape[1:]))
    caption = t("{size}, as colours", size=size) if first else t("{size}: the norm over its input channels", size=size)
    st.image(png, caption=caption, width=160, output_format="PNG", alt=t("The filter's weights"))


def _hand(t: Translator, view: View) -> None:
    outputs = networks.outputs(view.model, view.picture)
    by_hand.at_position(t, view.model.network, outputs, seen(view), view.layer, view.channel)


def _two(t: Translator, view: View) -> None:
    """Another picture, or another model, at the same layer."""
    what = st.segmented_control(
        t("Beside it"),
        ["picture", "model"],
        default="picture",
        format_func={"picture": t("Another picture"), "model": t("Another network")}.__getitem__,
        required=True,
        key=f"two_what_{t.language}",
    )
    other = _other_picture(t, view) if what == "picture" else _other_model(t, view)
    sides = (view, other)
    limits = [side.limits() for side in sides]
    if what == "picture":
        limits = [np.maximum(*limits)] * 2
    for place, side, limit in zip(st.columns(2, gap="medium"), sides, limits, strict=True):
        with place:
            _side(t, side, limit, named=what == "model")
    if what == "picture":
        st.caption(t("Each channel has the same colours on both sides."))


def _side(t: Translator, view: View, limits: np.ndarray, *, named: bool) -> None:
    st.markdown(f"**{messages.escape(view.chosen.title(t) if named else view.picture.name)}**, {view.layer}")
    sheet = render.vector(view.values, float(limits.max())) if view.flat else render.montage(view.values, limits)
    st.image(
        sheet.png,
        caption=t("All {count} channels of {layer}", count=len(view.values), layer=view.layer),
        width="stretch",
        output_format="PNG",
        alt=t("All {count} channels of {layer}", count=len(view.values), layer=view.layer),
    )
    if view.flat:
        return
    low, high = st.columns([1, 2], vertical_alignment="center")
    channel = view.values[view.channel]
    low.image(
        render.diverging(channel, float(limits[view.channel]), side=160),
        width=160,
        output_format="PNG",
        alt=t("Channel {number} of {layer}", number=view.channel, layer=view.layer),
    )
    high.caption(
        t(
            "Channel {number}: mean {mean:.4g}, largest {high:.4g}",
            number=view.channel,
            mean=float(channel.mean()),
            high=float(channel.max()),
        )
    )


def _other_picture(t: Translator, view: View) -> View:
    others = [picture for picture in pictures.all_pictures(t) if picture.digest != view.picture.digest]
    names = {picture.id: picture.name for picture in others}
    picked = st.selectbox(
        t("The other picture"), list(names), format_func=names.__getitem__, key=f"two_picture_{t.language}_{len(names)}"
    )
    picture = next(picture for picture in others if picture.id == picked)
    return View(view.chosen, view.model, picture, view.layer, view.order_by, view.scale)


def _other_model(t: Translator, view: View) -> View:
    from alexnet_viz.network.spec import layer_names

    second = models.second_model(t, view.chosen)
    with st.skeleton(height=200):
        model = networks.load(second)
    names = layer_names(model.network.spec.layers)
    layer = st.selectbox(
        t("Its layer"),
        names,
        index=names.index(view.layer) if view.layer in names else 0,
        key=f"two_layer_{second.entry.id}_{view.layer}",
    )
    return View(second, model, view.picture, layer, view.order_by, view.scale)


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
        downloads.save(
            t("This channel's values (CSV)"),
            lambda: downloads.grid_csv(view.values[view.channel]),
            f"{name}-{view.channel}.csv",
            "text/csv",
        )


def _state(found: "Statistics", i: int) -> str:
    if found.dead[i]:
        return N_("dead on this picture")
    return N_("saturated") if found.saturated[i] else ""


TABS: Tabs = {
    "channel": (N_("The chosen channel"), _channel),
    "hand": (N_("Worked by hand"), _hand),
    "beside": (N_("Side by side"), _two),
    "off": (N_("Switch channels off"), feature_maps_switchboard.switchboard),
    "matters": (N_("What matters?"), feature_maps_switchboard.ranking),
    "table": (N_("Numbers"), _table),
}
