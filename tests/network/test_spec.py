"""The arithmetic of a network, checked against the paper, PyTorch on the meta device and plain sliding windows."""

import itertools
import math
from dataclasses import fields, replace

import pytest
import torch
import torchvision
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from alexnet_viz.network.spec import (
    KINDS,
    LRN,
    Activation,
    AdaptivePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Pool,
    Spec,
    kernel_layers,
    layer_names,
    module_keys,
    seed_names,
    walk,
)
from alexnet_viz.network.zoo import MODELS
from tests.random_layers import CONVS, FUNCTIONS, OFTEN_WRONG, POOLS, specs

EXAMPLES = 2_000
SAME_EVERY_RUN = settings(OFTEN_WRONG, max_examples=EXAMPLES)


def walked(model_id):
    result = walk(MODELS[model_id].spec)
    assert not result.errors
    return result


def row(model_id, name):
    return next(row for row in walked(model_id).rows if row.name == name)


# ---- numbers that others published or that were worked out by hand --------------------------------------------------

# name: shape, parameters, MACs, receptive field, stride
PAPER = {
    "conv1": ((96, 55, 55), 34_944, 105_415_200, 11, 4),
    "pool1": ((96, 27, 27), 0, 0, 19, 8),
    "conv2": ((256, 27, 27), 307_456, 223_948_800, 51, 8),
    "pool2": ((256, 13, 13), 0, 0, 67, 16),
    "conv3": ((384, 13, 13), 885_120, 149_520_384, 99, 16),
    "conv4": ((384, 13, 13), 663_936, 112_140_288, 131, 16),
    "conv5": ((256, 13, 13), 442_624, 74_760_192, 163, 16),
    "pool5": ((256, 6, 6), 0, 0, 195, 32),
    "flatten": ((9216,), 0, 0, None, None),
    "fc6": ((4096,), 37_752_832, 37_748_736, None, None),
    "fc7": ((4096,), 16_781_312, 16_777_216, None, None),
    "fc8": ((1000,), 4_097_000, 4_096_000, None, None),
}
SINGLE = PAPER | {
    "conv2": ((256, 27, 27), 614_656, 447_897_600, 51, 8),
    "conv4": ((384, 13, 13), 1_327_488, 224_280_576, 131, 16),
    "conv5": ((256, 13, 13), 884_992, 149_520_384, 163, 16),
}
TORCHVISION = PAPER | {
    "conv1": ((64, 55, 55), 23_296, 70_276_800, 11, 4),
    "pool1": ((64, 27, 27), 0, 0, 19, 8),
    "conv2": ((192, 27, 27), 307_392, 223_948_800, 51, 8),
    "pool2": ((192, 13, 13), 0, 0, 67, 16),
    "conv3": ((384, 13, 13), 663_936, 112_140_288, 99, 16),
    "conv4": ((256, 13, 13), 884_992, 149_520_384, 131, 16),
    "conv5": ((256, 13, 13), 590_080, 99_680_256, 163, 16),
}
LENET = {
    "conv1": ((6, 28, 28), 156, 117_600, 5, 1),
    "pool1": ((6, 14, 14), 0, 0, 6, 2),
    "conv2": ((16, 10, 10), 2_416, 240_000, 14, 2),
    "pool2": ((16, 5, 5), 0, 0, 16, 4),
    "fc3": ((120,), 48_120, 48_000, None, None),
    "fc4": ((84,), 10_164, 10_080, None, None),
    "fc5": ((10,), 850, 840, None, None),
}
LAYER_FACTS = {
    "alexnet_2012": PAPER,
    "alexnet_single": SINGLE,
    "alexnet_torchvision": TORCHVISION,
    "lenet5": LENET,
}


@pytest.mark.parametrize(
    ("model_id", "name", "facts"),
    [(model_id, name, facts) for model_id, layers in LAYER_FACTS.items() for name, facts in layers.items()],
)
def test_layer_facts(model_id, name, facts):
    layer = row(model_id, name)
    assert (layer.shape, layer.params, layer.macs, layer.receptive_field, layer.stride) == facts
    assert layer.memory == 4 * math.prod(facts[0])


