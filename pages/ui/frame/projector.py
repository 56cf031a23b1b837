"""Projector mode: large type, the whole width, few controls. `?screen=projector` opens any page in it."""

import streamlit as st

from alexnet_viz.words.i18n import Translator
from pages.ui import session

_SWITCH = "projector_switch"

# Streamlit's sizes are in rem and follow the root, those of its charts and tables too. Our own pickers count in pixels
# and are enlarged by the zoom. What goes: captions, question marks, files to take home, and whatever has a key
# that begins with "aside_". Ways to put a picture in stay: a class wants to see its own.
_STYLE = """
<style>
:root { --projector-type: 24px; --projector-zoom: 1.5; }
@media (min-width: 1800px) { :root { --projector-type: 36px; --projector-zoom: 2.25; } }
html { font-size: var(--projector-type) !important; }
[data-testid="stHeader"] { height: 2.25rem; min-height: 0; }
[data-testid="stMainBlockContainer"] { max-width: none; padding: 2rem 1.5rem 1rem; }
[data-testid="stMain"] :is(
  [data-testid="stCaptionContainer"], [data-testid="stTooltipIcon"], [data-testid="stElementToolbar"],
  [data-testid="stDownloadButton"], [class*="st-key-aside_"]
) { display: none; }
</style>
"""


def switch(t: Translator) -> None:
    """The switch in the sidebar, and what it does to the page."""
    on = session.projected()
    st.session_state[_SWITCH] = on
    st.toggle(
        t("Projector mode"),
        key=_SWITCH,
        on_change=_switched,
        help=t("Large type and few controls, to be read from the last row. The address then opens pages like this."),
    )
    session.SCREEN.remember(session.PROJECTOR if on else session.DESK)
    if on:
        st.html(_STYLE)


def _switched() -> None:
    session.SCREEN.remember(session.PROJECTOR if st.session_state[_SWITCH] else session.DESK)
