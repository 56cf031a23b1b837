"""One value of a network, worked by hand on the current photo with the weights that are here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image

from alexnet_viz.network.fields import Box, visible_box
from alexnet_viz.pictures import render
from alexnet_viz.words.i18n import N_, Translator
from pages.ui.widgets import show
from pages.ui.widgets.pixels import map_picker

if TYPE_CHECKING:
    from torch import Tensor

    from alexnet_viz.inspection import by_hand
    from alexnet_viz.network.build import Network

MAP_WIDTH = 260  # pixels on the screen
KERNEL_SIDE = 220  # pixels of a drawn window or kernel


def at_position(
    t: Translator, network: "Network", outputs: "Mapping[str, Tensor]", seen: Image.Image, name: str, channel: int
) -> None:
    """Pick a position of a channel; its field on what the network saw, and its arithmetic."""
    from alexnet_viz.inspection.by_hand import work

    photo, position, sums = st.columns([3, 3, 4])
    values = outputs[name][0, channel]
    with position:
        if values.ndim:
            rows, columns = values.shape
            place = {"channel": channel, "layer": name, "rows": rows, "columns": columns}
            label = t("Channel {channel} of {layer}, {rows} x {columns}", **place)
            settings = {"key": f"hand_at_{name}_{rows}", "width": MAP_WIDTH, "default": (rows // 2, columns // 2)}
            at = map_picker(t, label, values.numpy(), **settings)
        else:
            at = 0, 0
            st.metric(t("Unit {number} of {layer}", number=channel, layer=name), f"{float(values):.4f}")
    with photo:
        field(t, seen, visible_box(network.spec, name, *at))
    with sums:
        _draw(t, work(network, outputs, name, channel, *at))


def field(t: Translator, seen: Image.Image, box: Box | None) -> None:
    """What the network saw, with the part outlined that a value depends on."""
    edges = (box.left, box.top, box.right, box.bottom) if box else (0, 0, 0, 0)
    width, height = edges[2] - edges[0], edges[3] - edges[1]
    caption = t("What this value depends on: {width} x {height} pixels", width=width, height=height)
    show.picture(render.outlined(seen, edges), t("The photo with the receptive field outlined"), caption)


def _draw(t: Translator, value: "by_hand.Worked") -> None:
    """The arithmetic, by what kind of record it is."""
    from alexnet_viz.inspection import by_hand

    match value:
        case by_hand.WorkedConv():
            _conv(t, value)
        case by_hand.WorkedPool():
            _pool(t, value)
        case by_hand.WorkedLRN():
            _lrn(t, value)
        case by_hand.WorkedLinear():
            _linear(t, value)
        case by_hand.WorkedActivation():
            st.latex(rf"\text{{{value.function}}}({value.value:.4f}) = \mathbf{{{value.result:.4f}}}")
        case by_hand.WorkedBatchNorm():
            st.latex(
                rf"\frac{{{value.value:.4f} - {value.mean:.4f}}}{{\sqrt{{{value.variance:.4f} + {value.epsilon:g}}}}}"
                rf" \cdot {value.scale:.4f} + {value.shift:.4f} = \mathbf{{{value.result:.4f}}}"
            )
        case _:
            st.markdown(t("The value passes unchanged: **{value:.4f}**.", value=value.result))


def _conv(t: Translator, value: "by_hand.WorkedConv") -> None:
    seen = value.last_channel - value.first_channel + 1
    shown = st.number_input(
        t("Input channel"), value.first_channel, value.last_channel, value.first_channel, key=f"hand_in_{value.layer}"
    )
    at = shown - value.first_channel
    parts = {t("Window"): value.window, t("Kernel"): value.kernel, t("Products"): value.products}
    for place, (title, numbers) in zip(st.columns(3), parts.items(), strict=True):
        place.markdown(f"**{title}**")
        show.picture(render.diverging(numbers[at], side=KERNEL_SIDE), title, of=place)
    with st.expander(t("The numbers of this input channel")):
        st.dataframe(np.round(value.products[at], 4), hide_index=True)
    part = float(value.products[at].sum(dtype=np.float64))
    text = N_(
        "This channel's products add up to {part:.4f}; over the {seen} input channels that the kernel sees, to "
        "{total:.4f}."
    )
    st.markdown(t(text, part=part, seen=seen, total=value.total))
    st.latex(rf"{value.total:.4f} + {value.bias:.4f} = \mathbf{{{value.result:.4f}}}")
    _activated(value)


def _pool(t: Translator, value: "by_hand.WorkedPool") -> None:
    st.dataframe(np.round(value.window, 4), hide_index=True)
    if value.winner:
        at = dict(zip(("row", "column"), value.winner, strict=True))
        st.markdown(t("The largest of {count} wins, at row {row}, column {column}:", count=value.window.size, **at))
    else:
        st.markdown(t("Their sum divided by {divisor}:", divisor=value.divisor))
    st.latex(rf"\mathbf{{{value.result:.4f}}}")


def _lrn(t: Translator, value: "by_hand.WorkedLRN") -> None:
    channels = [value.first_neighbour + i for i in range(len(value.neighbours))]
    columns = {t("Channel"): channels, t("Value"): value.neighbours, t("Squared"): value.neighbours**2}
    st.dataframe(columns, hide_index=True)
    st.latex(
        rf"\frac{{{value.value:.4f}}}{{({value.k:g} + \frac{{{value.alpha:g}}}{{{value.size}}} \cdot "
        rf"{value.squares:.3f})^{{{value.beta:g}}}}} = \frac{{{value.value:.4f}}}{{{value.denominator:.4f}}} = "
        rf"\mathbf{{{value.result:.4f}}}"
    )


def _linear(t: Translator, value: "by_hand.WorkedLinear") -> None:
    st.markdown(t("The largest of {count:,} products:", count=value.inputs))
    titles = t("Input"), t("Value"), t("Weight"), t("Product")
    columns = value.indices, value.values, value.weights, value.contributions
    st.dataframe(dict(zip(titles, columns, strict=True)), hide_index=True)
    shown = float(value.contributions.sum(dtype=np.float64))
    st.latex(rf"{shown:.4f} + {value.rest:.4f} + {value.bias:.4f} = \mathbf{{{value.result:.4f}}}")
    st.caption(t("These, all the others, and the bias."))
    _activated(value)


def _activated(value: "by_hand.WorkedConv | by_hand.WorkedLinear") -> None:
    if value.activated is not None:
        function = value.activation.rstrip("0123456789b")
        st.latex(rf"\text{{{function}}}({value.result:.4f}) = \mathbf{{{value.activated:.4f}}}")
