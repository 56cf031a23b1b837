"""Waiting for the processor is seen by those who wait, and by nobody else."""

import threading
import time

import pytest
import streamlit as st

from pages.ui.frame import waiting
from pages.ui.store import results, rules
from tests.pages.seen import headline
from tools.pages import open_page

PATIENCE = 60  # seconds


@pytest.fixture
def said(monkeypatch):
    """What visitors are told while they wait; they are told it early."""
    texts = []
    draw = waiting.Notice._draw

    def heard(self, text):
        draw(self, text)
        texts.append(text)

    monkeypatch.setattr(waiting.Notice, "_draw", heard)
    st.cache_data.clear()
    st.cache_resource.clear()
    return texts


def hold(line, until) -> threading.Thread:
    """Somebody works, and leaves the line when told to."""
    working = threading.Event()

    def work():
        with line.turn():
            working.set()
            deadline = time.monotonic() + PATIENCE
            while not until() and time.monotonic() < deadline:
                time.sleep(0.01)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert working.wait(PATIENCE)
    return thread


def notices(app) -> list[str]:
    return [info.value for info in app.info if "ahead of you" in info.value]


def test_who_waits_is_told_the_place_in_the_line(said):
    holder = hold(rules.line(), until=lambda: len(said) > 1)  # it is drawn anew while the wait goes on
    app = open_page()
    holder.join(PATIENCE)
    assert said == ["1 ahead of you"] * len(said)
    assert not app.exception
    assert headline(app).startswith("tabby · ")
    assert not notices(app), "it is gone when the wait is over"


def test_what_was_said_is_not_said_again_with_the_cached_answer(said):
    holder = hold(rules.line(), until=lambda: said)
    open_page()
    holder.join(PATIENCE)
    before = len(said)
    again = open_page()
    assert not again.exception
    assert len(said) == before
    assert not notices(again)


def test_a_free_line_says_nothing(said):
    app = open_page()
    assert headline(app).startswith("tabby · ")
    assert not said


def test_the_place_is_given_in_the_visitors_language(said):
    holder = hold(rules.line(), until=lambda: said)
    open_page(locale="ko-KR")
    holder.join(PATIENCE)
    assert said[0] != "1 ahead of you"
    assert "1" in said[0]


def test_a_quick_map_does_not_wait_for_somebodys_long_work(said):
    over = threading.Event()
    holder = hold(results.long_line(), until=over.is_set)
    try:
        app = open_page("attribution", method="gradcam")
        assert any("Computed in" in caption.value for caption in app.caption)
        assert holder.is_alive()
    finally:
        over.set()
        holder.join(PATIENCE)


def test_who_waits_for_the_processor_keeps_nobody_from_running(said):
    places, over = rules.places(), threading.Event()
    holder = hold(rules.line(), until=over.is_set)
    waits = [threading.Thread(target=wait_in_line, args=(places, rules.line()), daemon=True) for _ in range(3)]
    for thread in waits:
        thread.start()
    try:
        with places.place():
            assert places._mine.taken, "there is a free place, although three wait"
    finally:
        over.set()
        for thread in [holder, *waits]:
            thread.join(PATIENCE)


def wait_in_line(places, line):
    with places.place(), line.turn(on_wait=lambda ahead: None):
        pass