@pytest.mark.parametrize(
    ("model_id", "params", "macs"),
    [
        ("alexnet_2012", 60_965_224, 724_406_816),
        ("alexnet_single", 62_378_344, 1_135_256_096),
        ("alexnet_torchvision", 61_100_840, 714_188_480),
        ("lenet5", 61_706, 416_520),
    ],
)
def test_totals(model_id, params, macs):
    result = walked(model_id)
    assert (result.params, result.macs) == (params, macs)


def test_layers_that_hold_and_compute_nothing_keep_the_field_of_the_layer_before():
    for before, layer in itertools.pairwise(walked("alexnet_2012").rows):
        if layer.kind in ("activation", "lrn", "dropout"):
            kept = replace(before, name=layer.name, alias="", layer=layer.layer, input=layer.input, params=0, macs=0)
            assert layer == kept


def test_a_value_after_flatten_sees_everything():
    rows = walk(Spec((3, 8, 8), (Conv(4, 3), Flatten(), Activation(), Linear(144, 2)))).rows
    assert [(layer.receptive_field, layer.stride) for layer in rows] == [(3, 1), *[(None, None)] * 3]


def test_each_row_takes_in_what_the_row_before_puts_out():
    for entry in MODELS.values():
        rows = walk(entry.spec).rows
        assert rows[0].input == entry.spec.input
        assert all(before.shape == layer.input for before, layer in itertools.pairwise(rows))
        assert [layer.layer for layer in rows] == list(entry.spec.layers)


@pytest.mark.parametrize(("kind", "shares"), [("conv", ["3.8", "91.9"]), ("linear", ["96.2", "8.1"])])
def test_where_the_parameters_are_and_where_the_work_is_done(kind, shares):
    result = walked("alexnet_2012")
    rows = [layer for layer in result.rows if layer.kind == kind]
    parts = (sum(layer.params for layer in rows) / result.params, sum(layer.macs for layer in rows) / result.macs)
    assert [f"{100 * part:.1f}" for part in parts] == shares


def test_neurons_of_the_paper_and_the_size_of_its_weights():
    # Figure 2's caption prints 253,440 for the first layer, a slip: 55 x 55 x 96 is 290,400.
    counted = [math.prod(layer.shape) for layer in walked("alexnet_2012").rows if layer.kind in ("conv", "linear")]
    assert counted[0] == 290_400
    assert sum(counted) == 659_272
    params = walked("alexnet_2012").params  # the size of a weights file
    assert (round(4 * params / 1e6, 1), round(4 * params / 2**20, 1)) == (243.9, 232.6)


def test_alexnet_cifar_of_the_seed():
    result = walked("alexnet_cifar")
    assert result.params == 6_976_842
    # Backward costs twice the forward pass, except that no gradient for the picture is needed.
    flop = 2 * (3 * result.macs - result.rows[0].macs)
    assert round(flop / 1e9, 2) == 1.03


def test_torchvision_metadata_agrees():
    meta = torchvision.models.AlexNet_Weights.IMAGENET1K_V1.meta
    result = walked("alexnet_torchvision")
    assert result.params == meta["num_params"]
    assert round(result.macs / 1e9, 3) == meta["_ops"]


def test_smallest_legal_input_of_torchvision():
    spec = MODELS["alexnet_torchvision"].spec
    legal = [size for size in range(1, 80) if not walk(spec.at_input(size)).errors]
    assert legal == list(range(63, 80))


@pytest.mark.parametrize(("size", "changes"), [(224, False), (227, False), (256, True)])
def test_adaptive_pooling_of_torchvision_is_the_identity_at_224_and_227(size, changes):
    result = walk(MODELS["alexnet_torchvision"].spec.at_input(size))
    before, after = next(
        (before, after) for before, after in itertools.pairwise(result.rows) if after.kind == "adaptive_pool"
    )
    assert after.shape == (256, 6, 6)
    assert (before.shape != after.shape) == changes
    assert any(note.layer == after.name for note in result.notes) == changes


def test_adaptive_pooling_of_the_seed_stretches_5_to_6_at_224():
    result = walk(MODELS["alexnet_single"].spec.at_input(224))
    shapes = {layer.name: layer.shape for layer in result.rows}
    assert not result.errors
    assert (shapes["conv1"][1:], shapes["pool5"][1:], shapes["avgpool5"][1:]) == ((54, 54), (5, 5), (6, 6))
    (note,) = [note for note in result.notes if note.layer == "avgpool5"]
    assert "5x5 into 6x6" in str(note.text)


