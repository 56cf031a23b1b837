"""Tests of maps, tested: against loops, on paper, and leaving the model as it was."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from alexnet_viz.inspection.attribution import trust
from alexnet_viz.inspection.attribution.algorithms import Outcome
from alexnet_viz.inspection.attribution.attribute import METHODS, attribute
from alexnet_viz.inspection.attribution.baselines import baseline
from alexnet_viz.inspection.attribution.methods import Method
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.network.build import random_state
from tests.inspection.attribution.attribution_models import WITH_LRN, array_of, model_of
from tests.inspection.networks import condition

pytestmark = pytest.mark.filterwarnings("ignore:Setting (backward|forward):UserWarning")


def last(steps):
    """The result; every step before it says how far it is, and the last of those is the end."""
    *progress, result = steps
    assert all(isinstance(step, Progress) for step in progress)
    done = [step.done for step in progress]
    assert done == sorted(set(done))
    assert progress[-1].done == progress[-1].of
    return result


def probability(model, array, target):
    with torch.no_grad():
        return float(model.network(torch.from_numpy(array)[None]).double().softmax(1)[0, target])


def ground(model, array, id):
    return baseline(id, torch.from_numpy(array)[None], model.entry.preprocess)[0].numpy()


@pytest.mark.parametrize("method", ["integrated_gradients", "deeplift"])
def test_completeness_of_a_map_is_what_its_answer_says(method):
    model = model_of()
    array = array_of(model)
    answer = attribute(model, array, method, target=2, settings={"baseline": "blur"})
    found = trust.completeness(model, array, answer.heat, 2, "blur")
    assert found.total == pytest.approx(answer.completeness.total)
    assert found.difference == pytest.approx(answer.completeness.difference, abs=1e-5)
    half = trust.completeness(model, array, answer.heat / 2, 2, "blur")
    assert half.error == pytest.approx(abs(found.total / 2 - found.difference) / abs(found.difference), rel=1e-4)


@pytest.mark.parametrize(("deleted", "inserted"), [("grey", "blur"), ("black", "grey")])
def test_deletion_and_insertion_equal_a_loop(deleted, inserted):
    model = model_of(WITH_LRN)
    array = 5 * array_of(model)
    heat = attribute(model, array, "gradcam", target=1).heat
    heat[:, :4] = heat.max()  # equal ones: the first goes first
    found = last(
        trust.deletion_insertion(model, array, heat, 1, steps=20, orders=0, deleted=deleted, inserted_into=inserted)
    )
    pixels = sorted(np.ndindex(heat.shape), key=lambda at: -heat[at])
    deletion, insertion = [], []
    for step in range(21):
        gone, come = array.copy(), ground(model, array, inserted).copy()
        for at in pixels[: round(step / 20 * 256)]:
            gone[:, *at] = ground(model, array, deleted)[:, *at]
            come[:, *at] = array[:, *at]
        deletion.append(probability(model, gone, 1))
        insertion.append(probability(model, come, 1))
    for curve, probabilities in ((found.deletion, deletion), (found.insertion, insertion)):
        assert curve.probabilities == pytest.approx(np.array(probabilities), abs=1e-6)
        assert curve.fractions == pytest.approx(np.linspace(0, 1, 21), abs=1 / 256)
        assert curve.area == pytest.approx(sum((a + b) / 2 / 20 for a, b in pairwise(probabilities)), abs=1e-2)
        assert curve.random_areas.shape == (0,)


def test_the_ends_are_the_picture_and_the_baselines():
    model = model_of()
    array = 5 * array_of(model)
    found = last(trust.deletion_insertion(model, array, array[0], 2, steps=4, orders=2))
    for curve in (found.deletion.probabilities, *found.deletion.random):
        assert curve[0] == pytest.approx(probability(model, array, 2), abs=1e-6)
        assert curve[-1] == pytest.approx(probability(model, ground(model, array, "grey"), 2), abs=1e-6)
    for curve in (found.insertion.probabilities, *found.insertion.random):
        assert curve[0] == pytest.approx(probability(model, ground(model, array, "blur"), 2), abs=1e-6)
        assert curve[-1] == pytest.approx(probability(model, array, 2), abs=1e-6)


def test_random_orders_are_seeded_and_every_one_is_a_curve():
    model = model_of()
    array = 5 * array_of(model)

    def insertion(orders, seed=3):
        return last(trust.deletion_insertion(model, array, array[0], 2, steps=6, orders=orders, seed=seed)).insertion

    three, again, other = insertion(3), insertion(3), insertion(3, seed=4)
    assert np.array_equal(three.random, again.random)
    assert not np.array_equal(three.random, other.random)
    assert three.random.shape == (3, 7)
    assert np.array_equal(three.random[:1], insertion(1).random)
    assert three.random_areas.mean() == pytest.approx(np.trapezoid(three.random.mean(0), three.fractions))


def test_a_random_order_is_that_of_the_same_map_elsewhere():
    heat = np.arange(20, dtype=np.float32).reshape(4, 5)
    orders = [trust.random_order(heat, np.random.default_rng(seed)) for seed in range(20)]
    assert len({tuple(order) for order in orders}) > 10
    for order in orders:
        assert sorted(order) == list(range(20))
        rows, _ = np.unravel_index(order, (4, 5))
        down = np.unique(np.diff(rows[::5]) % 4)
        assert list(down) in ([1], [3]), "rows stay rows, in their order or mirrored, around the edge"


def test_similarity_on_paper():
    a = np.array([[1, 2], [3, 4]], np.float32)
    assert trust.pearson(a, 5 - a) == pytest.approx(-1)
    assert trust.pearson(a, 3 * a + 7) == pytest.approx(1)
    assert trust.spearman(a, np.exp(a)) == pytest.approx(1)
    # Ranks 1 2 3 4 and 1 2.5 2.5 4: deviations -1.5 -.5 .5 1.5 and -1.5 0 0 1.5.
    assert trust.spearman(a, np.array([[0, 5], [5, 9]], np.float32)) == pytest.approx(4.5 / np.sqrt(5 * 4.5))
    assert trust.pearson(a, np.zeros_like(a)) == trust.spearman(a, np.zeros_like(a)) == 0


MAPS = arrays.arrays(np.float32, (3, 4), elements=st.integers(-4, 4).map(float))


@given(MAPS, MAPS)
def test_rank_correlation_equals_a_loop(first, second):
    def ranks(values):
        return np.array([(values < x).sum() + ((values == x).sum() + 1) / 2 for x in values.ravel()])

    expected = 0.0
    if len(np.unique(first)) > 1 and len(np.unique(second)) > 1:
        expected = np.corrcoef(ranks(first), ranks(second))[0, 1]
    assert trust.spearman(first, second) == pytest.approx(expected, abs=1e-9)


def test_noise_sensitivity_equals_asking_again():
    model = model_of()
    array = array_of(model)
    original = attribute(model, array, "gradcam", layer="relu1", target=1)
    found = last(trust.noise_sensitivity(model, array, original, noise=0.1, seeds=(4, 9)))
    assert isinstance(found, trust.Sensitivity)
    for number, seed in enumerate((4, 9)):
        noise = np.random.default_rng(seed).standard_normal(array.shape, dtype=np.float32)
        noisy = attribute(
            model, array + np.float32(0.1 * (array.max() - array.min())) * noise, "gradcam", layer="relu1", target=1
        )
        distance = np.sqrt(((noisy.heat - original.heat) ** 2).sum() / (original.heat**2).sum())
        assert found.moved[number] == pytest.approx(distance, rel=1e-4)
        assert found.correlations[number] == pytest.approx(np.corrcoef(noisy.heat.ravel(), original.heat.ravel())[0, 1])
        assert found.probabilities[number] == pytest.approx(noisy.probability, abs=1e-6)


def test_without_noise_nothing_moves():
    model = model_of()
    array = array_of(model)
    found = last(trust.noise_sensitivity(model, array, attribute(model, array, "saliency"), noise=0.0, seeds=(0,)))
    assert (found.moved[0], found.correlations[0]) == (0, pytest.approx(1))


def forgetting(model, method, target=None, seed=0):
    array = array_of(model)
    return last(trust.randomised_weights(model, array, attribute(model, array, method, target=target), seed=seed))


def test_layers_forget_from_the_top_down():
    model = model_of(WITH_LRN)
    array = array_of(model)
    found = forgetting(model, "saliency", seed=5)
    assert isinstance(found, trust.Randomised)
    assert [stage.layer for stage in found.stages] == ["fc4", "fc3", "conv2", "conv1"]
    target = found.original.target
    untrained = attribute(model_of(WITH_LRN, seed=5), array, "saliency", target=target)
    assert np.array_equal(found.stages[-1].heat, untrained.heat)
    mixed = dict(model.network.state_dict())
    mixed |= {key: value for key, value in random_state(WITH_LRN, 5).items() if key.startswith("classifier.2")}
    first = attribute(model_of(WITH_LRN, state=mixed), array, "saliency", target=target).heat
    assert np.array_equal(found.stages[0].heat, first)
    assert found.stages[0].spearman == trust.spearman(np.abs(first), np.abs(found.original.heat))
    assert found.similarity == pytest.approx(sum(stage.spearman for stage in found.stages) / 4)


def test_the_same_weights_again_change_nothing():
    found = forgetting(model_of(seed=5), "gradcam", seed=5)
    assert [stage.spearman for stage in found.stages] == pytest.approx([1] * 4)
    assert found.fails


def test_a_map_of_the_picture_alone_fails_and_a_gradient_passes(monkeypatch):
    def edges(request):
        request.score(request.picture)
        yield Outcome(request.picture.diff(dim=2, append=request.picture[:, :, -1:]))

    monkeypatch.setitem(METHODS, "edges", Method("edges", "Edges", "-", "-", "-", edges))
    found = forgetting(model_of(), "edges", 1)
    assert found.fails
    assert found.similarity == pytest.approx(1)
    passed = forgetting(model_of(), "saliency", 1, seed=9)
    assert passed.similarity < trust.FAILS_FROM
    assert not passed.fails


TESTS = {
    "curves": lambda model, array, answer: trust.deletion_insertion(model, array, answer.heat, 1, steps=20, orders=1),
    "noise": trust.noise_sensitivity,
    "weights": trust.randomised_weights,
}


@pytest.mark.parametrize("name", TESTS)
def test_the_model_stays_as_it_was(name, monkeypatch):
    model = model_of(WITH_LRN)
    array = array_of(model)
    answer = attribute(model, array, "guided_gradcam")
    before, original = condition(model.network), array.copy()
    result = last(TESTS[name](model, array, answer))
    assert isinstance(result, trust.Curves | trust.Sensitivity | trust.Randomised)
    steps = TESTS[name](model, array, answer)
    assert isinstance(next(steps), Progress)
    assert torch.is_grad_enabled()
    steps.close()

    def broken(self, batch):
        raise RuntimeError("broken")

    monkeypatch.setattr(torch.nn.MaxPool2d, "forward", broken)
    with pytest.raises(RuntimeError, match="broken"):
        list(TESTS[name](model, array, answer))
    assert condition(model.network) == before
    assert np.array_equal(array, original)
