"""What in the picture the answer came from, and how far to trust such a map."""

import streamlit as st

from pages.ui.attribution import tabs as attribution_tabs
from pages.ui.attribution.question import choose_question
from pages.ui.frame.menu import start_page
from pages.ui.widgets.layout import draw_tabs

t = start_page()
st.title(t("What did the network look at?"), anchor=False)
question = choose_question(t)

photo, heat, words = st.columns([4, 4, 3], gap="medium")
with photo:
    attribution_tabs.photo(t, question)
with heat:
    answer = attribution_tabs.heat(t, question)
with words:
    attribution_tabs.words(t, question, answer)

draw_tabs(t, "attribution_tabs", attribution_tabs.TABS, question, answer)