# ---- 224 or 227? ----------------------------------------------------------------------------------------------------


def conv1_note(size, rounding):
    result = walk(Spec((3, size, size), (Conv(96, kernel=11, stride=4),), rounding))
    return result.rows[0].shape, [str(note.text) for note in result.notes if note.layer == "conv1"]


@pytest.mark.parametrize(
    ("rounding", "side", "says"), [("floor", 54, "floor gives 54 and leaves 1 of 224"), ("ceil", 55, "floor gives 54")]
)
def test_224_is_legal_under_both_rules_and_the_note_says_54_55_223_227(rounding, side, says):
    shape, (note,) = conv1_note(224, rounding)
    assert shape == (96, side, side)
    assert all(part in note for part in (says, "ceil gives 55", "Inputs that divide: 223, 227"))


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
@pytest.mark.parametrize(("size", "out"), [(223, 54), (227, 55)])
def test_223_and_227_divide_and_get_no_note(size, out, rounding):
    assert conv1_note(size, rounding) == ((96, out, out), [])


def test_the_paper_network_at_224_needs_the_ceil_rule():
    paper = MODELS["alexnet_2012"].spec.at_input(224)
    assert walk(replace(paper, rounding="ceil")).rows[-1].shape == (1000,)
    assert replace(paper, rounding="ceil").at_input(64) == replace(paper, input=(3, 64, 64), rounding="ceil")
    (error,) = walk(paper).errors
    assert error.layer == "fc6"
    assert "9,216" in str(error.text)
    assert "6,400" in str(error.text)


@given(
    size=st.integers(1, 60),
    kernel=st.integers(1, 11),
    stride=st.integers(1, 6),
    padding=st.integers(0, 3),
    rounding=st.sampled_from(["floor", "ceil"]),
)
@SAME_EVERY_RUN
def test_the_inputs_that_a_note_names_do_divide(size, kernel, stride, padding, rounding):
    spec = Spec((1, size, size), (Conv(1, kernel, stride, padding),), rounding)
    result = walk(spec)
    assume(not result.errors)
    divides = (size + 2 * padding - kernel) % stride == 0
    assert bool(result.notes) != divides
    for note in result.notes:
        named = [int(number) for number in note.text.values["divide"].split(", ")]
        assert min(named) >= 1
        assert named[-1] == min(n for n in range(size, size + stride) if (n + 2 * padding - kernel) % stride == 0)
        assert len(named) == 1 or named[0] == named[1] - stride
        (up,) = walk(spec.at_input(named[-1])).rows
        assert not walk(spec.at_input(named[-1])).notes
        assert up.shape[1] == note.text.values["ceil"]
        assert result.rows[0].shape[1] == note.text.values[rounding]


def test_a_width_that_does_not_divide_is_noted_too():
    note_for_height = walk(Spec((3, 224, 227), (Conv(96, kernel=11, stride=4),))).notes
    note_for_width = walk(Spec((3, 227, 224), (Conv(96, kernel=11, stride=4),))).notes
    assert len(note_for_height) == len(note_for_width) == 1


def test_padding_that_goes_unread_is_not_called_a_dropped_pixel():
    # torchvision: 224 pixels and 2 + 2 of padding; the one column that floor leaves out is padding, not picture.
    notes = [str(note.text) for note in walk(MODELS["alexnet_torchvision"].spec).notes]
    assert not any("leaves 1 of 228 pixel columns unread" in note for note in notes)


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model_id", "names"),
    [
        (
            "alexnet_2012",
            "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3 relu3 conv4 relu4 conv5 relu5 pool5 "
            "flatten fc6 relu6 drop6 fc7 relu7 drop7 fc8",
        ),
        ("alexnet_single", "pool5 avgpool5 flatten drop5 fc6 relu6 drop6 fc7 relu7 fc8"),  # dropout before fc6
        ("lenet5", "conv1 tanh1 pool1 conv2 tanh2 pool2 flatten fc3 tanh3 fc4 tanh4 fc5"),
    ],
)
def test_names_end_in(model_id, names):
    said = names.split()
    assert layer_names(MODELS[model_id].spec.layers)[-len(said) :] == said
    assert said[0] == "pool5" or len(said) == len(MODELS[model_id].spec.layers)


