"""Two GPUs: why the network was split, what its two streams learnt, one of them switched off, and what it saved."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import streamlit as st

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.network.memory import (
    GTX_580_BYTES,
    Memory,
    half_as_wide,
    largest_batch,
    received_values,
    training_memory,
)
from alexnet_viz.network.spec import walk
from alexnet_viz.network.zoo import LISTED, MODELS, model_entry
from alexnet_viz.pictures import render
from alexnet_viz.pictures.samples import PHOTOS
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import gibibytes, percent
from pages.ui import messages
from pages.ui.choose import pictures
from pages.ui.messages import class_words
from pages.ui.store import networks
from pages.ui.store import pictures as stored
from pages.ui.techniques import cached
from pages.ui.widgets import bars
from pages.ui.widgets.layout import tiles
from pages.ui.widgets.show import FIXED

if TYPE_CHECKING:
    from alexnet_viz.network.weights import Model

BATCHES = (64, 128, 256, 512)
STREAM_NAMES = (N_("Stream 1"), N_("Stream 2"))
SPLIT_LAYERS = ("conv1", "conv2", "conv4", "conv5")  # whose maps lie half on each GPU and are read there
TOP = 5

# What one row of the memory table is called, and its bytes.
PARTS: Mapping[str, Callable[[Memory], int]] = {
    N_("Weights, gradients, momentum"): lambda memory: memory.parameters,
    N_("Outputs of its layers"): lambda memory: memory.outputs,
    N_("Copies from the other card"): lambda memory: memory.received,
    N_("Together, at least"): lambda memory: memory.lowest,
    N_("Gradients of the outputs and copies"): lambda memory: memory.gradients,
    N_("Together, with these"): lambda memory: memory.highest,
}

VERDICTS: Mapping[str, str] = {
    "apart": N_(
        "**It happened here too:** most filters of one stream are grey, most of the other are coloured. Of 10,000 "
        "random halvings of the same filters, {chance} differ as much."
    ),
    "partly": N_(
        "**In part:** one stream has more colour than the other, beyond chance (of 10,000 random halvings of the same "
        "filters, {chance} differ as much), but they did not divide into a grey one and a coloured one."
    ),
    "alike": N_(
        "**It did not happen here:** the two streams' colour differs no more than chance allows. Of 10,000 random "
        "halvings of the same filters, {chance} differ as much."
    ),
}


# ---- Memory ---------------------------------------------------------------------------------------------------------


def _memory(t: Translator) -> None:
    st.markdown(
        t(
            "A GTX 580 has 3 GB. The paper's network, with its batch of 128 pictures, comes close to filling it, "
            "before the code's own buffers are counted. So each of two cards holds half of every layer's maps and "
            "units."
        )
    )
    network, pictures = st.columns(2, vertical_alignment="bottom")
    ids = list(LISTED)
    picked = network.selectbox(
        t("Network"),
        ids,
        index=ids.index("alexnet_2012"),
        format_func=lambda model_id: t(LISTED[model_id].title),
        key=f"gpus_network_{t.language}",
    )
    batch = pictures.slider(t("Pictures in a batch"), 1, 512, 128, key="gpus_batch")
    in_place = st.toggle(
        t("ReLU overwrites its input"), key="gpus_in_place", help=t("Then it stores nothing of its own.")
    )
    walked = walk(model_entry(picked).spec)
    cards = {1: t("Whole network"), 2: t("Each of two cards")}
    batches = sorted({*BATCHES, batch})
    panels = {
        title: _stacks(t, [training_memory(walked, many, in_place=in_place, cards=count) for many in batches])
        for count, title in cards.items()
    }
    whole, half = (training_memory(walked, batch, in_place=in_place, cards=count) for count in cards)
    most, most_split = (largest_batch(walked, GTX_580_BYTES, in_place=in_place, cards=count) for count in cards)
    said = t(
        "With {batch} pictures: {low} to {high} on one card, {half_low} to {half_high} on each of two.",
        batch=batch,
        low=gibibytes(whole.lowest),
        high=gibibytes(whole.highest),
        half_low=gibibytes(half.lowest),
        half_high=gibibytes(half.highest),
    )
    st.plotly_chart(
        technique_charts.memory_bars(
            batches, batch, panels, ("3 GB", GTX_580_BYTES), (t("Pictures in a batch"), t("GiB"))
        ),
        config=FIXED,
        key="gpus_memory",
        alt=said,
    )
    st.markdown(
        f"{said} "
        + t("By this count 3 GiB take {most:,} pictures on one card and {split:,} on two.", most=most, split=most_split)
    )
    one = training_memory(walked, 1, in_place=in_place)
    st.latex(
        rf"\underbrace{{3 \cdot 4 \cdot {walked.params:,}}}_{{\text{{{t('parameters')}}}}}"
        rf" + \underbrace{{{batch} \cdot {one.outputs:,}}}_{{\text{{{t('outputs')}}}}}"
        rf" \;(+\, \text{{{t('gradients')}}})"
    )
    st.dataframe(
        {
            t("Held in memory"): [t(part) for part in PARTS],
            **{
                title: [gibibytes(size(memory)) for size in PARTS.values()]
                for title, memory in zip(cards.values(), (whole, half), strict=True)
            },
        },
        hide_index=True,
        height="content",
    )
    st.caption(
        t(
            "Counted: 4 bytes a value; each parameter with its gradient and momentum; the output of every layer once, "
            "also of ReLU, LRN, pooling and dropout; then the gradients of all those, as if kept at once. Not "
            "counted: the pictures, and the code's own buffers. So for the paper: close to full on one card; with its "
            "gradients a batch of 256 crosses 3 GB."
        )
    )


def _stacks(t: Translator, memories: list[Memory]) -> Mapping[str, list[int]]:
    """The parts of the bars."""
    return {
        t("Weights, gradients, momentum"): [memory.parameters for memory in memories],
        t("outputs, and copies of the other's"): [memory.stored for memory in memories],
        t("gradients of these"): [memory.gradients for memory in memories],
    }


# ---- What the streams learnt ----------------------------------------------------------------------------------------


def _conv1(t: Translator) -> None:
    from alexnet_viz.inspection.filters import kernels

    model = _model(t, N_("These weights are random: there is nothing to see in them but noise."))
    found = cached.stream_colours(model)
    weights = kernels(model.network, "conv1")
    for place, name, numbers, coloured in zip(
        st.columns(2, gap="medium"), STREAM_NAMES, found.order, found.coloured, strict=True
    ):
        with place:
            st.markdown(f"**{t(name)}**")
            own = weights[numbers]
            st.image(
                render.kernels(own, 560).png,
                caption=t(
                    "{count} kernels of 3 x 3, most colour first; {coloured} of them more colour than grey. "
                    "Weights {low:.2f} to {high:.2f}, mid grey is 0.",
                    count=len(own),
                    coloured=int(coloured),
                    low=float(own.min()),
                    high=float(own.max()),
                ),
                width="stretch",
                output_format="PNG",
                alt=t("The conv1 kernels of {stream}", stream=t(name)),
            )
    names = [t(name) for name in STREAM_NAMES]
    st.plotly_chart(
        technique_charts.stream_colours(found.shares, names, (t("Share of colour in a filter"), t("mean"))),
        config=FIXED,
        key="gpus_colours",
        alt="; ".join(
            t("{stream}: mean share of colour {mean:.2f}", stream=name, mean=float(mean))
            for name, mean in zip(names, found.means, strict=True)
        ),
    )
    st.markdown(t(VERDICTS[found.verdict], chance=percent(found.chance)))
    st.caption(
        t(
            "Share of colour: what is left of a kernel's energy without each pixel's mean over red, green and blue. "
            "The paper saw it in every run at ImageNet's size (section 6.1); which GPU takes the colours changes from "
            "run to run. This network has 3 x 3 kernels and pictures of 32 x 32."
        )
    )


def _model(t: Translator, warning: str) -> "Model":
    """The small network with two streams; a warning where its weights are random."""
    model = networks.model("alexnet_cifar_2gpu")
    if not model.trained:
        st.warning(t(warning))
    return model


# ---- A stream switched off ------------------------------------------------------------------------------------------


def _off(t: Translator) -> None:
    from alexnet_viz.inspection.classify import softmax
    from alexnet_viz.inspection.techniques.gpus import members

    model = _model(t, N_("These weights are random: this network has learnt nothing, so its answer means nothing."))
    choose, answers = st.columns(2, gap="medium")
    with choose:
        picture = pictures.picture_popover(t)
        stream = st.segmented_control(
            t("Switch off"),
            list(range(len(STREAM_NAMES))),
            default=0,
            format_func=lambda i: t(STREAM_NAMES[i]),
            required=True,
            key=f"gpus_stream_{t.language}",
        )
        layer = st.segmented_control(
            t("At the layer"), list(SPLIT_LAYERS), default="conv2", required=True, key="gpus_layer"
        )
        channels = members(model.network.spec, layer, stream)
        st.image(
            stored.thumbnail(picture),
            caption=messages.escape(picture.name),
            width=120,
            alt=picture.name,
        )
        st.caption(
            t(
                "Channels {first} to {last} of {layer} are zero. What follows in this stream, up to the next layer "
                "that reads both ({joins}), comes from biases alone.",
                first=channels[0],
                last=channels[-1],
                layer=layer,
                joins="fc6" if layer in ("conv4", "conv5") else "conv3",
            )
        )
    with answers:
        before = networks.answer(model, picture).probabilities
        after = softmax(networks.switched_off(model, picture, ((layer, channels),)))
        shown = list(dict.fromkeys([*before.argsort()[::-1][:TOP], int(after.argmax())]))
        best = class_words(model.classes[int(after.argmax())], t)
        st.markdown(f"**{t('Without it: {name}', name=best)}** · {after.max():.0%}")
        titles = (t("both streams"), t("one switched off"))
        bars.before_and_after(t, model.classes, before, after, shown, titles, "gpus_off")
    staying = cached.photos_kept(model, SPLIT_LAYERS)
    counts = {
        t(name): [len(staying[place, number]) for place in SPLIT_LAYERS] for number, name in enumerate(STREAM_NAMES)
    }
    st.markdown(
        t(
            "How many of the {count} sample photos keep their answer, right or wrong, without the stream:",
            count=len(PHOTOS),
        )
    )
    st.dataframe({t("Layer"): list(SPLIT_LAYERS), **counts}, hide_index=True, height="content")
    photos = staying[layer, stream]
    st.caption(
        t(
            "With {stream} off at {layer}, {count} keep theirs:",
            stream=t(STREAM_NAMES[stream]),
            layer=layer,
            count=len(photos),
        )
    )
    for place, sample_id in zip(tiles(len(photos), 72), photos, strict=True):
        photo = stored.sample(sample_id, t)
        place.image(stored.thumbnail(photo), width=72, alt=photo.name)


# ---- What splitting saves -------------------------------------------------------------------------------------------


def _cost(t: Translator) -> None:
    two = MODELS["alexnet_2012"].spec
    networks = {
        t("Two streams"): walk(two),
        t("One stream"): walk(MODELS["alexnet_single"].spec),
        t("One GPU, half as wide"): walk(half_as_wide(two)),
    }
    what = st.segmented_control(
        t("Compare"),
        ["params", "macs"],
        default="params",
        format_func={"params": t("Parameters"), "macs": t("MACs for one picture")}.__getitem__,
        required=True,
        key=f"gpus_quantity_{t.language}",
    )
    layers = [row.name for row in walk(two).rows if row.params]
    by_name = {title: {row.name: row for row in walked.rows} for title, walked in networks.items()}
    st.dataframe(
        {
            t("Layer"): [*layers, t("Total")],
            **{
                title: [
                    *(f"{getattr(by_name[title][layer], what):,}" for layer in layers),
                    f"{getattr(walked, what):,}",
                ]
                for title, walked in networks.items()
            },
        },
        hide_index=True,
        height="content",
    )
    st.markdown(
        t(
            "In conv2, conv4 and conv5 a kernel sees only its own half of the maps, so these layers halve: half the "
            "weights, half the work, and nothing to wait for. For one picture {two:,} values come to each card from "
            "the other; without the groups it would be {one:,}.",
            two=received_values(networks[t("Two streams")]),
            one=received_values(networks[t("One stream")]),
        )
    )
    st.markdown(
        t(
            "**What the paper claims (section 3.2):** the two-GPU network has 1.7 (top-1) and 1.2 (top-5) percentage "
            "points less error than a one-GPU network half as wide. That network keeps all kernels of conv5 and all "
            "fully connected units (footnote 2), so it is nearly as large: last column. The undivided network, in the "
            "middle, is not in that comparison."
        )
    )


SECTIONS: Mapping[str, tuple[str, Callable[[Translator], None]]] = {
    "memory": (N_("Does it fit on one card?"), _memory),
    "conv1": (N_("Does one stream take the colours?"), _conv1),
    "off": (N_("One stream switched off"), _off),
    "cost": (N_("What the split saves"), _cost),
}
