"""The table of networks: each entry complete, consistent, and as its sources have it."""

import re

import pytest
import torchvision

from alexnet_viz.errors import UserError
from alexnet_viz.network.spec import LRN, Activation, Conv, Dropout, Linear, Pool, module_keys, walk
from alexnet_viz.network.zoo import DEFAULT_MODEL, LISTED, MODELS, model_entry
from alexnet_viz.words.labels import class_ids


@pytest.mark.parametrize("entry", MODELS.values(), ids=list(MODELS))
def test_each_entry_is_complete_and_consistent(entry):
    assert MODELS[entry.id] is entry
    assert re.fullmatch("[a-z0-9_]+", entry.id), "ids stand in URLs"
    assert entry.title
    assert entry.summary
    assert walk(entry.spec).errors == ()
    assert walk(entry.spec).rows[-1].shape == (len(class_ids(entry.labels)),)
    channels, height, width = entry.spec.input
    assert channels == len(entry.preprocess.mean) == len(entry.preprocess.std)
    assert height == width == entry.preprocess.crop <= entry.preprocess.size
    # Frozen prefixes name parts of the network, but not its last layer.
    keys = module_keys(entry.spec.layers)
    for prefix in entry.frozen:
        assert any(key.startswith(prefix) for key in keys)
        assert not keys[-1].startswith(prefix)


def test_titles_tell_the_networks_apart_and_the_default_one_ships_with_its_weights():
    assert len({entry.title for entry in MODELS.values()}) == len(MODELS)
    assert MODELS[DEFAULT_MODEL].shipped
    assert MODELS[DEFAULT_MODEL] is model_entry(DEFAULT_MODEL)


def test_an_unknown_model_is_answered_with_the_known_ones():
    with pytest.raises(UserError) as raised:
        model_entry("resnet18")
    assert "resnet18" in str(raised.value)
    assert all((id in str(raised.value)) == (id in LISTED) for id in MODELS)


def test_preprocessing_is_what_torchvision_says_to_use():
    theirs = torchvision.models.AlexNet_Weights.IMAGENET1K_V1.transforms()
    ours = MODELS["alexnet_torchvision"].preprocess
    assert (theirs.resize_size, theirs.crop_size) == ([ours.size], [ours.crop])
    assert (tuple(theirs.mean), tuple(theirs.std)) == (ours.mean, ours.std)
    transferred = MODELS["alexnet_200"].preprocess
    assert (ours.crop, ours.mean, ours.std) == (transferred.crop, transferred.mean, transferred.std)


def test_the_paper_network_is_the_paper():
    layers = MODELS["alexnet_2012"].spec.layers
    assert [(a.channels, a.kernel, a.stride, a.padding, a.groups) for a in layers if isinstance(a, Conv)] == [
        *((96, 11, 4, 0, 1), (256, 5, 1, 2, 2), (384, 3, 1, 1, 1), (384, 3, 1, 1, 2), (256, 3, 1, 1, 2))
    ]
    assert [a for a in layers if isinstance(a, LRN)] == [LRN(size=5, alpha=1e-4, beta=0.75, k=2.0, groups=2)] * 2
    assert [a for a in layers if isinstance(a, Pool)] == [Pool(kernel=3, stride=2)] * 3
    assert {a.function for a in layers if isinstance(a, Activation)} == {"relu"}
    assert MODELS["alexnet_2012"].preprocess.std == pytest.approx((1 / 255,) * 3), "pixels in steps of 1 of 255"


def test_the_others_are_what_they_are_known_for():
    assert not any(isinstance(a, LRN) for a in MODELS["alexnet_torchvision"].spec.layers)
    lenet = MODELS["lenet5"].spec.layers
    assert {a.function for a in lenet if isinstance(a, Activation)} == {"tanh"}
    assert {a.mode for a in lenet if isinstance(a, Pool)} == {"avg"}


def test_dropout_follows_the_hidden_layers_in_the_paper_and_precedes_them_in_the_seed_and_torchvision():
    def around_dropout(model_id):
        layers = MODELS[model_id].spec.layers
        return [(type(layers[i - 1]), type(layers[i + 1])) for i, a in enumerate(layers) if isinstance(a, Dropout)]

    assert around_dropout("alexnet_2012") == [(Activation, Linear)] * 2
    for model_id in ("alexnet_single", "alexnet_torchvision", "alexnet_cifar"):
        before_fc6, before_fc7 = around_dropout(model_id)
        assert before_fc6[1] is before_fc7[1] is Linear
        assert before_fc6[0] is not Activation
    last_dropout = max(i for i, a in enumerate(MODELS["alexnet_2012"].spec.layers) if isinstance(a, Dropout))
    assert isinstance(MODELS["alexnet_2012"].spec.layers[last_dropout + 1], Linear)
    assert last_dropout + 2 == len(MODELS["alexnet_2012"].spec.layers)
