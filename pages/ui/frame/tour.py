"""A guided tour: ten stops through the pages with the current photo. A bar over each page says what to look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from alexnet_viz.words.i18n import N_, Translator
from pages.ui.frame.menu import PAGES

_STOP = "tour_stop"  # session key: the stop one is at, counted from 0; absent without a tour


@dataclass(frozen=True)
class Stop:
    """A page in a certain state, and what to see there."""

    page: str
    text: str  # marked for translation
    query: Mapping[str, str] = field(default_factory=dict)


STOPS = (
    Stop("classify", N_("The photo goes in, an answer comes out. How sure is the network, and what comes second?")),
    Stop(
        "classify",
        N_(
            "What it really sees: a square of 224 x 224 pixels, as numbers around zero. Look up a pixel of your choice."
        ),
        {"tab": "input"},
    ),
    Stop(
        "architecture",
        N_("Eight layers with weights. Click conv1, change its stride, and watch every later shape follow."),
    ),
    Stop(
        "filters",
        N_("The first layer's filters, found by training alone: stripes of every direction, and spots of colour."),
        {"layer": "conv1"},
    ),
    Stop(
        "feature_maps",
        N_("The same filters at work: each map shows where in the photo its filter found what it looks for."),
        {"layer": "conv1"},
    ),
    Stop(
        "feature_maps",
        N_(
            "Four layers on, behind the ReLU: the maps are small and mostly dark. Few units answer, each to something "
            "of its own."
        ),
        {"layer": "relu5"},
    ),
    Stop(
        "attribution",
        N_("Where in the photo did the answer come from? Ask for another class and see the map move."),
    ),
    Stop(
        "techniques", N_("Why ReLU? Send a signal through twenty layers and see what is left of it."), {"tab": "relu"}
    ),
    Stop("compare", N_("From LeNet-5 to ResNet-18: where the parameters went, and what replaced what.")),
    Stop("train", N_("Now let a network learn. Shapes-10 needs no download and is over within a minute or two.")),
)


def start() -> None:
    """Begin at the first stop."""
    _go(0)


def bar(t: Translator, page: str) -> None:
    """What to look at on this stop, and the way on; nothing without a tour."""
    at = st.session_state.get(_STOP)
    if at is None:
        return
    stop = STOPS[at]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{t('Stop {number} of {count}', number=at + 1, count=len(STOPS))}** · {t(stop.text)}")
        if page != stop.page and st.button(t("Back to the tour"), icon=":material/undo:", key="tour_return"):
            _go(at)
        if at and st.button(t("Back"), icon=":material/arrow_back:", key="tour_back"):
            _go(at - 1)
        if at + 1 < len(STOPS) and st.button(
            t("Next"), icon=":material/arrow_forward:", type="primary", key="tour_next"
        ):
            _go(at + 1)
        if st.button(t("End the tour"), icon=":material/close:", type="tertiary", key="tour_end"):
            del st.session_state[_STOP]
            st.rerun()


def _go(number: int) -> None:
    st.session_state[_STOP] = number
    stop = STOPS[number]
    st.switch_page(PAGES[stop.page].file, query_params=dict(stop.query))
