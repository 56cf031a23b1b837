"""Data augmentation on the current photo: its variants and the answers to them, the paper's colours, the code."""

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.files import paths
from alexnet_viz.inspection.techniques import augmentation
from alexnet_viz.inspection.techniques.augmentation import COUNT, KINDS, STEPS
from alexnet_viz.network.weights import Model
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.pictures import images
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.labels import class_name
from alexnet_viz.words.numbers import percent
from pages.ui import long_work
from pages.ui.choose import pictures
from pages.ui.long_work import LongWork
from pages.ui.messages import class_words, tick_words
from pages.ui.store import networks
from pages.ui.store import pictures as stored
from pages.ui.techniques import cached, parts
from pages.ui.widgets import bars, show
from pages.ui.widgets.layout import Tabs, pick, tiles

NETWORKS = ("alexnet_200", "alexnet_cifar")  # they see 224 and 32 pixels a side
TILE = 124  # pixels on the screen
CIFAR_COUNT, CIFAR_SIDE = 2000, 32
TOP = 4  # classes whose bars are shown

_CHOSEN = "augmentation_chosen"  # session key: network, kind and strength of the first experiment


def _model() -> Model:
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
    network_box, other = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    titles = {i: MODELS[i].title for i in NETWORKS}
    network = pick(t, t("Network"), titles, key="augmentation_network", of=network_box)
    with other:
        picture = pictures.picture_popover(t)
    titles = {i: kind.title for i, kind in KINDS.items()}
    chosen = pick(t, t("Change"), titles, current="crop", segments=True, key="augmentation_kind")
    amount, again = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    kind, side = KINDS[chosen], MODELS[network].preprocess.crop
    able = kind.strengths(side)
    zero, key = type(able.usual)(0), f"augmentation_{chosen}_{side}"
    strength = amount.slider(t(kind.strength), zero, able.most, able.usual, able.step, kind.unit, key=key)
    seed = parts.seed(t("Draw again"), "augmentation", key="augmentation_again", of=again)
    st.session_state[_CHOSEN] = (network, chosen, strength)
    st.caption(t(kind.source))
    model = _model()
    found = cached.variants(model, picture, chosen, strength, seed)
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


def _colours(t: Translator) -> augmentation.Colours | None:
    path = paths.cifar10_path()
    if path is None:
        return cached.photo_colours()
    sources = {"photos": N_("The sample photos"), "cifar10": N_("{count:,} pictures of CIFAR-10")}
    label, say = t("Computed from"), partial(t, count=CIFAR_COUNT)
    if pick(t, label, sources, say=say, segments=True, key="augmentation_source") == "photos":
        return cached.photo_colours()
    work = LongWork(
        key=("colours", str(path), CIFAR_COUNT),
        start=t("Compute the directions"),
        steps=lambda: augmentation.colours([data for _, data in stored.sample_pictures(path, CIFAR_COUNT)], CIFAR_SIDE),
        about=t("Reads {count:,} test pictures, evenly from every class.", count=CIFAR_COUNT),
    )
    return long_work.run(t, work)


def _directions(t: Translator, found: augmentation.Colours) -> None:
    table, cloud = st.columns([3, 2], gap="medium")
    with table:
        shares = [percent(float(share)) for share in found.shares]
        colours = zip((t("Red"), t("Green"), t("Blue")), found.pca.vectors, strict=True)
        show.table(
            {t("Direction"): ["p1", "p2", "p3"]}
            | {colour: [f"{part:+.3f}" for part in row] for colour, row in colours}
            | {"λ": [f"{value:.5f}" for value in found.pca.values], t("Share of the variance"): shares}
        )
        for i, deviation in enumerate(found.deviations):
            show.picture(
                found.swatch(i),
                t("Colours along direction {number}, from one side of mid grey to the other", number=i + 1),
                t("p{number}: ± {deviation:.3f}", number=i + 1, deviation=deviation),
                width=280,
            )
        st.caption(
            t(
                "From {count:,} pictures of {side} x {side} pixels. The strips run from one standard deviation "
                "below mid grey to one above; an eigenvector's sign means nothing. The first direction, light and "
                "dark, has {share} of all variance.",
                count=found.pictures,
                side=found.side,
                share=shares[0],
            )
        )
    with cloud:
        figure = technique_charts.colour_cloud(found.some, [found.axis(i) for i in range(3)], (t("Red"), t("Blue")))
        words = t("{count} pixels by their red and blue, and the three directions through their mean",
                  count=len(found.some))  # fmt: skip
        show.chart(figure, words, "augmentation_cloud")
        st.caption(t("Some of the pixels, seen from the green side; lines reach one standard deviation."))


