"""The home page and the tour through the others."""

import re

import pytest

from alexnet_viz.serving.imports import ensure_ml
from pages.ui.classify import tabs as classify_tabs
from pages.ui.frame import tour
from pages.ui.frame.menu import PAGES
from pages.ui.techniques import tabs as techniques
from tests.pages.seen import button, open_well
from tools.pages import open_page


@pytest.mark.parametrize(
    ("page", "link", "title"),
    [
        ("home", {"locale": "en-US"}, "See how AlexNet works"),
        ("home", {"locale": "ko"}, "AlexNet의 속을 들여다봅시다"),
        ("feature_maps", {"locale": "ko-KR", "tab": "table"}, "층마다 무엇을 볼까요?"),
        ("filters", {"locale": "ko-KR", "tab": "measures"}, "필터는 무엇을 찾을까요?"),
        ("attribution", {"locale": "ko-KR"}, "신경망은 어디를 보았을까요?"),
    ],
)
def test_pages_open_in_the_browsers_language(page, link, title):
    assert open_well(page, **link).title[0].value == title


def test_home_shows_what_the_network_makes_of_the_photo_and_the_result_of_2012():
    ensure_ml()
    app = open_well("home")
    assert any(text.value.startswith("**tabby** ") for text in app.markdown)
    assert len(app.get("page_link")) == len(PAGES) - 1
    bars = [bar.proto.text for bar in app.get("progress")]
    assert bars[0].endswith("26.2 %")
    assert bars[-1].endswith("15.3 %")


def test_every_stop_names_a_page_and_a_tab_that_exist():
    tabs = {"classify": classify_tabs.TABS, "techniques": techniques.TABS}
    for stop in tour.STOPS:
        assert stop.page in PAGES
        assert stop.query.get("tab") in (None, *tabs.get(stop.page, ()))


def bar(app) -> str:
    """What the tour's bar says."""
    return next((text.value for text in app.markdown if " · " in text.value), "")


def test_the_tour_goes_from_stop_to_stop_and_ends():
    """The harness stays on the page that it opened; tests/browser follows the tour to the other pages."""
    app = open_page("home")
    app = app.button(key="tour_start").click().run()
    for number in range(1, len(tour.STOPS)):
        assert bar(app) == f"**Stop {number} of {len(tour.STOPS)}** · {tour.STOPS[number - 1].text}"
        app = app.button(key="tour_next").click().run()
    assert not [one for one in app.button if one.key == "tour_next"]
    app = app.button(key="tour_back").click().run()
    assert bar(app).startswith(f"**Stop {len(tour.STOPS) - 1} of")
    app = app.button(key="tour_end").click().run()
    assert bar(app) == ""


def test_a_page_that_is_not_the_stops_offers_the_way_back():
    app = open_page("home")
    app = app.button(key="tour_start").click().run()
    app = app.switch_page("pages/compare.py").run()
    assert button(app, "Back to the tour")


def test_a_link_to_another_layer_moves_the_slider_that_is_drawn_already():
    """The tour's fifth and sixth stop are the same page; AppTest opens the sixth as the tour's link does."""
    app = open_page("feature_maps", layer="conv1")
    stop = tour.STOPS[5]
    assert stop.page == "feature_maps"
    for layer in (stop.query["layer"], "conv1", stop.query["layer"]):
        app.query_params["layer"] = layer
        app.run()
        assert app.select_slider[0].value == layer
        assert not app.exception
        assert not app.warning


def test_the_sixth_stop_shows_maps_that_are_mostly_dark():
    """As it says: of the values of its layer most are zero on the picture that the tour begins with."""
    app = open_page("feature_maps", layer=tour.STOPS[5].query["layer"])
    (zeros,) = re.findall(r"(\d+)% of all values are not above zero", " ".join(text.value for text in app.caption))
    assert int(zeros) > 50


@pytest.mark.parametrize(("at_this_computer", "says"), [(True, "No picture leaves it"), (False, "are sent there")])
def test_it_says_where_pictures_go(at_this_computer, says, monkeypatch):
    monkeypatch.setattr("pages.ui.server.at_this_computer", lambda: at_this_computer)
    app = open_page("home")
    texts = " ".join(text.value for text in app.markdown)
    assert says in texts
    assert ("No picture leaves it" in texts) == at_this_computer
