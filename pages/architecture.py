"""Change AlexNet and watch every later shape, parameter count and receptive field move."""

import streamlit as st

from alexnet_viz.network.zoo import LISTED
from pages.ui import lab as lab_state
from pages.ui import messages
from pages.ui.architecture import tabs as architecture_tabs
from pages.ui.architecture.editor import layer_editor
from pages.ui.choose import models
from pages.ui.frame.menu import start_page
from pages.ui.widgets.layout import draw_tabs, pick, popover
from pages.ui.widgets.quiz import quiz_box

t = start_page()
st.title(t("What changes when you change AlexNet?"), anchor=False)
models.say_what_took_its_place(t, lab_state.PRESET.outdated())
with messages.shown(t):
    lab_state.current()
lab = lab_state.current()  # a bad link is read, and complained of, once; then the page goes on without it
lab_state.write_link(lab)

presets, more, undo, reset = st.columns([5, 3, 2, 2], vertical_alignment="bottom")
titles = {model_id: entry.title for model_id, entry in LISTED.items()}
preset = pick(t, t("Start from"), titles, key=f"lab_preset_{lab.generation}", current=lab.preset, of=presets)
if preset != lab.preset:
    lab_state.choose_preset(preset)
    st.rerun()
with more:
    box = popover(t, "lab_input", t("Input and rounding"))
if box.open:
    with box:
        architecture_tabs.input_and_rounding(t, lab)
undo.button(t("Undo"), icon=":material/undo:", disabled=not lab.before, on_click=lab_state.undo, width="stretch")
reset.button(
    t("Reset"), icon=":material/restart_alt:", disabled=not lab.edited, on_click=lab_state.reset, width="stretch"
)

layer_editor(t, lab)
architecture_tabs.drawing(t, lab, "boxes")
architecture_tabs.verdict(t, lab)
architecture_tabs.totals(t, lab)
architecture_tabs.training_link(t, lab)

draw_tabs(t, "architecture_tabs", architecture_tabs.TABS, lab)

st.divider()
quiz_box(t, "architecture")
