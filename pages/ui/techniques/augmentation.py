"""Data augmentation on the current photo: its variants and the answers to them, the paper's colours, the code."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.files import paths
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.pictures import images
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.labels import class_name
from alexnet_viz.words.numbers import percent
from pages.ui import long_work
from pages.ui.choose import pictures
from pages.ui.long_work import LongWork
from pages.ui.messages import class_words, tick_words
from pages.ui.session import Picture
from pages.ui.store import networks
from pages.ui.store import pictures as stored
from pages.ui.techniques import cached
from pages.ui.widgets import bars
from pages.ui.widgets.layout import tiles
from pages.ui.widgets.show import FIXED

if TYPE_CHECKING:
    from alexnet_viz.inspection.techniques.augmentation import Colours
    from alexnet_viz.network.weights import Model

NETWORKS = ("alexnet_200", "alexnet_cifar")  # they see 224 and 32 pixels a side
TILE = 124  # pixels on the screen
CIFAR_COUNT, CIFAR_SIDE = 2000, 32
TOP = 4  # classes whose bars are shown

_DRAW = "augmentation_draw"  # session key: how often the visitor drew again, which is the seed
_CHOSEN = "augmentation_chosen"  # session key: network, kind and strength of the first experiment


def _choice(t: Translator, label: str, titles: Mapping[str, str], key: str, default: str) -> str:
    """One of some ids by their translated titles."""
    return st.segmented_control(
        label,
        list(titles),
        default=default,
        format_func=titles.__getitem__,
        required=True,
        key=f"{key}_{t.language}",
    )


def _model() -> "Model":
    """The network of the first experiment, which is that of all."""
    return networks.model(st.session_state[_CHOSEN][0])


# ---- Variants -------------------------------------------------------------------------------------------------------

# What chance decided about a variant, in words, and what the numbers are.
_DRAWN: Mapping[str, Callable[[Translator, tuple[float, ...]], str]] = {
    "mirror": lambda t, drawn: t("mirrored") if drawn[0] else t("as it was"),
    "crop": lambda t, drawn: t("left {left}, top {top}", left=int(drawn[0]), top=int(drawn[1])),
    "rotation": lambda t, drawn: f"{drawn[0]:+.0f}°",
    "jitter": lambda t, drawn: " ".join(f"×{number:.2f}" for number in drawn),
    "pca": lambda t, drawn: " ".join(f"{number:+.0f}" for number in drawn),
}
_NUMBERS: Mapping[str, str] = {
    "mirror": N_("Mirrored or not."),
    "crop": N_("Pixels left of and above the window."),
    "rotation": N_("The angle, counter-clockwise; corners without a picture are black."),
    "jitter": N_("The factors of brightness, contrast and saturation, which come in random order."),
    "pca": N_("What was added to red, green and blue, in levels of 255: along the sample photos' three directions."),
}


def variants(t: Translator) -> None:
    """Eight variants of the photo, each with its answer."""
    from alexnet_viz.inspection.techniques.augmentation import KINDS

    network_box, other = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with network_box:
        titles = {i: t(MODELS[i].title) for i in NETWORKS}
        key = f"augmentation_network_{t.language}"
        network = st.selectbox(t("Network"), NETWORKS, format_func=titles.__getitem__, key=key)
    with other:
        picture = pictures.picture_popover(t)
    titles = {i: t(kind.title) for i, kind in KINDS.items()}
    chosen = _choice(t, t("Change"), titles, "augmentation_kind", "crop")
    amount, again = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    kind, side = KINDS[chosen], MODELS[network].preprocess.crop
    able = kind.strengths(side)
    with amount:
        strength = st.slider(
            t(kind.strength),
            type(able.usual)(0),
            able.most,
            able.usual,
            able.step,
            format=kind.unit,
            key=f"augmentation_{chosen}_{side}",
        )
    again.button(t("Draw again"), icon=":material/casino:", on_click=_draw_again, key="augmentation_again")
    st.session_state[_CHOSEN] = (network, chosen, strength)
    st.caption(t(kind.source))
    model = _model()
    found = cached.variants(model, picture, chosen, strength, st.session_state.get(_DRAW, 0))
    class_id, before = networks.answer(model, picture).top(1)[0]
    low, high = found.span(class_id)
    st.markdown(
        t(
            "**{kept} of {count}** keep the answer {name}; its probability lies between {low} and {high}. For the "
            "untouched photo it is {before}.",
            kept=found.kept(class_id),
            count=len(found.encoded),
            name=class_words(class_id, t),
            low=percent(low),
            high=percent(high),
            before=percent(before),
        )
    )
    for i, place in enumerate(tiles(len(found.encoded), TILE)):
        best, probability = found.best(i)
        mark = "✓" if best == class_id else "✗"
        drawn = _DRAWN[chosen](t, found.drawn[i])
        place.image(
            found.encoded[i],
            caption=f"{mark} {class_words(best, t)} {percent(probability)}  \n{drawn}",
            width="stretch",
            output_format="JPEG",
            alt=t(
                "Variant {number}, {drawn}: {answer}",
                number=i + 1,
                drawn=drawn,
                answer=f"{mark} {class_name(best, t.language)} {percent(probability)}",
            ),
        )
    st.caption(
        t(
            "{side} x {side} pixels, as the network sees them. ✓ the same answer as for the untouched photo, "
            "✗ another one. Second line: {numbers}",
            side=side,
            numbers=t(_NUMBERS[chosen]),
        )
    )


def _draw_again() -> None:
    st.session_state[_DRAW] = st.session_state.get(_DRAW, 0) + 1


# ---- The paper's colours --------------------------------------------------------------------------------------------


def pca(t: Translator) -> None:
    """Three directions of colour from real pictures, and the photo moved along them."""
    st.markdown(
        t(
            "Take every pixel of a set of pictures as a point: red, green and blue, **from 0 to 1**. The eigenvectors "
            "p of their covariance are the directions in which these points spread, the eigenvalues λ how much. In "
            "training the paper adds to all pixels of a picture the same colour, drawn anew at every use "
            "(section 4.1):"
        )
    )
    st.latex(
        r"\begin{bmatrix} p_1 & p_2 & p_3 \end{bmatrix}"
        r"\begin{bmatrix} \alpha_1 \lambda_1 \\ \alpha_2 \lambda_2 \\ \alpha_3 \lambda_3 \end{bmatrix},"
        r"\qquad \alpha_i \sim \mathcal{N}(0,\ \sigma = 0.1)"
    )
    found = _colours(t)
    if found is not None:
        _directions(t, found)
        _moved(t, found)


def _colours(t: Translator) -> "Colours | None":
    path = paths.cifar10_path()
    if path is None:
        return cached.photo_colours()
    sources = {"photos": t("The sample photos"), "cifar10": t("{count:,} pictures of CIFAR-10", count=CIFAR_COUNT)}
    if _choice(t, t("Computed from"), sources, "augmentation_source", "photos") == "photos":
        return cached.photo_colours()
    work = LongWork(
        key=("colours", str(path), CIFAR_COUNT),
        start=t("Compute the directions"),
        steps=lambda: _cifar_steps(path),
        about=t("Reads {count:,} test pictures, evenly from every class.", count=CIFAR_COUNT),
    )
    return long_work.run(t, work)


def _cifar_steps(path: Path) -> Iterator[Any]:
    from alexnet_viz.inspection.techniques.augmentation import colours

    return colours([data for _, data in stored.sample_pictures(path, CIFAR_COUNT)], CIFAR_SIDE)


def _directions(t: Translator, found: "Colours") -> None:
    table, cloud = st.columns([3, 2], gap="medium")
    with table:
        rows = [
            {
                t("Direction"): f"p{i + 1}",
                t("Red"): f"{vector[0]:+.3f}",
                t("Green"): f"{vector[1]:+.3f}",
                t("Blue"): f"{vector[2]:+.3f}",
                "λ": f"{found.pca.values[i]:.5f}",
                t("Share of the variance"): percent(float(found.shares[i])),
            }
            for i, vector in enumerate(found.pca.vectors.T)
        ]
        st.dataframe(rows, hide_index=True, height="content")
        for i in range(3):
            st.image(
                found.swatch(i),
                caption=t("p{number}: ± {deviation:.3f}", number=i + 1, deviation=found.deviations[i]),
                width=280,
                output_format="PNG",
                alt=t("Colours along direction {number}, from one side of mid grey to the other", number=i + 1),
            )
        st.caption(
            t(
                "From {count:,} pictures of {side} x {side} pixels. The strips run from one standard deviation "
                "below mid grey to one above; an eigenvector's sign means nothing. The first direction, light and "
                "dark, has {share} of all variance.",
                count=found.pictures,
                side=found.side,
                share=percent(float(found.shares[0])),
            )
        )
    with cloud:
        st.plotly_chart(
            technique_charts.colour_cloud(found.some, [found.axis(i) for i in range(3)], (t("Red"), t("Blue"))),
            config=FIXED,
            key="augmentation_cloud",
            alt=t("{count} pixels by their red and blue, and the three directions through their mean",
                  count=len(found.some)),
        )  # fmt: skip
        st.caption(t("Some of the pixels, seen from the green side; lines reach one standard deviation."))


def _moved(t: Translator, found: "Colours") -> None:
    from alexnet_viz.inspection.techniques.augmentation import PAPER_SIGMA, VISIBLE_SIGMA

    places = st.columns(3, gap="medium")
    deviations = tuple(
        place.slider(
            t("α{number}, in σ", number=i + 1), -3.0, 3.0, first, 0.1, format="%.1f σ", key=f"augmentation_alpha_{i}"
        )
        for i, (place, first) in enumerate(zip(places, (2.0, 0.0, 0.0), strict=True))
    )
    strong = st.toggle(t("Ten times the paper's strength: σ = {sigma:g}", sigma=VISIBLE_SIGMA), key="augmentation_ten")
    model, picture = _model(), pictures.current_picture(t)
    sigma = VISIBLE_SIGMA if strong else PAPER_SIGMA
    moved = cached.recoloured(model, picture, found.pca, deviations, sigma)
    red, green, blue = moved.levels
    st.markdown(
        t(
            "Every pixel gets red {red:+.1f}, green {green:+.1f}, blue {blue:+.1f} of 255.",
            red=red,
            green=green,
            blue=blue,
        )
    )
    titles = (t("before"), t("after"))
    photos, answers = st.columns(2, gap="medium")
    with photos:
        alts = (t("The photo before the change of colour"), t("The photo after the change of colour"))
        for place, png, title, alt in zip(tiles(2, 200), (moved.before, moved.after), titles, alts, strict=True):
            place.image(png, caption=title, width="stretch", output_format="PNG", alt=alt)
    with answers:
        before, after = moved.probabilities
        bars.before_and_after(t, model.classes, before, after, moved.shown(TOP), titles, "augmentation_bars")
    st.caption(
        t(
            "The unit decides: with values from 0 to 255 the eigenvalues would be 255² times as large, and the same "
            "formula would change colours 255 times too much. What leaves 0 to 1 is not cut off for the network."
        )
    )


# ---- Stability ------------------------------------------------------------------------------------------------------


def stability(t: Translator) -> None:
    """Every kind of change, stronger and stronger, against the answer."""
    from alexnet_viz.inspection.techniques.augmentation import COUNT, KINDS, STEPS

    model, picture = _model(), pictures.current_picture(t)
    st.markdown(
        t(
            "Each kind at {steps} strengths, {count} variants each, up to far more than anybody trains with. How long "
            "does {network} keep its answer?",
            steps=STEPS,
            count=COUNT,
            network=t(model.entry.title),
        )
    )
    work = LongWork(
        key=("stability", model.digest, picture.digest),
        start=t("Try all changes"),
        steps=lambda: _tries(model, picture),
        about=t("{passes} batches of {count}, a few seconds.", passes=len(KINDS) * STEPS, count=COUNT),
    )
    found = long_work.run(t, work)
    if found is None:
        return
    name = tick_words(found.class_id, t)
    titles = [t(KINDS[kind].title) for kind in found.kinds]
    said = [[KINDS[kind].said(s) for s in row] for kind, row in zip(found.kinds, found.strengths, strict=True)]
    st.plotly_chart(
        technique_charts.stability(
            found.mean, said, titles, (t("Step of strength"), t("Probability of {name}", name=name))
        ),
        config=FIXED,
        key="augmentation_stability",
        alt="; ".join(f"{title}: {percent(float(row[-1]))}" for title, row in zip(titles, found.mean, strict=True)),
    )
    st.dataframe(
        {
            t("Change"): titles,
            t("Strongest"): [row[-1] for row in said],
            t("Mean probability"): [percent(float(row[-1])) for row in found.mean],
            t("Lowest"): [percent(float(row[-1])) for row in found.lowest],
            t("Answers kept"): [t("{kept} of {count}", kept=int(row[-1]), count=COUNT) for row in found.kept],
        },
        hide_index=True,
        height="content",
    )
    st.caption(
        t(
            "Points are means over {count} variants; step {steps} is the strength in the table, steps are equal "
            "parts of it. The answer of the untouched photo is {name}, right or wrong.",
            count=COUNT,
            steps=STEPS,
            name=name,
        )
    )


def _tries(model: "Model", picture: Picture) -> Iterator[Any]:
    from alexnet_viz.inspection.techniques import augmentation

    directions = cached.photo_colours().pca
    return augmentation.stability(model, images.decode(picture.data).image, directions)


# ---- As code --------------------------------------------------------------------------------------------------------


def code(t: Translator) -> None:
    """The transforms of torchvision that do the same."""
    recipes: Mapping[str, tuple[str, Callable[[Translator], None]]] = {
        "chosen": (N_("What is set above"), _chosen_code),
        "paper": (N_("The paper's"), _paper_code),
        "seed": (N_("The seed document's, corrected"), _seed_code),
    }
    titles = {i: t(title) for i, (title, _) in recipes.items()}
    picked = _choice(t, t("Transform"), titles, "augmentation_recipe", "chosen")
    recipes[picked][1](t)


def _chosen_code(t: Translator) -> None:
    from alexnet_viz.inspection.techniques.augmentation import KINDS, transforms_code

    network, kind, strength = st.session_state[_CHOSEN]
    st.code(transforms_code(kind, strength, MODELS[network].preprocess, cached.photo_colours().pca), "python")
    st.caption(
        t(
            "{kind}, {strength}, then what this network expects. Training draws anew for every picture in every "
            "epoch; validation and test pictures stay unchanged.",
            kind=t(KINDS[kind].title),
            strength=KINDS[kind].said(strength),
        )
    )


def _paper_code(t: Translator) -> None:
    from alexnet_viz.inspection.techniques.augmentation import (
        PAPER,
        PAPER_CUT,
        PAPER_FACTOR,
        PAPER_MARGIN,
        factor,
        paper_code,
    )

    st.code(paper_code(cached.photo_colours().pca), "python")
    st.markdown(
        t(
            "A window of {crop} pixels has {places} places along a side of {size}, so {places} x {places} x 2 = "
            "**{factor}** different pictures with mirroring. The paper prints a factor of {printed} = {cut} x {cut} x "
            "2; its authors' code draws from all {places} places.",
            crop=PAPER.crop,
            size=PAPER.size,
            places=PAPER_MARGIN + 1,
            factor=factor(PAPER_MARGIN),
            printed=PAPER_FACTOR,
            cut=PAPER_CUT,
        )
    )
    st.caption(
        t(
            "The eigenvectors here are those of the sample photos: compute them from your own training set. The paper "
            "subtracts the mean image; Normalize does it by channel, for today's weights."
        )
    )


def _seed_code(t: Translator) -> None:
    from alexnet_viz.inspection.techniques.augmentation import SEED_CROP, SEED_PADDING, SEED_SMALLEST, seed_code

    st.code(seed_code(), "python")
    st.markdown(
        t(
            "The seed document has no Resize. Its RandomCrop({crop}, padding={padding}) then raises an error on every "
            "photo with a side of fewer than {least} pixels, and takes a small detail out of a large one. Resize "
            "first.",
            crop=SEED_CROP,
            padding=SEED_PADDING,
            least=SEED_SMALLEST,
        )
    )


SECTIONS: Mapping[str, tuple[str, Callable[[Translator], None]]] = {
    "variants": (N_("Does the answer survive?"), variants),
    "pca": (N_("The paper's change of colour"), pca),
    "stability": (N_("How much change does the answer bear?"), stability),
    "code": (N_("The same as code"), code),
}
