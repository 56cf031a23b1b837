"""The ideas behind AlexNet, each with an experiment to touch, its prose, and questions to check oneself."""

import streamlit as st

from pages.ui.frame.menu import start_page
from pages.ui.techniques import tabs as techniques
from pages.ui.widgets.layout import draw_tabs

t = start_page()
st.title(t("Which ideas made it work?"), anchor=False)
draw_tabs(t, "techniques_tabs", techniques.TABS)
