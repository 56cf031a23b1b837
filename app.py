"""AlexNet Explorer's frame: page settings, menu and language; then the chosen page. Start: `streamlit run app.py`.

Cheap on purpose: it runs on every rerun of every page. Nothing here imports torch.
"""

import streamlit as st

from pages.ui import messages, session
from pages.ui.frame import language, projector, returning, share, tour, waiting
from pages.ui.frame import menu as frame
from pages.ui.frame.style import style
from pages.ui.store import rules

# The local icon comes before st.navigation: a page's :material: icon as favicon is fetched from the internet.
st.set_page_config(page_icon=str(frame.ICON), layout="wide")
rules.answer_at_once()
with rules.places().place():  # few visitors' scripts run at once
    returning.come_back()
    session.begin_run()
    t = session.translator()
    page = frame.navigation(t)
    st.set_page_config(
        page_title=f"{page.title} · AlexNet Explorer",
        initial_sidebar_state="collapsed" if session.projected() else "auto",
    )
    style(t)
    with st.sidebar:
        language.switch(t)
        projector.switch(t)
        share.share(t, page.url_path or "home")
    returning.stay_known()
    waiting.place(t)
    tour.bar(t, page.url_path or "home")
    with messages.shown(t):
        page.run()
    rules.warm_up()  # the next page need not wait for torch
