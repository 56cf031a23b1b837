"""Paper against code: what the authors' code and torchvision's do differently, and what that changes."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.network.spec import LRN
from alexnet_viz.paper import departures
from alexnet_viz.paper.departures import Departure
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import percent
from pages.ui.choose import pictures
from pages.ui.store import networks
from pages.ui.techniques import cached, parts
from pages.ui.widgets import show
from pages.ui.widgets.layout import Tabs, pick

MODEL = "alexnet_200"  # torchvision's trained convolutions
ALPHAS = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
ROUNDINGS: Mapping[str, str] = {"floor": N_("down (PyTorch)"), "ceil": N_("up (the 2012 code)")}
SOURCE_NOTES: Mapping[str, str] = {
    "code": N_("The authors' own source, computerhistory/AlexNet-Source-Code. In brackets: the paper's section."),
    "torchvision": N_(
        "torchvision states 56.522 % top-1 and 79.066 % top-5 for its weights: those are accuracies, with the "
        "centre crop, not error rates. In brackets: the paper's section."
    ),
}
DRAWS = 20

# ---- Claims ----------------------------------------------------------------------------------------------------------


def claims(t: Translator) -> None:
    """Every departure: what the paper says, what the code does, and what follows."""
    titles = {source: title for source, (title, _) in departures.SOURCES.items()}
    picked = pick(t, t("Compare the paper with"), titles, current="code", segments=True, key="paper_source")
    title, found = departures.SOURCES[picked]
    st.table(
        [
            {
                t("What"): _title(t, one),
                t("The paper says"): f"{t(one.paper)} [{one.section}]",
                t(title): f"{t(one.code)} (`{one.source}`)" if one.source else t(one.code),
                t("What follows"): t(one.effect),
            }
            for one in found
        ],
        hide_index=True,
        alt=t("Claims of the paper against the code"),
    )
    st.caption(t(SOURCE_NOTES[picked]))


def _title(t: Translator, departure: Departure) -> str:
    title = f"**{t(departure.title)}**"
    return f"{title} ([{t('try it')}](#paper-switches))" if departure.switch else title


# ---- Switches --------------------------------------------------------------------------------------------------------


def _alpha(t: Translator) -> None:
    values = _both_ways(t, "alpha", _lrn(t, "paper_alpha"), t("As printed: alpha"), t("The code: alpha / n"))
    st.markdown(
        t(
            "On relu1 of this photo the printed formula's values lie **{median}** below the code's in the median and "
            "**{largest}** at most.",
            **values,
        )
    )
    gap = cached.lrn_uniform_gap()
    st.caption(
        t(
            "With alpha = 0.0001 and values uniform in 0..50: {median} in the median, {bound} at most.",
            median=percent(gap.median),
            bound=percent(gap.bound),
        )
    )


def _order(t: Translator) -> None:
    titles = (t("The paper: ReLU, LRN, pool"), t("The code: LRN, pool, ReLU"))
    st.markdown(
        t(
            "In pool1 of this photo the code's values lie **{median}** below the paper's in the median and "
            "**{largest}** at most. Pooling and ReLU can change places without harm; LRN before the ReLU counts "
            "negative neighbours too, so it divides by more.",
            **_both_ways(t, "order", _lrn(t, "paper_order"), *titles),
        )
    )


def _pool5(t: Translator) -> None:
    st.markdown(
        t(
            "Largest difference of all values of pool5: **{difference:g}**. Of a window's values the ReLU leaves the "
            "largest one the largest, or makes all of them zero.",
            **_both_ways(t, "pool5", None, t("The paper: ReLU, pool"), t("The code: pool, ReLU")),
        )
    )


def _lrn(t: Translator, key: str) -> LRN:
    alpha = st.select_slider("alpha", ALPHAS, 0.1, format_func="{:g}".format, key=key)
    st.caption(
        t(
            "The paper's alpha is 0.0001, for inputs whose squares are {square:,.0f} times as large as here.",
            square=departures.mean_square(departures.input_ratios()),
        )
    )
    return LRN(alpha=alpha)


def _both_ways(t: Translator, experiment: str, layer: LRN | None, paper: str, code: str) -> Mapping[str, str | float]:
    """The strongest maps both ways, side by side; returns the largest difference, and how much changed, for a text."""
    sheets, difference, change = cached.both_ways(networks.model(MODEL), pictures.current_picture(t), experiment, layer)
    caption = N_("The {count} strongest maps of this photo in the same colours, full from {limit:.2f} on: {channels}.")
    parts.two_sheets(t, sheets, paper, code, caption)
    return {"difference": difference, "median": percent(change.median), "largest": percent(change.largest)}


def _rounding(t: Translator) -> None:
    ways = [
        (t("227, rounding down"), departures.sizes(227, 0, "floor")),
        (t("224, rounding down"), departures.sizes(224, 0, "floor")),
        (t("224, rounding up"), departures.sizes(224, 0, "ceil")),
        (t("224, padding 2, rounding down"), departures.sizes(224, 2, "floor")),
    ]
    table = {t("Layer"): [size.name for size in ways[0][1]]}
    show.table(table | {title: [f"{size.side} x {size.side}" for size in found] for title, found in ways})
    st.markdown(
        t(
            "fc6 has weights for {needed:,} inputs. 224 with rounding down ends in {floor:,}, and fc6 fails; the "
            "code's rounding up and torchvision's padding both bring 224 to {ceil:,}.",
            needed=departures.FC6_INPUTS,
            floor=departures.fc6_inputs(224, 0, "floor"),
            ceil=departures.fc6_inputs(224, 0, "ceil"),
        )
    )


def _dropout(t: Translator) -> None:
    pool5 = networks.layers(networks.model(MODEL), pictures.current_picture(t))["pool5"]
    draw = st.slider(t("Draw"), 1, DRAWS, 1, key="paper_draw")
    titles = {t("The paper"): "alexnet_2012", "torchvision": "alexnet_torchvision"}
    show.table(
        [
            {
                t("Network"): title,
                t("Dropout"): t("after {after}, before {before}", after=place.after, before=place.before),
                t("Values that pass"): place.values,
                t("Zero in this draw"): place.zeroed,
            }
            for title, model_id in titles.items()
            for place in cached.dropout_draw(model_id, draw)
        ]
    )
    st.markdown(
        t(
            "The paper thins out what fc6 and fc7 answer. torchvision, and the seed document's class, thin out what "
            "fc6 and fc7 are given: the 9,216 values of pool5, but not what fc8 gets. In this photo {zeros:,} of the "
            "9,216 are zero already; to drop one of those changes nothing.",
            zeros=int((pool5 == 0).sum()),
        )
    )


def _mean(t: Translator) -> None:
    picture = pictures.current_picture(t)
    paper, torchvision = (
        cached.input_scales(model_id, MODEL, picture) for model_id in ("alexnet_2012", "alexnet_torchvision")
    )
    show.table(
        {
            t("Colour"): [t("red"), t("green"), t("blue")],
            t("The paper's way: from, to"): [f"{one.minimum:.1f} ... {one.maximum:.1f}" for one in paper],
            t("torchvision: from, to"): [f"{one.minimum:.2f} ... {one.maximum:.2f}" for one in torchvision],
            t("Times as large"): [f"{ratio:.1f}" for ratio in departures.input_ratios()],
        }
    )
    st.markdown(
        t(
            "The same pixels of this photo. The paper takes the mean off and leaves the numbers as large as they are; "
            "torchvision also divides by the standard deviation of each colour. To a convolution it is nearly the same "
            "picture in larger numbers; LRN, which squares them, does more."
        )
    )
    st.caption(
        t(
            "The paper's mean is an image, a number for each pixel. It does not come with this app, so one mean for "
            "each colour stands in for it."
        )
    )


def _decay(t: Translator) -> None:
    cut = st.slider(t("Step at which the learning rate falls to a tenth"), 5, 80, 15, 5, key="paper_cut")
    found = departures.descend(cut)
    names = (t("the paper: e inside v"), t("torch.optim.SGD: e outside"))
    widest = {"cut": cut, "step": found.widest, "apart": max(found.apart)}
    show.chart(
        technique_charts.two_rules(found.paper, found.torch, cut, names, (t("Steps"), t("Weight w"))),
        t("The two curves are equal up to step {cut}; after {step} steps they are {apart:.3f} apart", **widest),
        "paper_decay",
    )
    st.latex(r"\text{paper: } v \leftarrow 0.9\,v - 0.0005\,\epsilon\,w - \epsilon\,g,\quad w \leftarrow w + v")
    st.latex(r"\text{PyTorch: } b \leftarrow 0.9\,b + 0.0005\,w + g,\quad w \leftarrow w - \epsilon\,b")
    st.markdown(
        t(
            "One weight on its way to the bottom of (w - 1)² / 2. While the learning rate e stays, both rules are the "
            "same. After the cut at step {cut} the paper's v keeps its old speed and loses it step by step; PyTorch's "
            "next step is a tenth at once. After {step} steps the two are **{apart:.3f}** apart.",
            **widest,
        )
    )


def _groups(t: Translator) -> None:
    show.table(
        [
            {
                t("Layer"): one.name or t("Total"),
                t("The paper: two groups"): f"{one.paper:,}",
                t("The seed document: one group"): f"{one.single:,}",
                t("torchvision: one group, fewer filters"): f"{one.torchvision:,}",
            }
            for one in departures.group_counts()
        ]
    )
    st.caption(
        t("Parameters. Two groups halve the weights of conv2, conv4 and conv5: each kernel sees half of the maps.")
    )


SWITCHES: Tabs = {
    "alpha": (N_("LRN: alpha, or alpha divided by n"), _alpha),
    "order": (N_("Layer 1: ReLU before LRN, or after pooling"), _order),
    "pool5": (N_("Layer 5: ReLU before pooling, or after it"), _pool5),
    "rounding": (N_("Sizes: rounding down, or up"), _rounding),
    "dropout": (N_("Dropout: after fc6 and fc7, or before them"), _dropout),
    "mean": (N_("Input: mean only, or mean and standard deviation"), _mean),
    "decay": (N_("SGD: learning rate inside the velocity, or outside"), _decay),
    "groups": (N_("Groups: two streams, or one"), _groups),
}


# ---- 224 or 227? -----------------------------------------------------------------------------------------------------


def input_size(t: Translator) -> None:
    """The sizes from conv1 to pool5, worked out for any input."""
    size, padding, rounding = st.columns([4, 3, 6], gap="medium")
    side = size.slider(t("Side of the input"), 220, 232, 224, key="paper_side")
    pad = padding.segmented_control(t("Padding of conv1"), [0, 2], default=0, required=True, key="paper_padding")
    rule = pick(t, t("Rounding"), ROUNDINGS, segments=True, key="paper_rounding", of=rounding)
    found = departures.sizes(side, pad, rule)
    show.table(
        [
            {
                t("Layer"): one.name,
                t("Side worked out"): one.sum,
                t("Columns and rows never read"): one.unread,
                t("Added past the edge"): one.added,
            }
            for one in found
        ]
    )
    inputs = departures.fc6_inputs(side, pad, rule)
    values = {"side": found[-1].side, "inputs": inputs, "needed": departures.FC6_INPUTS}
    if inputs == departures.FC6_INPUTS:
        st.success(t("pool5 is {side} x {side}: fc6 gets the {inputs:,} values that it has weights for.", **values))
    else:
        st.warning(
            t("pool5 is {side} x {side}: {inputs:,} values, but fc6 has weights for {needed:,}. It fails.", **values)
        )


_SWITCHING = partial(parts.one_of, label=N_("Show the difference"), options=SWITCHES, key="paper_switch")
EXPERIMENTS: Tabs = {
    "claims": (N_("Where do paper and code part ways?"), claims),
    "switches": (N_("What difference does it make?"), _SWITCHING),
    "224": (N_("224 or 227?"), input_size),
}
