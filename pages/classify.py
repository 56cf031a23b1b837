"""A photo goes in, the network answers."""

import streamlit as st

from alexnet_viz.charts import base as charts
from pages.ui import messages
from pages.ui.choose import models, pictures
from pages.ui.classify import cached, tabs
from pages.ui.classify.answer import TOP, show_answer
from pages.ui.frame.menu import start_page
from pages.ui.store import networks
from pages.ui.widgets import show
from pages.ui.widgets.layout import draw_tabs

t = start_page()
st.title(t("What does AlexNet see?"), anchor=False)
picture = pictures.picture(t)
drop, choose = st.columns(2)
with drop:
    pictures.drop_pictures(t)
with choose:
    chosen = models.model(t)
    pictures.paste_or_photograph(t)
views = cached.views(chosen.entry.id, picture)

photo, seen, answered = st.columns([4, 3, 5], gap="medium")
name = messages.escape(picture.name)
photo.image(
    views.cropped,
    caption=t("{name}, {width} x {height} pixels", name=name, width=views.size[0], height=views.size[1]),
    width="stretch",
    output_format="JPEG",
    alt=t("The picture {name}; a frame shows the part that the network gets", name=picture.name),
)
side = chosen.entry.preprocess.crop
caption = t("What the network really sees: {side} x {side} pixels", side=side)
show.picture(views.seen, t("The part inside the frame, scaled to the network's input"), caption, of=seen)
for note in views.notes:
    photo.caption(messages.escape(t(note)))

with answered:
    with st.skeleton(height=charts.BAR_HEIGHT * (TOP + 2)):
        model = networks.load(chosen)
        answer = networks.answer(model, picture)
    show_answer(t, chosen, model, answer, picture)

draw_tabs(t, "classify_tabs", tabs.TABS, chosen, model, answer, picture)
