"""The network learns before one's eyes, in a process that nothing in the browser can hurt."""

import streamlit as st

from pages.ui import live_run, train_form
from pages.ui.frame import start_page

t = start_page()
st.title(t("Watch it learn"), anchor=False)
run = live_run.chosen()
settings, live = st.columns([2, 5], gap="large")
with settings:
    train_form.form(t)
with live:
    live_run.show(t, run)
