"""Waiting for the processor is seen by those who wait, and by nobody else."""

import threading
import time

import pytest
import streamlit as st

from pages.ui.store import results, rules
from tests.pages.seen import headline
from tools.pages import open_page

PATIENCE = 60  # seconds


@pytest.fixture
def said(monkeypatch):
    """What visitors are told while they wait; they are told it early."""
    texts, info = [], st.info

    def heard(text, **looks):
        if looks.get("icon") == ":material/hourglass_top:":
            texts.append(text)
        return info(text, **looks)

    monkeypatch.setattr(st, "info", heard)
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


@pytest.mark.parametrize(("locale", "words"), [("en-US", "1 ahead of you"), ("ko-KR", "앞에 1")])
def test_what_was_said_is_not_said_again_with_the_cached_answer(said, locale, words):
    holder = hold(rules.line(), until=lambda: said)
    open_page(locale=locale)
    holder.join(PATIENCE)
    assert words in said[0]
    before = len(said)
    again = open_page(locale=locale)
    assert headline(again)
    assert len(said) == before, "a free line says nothing"
    assert not notices(again)


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
