"""Settings: valid or refused, the same in dataclass, form and flags; what follows from them is what they say."""

import json
import math
from dataclasses import MISSING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingLR, StepLR

from alexnet_viz.errors import UserError
from alexnet_viz.network.build import meta_network
from alexnet_viz.network.notation import read_spec, write_spec
from alexnet_viz.network.spec import LRN, Activation, BatchNorm, Conv, Dropout, Flatten, Linear, Spec, layer_names, walk
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.training.config import (
    CHOICE_TITLES,
    DATASETS,
    DEFAULTS,
    FIELDS,
    FOR_DATA,
    OWN_DROPOUT,
    PRESETS,
    TrainConfig,
    preprocess_of,
    rate_at,
    spec_of,
)
from tests.training.settings import SETTINGS

NET = (
    "3x12x12_conv4k3s1p0g1_tanh_max2s2p0_conv6k3s1p0g1_tanh_max3s1p0_conv4k1s1p0g1_tanh_flat_drop0.25_fc4-8_tanh_fc8-5"
)


def test_every_setting_has_a_title_a_sentence_and_a_default_but_for_the_data():
    assert all(field.title and field.help.endswith(".") for field in FIELDS.values())
    assert set(DEFAULTS) == set(FIELDS) - {"data"}
    assert MISSING not in DEFAULTS.values()


def test_kinds_and_choices_follow_from_the_types_and_every_choice_has_a_title():
    assert [FIELDS[name].kind for name in ("net", "epochs", "dropout", "flip")] == ["text", "int", "float", "bool"]
    assert (FIELDS["schedule"].kind, FIELDS["preset"].choices) == ("choice", tuple(PRESETS))
    assert FIELDS["schedule"].choices == ("step", "cosine", "linear", "constant")
    choices = {choice for name, field in FIELDS.items() if name != "model" for choice in field.choices}
    assert set(CHOICE_TITLES) == choices


