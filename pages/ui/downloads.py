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

PERCENTAGE = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)


def class_rows(t: Translator, answer: "Answer", wanted: str) -> list[tuple[str, str, float]]:
    """The classes that a search finds in either language, most probable first: (English id, name, probability)."""
    needle = wanted.strip().casefold()
    ranked = [(class_id, class_name(class_id, "ko"), share) for class_id, share in answer.top(len(answer.classes))]
    return [row for row in ranked if needle in row[0].casefold() or needle in row[1].casefold()]


def class_table(t: Translator, rows: Sequence[tuple[str, str, float]]) -> None:
    """Classes in both languages with their probabilities."""
    st.dataframe(
        {
            "English": [class_id for class_id, _, _ in rows],
            "한국어": [korean if korean != class_id else "" for class_id, korean, _ in rows],
            t("Probability"): [share for _, _, share in rows],
        },
        column_config={t("Probability"): PERCENTAGE},
        hide_index=True,
        height="content" if len(rows) <= 12 else 440,
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
        column_config={t("Probability"): PERCENTAGE},
    )
    records = [answer_record(name, model.entry.id, answer, TOP) for name, answer in answered]
    with st.container(horizontal=True):
        _download(t("CSV"), answers_csv(answered, TOP), "alexnet-answers.csv", "text/csv")
        as_json = json.dumps(records, ensure_ascii=False, indent=2)
        _download(t("JSON"), as_json, "alexnet-answers.json", "application/json")


def _download(label: str, text: str, file_name: str, mime: str) -> None:
    st.download_button(label, text, file_name, mime, on_click="ignore", icon=":material/download:")
