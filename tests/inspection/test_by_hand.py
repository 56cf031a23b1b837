"""Values worked by hand: equal to what the networks compute, and the models left as they were."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.activations import activations
from alexnet_viz.inspection.by_hand import WorkedConv, WorkedLinear, WorkedLRN, WorkedPool, work
from alexnet_viz.network.build import random_state, with_weights
from alexnet_viz.network.fields import Box
from alexnet_viz.network.spec import LRN, Activation, AdaptivePool, BatchNorm, Conv, Flatten, Linear, Pool, Spec, walk
from alexnet_viz.network.zoo import MODELS
from tests.inspection.networks import EITHER_RULE, EVERY_KIND, condition, filled, picture, ready, specs

SAME_EVERY_RUN = settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])

WHOLE = ["alexnet_200", "alexnet_cifar", "lenet5"]


def spec_of(model_id):
    """The whole network, or its maps alone where the fully connected layers hold 60 million weights."""
    spec = MODELS[model_id].spec
    return spec if model_id in WHOLE else replace(spec, layers=spec.layers[: spec.layers.index(Flatten())])


def places(shape, seed=0):
    """The corners of the first and the last map, one place in each group's middle, and two anywhere."""
    channels, height, width = (*shape, 1, 1)[:3] if len(shape) == 1 else shape
    chosen = {(c, r, q) for c in (0, channels - 1) for r in (0, height - 1) for q in (0, width - 1)}
    chosen |= {(channels // 2, height // 2, width // 2), (max(channels // 2 - 1, 0), 0, width // 2)}
    random = np.random.default_rng(seed)
    return chosen | {tuple(int(random.integers(n)) for n in (channels, height, width)) for _ in range(2)}


def terms(worked):
    """What the numbers in a sum amount to: where they cancel, float32 loses as much."""
    match worked:
        case WorkedConv():
            return float(np.abs(worked.products).sum())
        case WorkedLinear():
            return float(np.abs(worked.contributions).sum())
        case WorkedPool():
            return float(np.abs(worked.window).sum()) / max(worked.divisor, 1)
    return 1.0


def check(network, outputs, name, place):
    worked = work(network, outputs, name, *place, top=10**6)
    output = float(outputs[name][0].reshape(outputs[name].shape[1], *outputs[name].shape[2:] or (1, 1))[place])
    assert worked.output == output
    assert (worked.layer, worked.channel, worked.row, worked.column) == (name, *place)
    assert worked.result == pytest.approx(output, rel=1e-4, abs=1e-6 * terms(worked))
    for field in fields(worked):
        value = getattr(worked, field.name)
        assert not isinstance(value, np.generic | torch.Tensor), field.name
        if isinstance(value, np.ndarray) and field.name not in ("inside", "indices"):
            assert value.dtype == np.float32, field.name
            assert value.base is None, "a copy: nothing in it leads back to the model"
    return worked


@pytest.mark.parametrize("model_id", MODELS)
def test_every_layer_of_every_network(model_id):
    spec = spec_of(model_id)
    network, outputs = ready(spec, scale=20.0)  # large values: LRN and tanh have something to do
    for row in walk(spec).rows:
        for place in places(row.shape):
            check(network, outputs, row.name, place)


@EITHER_RULE
def test_every_kind_at_every_place(spec):
    network, outputs = ready(spec, scale=3.0)
    for row in walk(spec).rows:
        for place in np.ndindex((*row.shape, 1, 1)[:3] if len(row.shape) == 1 else row.shape):
            if sum(place) % 3 == 0:
                check(network, outputs, row.name, place)


def test_the_2012_rule_at_224_pixels():
    spec = replace(spec_of("alexnet_2012").at_input(224), rounding="ceil")
    spec = replace(spec, layers=spec.layers[:4])
    network, outputs = ready(spec, scale=20.0)
    for row in walk(spec).rows:
        for place in places(row.shape):
            check(network, outputs, row.name, place)
    corner = work(network, outputs, "conv1", 5, 54, 54)
    assert corner.box == Box(216, 216, 227, 227)
    assert corner.inside.sum() == 8 * 8
    assert not corner.window[:, ~corner.inside].any()


@SAME_EVERY_RUN
@given(specs(), st.integers(0, 99))
def test_networks_at_random(spec, seed):
    assert not walk(spec).errors
    network, outputs = ready(spec, seed=seed, scale=4.0)
    for row in walk(spec).rows:
        for place in places(row.shape, seed):
            check(network, outputs, row.name, place)


def test_an_input_of_another_size_is_worked_as_it_is():
    spec = Spec((1, 8, 8), (Conv(2, 3, padding=1), AdaptivePool(2), Flatten(), Linear(8, 3)))
    network = filled(spec)
    outputs = activations(network, picture(spec.at_input(13)))
    check(network, outputs, "conv1", (1, 12, 12))
    check(network, outputs, "fc2", (2, 0, 0))
    with pytest.raises(UserError, match="rows go from 0 to 12"):
        work(network, outputs, "conv1", 0, 13, 0)


def two_by_two(values, layers, weights=None, **how):
    spec = Spec((1, 2, 2), layers, **how)
    state = random_state(spec)
    for key, value in (weights or {}).items():
        state[key] = torch.tensor(value).reshape(state[key].shape)
    network = with_weights(spec, state)
    return network, activations(network, torch.tensor(values).reshape(1, 1, 2, 2))


def test_a_convolution_on_paper():
    weights = {"features.0.weight": [1.0, 2.0, 3.0, 4.0], "features.0.bias": [-50.0]}
    network, outputs = two_by_two([1.0, 2.0, 3.0, 4.0], (Conv(1, 2, padding=1), Activation()), weights)
    centre = work(network, outputs, "conv1", 0, 1, 1)
    assert centre.window.tolist() == [[[1, 2], [3, 4]]]
    assert centre.kernel.tolist() == [[[1, 2], [3, 4]]]
    assert centre.products.tolist() == [[[1, 4], [9, 16]]]
    assert (centre.total, centre.bias, centre.result, centre.output) == (30, -50, -20, -20)
    assert (centre.activation, centre.activated) == ("relu1", 0)
    corner = work(network, outputs, "conv1", 0, 0, 0)
    assert corner.window.tolist() == [[[0, 0], [0, 1]]]
    assert corner.inside.tolist() == [[False, False], [False, True]]
    assert (corner.box, corner.total) == (Box(-1, -1, 1, 1), 4)


def test_without_an_activation_next_there_is_no_value_of_one():
    network, outputs = two_by_two(
        [1.0, 2.0, 3.0, 4.0], (Conv(1, 1), BatchNorm(), Activation(), Flatten(), Linear(4, 2))
    )
    for name in ("conv1", "fc2"):
        worked = work(network, outputs, name, 0)
        assert (worked.activation, worked.activated) == ("", None)


def test_a_maximum_on_paper():
    network, outputs = two_by_two([1.0, 7.0, 7.0, 4.0], (Pool(2, 2),))
    worked = work(network, outputs, "pool0", 0)
    assert worked.window.tolist() == [[1, 7], [7, 4]]
    assert worked.winner == (0, 1), "the first one of equals"
    assert (worked.mode, worked.result) == ("max", 7)


def test_the_winner_is_where_torch_sends_the_gradient():
    network, outputs = ready(EVERY_KIND)
    arriving = outputs["norm1"].clone().requires_grad_(True)
    pooled = torch.nn.functional.max_pool2d(arriving, 3, 2)
    for channel, row, column in places(pooled.shape[1:]):
        (gradient,) = torch.autograd.grad(pooled[0, channel, row, column], arriving, retain_graph=True)
        worked = work(network, outputs, "pool1", channel, row, column)
        assert gradient[0, channel].nonzero().tolist() == [list(worked.winner)]


@pytest.mark.parametrize(("rounding", "divisor", "result"), [("floor", 4, 2.0), ("ceil", 1, 8.0)])
def test_the_floor_rule_counts_padding_into_a_mean_and_the_ceil_rule_does_not(rounding, divisor, result):
    layers = (Pool(2, 2, padding=1, mode="avg"),)
    network, outputs = two_by_two([8.0, 2.0, 3.0, 4.0], layers, rounding=rounding)
    worked = work(network, outputs, "pool0", 0)
    assert worked.window.tolist() == [[8]]
    assert (worked.box, worked.divisor, worked.winner) == (Box(0, 0, 1, 1), divisor, None)
    assert worked.result == worked.output == result


@pytest.mark.parametrize("mode", ["max", "avg"])
def test_windows_of_the_ceil_rule_are_cut_at_the_edge_or_empty(mode):
    spec = Spec((1, 4, 4), (Pool(2, 2, padding=3, mode=mode),), rounding="ceil")
    network, outputs = ready(spec)
    shape = outputs["pool0"].shape[1:]
    assert shape == (1, 4, 4)
    empty = check(network, outputs, "pool0", (0, 0, 2))
    assert (empty.window.size, empty.result, empty.winner) == (0, 0.0, None)
    assert check(network, outputs, "pool0", (0, 1, 1)).window.shape == (1, 1)
    assert check(network, outputs, "pool0", (0, 2, 3)).window.shape == (2, 1)


def test_adaptive_windows_overlap():
    spec = Spec((1, 5, 5), (AdaptivePool(3),))
    network, outputs = ready(spec)
    boxes = [work(network, outputs, "avgpool0", 0, i, i).box for i in range(3)]
    assert boxes == [Box(0, 0, 2, 2), Box(1, 1, 4, 4), Box(3, 3, 5, 5)]


def test_normalisation_on_paper():
    spec = Spec((4, 1, 1), (LRN(size=3, alpha=3.0, beta=1.0, k=2.0, groups=2),))
    network = with_weights(spec, {})
    outputs = activations(network, torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1, 1))
    worked = work(network, outputs, "norm0", 1)
    assert isinstance(worked, WorkedLRN)
    assert (worked.first_neighbour, worked.neighbours.tolist()) == (0, [1, 2])  # 3 is the other group's
    assert (worked.squares, worked.denominator) == (5, 7)  # 2 + 3 / 3 * (1 + 4)
    assert worked.result == pytest.approx(2 / 7)
    assert (worked.k, worked.alpha, worked.beta, worked.size) == (2, 3, 1, 3)


def test_a_linear_layer_on_paper():
    spec = Spec((1, 2, 2), (Flatten(), Linear(4, 1), Activation("relu")))
    state = {"classifier.0.weight": torch.tensor([[5.0, -1.0, -7.0, 0.5]]), "classifier.0.bias": torch.tensor([1.0])}
    network = with_weights(spec, state)
    outputs = activations(network, torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 2, 2))
    worked = work(network, outputs, "fc1", 0, top=2)
    assert worked.indices.tolist() == [2, 0]
    assert worked.values.tolist() == [3, 1]
    assert worked.weights.tolist() == [-7, 5]
    assert worked.contributions.tolist() == [-21, 5]
    assert (worked.inputs, worked.total, worked.rest, worked.bias, worked.result) == (4, -16, 0, 1, -15)
    assert (worked.activation, worked.activated) == ("relu1", 0)
    assert work(network, outputs, "flatten", 3).source == (0, 1, 1)


