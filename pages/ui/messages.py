"""Errors as sentences: the one try/except of the interface."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from alexnet_viz.errors import UserError
from alexnet_viz.i18n import Translator

_log = logging.getLogger(__name__)


@contextmanager
def shown(t: Translator) -> Iterator[None]:
    """Show a `UserError` as one translated sentence; log anything else, apologise, and raise it under pytest."""
    try:
        yield
    except UserError as problem:
        error(t(problem.message))
    except Exception:  # Streamlit's own stop and rerun are BaseExceptions and pass through
        _log.exception("A page failed")
        error(t("Something in this app went wrong; it is not your fault. Reload the page. The log has the details."))
        if "PYTEST_CURRENT_TEST" in os.environ:
            raise


def error(text: str) -> None:
    """One sentence about what is wrong and the way out. It may hold a visitor's own words, so it is not Markdown."""
    st.error(escape(text), icon=":material/error:")


def escape(text: str) -> str:
    """Text as Markdown that shows exactly that text."""
    return "".join(f"\\{char}" if char in _MARKDOWN else char for char in text)


_MARKDOWN = frozenset("\\`*_{}[]()<>#+-.!|$:~^=&")
