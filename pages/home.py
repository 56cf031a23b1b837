"""What this is, where to start, and what this installation has."""

import streamlit as st

from alexnet_viz import lessons
from alexnet_viz.installation import installation
from pages.ui import frame, pickers
from pages.ui.frame import start_page

t = start_page()
words, picture = st.columns([3, 2], gap="large", vertical_alignment="center")
with words:
    st.title(t("See how AlexNet works"), anchor=False)
    st.markdown(lessons.lesson("home", t.language))
    if st.button(t("Let it look at a photo"), icon=":material/arrow_forward:", type="primary", key="start"):
        st.switch_page(frame.PAGES["classify"].file)
with picture:
    cat = pickers.sample_picture("cat", t)
    st.image(cat.data, caption=t("Which of its ten classes is this?"), width="stretch", alt=cat.name)

st.subheader(t("This installation"), anchor=False)
facts = installation()
for column, fact in zip(st.columns(len(facts)), facts, strict=True):
    column.metric(t(fact.label), t(fact.value), help=t(fact.hint) if fact.hint else None, border=True)
