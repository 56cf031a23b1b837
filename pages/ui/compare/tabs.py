"""The tabs of the compare page: charts, AlexNet's limits in numbers, one photo through two networks, and the story."""

from collections.abc import Mapping, Sequence

import streamlit as st

from alexnet_viz.charts import compare as compare_charts
from alexnet_viz.network.arithmetic import shape_text
from alexnet_viz.network.comparison import Compared, notes
from alexnet_viz.network.spec import Activation, Conv, Layer, Spec, walk
from alexnet_viz.words import lessons
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import percent
from pages.ui import messages, server
from pages.ui.choose import models, pictures
from pages.ui.compare import cached
from pages.ui.messages import class_words
from pages.ui.session import Picture
from pages.ui.store import networks
from pages.ui.store import pictures as stored
from pages.ui.widgets import bars, show
from pages.ui.widgets.layout import Tabs
from pages.ui.widgets.progress import download_button

REUSE = (1, 10, 100)
TOP = 5
RESNET_ASKED = "resnet_asked"  # session key: the visitor pressed the button once, so torchvision is loaded anyway

Rows = Sequence[Compared]


# ---- Charts of the table --------------------------------------------------------------------------------------------


def _shares(t: Translator, rows: Rows) -> None:
    st.markdown(t("A convolution uses each weight at every place, a fully connected layer uses it once."))
    params = [(row.conv_params, row.fc_params, row.params) for row in rows]
    macs = [(row.conv_macs, row.fc_macs, row.macs) for row in rows]
    panels = (("params", t("Parameters"), params), ("macs", t("MACs for one image"), macs))
    names, parts = [t(row.name) for row in rows], (t("convolutions"), t("fully connected layers"))
    for place, (key, title, shares) in zip(st.columns(2), panels, strict=True):
        told = "; ".join(f"{name}: {percent(conv / of)}" for name, (conv, _, of) in zip(names, shares, strict=True))
        with place:
            st.markdown(f"**{title}**")
            show.chart(
                compare_charts.share_bars(names, shares, *parts),
                f"{title}. {t('Share of the convolutions, for each network:')} {told}",
                f"share_bars_{key}",
            )


def _work(t: Translator, rows: Rows) -> None:
    st.markdown(t("Each grid line is ten times the one before. Dotted: each parameter is used 1, 10 or 100 times."))
    names, axes = [t(row.name) for row in rows], (t("Parameters"), t("MACs for one image"))
    figure = compare_charts.work_scatter(names, [row.params for row in rows], [row.macs for row in rows], *axes, REUSE)
    told = (
        t("{name}: {params:,} parameters, {macs:,} MACs", name=t(row.name), params=row.params, macs=row.macs)
        for row in rows
    )
    show.chart(figure, "; ".join(told), "work_scatter")


# ---- Limits ---------------------------------------------------------------------------------------------------------

_LARGE_KERNELS = {5: 2, 7: 3, 11: 5}  # side of one kernel: how many 3x3 reach as far; also its padding
_MIDDLE = 27  # side of the maps in the second table, as those that AlexNet's conv2 sees


def _limits(t: Translator, rows: Rows) -> None:
    width = st.slider(t("Channels between the small kernels"), 8, 128, 32, 8, key="limits_width")
    st.markdown(f"#### {t('One 11x11 kernel with stride 4')}")
    stack = (Conv(width, 3, stride=2), Conv(width, 3), Conv(96, 3, stride=2))
    _stacks(t, (3, 227, 227), {"11x11/4": (Conv(96, 11, stride=4),), "3x3/2 + 3x3 + 3x3/2": stack})
    st.markdown(
        t(
            "Both see 11 x 11 pixels, step by 4 and give 96 maps of 55 x 55; the stack has three ReLUs instead of one. "
            "It is not cheaper by itself: its first layers work at fine resolution, so their width decides. It looks "
            "in finer steps, though. Zeiler and Fergus (2014) found AlexNet's first kernels too coarse and took 7x7 "
            "with stride 2; ResNet-18 begins like that."
        )
    )
    st.markdown(f"#### {t('In the middle of a network')}")
    stacks = {}
    for side, count in _LARGE_KERNELS.items():
        stacks[f"{side}x{side}"] = (Conv(width, side, padding=count),)
        stacks[f"{count} x 3x3"] = (Conv(width, 3, padding=1),) * count
    _stacks(t, (width, _MIDDLE, _MIDDLE), stacks)
    st.markdown(
        t(
            "With as many channels going in as coming out, small kernels reach as far with fewer weights and less "
            "work, and there is a ReLU after each (Simonyan and Zisserman 2014, section 2.3)."
        )
    )
    st.markdown(f"#### {t('Depth')}")
    depths = {row.id: row.depth for row in rows}
    st.markdown(
        t(
            "AlexNet has {alexnet} layers with weights. Its authors found that removing any middle one costs about "
            "2 % top-1 (section 7): depth mattered already. ResNet-18 has {resnet}. Hundreds of layers, which "
            "ResNet-152 comes near, are the deep end, not the rule.",
            alexnet=depths["alexnet_2012"],
            resnet=depths["resnet18"],
        )
    )
    st.markdown(f"#### {t('LRN, batch norm, layer norm')}")
    st.markdown(_normalisations(t))


