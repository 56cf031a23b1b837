"""Places for small pictures side by side, as many in a row as the window has room for."""

import streamlit as st


def tiles(count: int, width: int, *, even: bool = False) -> list["st.delta_generator.DeltaGenerator"]:
    """So many places of a width in pixels, those of a row equally high if `even`.

    Columns would become one picture a row on a phone.
    """
    with st.container(horizontal=True):
        return [st.container(width=width, height="stretch" if even else "content") for _ in range(count)]
