"""The feature maps page through Streamlit's own test harness."""

from functools import partial

import pytest

from alexnet_viz.network.spec import layer_names
from alexnet_viz.network.zoo import model_entry
from pages.ui.feature_maps import tabs as feature_maps_tabs
from tests.pages.seen import button, captions, fine, open_well, said

LAYERS = layer_names(model_entry("alexnet_200").spec.layers)


open_maps = partial(open_well, "feature_maps")


def test_it_opens_with_conv1_of_the_current_picture_and_a_channel_that_it_lacks_becomes_the_first():
    app = open_maps(channel="5000")
    assert app.title[0].value == "What does each layer see?"
    assert any(caption.value.startswith("Shape 64 x 55 x 55") for caption in app.caption)
    assert any("channel 0 of conv1" in caption for caption in captions(app))


@pytest.mark.parametrize("tab", feature_maps_tabs.TABS)
@pytest.mark.parametrize("layer", ["conv1", "norm2", "pool5", "flatten", "fc6"])
def test_every_tab_opens_on_every_kind_of_layer(tab, layer):
    open_maps(tab=tab, layer=layer, channel="3", model="alexnet_cifar_2gpu")


def test_a_link_restores_layer_channel_order_and_range():
    app = open_maps(layer="conv3", channel="77", sort="sparsity", range="layer")
    assert app.select_slider[0].value == "conv3"
    assert any("channel 77 of conv3" in caption for caption in captions(app))
    assert {box.value for box in app.selectbox} >= {"sparsity", "layer"}
    assert app.query_params["channel"] in ("77", ["77"])


def test_switching_everything_off_moves_the_answer_and_switching_on_brings_it_back():
    app = open_maps(tab="off", layer="relu5", channel="3")
    before = app.subheader[0].value
    app = button(app, "All off but channel 3").click().run()
    assert any(caption.value == "relu5: 255 off" for caption in app.caption)
    assert app.subheader[0].value != before
    app = button(app, "All on").click().run()
    assert app.subheader[0].value == before


def test_the_ranking_runs_on_a_click_and_is_kept():
    app = open_maps(tab="matters", layer="fc6")
    app = next(button for button in app.button if button.label.startswith("Switch off each")).click().run()
    assert "matters most" in said(app)
    assert "matters most" in said(open_maps(tab="matters", layer="fc6")), "another visitor need not wait"


def test_the_walk_goes_from_the_photo_to_the_answer():
    app = open_maps(view="walk")
    (slider,) = app.select_slider
    assert len(slider.options) == len(LAYERS) + 2
    assert any("3 x 224 x 224" in text.value for text in app.markdown)
    for step in ("conv1", "pool5", "fc6", "softmax"):
        app = app.select_slider[0].set_value(step).run()
        assert not app.exception
    assert "tabby" in said(app)


def test_the_photo_is_rebuilt_from_a_layer_at_once_when_asked(monkeypatch):
    from alexnet_viz.inspection import maximisation

    invert = maximisation.invert
    few = maximisation.Settings(steps=4, jitter=0, scale=0, rotation=0)
    monkeypatch.setattr(maximisation, "invert", lambda *given: invert(*given, settings=few))
    app = open_maps(view="walk", model="alexnet_cifar")
    app = app.select_slider[0].set_value("conv1").run()
    app = fine(app.toggle[0].set_value(True).run())
    assert any("away from the photo" in caption for caption in captions(app))


@pytest.mark.parametrize(
    ("model", "layer", "says"),
    [
        ("alexnet_cifar_2gpu", "conv2", "its own group, 32 of 64"),
        ("alexnet_cifar", "conv2", "everything before it"),
        ("lenet5", "tanh1", "between -1 and 1"),
        ("lenet5", "pool1", "the mean goes on"),
        ("alexnet_cifar", "pool1", "only the strongest"),
    ],
)
def test_the_walk_speaks_of_the_layers_own_settings(model, layer, says):
    app = open_well("feature_maps", model=model, view="walk")
    app = app.select_slider[0].set_value(layer).run()
    assert says in said(app)


def test_random_weights_are_named_in_the_list_and_on_the_walk():
    app = open_well("feature_maps", model="lenet5", view="walk")
    assert any("random" in warning.value for warning in app.warning)
    options = app.selectbox[0].options
    assert any(option.endswith("(random weights)") for option in options)
    assert not any("200 classes" in option and "random" in option for option in options)
