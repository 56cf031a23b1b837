"""The network learns before one's eyes, in a process that nothing in the browser can hurt."""

import streamlit as st

from pages.ui.frame.menu import start_page
from pages.ui.train import form as train_form
from pages.ui.widgets import live_run

t = start_page()
st.title(t("Watch it learn"), anchor=False)
run = live_run.chosen()
settings, live = st.columns([2, 5], gap="large")
with settings:
    train_form.form(t)
with live:
    live_run.show(t, run)
