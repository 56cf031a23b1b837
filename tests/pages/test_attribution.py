"""The attribution page through Streamlit's own test harness."""

import pytest

from alexnet_viz.inspection.attribution.methods import METHODS
from alexnet_viz.network.zoo import LISTED
from pages.ui.attribution import tabs as attribution_tabs
from pages.ui.widgets.box import chosen_box
from tests.pages.seen import button, captions
from tools.pages import open_page

SMALL = "alexnet_cifar"  # 32 x 32: every method takes a moment


def open_attribution(**query: str):
    app = open_page("attribution", **query)
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def words(app) -> str:
    return "\n".join(text.value for text in app.markdown)


def chooser(app):
    """The control that chooses among the tests of trust."""
    return next(control for control in app.segmented_control if control.label == "Test")


def test_it_opens_with_gradcam_of_the_networks_own_answer():
    app = open_attribution()
    assert app.title[0].value == "What did the network look at?"
    assert any(text.startswith("**tabby** · ") for text in words(app).splitlines())
    assert any(caption.startswith("What speaks for it, up to") for caption in captions(app))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_draws_its_map(method):
    app = open_attribution(model=SMALL, method=method)
    assert any(caption.startswith("What speaks for it") for caption in captions(app))


@pytest.mark.parametrize("tab", attribution_tabs.TABS)
@pytest.mark.parametrize("model", ["alexnet_200", "lenet5"])
def test_every_tab_opens(tab, model):
    open_attribution(model=model, tab=tab)


@pytest.mark.parametrize("model", LISTED)
def test_every_network_is_explained_at_its_last_convolution(model):
    open_attribution(model=model)


@pytest.mark.parametrize("style", ["overlay", "heat", "contour", "masked"])
def test_every_way_of_drawing(style):
    app = open_attribution(model=SMALL, style=style)
    app = app.toggle[0].set_value(True).run()
    assert not app.exception
    assert any("blue against" in caption for caption in captions(app))


def test_a_link_restores_class_and_method():
    app = open_attribution(image="coffee_and_orange", method="layercam")
    ask = {box.label: box for box in app.selectbox}
    assert ask["Method"].value == "layercam"
    chosen = "orange" if ask["Class"].value != "orange" else "espresso"
    app = open_attribution(image="coffee_and_orange", **{"class": chosen})
    assert next(box for box in app.selectbox if box.label == "Class").value == chosen


def test_a_setting_changes_the_map_and_is_kept():
    app = open_attribution(model=SMALL, method="smoothgrad")
    samples = next(box for box in app.number_input if box.label == "Samples")
    app = samples.set_value(8).run()
    assert not app.exception
    assert next(box for box in app.number_input if box.label == "Samples").value == 8
    assert app.session_state["heat_settings_smoothgrad"] == {"samples": 8}


def test_random_weights_make_the_map_another_one():
    app = open_attribution(tab="trust")
    app = button(app, "Make the network forget").click().run()
    assert not app.exception
    assert [message.value[:10] for message in app.success] == ["It passes:"]


def test_a_random_network_has_nothing_to_forget():
    app = open_attribution(tab="trust", model="lenet5")
    assert any("learnt nothing" in message.value for message in app.info)


def test_deletion_and_insertion_are_held_against_random_maps():
    app = open_attribution(tab="trust", model=SMALL)
    app = chooser(app).set_value("curves").run()
    app = button(app, "Delete and insert").click().run()
    assert not app.exception
    assert sum(caption.value.startswith("Area under the curve") for caption in app.caption) == 2


def test_noise_and_sums():
    app = open_attribution(tab="trust", model=SMALL)
    app = chooser(app).set_value("noise").run()
    app = button(app, "Add a little noise").click().run()
    assert {metric.label for metric in app.metric} >= {"The map moved by", "Correlation with the first"}
    app = chooser(app).set_value("sum").run()
    assert not app.exception
    assert {metric.label for metric in app.metric} == {"Sum of the map", "Difference of the logits", "Off by"}


def test_covering_the_whole_picture_changes_the_answer():
    app = open_attribution(tab="cover")
    app.session_state["cover_224"] = {"box": [0, 0, 224, 224]}
    app = app.run()
    assert not app.exception
    assert "What the network gets now" in captions(app)


@pytest.mark.parametrize("box", [["a", 1, 2, 3], [1, 2], [500, 500, 600, 600], None, [9, 9, 3, 3], [1e400, 0, 0, 0]])
def test_a_box_that_the_browser_made_up_is_the_middle_quarter(box):
    assert chosen_box(box, 224, 224) == (56, 56, 168, 168)


def test_korean_page_has_korean_words():
    app = open_page("attribution", locale="ko-KR", model=SMALL)
    assert app.title[0].value == "신경망은 어디를 보았을까요?"
