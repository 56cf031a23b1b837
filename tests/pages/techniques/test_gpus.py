"""The experiments with two GPUs answer their controls."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from alexnet_viz.network.build import random_state
from alexnet_viz.network.sources import find_weights
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.pictures.samples import PHOTOS
from pages.ui.store import networks
from pages.ui.store import pictures as stored
from pages.ui.techniques import cached as cache_techniques
from tests.pages.experiments import alts, opened
from tests.pages.seen import captions, fine, said

MODEL = MODELS["alexnet_cifar_2gpu"]


@pytest.fixture
def two_streams(monkeypatch, tmp_path):
    """Weights of our own, where a shipped file would be: stream 1 grey in conv1, stream 2 coloured."""
    monkeypatch.setattr("alexnet_viz.network.sources.SHIPPED_DIR", tmp_path)
    state = {key: 3 * tensor for key, tensor in random_state(MODEL.spec).items()}  # else no picture moves the answer
    conv1 = state["features.0.weight"]
    conv1[:32] = conv1[:32].mean(dim=1, keepdim=True)
    conv1[32:] -= conv1[32:].mean(dim=1, keepdim=True)
    save_file(state, tmp_path / MODEL.shipped)
    assert find_weights(MODEL).trained


@pytest.fixture
def nothing_trained(monkeypatch, tmp_path):
    monkeypatch.setattr("alexnet_viz.network.sources.SHIPPED_DIR", tmp_path)
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    assert not find_weights(MODEL).trained


def test_it_opens_with_the_papers_memory_which_batch_network_and_in_place_change():
    app = opened("gpus")
    assert "1.60 GiB to 2.52 GiB on one card, 0.81 GiB to 1.29 GiB on each of two" in said(app)
    assert "3 GiB take 161 pictures on one card" in said(app)
    assert len(alts(app)) == 1, "closed sections draw nothing"
    assert list(app.dataframe[0].value["Whole network"])[-1] == "2.52 GiB"
    app = app.slider(key="gpus_batch").set_value(256).run()
    assert "With 256 pictures: 2.52 GiB to 4.35 GiB on one card" in said(app)
    app = app.toggle(key="gpus_in_place").set_value(True).run()
    assert "With 256 pictures: 1.89 GiB to 3.10 GiB on one card" in said(app)
    app = fine(app.selectbox(key="gpus_network_en").set_value("lenet5").run())
    assert "0.01 GiB to 0.02 GiB on one card" in said(app)


def test_random_weights_are_called_random(nothing_trained):
    app = opened("gpus", "conv1", "off")
    assert sum("random" in warning.value for warning in app.warning) == 2
    assert "It did not happen here" in said(app)


def test_colours_by_stream_are_measured_and_judged(two_streams):
    app = opened("gpus", "conv1")
    assert not app.warning
    assert "It happened here too" in said(app)
    assert alts(app)[1] == "Stream 1: mean share of colour 0.00; Stream 2: mean share of colour 1.00"
    assert [" 0 of them" in caption for caption in captions(app)] == [True, False]
    assert [" 32 of them" in caption for caption in captions(app)] == [False, True]


def test_a_stream_switched_off_moves_the_answer_and_counts_the_photos(two_streams):
    app = opened("gpus", "off")
    assert "Channels 0 to 95 of conv2 are zero" in said(app)
    table = app.dataframe[1].value
    assert list(table["Layer"]) == ["conv1", "conv2", "conv4", "conv5"]
    counts = table[["Stream 1", "Stream 2"]].to_numpy()
    assert ((counts >= 0) & (counts <= len(PHOTOS))).all()
    first = alts(app)[1]
    app.button_group(key="gpus_layer").set_value("conv5").run()
    app.button_group(key="gpus_stream_en").set_value(1).run()
    assert "Channels 128 to 255 of conv5 are zero" in said(app)
    assert "(fc6)" in said(app)
    assert alts(app)[1] != first


def test_photos_are_counted_as_they_are_asked_one_by_one(two_streams):
    from alexnet_viz.inspection.activations import activations
    from alexnet_viz.inspection.techniques.gpus import kept
    from alexnet_viz.pictures import images

    model = networks.model(MODEL.id)
    expected = []
    for sample_id in PHOTOS:
        array = MODEL.preprocess.to_array(images.decode(stored.sample_bytes(sample_id)).image)
        outputs = activations(model.network, torch.from_numpy(array)[None])
        if kept(model.network, outputs, "conv4", 0)[0]:
            expected.append(sample_id)
    assert cache_techniques.photos_kept(model, ["conv4"])["conv4", 0] == expected


def test_the_cost_is_that_of_facts():
    app = opened("gpus", "cost")
    table = app.dataframe[1].value
    assert list(table.iloc[-1])[1:3] == ["60,965,224", "62,378,344"]
    assert "30,336 values come to each card" in said(app)
    app.button_group(key="gpus_quantity_en").set_value("macs").run()
    table = app.dataframe[1].value
    assert list(table.iloc[-1])[1:3] == ["724,406,816", "1,135,256,096"]
    halved = table.set_index("Layer").loc[["conv2", "conv4", "conv5"]].map(lambda text: int(text.replace(",", "")))
    assert np.array_equal(2 * halved["Two streams"], halved["One stream"])
