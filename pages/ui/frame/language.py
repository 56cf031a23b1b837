"""The language switch of the menu."""

import streamlit as st

from alexnet_viz.words.i18n import LANGUAGES, Translator
from pages.ui import session


def switch(t: Translator) -> None:
    """The language switch of the sidebar."""
    choice = session.language()
    if session.hidden("language"):
        choice.remember(t.language)
        return
    picked = st.segmented_control(
        t("Language"),
        list(LANGUAGES),
        format_func=lambda language: LANGUAGES[language],
        default=t.language,
        required=True,
        key=f"language_{t.language}",
        label_visibility="collapsed",
    )
    choice.remember(t.language)
    if picked and picked != t.language:
        choice.remember(picked)
        st.rerun()