def test_names_are_recomputed_after_an_edit():
    paper = MODELS["alexnet_2012"].spec
    without_conv3 = replace(paper, layers=paper.layers[:8] + paper.layers[10:])
    assert kernel_layers(without_conv3) == ("conv1", "conv2", "conv3", "conv4", "fc5", "fc6", "fc7")


def test_second_layers_of_a_kind_are_told_apart():
    layers = (Pool(2, 2), Conv(4, 1), Activation(), BatchNorm(), Activation(), Activation("tanh"), Activation())
    assert layer_names(layers) == ["pool0", "conv1", "relu1", "bn1", "relu1b", "tanh1", "relu1c"]
    assert layer_names((Flatten(), Flatten())) == ["flatten", "flattenb"]
    assert len(set(layer_names((Activation(),) * 60))) == 60


@given(st.lists(st.sampled_from([Conv(1, 1), Activation(), Pool(1, 1), Flatten(), Dropout(), Linear(1, 1)])))
@settings(SAME_EVERY_RUN, max_examples=300)
def test_no_two_layers_share_a_name(layers):
    names = layer_names(tuple(layers))
    assert len(set(names)) == len(names) == len(layers)


@pytest.mark.parametrize(
    ("model_id", "aliases"),
    [
        ("alexnet_single", {"pool5": "Pool3", "fc6": "FC1", "fc7": "FC2", "fc8": "Output"}),
        ("alexnet_cifar", {"pool5": "Pool3", "fc6": "FC1", "fc7": "FC2", "fc8": "Output"}),
        ("alexnet_200", {"pool5": "Pool3", "fc6": "FC1", "fc7": "Output"}),
        ("lenet5", {"fc3": "FC1", "fc4": "FC2", "fc5": "Output"}),
    ],
)
def test_seed_names_where_they_differ(model_id, aliases):
    layers = MODELS[model_id].spec.layers
    assert {n: alias for n, alias in zip(layer_names(layers), seed_names(layers), strict=True) if alias} == aliases
    assert {layer.name: layer.alias for layer in walked(model_id).rows if layer.alias} == aliases


def test_module_keys_count_every_record_and_start_again_after_flatten():
    layers = (Conv(1, 1), Activation(), AdaptivePool(1), Flatten(), Dropout(), Flatten(), Linear(1, 1))
    assert module_keys(layers) == [
        *("features.0", "features.1", "features.2", ""),
        *("classifier.0", "classifier.1", "classifier.2"),
    ]


def test_module_keys_of_torchvision():
    layers = MODELS["alexnet_torchvision"].spec.layers
    keys = dict(zip(layer_names(layers), module_keys(layers), strict=True))
    weights = [keys[name] for name in kernel_layers(MODELS["alexnet_torchvision"].spec)]
    assert weights == [f"features.{i}" for i in (0, 3, 6, 8, 10)] + [f"classifier.{i}" for i in (1, 4, 6)]
    assert keys["avgpool5"] == "features.13"  # torchvision keeps it outside; it has no parameters


# ---- records --------------------------------------------------------------------------------------------------------


def test_each_kind_has_a_name_of_its_own():
    assert " ".join(sorted(KINDS)) == "activation adaptive_pool batch_norm conv dropout flatten linear lrn pool"


@pytest.mark.parametrize("record", [Conv(8, 3), Pool(2, 2), AdaptivePool(1), LRN(), Linear(4, 4)], ids=repr)
def test_a_count_that_no_layer_can_have_is_refused(record):
    for count in [field.name for field in fields(record) if field.type in (int, "int")]:
        lowest = 0 if count == "padding" else 1
        replace(record, **{count: lowest})
        for wrong in (lowest - 1, -2):
            with pytest.raises(ValueError, match="it must be a whole number from"):
                replace(record, **{count: wrong})


