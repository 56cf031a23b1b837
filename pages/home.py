"""What this is, why 2012 mattered, where to start, and what this installation has."""

import streamlit as st

from alexnet_viz.words import lessons
from pages.ui.choose import pictures
from pages.ui.frame import tour
from pages.ui.frame.menu import PAGES, start_page
from pages.ui.home import parts

t = start_page()
words, picture = st.columns([3, 2], gap="large", vertical_alignment="center")
with words:
    st.title(t("See how AlexNet works"), anchor=False)
    st.markdown(lessons.lesson("home", t.language))
    parts.where_it_runs(t)
    with st.container(horizontal=True):
        if st.button(t("Let it look at a photo"), icon=":material/arrow_forward:", type="primary", key="start"):
            st.switch_page(PAGES["classify"].file)
        if st.button(t("Take the tour: ten stops"), icon=":material/route:", key="tour_start"):
            tour.start()
with picture:
    current = pictures.current_picture(t)
    st.image(current.data, caption=t("What will the network say to this?"), width="stretch", alt=current.name)

parts.result(t)
parts.cards(t)
parts.this_installation(t)