def _stacks(t: Translator, shape: tuple[int, int, int], stacks: Mapping[str, tuple[Layer, ...]]) -> None:
    """A table of convolutions, each followed by a ReLU, on an input of this shape."""
    walked = {
        name: walk(Spec(shape, tuple(layer for conv in convs for layer in (conv, Activation()))))
        for name, convs in stacks.items()
    }
    last = [found.rows[-1] for found in walked.values()]
    st.dataframe(
        {
            t("Convolutions"): list(walked),
            t("Parameters"): [f"{found.params:,}" for found in walked.values()],
            t("MACs for one image"): [f"{found.macs:,}" for found in walked.values()],
            t("Receptive field, pixels"): [row.receptive_field for row in last],
            t("ReLUs"): [len(convs) for convs in stacks.values()],
            t("Output"): [shape_text(row.shape) for row in last],
        },
        hide_index=True,
        height="content",
    )


# A row each: what is asked, then LRN's, batch norm's and layer norm's answer.
_NORMALISATIONS = (
    (
        N_("One value is divided by a measure of"),
        N_("its neighbours: the same place in 5 channels, itself among them"),
        N_("its channel: every place, every picture of the batch"),
        N_("its own picture: in a Transformer, all values of one token"),
    ),
    (N_("The mean is subtracted"), N_("no"), N_("yes"), N_("yes")),
    (
        N_("It learns"),
        N_("nothing"),
        N_("a scale and a shift for each channel"),
        N_("a scale and a shift for each feature"),
    ),
    (
        N_("In use, after training"),
        N_("the same"),
        N_("with the mean and variance remembered from training"),
        N_("the same: no other picture is needed"),
    ),
    (
        N_("Where"),
        N_("AlexNet, ZFNet and GoogLeNet; hardly anywhere since 2015"),
        N_("ResNet and most CNNs"),
        N_("Transformers, and some recent CNNs"),
    ),
)


def _normalisations(t: Translator) -> str:
    head = f"| | LRN | {t('Batch norm')} | {t('Layer norm')} |\n|--|--|--|--|\n"
    return head + "\n".join("| " + " | ".join(t(cell) for cell in row) + " |" for row in _NORMALISATIONS)


# ---- One photo ------------------------------------------------------------------------------------------------------


def _photo(t: Translator, rows: Rows) -> None:
    photo, own, modern = st.columns([2, 3, 3], gap="medium")
    with photo:
        picture = pictures.picture_popover(t)
        show.picture(stored.thumbnail(picture), picture.name, messages.escape(picture.name), width=148)
    with own:
        chosen = models.model(t)
        model = networks.load(chosen)
        if not model.trained:
            st.warning(t("These weights are random: this network has learnt nothing, so its answer means nothing."))
        _answer(t, networks.answer(model, picture), "compare_own")
    with modern:
        st.markdown(f"**{t('ResNet-18 (2015), with shortcuts')}**")
        _resnet(t, picture)
    st.caption(
        t(
            "ResNet-18 answers with one of ImageNet's 1000 classes, among them tabby, Persian and Siamese cats but no "
            "plain cat. The small networks choose among ten."
        )
    )


def _resnet(t: Translator, picture: Picture) -> None:
    from alexnet_viz.inspection import resnet

    path = resnet.find()
    if path is None:
        _no_file(t)
        return
    asked = st.session_state.get(RESNET_ASKED, False)
    if not asked and not st.button(t("Ask ResNet-18"), icon=":material/play_arrow:", key="resnet_ask"):
        where = f"`{server.shown_path(path)}`"
        st.caption(t("The first answer takes some seconds: torchvision is loaded for it. Weights: {path}", path=where))
        return
    st.session_state[RESNET_ASKED] = True
    with st.spinner(t("ResNet-18 looks at the picture")):
        answer = cached.resnet_answer(path, picture)
    _answer(t, answer, "compare_resnet")


def _answer(t: Translator, answer, key: str) -> None:
    class_id, probability = answer.top(1)[0]
    st.markdown(f"**{class_words(class_id, t)}** · {percent(probability)}")
    bars.best(t, answer.top(TOP), key)


def _no_file(t: Translator) -> None:
    """How the file gets here, and for those who sit at this computer where it is looked for."""
    from alexnet_viz.inspection import resnet

    file, url = resnet.FILE, resnet.URL
    if server.at_this_computer():
        looked = "\n".join(f"- `{path}`" for path in resnet.places())
        here = t("Its published weights ({file}, 45 MiB) are not here. They are looked for as", file=file)
        st.markdown(f"{here}\n{looked}")
        st.caption(
            t(
                "Nothing is downloaded unless you ask. Without a network: fetch {url} elsewhere and put the file "
                "there.",
                url=url,
            )
        )
    else:
        text = N_("Its published weights ({file}, 45 MiB) are not here. Nothing is downloaded unless you ask.")
        st.markdown(t(text, file=file))
    if download_button(t, resnet.download, key="resnet_download"):
        st.rerun()


# ---- In words -------------------------------------------------------------------------------------------------------


def _story(t: Translator, rows: Rows) -> None:
    st.markdown(lessons.lesson("compare", t.language))


def _notes(t: Translator, rows: Rows) -> None:
    st.markdown(t("A MAC is one multiplication and one addition; biases are not counted. 1 MAC = 2 FLOPs."))
    st.markdown("\n".join(f"- **{t(row.name)}**: {t(text)}" for row, text in notes(rows)))
    sources = [f"- **{t(row.name)}**: {row.history.source}" for row in rows if row.history]
    st.markdown(t("How a network was trained is what its paper says:") + "\n" + "\n".join(sources))


TABS: Tabs = {
    "shares": (N_("Where parameters and work live"), _shares),
    "work": (N_("Parameters against work"), _work),
    "limits": (N_("AlexNet's limits"), _limits),
    "photo": (N_("The same photo"), _photo),
    "story": (N_("What changed, and why"), _story),
    "notes": (N_("How it was counted"), _notes),
}
