"""Answers as tables, and as CSV and JSON to take home."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from alexnet_viz.i18n import Translator
from alexnet_viz.labels import class_name
from pages.ui import cache
from pages.ui.pickers import Picture

if TYPE_CHECKING:
    from alexnet_viz.inspection.classify import Answer
    from alexnet_viz.network.weights import Model

TOP = 5

_PERCENTAGE = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)


def class_table(t: Translator, answer: "Answer") -> None:
    """Every class with its probability, best first."""
    ranked = answer.top(len(answer.classes))
    st.dataframe(
        {
            t("Class"): [class_name(class_id, t.language) for class_id, _ in ranked],
            t("Probability"): [probability for _, probability in ranked],
        },
        column_config={t("Probability"): _PERCENTAGE},
        hide_index=False,
        height="content" if len(ranked) <= 20 else 400,
    )


def answers(t: Translator, model: "Model", pictures: Sequence[Picture]) -> None:
    """The best classes of several pictures, one row each, with the files to download."""
    from alexnet_viz.inspection.classify import answer_record, answers_csv

    # Two pictures may have the same name, so these are pairs and no dictionary.
    answered = [(picture.name, cache.answer(model, picture.digest, picture.data)) for picture in pictures]
    best = [answer.top(1)[0] for _, answer in answered]
    st.dataframe(
        {
            t("Picture"): [name for name, _ in answered],
            t("Class"): [class_name(class_id, t.language) for class_id, _ in best],
            t("Probability"): [probability for _, probability in best],
            t("Milliseconds"): [round(1000 * answer.seconds) for _, answer in answered],
        },
        column_config={t("Probability"): _PERCENTAGE},
    )
    records = [answer_record(name, model.entry.id, answer, TOP) for name, answer in answered]
    with st.container(horizontal=True):
        _download(t("CSV"), answers_csv(answered, TOP), "alexnet-answers.csv", "text/csv")
        as_json = json.dumps(records, ensure_ascii=False, indent=2)
        _download(t("JSON"), as_json, "alexnet-answers.json", "application/json")


def _download(label: str, text: str, file_name: str, mime: str) -> None:
    st.download_button(label, text, file_name, mime, on_click="ignore", icon=":material/download:")
