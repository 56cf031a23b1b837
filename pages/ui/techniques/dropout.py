"""Dropout on the techniques page: one mask, many masks against the averaged network, and the two ways to scale."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import streamlit as st

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.pictures import render
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.labels import class_name
from alexnet_viz.words.numbers import percent
from pages.ui.choose import pictures
from pages.ui.messages import tick_words
from pages.ui.store import networks
from pages.ui.techniques import cached
from pages.ui.widgets import bars
from pages.ui.widgets.layout import tiles
from pages.ui.widgets.show import FIXED

if TYPE_CHECKING:
    import numpy as np

    from alexnet_viz.inspection.techniques.dropout import Sums
    from alexnet_viz.network.weights import Model

MODEL = "alexnet_cifar"
SIDE = 320  # pixels of a drawn mask
TOP = 5  # classes
MASKS = 200
HIGHEST_RATE = 0.9
FIRST_SEED = 1

LAYERS: Mapping[str, str] = {
    "drop5": N_("before fc6: pool5, flattened"),
    "drop6": N_("before fc7: the outputs of fc6"),
}
NETWORKS = ("alexnet_2012", "alexnet_single", "alexnet_torchvision", MODEL)  # whose dropout stands where


def one_mask(t: Translator) -> None:
    """Training and inference side by side: the values that enter a dropout layer, and the answer."""
    from alexnet_viz.inspection.classify import softmax

    where, chance, another, photo = st.columns([5, 3, 4, 4], vertical_alignment="bottom")
    with photo:
        picture = pictures.picture_popover(t)
    layer = where.selectbox(
        t("Dropout layer"), list(LAYERS), format_func=lambda name: t(LAYERS[name]), key=f"mask_layer_{t.language}"
    )
    with chance:
        rate = _rate(t, "mask")
    with another:
        seed = _seed(t, "mask")
    model = _model(t)
    outputs = networks.layers(model, picture)
    passed = cached.training_pass(model, picture, rate, seed)
    masked = passed.layers[layer]
    resting, working = tiles(2, SIDE)
    with resting:
        st.markdown(f"**{t('Inference: nothing is dropped')}**")
        _units(t, outputs[layer], masked.extreme, t("The values that enter {layer}", layer=layer))
    with working:
        st.markdown(f"**{t('Training: one random mask')}**")
        _units(
            t,
            masked.drawn,
            masked.extreme,
            t("The values of {layer} behind a random mask", layer=layer),
            masked.leaving,
        )
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
    shown = _best(before, passed.probabilities)
    titles = (t("inference"), t("training, with these masks"))
    bars.before_and_after(t, model.classes, before, passed.probabilities, shown, titles, "mask_bars")


def _units(t: Translator, values: "np.ndarray", limit: float, alt: str, numbers: "np.ndarray | None" = None) -> None:
    """Units as small squares, row by row; the caption's range is that of the `numbers`."""
    numbers = values if numbers is None else numbers
    sheet = render.vector(values, limit, SIDE)
    st.image(
        sheet.png,
        caption=t(
            "{rows} x {columns} units, from {low:.3g} to {high:.3g}",
            rows=sheet.rows,
            columns=sheet.columns,
            low=numbers.min(),
            high=numbers.max(),
        ),
        width="stretch",
        output_format="PNG",
        alt=alt,
    )


