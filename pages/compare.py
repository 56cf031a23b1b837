"""Networks side by side: what changed from LeNet-5 to ResNet-18, in numbers, in words, and on one photo."""

import streamlit as st

from alexnet_viz.network.comparison import comparison, csv_table, headline, markdown_table, table
from pages.ui.compare import tabs as compare_tabs
from pages.ui.frame.menu import start_page
from pages.ui.widgets import downloads
from pages.ui.widgets.layout import draw_tabs
from pages.ui.widgets.quiz import quiz_box

ROW_HEIGHT = 28  # pixels: all of the table is on the first screen

t = start_page()
st.title(t("What changed from LeNet to today?"), anchor=False)
rows = comparison()
names = [t(row.name) for row in rows]
st.markdown(t(headline(rows)))
st.dataframe(
    table(rows, t),
    column_config={"": st.column_config.TextColumn(pinned=True)}
    | {name: st.column_config.TextColumn(help=t(row.title)) for name, row in zip(names, rows, strict=True)},
    hide_index=True,
    height="content",
    row_height=ROW_HEIGHT,
)
with st.container(horizontal=True):
    downloads.save(t("CSV"), csv_table(rows), "alexnet-comparison.csv", "text/csv")
    downloads.save(t("Markdown"), markdown_table(rows, t), "alexnet-comparison.md", "text/markdown")

draw_tabs(t, "compare_tabs", compare_tabs.TABS, rows)
st.divider()
quiz_box(t, "compare")
