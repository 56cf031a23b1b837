"""The language switch of the menu."""

import streamlit as st

from alexnet_viz.words.i18n import LANGUAGES, Translator
from pages.ui import session
from pages.ui.widgets.layout import pick


def switch(t: Translator) -> None:
    """The language switch of the sidebar."""
    picked = t.language
    if not session.hidden("language"):
        settings = {"key": "language", "segments": True, "label_visibility": "collapsed"}
        picked = pick(t, t("Language"), LANGUAGES, current=picked, say=str, **settings)
    session.language().remember(picked)
    if picked != t.language:
        st.rerun()