def test_batch_norm_activation_and_dropout_say_their_pieces():
    network, outputs = ready(EVERY_KIND)
    worked = work(network, outputs, "bn2", 5, 3, 2)
    norm = network.get_submodule("features.5")
    assert worked.mean == float(norm.running_mean[5])
    assert worked.variance == float(norm.running_var[5])
    assert (worked.scale, worked.shift, worked.epsilon) == (float(norm.weight[5]), float(norm.bias[5]), norm.eps)
    assert worked.result == worked.normalised * worked.scale + worked.shift
    assert work(network, outputs, "tanh2", 5, 3, 2).value == worked.output
    assert work(network, outputs, "tanh2", 5, 3, 2).function == "tanh"
    dropped = work(network, outputs, "drop2", 9)
    assert (dropped.rate, dropped.value, dropped.result) == (0.5, dropped.output, dropped.output)


@pytest.mark.parametrize("function", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("value", [0.0, -0.5, 3.0, 1e4, -1e4, float("inf"), float("-inf"), float("nan")])
def test_activations_of_extreme_values(function, value):
    spec = Spec((1, 1, 1), (Activation(function),))
    network = with_weights(spec, {})
    outputs = activations(network, torch.full((1, 1, 1, 1), value))
    worked = work(network, outputs, f"{function}0", 0)
    assert worked.result == pytest.approx(worked.output, rel=1e-5, abs=1e-30, nan_ok=True)


def test_huge_weights_give_infinity_and_no_warning():
    network, outputs = two_by_two([3e38] * 4, (Conv(1, 2), LRN()), {"features.0.weight": [9.0] * 4})
    assert work(network, outputs, "conv1", 0).result == float("inf")
    assert np.isnan(work(network, outputs, "norm1", 0).result)


@pytest.mark.parametrize(("channel", "seen"), [(0, (0, 47)), (127, (0, 47)), (128, (48, 95)), (255, (48, 95))], ids=str)
def test_each_half_of_conv2_sees_its_own_half(channel, seen):
    spec = replace(MODELS["alexnet_2012"].spec, layers=MODELS["alexnet_2012"].spec.layers[:5])
    network, outputs = ready(spec)
    worked = work(network, outputs, "conv2", channel, 13, 13)
    assert (worked.first_channel, worked.last_channel) == seen
    assert worked.window.shape == (48, 5, 5)
    assert np.array_equal(worked.window[0], outputs["pool1"][0, seen[0], 11:16, 11:16].numpy())


@pytest.mark.parametrize(
    ("channel", "first", "count"), [(0, 0, 3), (2, 0, 5), (47, 45, 3), (48, 48, 3), (49, 48, 4), (95, 93, 3)]
)
def test_neighbours_stay_within_their_group(channel, first, count):
    spec = replace(MODELS["alexnet_2012"].spec, layers=MODELS["alexnet_2012"].spec.layers[:3])
    network, outputs = ready(spec, scale=100.0)
    worked = check(network, outputs, "norm1", (channel, 54, 0))
    assert (worked.first_neighbour, len(worked.neighbours)) == (first, count)
    assert np.array_equal(worked.neighbours, outputs["relu1"][0, first : first + count, 54, 0].numpy())


@pytest.mark.parametrize(
    ("layer", "place", "words"),
    [
        ("conv9", (0, 0, 0), "no layer named conv9. Layers: conv1, relu1, norm1, pool1, conv2"),
        ("input", (0, 0, 0), "no layer named input"),
        ("conv1", (8, 0, 0), "conv1 has no channel 8. Its channels go from 0 to 7."),
        ("conv1", (-1, 0, 0), "conv1 has no channel -1"),
        ("conv1", (0, 9, 0), "nothing at row 9, column 0. Its rows go from 0 to 8, its columns from 0 to 7."),
        ("pool1", (0, 0, -1), "nothing at row 0, column -1"),
        ("fc4", (4, 0, 0), "fc4 has no unit 4. Its units go from 0 to 3."),
        ("fc4", (0, 0, 1), "Its rows go from 0 to 0, its columns from 0 to 0."),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(layer, place, words):
    network, outputs = ready(EVERY_KIND)
    with pytest.raises(UserError) as problem:
        work(network, outputs, layer, *place)
    assert words in str(problem.value)


@pytest.mark.parametrize("gradients", [False, True])
def test_the_model_and_the_outputs_are_as_before_whatever_is_done(gradients):
    network = filled(EVERY_KIND).requires_grad_(gradients)
    batch = picture(EVERY_KIND)
    before, pixels = condition(network), batch.clone()
    outputs = activations(network, batch)
    assert not any(tensor.requires_grad for tensor in outputs.values())
    kept = {name: tensor.clone() for name, tensor in outputs.items()}
    for row in walk(EVERY_KIND).rows:
        worked = work(network, outputs, row.name, 0)
        for field in fields(worked):
            value = getattr(worked, field.name)
            if isinstance(value, np.ndarray):
                value[...] = 1  # scribbling on an answer
        with pytest.raises(UserError):
            work(network, outputs, row.name, 10**6)
    with pytest.raises(UserError):
        work(network, outputs, "conv9", 0)
    with pytest.raises(RuntimeError):
        activations(network, batch[:, :2])
    assert condition(network) == before
    assert torch.equal(batch, pixels)
    assert all(torch.equal(outputs[name], kept[name]) for name in kept)
    assert torch.is_grad_enabled()
