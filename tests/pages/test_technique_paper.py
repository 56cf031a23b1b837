"""Paper against code: the claims, every switch in both languages, and the sizes of any input."""

import pytest

from alexnet_viz.paper.departures import CODE_2012, TORCHVISION
from pages.ui.techniques.paper import SWITCHES
from tests.pages.seen import said
from tools.pages import open_page


def open_paper(**how):
    app = open_page("techniques", tab="paper", **how)
    assert not app.exception, app.exception
    return app


def opened(section: str, **how):
    """The tab with one of its experiments unfolded."""
    app = open_paper(**how)
    language = "ko" if how.get("locale") == "ko-KR" else "en"
    app.session_state[f"paper_{section}_{language}"] = True
    app = app.run()
    assert not app.exception, app.exception
    assert not app.error
    return app


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_it_opens_with_the_claims(locale):
    app = open_paper(locale=locale)
    assert len(app.table[0].value) == len(CODE_2012)


def test_the_other_code_has_claims_of_its_own():
    app = open_paper()
    app = app.segmented_control(key="paper_source_en").set_value("torchvision").run()
    assert len(app.table[0].value) == len(TORCHVISION)
    assert "accuracies" in said(app)


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_every_switch_shows_something(locale):
    app = opened("switches", locale=locale)
    language = "ko" if locale == "ko-KR" else "en"
    seen = set()
    for switch in SWITCHES:
        app = app.selectbox(key=f"paper_switch_{language}").set_value(switch).run()
        assert not app.exception, switch
        assert not app.error, switch
        seen.add(said(app))
    assert len(seen) == len(SWITCHES)


def test_alpha_moves_the_difference_and_pool5_has_none():
    app = opened("switches")
    before = said(app)
    app = app.select_slider(key="paper_alpha").set_value(1.0).run()
    assert said(app) != before
    app = app.selectbox(key="paper_switch_en").set_value("pool5").run()
    assert "Largest difference of all values of pool5: **0**" in said(app)


def test_the_cut_of_the_learning_rate_parts_the_rules():
    app = opened("switches")
    app = app.selectbox(key="paper_switch_en").set_value("decay").run()
    assert "After the cut at step 15" in said(app)
    app = app.slider(key="paper_cut").set_value(40).run()
    assert "After the cut at step 40" in said(app)


def test_224_fails_until_it_is_rounded_up_or_padded():
    app = opened("224")
    assert "6,400" in app.warning[0].value
    up = app.segmented_control(key="paper_rounding_en").set_value("ceil").run()
    assert "9,216" in up.success[0].value
    down = up.segmented_control(key="paper_rounding_en").set_value("floor").run()
    padded = down.segmented_control(key="paper_padding").set_value(2).run()
    assert padded.success
    wide = padded.slider(key="paper_side").set_value(232).run()
    assert wide.dataframe[0].value["Side worked out"].iloc[0].startswith("floor((232")
