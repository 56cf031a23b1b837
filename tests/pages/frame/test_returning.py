"""Who reloads finds the own pictures, the training form and the runs again, and nobody else does."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.frame import returning
from pages.ui.store import returns as store
from pages.ui.store.returns import HOUR, Returns
from tests.pages.seen import headline, png
from tools.pages import open_page

KEY = "0123456789abcdef" * 2


def opened(key: str = "", page: str = "classify") -> AppTest:
    """The page in a new session of the browser that has this key."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(returning, "browsers_key", lambda: key)
        return open_page(page)


def names(app: AppTest) -> list[str]:
    return [picture.name for picture in app.session_state["own_pictures"].values()]


@pytest.fixture(autouse=True)
def nobody_has_left():
    store.returns.clear()


def test_an_own_picture_is_there_after_a_reload_and_the_chosen_one():
    app = opened(KEY)
    app.file_uploader[0].upload("mine.png", png((200, 30, 30)), "image/png").run()
    before = headline(app)
    again = opened(KEY)
    assert names(again) == ["mine.png"]
    assert headline(again) == before, "it is the current picture again"


@pytest.mark.parametrize("key", ["", "f" * 32, KEY[:-1], KEY.upper(), "../" * 8])
def test_another_browser_finds_nothing(key):
    app = opened(KEY)
    app.file_uploader[0].upload("mine.png", png((200, 30, 30)), "image/png").run()
    assert names(opened(key)) == []


def test_two_tabs_go_their_own_ways():
    first = opened(KEY)
    first.file_uploader[0].upload("mine.png", png((200, 30, 30)), "image/png").run()
    second = opened(KEY)
    second.file_uploader[0].upload("other.png", png((30, 200, 30)), "image/png").run()
    assert names(second) == ["mine.png", "other.png"]
    assert names(first) == ["mine.png"]


def test_runs_belong_to_the_visitor_who_comes_back():
    first = opened(KEY, "train")
    first.session_state["visitor"] = "secret of the first session"
    first.run()
    assert opened(KEY, "train").session_state["visitor"] == "secret of the first session"


def test_a_page_that_ends_its_run_early_leaves_its_visitor_known_and_who_has_nothing_takes_no_place():
    opened("e" * 32)
    assert store.returns().find("e" * 32) == {}
    app = opened(KEY)
    app.file_uploader[0].upload("mine.png", png((200, 30, 30)), "image/png").run()
    store.returns.clear()
    app.query_params["view"] = "walk"
    app.switch_page("pages/feature_maps.py").run()
    assert names(opened(KEY)) == ["mine.png"]


def test_a_key_is_chance_and_is_sent_to_the_browser():
    keys = {opened().session_state["returning_key"] for _ in range(2)}
    assert len(keys) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys)


def test_after_an_hour_it_is_gone():
    now = [0.0]
    kept = Returns(lambda: now[0])
    kept.keep("a", {"visitor": "A"}, 10)
    now[0] = HOUR
    assert kept.find("a") == {"visitor": "A"}
    now[0] = HOUR + 1
    assert kept.find("a") == {}


@pytest.mark.parametrize(("limit", "size"), [("MOST_VISITORS", 1), ("MOST_BYTES", 100)])
def test_who_left_longest_ago_goes_first(limit, size, monkeypatch):
    monkeypatch.setattr(store, limit, 2 * size)
    kept = Returns()
    for name in "abc":
        kept.keep(name, {"visitor": name}, size)
    assert [bool(kept.find(name)) for name in "abc"] == [False, True, True]
