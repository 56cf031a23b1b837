"""The tabs of the techniques page: each is some experiments, a lesson, and questions."""

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from alexnet_viz.words import lessons
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import messages
from pages.ui.techniques import augmentation as technique_augmentation
from pages.ui.techniques import dropout as technique_dropout
from pages.ui.techniques import gpus as technique_gpus
from pages.ui.techniques import lrn as technique_lrn
from pages.ui.techniques import paper as technique_paper
from pages.ui.techniques import pooling as technique_pooling
from pages.ui.techniques import relu as technique_relu
from pages.ui.widgets.layout import Tabs
from pages.ui.widgets.quiz import quiz_box

Sections = Mapping[str, tuple[str, Callable[[Translator], None]]]  # by id: title, marked for translation; what draws it

_TECHNIQUES: Mapping[str, tuple[str, Sections]] = {
    "relu": (N_("ReLU"), technique_relu.SECTIONS),
    "dropout": (N_("Dropout"), technique_dropout.SECTIONS),
    "lrn": (N_("LRN"), technique_lrn.SECTIONS),
    "augmentation": (N_("Augmentation"), technique_augmentation.SECTIONS),
    "pooling": (N_("Pooling"), technique_pooling.SECTIONS),
    "gpus": (N_("Two GPUs"), technique_gpus.SECTIONS),
    "paper": (N_("Paper against code"), technique_paper.SECTIONS),
}


def sections() -> Mapping[str, tuple[str, ...]]:
    """The ids of each technique's experiments, in their order."""
    return {technique: tuple(parts) for technique, (_, parts) in _TECHNIQUES.items()}


def _draw(technique: str, t: Translator) -> None:
    """One tab. The first experiment is there at once; the others compute when they are opened.

    A lesson links to an experiment's heading as #TECHNIQUE-SECTION.
    """
    for number, (section, (title, show)) in enumerate(_TECHNIQUES[technique][1].items()):
        st.subheader(t(title), anchor=f"{technique}-{section}")
        if number == 0:
            with messages.shown(t):
                show(t)
            continue
        box = st.expander(t("Open the experiment"), on_change="rerun", key=f"{technique}_{section}_{t.language}")
        if box.open:
            with box, messages.shown(t):
                show(t)
    with st.container(key=f"aside_lesson_{technique}"):
        st.divider()
        st.markdown(lessons.lesson(f"techniques-{technique}", t.language))
    quiz_box(t, technique)


TABS: Tabs = {technique: (title, partial(_draw, technique)) for technique, (title, _) in _TECHNIQUES.items()}
