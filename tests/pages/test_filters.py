"""The filters page through Streamlit's own test harness."""

import pytest

from alexnet_viz.network.spec import kernel_layers
from alexnet_viz.network.zoo import LISTED, model_entry
from pages.ui.filters import tabs as filters_tabs
from tests.pages.seen import captions
from tools.pages import open_page


def open_filters(**query: str):
    app = open_page("filters", **query)
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def words(app) -> str:
    return "\n".join(text.value for text in app.markdown)


def test_it_opens_with_the_first_layers_filters_as_colours():
    app = open_filters()
    assert app.title[0].value == "What do the filters look for?"
    assert "Filter 0 of conv1" in words(app)
    assert "3 x 11 x 11 weights" in words(app)
    assert any(box.value == "colours" for box in app.selectbox)


@pytest.mark.parametrize("tab", filters_tabs.TABS)
@pytest.mark.parametrize("layer", ["conv1", "conv4", "fc6"])
def test_every_tab_opens_on_every_kind_of_layer(tab, layer):
    app = open_filters(tab=tab, layer=layer, channel="5")
    assert f"Filter 5 of {layer}" in words(app)


@pytest.mark.parametrize("model", LISTED)
def test_every_network_shows_its_last_layer_with_weights(model):
    last = kernel_layers(model_entry(model).spec)[-1]
    app = open_filters(model=model, layer=last)
    assert f"Filter 0 of {last}" in words(app)


def test_two_streams_stand_in_two_blocks():
    app = open_filters(model="alexnet_2012")
    assert "**Stream 1** · 48" in words(app)
    assert "**Stream 2** · 48" in words(app)


def test_filters_grouped_by_direction_are_counted_once_each():
    app = open_filters(group="orientation")
    counts = [
        int(text.value.split("· ")[1]) for text in app.markdown if text.value.startswith("**") and "· " in text.value
    ]
    assert sum(counts) == 64
    assert len(counts) == 5


def test_one_input_channel_of_a_deeper_layer_and_a_wrong_number():
    app = open_filters(layer="conv2", draw="input", input="63")
    assert app.number_input[0].value == 63
    app = open_filters(layer="conv2", draw="input", input="64")
    assert app.number_input[0].value == 0


def test_colours_are_offered_only_where_there_are_red_green_and_blue():
    app = open_filters(layer="conv2", draw="colours")
    drawn = next(box for box in app.selectbox if box.label == "Drawn")
    assert drawn.value == "norm"
    assert len(drawn.options) == 2


def test_the_picture_that_a_unit_wants_is_made_on_a_click(monkeypatch):
    from alexnet_viz.inspection import maximisation

    maximise = maximisation.maximise

    def quickly(*given, settings, **named):
        few = maximisation.Settings(steps=8, seed=settings.seed)
        return maximise(*given, settings=few, **named)

    monkeypatch.setattr(maximisation, "maximise", quickly)
    app = open_filters(model="alexnet_cifar", layer="conv2", tab="wants")
    next(button for button in app.button if button.label == "Make the picture").click()
    app = app.run()
    assert not app.exception
    assert any(caption.startswith("After 8 steps") for caption in captions(app))


def test_the_patches_that_excite_a_filter_are_found_among_the_samples():
    app = open_filters(model="alexnet_cifar", layer="conv3", tab="excites", channel="7")
    next(button for button in app.button if button.label.startswith("Search")).click()
    app = app.run()
    assert not app.exception
    assert sum(": " in caption for caption in captions(app)) == 9


def test_two_checkpoints_of_the_same_shape_are_correlated():
    app = open_filters(model="alexnet_2012", tab="two")
    other = next(box for box in app.selectbox if box.label == "Compare with")
    app = other.set_value("alexnet_single").run()
    assert "mean correlation" in words(app)


def test_korean_page_has_korean_words():
    app = open_page("filters", locale="ko-KR", tab="measures")
    assert app.title[0].value == "필터는 무엇을 찾을까요?"
