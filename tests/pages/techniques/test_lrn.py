"""The experiments with LRN answer their controls."""

from tests.pages.experiments import opened, sentence


def test_it_opens_with_the_papers_numbers_and_a_larger_alpha_lets_the_neighbours_count():
    app = opened("lrn")
    assert [app.slider(key=f"lrn_{name}").value for name in ("k", "beta")] == [2.0, 0.75]
    assert [app.select_slider(key=f"lrn_{name}").value for name in ("n", "alpha")] == [5, 1e-4]
    assert "1.682" in sentence(app, "Values above zero")
    assert "57 to 58 times" in sentence(app, "The paper's network got")
    seen = [sentence(app, "Values above zero")]
    app = app.select_slider(key="lrn_alpha").set_value(1.0).run()
    seen.append(sentence(app, "Values above zero"))
    app = app.segmented_control(key="lrn_formula_en").set_value("printed").run()
    seen.append(sentence(app, "Values above zero"))
    assert len(set(seen)) == 3


def test_at_the_border_two_streams_count_fewer_neighbours():
    app = opened("lrn", "unit").button(key="lrn_border").click().run()
    assert "of the 5 values" in sentence(app, "sum of the squares")
    app = app.segmented_control(key="lrn_unit_streams_en").set_value(2).run()
    assert "of the 3 values" in sentence(app, "sum of the squares")
    assert list(app.dataframe[0].value["Counts"]) == ["yes"] * 3 + ["no, other stream"] * 2


def test_batch_normalisation_centres_and_scales():
    app = opened("lrn", "batchnorm")
    assert app.dataframe[0].value["Standard deviations"].iloc[2] == "1.000 ... 1.000"
    before = sentence(app, "**LRN** divides")
    app = app.select_slider(key="lrn_alpha").set_value(1.0).run()
    assert sentence(app, "**LRN** divides") != before
