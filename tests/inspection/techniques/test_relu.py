"""Activation functions, random networks and units at zero: against formulas, loops, and other people's initialisers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alexnet_viz.inspection.activations import activations
from alexnet_viz.inspection.techniques import relu
from alexnet_viz.network.build import random_state, with_weights
from alexnet_viz.network.spec import Activation, Conv, Flatten, Linear, Pool, Spec
from tests.inspection.networks import condition

BY_FORMULA = {  # value and derivative
    "relu": (lambda x: max(0.0, x), lambda x: float(x > 0)),
    "tanh": (math.tanh, lambda x: 1 / math.cosh(x) ** 2),
    "sigmoid": (lambda x: 1 / (1 + math.exp(-x)), lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2),
}


@pytest.mark.parametrize("function", relu.FUNCTIONS)
@given(x=st.floats(-30, 30))
def test_value_and_slope_are_the_formulas(function, x):
    value, slope = BY_FORMULA[function]
    found = relu.respond(function, x)
    assert found.value == pytest.approx(value(x), rel=1e-12, abs=1e-15)
    assert found.slope == pytest.approx(slope(x), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("function", relu.FUNCTIONS)
def test_no_slope_is_steeper_than_the_steepest(function):
    _, slopes = relu.curve(function, np.linspace(-8, 8, 1601))
    assert slopes.max() == pytest.approx(relu.STEEPEST[function], abs=1e-12)


def test_ten_layers_in_numbers():
    sigmoid, tanh, rectified = (relu.respond(function, 2.5) for function in ("sigmoid", "tanh", "relu"))
    assert sigmoid.left_at_best(10) == 0.25**10 == pytest.approx(9.5367e-7, rel=1e-4)
    assert (tanh.left_at_best(10), rectified.left_at_best(10)) == (1, 1)
    assert rectified.left(10) == 1
    assert sigmoid.left(10) == pytest.approx(0.0701037**10, rel=1e-5)
    assert relu.respond("relu", -1.0).left(10) == 0
    assert relu.respond("relu", 0.0).slope == 0, "in its corner, the one that PyTorch takes"


def test_the_callers_numbers_stay_alone():
    x = np.array([1.0, 2.0])
    value, _ = relu.curve("relu", x)
    value[:] = 7
    assert list(x) == [1, 2]


SQUARE = 400


def linear_of_pytorch(weight):
    weight.copy_(torch.nn.Linear(SQUARE, SQUARE).weight)


OF_PYTORCH = {
    "paper": lambda weight: torch.nn.init.normal_(weight, std=0.01),
    "torch": linear_of_pytorch,
    "xavier": torch.nn.init.xavier_normal_,
    "he": lambda weight: torch.nn.init.kaiming_normal_(weight, nonlinearity="relu"),
}


@pytest.mark.parametrize("initialisation", relu.INITIALISATIONS)
def test_weights_are_as_large_as_pytorchs_own_initialisers_draw_them(initialisation):
    torch.manual_seed(0)
    with torch.no_grad():
        weight = torch.empty(SQUARE, SQUARE)
        OF_PYTORCH[initialisation](weight)
    assert relu.INITIALISATIONS[initialisation].deviation(SQUARE) == pytest.approx(float(weight.std()), rel=0.01)


@pytest.mark.parametrize("initialisation", relu.INITIALISATIONS)
def test_the_first_layer_shows_how_weights_were_drawn(initialisation):
    """Without a bias and before the function the std is sqrt(inputs) x deviation; a ReLU keeps half of the power."""
    flow = relu.flows(initialisation, 1, 512, seed=3)["relu"]
    power = flow.std[1] ** 2 + flow.mean[1] ** 2
    assert power == pytest.approx(512 * relu.INITIALISATIONS[initialisation].deviation(512) ** 2 / 2, rel=0.1)


def by_loops(function, inputs, weights, projection):
    """The layers' outputs and the gradient at each, by the chain rule written out."""
    value, slope = (np.vectorize(formula) for formula in BY_FORMULA[function])
    outputs, arriving = [inputs], []
    for weight in weights:
        arriving.append(np.array([[sum(weight[j] * row) for j in range(len(weight))] for row in outputs[-1]]))
        outputs.append(value(arriving[-1]))
    gradients = [np.tile(projection, (len(inputs), 1))]
    for weight, x in zip(weights[::-1], arriving[::-1], strict=True):
        behind = gradients[0] * slope(x)
        gradients.insert(0, np.array([[sum(weight[:, i] * row) for i in range(weight.shape[1])] for row in behind]))
    return outputs, gradients


@pytest.mark.parametrize("function", relu.FUNCTIONS)
def test_forward_and_backward_are_the_chain_rule(function):
    random = np.random.default_rng(5)
    inputs, projection = random.normal(size=(4, 6)), random.normal(size=6)
    weights = [random.normal(0, 0.6, (6, 6)) for _ in range(3)]
    if function == "relu":
        weights[1][2] = -np.abs(weights[1][2])  # one unit that positive values leave at zero for every input
    found = relu._flow(
        relu.FUNCTIONS[function], torch.tensor(inputs), [torch.tensor(weight) for weight in weights],
        torch.tensor(projection),
    )  # fmt: skip
    outputs, gradients = by_loops(function, inputs, weights, projection)
    assert found.layers == 3
    assert found.mean == pytest.approx([values.mean() for values in outputs])
    assert found.std == pytest.approx([values.std() for values in outputs])
    assert found.of_input == pytest.approx([np.sqrt((values.std(0) ** 2).mean()) for values in outputs])
    assert found.gradient == pytest.approx([values.std() for values in gradients])
    assert found.gradient_left == pytest.approx(gradients[0].std() / gradients[-1].std())
    assert found.zeros == pytest.approx([(values == 0).mean() for values in outputs])
    assert found.dead == pytest.approx([(values == 0).all(0).mean() for values in outputs])
    assert (found.dead[2] > 0) == (function == "relu")


