"""A walk through the network, made for a projector: one slider from the pixels to the answer."""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import streamlit as st

from alexnet_viz.network.spec import Activation, Conv, Pool, Row
from alexnet_viz.network.spec import walk as walked
from alexnet_viz.pictures import images, render
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import percent
from pages.ui import long_work
from pages.ui.feature_maps.view import View, montage
from pages.ui.long_work import LongWork
from pages.ui.messages import class_words
from pages.ui.session import Choice
from pages.ui.store import networks
from pages.ui.widgets import bars, show
from pages.ui.widgets.layout import slide

PHOTO, SOFTMAX = "photo", "softmax"
STEP = Choice("step", PHOTO)
STRONGEST = 12  # maps shown of a layer, those with the highest values

_KINDS = {
    "conv": N_("Each filter slides over everything before it and answers where it finds its pattern."),
    "lrn": N_("Strong channels hold their neighbours down."),
    "batch_norm": N_("Each channel is brought to a common scale."),
    "adaptive_pool": N_("Whatever the size of the map, a fixed number of means goes on."),
    "dropout": N_("It acts in training only: here everything passes."),
    "flatten": N_("The maps are laid out in one long row of numbers: from here on there is no above and below."),
    "linear": N_("Each unit weighs every number before it."),
}
_FUNCTIONS = {
    "relu": N_("Everything below zero becomes zero: what remains is what was found."),
    "tanh": N_("Every number is squeezed between -1 and 1; large ones are told apart no more."),
    "sigmoid": N_("Every number is squeezed between 0 and 1; large ones are told apart no more."),
}
_POOLS = {
    "max": N_("Of each window only the strongest answer goes on: where exactly matters less now."),
    "avg": N_("Of each window the mean goes on: where exactly matters less now."),
}
_GROUPED = N_(
    "Each filter slides over the maps of its own group, {maps} of {all}, and answers where it finds its pattern."
)


def walk(t: Translator, view: View) -> None:
    """One slider; what the network holds there, and what is left of the photo."""
    if not view.model.trained:
        st.warning(t("These weights are random: the maps show what the network does, not what it has learnt."))
    rows = {row.name: row for row in walked(view.model.network.spec).rows}
    titles = {PHOTO: t("the photo"), **{name: name for name in rows}, SOFTMAX: t("the answer")}
    at = slide(
        t("From the pixels to the answer"), titles, STEP, key=f"walk_{hash(tuple(rows))}_{t.language}", say=titles.get
    )
    if at == PHOTO:
        _photo(t, view)
    elif at == SOFTMAX:
        _answer(t, view)
    else:
        row = rows[at]
        size = f"{' x '.join(map(str, row.shape))} = {math.prod(row.shape):,}"
        st.markdown(f"### {at} · {size}\n{_what_it_does(t, row)}")
        _layer(t, view, at)


def _what_it_does(t: Translator, row: Row) -> str:
    """One sentence about a layer, by its own settings."""
    match row.layer:
        case Conv(groups=groups) if groups > 1:
            return t(_GROUPED, maps=row.input[0] // groups, all=row.input[0])
        case Activation(function=function):
            return t(_FUNCTIONS[function])
        case Pool(mode=mode):
            return t(_POOLS[mode])
    return t(_KINDS[row.kind])


def _photo(t: Translator, view: View) -> None:
    shape = " x ".join(map(str, view.model.network.spec.input))
    says = t("All that the network ever gets: a number for each colour of each pixel.")
    st.markdown(f"### {t('The photo')} · {shape}\n{says}")
    show.picture(images.encode(view.seen), t("What the network saw"), width=420)


def _answer(t: Translator, view: View) -> None:
    answer = networks.answer(view.model, view.picture)
    class_id, share = answer.top(1)[0]
    said = f"{class_words(class_id, t)} · {percent(share)}"
    st.markdown(f"### {said}\n{t('Softmax turns the last numbers into probabilities.')}")
    bars.best(t, answer.top(5), "walk_bars")


def _layer(t: Translator, view: View, layer: str) -> None:
    from alexnet_viz.inspection.maps import energy, limits, order, statistics

    values = view.layers[layer]
    flat = values.ndim == 1
    strongest, where, left = st.columns([4, 3, 3], gap="medium")
    best = slice(None) if flat else order(statistics(values), "maximum")[:STRONGEST]
    sheet = montage(values[best], limits(view.layers, layer, "unit")[best], 560)
    strongest.markdown(f"**{t('Its strongest channels')}**")
    show.picture(sheet.png, t("The strongest channels of {layer}", layer=layer), of=strongest)
    where.markdown(f"**{t('Where it answers')}**")
    if flat:
        where.caption(t("A fully connected layer has no places any more."))
    else:
        heat = energy(values)
        png = render.overlaid(view.seen, heat - heat.min(), float(heat.max() - heat.min()))
        show.picture(png, t("All channels of {layer} together, over the photo", layer=layer), of=where)
    with left:
        st.markdown(f"**{t('What is left of the photo')}**")
        _left(t, view, layer)


def _left(t: Translator, view: View, layer: str) -> None:
    """The photo rebuilt from this layer's numbers alone; once switched on, at every step of the walk."""
    if not st.toggle(t("Rebuild it"), key="walk_rebuild"):
        st.caption(t("A search for a picture with the same numbers at this layer. It takes some seconds a layer."))
        return
    key = ("invert", view.model.digest, view.picture.digest, layer)
    work = LongWork(key, t("Rebuild"), partial(_invert, view, layer))
    done = long_work.run(t, work, lambda step: _rebuilt(t, step.reached, layer), at_once=True)
    if done is not None:
        _rebuilt(t, done, layer)


def _rebuilt(t: Translator, step: Any, layer: str) -> None:
    # The search lowers the squared distance; its root is the distance that readers expect.
    share = percent(step.value**0.5)
    caption = t(
        "Its numbers at {layer} are {share} away from the photo's (relative distance).", layer=layer, share=share
    )
    show.picture(step.picture, t("A picture rebuilt from the numbers of {layer}", layer=layer), caption)


def _invert(view: View, layer: str) -> Iterator[Any]:
    import torch

    from alexnet_viz.inspection.maximisation import invert

    batch = torch.from_numpy(networks.input_array(view.model, view.picture))[None]  # (1, C, H, W)
    return long_work.ending_in_the_last(invert(view.model.network, view.model.entry.preprocess, layer, batch))
