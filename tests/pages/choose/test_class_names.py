"""What a file does not say about its network is said on every page, and its visitor may name its classes."""

import io
from dataclasses import replace

import pytest
import torch

from alexnet_viz.network.build import random_state
from alexnet_viz.network.zoo import MODELS
from pages.ui.store import networks
from tests.pages.seen import open_weights
from tools.pages import open_page

NAMES = [f"*thing* {i}" for i in range(10)]


def file_with(outputs: int) -> bytes:
    spec = MODELS["alexnet_cifar"].spec
    spec = replace(spec, layers=(*spec.layers[:-1], replace(spec.layers[-1], outputs=outputs)))
    data = io.BytesIO()
    torch.save({"model_state_dict": random_state(spec, 3), "epoch": 2}, data)
    return data.getvalue()


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch):
    """The visitors of other tests hold no weights."""
    own_models = networks.OwnModels()
    monkeypatch.setattr(networks, "own_models", lambda: own_models)


@pytest.fixture
def app():
    opened = open_page(tab="about")
    open_weights(opened, file_with(10), "mine.ckpt")
    assert not opened.error
    return opened


def texts(app) -> str:
    return " ".join(box.value for box in (*app.caption, *app.markdown, *app.subheader)).replace("\\", "")


def name_classes(app, text: str):
    next(box for box in app.text_area if box.key.startswith("class_names_text")).set_value(text)
    return next(button for button in app.button if "class_names" in str(button.key)).click().run()


@pytest.mark.parametrize("place", ["classify", "feature_maps", "filters", "attribution"])
def test_every_page_says_that_names_are_assumed(app, place):
    app.switch_page(f"pages/{place}.py").run()
    assert not app.exception
    assert "are assumed" in texts(app)


def test_names_that_a_visitor_types_stay_with_the_network_on_every_page(app):
    name_classes(app, "\n".join(NAMES))
    assert not app.error
    assert app.selectbox[0].value == "own"
    assert "thing" in app.subheader[0].value
    assert "are assumed" not in texts(app)
    app.switch_page("pages/attribution.py").run()
    assert "are assumed" not in texts(app)
    assert any("thing" in str(option) for box in app.selectbox for option in box.options)
    app.switch_page("pages/classify.py").run()
    name_classes(app, "\n".join(NAMES).replace("thing", "other"))
    assert "other" in app.subheader[0].value, "they may be given anew"


def test_too_few_names_are_refused_and_nothing_is_lost(app):
    name_classes(app, "cat\ndog")
    assert "10 outputs" in app.error[0].value.replace("\\", "")
    assert "are assumed" in texts(app)


@pytest.mark.parametrize("suffix", ["pth", "pt", "bin", "ckpt", "pth.tar", "safetensors"])
def test_the_uploader_takes_what_people_have(suffix):
    app = open_page(tab="about")
    open_weights(app, file_with(4), f"mine.{suffix}")
    assert not app.exception
    assert app.selectbox[0].value == "own"


@pytest.mark.parametrize("place", ["classify", "feature_maps", "filters", "attribution", "architecture", "techniques"])
def test_a_network_with_one_output_says_what_its_percentage_means(place):
    app = open_page(tab="about")
    open_weights(app, file_with(1), "binary.pth")
    assert "class 1" in app.subheader[0].value
    assert "100" not in app.subheader[0].value
    app.switch_page(f"pages/{place}.py").run()
    assert not app.exception
    assert not app.error
    if place not in ("architecture", "techniques"):
        assert "sigmoid" in texts(app)


def test_the_sigmoid_is_worked_out():
    app = open_page(tab="about")
    open_weights(app, file_with(1), "binary.pth")
    app.query_params["tab"] = "softmax"
    app.switch_page("pages/classify.py").run()
    assert not app.exception
    assert any("frac{1}{1 + e^{-z}}" in box.value for box in app.latex)
