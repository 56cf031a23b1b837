"""The parts of the home page below its first screen: the result of 2012, the pages, and this installation."""

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from alexnet_viz.installation import extras, installation
from alexnet_viz.network.comparison import comparison
from alexnet_viz.network.sources import default_model
from alexnet_viz.network.spec import walk
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.paper.milestones import ILSVRC_2012
from alexnet_viz.pictures import render
from alexnet_viz.serving.imports import ml_is_ready
from alexnet_viz.training.runs import runs
from alexnet_viz.words import lessons
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import percent
from pages.ui import messages, server
from pages.ui.choose import pictures
from pages.ui.frame.menu import PAGES
from pages.ui.home import cached
from pages.ui.messages import class_words
from pages.ui.session import Picture
from pages.ui.store import networks, training
from pages.ui.store import pictures as stored
from pages.ui.widgets import show
from pages.ui.widgets.layout import tiles

CARD = 262  # pixels: three beside an open menu at 1280
WAIT = 1.0  # seconds between two looks whether torch is there
CHANNELS = 24  # of the thumbnail of feature maps, the ones that answer most


def where_it_runs(t: Translator) -> None:
    """Whether a visitor's pictures leave their computer: not for those who sit at the one that the app runs on."""
    if server.at_this_computer():
        st.markdown(
            t("Everything runs on this computer. No picture leaves it, and nothing is downloaded unless you ask.")
        )
        return
    st.markdown(
        t(
            "Everything runs on the computer that serves this page. Pictures that you choose are sent there, kept in "
            "its memory while you are here, shown to nobody else and sent nowhere else."
        )
    )


def result(t: Translator) -> None:
    """The result that made 2012 a turning point."""
    st.subheader(t("The result of 2012"), anchor=False)
    words, chart = st.columns([2, 3], gap="large", vertical_alignment="center")
    words.markdown(
        t(
            "For each photo a network may name five of 1000 classes. Of the test photos the runner-up missed the right "
            "one in **26.2 %**, AlexNet's winning entry in **15.3 %**: seven networks, averaged. One alone had 18.2 % "
            "on the validation photos."
        )
    )
    with chart:
        for one in ILSVRC_2012:
            name = f"**{t(one.title)}**" if one.is_alexnet else t(one.title)
            st.progress(one.top5_error / 100, f"{name}: {one.top5_error} %")
    box = st.expander(t("The whole story, on one page"), on_change="rerun", key=f"home_story_{t.language}")
    if box.open:
        box.markdown(lessons.lesson("story", t.language))


def cards(t: Translator) -> None:
    """A living thumbnail of each page, of the current photo. Until torch is there the pages wait without one."""
    st.subheader(t("The pages"), anchor=False)
    st.fragment(_cards, run_every=None if ml_is_ready() else WAIT)(t, ml_is_ready())


def _cards(t: Translator, was_ready: bool) -> None:
    if ml_is_ready() and not was_ready:
        st.rerun()  # once more as a whole, which ends the timer
    picture = pictures.current_picture(t)
    shown = {page: PAGES[page] for page in _CARDS if page in PAGES}
    for place, (page, entry) in zip(tiles(len(shown), CARD, even=True), shown.items(), strict=True):
        needs_torch, text, draw = _CARDS[page]
        with place.container(border=True, height="stretch"):
            st.page_link(entry.file, label=f"**{t(entry.title)}**", icon=entry.icon)
            if was_ready or not needs_torch:
                draw(t, picture)
            st.caption(t(text))


# ---- One thumbnail each ---------------------------------------------------------------------------------------------


def _answer(t: Translator, picture: Picture) -> None:
    (best, share), *_ = networks.answer(networks.model(default_model()), picture).top(1)
    st.image(stored.thumbnail(picture), width="stretch", alt=picture.name)
    st.markdown(f"**{class_words(best, t)}** {percent(share)}")


