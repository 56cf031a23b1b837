"""What in the picture the answer came from, and how far to trust such a map."""

import streamlit as st

from pages.ui import heat_tabs, pickers
from pages.ui.frame import start_page
from pages.ui.heat import choose_question

t = start_page()
st.title(t("What did the network look at?"), anchor=False)
question = choose_question(t)

photo, heat, words = st.columns([4, 4, 3], gap="medium")
with photo:
    heat_tabs.photo(t, question)
with heat:
    answer = heat_tabs.heat(t, question)
with words:
    heat_tabs.words(t, question, answer)

tabs = pickers.tabs(t, "heat_tabs", heat_tabs.TITLES)
for tab_id, tab in tabs.items():
    if tab.open:
        with tab:
            heat_tabs.draw(tab_id, t, question, answer)
