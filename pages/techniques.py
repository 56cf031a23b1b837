"""The ideas behind AlexNet, each with an experiment to touch, its prose, and questions to check oneself."""

import streamlit as st

from pages.ui.choose import pictures as pickers
from pages.ui.frame.menu import start_page
from pages.ui.techniques import tabs as techniques

t = start_page()
st.title(t("Which ideas made it work?"), anchor=False)
tabs = pickers.tabs(t, "techniques_tabs", techniques.TITLES)
for technique, tab in tabs.items():
    if tab.open:
        with tab:
            techniques.draw(technique, t)
