"""The compare page through Streamlit's own test harness."""

import pytest

from alexnet_viz.network.comparison import PROPERTIES, comparison
from tests.pages.test_classify import open_page

TABS = ["shares", "work", "story", "notes"]


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_the_page_opens_with_the_table_in_both_languages(locale):
    app = open_page("compare", locale=locale)
    assert not app.exception
    assert len(app.title) == 1
    shown = app.dataframe[0].value
    assert shown.shape == (len(PROPERTIES), len(comparison()) + 1)
    assert "60,965,224" in set(shown.iloc[:, 2])
    assert len(app.get("download_button")) == 2


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_by_its_link_and_runs_alone(tab):
    app = open_page("compare", tab=tab)
    assert not app.exception
    assert len(app.get("plotly_chart")) == (tab in ("shares", "work")), "closed tabs draw nothing"
    assert any("Nair and Hinton" in markdown.value for markdown in app.markdown) == (tab == "story")
    assert any("1,413,120" in markdown.value for markdown in app.markdown) == (tab == "notes")


@pytest.mark.parametrize("tab", ["shares", "work"])
def test_figures_say_in_words_what_they_show(tab):
    app = open_page("compare", tab=tab)
    alt = app.get("plotly_chart")[0].proto.alt
    assert all(row.name in alt for row in comparison())
    assert {"shares": "3.8 % of the parameters, 91.9 % of the MACs", "work": "60,965,224 parameters"}[tab] in alt


def test_the_story_is_told_in_korean():
    app = open_page("compare", locale="ko-KR", tab="story")
    assert any("규제" in markdown.value and "정규화" in markdown.value for markdown in app.markdown)
