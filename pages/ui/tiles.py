"""Places for small pictures side by side, as many in a row as the window has room for."""

import streamlit as st


def tiles(count: int, width: int) -> list["st.delta_generator.DeltaGenerator"]:
    """So many places of a width in pixels. Columns would become one picture a row on a phone."""
    with st.container(horizontal=True):
        return [st.container(width=width) for _ in range(count)]
