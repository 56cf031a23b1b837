"""The tabs of the attribution page that look behind a map: its recipe, its tests, and the reader's own test."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from alexnet_viz.charts import inspection as inspection_charts
from alexnet_viz.pictures import images, render
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import percent
from pages.ui import long_work
from pages.ui.attribution import cached
from pages.ui.attribution.question import Question, limit, over_photo
from pages.ui.long_work import LongWork
from pages.ui.messages import class_words
from pages.ui.store import networks
from pages.ui.widgets import bars
from pages.ui.widgets.box import box_picker
from pages.ui.widgets.layout import tiles
from pages.ui.widgets.pixels import map_picker
from pages.ui.widgets.show import FIXED

if TYPE_CHECKING:
    from alexnet_viz.inspection.attribution.attribute import Attribution

SHOWN = 6  # channels of the recipe
SUM_WIDTH = 280  # pixels of a small map on the screen


# Grad-CAM by hand


def recipe(t: Translator, question: Question, answer: "Attribution | None") -> None:
    """Grad-CAM step by step, with the real numbers."""
    worked = networks.gradcam_recipe(question.model, question.picture, question.layer, question.class_id, ())
    count, height, width = worked.maps.shape
    st.markdown(
        t(
            "**1.** The {count} maps of {layer}, {height} x {width} each, and the gradient of the logit of {name} by "
            "every value of them. A map's weight is the mean of its gradients (equation 1):",
            count=count,
            layer=worked.layer,
            height=height,
            width=width,
            name=class_words(worked.class_id, t),
        )
    )
    st.latex(r"\alpha_k = \frac{1}{Z} \sum_{i,j} \frac{\partial y}{\partial A^k_{ij}}")
    best = worked.top[:SHOWN]
    for place, k in zip(tiles(len(best), 120), best, strict=True):
        with place:
            st.image(
                render.diverging(worked.maps[k], side=120),
                caption=t("map {number}: weight {weight:+.4f}", number=int(k), weight=worked.weights[k]),
                width="stretch",
                output_format="PNG",
                alt=t("Channel {number} of {layer}", number=int(k), layer=worked.layer),
            )
    st.dataframe(
        {
            t("Channel"): [int(k) for k in best],
            t("Weight"): [float(worked.weights[k]) for k in best],
            t("Mean of the map"): [float(worked.maps[k].mean()) for k in best],
            t("Product"): [float(worked.weights[k] * worked.maps[k].mean()) for k in best],
        },
        hide_index=True,
    )
    st.markdown(t("**2.** The weighted sum of all maps, then the ReLU (equation 2), then enlarged over the photo:"))
    st.latex(r"L = \mathrm{ReLU}\Big(\sum_k \alpha_k A^k\Big)")
    summed, cut, large = st.columns(3, gap="medium")
    with summed:
        st.markdown(f"**{t('The sum, signed')}**")
        _small_map(t, worked.weighted_sum, limit(worked.weighted_sum), "recipe_sum")
    with cut:
        st.markdown(f"**{t('After the ReLU')}**")
        _small_map(t, worked.rectified, limit(worked.weighted_sum), "recipe_relu")
    with large:
        st.markdown(f"**{t('Enlarged')}**")
        shown = worked.enlarged_rectified
        st.image(
            render.overlaid(question.seen, shown, limit(shown)),
            width="stretch",
            output_format="PNG",
            alt=t("Grad-CAM over the photo"),
        )
    if worked.blank:
        reason = (
            t("The map is blank because all {count} weights are negative or zero.", count=count)
            if worked.all_negative
            else t("The map is blank because the weighted sum is nowhere above zero.")
        )
        st.info(
            f"{reason} {t('Nothing at this layer speaks for the class; the signed sum shows what speaks against.')}"
        )


def _small_map(t: Translator, values: np.ndarray, extreme: float, key: str) -> None:
    rows, columns = values.shape
    map_picker(
        t,
        t("A map of {rows} x {columns} values", rows=rows, columns=columns),
        values,
        key=f"{key}_{rows}",
        width=SUM_WIDTH,
        limit=extreme,
        default=divmod(int(np.abs(values).argmax()), columns),
    )


# Trust


def trust(t: Translator, question: Question, answer: "Attribution | None") -> None:
    """Four tests that a map may fail."""
    tests: Mapping[str, tuple[str, Callable]] = {
        "random": (N_("Random weights"), _random),
        "curves": (N_("Deletion and insertion"), _curves),
        "noise": (N_("A little noise"), _noise),
        "sum": (N_("Does it add up?"), _completeness),
    }
    picked = st.segmented_control(
        t("Test"),
        list(tests),
        default="random",
        format_func=lambda test: t(tests[test][0]),
        required=True,
        key=f"heat_test_{t.language}",
    )
    if answer is None:
        st.info(t("First compute the map above."))
        return
    tests[picked][1](t, question, answer)


def _random(t: Translator, question: Question, answer: "Attribution") -> None:
    from alexnet_viz.inspection.attribution.trust import FAILS_FROM

    st.markdown(
        t(
            "A map of what a network has learnt must change when the network forgets it. Layer after layer, from the "
            "top down, gets random weights (Adebayo et al. 2018). In that paper guided backpropagation and guided "
            "Grad-CAM fail: they draw the edges of the picture, whatever the network knows."
        )
    )
    if not question.model.trained:
        st.info(t("This network has learnt nothing that it could forget: choose one with trained weights."))
        return
    work = LongWork(
        key=("random weights", question.key),
        start=t("Make the network forget"),
        steps=lambda: _steps("randomised_weights", question, answer),
        about=t("The method once for each layer with weights."),
    )
    found = long_work.run(t, work)
    if found is None:
        return
    places = tiles(len(found.stages) + 1, 96)
    shown = [(t("trained"), None, found.original.heat)]
    shown += [(stage.layer, stage.spearman, stage.heat) for stage in found.stages]
    for place, (name, similarity, heat) in zip(places, shown, strict=True):
        caption = name if similarity is None else f"{name}: {similarity:.2f}"
        magnitude = np.abs(heat)
        place.image(
            over_photo(question, magnitude),
            caption=caption,
            width="stretch",
            output_format="PNG",
            alt=t("The map with random weights down to {layer}", layer=name),
        )
    st.caption(
        t(
            "From left to right one more layer is random. The numbers are rank correlations with the trained map's "
            "magnitudes: 1 is the same map, 0 another one."
        )
    )
    number = {"similarity": found.similarity, "limit": FAILS_FROM}
    if found.fails:
        st.warning(
            t("It fails: with nothing learnt left the map is still {similarity:.2f} similar (limit {limit}).", **number)
        )
    else:
        st.success(
            t("It passes: with nothing learnt left the similarity is {similarity:.2f} (limit {limit}).", **number)
        )


def _curves(t: Translator, question: Question, answer: "Attribution") -> None:
    st.markdown(
        t(
            "**Deletion:** the pixels that the map calls most important turn grey first; a good map makes the "
            "probability fall early. **Insertion:** they come first into a blurred picture; a good map makes it rise "
            "early (Petsiuk et al. 2018). Compare with a map that knows nothing."
        )
    )
    work = LongWork(
        key=("curves", question.key),
        start=t("Delete and insert"),
        steps=lambda: _steps("deletion_insertion", question, answer.heat, answer.target),
        about=t("About 260 passes forward."),
    )
    curves = long_work.run(t, work)
    if curves is None:
        return
    shown = [("deletion", t("Deletion"), curves.deletion), ("insertion", t("Insertion"), curves.insertion)]
    for place, (key, title, curve) in zip(st.columns(2, gap="medium"), shown, strict=True):
        area, areas = curve.area, curve.random_areas
        with place:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                inspection_charts.curves(
                    curve.fractions,
                    (curve.probabilities, curve.random.mean(0)),
                    (t("this map"), t("a map that knows nothing")),
                    (t("Share of the pixels"), t("Probability")),
                ),
                config=FIXED,
                key=f"curves_{key}",
                alt=t("{title}: area {area:.3f}, random {random:.3f}", title=title, area=area, random=areas.mean()),
            )
            st.caption(
                t(
                    "Area under the curve: {area:.3f}; of random maps {random:.3f} ({low:.3f} to {high:.3f}).",
                    area=area,
                    random=float(areas.mean()),
                    low=float(areas.min()),
                    high=float(areas.max()),
                )
            )


def _noise(t: Translator, question: Question, answer: "Attribution") -> None:
    st.markdown(
        t("Noise that nobody sees, 2 % of the range, and the map again, five times. An honest map hardly moves.")
    )
    work = LongWork(
        key=("noise", question.key),
        start=t("Add a little noise"),
        steps=lambda: _steps("noise_sensitivity", question, answer),
    )
    found = long_work.run(t, work)
    if found is None:
        return
    moved, alike, answers = st.columns(3)
    moved.metric(t("The map moved by"), percent(float(found.moved.mean())), border=True)
    alike.metric(t("Correlation with the first"), f"{found.correlations.mean():.3f}", border=True)
    answers.metric(
        t("Probability with noise"),
        f"{percent(float(found.probabilities.min()))} – {percent(float(found.probabilities.max()))}",
        border=True,
    )
    st.caption(t("Moved: the distance of the maps over the length of the first one; means over five draws of noise."))


def _completeness(t: Translator, question: Question, answer: "Attribution") -> None:
    found = answer.completeness or cached.completeness(question.model, question.picture, answer.heat, answer.target)
    st.markdown(
        t(
            "Does the map add up to what it explains, the logit of the picture minus that of a baseline? Integrated "
            "gradients promise it; Grad-CAM and gradients do not, and are no worse for that."
        )
    )
    total, difference, error = st.columns(3)
    total.metric(t("Sum of the map"), f"{found.total:.3f}", border=True)
    difference.metric(t("Difference of the logits"), f"{found.difference:.3f}", border=True)
    error.metric(t("Off by"), f"{found.error:.2%}" if found.error < 10 else "> 1000 %", border=True)


def _steps(test: str, question: Question, *asked: Any) -> Iterator[Any]:
    from alexnet_viz.inspection.attribution import trust

    return getattr(trust, test)(question.model, question.array, *asked)


# The reader's own test


def cover(t: Translator, question: Question, answer: "Attribution | None") -> None:
    """Cover a part of the picture; the probabilities move."""
    from alexnet_viz.inspection.attribution.covering import COVERS
    from alexnet_viz.inspection.classify import softmax

    seen = question.seen
    where, result, answers = st.columns([3, 3, 4], gap="medium")
    with where:
        box = box_picker(
            t,
            t("Draw a box"),
            images.encode(seen),
            seen.height,
            seen.width,
            key=f"cover_{seen.height}",
            width=300,
        )
        how = st.selectbox(
            t("Cover it with"),
            list(COVERS),
            format_func=lambda cover: t(COVERS[cover].title),
            key=f"cover_how_{t.language}",
        )
    picture, logits = cached.covered(question.model, question.picture, tuple(box), how)
    with result:
        st.image(
            picture,
            caption=t("What the network gets now"),
            width="stretch",
            output_format="PNG",
            alt=t("The picture with the box covered"),
        )
    with answers:
        before = softmax(networks.layers(question.model, question.picture)[_last(question)])
        after = softmax(logits)
        shown = list(dict.fromkeys([*before.argsort()[::-1][:4], question.model.classes.index(question.class_id),
                                    int(after.argmax())]))  # fmt: skip
        titles = (t("untouched"), t("covered"))
        bars.before_and_after(t, question.model.classes, before, after, shown, titles, "cover_bars")
        st.caption(t("If the map is right, covering its hottest part must hurt most. Try it."))


def _last(question: Question) -> str:
    from alexnet_viz.network.spec import layer_names

    return layer_names(question.model.network.spec.layers)[-1]
