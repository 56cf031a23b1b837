"""The experiments with dropout answer their controls."""

import pytest

from tests.pages.experiments import alts, opened
from tests.pages.seen import captions, fine, said


def pairs(app) -> list[list[str]]:
    """The two probabilities of each class that the bars show: inference, training."""
    return [pair.split(": ")[1].split(", ") for pair in alts(app)[0].split("; ")]


def test_another_mask_gives_another_answer_and_inference_stays():
    app = opened("dropout")
    assert len(alts(app)) == 1, "closed experiments compute nothing"
    assert sum("64 x 64" in caption for caption in captions(app)) == 2
    before = pairs(app)
    app = fine(app.button(key="mask_draw").click().run())
    assert pairs(app) != before
    assert [inference for inference, _ in pairs(app)][:5] == [inference for inference, _ in before][:5]


def test_a_rate_of_zero_changes_nothing_and_the_second_layer_has_1024_units():
    app = opened("dropout").slider(key="mask_rate").set_value(0.0).run()
    assert "**0 of 4096**" in said(app)
    assert all(inference == training for inference, training in pairs(app))
    app = app.selectbox(key="mask_layer_en").set_value("drop6").run()
    assert "of 1024**" in said(app)
    assert sum(caption.startswith("32 x 32") for caption in captions(app)) == 2


def test_without_dropout_all_masks_agree_with_the_averaged_network():
    app = opened("dropout", "spread")
    assert len(alts(app)) == 2
    assert [metric.label for metric in app.metric] == ["Averaged network", "Mean of the masks", "Geometric mean"]
    assert app.metric[0].value != app.metric[1].value
    app = app.slider(key="spread_rate").set_value(0.0).run()
    assert len({metric.value for metric in app.metric}) == 1
    assert "**200 of 200**" in said(app)


def test_expected_and_test_sums_are_equal_by_both_rules():
    app = opened("dropout", "scaling")
    inverted, paper, places = (frame.value for frame in app.dataframe)
    for table in (inverted, paper):
        assert table["training: expected"].tolist() == pytest.approx(table["inference"].tolist(), rel=1e-9)
    assert (inverted["inference"] * 0.5).tolist() == pytest.approx(paper["inference"].tolist(), rel=1e-9)
    first, *others = places["Values under the masks"]
    assert (first, others) == ("4,096 + 4,096", ["9,216 + 4,096", "9,216 + 4,096", "4,096 + 1,024"])
    app = app.slider(key="scaling_rate").set_value(0.8).run()
    assert app.dataframe[0].value["inference"].tolist() == inverted["inference"].tolist()
    assert app.dataframe[1].value["inference"].tolist() != paper["inference"].tolist()
