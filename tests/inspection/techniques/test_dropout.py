"""Dropout's masks: equal to naive sums over all masks, to torch's own dropout on average, and nothing left behind."""

from fractions import Fraction
from functools import cache, partial
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_viz.inspection.activations import activations
from alexnet_viz.inspection.classify import softmax
from alexnet_viz.inspection.techniques import dropout
from alexnet_viz.network.build import with_weights
from alexnet_viz.network.spec import Activation, Conv, Dropout, Flatten, Linear, Spec
from alexnet_viz.network.zoo import MODELS
from tests.inspection import networks
from tests.inspection.networks import condition

TWO_MASKS = Spec(
    (1, 6, 6),
    (
        *(Conv(4, kernel=3), Activation(), Flatten(), Dropout(), Linear(64, 20), Activation()),
        *(Dropout(), Linear(20, 9), Activation(), Linear(9, 3)),
    ),
)
ONE_MASK = Spec((1, 2, 3), (Flatten(), Dropout(), Linear(6, 3)))


ready = cache(partial(networks.ready, scale=3.0))


def test_a_rate_of_zero_is_inference():
    network, outputs = ready(TWO_MASKS)
    passed = dropout.training_pass(network, outputs, 0.0, seed=5)
    assert passed.factor == 1
    assert np.array_equal(passed.logits, outputs["fc4"][0].numpy())
    for name, masked in passed.layers.items():
        assert masked.dropped == 0
        assert np.array_equal(masked.arriving, masked.leaving)
        assert np.array_equal(masked.arriving, outputs[name][0].numpy())


@settings(max_examples=25)
@given(st.sampled_from([0.1, 0.25, 0.5, 0.8, 0.9]), st.integers(0, 999))
def test_a_training_pass_is_the_layers_with_the_masks_put_in_by_hand(rate, seed):
    network, outputs = ready(TWO_MASKS)
    passed = dropout.training_pass(network, outputs, rate, seed)
    first, second = passed.layers["drop1"], passed.layers["drop2"]
    weights = {key: tensor.numpy().astype(np.float64) for key, tensor in network.state_dict().items()}
    values = outputs["flatten"][0].numpy()
    for masked, layer in ((first, 1), (second, 4)):
        assert np.allclose(masked.arriving, values, rtol=1e-5, atol=1e-6)
        values = np.array([v / (1 - rate) if kept else 0 for v, kept in zip(values, masked.kept, strict=True)])
        assert np.allclose(masked.leaving, values, rtol=1e-5, atol=1e-6)
        values = np.maximum(weights[f"classifier.{layer}.weight"] @ values + weights[f"classifier.{layer}.bias"], 0)
    logits = weights["classifier.6.weight"] @ values + weights["classifier.6.bias"]
    assert np.allclose(passed.logits, logits, rtol=1e-4, atol=1e-5)
    assert np.allclose(passed.probabilities, softmax(passed.logits))
    assert passed.factor == pytest.approx(1 / (1 - rate))


def test_a_seed_is_a_mask_and_a_higher_rate_drops_more_of_it():
    network, outputs = ready(TWO_MASKS)
    kept = {rate: dropout.training_pass(network, outputs, rate, seed=3).layers["drop1"].kept for rate in (0.3, 0.6)}
    assert np.array_equal(kept[0.3], dropout.training_pass(network, outputs, 0.3, seed=3).layers["drop1"].kept)
    assert not np.array_equal(kept[0.3], dropout.training_pass(network, outputs, 0.3, seed=4).layers["drop1"].kept)
    assert not (kept[0.6] & ~kept[0.3]).any()
    assert kept[0.6].sum() < kept[0.3].sum()


def test_the_share_dropped_is_the_rate():
    network, outputs = ready(TWO_MASKS)
    dropped = [dropout.training_pass(network, outputs, 0.7, seed).layers["drop1"].dropped for seed in range(200)]
    assert np.mean(dropped) / 64 == pytest.approx(0.7, abs=0.02)  # four standard deviations are 0.016


