"""The tabs of the techniques page: each is some experiments, a lesson, and questions."""

from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial

import streamlit as st

from alexnet_viz.serving.imports import ensure_ml
from alexnet_viz.words import lessons
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import messages
from pages.ui.widgets.layout import Tabs
from pages.ui.widgets.quiz import quiz_box

_TITLES: Mapping[str, str] = {
    "relu": N_("ReLU"),
    "dropout": N_("Dropout"),
    "lrn": N_("LRN"),
    "augmentation": N_("Augmentation"),
    "pooling": N_("Pooling"),
    "gpus": N_("Two GPUs"),
    "paper": N_("Paper against code"),
}


def experiments() -> Mapping[str, Tabs]:
    """The experiments of each technique. Their modules import torch, so they come when the page is drawn."""
    ensure_ml()
    from pages.ui.techniques import augmentation, dropout, gpus, lrn, paper, pooling, relu

    modules = (relu, dropout, lrn, augmentation, pooling, gpus, paper)
    return {technique: module.EXPERIMENTS for technique, module in zip(_TITLES, modules, strict=True)}


def _draw(technique: str, t: Translator) -> None:
    """One tab. The first experiment is there at once; the others compute when they are opened.

    A lesson links to an experiment's heading as #TECHNIQUE-EXPERIMENT.
    """
    for number, (experiment, (title, show)) in enumerate(experiments()[technique].items()):
        st.subheader(t(title), anchor=f"{technique}-{experiment}")
        key = f"{technique}_{experiment}_{t.language}"
        box = st.expander(t("Open the experiment"), on_change="rerun", key=key) if number else nullcontext()
        if not number or box.open:
            with box, messages.shown(t):
                show(t)
    with st.container(key=f"aside_lesson_{technique}"):
        st.divider()
        st.markdown(lessons.lesson(f"techniques-{technique}", t.language))
    quiz_box(t, technique)


TABS: Tabs = {technique: (title, partial(_draw, technique)) for technique, title in _TITLES.items()}
