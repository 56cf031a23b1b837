"""Channels switched off: as if their filters were gone, one by one as in batches, and the models left as they were."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_viz.errors import UserError
from alexnet_viz.inspection import ablation as experiments
from alexnet_viz.inspection.ablation import Ranking, ablate, rank_channels
from alexnet_viz.inspection.activations import activations
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.network.build import with_weights
from alexnet_viz.network.spec import Conv, Flatten, Linear, Spec, layer_names, walk
from tests.inspection import networks
from tests.inspection.networks import EITHER_RULE, EVERY_KIND, LAST, NAMES, condition, filled, picture, specs
from tests.inspection.switchboard import hooked, logits_of


def ready(spec=EVERY_KIND, batch=1, seed=0):
    """Weights and pictures so large that logits differ."""
    return networks.ready(spec, seed, weight=2.0, scale=3.0, batch=batch)


def ranked(*args, **how):
    *steps, ranking = rank_channels(*args, **how)
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(ranking, Ranking)
    return steps, ranking


@pytest.mark.parametrize("off", [{}, {"conv1": []}, {"conv2": (), "fc4": frozenset()}], ids=str)
def test_nothing_off_is_nothing_changed(off):
    network, outputs = ready()
    same = ablate(network, outputs, off)
    assert list(same) == list(outputs)
    assert all(same[name] is outputs[name] for name in outputs)


@EITHER_RULE
@pytest.mark.parametrize("name", NAMES)
def test_every_layer_against_hooks(name, spec):
    network, outputs = ready(spec, batch=2)
    channels = {0, outputs[name].shape[1] - 1}
    changed = ablate(network, outputs, {name: channels})
    assert torch.allclose(changed[LAST], logits_of(network, outputs["input"], {name: channels}), atol=1e-5)
    assert not torch.allclose(changed[LAST], outputs[LAST], atol=1e-4)
    assert list(changed) == list(outputs)
    before = ["input", *NAMES][: NAMES.index(name) + 1]
    assert [key for key in outputs if changed[key] is outputs[key]] == before
    for key in outputs:
        assert changed[key].shape == outputs[key].shape
        assert not changed[key].requires_grad
    kept = [c for c in range(outputs[name].shape[1]) if c not in channels]
    assert not changed[name][:, sorted(channels)].any()
    assert torch.equal(changed[name][:, kept], outputs[name][:, kept])


@EITHER_RULE
@pytest.mark.parametrize(
    ("name", "key", "channel"),
    [("conv1", "features.0", 3), ("conv2", "features.4", 5), ("fc3", "classifier.2", 6), ("fc4", "classifier.5", 0)],
)
def test_off_is_a_filter_without_weights_and_bias(spec, name, key, channel):
    network, outputs = ready(spec, batch=2)
    state = {each: tensor.clone() for each, tensor in network.state_dict().items()}
    state[f"{key}.weight"][channel] = 0
    state[f"{key}.bias"][channel] = 0
    expected = activations(with_weights(spec, state), outputs["input"])
    changed = ablate(network, outputs, {name: [channel]})
    for each in outputs:
        assert torch.allclose(changed[each], expected[each], atol=1e-5), each


def test_what_is_off_is_zero_even_where_it_was_infinite():
    network, outputs = ready()
    outputs["relu1"] = torch.full_like(outputs["relu1"], float("inf"))
    changed = ablate(network, outputs, {"relu1": range(8)})
    assert not changed["relu1"].any()
    assert changed[LAST].isfinite().all()


@settings(max_examples=50)
@given(spec=specs(flat=True), data=st.data(), seed=st.integers(0, 99))
def test_networks_and_switches_at_random(spec, data, seed):
    network, outputs = ready(spec, batch=2, seed=seed)
    off = {
        row.name: data.draw(st.frozensets(st.integers(0, row.shape[0] - 1), max_size=4), label=row.name)
        for row in walk(spec).rows
    }
    changed = ablate(network, outputs, off)
    last = layer_names(spec.layers)[-1]
    expected = logits_of(network, outputs["input"], off)
    assert torch.allclose(changed[last], expected, rtol=1e-4, atol=1e-5)
    for name, channels in off.items():
        assert not changed[name][:, list(channels)].any()


def one_by_one(network, batch, name, class_index, count):
    """Logit and probability drops from whole forward passes, one a channel."""

    switched = [0]
    mine = hooked(network, {name: switched})

    def scores(channels):
        switched[:] = channels
        with torch.inference_mode():
            logits = mine(batch)[0].double()
        return np.array([float(logits[class_index]), float(logits.softmax(0)[class_index])])

    untouched = scores([])
    return np.array([untouched - scores([channel]) for channel in range(count)]).T


def check_ranking(network, outputs, name, class_index, **how):
    count = outputs[name].shape[1]
    _, ranking = ranked(network, outputs, name, class_index, **how)
    logit_drop, probability_drop = one_by_one(network, outputs["input"][:1], name, class_index, count)
    assert ranking.logit_drop == pytest.approx(logit_drop, rel=1e-4, abs=1e-5)
    assert ranking.probability_drop == pytest.approx(probability_drop, abs=1e-5)
    assert ranking.layer == name
    assert sorted(ranking.order) == list(range(count))
    assert all(np.diff(ranking.logit_drop[ranking.order]) <= 0)
    return ranking


@EITHER_RULE
@pytest.mark.parametrize("name", NAMES)
def test_every_layers_ranking_is_that_of_one_channel_at_a_time(name, spec):
    network, outputs = ready(spec)
    ranking = check_ranking(network, outputs, name, 2, batch=5)
    assert np.abs(ranking.logit_drop).max() > 1e-3


@settings(max_examples=30)
@given(spec=specs(flat=True), data=st.data(), batch=st.integers(1, 9))
def test_rankings_at_random(spec, data, batch):
    network, outputs = ready(spec)
    name = data.draw(st.sampled_from(layer_names(spec.layers)))
    check_ranking(network, outputs, name, data.draw(st.integers(0, 2)), batch=batch)


def linear(weights, inputs):
    """One fully connected layer on `inputs`, and the outputs."""
    weight = torch.tensor(weights)
    spec = Spec((weight.shape[1], 1, 1), (Flatten(), Linear(weight.shape[1], weight.shape[0])))
    network = with_weights(spec, {"classifier.0.weight": weight, "classifier.0.bias": torch.tensor([0.5, -0.5])})
    return network, activations(network, torch.tensor(inputs).reshape(1, -1, 1, 1))


def test_a_ranking_on_paper():
    network, outputs = linear([[2.0, -1.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]], [1.0, 2.0, 0.0, 1.0])
    steps, ranking = ranked(network, outputs, "flatten", 0)
    assert ranking.logit_drop.tolist() == [2, -2, 0, 2]
    assert ranking.order.tolist() == [0, 3, 2, 1], "equal ones by number"
    untouched, less, more = (1 / (1 + np.exp(-margin)) for margin in (3.0, 1.0, 5.0))
    expected = [untouched - less, untouched - more, 0, untouched - less]
    assert ranking.probability_drop == pytest.approx(expected, abs=1e-7)
    assert steps == [Progress(3, 3)], "the one that is zero needs no run"


def test_channels_that_are_zero_are_not_run_and_drop_nothing():
    network, outputs = ready()
    outputs = ablate(network, outputs, {"relu1": [0, 3, 7]})
    steps, ranking = ranked(network, outputs, "relu1", 1, batch=2)
    assert steps == [Progress(2, 5), Progress(4, 5), Progress(5, 5)]
    assert ranking.logit_drop[[0, 3, 7]].tolist() == [0, 0, 0]
    assert ranking.probability_drop[[0, 3, 7]].tolist() == [0, 0, 0]
    assert np.all(ranking.logit_drop[[1, 2, 4, 5, 6]] != 0)


def test_a_layer_that_is_all_zero_needs_no_run_at_all():
    network, outputs = ready()
    outputs = ablate(network, outputs, {"relu1": range(8)})
    steps, ranking = ranked(network, outputs, "relu1", 1)
    assert steps == []
    assert not ranking.logit_drop.any()
    assert ranking.order.tolist() == list(range(8))


def test_the_first_picture_of_a_batch_is_ranked():
    network, outputs = ready(batch=3)
    alone = activations(network, outputs["input"][:1])
    other = activations(network, outputs["input"][1:2])
    _, ranking = ranked(network, outputs, "conv2", 0)
    assert ranking.logit_drop == pytest.approx(ranked(network, alone, "conv2", 0)[1].logit_drop, abs=1e-5)
    assert ranking.logit_drop != pytest.approx(ranked(network, other, "conv2", 0)[1].logit_drop, abs=1e-3)


@pytest.mark.parametrize(("pictures", "sizes"), [(0.5, [1] * 8), (1, [1] * 8), (3.9, [3, 3, 2]), (100, [6, 2])])
def test_a_batch_stays_within_its_memory(monkeypatch, pictures, sizes):
    """conv1 is the largest output from conv1 on; the batch asked for is 6."""
    network, outputs = ready()
    assert outputs["conv1"].nbytes == 4 * 8 * 9 * 8 == max(outputs[name].nbytes for name in NAMES)
    _, plain = ranked(network, outputs, "conv1", 0)
    monkeypatch.setattr(experiments, "MAX_BYTES", int(pictures * outputs["conv1"].nbytes))
    steps, ranking = ranked(network, outputs, "conv1", 0, batch=6)
    assert np.diff([0, *(step.done for step in steps)]).tolist() == sizes
    assert ranking.logit_drop == pytest.approx(plain.logit_drop, abs=1e-5)


def test_a_later_layer_may_be_the_larger_one(monkeypatch):
    spec = Spec((2, 4, 4), (Conv(4, 4), Conv(8, 1, padding=2), Flatten(), Linear(200, 2)))
    network, outputs = ready(spec)
    monkeypatch.setattr(experiments, "MAX_BYTES", 2 * outputs["conv2"].nbytes)
    assert ranked(network, outputs, "conv1", 0)[0] == [Progress(2, 4), Progress(4, 4)]
    monkeypatch.setattr(experiments, "MAX_BYTES", 2 * outputs["fc3"].nbytes)
    assert ranked(network, outputs, "fc3", 0)[0] == [Progress(2, 2)], "layers before it do not count"


MISSING = [
    ({"conv9": [0]}, "no layer named conv9. Layers: conv1, relu1, norm1, pool1, conv2"),
    ({"conv9": []}, "no layer named conv9"),
    ({"input": [0]}, "no layer named input. Layers: conv1"),
    ({"conv1": [8]}, "conv1 has no channel 8. Its channels go from 0 to 7."),
    ({"conv1": [0], "relu1": [-1]}, "relu1 has no channel -1"),
    ({"conv1": [0], "fc4": [1, 4]}, "fc4 has no unit 4. Its units go from 0 to 3."),
]


@pytest.mark.parametrize(("off", "words"), MISSING, ids=str)
def test_what_does_not_exist_is_answered_with_what_does(off, words):
    network, outputs = ready()
    with pytest.raises(UserError) as problem:
        ablate(network, outputs, off)
    assert words in str(problem.value)


def test_there_is_nothing_to_rank():
    network, outputs = ready()
    for layer, class_index, words in (
        ("conv9", 0, "no layer named conv9. Layers: conv1"),
        ("input", 0, "no layer named input. Layers: conv1"),
        ("conv1", 4, "fc4 has no unit 4. Its units go from 0 to 3."),
        ("conv1", -1, "fc4 has no unit -1"),
    ):
        with pytest.raises(UserError) as problem:
            next(rank_channels(network, outputs, layer, class_index))
        assert words in str(problem.value)


@pytest.mark.parametrize("gradients", [False, True])
def test_the_model_and_the_outputs_are_as_before_whatever_is_done(gradients):
    network = filled(weight=2.0).requires_grad_(gradients)
    outputs = activations(network, picture(scale=3.0, batch=2))
    before = condition(network)
    kept = {name: tensor.clone() for name, tensor in outputs.items()}
    for name in NAMES:
        for values in ablate(network, outputs, {name: [0]}).values():
            assert not values.requires_grad
        ranked(network, outputs, name, 0)
        with pytest.raises(UserError):
            ablate(network, outputs, {name: [0, 10**6]})
    ill_fitting = {**outputs, "pool1": outputs["pool1"][:, :2]}
    with pytest.raises(RuntimeError):
        ablate(network, ill_fitting, {"pool1": [0]})
    with pytest.raises(RuntimeError):
        list(rank_channels(network, ill_fitting, "pool1", 0))
    assert condition(network) == before
    assert all(torch.equal(outputs[name], kept[name]) for name in kept)
    assert not any(tensor.requires_grad for tensor in outputs.values())
    assert torch.is_grad_enabled()


def test_between_two_batches_the_caller_has_gradients_and_may_leave():
    network, outputs = ready()
    before = condition(network)
    steps = rank_channels(network, outputs, "conv1", 0, batch=2)
    assert next(steps) == Progress(2, 8)
    assert torch.is_grad_enabled()
    with torch.no_grad():
        next(steps)
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    steps.close()
    assert torch.is_grad_enabled()
    assert condition(network) == before
