"""The compare page through Streamlit's own test harness."""

import pytest

from alexnet_viz.inspection import resnet
from alexnet_viz.network.comparison import PROPERTIES, comparison
from alexnet_viz.pictures import images
from alexnet_viz.pictures.samples import load_sample
from pages.ui.compare import tabs as compare_tabs
from tests.inspection.resnet_file import home as home  # a fixture
from tests.inspection.resnet_file import write_random
from tests.pages.seen import button, fine, open_well
from tools.pages import open_page

CHARTS = {"shares": 2, "work": 1, "photo": 1}  # of each tab; the others have none


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_the_page_opens_with_the_table_in_both_languages(locale):
    app = open_well("compare", locale=locale)
    assert len(app.title) == 1
    shown = app.dataframe[0].value
    assert shown.shape == (len(PROPERTIES), len(comparison()) + 1)
    assert "60,965,224" in set(shown.iloc[:, 2])
    assert len(app.get("download_button")) == 2


@pytest.mark.parametrize("tab", compare_tabs.TABS)
def test_every_tab_opens_by_its_link_and_runs_alone(tab, home):
    app = open_well("compare", tab=tab)
    assert len(app.get("plotly_chart")) == CHARTS.get(tab, 0), "closed tabs draw nothing"
    assert any("Nair and Hinton" in markdown.value for markdown in app.markdown) == (tab == "story")
    assert any("1,413,120" in markdown.value for markdown in app.markdown) == (tab == "notes")
    assert any("Zeiler and Fergus" in markdown.value for markdown in app.markdown) == (tab == "limits")


@pytest.mark.parametrize(
    ("tab", "expected"), [("shares", ["AlexNet: 3.8 %", "AlexNet: 91.9 %"]), ("work", ["60,965,224 parameters"])]
)
def test_figures_say_in_words_what_they_show(tab, expected):
    alts = [chart.proto.alt for chart in open_page("compare", tab=tab).get("plotly_chart")]
    assert all(row.name in alt for row in comparison() for alt in alts)
    assert all(words in alt for words, alt in zip(expected, alts, strict=True))


@pytest.mark.parametrize(
    ("tab", "words"), [("limits", ["11x11"]), ("photo", ["ResNet-18"]), ("story", ["규제", "정규화"])]
)
def test_tabs_open_in_korean(tab, words, home):
    app = open_well("compare", locale="ko-KR", tab=tab)
    assert any(all(word in markdown.value for word in words) for markdown in app.markdown)


# ---- Limits ---------------------------------------------------------------------------------------------------------


def test_the_large_kernel_stands_beside_a_stack_that_sees_as_much():
    app = open_page("compare", tab="limits")
    large, stack = app.dataframe[1].value.to_dict("records")
    assert (large["Parameters"], large["MACs for one image"]) == ("34,944", "105,415,200")
    assert stack["Parameters"] == f"{32 * 28 + 32 * 289 + 96 * 289:,}"
    assert stack["MACs for one image"] == f"{32 * 27 * 113**2 + 32 * 288 * 111**2 + 96 * 288 * 55**2:,}"
    assert large["Output"] == stack["Output"]
    assert stack["Receptive field, pixels"] == 11
    assert large["Receptive field, pixels"] == 11
    assert (large["ReLUs"], stack["ReLUs"]) == (1, 3)
    # Small kernels with equal channels win by 25, 49 and 121 to 9 each.
    app = app.slider(key="limits_width").set_value(64).run()
    rows = app.dataframe[2].value.to_dict("records")
    for (large, small), side in zip(zip(rows[::2], rows[1::2], strict=True), (5, 7, 11), strict=True):
        count = side // 2
        assert large["Parameters"] == f"{side**2 * 64**2 + 64:,}"
        assert small["Parameters"] == f"{count * (9 * 64**2 + 64):,}"
        assert large["MACs for one image"] == f"{side**2 * 64**2 * 27**2:,}"
        assert large["Receptive field, pixels"] == small["Receptive field, pixels"] == side
        assert large["Output"] == small["Output"] == "64 x 27 x 27"


# ---- The same photo -------------------------------------------------------------------------------------------------


def headlines(app) -> list[str]:
    return [text.value for text in app.markdown if " · " in text.value]


def test_without_the_file_it_says_where_it_belongs_and_downloads_on_a_click_only(home, monkeypatch):
    asked = []
    monkeypatch.setattr(resnet, "download", lambda: iter(asked.append("asked") or ()))
    monkeypatch.setattr("pages.ui.server.at_this_computer", lambda: True)
    app = open_page("compare", tab="photo")
    text = "\n".join([*(item.value for item in app.markdown), *(item.value for item in app.caption)])
    assert all(str(path) in text for path in resnet.places())
    assert resnet.URL in text
    assert button(app, "Ask ResNet-18") is None
    assert len(headlines(app)) == 1, "the app's own network has answered"
    assert not asked
    button(app, "Download the weights").click().run()
    assert asked == ["asked"]


def test_it_answers_when_its_file_is_there_and_torchvision_waits_for_the_click(home, monkeypatch):
    theirs = write_random(home / "home" / "weights" / resnet.FILE)
    loaded = []
    load = resnet.load
    monkeypatch.setattr(resnet, "load", lambda path: loaded.append(path) or load(path))
    app = open_well("compare", tab="photo")
    assert len(headlines(app)) == 1
    assert not loaded
    app = fine(button(app, "Ask ResNet-18").click().run())
    assert loaded == [home / "home" / "weights" / resnet.FILE]
    assert len(headlines(app)) == 2
    assert len(app.get("plotly_chart")) == 2

    answer = resnet.classify(theirs, images.decode(load_sample("cat")).image)
    class_id, probability = answer.top(1)[0]
    assert headlines(app)[1] == f"**{class_id}** · {probability:.1%}".replace("%", " %")


def test_a_file_that_is_something_else_gets_one_sentence(home):
    path = resnet.places()[0]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"<html>")
    app = open_page("compare", tab="photo")
    app = button(app, "Ask ResNet-18").click().run()
    assert not app.exception
    assert len(app.error) == 1
    assert "not a weights file" in app.error[0].value
