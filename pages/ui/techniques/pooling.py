"""Pooling on the techniques page: windows on a real map, what a small shift does, and which values get through."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.inspection.by_hand import WorkedPool
from alexnet_viz.inspection.maps import order, statistics
from alexnet_viz.inspection.techniques import pooling
from alexnet_viz.pictures import render
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import percent
from pages.ui.choose import pictures
from pages.ui.store import networks
from pages.ui.techniques import cached, parts
from pages.ui.widgets import show
from pages.ui.widgets.layout import Tabs, pick, tiles
from pages.ui.widgets.pixels import Cell, pixel_picker

MODEL = "alexnet_200"
WIDTH = 275  # pixels of a drawn map at most; a pooled one has the same pixels a value
_AT = "pooling_at"  # session key: the output position that was clicked last

LAYERS: Mapping[str, tuple[str, str]] = {  # layer: what it feeds, and the seed document's name of that
    "relu1": ("pool1", "Pool1"),
    "relu2": ("pool2", "Pool2"),
    "relu5": ("pool5", "Pool3"),
}
TITLES: Mapping[str, str] = {
    "overlapping": N_("Maximum, 3x3 by 2 (AlexNet)"),
    "apart": N_("Maximum, 2x2 by 2"),
    "average": N_("Mean, 2x2 by 2"),
}


@dataclass(frozen=True)
class _Map:
    """A chosen map of the current photo."""

    layer: str
    channel: int
    values: np.ndarray  # (H, W)


def windows(t: Translator) -> None:
    """One map pooled three ways; one output of each with its window."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with right:
        pictures.picture_popover(t)
    with left:
        chosen = _choose_map(t, "windows")
    pixels = max(1, WIDTH // max(chosen.values.shape))  # on the screen for one value
    limit = float(chosen.values.max())
    st.caption(t("Click a value of a small map, or use the arrow keys and Enter: its window appears on the large one."))
    for place, (name, pool) in zip(tiles(len(pooling.POOLINGS), WIDTH), pooling.POOLINGS.items(), strict=True):
        small = pooling.pooled(chosen.values, pool)
        at = _position(small.shape)
        seen = pooling.window(chosen.values, pool, *at)
        with place:
            st.markdown(f"**{t(TITLES[name])}**")
            _input(t, chosen, seen, limit)
            _output(t, chosen, name, small, at, limit, pixels)
            st.latex(_matrix(seen))
            covered = pooling.coverage(chosen.values.shape, pool)
            st.caption(
                t(
                    "In more than one window: {share} of the values. In none, at the edge: {unread}.",
                    share=percent(covered.shared),
                    unread=covered.unread,
                )
            )


def _input(t: Translator, chosen: _Map, seen: WorkedPool, limit: float) -> None:
    height, width = chosen.values.shape
    drawn = Image.open(io.BytesIO(render.diverging(chosen.values, limit)))
    box = seen.box
    show.picture(
        render.outlined(drawn, (box.left, box.top, box.right, box.bottom)),
        t(
            "Channel {number} of {layer}; the window reaches from row {top}, column {left} to row {bottom}, "
            "column {right}",
            number=chosen.channel,
            layer=chosen.layer,
            top=box.top,
            left=box.left,
            bottom=box.bottom - 1,
            right=box.right - 1,
        ),
        t(
            "{height} x {width}, from {low:.3g} to {high:.3g}",
            height=height,
            width=width,
            low=chosen.values.min(),
            high=chosen.values.max(),
        ),
    )


def _output(t: Translator, chosen: _Map, name: str, small: np.ndarray, at: Cell, limit: float, pixels: int) -> None:
    rows, columns = small.shape
    pixel_picker(
        t,
        t("{title}: {rows} x {columns} values", title=t(TITLES[name]), rows=rows, columns=columns),
        render.diverging(small, limit),
        rows,
        columns,
        key=f"pooled_{name}_{chosen.layer}",
        width=pixels * columns,
        at=at,
        on_click=lambda cell: st.session_state.update({_AT: cell}),
        place=t("row {row}, column {column}: {value}", row="{row}", column="{column}", value="{value}"),
        values=[f"{value:.4g}" for value in small.ravel()],
    )
    st.caption(
        t(
            "{before} x {before} becomes {rows} x {columns}, from {low:.3g} to {high:.3g}",
            before=chosen.values.shape[0],
            rows=rows,
            columns=columns,
            low=small.min(),
            high=small.max(),
        )
    )


def _matrix(seen: WorkedPool) -> str:
    """The window's values, the largest in a box, and the result."""
    cells = [[f"{value:.2f}" for value in row] for row in seen.window]
    if seen.winner:
        down, across = seen.winner[0] - seen.box.top, seen.winner[1] - seen.box.left
        cells[down][across] = rf"\boxed{{{cells[down][across]}}}"
    inside = r" \\ ".join(" & ".join(row) for row in cells)
    word = r"\max" if seen.winner else r"\text{mean}"
    return rf"{word}\begin{{bmatrix}} {inside} \end{{bmatrix}} = {seen.result:.2f}"


def shift(t: Translator) -> None:
    """How far the pooled maps change when the maps move."""
    picture = pictures.current_picture(t)
    layer = _choose_layer(t, "shift")
    found = cached.shift_changes(parts.network(t, MODEL), picture, layer)
    lines = [*found.pooled.values(), found.unpooled]
    names = [*(t(TITLES[name]) for name in found.pooled), t("not pooled")]
    said = [
        t("{name}: {share} after a move by one", name=name, share=percent(line[1]))
        for name, line in zip(names, lines, strict=True)
    ]
    axes = (t("Moved by, in values of the map"), t("Relative change"))
    show.chart(technique_charts.change_by_shift(lines, names, axes), "; ".join(said), "shift_lines")
    st.markdown(
        t(
            "All maps of {layer} move to the left by one value: the windows of 3x3 change by **{first}**, those of "
            "2x2 by **{second}**, the maps themselves by {unpooled}.",
            layer=layer,
            first=percent(found.pooled["overlapping"][1]),
            second=percent(found.pooled["apart"][1]),
            unpooled=percent(found.unpooled[1]),
        )
    )
    st.caption(
        t(
            "It is the map that moves, not the photo, and only values that are there in every position count. The "
            "change is the Euclidean distance of all pooled maps to the unmoved ones, over the length of those. After "
            "a move by two the pooled maps are the old ones, one place further: windows start at every second value."
        )
    )


def which_wins(t: Translator) -> None:
    """Which values get through max pooling, and how often."""
    picture = pictures.current_picture(t)
    chosen = _choose_map(t, "wins")
    own = {name: pooling.winners(chosen.values, pool) for name, pool in pooling.MAX_POOLINGS.items()}
    most = max(found.most for found in own.values())  # one range of colours for both
    for place, (name, found) in zip(tiles(len(own), WIDTH), own.items(), strict=True):
        place.markdown(f"**{t(TITLES[name])}**")
        show.picture(
            render.diverging(found.wins.astype("float32"), most, side=WIDTH),
            t("Which values of channel {number} of {layer} win", number=chosen.channel, layer=chosen.layer),
            t(
                "{survivors:,} of {count:,} values win; one wins up to {most} windows",
                survivors=found.survivors,
                count=found.wins.size,
                most=found.most,
            ),
            of=place,
        )
    model = parts.network(t, MODEL)
    rows = [*own.values(), *(cached.winners(model, picture, chosen.layer, name) for name in own)]
    kinds = [t("{pooling}, channel {number}", pooling=t(TITLES[name]), number=chosen.channel) for name in own]
    show.table(
        {
            t("Pooling"): [*kinds, *(t("{pooling}, all channels", pooling=t(TITLES[name])) for name in own)],
            t("Windows"): [found.outputs for found in rows],
            t("without a winner"): [found.level for found in rows],
            t("winner shared with a neighbour"): [percent(found.sharing) for found in rows],
            t("Values that get through"): [found.survivors for found in rows],
            t("of all values"): [percent(found.surviving) for found in rows],
        }
    )
    st.caption(
        t(
            "White: wins no window and goes no further. The darker, the more windows it wins. Windows of equal values, "
            "all zero after the ReLU, have no winner."
        )
    )


def _choose_layer(t: Translator, experiment: str) -> str:
    def say(names: tuple[str, str]) -> str:
        name, seed_name = names
        return name if name == seed_name.lower() else t("{name} (seed: {seed_name})", name=name, seed_name=seed_name)

    return pick(t, t("Maps that arrive at"), LAYERS, say=say, segments=True, key=f"{experiment}_layer")


def _choose_map(t: Translator, experiment: str) -> _Map:
    """A layer and a channel, first the one with the largest mean."""
    picture = pictures.current_picture(t)
    layers, channels = st.columns([3, 2], vertical_alignment="bottom")
    with layers:
        layer = _choose_layer(t, experiment)
    maps = networks.layers(parts.network(t, MODEL), picture)[layer]
    strongest = int(order(statistics(maps), "mean")[0])
    channel = channels.number_input(
        t("Channel"), 0, len(maps) - 1, strongest, key=f"{experiment}_channel_{layer}_{picture.digest[:8]}"
    )
    return _Map(layer, channel, maps[channel])


def _position(shape: tuple[int, int]) -> Cell:
    """The clicked output, as far as a map of this shape has it; at first its middle."""
    rows, columns = shape
    row, column = st.session_state.get(_AT, (rows // 2, columns // 2))
    return min(row, rows - 1), min(column, columns - 1)


EXPERIMENTS: Tabs = {
    "windows": (N_("What does each window see?"), windows),
    "shift": (N_("What if the map moves a little?"), shift),
    "wins": (N_("Which values get through?"), which_wins),
}
