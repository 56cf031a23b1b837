"""Downloads that a visitor asked for, under way."""

from collections.abc import Callable, Iterable, Iterator

import streamlit as st

from alexnet_viz.files.download import DownloadProgress
from alexnet_viz.training.cifar10 import Packed
from alexnet_viz.words.i18n import Translator
from pages.ui import messages


def download_button(t: Translator, download: Callable[[], Iterator[DownloadProgress]], *, key: str) -> bool:
    """A button that fetches published weights; whether they have just come."""
    if st.button(t("Download the weights"), icon=":material/download:", key=key):
        with messages.shown(t):
            progress_bar(t, download())
            return True
    return False


def progress_bar(t: Translator, steps: Iterable[DownloadProgress | Packed]) -> None:
    """Go through the steps and show in a bar how far they are."""
    bar = st.progress(0.0)
    for step in steps:
        if isinstance(step, DownloadProgress):
            done, total = step.mebibytes
            text = t("{done} of {total} MiB", done=done, total=total or "?")
        else:
            text = t("{done} of {total} pictures", done=f"{step.done:,}", total=f"{step.total:,}")
        bar.progress(step.share, text)
