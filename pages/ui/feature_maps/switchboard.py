"""The switchboard of the feature maps page: channels off, the answer beside the untouched one; and who matters most."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import streamlit as st

from alexnet_viz.charts import inspection as inspection_charts
from alexnet_viz.network import tables
from alexnet_viz.pictures import render
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import long_work
from pages.ui.choose.classes import best_first, pick_class
from pages.ui.feature_maps.view import View, choose_channel, montage
from pages.ui.long_work import LongWork
from pages.ui.messages import class_words
from pages.ui.store import networks
from pages.ui.widgets import bars, downloads, show
from pages.ui.widgets.pixels import tile_picker

_OFF = "switched_off"  # session key: digest of the weights -> layer -> set of channels
_LAST = "switched_last"  # session key: the channel clicked last
TOP = 5
SHOWN = 8  # channels of a ranking, at either end


def switched(view: View) -> dict[str, set[int]]:
    """This model's channels that are off, by layer; changing it changes the session."""
    return st.session_state.setdefault(_OFF, {}).setdefault(view.model.digest, {})


def as_key(off: dict[str, set[int]]) -> networks.Off:
    """The same, hashable; layers with nothing off do not count."""
    return tuple((layer, tuple(sorted(channels))) for layer, channels in sorted(off.items()) if channels)


def switchboard(t: Translator, view: View) -> None:
    """Click channels to switch them off; the answer moves."""
    off = switched(view)
    board, answers = st.columns([3, 2], gap="medium")
    with board:
        _board(t, view, off)
    with answers:
        _answers(t, view, as_key(off))


def _board(t: Translator, view: View, off: dict[str, set[int]]) -> None:
    here = off.setdefault(view.layer, set())
    values = view.values.copy()
    values[sorted(here)] = 0
    names = [t("{number}: off", number=i) if i in here else str(i) for i in range(len(values))]

    def toggle(channel: int) -> None:
        st.session_state[_LAST] = channel
        here.symmetric_difference_update({channel})

    tile_picker(
        t,
        t("{layer}: choose a channel to switch it off or on", layer=view.layer),
        montage(values, view.limits),
        names,
        toggle,
        key=f"board_{view.model.digest[:8]}_{view.layer}",
        at=st.session_state.get(_LAST),
        width=560,
    )
    with st.container(horizontal=True):
        everything = set(range(len(values)))
        st.button(t("All on"), on_click=off.clear, disabled=not any(off.values()), key="board_on")
        only, others = t("All off but channel {number}", number=view.channel), everything - {view.channel}
        st.button(only, on_click=here.update, args=(others,), key="board_only")
        swap = here.symmetric_difference_update
        st.button(t("The other way round"), on_click=swap, args=(everything,), key="board_x")
    counts = [t("{layer}: {count} off", layer=layer, count=len(those)) for layer, those in off.items() if those]
    st.caption(", ".join(counts) or t("Nothing is switched off. A channel that is off is zero everywhere."))


def _answers(t: Translator, view: View, off: networks.Off) -> None:
    from alexnet_viz.inspection.classify import softmax

    before = networks.answer(view.model, view.picture).probabilities
    after = softmax(networks.switched_off(view.model, view.picture, off))
    classes, shown = view.model.classes, bars.contested(before, after, TOP)
    winner = int(after.argmax())
    st.subheader(f"{class_words(classes[winner], t)} · {after[winner]:.0%}", anchor=False)
    bars.before_and_after(t, classes, before, after, shown, (t("untouched"), t("now")), "board_bars")
    _gradcam(t, view, classes[shown[0]], off)


def _gradcam(t: Translator, view: View, class_id: str, off: networks.Off) -> None:
    """Grad-CAM of the untouched network's class, without and with the channels off."""
    from alexnet_viz.inspection.attribution.attribute import map_layer

    layer = map_layer(view.model.network.spec)
    recipes = (networks.gradcam_recipe(view.model, view.picture, layer, class_id, which) for which in ((), off))
    maps = [recipe.enlarged_rectified for recipe in recipes]
    shared = max(float(heat.max()) for heat in maps)
    for place, heat, title in zip(st.columns(2), maps, (t("untouched"), t("now")), strict=True):
        caption = t("Grad-CAM, {when}", when=title)
        show.picture(render.overlaid(view.seen, heat, shared), caption, caption, of=place)


def ranking(t: Translator, view: View) -> None:
    """Which single channel of this layer matters most for a class: each one is really switched off."""
    answer = networks.answer(view.model, view.picture)
    key = f"rank_class_{t.language}_{view.model.digest[:8]}_{view.picture.digest[:8]}"
    picked = pick_class(t, t("For the class"), best_first(answer), key=key)
    index = answer.classes.index(picked)
    work = LongWork(
        ("rank", view.model.digest, view.picture.digest, view.layer, index),
        t("Switch off each of the {count} channels of {layer}", count=len(view.values), layer=view.layer),
        partial(_rank, view, index),
        t("One run of the rest of the network for each channel that is not zero already."),
    )
    found = long_work.run(t, work)
    if found is None:
        return
    order = found.order
    ends = list(dict.fromkeys([*order[:SHOWN], *order[-SHOWN:]])) if len(order) > 2 * SHOWN else list(order)
    best = int(order[0])
    text = N_(
        "**Channel {number}** matters most: without it the logit of {name} falls by {drop:.3f}, its probability by "
        "{points:.1f} points. Below zero: without that channel the class does better."
    )
    drop, points = found.logit_drop[best], 100 * found.probability_drop[best]
    st.markdown(t(text, number=best, name=class_words(picked, t), drop=drop, points=points))
    figure = inspection_charts.ranking(ends, found.logit_drop[ends], t("Fall of the logit without the channel"))
    show.chart(figure, ", ".join(f"{i}: {found.logit_drop[i]:+.3f}" for i in ends), "rank_bars")
    rows = [
        {
            t("Channel"): int(i),
            t("Fall of the logit"): round(float(found.logit_drop[i]), 6),
            t("Fall of the probability"): round(float(found.probability_drop[i]), 6),
        }
        for i in order
    ]
    with st.container(horizontal=True):
        open_it = t("Show channel {number}", number=best)
        st.button(open_it, on_click=choose_channel, args=(best,), key="rank_show", icon=":material/search:")
        name = f"{view.model.entry.id}-{view.layer}-{picked}.csv"
        downloads.save(t("Table (CSV)"), tables.as_csv(rows), name, "text/csv")


def _rank(view: View, index: int) -> Iterator[Any]:
    from alexnet_viz.inspection.ablation import rank_channels

    outputs = networks.outputs(view.model, view.picture)
    return rank_channels(view.model.network, outputs, view.layer, index)
