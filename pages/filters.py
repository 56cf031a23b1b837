"""The filters themselves: what each one looks like, what kind it is, and what it wants to see."""

import streamlit as st

from pages.ui.filters import tabs
from pages.ui.filters.view import choose_filters
from pages.ui.frame.menu import start_page
from pages.ui.widgets.layout import draw_tabs

t = start_page()
st.title(t("What do the filters look for?"), anchor=False)
view = choose_filters(t)

grid, one = st.columns([5, 2], gap="medium")
with grid:
    tabs.filters(t, view)
with one:
    tabs.chosen(t, view)

draw_tabs(t, "filters_tabs", tabs.TABS, view)
