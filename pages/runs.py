"""What was trained here: all runs, several on one chart, and one of them epoch by epoch."""

import streamlit as st

from pages.ui.frame.menu import start_page
from pages.ui.runs import tabs as runs_tabs
from pages.ui.widgets.layout import draw_tabs

t = start_page()
st.title(t("What was trained here?"), anchor=False)
chosen = runs_tabs.table(t)
if chosen is None:
    st.stop()

draw_tabs(t, "runs_tabs", runs_tabs.TABS, chosen)
