"""Two GPUs: why the network was split, what its two streams learnt, one of them switched off, and what it saved."""

from collections.abc import Mapping

import streamlit as st

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.inspection.classify import softmax
from alexnet_viz.inspection.filters import kernels
from alexnet_viz.inspection.techniques.gpus import members
from alexnet_viz.network import memory
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
from pages.ui.techniques import cached, parts
from pages.ui.widgets import bars, show
from pages.ui.widgets.layout import Tabs, pick, tiles

MODEL = "alexnet_cifar_2gpu"  # small, with two streams
CARDS: Mapping[int, str] = {1: N_("Whole network"), 2: N_("Each of two cards")}
BATCHES = (64, 128, 256, 512)
STREAM_NAMES: Mapping[int, str] = {0: N_("Stream 1"), 1: N_("Stream 2")}
SPLIT_LAYERS = ("conv1", "conv2", "conv4", "conv5")  # whose maps lie half on each GPU and are read there
TOP = 5

# What the rows of the memory table and the parts of its bars are called, and where `memory.Memory` has their bytes.
PARTS: Mapping[str, str] = {
    N_("Weights, gradients, momentum"): "parameters",
    N_("Outputs of its layers"): "outputs",
    N_("Copies from the other card"): "received",
    N_("Together, at least"): "lowest",
    N_("Gradients of the outputs and copies"): "gradients",
    N_("Together, with these"): "highest",
}
STACKED: Mapping[str, str] = {
    N_("Weights, gradients, momentum"): "parameters",
    N_("outputs, and copies of the other's"): "stored",
    N_("gradients of these"): "gradients",
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
    titles = {model_id: entry.title for model_id, entry in LISTED.items()}
    picked = pick(t, t("Network"), titles, current="alexnet_2012", key="gpus_network", of=network)
    batch = pictures.slider(t("Pictures in a batch"), 1, 512, 128, key="gpus_batch")
    in_place = st.toggle(
        t("ReLU overwrites its input"), key="gpus_in_place", help=t("Then it stores nothing of its own.")
    )
    walked = walk(model_entry(picked).spec)
    batches = sorted({*BATCHES, batch})
    taken = {
        cards: {many: memory.training_memory(walked, many, in_place=in_place, cards=cards) for many in batches}
        for cards in CARDS
    }
    panels = {
        t(CARDS[cards]): {t(part): [getattr(one, size) for one in by_batch.values()] for part, size in STACKED.items()}
        for cards, by_batch in taken.items()
    }
    whole, half = (by_batch[batch] for by_batch in taken.values())
    said = t(
        "With {batch} pictures: {low} to {high} on one card, {half_low} to {half_high} on each of two.",
        batch=batch,
        low=gibibytes(whole.lowest),
        high=gibibytes(whole.highest),
        half_low=gibibytes(half.lowest),
        half_high=gibibytes(half.highest),
    )
    axes = (t("Pictures in a batch"), t("GiB"))
    card = ("3 GB", memory.GTX_580_BYTES)
    show.chart(technique_charts.memory_bars(batches, batch, panels, card, axes), said, "gpus_memory")
    most, most_split = (memory.largest_batch(walked, card[1], in_place=in_place, cards=cards) for cards in CARDS)
    st.markdown(
        f"{said} "
        + t("By this count 3 GiB take {most:,} pictures on one card and {split:,} on two.", most=most, split=most_split)
    )
    one = memory.training_memory(walked, 1, in_place=in_place)
    st.latex(
        rf"\underbrace{{3 \cdot 4 \cdot {walked.params:,}}}_{{\text{{{t('parameters')}}}}}"
        rf" + \underbrace{{{batch} \cdot {one.outputs:,}}}_{{\text{{{t('outputs')}}}}}"
        rf" \;(+\, \text{{{t('gradients')}}})"
    )
    sizes = {
        t(CARDS[cards]): [gibibytes(getattr(by_batch[batch], size)) for size in PARTS.values()]
        for cards, by_batch in taken.items()
    }
    show.table({t("Held in memory"): [t(part) for part in PARTS]} | sizes)
    st.caption(
        t(
            "Counted: 4 bytes a value; each parameter with its gradient and momentum; the output of every layer once, "
            "also of ReLU, LRN, pooling and dropout; then the gradients of all those, as if kept at once. Not "
            "counted: the pictures, and the code's own buffers. So for the paper: close to full on one card; with its "
            "gradients a batch of 256 crosses 3 GB."
        )
    )


# ---- What the streams learnt ----------------------------------------------------------------------------------------


def _conv1(t: Translator) -> None:
    model = parts.network(
        t, MODEL, st.warning, N_("These weights are random: there is nothing to see in them but noise.")
    )
    found = cached.stream_colours(model)
    weights = kernels(model.network, "conv1")
    names = [t(name) for name in STREAM_NAMES.values()]
    for place, name, numbers, coloured in zip(
        st.columns(2, gap="medium"), names, found.order, found.coloured, strict=True
    ):
        own = weights[numbers]
        caption = t(
            "{count} kernels of 3 x 3, most colour first; {coloured} of them more colour than grey. "
            "Weights {low:.2f} to {high:.2f}, mid grey is 0.",
            count=len(own),
            coloured=int(coloured),
            low=own.min(),
            high=own.max(),
        )
        place.markdown(f"**{name}**")
        alt = t("The conv1 kernels of {stream}", stream=name)
        show.picture(render.kernels(own, 560).png, alt, caption, of=place)
    said = [
        t("{stream}: mean share of colour {mean:.2f}", stream=name, mean=mean)
        for name, mean in zip(names, found.means, strict=True)
    ]
    axes = (t("Share of colour in a filter"), t("mean"))
    show.chart(technique_charts.stream_colours(found.shares, names, axes), "; ".join(said), "gpus_colours")
    st.markdown(t(VERDICTS[found.verdict], chance=percent(found.chance)))
    st.caption(
        t(
            "Share of colour: what is left of a kernel's energy without each pixel's mean over red, green and blue. "
            "The paper saw it in every run at ImageNet's size (section 6.1); which GPU takes the colours changes from "
            "run to run. This network has 3 x 3 kernels and pictures of 32 x 32."
        )
    )


# ---- A stream switched off ------------------------------------------------------------------------------------------


def _off(t: Translator) -> None:
    warning = N_("These weights are random: this network has learnt nothing, so its answer means nothing.")
    model = parts.network(t, MODEL, st.warning, warning)
    choose, answers = st.columns(2, gap="medium")
    with choose:
        picture = pictures.picture_popover(t)
        stream = pick(t, t("Switch off"), STREAM_NAMES, segments=True, key="gpus_stream")
        layer = st.segmented_control(
            t("At the layer"), list(SPLIT_LAYERS), default="conv2", required=True, key="gpus_layer"
        )
        channels = members(model.network.spec, layer, stream)
        st.image(stored.thumbnail(picture), messages.escape(picture.name), width=120, alt=picture.name)
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
        shown = bars.contested(before, after, TOP)
        best = class_words(model.classes[int(after.argmax())], t)
        st.markdown(f"**{t('Without it: {name}', name=best)}** · {after.max():.0%}")
        titles = (t("both streams"), t("one switched off"))
        bars.before_and_after(t, model.classes, before, after, shown, titles, "gpus_off")
    staying = cached.photos_kept(model, SPLIT_LAYERS)
    counts = {t(name): [len(staying[place, i]) for place in SPLIT_LAYERS] for i, name in STREAM_NAMES.items()}
    st.markdown(
        t(
            "How many of the {count} sample photos keep their answer, right or wrong, without the stream:",
            count=len(PHOTOS),
        )
    )
    show.table({t("Layer"): list(SPLIT_LAYERS)} | counts)
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
    spec = MODELS["alexnet_2012"].spec
    two, one, narrow = walk(spec), walk(MODELS["alexnet_single"].spec), walk(memory.half_as_wide(spec))
    columns = {t("Two streams"): two, t("One stream"): one, t("One GPU, half as wide"): narrow}
    quantities = {"params": N_("Parameters"), "macs": N_("MACs for one picture")}
    what = pick(t, t("Compare"), quantities, segments=True, key="gpus_quantity")
    counts = {
        title: [f"{getattr(counted, what):,}" for counted in (*(row for row in walked.rows if row.params), walked)]
        for title, walked in columns.items()
    }
    show.table({t("Layer"): [*(row.name for row in two.rows if row.params), t("Total")]} | counts)
    st.markdown(
        t(
            "In conv2, conv4 and conv5 a kernel sees only its own half of the maps, so these layers halve: half the "
            "weights, half the work, and nothing to wait for. For one picture {two:,} values come to each card from "
            "the other; without the groups it would be {one:,}.",
            two=memory.received_values(two),
            one=memory.received_values(one),
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


EXPERIMENTS: Tabs = {
    "memory": (N_("Does it fit on one card?"), _memory),
    "conv1": (N_("Does one stream take the colours?"), _conv1),
    "off": (N_("One stream switched off"), _off),
    "cost": (N_("What the split saves"), _cost),
}
