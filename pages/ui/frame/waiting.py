"""The line for the processor as those who wait in it see it: "3 ahead of you", at the lower edge of the window.

`place(t)` is called once a run; then every turn of `server.VisibleLine` tells whoever waits longer than a moment.
"""

import contextvars

import streamlit as st

from alexnet_viz.words.i18n import Translator
from pages.ui import server

_STYLE = """
<style>
.st-key-waiting {
  position: fixed; bottom: 1rem; left: 50%; transform: translateX(-50%); z-index: 1000; width: auto;
  backdrop-filter: blur(12px); border-radius: 0.6rem;
}
</style>
"""


class Notice:
    """What a visitor is told while waiting.

    Most of what waits is the work of a cached function, and Streamlit would repeat at every later call what is drawn
    inside of one. So it is drawn in the context of the page, which was copied before any such function was called.
    """

    def __init__(self, t: Translator) -> None:
        self._t = t
        with st.container(key="waiting"):
            self._slot = st.empty()
        self._page = contextvars.copy_context()

    def say(self, ahead: int) -> None:
        """Draw it, or draw it anew. A visitor who has left ends here, and the place in the line is free."""
        self._page.run(self._draw, self._t("{count} ahead of you", count=ahead))

    def clear(self) -> None:
        self._page.run(self._slot.empty)

    def _draw(self, text: str) -> None:
        with self._slot.container():
            st.html(_STYLE)
            st.info(text, icon=":material/hourglass_top:")


def place(t: Translator) -> None:
    """Keep a place on the page for the notice; it takes no room."""
    st.session_state[server.NOTICE] = Notice(t)