@pytest.mark.parametrize(
    ("record", "settings"),
    [(Dropout, {"rate": 0}), (LRN, {"k": 0}), (LRN, {"alpha": 0}), (LRN, {"beta": 0}), (Dropout, {"rate": 1})],
)
def test_a_whole_number_is_as_good_as_a_fraction_where_fractions_are_meant(record, settings):
    # A JSON form or a number field sends 0, not 0.0. PyTorch takes all of these.
    whole = walk(Spec((4, 4, 4), (record(**settings),)))
    fraction = walk(Spec((4, 4, 4), (record(**{name: float(value) for name, value in settings.items()}),)))
    assert not whole.errors
    assert [layer.shape for layer in whole.rows] == [layer.shape for layer in fraction.rows]


# ---- PyTorch is the judge -------------------------------------------------------------------------------------------


def torch_layer(layer: Layer, shape: tuple[int, ...]) -> nn.Module:
    """A layer as one would write it by hand in PyTorch, for what arrives. Independent of build.py."""
    match layer:
        case Conv(channels, kernel, stride, padding, groups):
            return nn.Conv2d(shape[0], channels, kernel, stride, padding, groups=groups)
        case Pool(kernel, stride, padding, "max"):
            return nn.MaxPool2d(kernel, stride, padding)
        case Pool(kernel, stride, padding, "avg"):
            return nn.AvgPool2d(kernel, stride, padding)
        case AdaptivePool(size):
            return nn.AdaptiveAvgPool2d((size, size))
        case LRN(size, alpha, beta, k, groups):
            if shape[0] % groups:
                raise ValueError("PyTorch knows no groups here; nn.Conv2d's rule is taken")
            return nn.LocalResponseNorm(size, alpha, beta, k)
        case BatchNorm():
            return nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])
        case Activation(function):
            return {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}[function]()
        case Dropout(rate):
            return nn.Dropout(rate)
        case Flatten():
            return nn.Flatten()
        case Linear(inputs, outputs):
            return nn.Linear(inputs, outputs)
    raise AssertionError(layer)


def torch_walk(spec: Spec):
    """Shape, parameters and MACs of each layer that PyTorch accepts, and whether it accepts them all."""
    rows = []
    with torch.device("meta"), torch.no_grad():
        x = torch.empty(2, *spec.input)
        for layer in spec.layers:
            try:
                module = torch_layer(layer, tuple(x.shape[1:])).eval()
                with FlopCounterMode(display=False) as counter:
                    x = module(x)
            except (RuntimeError, ValueError, IndexError):
                return rows, False
            macs = counter.get_total_flops() / 2 / 2  # 2 FLOPs a MAC, 2 pictures
            rows.append((tuple(x.shape[1:]), sum(p.numel() for p in module.parameters()), macs))
    return rows, True


@given(specs())
@SAME_EVERY_RUN
def test_walk_agrees_with_pytorch_layer_by_layer_and_errs_exactly_where_it_raises(spec):
    result = walk(spec)
    rows, accepted = torch_walk(spec)
    assert [(layer.shape, layer.params, layer.macs) for layer in result.rows] == rows
    assert (not result.errors) == accepted
    if result.errors:
        (error,) = result.errors
        assert error.layer == layer_names(spec.layers)[len(rows)]
        assert str(error.text)


