"""What every layer makes of the current picture: all channels, one channel, one value; or a walk through them all."""

import streamlit as st

from pages.ui.feature_maps import tabs
from pages.ui.feature_maps.view import choose_mode, choose_view
from pages.ui.feature_maps.walk import walk
from pages.ui.frame.menu import start_page
from pages.ui.widgets.layout import draw_tabs

t = start_page()
title, mode = st.columns([3, 2], vertical_alignment="bottom")
title.title(t("What does each layer see?"), anchor=False)
with mode:
    walking = choose_mode(t) == "walk"
view = choose_view(t, with_layer=not walking)

if walking:
    walk(t, view)
    st.stop()

photo, grid = st.columns([2, 5], gap="medium")
with grid:  # first, because it says which channel the photo is about
    tabs.channels(t, view)
with photo:
    tabs.photo(t, view)

draw_tabs(t, "feature_maps_tabs", tabs.TABS, view)
