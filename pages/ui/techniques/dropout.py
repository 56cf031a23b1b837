"""Dropout on the techniques page: one mask, many masks against the averaged network, and the two ways to scale."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.inspection.classify import softmax
from alexnet_viz.inspection.techniques import dropout
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.pictures import render
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.labels import class_name
from alexnet_viz.words.numbers import percent
from pages.ui.choose import pictures
from pages.ui.messages import tick_words
from pages.ui.store import networks
from pages.ui.techniques import cached, parts
from pages.ui.widgets import bars, show
from pages.ui.widgets.layout import Place, Tabs, pick, tiles

MODEL = "alexnet_cifar"
SIDE = 320  # pixels of a drawn mask
TOP = 5  # classes
MASKS = 200
HIGHEST_RATE = 0.9

LAYERS: Mapping[str, str] = {
    "drop5": N_("before fc6: pool5, flattened"),
    "drop6": N_("before fc7: the outputs of fc6"),
}
NETWORKS = ("alexnet_2012", "alexnet_single", "alexnet_torchvision", MODEL)  # whose dropout stands where


def one_mask(t: Translator) -> None:
    """Training and inference side by side: the values that enter a dropout layer, and the answer."""
    where, chance, another, photo = st.columns([5, 3, 4, 4], vertical_alignment="bottom")
    with photo:
        picture = pictures.picture_popover(t)
    layer = pick(t, t("Dropout layer"), LAYERS, key="mask_layer", of=where)
    rate, seed = _rate(t, "mask", chance), _seed(t, "mask", another)
    model = parts.network(t, MODEL)
    outputs = networks.layers(model, picture)
    passed = cached.training_pass(model, picture, rate, seed)
    masked = passed.layers[layer]
    resting, working = tiles(2, SIDE)
    with resting:
        st.markdown(f"**{t('Inference: nothing is dropped')}**")
        _units(t, outputs[layer], masked.extreme, t("The values that enter {layer}", layer=layer))
    with working:
        st.markdown(f"**{t('Training: one random mask')}**")
        alt = t("The values of {layer} behind a random mask", layer=layer)
        _units(t, masked.drawn, masked.extreme, alt, masked.leaving)
    st.markdown(
        t(
            "Blue: **{dropped} of {count}** units are dropped in this step, whatever they saw. The others are "
            "multiplied by {factor:.2f}, so that sums stay the same on average. Each dropout layer draws a mask of its "
            "own; the answer below is the one with both.",
            dropped=masked.dropped,
            count=masked.kept.size,
            factor=passed.factor,
        )
    )
    before = softmax(list(outputs.values())[-1])
    shown = bars.contested(before, passed.probabilities, TOP)
    titles = (t("inference"), t("training, with these masks"))
    bars.before_and_after(t, model.classes, before, passed.probabilities, shown, titles, "mask_bars")


def _units(t: Translator, values: np.ndarray, limit: float, alt: str, numbers: np.ndarray | None = None) -> None:
    """Units as small squares, row by row; the caption's range is that of the `numbers`."""
    numbers = values if numbers is None else numbers
    sheet = render.vector(values, limit, SIDE)
    caption = t(
        "{rows} x {columns} units, from {low:.3g} to {high:.3g}",
        rows=sheet.rows,
        columns=sheet.columns,
        low=numbers.min(),
        high=numbers.max(),
    )
    show.picture(sheet.png, alt, caption)


