"""Long work is stopped for good, and may stand on a page twice."""

from streamlit.testing.v1 import AppTest

from pages.ui.long_work import Step
from tests.pages.counted_work import STARTED


def opened(*shown: str, stopped: str = "") -> AppTest:
    """The page with these works; one of them was stopped after its first step."""
    STARTED.clear()
    app = AppTest.from_string(
        f"""
import streamlit as st
from alexnet_viz.words.i18n import translator
from pages.ui import long_work, session
from tests.pages.counted_work import steps

session.begin_run()
for name in st.session_state["shown"]:
    work = long_work.LongWork((name, {id(shown)}), f"Go {{name}}", lambda name=name: steps(name))
    st.write(name, long_work.run(translator("en"), work, lambda step: st.write(step.reached), at_once=True))
"""
    )
    app.session_state["shown"] = shown
    if stopped:
        app.session_state["long_work_stopped"] = {(stopped, id(shown)): Step(1, 2, f"half of {stopped}")}
    return app.run()


def said(app: AppTest) -> str:
    assert not app.exception
    return " ".join(text.value for text in app.markdown)


def test_what_was_stopped_stays_stopped_when_other_work_ends():
    app = opened("A", "B", stopped="A")
    assert "all of B" in said(app)
    assert "half of A" in said(app), "what it had reached stays visible"
    app.run()
    assert STARTED == {"B": 1}
    app.button[0].click().run()
    assert "all of A" in said(app)
    assert STARTED == {"A": 1, "B": 1}


def test_the_same_work_may_stand_on_a_page_twice():
    app = opened("A", "A", stopped="A")
    assert [button.label for button in app.button] == ["Go A", "Go A"]
    app.button[1].click().run()
    assert said(app).count("all of A") == 2
    assert STARTED == {"A": 1}
