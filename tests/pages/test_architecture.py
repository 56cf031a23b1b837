"""The architecture page."""

import pytest

from alexnet_viz.network.notation import read_spec, write_spec
from alexnet_viz.network.spec import KINDS, layer_names
from alexnet_viz.network.zoo import MODELS
from pages.ui.architecture import tabs as architecture_tabs
from tests.pages.seen import open_well
from tools.pages import open_page


def field(app, label: str):
    return next(box for box in app.number_input if box.label == label)


def open_box(app, key: str):
    """Open a popover, whose content is drawn only then."""
    app.session_state[f"{key}_en"] = True
    return app.run()


def spec_of(app):
    return app.session_state["lab"].spec


@pytest.mark.parametrize(("language", "preset"), [("en", "alexnet_2012"), ("ko", "lenet5")])
@pytest.mark.parametrize("tab", architecture_tabs.TABS)
def test_every_tab_opens(tab, language, preset):
    open_well("architecture", tab=tab, lang=language, preset=preset)


def test_a_link_to_the_network_of_before_starts_from_its_successor():
    app = open_well("architecture", preset="alexnet_transfer")
    assert app.selectbox[0].value == "alexnet_200"
    assert any("no longer here" in info.value for info in app.info)


def test_a_changed_kernel_moves_every_later_number_and_is_marked():
    app = open_page("architecture", layer="conv1")
    field(app, "Kernel").set_value(7).run()
    assert spec_of(app).layers[0].kernel == 7
    table = app.dataframe[0].value
    assert table["Output"][0] == "96 x 56 x 56 (96 x 55 x 55)"
    assert table["Receptive field"][3] == "15 (19)"
    assert app.metric[0].delta == "-20,736"
    assert write_spec(spec_of(app)) == app.query_params["net"]


@pytest.mark.parametrize("kernel", [300, 0, -2])
def test_a_kernel_out_of_range_gets_a_sentence_and_changes_nothing(kernel):
    app = open_page("architecture", layer="conv1")
    field(app, "Kernel").set_value(kernel).run()
    assert not app.exception
    assert f"Kernel is {kernel}; this editor takes 1 to 64" in app.error[0].value.replace("\\", "")
    assert spec_of(app) == MODELS["alexnet_2012"].spec
    field(app, "Kernel").set_value(7).run()
    assert not app.error
    assert spec_of(app).layers[0].kernel == 7


def test_undo_and_reset():
    app = open_page("architecture", layer="conv2")
    field(app, "Channels").set_value(128).run()
    field(app, "Kernel").set_value(3).run()
    app.button[0].click().run()
    assert (spec_of(app).layers[4].channels, spec_of(app).layers[4].kernel) == (128, 5)
    assert field(app, "Kernel").value == 5, "the widget shows what is there"
    app.button[1].click().run()
    assert spec_of(app) == MODELS["alexnet_2012"].spec
    assert "net" not in app.query_params
    app.button[0].click().run()
    assert spec_of(app).layers[4].channels == 128, "a reset can be undone"
    app.selectbox[0].set_value("lenet5").run()
    assert spec_of(app) == MODELS["lenet5"].spec, "another preset starts anew"


def test_a_link_restores_the_whole_edited_network():
    spec = MODELS["alexnet_2012"].spec.at_input(63)
    text = write_spec(spec).replace("g2", "g1")
    app = open_page("architecture", net=text, layer="conv3")
    assert spec_of(app) == read_spec(text)
    assert any(box.value == "conv3" for box in app.selectbox)


@pytest.mark.parametrize(
    "net", ["3x224x224_nothing", "3x227x227_conv9999999k1s1p1g1", "x" * 5000, "3x8x8_" + "relu_" * 99 + "relu"]
)
def test_a_hostile_link_gets_one_sentence(net):
    app = open_page("architecture", net=net)
    assert not app.exception
    assert len(app.error) == 1
    assert "network" in app.error[0].value
    assert spec_of(app) == MODELS["alexnet_2012"].spec, "the page goes on with the network of the list"
    assert app.metric[0].value == "60,965,224"
    assert not app.run().error, "it is complained of once"
    assert "net" not in app.query_params


