"""The tabs under the answer, and a visitor's own weights."""

import gc
import io

import pytest
import torch

from alexnet_viz.errors import UserError
from alexnet_viz.network.build import random_state
from alexnet_viz.network.zoo import MODELS
from pages.ui.classify import tabs as classify_tabs
from pages.ui.store import networks
from tests.pages.seen import open_weights, open_well
from tools.pages import open_page


def weights(model_id: str, seed: int = 0) -> bytes:
    data = io.BytesIO()
    torch.save(random_state(MODELS[model_id].spec, seed), data)
    return data.getvalue()


@pytest.mark.parametrize(("language", "model"), [("ko", "alexnet_200"), ("en", "lenet5")])
@pytest.mark.parametrize("tab", classify_tabs.TABS)
def test_every_tab_opens(tab, language, model):
    open_well(tab=tab, lang=language, model=model)


def test_only_the_open_tab_is_computed(monkeypatch):
    drawn = []
    for tab_id, (title, _) in classify_tabs.TABS.items():
        monkeypatch.setitem(classify_tabs.TABS, tab_id, (title, lambda *_, tab_id=tab_id: drawn.append(tab_id)))
    open_page(tab="softmax")
    assert drawn == ["softmax"]


def test_the_softmax_is_worked_out_with_the_temperature():
    app = open_page(tab="softmax", image="coffee_and_orange")
    cold = app.dataframe[0].value
    assert cold["exp((z - z_max) / T)"].iloc[0] == 1
    app.select_slider(key="softmax_temperature").set_value("5.00").run()
    hot = app.dataframe[0].value
    assert hot["Probability"].iloc[0] < cold["Probability"].iloc[0]
    assert (hot["Logit z"] == cold["Logit z"]).all()


def test_the_numbers_of_a_chosen_pixel_are_shown():
    app = open_page(tab="input")
    app.session_state["pixel_224"] = {"cell": [0, 0]}
    corner = [text.value for text in app.run().markdown if "/ 255" in text.value]
    app.session_state["pixel_224"] = {"cell": [10_000, -5]}  # a browser can send anything
    last_row = [text.value for text in app.run().markdown if "/ 255" in text.value]
    assert len(corner) == len(last_row) == 3
    assert corner != last_row
    assert not app.exception


def test_classes_are_found_in_both_languages():
    app = open_page(tab="classes", model="alexnet_torchvision")
    assert 0 < len(app.dataframe[0].value) < 1000, "improbable ones wait for the search"
    for wanted in ("espresso", "에스프레소"):
        app.text_input(key="class_search").set_value(wanted).run()
        assert set(app.dataframe[0].value["English"]) == {"espresso", "espresso maker"}
    app.text_input(key="class_search").set_value("no such thing").run()
    assert "has no such class" in app.info[0].value


@pytest.mark.parametrize("model_id", ["alexnet_cifar", "alexnet_transfer"])  # one of now, and the network of before
def test_a_visitors_own_weights_become_the_model_and_go_along_to_every_page(model_id):
    app = open_page(tab="about")
    open_weights(app, weights(model_id))
    assert not app.error
    assert app.selectbox[0].value == "own"
    assert any("your own file" in text.value for text in app.markdown)
    assert "model" not in app.query_params, "nobody else can open a visitor's own weights"
    app.switch_page("pages/home.py").run()
    app.switch_page("pages/classify.py").run()
    assert app.selectbox[0].value == "own"


def test_nobody_else_sees_a_visitors_weights():
    mine, theirs = open_page(tab="about"), open_page(tab="about")
    open_weights(mine, weights("lenet5"))
    theirs.run()
    assert mine.selectbox[0].options[0] == "My own: mine.pth"
    assert not any("mine.pth" in option for option in theirs.selectbox[0].options)


def test_a_file_that_fits_nothing_loses_nothing():
    app = open_page(tab="about")
    open_weights(app, weights("alexnet_cifar"))
    open_weights(app, b"no weights", "bad.pth")
    assert "bad" in app.error[0].value
    assert app.selectbox[0].value == "own", "what was open before is still open"


def test_at_most_so_many_visitors_hold_weights_at_once(monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_MAX_UPLOADED_MODELS", "2")
    own_models = networks.OwnModels()
    monkeypatch.setattr(networks, "own_models", lambda: own_models)
    visitors = [open_page(tab="about") for _ in range(3)]
    for i, visitor in enumerate(visitors):
        open_weights(visitor, weights("lenet5", seed=i))
    assert [len(visitor.error) for visitor in visitors] == [0, 0, 1]
    assert "2 visitors" in visitors[2].error[0].value
    open_weights(visitors[0], weights("lenet5", seed=9))
    assert not visitors[0].error, "a visitor may replace what is open"


def test_a_place_is_free_again_when_its_model_is_gone(monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_MAX_UPLOADED_MODELS", "1")
    own_models = networks.OwnModels()
    held = own_models.hold(weights("lenet5"), "a.pth")
    with pytest.raises(UserError, match="1 visitors"):
        own_models.hold(weights("lenet5", seed=1), "b.pth")
    del held
    gc.collect()  # as Streamlit does after every run
    assert own_models.hold(weights("lenet5", seed=1), "b.pth")


def test_published_weights_are_offered_where_they_are_missing_and_nothing_is_fetched_unasked(monkeypatch, tmp_path):
    import urllib.request

    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    asked = []

    def refused(request, **_):
        asked.append(request.full_url)
        raise OSError("no network here")

    monkeypatch.setattr(urllib.request, "urlopen", refused)
    monkeypatch.setattr("pages.ui.server.at_this_computer", lambda: True)
    app = open_page(tab="about", model="alexnet_torchvision")
    assert asked == []
    app.button(key="download_weights").click().run()
    assert asked == [MODELS["alexnet_torchvision"].url]
    assert str(tmp_path / "weights").replace("/", "") in app.error[0].value.replace("\\", "").replace("/", "")