def test_the_specs_above_reach_every_verdict():
    """Guards the generator: if it went stale, the test above would pass on networks that prove nothing."""
    seen = {"legal": 0, "flops": 0, "on each row": 0}
    refused = set()

    @given(specs())
    @settings(SAME_EVERY_RUN, max_examples=EXAMPLES // 2)
    def look(spec):
        result = walk(spec)
        seen["legal"] += not result.errors and len(spec.layers) > 2
        seen["flops"] += result.macs > 0
        seen["on each row"] += any(layer.kind == "linear" and len(layer.shape) == 3 for layer in result.rows)
        refused.update((spec.layers[len(result.rows)].kind, error.text.text) for error in result.errors)

    look()
    assert seen["legal"] > EXAMPLES / 20
    assert seen["flops"] > EXAMPLES / 20
    assert seen["on each row"] > 10
    needs_maps = "It needs maps (channels x height x width), but after Flatten there is one vector."
    assert {kind for kind, text in refused if text == needs_maps} == {"conv", "pool", "adaptive_pool", "lrn"}
    assert len({text for kind, text in refused if kind == "conv"}) == 4  # vector, two kinds of groups, kernel
    assert len({text for kind, text in refused if kind == "pool"}) == 3  # vector, padding, window
    assert len({text for kind, text in refused if kind == "lrn"}) == 2
    assert len({text for kind, text in refused if kind == "linear"}) == 2  # no flatten, wrong count
    assert any(kind == "dropout" for kind, _ in refused)


@pytest.mark.parametrize(
    ("layers", "culprit", "hint"),
    [
        ((Conv(8, 3, groups=2),), "conv1", "3 input channels cannot be split into 2 groups"),
        ((Conv(7, 3, groups=3),), "conv1", "7 filters cannot be split into 3 groups"),
        ((Conv(8, 11),), "conv1", "at most 8"),
        ((Conv(8, 11),), "conv1", "a padding of at least 2"),
        ((Conv(6, 1), Pool(3, 2, padding=2)), "pool1", "at most 1"),
        ((Pool(9, 2),), "pool0", "at most 8"),
        ((Conv(4, 1), Flatten(), Linear(100, 10)), "fc2", "256 arrive"),
        ((Conv(4, 1), Linear(256, 10)), "fc2", "4x8x8 arrives"),
        ((Flatten(), Conv(4, 1)), "conv1", "after Flatten"),
        ((Flatten(), Activation(), Pool(2, 2)), "pool0", "after Flatten"),
        ((Flatten(), LRN()), "norm0", "after Flatten"),
        ((Flatten(), AdaptivePool(2)), "avgpool0", "after Flatten"),
        ((LRN(groups=2),), "norm0", "Group counts that work: 1, 3"),
        ((Dropout(1.5),), "drop0", "between 0 and 1"),
    ],
)
def test_an_error_names_the_layer_and_the_way_out(layers, culprit, hint):
    spec = Spec((3, 8, 8), layers)
    result = walk(spec)
    (error,) = result.errors
    assert error.layer == culprit
    assert hint in str(error.text)
    assert len(result.rows) == layer_names(layers).index(culprit)
    assert not torch_walk(spec)[1]


@pytest.mark.parametrize(
    "layers",
    [
        (Flatten(), BatchNorm(), Linear(192, 10)),
        (Flatten(), Flatten(), Linear(192, 10)),
        (Linear(8, 5), Conv(4, 3), Flatten(), Linear(72, 2)),  # on each row of each map: 3x8x8 -> 3x8x5
        (Conv(4, 3, padding=2), Pool(2, 3, padding=1), BatchNorm()),
    ],
)
def test_odd_but_legal(layers):
    spec = Spec((3, 8, 8), layers)
    rows, accepted = torch_walk(spec)
    assert accepted
    assert [(layer.shape, layer.params, layer.macs) for layer in walk(spec).rows] == rows
    on_rows = [note.layer for note in walk(spec).notes if "Without a Flatten" in str(note.text)]
    assert on_rows == (["fc1"] if layers[0] == Linear(8, 5) else [])


def test_the_advice_in_an_error_works():
    """Following the number in the sentence makes the network legal."""
    for height, width, kernel, padding in itertools.product(range(1, 7), range(1, 7), range(1, 14), range(3)):
        spec = Spec((1, height, width), (Conv(1, kernel, padding=padding),))
        for error in walk(spec).errors:
            smaller = Conv(1, error.text.values["smallest"], padding=padding)
            padded = Conv(1, kernel, padding=error.text.values["padding_needed"])
            short = Conv(1, kernel, padding=error.text.values["padding_needed"] - 1)
            assert not walk(replace(spec, layers=(smaller,))).errors
            assert not walk(replace(spec, layers=(padded,))).errors
            assert walk(replace(spec, layers=(short,))).errors


# ---- receptive field against gradients ------------------------------------------------------------------------------

WINDOWS = st.tuples(st.booleans(), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2))