def _maps(t: Translator, picture: Picture) -> None:
    values = networks.layers(networks.model(default_model()), picture)["relu1"]
    strongest = np.argsort(-values.mean((1, 2)))[:CHANNELS]
    sheet = render.montage(values[strongest], values[strongest].max((1, 2)), 2 * CARD)
    show.picture(sheet.png, t("Maps of the first layer"))


def _filters(t: Translator, picture: Picture) -> None:
    png = cached.filter_sheet(networks.model(default_model()), "conv1", 2 * CARD)
    show.picture(png, t("The first layer's filters"), width="content")


def _attribution(t: Translator, picture: Picture) -> None:
    show.picture(cached.gradcam(networks.model(default_model()), picture), t("Grad-CAM over the photo"))


def _layers(t: Translator, picture: Picture) -> None:
    walked = walk(MODELS["alexnet_2012"].spec)
    macs = [row.macs for row in walked.rows if row.params]
    st.metric(t("Parameters"), f"{walked.params:,}", chart_data=macs, chart_type="bar")


def _activations(t: Translator, picture: Picture) -> None:
    xs = np.linspace(-3, 3, 25)
    st.metric(t("ReLU of 3"), "3", chart_data=np.maximum(xs, 0).tolist(), chart_type="line")


def _networks(t: Translator, picture: Picture) -> None:
    rows = comparison()
    st.metric(t("Networks"), len(rows), chart_data=[row.params for row in rows], chart_type="bar")


def _learning(t: Translator, picture: Picture) -> None:
    if told := next((epochs for one in runs() if (epochs := training.overview(one).epochs)), None):
        shares = [100 * epoch.train_accuracy for epoch in told]
        st.metric(t("Training images right"), percent(told[-1].train_accuracy), chart_data=shares)


def _runs(t: Translator, picture: Picture) -> None:
    known = runs()
    ended = [told for one in known if (told := training.overview(one).finished) and told.test_accuracy is not None]
    bars = [100 * told.test_accuracy for told in ended] if len(ended) > 1 else None
    st.metric(t("Runs"), len(known), chart_data=bars, chart_type="bar")


# By page: whether its thumbnail needs torch, one sentence, and what draws it.
_CARDS: Mapping[str, tuple[bool, str, Callable[[Translator, Picture], None]]] = {
    "classify": (True, N_("What is in the photo, and how sure is the network?"), _answer),
    "feature_maps": (True, N_("What each layer makes of the photo, down to one number."), _maps),
    "filters": (True, N_("What the layers look for, measured and drawn."), _filters),
    "attribution": (True, N_("Which pixels the answer came from, and whether to trust that."), _attribution),
    "architecture": (False, N_("Change a layer; every shape, count and receptive field follows."), _layers),
    "techniques": (False, N_("ReLU, dropout, LRN, augmentation: an experiment for each idea."), _activations),
    "compare": (False, N_("From LeNet-5 to ResNet-18, counted."), _networks),
    "train": (False, N_("Watch a network learn, live."), _learning),
    "runs": (False, N_("Every training so far, epoch by epoch."), _runs),
}


# ---- This installation ----------------------------------------------------------------------------------------------


def this_installation(t: Translator) -> None:
    """What is here, and what may be downloaded."""
    st.subheader(t("This installation"), anchor=False)
    facts = installation()
    for place, fact in zip(tiles(len(facts), CARD), facts, strict=True):
        place.metric(t(fact.label), t(fact.value), help=messages.said(fact.hint, t) if fact.hint else None, border=True)
    st.markdown(t("Everything works without a network. These may be downloaded, on the page that uses them:"))
    st.dataframe(
        {
            t("What"): [t(extra.title) for extra in extras()],
            t("For"): [t(extra.use) for extra in extras()],
            t("Size"): [f"{extra.mebibytes} MiB" for extra in extras()],
            t("Page"): [t(PAGES[extra.page].title) for extra in extras()],
            t("Here"): [t("yes") if extra.is_here else t("no") for extra in extras()],
        },
        hide_index=True,
    )
