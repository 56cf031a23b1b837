"""The LRN tab: its experiments open in both languages and answer their controls."""

import pytest

from tools.pages import open_page


def open_lrn(**how):
    app = open_page("techniques", tab="lrn", **how)
    assert not app.exception, app.exception
    return app


def opened(section: str, **how):
    """The tab with one of its experiments unfolded."""
    app = open_lrn(**how)
    language = "ko" if how.get("locale") == "ko-KR" else "en"
    app.session_state[f"lrn_{section}_{language}"] = True
    app = app.run()
    assert not app.exception, app.exception
    assert not app.error
    return app


def sentence(app, beginning: str) -> str:
    return next(text.value for text in [*app.markdown, *app.caption] if text.value.startswith(beginning))


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
@pytest.mark.parametrize("section", ["unit", "batchnorm"])
def test_every_experiment_opens(locale, section):
    app = opened(section, locale=locale)
    assert app.latex if section == "unit" else len(app.dataframe) == 1


def test_it_opens_with_the_papers_numbers():
    app = open_lrn()
    assert [app.slider(key=f"lrn_{name}").value for name in ("k", "beta")] == [2.0, 0.75]
    assert [app.select_slider(key=f"lrn_{name}").value for name in ("n", "alpha")] == [5, 1e-4]
    assert "1.682" in sentence(app, "Values above zero")
    assert "57 to 58 times" in sentence(app, "The paper's network got")


def test_a_larger_alpha_lets_the_neighbours_count():
    app = open_lrn()
    before = sentence(app, "Values above zero")
    app = app.select_slider(key="lrn_alpha").set_value(1.0).run()
    by_the_code = sentence(app, "Values above zero")
    assert by_the_code != before
    app = app.segmented_control(key="lrn_formula_en").set_value("printed").run()
    assert sentence(app, "Values above zero") != by_the_code


def test_at_the_border_two_streams_count_fewer_neighbours():
    app = opened("unit")
    app = app.button(key="lrn_border").click().run()
    assert "of the 5 values" in next(c.value for c in app.caption if "sum of the squares" in c.value)
    app = app.segmented_control(key="lrn_unit_streams_en").set_value(2).run()
    assert "of the 3 values" in next(c.value for c in app.caption if "sum of the squares" in c.value)
    assert list(app.dataframe[0].value["Counts"]) == ["yes"] * 3 + ["no, other stream"] * 2


def test_batch_normalisation_centres_and_scales():
    app = opened("batchnorm")
    table = app.dataframe[0].value
    assert table["Standard deviations"].iloc[2] == "1.000 ... 1.000"
    before = sentence(app, "**LRN** divides")
    app = app.select_slider(key="lrn_alpha").set_value(1.0).run()
    assert sentence(app, "**LRN** divides") != before
