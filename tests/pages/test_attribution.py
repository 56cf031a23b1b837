"""The attribution page through Streamlit's own test harness."""

import re
from functools import partial

import pytest

from alexnet_viz.inspection.attribution.methods import METHODS
from pages.ui.attribution import tabs as attribution_tabs
from pages.ui.widgets.box import chosen_box
from tests.pages.seen import box, button, captions, fine, open_well, said

SMALL = "alexnet_cifar"  # 32 x 32: every method takes a moment


open_attribution = partial(open_well, "attribution")


def test_it_opens_with_gradcam_of_the_networks_own_answer():
    app = open_attribution()
    assert app.title[0].value == "What did the network look at?"
    assert any(text.startswith("**tabby** · ") for text in said(app).splitlines())
    assert any(caption.startswith("What speaks for it, up to") for caption in captions(app))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_draws_its_map_and_a_sensitivity_is_not_called_evidence(method):
    app = open_attribution(model=SMALL, method=method)
    sensitivity = method in ("saliency", "smoothgrad", "guided_backprop", "guided_gradcam")
    says = "How strongly its logit would react" if sensitivity else "What speaks for it"
    assert any(caption.startswith(says) for caption in captions(app))


@pytest.mark.parametrize("tab", attribution_tabs.TABS)
@pytest.mark.parametrize("model", ["alexnet_200", "lenet5"])
def test_every_tab_opens(tab, model):
    open_attribution(model=model, tab=tab)


@pytest.mark.parametrize("style", ["overlay", "heat", "contour", "masked"])
def test_every_way_of_drawing(style):
    app = open_attribution(model=SMALL, style=style)
    app = fine(app.toggle[0].set_value(True).run())
    assert any("blue against" in caption for caption in captions(app))


def test_a_link_restores_class_and_method():
    app = open_attribution(image="coffee_and_orange", method="layercam")
    assert box(app, "Method").value == "layercam"
    chosen = "orange" if box(app, "Class").value != "orange" else "espresso"
    app = open_attribution(image="coffee_and_orange", **{"class": chosen})
    assert box(app, "Class").value == chosen


def test_a_setting_changes_the_map_and_is_kept():
    app = open_attribution(model=SMALL, method="smoothgrad")
    app = fine(app.number_input(key="heat_set_smoothgrad_samples_en").set_value(8).run())
    assert app.number_input(key="heat_set_smoothgrad_samples_en").value == 8
    assert app.session_state["heat_settings_smoothgrad"] == {"samples": 8}


def test_random_weights_make_the_map_another_one():
    app = open_attribution(tab="trust", model="lenet5")
    assert any("learnt nothing" in message.value for message in app.info), "it has nothing to forget"
    app = open_attribution(tab="trust")
    app = fine(button(app, "Make the network forget").click().run())
    assert [message.value[:10] for message in app.success] == ["It passes:"]


def test_curves_noise_and_sums():
    app = open_attribution(tab="trust", model=SMALL)
    app = app.segmented_control(key="heat_test_en").set_value("curves").run()
    app = button(app, "Delete and insert").click().run()
    assert sum(caption.value.startswith("Area under the curve") for caption in app.caption) == 2
    app = app.segmented_control(key="heat_test_en").set_value("noise").run()
    app = button(app, "Add a little noise").click().run()
    assert {metric.label for metric in app.metric} >= {"The map moved by", "Correlation with the first"}
    app = fine(app.segmented_control(key="heat_test_en").set_value("sum").run())
    assert {metric.label for metric in app.metric} == {"Sum of the map", "Difference of the logits", "Off by"}


def test_covering_the_whole_picture_changes_the_answer():
    app = open_attribution(tab="cover")
    app.session_state["cover_224"] = {"box": [0, 0, 224, 224]}
    app = fine(app.run())
    assert "What the network gets now" in captions(app)


@pytest.mark.parametrize("told", [["a", 1, 2, 3], [1, 2], [500, 500, 600, 600], None, [9, 9, 3, 3], [1e400, 0, 0, 0]])
def test_a_box_that_the_browser_made_up_is_the_middle_quarter(told):
    assert chosen_box(told, 224, 224) == (56, 56, 168, 168)


def test_of_two_things_it_says_where_each_map_lies():
    """Coffee on the left, an orange on the right: Grad-CAM looks at either half, and the sentence has its shares."""
    app = open_attribution(image="coffee_and_orange", tab="classes")
    (text,) = (one.value for one in app.caption if "side by side" in one.value)
    left, right = (float(share) for share in re.findall(r"([\d.]+)\s?%", text))
    assert left > 75
    assert right < 35
