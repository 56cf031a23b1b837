"""Paper against code: the claims, every switch in both languages, and the sizes of any input."""

import pytest

from alexnet_viz.paper.departures import CODE_2012, TORCHVISION
from pages.ui.techniques.paper import SWITCHES
from tests.pages.experiments import opened
from tests.pages.seen import fine, said


def switched(app, switch: str, language: str = "en"):
    return fine(app.selectbox(key=f"paper_switch_{language}").set_value(switch).run())


def test_both_codes_have_claims_of_their_own():
    app = opened("paper")
    assert len(app.table[0].value) == len(CODE_2012)
    app = app.segmented_control(key="paper_source_en").set_value("torchvision").run()
    assert len(app.table[0].value) == len(TORCHVISION)
    assert "accuracies" in said(app)


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_every_switch_shows_something(locale):
    app = opened("paper", "switches", locale=locale)
    assert len({said(switched(app, switch, locale[:2])) for switch in SWITCHES}) == len(SWITCHES)


def test_alpha_and_the_cut_of_the_learning_rate_move_the_differences_and_pool5_has_none():
    app = opened("paper", "switches")
    before = said(app)
    app = app.select_slider(key="paper_alpha").set_value(1.0).run()
    assert said(app) != before
    assert "Largest difference of all values of pool5: **0**" in said(switched(app, "pool5"))
    app = switched(app, "decay")
    assert "After the cut at step 15" in said(app)
    app = app.slider(key="paper_cut").set_value(40).run()
    assert "After the cut at step 40" in said(app)


def test_224_fails_until_it_is_rounded_up_or_padded():
    app = opened("paper", "224")
    assert "6,400" in app.warning[0].value
    up = app.segmented_control(key="paper_rounding_en").set_value("ceil").run()
    assert "9,216" in up.success[0].value
    down = up.segmented_control(key="paper_rounding_en").set_value("floor").run()
    padded = down.segmented_control(key="paper_padding").set_value(2).run()
    assert padded.success
    wide = padded.slider(key="paper_side").set_value(232).run()
    assert wide.dataframe[0].value["Side worked out"].iloc[0].startswith("floor((232")
