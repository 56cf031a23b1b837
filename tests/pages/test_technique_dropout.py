"""The dropout tab of the techniques page through Streamlit's own test harness."""

import pytest

from pages.ui.techniques import dropout as technique_dropout
from tests.pages.seen import captions, said
from tools.pages import open_page


def open_tab(**query):
    app = open_page("techniques", tab="dropout", **query)
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def open_section(section: str, locale: str = "en-US"):
    language = locale[:2]
    app = open_page("techniques", locale=locale)
    app.session_state[f"dropout_{section}_{language}"] = True
    app.query_params["tab"] = "dropout"
    app = app.run()
    assert not app.exception, app.exception
    return app


def slider(app, key: str):
    return next(slider for slider in app.slider if slider.key == key)


def bars(app) -> str:
    return app.get("plotly_chart")[0].proto.alt


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_it_opens_with_one_mask_in_both_languages(locale):
    app = open_tab(locale=locale)
    assert len(app.get("plotly_chart")) == 1, "closed experiments compute nothing"
    assert sum("64 x 64" in caption for caption in captions(app)) == 2
    assert "규제" in said(app)
    assert "F.dropout(x, p=0.5, training=True)" in said(app)


def test_another_mask_gives_another_answer_and_inference_stays():
    app = open_tab()
    before = bars(app)
    app = next(button for button in app.button if button.key == "mask_draw").click().run()
    assert not app.exception
    assert bars(app) != before

    def inference(alt):
        return [pair.split(": ")[1].split(", ")[0] for pair in alt.split("; ")]

    assert inference(bars(app))[:5] == inference(before)[:5]


def test_a_rate_of_zero_changes_nothing():
    app = slider(open_tab(), "mask_rate").set_value(0.0).run()
    assert "**0 of 4096**" in said(app)
    for pair in bars(app).split("; "):
        first, second = pair.split(": ")[1].split(", ")
        assert first == second


def test_the_second_layer_has_1024_units():
    app = open_tab()
    app = next(box for box in app.selectbox if box.key == "mask_layer_en").set_value("drop6").run()
    assert "of 1024**" in said(app)
    assert sum(caption.startswith("32 x 32") for caption in captions(app)) == 2


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
@pytest.mark.parametrize("section", list(technique_dropout.SECTIONS)[1:])
def test_every_experiment_opens_in_both_languages(section, locale):
    open_section(section, locale)


def test_without_dropout_all_masks_agree_with_the_averaged_network():
    app = open_section("spread")
    assert len(app.get("plotly_chart")) == 2
    assert [metric.label for metric in app.metric] == ["Averaged network", "Mean of the masks", "Geometric mean"]
    assert app.metric[0].value != app.metric[1].value
    app = slider(app, "spread_rate").set_value(0.0).run()
    assert len({metric.value for metric in app.metric}) == 1
    assert "**200 of 200**" in said(app)


def test_expected_and_test_sums_are_equal_by_both_rules():
    app = open_section("scaling")
    inverted, paper, places = (frame.value for frame in app.dataframe)
    for table in (inverted, paper):
        assert table["training: expected"].tolist() == pytest.approx(table["inference"].tolist(), rel=1e-9)
    assert (inverted["inference"] * 0.5).tolist() == pytest.approx(paper["inference"].tolist(), rel=1e-9)
    assert places["Values under the masks"].tolist() == [
        "4,096 + 4,096",
        "9,216 + 4,096",
        "9,216 + 4,096",
        "4,096 + 1,024",
    ]
    app = slider(app, "scaling_rate").set_value(0.8).run()
    assert app.dataframe[0].value["inference"].tolist() == inverted["inference"].tolist()
    assert app.dataframe[1].value["inference"].tolist() != paper["inference"].tolist()
