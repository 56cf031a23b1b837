"""The tabs of the attribution page that look behind a map: its recipe, its tests, and the reader's own test."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from alexnet_viz.charts import inspection as inspection_charts
from alexnet_viz.pictures import images, render
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import percent
from pages.ui import long_work
from pages.ui.attribution import cached, job, paint
from pages.ui.attribution.request import MapRequest
from pages.ui.long_work import LongWork
from pages.ui.messages import class_words
from pages.ui.session import Choice
from pages.ui.store import networks
from pages.ui.widgets import bars, show
from pages.ui.widgets.box import box_picker
from pages.ui.widgets.layout import pick, tiles
from pages.ui.widgets.pixels import map_picker

if TYPE_CHECKING:
    from alexnet_viz.inspection.attribution.attribute import Attribution

TEST = Choice("test", "random")
SHOWN = 6  # channels of the recipe
SUM_WIDTH = 280  # pixels of a small map on the screen


def recipe(t: Translator, request: MapRequest, answer: "Attribution | None") -> None:
    """Grad-CAM step by step, with the real numbers."""
    worked = networks.gradcam_recipe(request.model, request.picture, request.layer, request.class_id, ())
    count, height, width = worked.maps.shape
    text = N_(
        "**1.** The {count} maps of {layer}, {height} x {width} each, and the gradient of the logit of {name} by "
        "every value of them. A map's weight is the mean of its gradients (equation 1):"
    )
    name = class_words(worked.class_id, t)
    st.markdown(t(text, count=count, layer=worked.layer, height=height, width=width, name=name))
    st.latex(r"\alpha_k = \frac{1}{Z} \sum_{i,j} \frac{\partial y}{\partial A^k_{ij}}")
    best = worked.top[:SHOWN]
    for place, k in zip(tiles(len(best), 120), map(int, best), strict=True):
        caption = t("map {number}: weight {weight:+.4f}", number=k, weight=worked.weights[k])
        alt = t("Channel {number} of {layer}", number=k, layer=worked.layer)
        show.picture(render.diverging(worked.maps[k], side=120), alt, caption, of=place)
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
    *small, large = st.columns(3, gap="medium")
    extreme = paint.limit(worked.weighted_sum)
    maps = {"recipe_sum": worked.weighted_sum, "recipe_relu": worked.rectified}
    titles = (t("The sum, signed"), t("After the ReLU"))
    for place, title, (key, values) in zip(small, titles, maps.items(), strict=True):
        with place:
            st.markdown(f"**{title}**")
            label = t("A map of {rows} x {columns} values", rows=height, columns=width)
            strongest = divmod(int(np.abs(values).argmax()), width)
            map_picker(t, label, values, key=f"{key}_{height}", width=SUM_WIDTH, limit=extreme, default=strongest)
    large.markdown(f"**{t('Enlarged')}**")
    shown = worked.enlarged_rectified
    png = render.overlaid(networks.seen(request.model, request.picture), shown, paint.limit(shown))
    show.picture(png, t("Grad-CAM over the photo"), of=large)
    if worked.blank:
        reason = t("The map is blank because the weighted sum is nowhere above zero.")
        if worked.all_negative:
            reason = t("The map is blank because all {count} weights are negative or zero.", count=count)
        against = t("Nothing at this layer speaks for the class; the signed sum shows what speaks against.")
        st.info(f"{reason} {against}")


def trust(t: Translator, request: MapRequest, answer: "Attribution | None") -> None:
    """Four tests that a map may fail."""
    titles = {test: title for test, (title, _) in TESTS.items()}
    picked = pick(t, t("Test"), titles, TEST, key="heat_test", segments=True)
    if answer is None:
        st.info(t("First compute the map above."))
        return
    TESTS[picked][1](t, request, answer)


def _random(t: Translator, request: MapRequest, answer: "Attribution") -> None:
    from alexnet_viz.inspection.attribution.trust import FAILS_FROM, randomised_weights

    st.markdown(
        t(
            "A map of what a network has learnt must change when the network forgets it. Layer after layer, from the "
            "top down, gets random weights (Adebayo et al. 2018). In that paper guided backpropagation and guided "
            "Grad-CAM fail: they draw the edges of the picture, whatever the network knows."
        )
    )
    if not request.model.trained:
        st.info(t("This network has learnt nothing that it could forget: choose one with trained weights."))
        return
    work = LongWork(
        ("random weights", job.map_key(request)),
        t("Make the network forget"),
        partial(randomised_weights, request.model, _input(request), answer),
        t("The method once for each layer with weights."),
    )
    found = long_work.run(t, work)
    if found is None:
        return
    shown = [(t("trained"), "", found.original.heat)]
    shown += [(stage.layer, f": {stage.spearman:.2f}", stage.heat) for stage in found.stages]
    for place, (name, similarity, heat) in zip(tiles(len(shown), 96), shown, strict=True):
        alt = t("The map with random weights down to {layer}", layer=name)
        show.picture(paint.over_photo(request, paint.as_signed(request, heat)), alt, name + similarity, of=place)
    st.caption(
        t(
            "From left to right one more layer is random. The numbers are rank correlations with the trained map's "
            "magnitudes: 1 is the same map, 0 another one."
        )
    )
    text = N_(
        "It passes: over all stages the maps correlate {similarity:.2f} with the trained one on average, less than "
        "{limit}, from which on we call it failed. With nothing learnt left it is {last:.2f}."
    )
    if found.fails:
        text = N_(
            "It fails: over all stages the maps correlate {similarity:.2f} with the trained one on average; from "
            "{limit} on we call it failed. With nothing learnt left it is {last:.2f}."
        )
    say = st.warning if found.fails else st.success
    say(t(text, similarity=found.similarity, limit=FAILS_FROM, last=found.stages[-1].spearman))


def _curves(t: Translator, request: MapRequest, answer: "Attribution") -> None:
    from alexnet_viz.inspection.attribution.attribute import importance
    from alexnet_viz.inspection.attribution.trust import deletion_insertion

    st.markdown(
        t(
            "**Deletion:** the pixels that the map calls most important turn grey first; a good map makes the "
            "probability fall early. **Insertion:** they come first into a blurred picture; a good map makes it rise "
            "early (Petsiuk et al. 2018). Compare with a map that knows nothing."
        )
    )
    steps = partial(
        deletion_insertion, request.model, _input(request), importance(answer.heat, answer.method), answer.target
    )
    work = LongWork(("curves", job.map_key(request)), t("Delete and insert"), steps, t("About 260 passes forward."))
    curves = long_work.run(t, work)
    if curves is None:
        return
    names, axes = (t("this map"), t("a map that knows nothing")), (t("Share of the pixels"), t("Probability"))
    titles = {"deletion": t("Deletion"), "insertion": t("Insertion")}
    for place, (key, title) in zip(st.columns(2, gap="medium"), titles.items(), strict=True):
        curve = getattr(curves, key)
        areas, lines = curve.random_areas, (curve.probabilities, curve.random.mean(0))
        value = {"area": curve.area, "random": float(areas.mean())}
        with place:
            st.markdown(f"**{title}**")
            figure = inspection_charts.curves(curve.fractions, lines, names, axes)
            alt = t("{title}: area {area:.3f}, random {random:.3f}", title=title, **value)
            show.chart(figure, alt, f"curves_{key}")
            text = N_("Area under the curve: {area:.3f}; of random maps {random:.3f} ({low:.3f} to {high:.3f}).")
            st.caption(t(text, **value, low=float(areas.min()), high=float(areas.max())))


def _noise(t: Translator, request: MapRequest, answer: "Attribution") -> None:
    from alexnet_viz.inspection.attribution.trust import noise_sensitivity

    st.markdown(
        t(
            "Noise that nobody sees, 2 % of the range, and the map again, five times. Exact gradients fluctuate from "
            "pixel to pixel (Smilkov et al. 2017), so maps made of them move more than those of a layer: compare "
            "methods."
        )
    )
    steps = partial(noise_sensitivity, request.model, _input(request), answer)
    found = long_work.run(t, LongWork(("noise", job.map_key(request)), t("Add a little noise"), steps))
    if found is None:
        return
    least, most = (percent(float(bound)) for bound in (found.probabilities.min(), found.probabilities.max()))
    moved, alike, answers = st.columns(3)
    moved.metric(t("The map moved by"), percent(float(found.moved.mean())), border=True)
    alike.metric(t("Correlation with the first"), f"{found.correlations.mean():.3f}", border=True)
    answers.metric(t("Probability with noise"), f"{least} – {most}", border=True)
    st.caption(t("Moved: the distance of the maps over the length of the first one; means over five draws of noise."))


def _completeness(t: Translator, request: MapRequest, answer: "Attribution") -> None:
    found = answer.completeness or cached.completeness(request.model, request.picture, answer.heat, answer.target)
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


def _input(request: MapRequest) -> np.ndarray:
    return networks.input_array(request.model, request.picture)


TESTS: Mapping[str, tuple[str, Callable[..., None]]] = {  # by id: the title, marked for translation; what draws it
    "random": (N_("Random weights"), _random),
    "curves": (N_("Deletion and insertion"), _curves),
    "noise": (N_("A little noise"), _noise),
    "sum": (N_("Does it add up?"), _completeness),
}


def cover(t: Translator, request: MapRequest, answer: "Attribution | None") -> None:
    """Cover a part of the picture; the probabilities move."""
    from alexnet_viz.inspection.attribution.covering import COVERS
    from alexnet_viz.inspection.classify import softmax

    seen, classes = networks.seen(request.model, request.picture), request.model.classes
    where, result, answers = st.columns([3, 3, 4], gap="medium")
    with where:
        key = f"cover_{seen.height}"
        box = box_picker(t, t("Draw a box"), images.encode(seen), seen.height, seen.width, key=key, width=300)
        titles = {cover_id: cover.title for cover_id, cover in COVERS.items()}
        how = pick(t, t("Cover it with"), titles, key="cover_how")
    covered, logits = cached.covered(request.model, request.picture, tuple(box), how)
    show.picture(covered, t("The picture with the box covered"), t("What the network gets now"), of=result)
    with answers:
        before = networks.answer(request.model, request.picture).probabilities
        after = softmax(logits)
        shown = bars.contested(before, after, 4, classes.index(request.class_id))
        bars.before_and_after(t, classes, before, after, shown, (t("untouched"), t("covered")), "cover_bars")
        st.caption(
            t("Covering the hottest part should hurt more than a cold one, unless another part says the same. Try it.")
        )