def test_what_is_dropped_is_drawn_on_the_other_side_of_zero():
    network, outputs = ready(TWO_MASKS)
    masked = dropout.training_pass(network, outputs, 0.5, seed=1).layers["drop1"]
    assert (masked.drawn[~masked.kept] < 0).all()
    assert np.array_equal(masked.drawn[masked.kept], masked.leaving[masked.kept])
    assert np.abs(masked.drawn).max() <= masked.extreme
    assert masked.extreme >= outputs["flatten"].abs().max().item()


def every_mask(size, rate):
    """All masks with their probabilities."""
    for kept in product([False, True], repeat=size):
        yield np.array(kept), float(rate ** (size - sum(kept)) * (1 - rate) ** sum(kept))


def test_with_one_mask_before_the_last_layer_the_geometric_mean_is_the_averaged_network():
    network, outputs = ready(ONE_MASK)
    weight, bias = (network.get_parameter(f"classifier.1.{name}").numpy() for name in ("weight", "bias"))
    values = outputs["flatten"][0].numpy()
    logs = sum(
        probability * np.log(softmax(weight @ (values * kept / 0.5) + bias))
        for kept, probability in every_mask(len(values), 0.5)
    )
    geometric = np.exp(logs) / np.exp(logs).sum()
    found = dropout.spread(network, outputs, 0.5, 20_000)
    assert np.allclose(geometric, found.averaged, atol=1e-6)
    assert np.allclose(found.geometric, geometric, atol=0.02)
    arithmetic = sum(p * softmax(weight @ (values * kept / 0.5) + bias) for kept, p in every_mask(len(values), 0.5))
    assert np.allclose(found.mean, arithmetic, atol=0.02)
    assert np.abs(arithmetic - found.averaged).max() > 0.03, "so the two means are told apart"


def test_a_spread_says_how_far_its_means_are_from_inference():
    network, outputs = ready(TWO_MASKS, scale=30.0)
    found = dropout.spread(network, outputs, 0.5, 50)
    assert found.probabilities.shape == (50, 3)
    assert np.allclose(found.probabilities.sum(1), 1)
    assert np.allclose(found.averaged, softmax(outputs["fc4"][0].numpy()))
    logs = np.log(found.probabilities).mean(0)
    assert np.allclose(found.geometric, np.exp(logs) / np.exp(logs).sum(), atol=1e-6)
    assert found.mean_gap == max(abs(m - a) for m, a in zip(found.mean, found.averaged, strict=True))
    assert found.geometric_gap == max(abs(g - a) for g, a in zip(found.geometric, found.averaged, strict=True))
    best = int(np.argmax(found.averaged))
    assert found.agreeing == sum(int(np.argmax(row)) == best for row in found.probabilities)
    assert len(np.unique(found.probabilities[:, 0])) > 40, "every row has a mask of its own"


def test_on_average_it_is_what_torch_does_in_training():
    network, outputs = ready(TWO_MASKS)
    found = dropout.spread(network, outputs, 0.5, 4000)
    own = with_weights(TWO_MASKS, network.state_dict()).train()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        logits = own(outputs["input"].expand(4000, -1, -1, -1)).numpy()
    probabilities = np.stack([softmax(row) for row in logits])
    assert np.allclose(found.mean, probabilities.mean(0), atol=0.02)
    assert np.allclose(found.probabilities.std(0), probabilities.std(0), atol=0.02)


RATES = st.fractions(0, Fraction(9, 10), max_denominator=20)
NUMBERS = st.fractions(-100, 100, max_denominator=50)


@settings(max_examples=25)
@given(RATES, st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=4))
def test_the_expected_sum_over_all_masks_is_the_test_sum_exactly(rate, terms):
    for rule in dropout.RULES.values():
        expected = Fraction(0)
        for kept in product([False, True], repeat=len(terms)):
            probability = rate ** (len(terms) - sum(kept)) * (1 - rate) ** sum(kept)
            passed = (x * w for (x, w), there in zip(terms, kept, strict=True) if there)
            expected += probability * rule.training(rate) * sum(passed)
        assert expected == rule.test(rate) * sum(x * w for x, w in terms)


