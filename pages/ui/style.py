"""What Streamlit says and does that no setting reaches: its own English words, and where Korean lines break."""

import json

import streamlit as st

from alexnet_viz.i18n import Translator
from alexnet_viz.images import MAX_BYTES

_KOREAN = """
<style>
[data-testid="stMarkdownContainer"] :is(p, li, td), h1, h2, h3 {{ word-break: keep-all; overflow-wrap: break-word; }}
[data-testid="stFileUploaderDropzone"] button p,
[data-testid="stFileUploaderDropzoneInstructions"] span {{ font-size: 0; }}
[data-testid="stFileUploaderDropzone"] button p::after {{ content: {upload}; font-size: 1rem; }}
[data-testid="stFileUploaderDropzoneInstructions"] span::after {{ content: {limits}; font-size: 0.875rem; }}
</style>
"""


def style(t: Translator) -> None:
    """Once a run, before the page. English needs nothing of it."""
    if t.language == "en":
        return
    limits = t("JPEG, PNG, WebP, GIF, ... up to {limit} MB", limit=MAX_BYTES // 2**20)
    st.html(_KOREAN.format(upload=json.dumps(t("Upload")), limits=json.dumps(limits)))
