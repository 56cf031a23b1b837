"""The pooling tab of the techniques page through Streamlit's own test harness."""

import pytest

from pages.ui.techniques import pooling as technique_pooling
from tests.pages.seen import captions, said
from tools.pages import open_page


def open_tab(locale: str = "en-US", section: str = ""):
    app = open_page("techniques", locale=locale)
    if section:
        app.session_state[f"pooling_{section}_{locale[:2]}"] = True
    app.query_params["tab"] = "pooling"
    app = app.run()
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def layer(app, section: str):
    return next(control for control in app.segmented_control if control.key.startswith(f"{section}_layer"))


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_it_opens_with_one_map_pooled_three_ways_in_both_languages(locale):
    app = open_tab(locale)
    assert sum(caption.startswith("55 x 55") for caption in captions(app)) == 3
    assert len(app.latex) == 3
    assert not app.get("plotly_chart"), "closed experiments compute nothing"
    assert "pool5" in said(app)


def test_sizes_and_shares_are_alexnets():
    app = open_tab()
    assert said(app).count("55 x 55 becomes 27 x 27") == 3
    assert "In more than one window: 72.2 % of the values. In none, at the edge: 0." in said(app)
    assert said(app).count("In more than one window: 0.0 % of the values. In none, at the edge: 109.") == 2
    app = layer(app, "windows").set_value("relu5").run()
    assert said(app).count("13 x 13 becomes 6 x 6") == 3
    assert not app.exception


def test_another_position_shows_another_window():
    app = open_tab()
    before = [formula.value for formula in app.latex]
    app.session_state["pooling_at"] = (0, 0)
    app = app.run()
    after = [formula.value for formula in app.latex]
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert [formula.count(r"\boxed") for formula in after] == [1, 1, 0]
    assert [formula.count(r"\\") for formula in after] == [2, 1, 1]


def test_a_position_that_smaller_maps_lack_becomes_their_nearest():
    app = open_tab()
    app.session_state["pooling_at"] = (26, 26)
    app = layer(app.run(), "windows").set_value("relu5").run()
    assert not app.exception
    assert len(app.latex) == 3


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
@pytest.mark.parametrize("section", list(technique_pooling.SECTIONS)[1:])
def test_every_experiment_opens_in_both_languages(section, locale):
    open_tab(locale, section)


def test_windows_that_overlap_change_less_when_the_map_moves():
    app = open_tab(section="shift")
    for name in technique_pooling.LAYERS:
        app = layer(app, "shift").set_value(name).run()
        parts = dict(part.rsplit(": ", 1) for part in app.get("plotly_chart")[0].proto.alt.split("; "))
        overlapping, apart, _, unpooled = (float(text.split(" %")[0]) for text in parts.values())
        assert overlapping < apart < unpooled


def test_only_windows_that_overlap_share_their_winners():
    app = open_tab(section="wins")
    table = app.dataframe[0].value
    assert table.shape == (4, 6)
    shares = table["winner shared with a neighbour"].tolist()
    assert shares[1] == shares[3] == "0.0 %"
    assert "0.0 %" not in (shares[0], shares[2])
    assert table["Windows"].tolist() == [27 * 27, 27 * 27, 64 * 27 * 27, 64 * 27 * 27]
    before = table["Values that get through"].tolist()
    app = layer(app, "wins").set_value("relu2").run()
    assert app.dataframe[0].value["Values that get through"].tolist() != before
