"""The attribution page's lazy tabs: the method, several methods, layers or classes at once, and tests of a map."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from alexnet_viz.pictures.samples import SAMPLES
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.labels import class_name
from alexnet_viz.words.numbers import percent
from pages.ui import long_work
from pages.ui.attribution import job, paint, trust
from pages.ui.attribution.choose import change_settings, method_titles, settings_of
from pages.ui.attribution.request import MapRequest
from pages.ui.choose.classes import best_first, pick_class
from pages.ui.messages import class_words
from pages.ui.store import networks
from pages.ui.widgets import downloads, show
from pages.ui.widgets.layout import Tabs, tiles

if TYPE_CHECKING:
    from alexnet_viz.inspection.attribution.attribute import Attribution

GRID = ["gradcam", "layercam", "guided_gradcam", "saliency", "input_x_gradient", "guided_backprop"]


def _about(t: Translator, request: MapRequest, answer: "Attribution | None") -> None:
    """What the method computes, its settings, and the answer's files."""
    from alexnet_viz.inspection.attribution.methods import METHODS

    method = METHODS[request.method]
    says, sets = st.columns(2, gap="large")
    with says:
        st.markdown(f"#### {t(method.title)}\n{t(method.summary)}")
        st.markdown(f"**{t('Where it departs from its paper')}**\n\n{t(method.departs)}")
        st.markdown(f"**{t('What it costs')}**\n\n{t(method.cost)}")
        if answer and answer.completeness:
            error = percent(min(9.99, answer.completeness.error))
            why = t("The map's sum against the logit of the picture minus that of the baseline.")
            st.metric(t("Off by, of the logit's difference"), error, help=why)
    with sets:
        change_settings(t, request)
    if answer:
        _files(t, request, answer)


def _files(t: Translator, request: MapRequest, answer: "Attribution") -> None:
    name = f"{request.model.entry.id}-{answer.method}-{answer.class_id}"
    record = {
        "model": request.model.entry.id,
        "method": answer.method,
        "layer": answer.layer or None,
        "class": answer.class_id,
        "probability": round(answer.probability, 6),
        "settings": dict(answer.settings),
        "seconds": round(answer.seconds, 4),
    }
    with st.container(horizontal=True):
        downloads.save(t("Picture (PNG)"), lambda: paint.as_set(request, answer.heat), f"{name}.png", "image/png")
        downloads.save(t("Map (NPZ)"), lambda: downloads.npz({"heat": answer.heat}), f"{name}.npz", "application/zip")
        downloads.save(t("Map (CSV)"), lambda: downloads.grid_csv(answer.heat), f"{name}.csv", "text/csv")
        downloads.save(t("Settings (JSON)"), json.dumps(record, indent=2), f"{name}.json", "application/json")


def _grid(t: Translator, request: MapRequest, answer: "Attribution | None") -> None:
    """Several methods with the same class, each with its time."""
    titles = {method_id: t(title) for method_id, title in method_titles().items()}
    picked = st.pills(
        t("Methods"),
        list(titles),
        selection_mode="multi",
        default=GRID,
        format_func=titles.__getitem__,
        key=f"heat_grid_{t.language}",
    )
    for place, method_id in zip(tiles(len(picked), 190), picked, strict=True):
        with place:
            st.markdown(f"**{titles[method_id]}**")
            _one_of_many(t, replace(request, method=method_id, settings=settings_of(method_id)))


def _one_of_many(t: Translator, request: MapRequest) -> None:
    answer = long_work.run(t, job.map_work(t, request), at_once=True)
    if answer is None:
        return
    shown = paint.as_signed(request, answer.heat)
    caption = t("{milliseconds} ms", milliseconds=round(1000 * answer.seconds))
    show.picture(paint.over_photo(request, shown), paint.speaks_for(t, answer), caption)
    if shown.max() <= 0 and not paint.signed():
        st.caption(t("Blank: nothing here speaks for the class."))


def _layers(t: Translator, request: MapRequest, answer: "Attribution | None") -> None:
    """Grad-CAM at every convolution at once."""
    from alexnet_viz.network.spec import walk

    names = [row.name for row in walk(request.model.network.spec).rows if row.kind == "conv"]
    st.markdown(
        t("Grad-CAM at every convolution: early layers see edges anywhere, the last one sees things in their place.")
    )
    for place, name in zip(tiles(len(names), 150), names, strict=True):
        with place:
            st.markdown(f"**{name}**")
            _one_of_many(t, replace(request, method="gradcam", layer=name, settings=()))


def _two(t: Translator, request: MapRequest, answer: "Attribution | None") -> None:
    """Two classes against each other, and their difference."""
    classes = best_first(networks.answer(request.model, request.picture))
    others = [class_id for class_id in classes if class_id != request.class_id]
    key = f"heat_other_{t.language}_{request.class_id}_{request.picture.digest[:8]}"
    other_id = pick_class(t, t("Against the class"), others, key=key)
    first, second, difference = st.columns(3, gap="medium")
    with first:
        other = long_work.run(t, job.map_work(t, replace(request, class_id=other_id)), at_once=True)
    if answer is None or other is None:
        return
    shared = max(paint.limit(answer.heat), paint.limit(other.heat))
    for place, found in ((first, answer), (second, other)):
        place.markdown(f"**{class_words(found.class_id, t)}** · {percent(found.probability)}")
        png = paint.over_photo(request, found.heat, shared)
        show.picture(png, paint.speaks_for(t, found), of=place)
    one, two = class_words(answer.class_id, t), class_words(other.class_id, t)
    difference.markdown(f"**{t('{first} minus {second}', first=one, second=two)}**")
    one, two = class_name(answer.class_id, t.language), class_name(other.class_id, t.language)
    alt = t("Orange speaks for {first}, blue for {second}", first=one, second=two)
    show.picture(paint.over_photo(request, answer.heat - other.heat), alt, of=difference)
    shows = SAMPLES[request.picture.id].classes if request.picture.id in SAMPLES else ()
    if len(shows) == 2 and set(shows) <= set(classes):
        _where_each_lies(t, shows, answer, other)


def _where_each_lies(t: Translator, shows: Sequence[str], *found: "Attribution") -> None:
    """Of a picture with one thing in either half: how much of each class's map lies on which side."""
    from alexnet_viz.inspection.attribution.attribute import importance, left_share

    names = {"first": class_words(shows[0], t), "second": class_words(shows[1], t)}
    shares = {one.class_id: percent(left_share(importance(one.heat, one.method))) for one in found}
    if set(shares) != set(shows):
        text = N_(
            "This picture shows two things, {first} and {second}: choose these two classes, and see where each lies."
        )
        st.caption(t(text, **names))
        return
    text = N_(
        "This picture shows two things side by side. Of this method's map for {first}, {first_left} lies in the left "
        "half; of that for {second}, {second_left}."
    )
    st.caption(t(text, **names, first_left=shares[shows[0]], second_left=shares[shows[1]]))


TABS: Tabs = {
    "about": (N_("Method"), _about),
    "grid": (N_("Side by side"), _grid),
    "layers": (N_("Every layer"), _layers),
    "classes": (N_("Two classes"), _two),
    "recipe": (N_("By hand"), trust.recipe),
    "trust": (N_("Trust"), trust.trust),
    "cover": (N_("Cover a part"), trust.cover),
}