def _moved(t: Translator, found: augmentation.Colours) -> None:
    places = st.columns(3, gap="medium")
    deviations = tuple(
        place.slider(
            t("α{number}, in σ", number=i + 1), -3.0, 3.0, first, 0.1, format="%.1f σ", key=f"augmentation_alpha_{i}"
        )
        for i, (place, first) in enumerate(zip(places, (2.0, 0.0, 0.0), strict=True))
    )
    visible = augmentation.VISIBLE_SIGMA
    strong = st.toggle(t("Ten times the paper's strength: σ = {sigma:g}", sigma=visible), key="augmentation_ten")
    model, picture = _model(), pictures.current_picture(t)
    sigma = visible if strong else augmentation.PAPER_SIGMA
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
            show.picture(png, alt, title, of=place)
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
        steps=lambda: augmentation.stability(model, images.decode(picture.data).image, cached.photo_colours().pca),
        about=t("{passes} batches of {count}, a few seconds.", passes=len(KINDS) * STEPS, count=COUNT),
    )
    found = long_work.run(t, work)
    if found is None:
        return
    name = tick_words(found.class_id, t)
    titles = [t(KINDS[kind].title) for kind in found.kinds]
    said = [[KINDS[kind].said(s) for s in row] for kind, row in zip(found.kinds, found.strengths, strict=True)]
    means = [percent(float(row[-1])) for row in found.mean]
    axes = (t("Step of strength"), t("Probability of {name}", name=name))
    show.chart(
        technique_charts.stability(found.mean, said, titles, axes),
        "; ".join(f"{title}: {mean}" for title, mean in zip(titles, means, strict=True)),
        "augmentation_stability",
    )
    show.table(
        {
            t("Change"): titles,
            t("Strongest"): [row[-1] for row in said],
            t("Mean probability"): means,
            t("Lowest"): [percent(float(row[-1])) for row in found.lowest],
            t("Answers kept"): [t("{kept} of {count}", kept=int(row[-1]), count=COUNT) for row in found.kept],
        }
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


# ---- As code --------------------------------------------------------------------------------------------------------


def _chosen_code(t: Translator) -> None:
    network, kind, strength = st.session_state[_CHOSEN]
    pca = cached.photo_colours().pca
    st.code(augmentation.transforms_code(kind, strength, MODELS[network].preprocess, pca), "python")
    st.caption(
        t(
            "{kind}, {strength}, then what this network expects. Training draws anew for every picture in every "
            "epoch; validation and test pictures stay unchanged.",
            kind=t(KINDS[kind].title),
            strength=KINDS[kind].said(strength),
        )
    )


def _paper_code(t: Translator) -> None:
    st.code(augmentation.paper_code(cached.photo_colours().pca), "python")
    st.markdown(
        t(
            "A window of {crop} pixels has {places} places along a side of {size}, so {places} x {places} x 2 = "
            "**{factor}** different pictures with mirroring. The paper prints a factor of {printed} = {cut} x {cut} x "
            "2; its authors' code draws from all {places} places.",
            crop=augmentation.PAPER.crop,
            size=augmentation.PAPER.size,
            places=augmentation.PAPER_MARGIN + 1,
            factor=augmentation.factor(augmentation.PAPER_MARGIN),
            printed=augmentation.PAPER_FACTOR,
            cut=augmentation.PAPER_CUT,
        )
    )
    st.caption(
        t(
            "The eigenvectors here are those of the sample photos: compute them from your own training set. The paper "
            "subtracts the mean image; Normalize does it by channel, for today's weights."
        )
    )


def _seed_code(t: Translator) -> None:
    st.code(augmentation.seed_code(), "python")
    st.markdown(
        t(
            "The seed document has no Resize. Its RandomCrop({crop}, padding={padding}) then raises an error on every "
            "photo with a side of fewer than {least} pixels, and takes a small detail out of a large one. Resize "
            "first.",
            crop=augmentation.SEED_CROP,
            padding=augmentation.SEED_PADDING,
            least=augmentation.SEED_SMALLEST,
        )
    )


RECIPES: Tabs = {
    "chosen": (N_("What is set above"), _chosen_code),
    "paper": (N_("The paper's"), _paper_code),
    "seed": (N_("The seed document's, corrected"), _seed_code),
}


_CODE = partial(parts.one_of, label=N_("Transform"), options=RECIPES, segments=True, key="augmentation_recipe")
EXPERIMENTS: Tabs = {
    "variants": (N_("Does the answer survive?"), variants),
    "pca": (N_("The paper's change of colour"), pca),
    "stability": (N_("How much change does the answer bear?"), stability),
    "code": (N_("The same as code"), _CODE),
}
