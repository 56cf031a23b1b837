"""What is to be said of a dataset before anybody believes a figure of it: files left out, classes without a test."""

from collections.abc import Sequence

import streamlit as st

from alexnet_viz.training.events import Started
from alexnet_viz.training.left_out import started_notes
from alexnet_viz.words.i18n import Message, Translator
from pages.ui import messages


def show(t: Translator, lines: Sequence[Message]) -> None:
    """A list of sentences, if there are any. They hold names of a stranger's files."""
    if lines:
        st.warning("\n".join(f"- {messages.escape(t(line))}" for line in lines), icon=":material/rule:")


def show_started(t: Translator, started: Started | None) -> None:
    """The same of a run, as far as its process has told it."""
    if started:
        show(t, started_notes(started))