def many_masks(t: Translator) -> None:
    """The answer over many masks against that of inference."""
    picture = pictures.current_picture(t)
    rate = _rate(t, "spread")
    model = parts.network(t, MODEL)
    found = cached.spread(model, picture, rate, MASKS)
    shown = bars.contested(found.averaged, found.mean, TOP)
    names = [class_name(model.classes[i], t.language) for i in shown]
    figure = technique_charts.answers_over_masks(
        [tick_words(model.classes[i], t) for i in shown],
        found.probabilities[:, shown],
        found.mean[shown],
        found.averaged[shown],
        (t("{count} masks", count=MASKS), t("their mean"), t("averaged network")),
    )
    said = [
        t(
            "{name}: mean {mean}, averaged network {averaged}",
            name=name,
            mean=percent(found.mean[i]),
            averaged=percent(found.averaged[i]),
        )
        for i, name in zip(shown, names, strict=True)
    ]
    show.chart(figure, "; ".join(said), "spread_boxes")
    st.markdown(
        t(
            "Each point is one thinned network; **{agreeing} of {count}** say {name}. Inference runs once, with every "
            "unit: the averaged network.",
            agreeing=found.agreeing,
            count=MASKS,
            name=names[0],
        )
    )
    figures = (
        (t("Averaged network"), found.averaged, None),
        (t("Mean of the masks"), found.mean, found.mean_gap),
        (t("Geometric mean"), found.geometric, found.geometric_gap),
    )
    for place, (title, shares, gap) in zip(st.columns(3), figures, strict=True):
        apart = None if gap is None else t("at most {points:.2f} points apart", points=100 * gap)
        share = percent(shares[shown[0]])
        place.metric(title, share, apart, delta_color="off", delta_arrow="off", border=True)
    st.caption(
        t(
            "The probability of {name}; below, the largest difference of any class from the averaged network, in "
            "percentage points. The paper speaks of the geometric mean (section 4.2): multiply the {count} answers, "
            "take the root, and scale them to sum to 1.",
            name=names[0],
            count=MASKS,
        )
    )


def scaling(t: Translator) -> None:
    """The same expected sum by two rules, and where dropout stands."""
    chance, another = st.columns([3, 2], vertical_alignment="bottom")
    picture = pictures.current_picture(t)
    rate, seed = _rate(t, "scaling", chance), _seed(t, "scaling", another)
    model = parts.network(t, MODEL)
    found = cached.weighted_sums(model, picture, rate, seed)
    st.markdown(
        t(
            "A unit of {layer} adds up its inputs times its weights. Here are the {count} largest sums for this photo, "
            "without the bias. In training a share p of the inputs is gone and sums get smaller: one side has to be "
            "scaled.",
            layer=found.layer,
            count=len(found.units),
        )
    )
    st.markdown(t("**Inverted (PyTorch, the seed document):** training divides by 1 - p, inference does nothing."))
    _sums(t, found.units, found.rules["inverted"])
    st.markdown(t("**The paper:** training does nothing more, inference multiplies by 1 - p."))
    _sums(t, found.units, found.rules["paper"])
    st.markdown(
        t(
            "In both tables the expected sum equals the one at inference exactly. The paper's sums are {share:.1f} "
            "times the inverted ones; with weights divided by that number it is the same network. Only a sum is that "
            "exact: behind a ReLU or a softmax, a mean over masks and one pass are near each other, as the experiment "
            "above shows.",
            share=found.paper_share,
        )
    )
    st.markdown(f"**{t('Where dropout stands')}**")
    specs = [MODELS[name].spec for name in NETWORKS]
    show.table(
        {
            t("Network"): [t(MODELS[name].title) for name in NETWORKS],
            t("Layers after flattening"): [" → ".join(dropout.head(spec)) for spec in specs],
            t("Values under the masks"): [
                " + ".join(f"{values:,}" for values in dropout.dropout_layers(spec).values()) for spec in specs
            ],
        }
    )
    st.caption(
        t(
            "The paper drops outputs of fc6 and fc7. The seed document and torchvision drop what enters fc6 and fc7: "
            "the first mask falls on pool5, and fc7's outputs all reach fc8."
        )
    )


def _sums(t: Translator, units: np.ndarray, sums: dropout.Sums) -> None:
    numbers = {
        t("training: this mask"): sums.training,
        t("training: mean of {count} masks", count=dropout.MANY): sums.mean,
        t("training: expected"): sums.expected,
        t("inference"): sums.test,
    }
    as_shown = dict.fromkeys(numbers, st.column_config.NumberColumn(format="%.4f"))
    show.table({t("Unit"): units} | numbers, column_config=as_shown)


def _rate(t: Translator, experiment: str, place: Place = st) -> float:
    return place.slider(t("Dropout rate p"), 0.0, HIGHEST_RATE, 0.5, 0.1, key=f"{experiment}_rate")


def _seed(t: Translator, experiment: str, place: Place) -> int:
    return parts.seed(t("Draw another mask"), experiment, first=1, of=place, key=f"{experiment}_draw", width="stretch")


EXPERIMENTS: Tabs = {
    "mask": (N_("What does one mask do?"), one_mask),
    "spread": (N_("Do many masks agree with the averaged network?"), many_masks),
    "scaling": (N_("Two ways to scale, one expected sum"), scaling),
}
