"""Errors as sentences: the one try/except of the interface."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import streamlit as st

from alexnet_viz.errors import UserError
from alexnet_viz.words.i18n import Message, Translator
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
    """The sentence with this computer's paths only where visitors may read them, see `server.place`."""
    values = {
        name: server.place(value) if isinstance(value, str) and os.path.isabs(value) else value
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