def many_masks(t: Translator) -> None:
    """The answer over many masks against that of inference."""
    picture = pictures.current_picture(t)
    rate = _rate(t, "spread")
    model = _model(t)
    found = cached.spread(model, picture, rate, MASKS)
    shown = _best(found.averaged, found.mean)
    names = [class_name(model.classes[i], t.language) for i in shown]
    st.plotly_chart(
        technique_charts.answers_over_masks(
            [tick_words(model.classes[i], t) for i in shown],
            found.probabilities[:, shown],
            found.mean[shown],
            found.averaged[shown],
            (t("{count} masks", count=MASKS), t("their mean"), t("averaged network")),
        ),
        config=FIXED,
        key="spread_boxes",
        alt="; ".join(
            t(
                "{name}: mean {mean}, averaged network {averaged}",
                name=name,
                mean=percent(found.mean[i]),
                averaged=percent(found.averaged[i]),
            )
            for i, name in zip(shown, names, strict=True)
        ),
    )
    st.markdown(
        t(
            "Each point is one thinned network; **{agreeing} of {count}** say {name}. Inference runs once, with every "
            "unit: the averaged network.",
            agreeing=found.agreeing,
            count=MASKS,
            name=names[0],
        )
    )
    best = shown[0]
    for place, (title, share, gap) in zip(
        st.columns(3),
        (
            (t("Averaged network"), found.averaged[best], None),
            (t("Mean of the masks"), found.mean[best], found.mean_gap),
            (t("Geometric mean"), found.geometric[best], found.geometric_gap),
        ),
        strict=True,
    ):
        apart = None if gap is None else t("at most {points:.2f} points apart", points=100 * gap)
        place.metric(title, percent(share), apart, delta_color="off", delta_arrow="off", border=True)
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
    from alexnet_viz.inspection.techniques.dropout import MANY

    chance, another = st.columns([3, 2], vertical_alignment="bottom")
    picture = pictures.current_picture(t)
    with chance:
        rate = _rate(t, "scaling")
    with another:
        seed = _seed(t, "scaling")
    model = _model(t)
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
    inverted, paper = found.rules["inverted"], found.rules["paper"]
    st.markdown(t("**Inverted (PyTorch, the seed document):** training divides by 1 - p, inference does nothing."))
    _sums(t, found.units, inverted, MANY)
    st.markdown(t("**The paper:** training does nothing more, inference multiplies by 1 - p."))
    _sums(t, found.units, paper, MANY)
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
    st.dataframe(_where(t), hide_index=True)
    st.caption(
        t(
            "The paper drops outputs of fc6 and fc7. The seed document and torchvision drop what enters fc6 and fc7: "
            "the first mask falls on pool5, and fc7's outputs all reach fc8."
        )
    )


def _sums(t: Translator, units: "np.ndarray", sums: "Sums", many: int) -> None:
    st.dataframe(
        {
            t("Unit"): units,
            t("training: this mask"): sums.training,
            t("training: mean of {count} masks", count=many): sums.mean,
            t("training: expected"): sums.expected,
            t("inference"): sums.test,
        },
        column_config={
            name: st.column_config.NumberColumn(format="%.4f")
            for name in (
                t("training: this mask"),
                t("training: mean of {count} masks", count=many),
                t("training: expected"),
                t("inference"),
            )
        },
        hide_index=True,
    )


def _where(t: Translator) -> Mapping[str, list[str]]:
    from alexnet_viz.inspection.techniques.dropout import dropout_layers, head

    specs = [MODELS[name].spec for name in NETWORKS]
    return {
        t("Network"): [t(MODELS[name].title) for name in NETWORKS],
        t("Layers after flattening"): [" → ".join(head(spec)) for spec in specs],
        t("Values under the masks"): [
            " + ".join(f"{values:,}" for values in dropout_layers(spec).values()) for spec in specs
        ],
    }


def _model(t: Translator) -> "Model":
    model = networks.model(MODEL)
    if not model.trained:
        st.caption(t("Random weights: these numbers show how it is worked out, not what a trained network sees."))
    return model


def _rate(t: Translator, section: str) -> float:
    return st.slider(t("Dropout rate p"), 0.0, HIGHEST_RATE, 0.5, 0.1, key=f"{section}_rate")


def _seed(t: Translator, section: str) -> int:
    """A button that counts masks; the count is the seed."""
    key = f"{section}_seed"
    st.session_state.setdefault(key, FIRST_SEED)

    def draw() -> None:
        st.session_state[key] += 1

    st.button(t("Draw another mask"), on_click=draw, key=f"{section}_draw", icon=":material/casino:", width="stretch")
    return st.session_state[key]


def _best(first: "np.ndarray", second: "np.ndarray") -> list[int]:
    """The best classes of one answer, and the best one of another."""
    return list(dict.fromkeys([*(int(i) for i in first.argsort()[::-1][:TOP]), int(second.argmax())]))


SECTIONS: Mapping[str, tuple[str, Callable[[Translator], None]]] = {
    "mask": (N_("What does one mask do?"), one_mask),
    "spread": (N_("Do many masks agree with the averaged network?"), many_masks),
    "scaling": (N_("Two ways to scale, one expected sum"), scaling),
}
