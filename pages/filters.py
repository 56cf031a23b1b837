"""The filters themselves: what each one looks like, what kind it is, and what it wants to see."""

import streamlit as st

from pages.ui.choose import pictures as pickers
from pages.ui.filters import tabs as filters_tabs
from pages.ui.filters.view import choose_filters
from pages.ui.frame.menu import start_page

t = start_page()
st.title(t("What do the filters look for?"), anchor=False)
view = choose_filters(t)

grid, one = st.columns([5, 2], gap="medium")
with grid:
    filters_tabs.filters(t, view)
with one:
    filters_tabs.chosen(t, view)

tabs = pickers.tabs(t, "filters_tabs", filters_tabs.TITLES)
for tab_id, tab in tabs.items():
    if tab.open:
        with tab:
            filters_tabs.draw(tab_id, t, view)
