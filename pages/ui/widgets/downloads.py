"""Answers as tables, and as CSV and JSON to take home."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from alexnet_viz.words.i18n import Translator
from alexnet_viz.words.labels import class_name
from pages.ui.session import Picture
from pages.ui.store import networks

if TYPE_CHECKING:
    from alexnet_viz.inspection.classify import Answer
    from alexnet_viz.network.weights import Model

TOP = 5

# Not as rounded percent: "100 %" beside "> 99.9 %" would be two answers.
PROBABILITY = st.column_config.ProgressColumn(format="%.4f", min_value=0.0, max_value=1.0)


def class_rows(answer: "Answer", wanted: str) -> list[tuple[str, str, float]]:
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
        column_config={t("Probability"): PROBABILITY},
        hide_index=True,
        height="content" if len(rows) <= 12 else 440,
    )


def answers(t: Translator, model: "Model", pictures: Sequence[Picture]) -> None:
    """The best classes of several pictures, one row each, with the files to download."""
    from alexnet_viz.inspection.classify import answer_record, answers_csv

    # Two pictures may have the same name, so these are pairs and no dictionary.
    answered = [(picture.name, networks.answer(model, picture)) for picture in pictures]
    best = [answer.top(1)[0] for _, answer in answered]
    st.dataframe(
        {
            t("Picture"): [name for name, _ in answered],
            t("Class"): [class_name(class_id, t.language) for class_id, _ in best],
            t("Probability"): [probability for _, probability in best],
            t("Milliseconds"): [round(1000 * answer.seconds) for _, answer in answered],
        },
        column_config={t("Probability"): PROBABILITY},
    )
    notes = [t(remark) for remark in model.remarks] if model.trained else []
    records = [answer_record(name, model.entry.id, answer, TOP, notes) for name, answer in answered]
    with st.container(horizontal=True):
        save(t("CSV"), answers_csv(answered, TOP), "alexnet-answers.csv", "text/csv")
        as_json = json.dumps(records, ensure_ascii=False, indent=2)
        save(t("JSON"), as_json, "alexnet-answers.json", "application/json")


def save(label: str, data: str | bytes | Callable[[], str | bytes], file_name: str, mime: str, **settings: Any) -> None:
    """A download button; a function is called only when it is pressed."""
    st.download_button(label, data, file_name, mime, on_click="ignore", icon=":material/download:", **settings)


def npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays by name as a compressed NPZ file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def grid_csv(values: np.ndarray) -> str:
    """A map, (H, W), as CSV: one line a row, all digits that a float32 has."""
    lines = io.StringIO()
    np.savetxt(lines, np.atleast_2d(values), fmt="%.9g", delimiter=",", newline="\r\n")
    return lines.getvalue()
