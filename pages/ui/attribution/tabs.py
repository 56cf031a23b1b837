"""The attribution page: photo, heat and words of one answer, and the lazy tabs below."""

import json
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from alexnet_viz.pictures import images
from alexnet_viz.pictures.samples import SAMPLES
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.labels import class_name
from alexnet_viz.words.numbers import percent
from pages.ui import messages
from pages.ui.attribution import trust as attribution_trust
from pages.ui.attribution.question import (
    STYLE,
    STYLES,
    Question,
    answer_now,
    drawn,
    limit,
    over_photo,
    settings_and_layer,
    settings_of,
)
from pages.ui.messages import both_words, class_words
from pages.ui.store import networks
from pages.ui.widgets import downloads
from pages.ui.widgets.layout import Tabs, tiles

if TYPE_CHECKING:
    from alexnet_viz.inspection.attribution.attribute import Attribution

GRID = ("gradcam", "layercam", "guided_gradcam", "saliency", "input_x_gradient", "guided_backprop")


def photo(t: Translator, question: Question) -> None:
    """What the network saw."""
    st.image(
        images.encode(question.seen),
        caption=t("What the network saw of {name}", name=messages.escape(question.picture.name)),
        width="stretch",
        output_format="PNG",
        alt=t("What the network saw"),
    )


def heat(t: Translator, question: Question) -> "Attribution | None":
    """The answer drawn over the photo, rectified as in the papers, or signed."""
    with st.container(height="content"):
        answer = answer_now(t, question)
        if answer is None:
            return None
        st.image(
            _as_set(question, answer),
            caption=_caption(t, answer, signed=bool(st.session_state.get("heat_signed", False))),
            width="stretch",
            output_format="PNG",
            alt=t("What speaks for {name}, drawn over the photo", name=class_name(answer.class_id, t.language)),
        )
    return answer


def _as_set(question: Question, answer: "Attribution") -> bytes:
    """The answer drawn over the photo, as the page's settings say."""
    return drawn(
        question,
        answer.heat,
        STYLE.current(STYLES),
        signed=bool(st.session_state.get("heat_signed", False)),
        percent=st.session_state.get("heat_percent", 20),
        opacity=st.session_state.get("heat_opacity", 75) / 100,
    )


def _caption(t: Translator, answer: "Attribution", *, signed: bool) -> str:
    if signed:
        return t(
            "Orange speaks for it, blue against; from {low:.3g} to {high:.3g}.",
            low=float(answer.heat.min()),
            high=float(answer.heat.max()),
        )
    return t("What speaks for it, up to {high:.3g}.", high=float(answer.heat.max()))


def words(t: Translator, question: Question, answer: "Attribution | None") -> None:
    """How the map is drawn, and what it says."""
    style = st.selectbox(
        t("Drawn"),
        list(STYLES),
        index=list(STYLES).index(STYLE.current(STYLES)),
        format_func=lambda style: t(STYLES[style]),
        key=f"heat_style_{t.language}",
    )
    changed = style != STYLE.current(STYLES)
    STYLE.remember(style)
    st.toggle(t("Signed"), key="heat_signed", help=t("Also what speaks against the class, in blue"))
    if style == "overlay":
        st.slider(t("Opacity in %"), 20, 100, 75, key="heat_opacity")
    elif style == "masked":
        st.slider(t("How many % of the pixels"), 1, 100, 20, key="heat_percent")
    if changed:
        st.rerun()
    if answer is None:
        return
    st.markdown(f"**{class_words(answer.class_id, t)}** · {percent(answer.probability)}")
    st.caption(
        t(
            "Logit {logit:.3f}. Computed in {milliseconds} ms.",
            logit=answer.logit,
            milliseconds=round(1000 * answer.seconds),
        )
    )
    for note in answer.notes:
        st.info(messages.escape(t(note)))
    if not question.model.trained:
        st.warning(t("These weights are random: the map means nothing."))


def _about(t: Translator, question: Question, answer: "Attribution | None") -> None:
    """What the method computes, its settings, and the answer's files."""
    from alexnet_viz.inspection.attribution.methods import METHODS

    method = METHODS[question.method]
    says, sets = st.columns(2, gap="large")
    with says:
        st.markdown(f"#### {t(method.title)}\n{t(method.summary)}")
        st.markdown(f"**{t('Where it departs from its paper')}**\n\n{t(method.departs)}")
        st.markdown(f"**{t('What it costs')}**\n\n{t(method.cost)}")
        if answer and answer.completeness:
            st.metric(
                t("Off by, of the logit's difference"), percent(min(9.99, answer.completeness.error)),
                help=t("The map's sum against the logit of the picture minus that of the baseline."),
            )  # fmt: skip
    with sets:
        settings_and_layer(t, question)
        if not method.settings and not method.needs_layer:
            st.caption(t("This method has nothing to set."))
    if answer:
        _files(t, question, answer)