@given(SETTINGS)
def test_what_a_dict_says_comes_back_from_json(settings):
    config = TrainConfig.from_dict(settings)
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.to_dict() == {**DEFAULTS, **settings}


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.kind in ("int", "float")])
def test_numbers_out_of_range_are_refused(name):
    field = FIELDS[name]
    for value in (field.high * 1.01 + 1, field.low - 1, math.nan, math.inf, True, "1", None):
        with pytest.raises(UserError, match=f"^{field.title} is "):
            TrainConfig.from_dict({"data": "shapes", name: value})
    if field.kind == "int":
        with pytest.raises(UserError, match="whole number"):
            TrainConfig.from_dict({"data": "shapes", name: field.low + 0.5})
    for value in (field.low, field.high):
        assert getattr(TrainConfig.from_dict({"data": "shapes", name: value}), name) == value


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"data": "shapes", "epoch": 3}, "epoch"),
        ({"epochs": 3}, "data"),
        ({"data": ""}, "Data"),
        ({"data": 7}, "Data"),
        ({"data": "a\nb"}, "Data"),
        ({"data": "shapes", "start_from": "x\nimport os"}, "Start from"),
        ({"data": "shapes", "flip": 1}, "Mirror"),
        ({"data": "shapes", "model": "resnet18"}, "Network"),
        ({"data": "shapes", "schedule": ["step"]}, "Schedule"),
        ({"data": "shapes", "dropout": -0.5}, "Dropout"),
        ({"data": "shapes", "frozen": True}, "alexnet_200"),
        ({"data": "shapes", "frozen": True, "model": "alexnet_200", "activation": "tanh"}, "frozen"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(UserError, match=words):
        TrainConfig.from_dict(settings)


def test_frozen_convolutions_belong_to_the_network_that_has_trained_ones():
    assert TrainConfig.from_dict({"data": "shapes", "frozen": True, "model": "alexnet_200"}).frozen


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_named(name):
    config = TrainConfig.with_preset(name, data="cifar10", epochs=3)
    assert (config.preset, config.epochs) == (name, 3)


def test_fast_is_the_defaults_and_shapes_are_short_work_unless_told_otherwise():
    assert TrainConfig.with_preset("fast", data="own.zip") == TrainConfig(data="own.zip")
    kept = TrainConfig.with_preset("fast", data="cifar10").validation  # to check on
    assert kept * DATASETS["cifar10"].pictures == 1000
    assert TrainConfig.with_preset("fast", data="shapes").epochs == FOR_DATA["shapes"]["epochs"]
    assert TrainConfig.with_preset("fast", data="shapes", epochs=9).epochs == 9
    assert TrainConfig.with_preset("seed", data="shapes").epochs == 50


@pytest.mark.parametrize(
    ("value", "step"),
    [(0.0006, 0.0001), (5e-4, 0.0001), (1e-6, 1e-6), (0.03, 0.01), (0.9, 0.01), (10.0, 0.01), (0.0, 0.01)],
)
def test_a_button_moves_a_number_by_its_last_digit_at_most_by_a_hundredth(value, step):
    assert FIELDS["learning_rate"].step_from(value) == pytest.approx(step)


def test_the_linear_schedules_former_name_is_still_read():
    assert TrainConfig.from_dict({"data": "shapes", "schedule": "onecycle"}) == TrainConfig(data="shapes")
    assert TrainConfig.with_preset("seed", data="shapes", schedule="onecycle").schedule == "linear"


def test_an_unknown_preset_is_refused():
    with pytest.raises(UserError, match="quick"):
        TrainConfig.with_preset("quick", data="cifar10")


# The learning rate


def config(**settings):
    return TrainConfig(data="shapes", **settings)


@pytest.mark.parametrize(
    ("ours", "theirs", "steps"),
    [
        (TrainConfig.with_preset("seed", data="cifar10", epochs=65), lambda o: StepLR(o, 30, gamma=0.1), 7),
        (config(schedule="cosine", warmup=0.0, epochs=4), lambda o: CosineAnnealingLR(o, T_max=20), 1 / 5),
    ],
    ids=["step, after an epoch", "cosine, after a step"],
)
def test_rates_are_those_of_pytorchs_schedulers(ours, theirs, steps):
    """`steps`: how many of ours between two of the scheduler's."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=ours.learning_rate)
    scheduler = theirs(optimizer)
    for at in range(round(ours.epochs * max(1, 1 / steps))):
        step, per_epoch = (7 * at + at % 7, 7) if steps > 1 else (at, 5)
        assert rate_at(ours, step, per_epoch) == pytest.approx(scheduler.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        scheduler.step()


def test_linear_is_a_triangle():
    linear = config(schedule="linear", warmup=1.0, epochs=5, learning_rate=1.0)
    rates = [rate_at(linear, step, 4) for step in range(20)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1])
    assert rates[4:] == pytest.approx([1 - i / 16 for i in range(16)])


@given(SETTINGS, st.integers(1, 500), st.floats(0, 1))
def test_rates_lie_between_zero_and_the_highest(settings, steps_per_epoch, at):
    chosen = TrainConfig.from_dict(settings)
    rate = rate_at(chosen, int(at * (chosen.epochs * steps_per_epoch - 1)), steps_per_epoch)
    assert 0 <= rate <= chosen.learning_rate


def test_a_long_warm_up_takes_half_of_a_short_run():
    short = config(schedule="constant", warmup=10.0, epochs=2, learning_rate=1.0)
    assert [rate_at(short, step, 2) for step in range(4)] == [0.5, 1, 1, 1]


# The network


def test_without_choices_it_is_the_models_own_with_the_datas_classes():
    *before, last = MODELS["alexnet_cifar"].spec.layers
    spec = spec_of(config(), classes=3)
    assert spec.layers == (*before, Linear(last.inputs, 3))
    assert spec_of(config(), classes=10) == MODELS["alexnet_cifar"].spec


def test_an_edited_network_goes_before_the_model():
    assert spec_of(config(net=NET), classes=5) == read_spec(NET)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_the_activation_is_every_activation(activation):
    spec = spec_of(config(net=NET, activation=activation), classes=5)
    assert {layer.function for layer in spec.layers if isinstance(layer, Activation)} == {activation}


def test_dropout_is_every_rate_and_keeps_the_keys():
    spec = spec_of(config(dropout=0), classes=10)
    assert {layer.rate for layer in spec.layers if isinstance(layer, Dropout)} == {0}
    assert meta_network(spec).state_dict().keys() == meta_network(MODELS["alexnet_cifar"].spec).state_dict().keys()
    assert spec_of(config(dropout=OWN_DROPOUT), classes=10) == MODELS["alexnet_cifar"].spec


def test_lrn_stands_where_the_paper_has_it():
    names = layer_names(spec_of(config(net=NET, normalisation="lrn"), classes=5).layers)
    assert names[:9] == ["conv1", "tanh1", "norm1", "pool1", "conv2", "tanh2", "norm2", "pool2", "conv3"]
    assert not [name for name in names[9:] if "norm" in name]


def test_lrn_that_a_network_has_stays_as_it_is():
    own = MODELS["alexnet_2012"].spec
    asked = spec_of(config(model="alexnet_2012", normalisation="lrn"), classes=1000)
    assert asked == own
    assert {layer.groups for layer in asked.layers if isinstance(layer, LRN)} == {2}


def test_batch_norm_follows_every_convolution_and_replaces_lrn():
    layers = spec_of(config(model="alexnet_2012", normalisation="batch_norm"), classes=4).layers
    assert all(isinstance(layers[i + 1], BatchNorm) for i, layer in enumerate(layers) if isinstance(layer, Conv))
    assert sum(isinstance(layer, BatchNorm) for layer in layers) == 5
    assert not [layer for layer in layers if isinstance(layer, LRN)]


def test_none_removes_every_normalisation():
    with_both = write_spec(Spec((3, 8, 8), (Conv(4, 3), LRN(), BatchNorm(), Activation(), Flatten(), Linear(144, 2))))
    layers = spec_of(config(net=with_both, normalisation="none"), classes=2).layers
    assert layers == (Conv(4, 3), Activation(), Flatten(), Linear(144, 2))


@pytest.mark.parametrize("normalisation", ["", "lrn", "batch_norm", "none"])
@pytest.mark.parametrize("model", MODELS)
def test_every_model_can_be_made_with_every_choice(model, normalisation):
    spec = spec_of(config(model=model, normalisation=normalisation, activation="tanh"), classes=7)
    walked = walk(spec)
    assert not walked.errors
    assert walked.rows[-1].shape == (7,)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ((Conv(4, 3), Flatten(), Activation()), "fully connected"),
        ((Conv(4, 3), Flatten(), Linear(7, 2)), "7 inputs"),
        ((Conv(4, 3), Linear(6, 2)), "Flatten"),
        ((Activation(), Conv(4, 30), Flatten(), Linear(7, 2)), "kernel"),
    ],
)
def test_networks_that_cannot_answer_are_refused(layers, words):
    with pytest.raises(UserError, match=words):
        spec_of(config(net=write_spec(Spec((3, 8, 8), layers)), normalisation="lrn"), classes=2)


def test_the_preprocessing_is_the_models_at_the_networks_side():
    chosen = config(net=NET)
    preprocess = preprocess_of(chosen, spec_of(chosen, 5))
    assert preprocess.crop == 12
    assert preprocess.mean == MODELS["alexnet_cifar"].preprocess.mean


def test_an_input_that_no_picture_has_is_refused():
    chosen = config(net=write_spec(Spec((4, 8, 8), (Flatten(), Linear(256, 2)))))
    with pytest.raises(UserError, match="4x8x8"):
        preprocess_of(chosen, spec_of(chosen, 2))
