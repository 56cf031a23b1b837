"""Pictures, charts and tables as all pages show them; pictures and charts with the words that a screen reader says."""

from typing import Any

import streamlit as st

FIXED = {"displayModeBar": False}  # config of st.plotly_chart: without the row of buttons above a chart


def picture(png: Any, alt: str, caption: str | None = None, *, width: int | str = "stretch", of: Any = st) -> None:
    """A picture, encoded or as an array, without loss; `of` is the place to draw it in. A caption is Markdown."""
    of.image(png, caption, width, output_format="PNG", alt=alt)


def chart(figure: Any, alt: str, key: str, **settings: Any) -> Any:
    """A chart of Plotly's; returns what `st.plotly_chart` does."""
    return st.plotly_chart(figure, config=FIXED, key=key, alt=alt, **settings)


def table(rows: Any, **settings: Any) -> None:
    """Rows, or columns by their titles, all of them in sight and without an index."""
    st.dataframe(rows, hide_index=True, height="content", placeholder="", **settings)