@pytest.mark.parametrize("tab", architecture_tabs.TABS)
def test_an_impossible_network_never_breaks_the_page(tab):
    app = open_page("architecture", tab=tab, net="3x8x8_conv4k9s1p0g1_relu")
    assert not app.exception
    assert len(app.error) == 1
    assert app.metric[0].value == "-"
    assert len(app.info) == (tab in ("memory", "hand", "code")), "no numbers of a network that cannot be"


def test_two_ways_out_of_an_input_that_does_not_divide():
    app = open_box(open_page("architecture"), "lab_input")
    field(app, "Input side, in pixels").set_value(224).run()
    assert "fc6" in app.error[0].value
    app.button(key="lab_adapt").click().run()
    assert not app.error
    assert app.metric[0].value != "-"
    app.button[0].click().run()
    assert app.error
    app.radio[0].set_value("ceil").run()
    assert not app.error
    assert "ceil((224 - 11) / 4) + 1 = 55" in list(app.dataframe[0].value["Side worked out"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_of_every_kind_can_be_added(kind):
    app = open_box(open_page("architecture", layer="conv2"), "lab_structure")
    app.selectbox(key="lab_new_kind").set_value(kind).run()
    app.button(key="lab_add").click().run()
    assert not app.exception
    assert spec_of(app).layers[4].kind == kind
    assert len(spec_of(app).layers) == len(MODELS["alexnet_2012"].spec.layers) + 1


def test_layers_are_moved_and_removed():
    app = open_box(open_page("architecture", layer="norm1"), "lab_structure")
    app.button(key="lab_arrow_upward").click().run()
    assert layer_names(spec_of(app).layers)[:3] == ["conv1", "norm1", "relu1"]
    app.button(key="lab_delete").click().run()
    assert layer_names(spec_of(app).layers)[:3] == ["conv1", "relu1", "pool1"]


def test_a_click_in_the_drawing_selects_a_layer():
    app = open_page("architecture")
    app.session_state["lab_boxes"] = {"layer": "conv4"}
    app.run()
    assert app.query_params["layer"] == "conv4"
    assert field(app, "Channels").value == 384


def test_no_torch_is_needed_until_a_unit_is_worked_by_hand(monkeypatch):
    from pages.ui.store import networks, rules

    def forbidden(*_):
        raise AssertionError("torch was asked for")

    monkeypatch.setattr(rules, "ensure_ml", forbidden)
    monkeypatch.setattr(networks, "model", forbidden)
    app = open_page("architecture", layer="conv1")
    field(app, "Kernel").set_value(9).run()
    assert not app.exception


def test_by_hand_says_whose_weights_they_are_and_which_are_random():
    app = open_page("architecture", tab="hand", preset="alexnet_200", layer="conv1")
    assert any("Trained weights of" in text.value for text in app.caption)
    field(app, "Kernel").set_value(9).run()
    assert any("random in the layers that no longer fit: conv1" in text.value for text in app.caption)
    random = open_page("architecture", tab="hand", preset="lenet5")
    assert any("Random weights" in text.value for text in random.caption)


@pytest.mark.parametrize("layer", ["conv2", "relu2", "norm2", "pool2", "flatten", "fc6", "drop6"])
def test_every_kind_of_layer_is_worked_by_hand(layer):
    open_well("architecture", tab="hand", layer=layer, preset="alexnet_cifar_2gpu")


def test_the_code_tab_shows_what_the_code_prints():
    app = open_page("architecture", tab="code", preset="alexnet_200")
    assert "class AlexNet(nn.Module)" in app.code[0].value
    assert any("11,886,896 parameters, 9,417,200 of them trained here" in text.value for text in app.markdown)
    app.toggle(key="lab_prints").set_value(True).run()
    assert app.code[1].value.startswith("AlexNet(")
    assert "Conv2d(3, 64, kernel_size=(11, 11), stride=(4, 4), padding=(2, 2))" in app.code[1].value
    assert any("(1, 200)" in text.value for text in app.markdown)