def _files(t: Translator, question: Question, answer: "Attribution") -> None:
    name = f"{question.model.entry.id}-{answer.method}-{answer.class_id}"
    record = {
        "model": question.model.entry.id,
        "method": answer.method,
        "layer": answer.layer or None,
        "class": answer.class_id,
        "probability": round(answer.probability, 6),
        "settings": dict(answer.settings),
        "seconds": round(answer.seconds, 4),
    }
    with st.container(horizontal=True):
        downloads.save(t("Picture (PNG)"), lambda: _as_set(question, answer), f"{name}.png", "image/png")
        downloads.save(t("Map (NPZ)"), lambda: downloads.npz({"heat": answer.heat}), f"{name}.npz", "application/zip")
        downloads.save(t("Map (CSV)"), lambda: downloads.grid_csv(answer.heat), f"{name}.csv", "text/csv")
        downloads.save(t("Settings (JSON)"), json.dumps(record, indent=2), f"{name}.json", "application/json")


def _grid(t: Translator, question: Question, answer: "Attribution | None") -> None:
    """Several methods on the same question, each with its time."""
    from alexnet_viz.inspection.attribution.methods import METHODS

    picked = st.pills(
        t("Methods"),
        list(METHODS),
        selection_mode="multi",
        default=list(GRID),
        format_func=lambda method_id: t(METHODS[method_id].title),
        key=f"heat_grid_{t.language}",
    )
    for place, method_id in zip(tiles(len(picked), 190), picked, strict=True):
        with place:
            st.markdown(f"**{t(METHODS[method_id].title)}**")
            _one_of_many(t, question.asking(method=method_id, settings=settings_of(method_id)))


def _one_of_many(t: Translator, question: Question, shared: float = 0.0) -> "Attribution | None":
    answer = answer_now(t, question)
    if answer is None:
        return None
    signed = bool(st.session_state.get("heat_signed", False))
    shown = answer.heat if signed else np.maximum(answer.heat, 0)
    st.image(
        over_photo(question, shown, shared),
        caption=t("{milliseconds} ms", milliseconds=round(1000 * answer.seconds)),
        width="stretch",
        output_format="PNG",
        alt=t("What speaks for {name}, drawn over the photo", name=class_name(answer.class_id, t.language)),
    )
    if not signed and answer.heat.max() <= 0:
        st.caption(t("Blank: nothing here speaks for the class."))
    return answer


def _layers(t: Translator, question: Question, answer: "Attribution | None") -> None:
    """Grad-CAM at every convolution at once."""
    from alexnet_viz.network.spec import walk

    names = [row.name for row in walk(question.model.network.spec).rows if row.kind == "conv"]
    st.markdown(
        t("Grad-CAM at every convolution: early layers see edges anywhere, the last one sees things in their place.")
    )
    for place, name in zip(tiles(len(names), 150), names, strict=True):
        with place:
            st.markdown(f"**{name}**")
            _one_of_many(t, question.asking(method="gradcam", layer=name, settings=()))


def _two(t: Translator, question: Question, answer: "Attribution | None") -> None:
    """Two classes against each other, and their difference."""
    said = networks.answer(question.model, question.picture)
    others = [class_id for class_id, _ in said.top(len(said.classes)) if class_id != question.class_id]
    other_id = st.selectbox(
        t("Against the class"),
        others,
        format_func=lambda class_id: both_words(class_id, t),
        key=f"heat_other_{t.language}_{question.class_id}_{question.picture.digest[:8]}",
    )
    other_question = question.asking(class_id=other_id)
    first, second, difference = st.columns(3, gap="medium")
    with first:
        other = answer_now(t, other_question)
    if answer is None or other is None:
        return
    shared = max(limit(answer.heat), limit(other.heat))
    shown = [
        (first, answer.class_id, answer.heat, answer.probability),
        (second, other.class_id, other.heat, other.probability),
    ]
    for place, class_id, values, share in shown:
        with place:
            st.markdown(f"**{class_words(class_id, t)}** · {percent(share)}")
            st.image(
                over_photo(question, values, shared),
                width="stretch",
                output_format="PNG",
                alt=t("What speaks for {name}, drawn over the photo", name=class_name(class_id, t.language)),
            )
    with difference:
        names = [class_name(class_id, t.language) for class_id in (answer.class_id, other.class_id)]
        written = [class_words(class_id, t) for class_id in (answer.class_id, other.class_id)]
        st.markdown(f"**{t('{first} minus {second}', first=written[0], second=written[1])}**")
        values = answer.heat - other.heat
        st.image(
            over_photo(question, values),
            width="stretch",
            output_format="PNG",
            alt=t("Orange speaks for {first}, blue for {second}", first=names[0], second=names[1]),
        )
    shows = SAMPLES[question.picture.id].classes if question.picture.id in SAMPLES else ()
    if len(shows) == 2 and set(shows) <= set(said.classes):
        first_word, second_word = (class_words(class_id, t) for class_id in shows)
        st.caption(
            t(
                "This picture shows two things, {first} and {second}: choose these two classes, and they look at "
                "different halves.",
                first=first_word,
                second=second_word,
            )
        )


TABS: Tabs = {
    "about": (N_("Method"), _about),
    "grid": (N_("Side by side"), _grid),
    "layers": (N_("Every layer"), _layers),
    "classes": (N_("Two classes"), _two),
    "recipe": (N_("By hand"), attribution_trust.recipe),
    "trust": (N_("Trust"), attribution_trust.trust),
    "cover": (N_("Cover a part"), attribution_trust.cover),
}
