"""What in the picture the answer came from, and how far to trust such a map."""

import streamlit as st

from pages.ui import long_work
from pages.ui.attribution import choose, job, paint, tabs
from pages.ui.attribution.request import MapRequest
from pages.ui.choose import models, pictures
from pages.ui.frame.menu import start_page
from pages.ui.store import networks
from pages.ui.widgets.layout import draw_tabs

t = start_page()
st.title(t("What did the network look at?"), anchor=False)
network, wanted, how, picture = st.columns([6, 7, 5, 5], vertical_alignment="bottom")
with network:
    chosen = models.model(t)
with picture:
    current = pictures.picture_popover(t)
with st.skeleton(height=420):
    model = networks.load(chosen)
with wanted:
    class_id = choose.choose_class(t, model, current)
with how:
    method = choose.choose_method(t)
request = MapRequest(model, current, class_id, method, choose.layer_of(model), choose.settings_of(method))

photo, heat, words = st.columns([4, 4, 3], gap="medium")
with photo:
    paint.photo(t, request)
with heat, st.container(height="content"):
    answer = long_work.run(t, job.map_work(t, request), at_once=True)
    if answer:
        paint.heat(t, request, answer)
with words:
    paint.words(t, request, answer)

draw_tabs(t, "attribution_tabs", tabs.TABS, request, answer)
