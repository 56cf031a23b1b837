"""One of a network's classes, found by its name in either language."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from alexnet_viz.words.i18n import Translator
from pages.ui.messages import both_words

if TYPE_CHECKING:
    from alexnet_viz.inspection.classify import Answer


def best_first(answer: "Answer") -> list[str]:
    """All classes, most probable first."""
    return [class_id for class_id, _ in answer.top(len(answer.classes))]


def pick_class(t: Translator, label: str, class_ids: Sequence[str], current: int = 0, *, key: str) -> str:
    """One of these classes, to begin with the one at the place `current`."""
    return st.selectbox(label, class_ids, current, format_func=lambda class_id: both_words(class_id, t), key=key)
