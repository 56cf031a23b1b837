"""The layer that the whole app looks at."""

from collections.abc import Sequence

import streamlit as st

from alexnet_viz.words.i18n import Translator
from pages.ui import session


def layer(t: Translator, names: Sequence[str], *, key: str = "layer", hideable: bool = True) -> str:
    """A layer by its name, from the first to the last; the whole app remembers it.

    A teacher's link may leave the control out, see `session.HIDE`, where it is `hideable`.
    """
    linked = session.LAYER.linked(names)
    current = session.LAYER.current(names)
    if current not in names:
        current = names[0]
    if not (hideable and session.hidden("layer")):
        # A slider keeps its value under its key, so the key changes with the network whose layers it shows.
        key = f"{key}_{hash(tuple(names))}"
        if linked:  # by the tour, or Back: a slider that is drawn already would keep the old layer
            st.session_state[key] = current
        current = st.select_slider(t("Layer"), names, key=key, **({} if linked else {"value": current}))
    session.LAYER.remember(current)
    return current
