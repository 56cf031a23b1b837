"""The line for the processor as those who wait in it see it: "3 ahead of you", at the lower edge of the window.

waiting.place(t)            # app.py, once a run
line = VisibleLine(places)  # then every turn of it tells whoever waits longer than a moment
"""

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from alexnet_viz.serving.turns import Places, TicketLine
from alexnet_viz.words.i18n import Translator

MOMENT = 0.5  # seconds; a shorter wait is not worth a word
_NOTICE = "waiting_notice"  # session key: the notice of this run

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
    st.session_state[_NOTICE] = Notice(t)


class VisibleLine(TicketLine):
    """A line whose turns tell the visitor, unless told otherwise. Who comes gives up the place among `places`."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self._places = places

    @contextmanager
    def turn(self, on_wait: Callable[[int], None] | None = None, every: float = MOMENT) -> Iterator[None]:
        told: list[Notice] = []

        def tell(ahead: int) -> None:
            if notice := st.session_state.get(_NOTICE):
                told.append(notice)
                notice.say(ahead)

        self._places.leave()
        with super().turn(on_wait or tell, every):
            if told:
                told[-1].clear()
            yield
