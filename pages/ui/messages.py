"""Errors as sentences, by the one try/except of the interface; and words of visitors, such as class names, as text."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import streamlit as st

from alexnet_viz.errors import UserError
from alexnet_viz.words.i18n import LANGUAGES, Message, Translator
from alexnet_viz.words.labels import class_name
from pages.ui import server

_log = logging.getLogger(__name__)
_FROM_CALLBACK = "from_callback"  # session key: Message, until the next run shows it


@contextmanager
def shown(t: Translator) -> Iterator[None]:
    """Show a `UserError` as one translated sentence; log anything else, apologise, and raise it under pytest."""
    if message := st.session_state.pop(_FROM_CALLBACK, None):
        st.toast(escape(said(message, t)), icon=_ICON, duration="infinite")  # a timed rerun would wipe out st.error
    try:
        yield
    except UserError as problem:
        error(said(problem.message, t))
    except Exception:  # Streamlit's own stop and rerun are BaseExceptions and pass through
        _log.exception("A page failed")
        error(t("Something in this app went wrong; it is not your fault. Reload the page. The log has the details."))
        if "PYTEST_CURRENT_TEST" in os.environ:
            raise


def guarded(action: Callable[..., Any]) -> Callable[..., None]:
    """A callback that keeps the sentence of its `UserError` for the next run: callbacks run before app.py does."""

    @wraps(action)
    def safe(*args: Any, **kwargs: Any) -> None:
        try:
            action(*args, **kwargs)
        except UserError as problem:
            st.session_state[_FROM_CALLBACK] = problem.message

    return safe


def said(message: Message, t: Translator) -> str:
    """The sentence with this computer's paths only where visitors may read them, see `server.shown_path`."""
    values = {
        name: server.shown_path(value) if isinstance(value, str) and os.path.isabs(value) else value
        for name, value in message.values.items()
    }
    return t(Message(message.text, **values))


def error(text: str) -> None:
    """One sentence about what is wrong and the way out. It may hold a visitor's own words, so it is not Markdown."""
    st.error(escape(text), icon=_ICON)


def escape(text: str) -> str:
    """Text as Markdown that shows exactly that text."""
    return "".join(f"\\{char}" if char in _MARKDOWN else char for char in text)


_ICON = ":material/error:"
_MARKDOWN = frozenset("\\`*_{}[]()<>#+-.!|$:~^=&")


# Class names. A class may be a folder of a stranger's zip, so its name may hold anything.


def class_words(class_id: str, t: Translator) -> str:
    """A class name for Markdown: captions, headings, sentences. Tables, selectboxes and `alt` take `class_name`."""
    return escape(class_name(class_id, t.language))


def both_words(class_id: str, t: Translator) -> str:
    """A class name in the reader's language and then in the other one, so that a select box finds it by either."""
    own, other = (class_name(class_id, language) for language in sorted(LANGUAGES, key=lambda one: one != t.language))
    return own if own == other else f"{own} · {other}"


def tick_words(class_id: str, t: Translator) -> str:
    """A class name for Plotly, which takes "<b>" and "&lt;" for HTML."""
    return class_name(class_id, t.language).replace("&", "&amp;").replace("<", "&lt;")