@given(windows=st.lists(WINDOWS, min_size=1, max_size=4), slack=st.integers(0, 3))
@settings(SAME_EVERY_RUN, max_examples=300)
def test_receptive_field_is_the_extent_of_the_input_gradient(windows, slack):
    """Positive weights and average pooling, so no gradient cancels or is lost; two neighbours far from the border."""
    layers = tuple(
        Conv(1, kernel, stride, padding) if conv else Pool(kernel, stride, min(padding, kernel // 2), "avg")
        for conv, kernel, stride, padding in windows
    )
    modules = nn.Sequential(*(torch_layer(layer, (1,)) for layer in layers)).double()
    for parameter in modules.parameters():
        nn.init.constant_(parameter, 0.5)
    last = walk(Spec((1, 400, 400), layers)).rows[-1]
    size, stride = last.receptive_field, last.stride
    # The first output whose field starts inside the picture, and a picture that just holds its neighbour's too.
    paddings, jump = 0, 1
    for layer in layers:
        paddings, jump = paddings + layer.padding * jump, jump * layer.stride
    first = -(-paddings // jump)
    side = (first + 1) * jump - paddings + size + slack

    starts = []
    x = torch.ones(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    out = modules(x)
    for position in (first, first + 1):
        (gradient,) = torch.autograd.grad(out[0, 0, position, position], x, retain_graph=True)
        reached = gradient[0, 0].nonzero()
        low, high = reached.amin(0), reached.amax(0)
        assert (high - low + 1).tolist() == [size, size]
        starts.append(low)
    assert (starts[1] - starts[0]).tolist() == [stride, stride]


# ---- the ceil rule --------------------------------------------------------------------------------------------------


def windows_2012(start: int, size: int, kernel: int, stride: int) -> int:
    """Windows laid by hand: the first at `start`, then one after the other until one reaches the end at `size`."""
    count, left = 1, start
    while left + kernel < size:
        left += stride
        count += 1
    return count


def walk_2012(spec: Spec):
    """Shapes as the authors' parser has them, and whether it takes the network."""
    shape, shapes = spec.input, []
    for layer in spec.layers:
        match layer:
            case Conv(channels, kernel, stride, padding, groups) if len(shape) == 3:
                if shape[0] % groups or channels % groups or kernel > min(shape[1:]) + 2 * padding:
                    return shapes, False
                shape = (channels, *(windows_2012(-padding, n + padding, kernel, stride) for n in shape[1:]))
            case Pool(kernel, stride, padding) if len(shape) == 3:
                if kernel > min(shape[1:]) or stride > kernel:
                    return shapes, False
                shape = (shape[0], *(windows_2012(-padding, n, kernel, stride) for n in shape[1:]))
            case Activation():
                pass
            case Flatten():
                shape = (math.prod(shape),)
            case _:
                return shapes, False
        shapes.append(shape)
    return shapes, True


@given(
    st.builds(
        Spec,
        st.tuples(st.integers(1, 6), st.integers(1, 30), st.integers(1, 30)),
        st.lists(st.one_of(CONVS, POOLS, CONVS, POOLS, FUNCTIONS, st.just(Flatten())), max_size=4).map(tuple),
        st.just("ceil"),
    )
)
@SAME_EVERY_RUN
def test_ceil_rule_lays_windows_as_the_2012_code_does(spec):
    result = walk(spec)
    shapes, accepted = walk_2012(spec)
    assert [layer.shape for layer in result.rows] == shapes
    assert (not result.errors) == accepted


@pytest.mark.parametrize(
    ("shape", "layer", "found"),
    [
        # The MACs of the extra windows count.
        ((3, 224, 224), Conv(96, kernel=11, stride=4), ((96, 55, 55), 34_944, 105_415_200)),
        # n + p - k, not n + 2p - k: 6 + 1 - 3 = 4 in steps of 2 is 3 windows; padding on two sides would make 4.
        ((1, 6, 6), Pool(3, 2, padding=1), ((1, 3, 3), 0, 0)),
    ],
)
def test_ceil_rule_worked_by_hand(shape, layer, found):
    (row,) = walk(Spec(shape, (layer,), "ceil")).rows
    assert (row.shape, row.params, row.macs) == found


@pytest.mark.parametrize(
    ("pool", "hint"), [(Pool(9, 2), "at most 8"), (Pool(2, 3), "at most the window, 2"), (Pool(9, 9, 3), "at most 8")]
)
def test_ceil_rule_refuses_what_the_2012_parser_refuses(pool, hint):
    (error,) = walk(Spec((1, 8, 8), (pool,), "ceil")).errors
    assert hint in str(error.text)
