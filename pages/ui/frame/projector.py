"""Projector mode: large type, the whole width, few controls. `?screen=projector` opens any page in it."""

import streamlit as st

from alexnet_viz.words.i18n import Translator
from pages.ui import session as state

PROJECTOR, DESK = "projector", "desk"
SCREEN = state.Choice("screen", DESK)

_SWITCH = "projector_switch"

# Streamlit's sizes are in rem and follow the root, those of its charts and tables too. Our own pickers count in pixels
# and are enlarged by the zoom. What goes: captions, question marks, files in and out, and whatever has a key that
# begins with "aside_".
_STYLE = """
<style>
:root { --projector-type: 24px; --projector-zoom: 1.5; }
@media (min-width: 1800px) { :root { --projector-type: 36px; --projector-zoom: 2.25; } }
html { font-size: var(--projector-type) !important; }
[data-testid="stHeader"] { height: 2.25rem; min-height: 0; }
[data-testid="stMainBlockContainer"] { max-width: none; padding: 2rem 1.5rem 1rem; }
[data-testid="stMain"] :is(
  [data-testid="stCaptionContainer"], [data-testid="stTooltipIcon"], [data-testid="stElementToolbar"],
  [data-testid="stFileUploader"], [data-testid="stDownloadButton"], [class*="st-key-aside_"]
), [data-testid="stColumn"]:has([class*="st-key-upload_"]) { display: none; }
</style>
"""


def is_on() -> bool:
    """Whether this visitor's pages are for a class to read."""
    return SCREEN.current((PROJECTOR, DESK)) == PROJECTOR


def zoom() -> float:
    """How much larger than at a desk what is measured in pixels is to be drawn."""
    return 1.5 if is_on() else 1.0


def switch(t: Translator) -> None:
    """The switch in the sidebar, and what it does to the page."""
    on = is_on()
    st.session_state[_SWITCH] = on
    st.toggle(
        t("Projector mode"),
        key=_SWITCH,
        on_change=_switched,
        help=t("Large type and few controls, to be read from the last row. The address then opens pages like this."),
    )
    SCREEN.remember(PROJECTOR if on else DESK)
    if on:
        st.html(_STYLE)


def _switched() -> None:
    SCREEN.remember(PROJECTOR if st.session_state[_SWITCH] else DESK)