@settings(max_examples=25)
@given(st.sampled_from([0.0, 0.1, 0.5, 0.75, 0.9]), st.integers(0, 99))
def test_weighted_sums_are_those_of_a_loop(rate, seed):
    network, outputs = ready(TWO_MASKS)
    found = dropout.weighted_sums(network, outputs, rate, seed)
    kept = (
        dropout.training_pass(network, outputs, rate, seed).layers["drop1"].kept
    )  # one seed, one mask, in both experiments
    values = outputs["flatten"][0].tolist()
    weights = network.get_parameter("classifier.1.weight").tolist()
    assert (found.layer, len(found.units), found.paper_share) == ("fc2", dropout.UNITS, 1 - rate)
    for i, unit in enumerate(found.units):
        whole = sum(x * w for x, w in zip(values, weights[unit], strict=True))
        thinned = sum(x * w for x, w, there in zip(values, weights[unit], kept, strict=True) if there)
        for name, training, test in (
            ("inverted", thinned / (1 - rate), whole),
            ("paper", thinned, whole * (1 - rate)),
        ):
            sums = found.rules[name]
            assert sums.training[i] == pytest.approx(training, rel=1e-6, abs=1e-6)
            assert sums.test[i] == pytest.approx(test, rel=1e-6)
            assert sums.expected[i] == pytest.approx(sums.test[i], rel=1e-12)
            terms = np.multiply(values, weights[unit])
            spread_of_mean = np.sqrt(rate / (1 - rate) * np.sum(terms**2) / dropout.MANY)
            assert abs(sums.mean[i] - sums.expected[i]) <= 5 * spread_of_mean + 1e-9
    magnitudes = np.abs(np.array(weights) @ values)
    assert np.allclose(np.sort(magnitudes)[::-1][: dropout.UNITS], np.abs(found.rules["inverted"].test), rtol=1e-5)


def test_the_paper_drops_outputs_and_the_others_drop_inputs():
    paper, seed = MODELS["alexnet_2012"].spec, MODELS["alexnet_single"].spec
    assert dropout.head(paper) == ("fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8")
    assert dropout.head(seed) == ("drop5", "fc6", "relu6", "drop6", "fc7", "relu7", "fc8")
    assert (
        dropout.head(MODELS["alexnet_torchvision"].spec)
        == dropout.head(MODELS["alexnet_cifar"].spec)
        == dropout.head(seed)
    )
    assert dropout.dropout_layers(paper) == {"drop6": 4096, "drop7": 4096}
    assert dropout.dropout_layers(seed) == {"drop5": 9216, "drop6": 4096}
    assert dropout.dropout_layers(MODELS["alexnet_cifar"].spec) == {"drop5": 4096, "drop6": 1024}


def test_the_network_is_left_as_it_was():
    network, outputs = ready(TWO_MASKS)
    before, kept = condition(network), {name: values.clone() for name, values in outputs.items()}
    dropout.training_pass(network, outputs, 0.5, 1)
    dropout.spread(network, outputs, 0.5, 10)
    dropout.weighted_sums(network, outputs, 0.5, 1)
    assert condition(network) == before
    assert all(torch.equal(outputs[name], values) for name, values in kept.items())


def test_the_batch_may_hold_more_pictures_and_the_first_counts():
    network, _ = ready(TWO_MASKS)
    batch = torch.randn(2, *TWO_MASKS.input, generator=torch.Generator().manual_seed(9))
    both, first = activations(network, batch), activations(network, batch[:1])
    for values in (both, first):
        assert dropout.training_pass(network, values, 0.5, 1).logits.shape == (3,)
    assert np.allclose(
        dropout.training_pass(network, both, 0.5, 1).logits, dropout.training_pass(network, first, 0.5, 1).logits
    )