def test_hes_weights_carry_the_gradient_through_relus_and_not_through_sigmoids():
    found = relu.flows("he", 20, 256, seed=0)
    assert 0.2 < found["relu"].gradient_left < 5
    assert found["sigmoid"].gradient_left < (0.25 * 2**0.5) ** 20, "at best, each layer: slope 1/4, weights sqrt(2)"
    assert found["tanh"].zeros.max() == found["sigmoid"].dead.max() == 0
    assert 0.4 < found["relu"].zeros[-1] < 0.6


def test_the_papers_weights_are_too_small_for_128_inputs():
    """Each layer keeps 0.01 x sqrt(128 / 2) = 0.08 of a signal between ReLUs, in both directions."""
    found = relu.flows("paper", 20, 128, seed=0)["relu"]
    assert math.log10(found.gradient_left) == pytest.approx(20 * math.log10(0.08), abs=1.5)
    assert math.log10(found.std[-1]) == pytest.approx(20 * math.log10(0.08), abs=1.5)


def test_what_float32_cannot_hold_is_zero():
    found = relu.flows("paper", 50, 16, seed=0)["tanh"]
    assert found.gradient_left == 0
    assert found.dead[-1] == 1


@pytest.mark.parametrize(("layers", "shown"), [(1, (1,)), (2, (1, 2)), (5, (1, 2, 3, 4, 5)), (20, (1, 6, 10, 15, 20))])
def test_histograms_count_every_value_of_some_layers(layers, shown):
    found = relu.flows("xavier", layers, 16, seed=1)["tanh"]
    assert found.shown == shown
    assert len(shown) <= relu.HISTOGRAMS
    assert (found.counts.sum(1) == relu.INPUTS * 16).all()
    assert len(found.edges) == found.counts.shape[1] + 1


def test_a_seed_repeats_and_torchs_own_dice_stay_where_they_are():
    before = torch.get_rng_state()
    first, second, other = (relu.flows("he", 3, 32, seed)["relu"] for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert (first.gradient == second.gradient).all()
    assert (first.gradient != other.gradient).any()


SPEC = Spec(
    (3, 8, 8),
    (
        *(Conv(5, kernel=3, padding=1), Activation(), Pool(2, 2), Conv(4, kernel=3), Activation("tanh")),
        *(Flatten(), Linear(16, 7), Activation(), Linear(7, 2)),
    ),
)


def test_silence_is_what_loops_count_and_leaves_the_model_alone():
    network = with_weights(SPEC, random_state(SPEC, 0))
    with torch.no_grad():
        network.layers()[0].weight[2] = 0  # a channel that never speaks
        network.layers()[0].bias[2] = -1
    batch = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    before = condition(network)
    found = relu.silence(network, batch)
    outputs = activations(network, batch)
    assert list(found) == ["relu1", "relu3"]
    for name, one in found.items():
        for picture, values in enumerate(outputs[name].numpy()):
            assert one.zeros[picture] == pytest.approx((values == 0).mean())
            assert [not channel.any() for channel in values] == list(one.silent[picture])
        assert one.channels == outputs[name].shape[1]
    assert found["relu1"].silent[:, 2].all()
    always = sum(not outputs["relu1"][:, channel].any() for channel in range(5))
    assert found["relu1"].always == always
    assert found["relu1"].always_share == always / 5
    assert condition(network) == before


@given(values=st.lists(st.floats(0, 1), max_size=40))
def test_means_are_over_the_last_batches(values):
    means = relu.trailing_mean(values)
    assert len(means) == len(values)
    for i, mean in enumerate(means):
        window = values[i - relu.BATCHES + 1 : i + 1] if i >= relu.BATCHES - 1 else []
        assert mean == pytest.approx(sum(window) / relu.BATCHES, abs=1e-12) if window else np.isnan(mean)


def test_the_error_is_reached_at_the_step_where_the_mean_is_there():
    errors = relu.training_errors([0.75] * relu.BATCHES)
    assert relu.steps_to(errors) == relu.BATCHES
    assert relu.steps_to(relu.training_errors([0.74] * 50)) is None
    assert relu.steps_to(relu.training_errors([0.0] * 5 + [1.0] * 20)) == 13  # 8 of 10 right
    assert relu.steps_to(relu.training_errors([1.0] * 3)) is None, "three batches are too few"


def test_times_are_in_the_references_steps():
    reached = {"relu": 50, "tanh": 300, "sigmoid": None}
    assert relu.times_as_many(reached, "tanh") == 6
    assert relu.times_as_many(reached, "relu") == 1
    assert relu.times_as_many(reached, "sigmoid") is None
    assert relu.times_as_many({"tanh": 3}, "tanh") is None
