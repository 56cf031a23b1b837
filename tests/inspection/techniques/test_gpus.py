"""The two streams: colour measured by stream, and a stream switched off."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, local_response_norm, max_pool2d, relu

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.activations import activations
from alexnet_viz.inspection.techniques import gpus
from alexnet_viz.inspection.techniques.gpus import StreamColours, colours, members
from alexnet_viz.network.build import random_state, with_weights
from alexnet_viz.network.zoo import MODELS
from tests.inspection.networks import condition, picture

SPEC = MODELS["alexnet_cifar_2gpu"].spec
BATCH = picture(SPEC, batch=3)


def network_with(conv1=None):
    state = random_state(SPEC)
    if conv1 is not None:
        state["features.0.weight"] = torch.from_numpy(conv1)
    return with_weights(SPEC, state)


def painted(grey_share):
    """conv1 with that share of grey filters in each stream, the rest pure colour: no mean over R, G, B."""
    random = np.random.default_rng(3)
    grey = np.repeat(random.standard_normal((64, 1, 3, 3)), 3, axis=1)
    colour = random.standard_normal((64, 3, 3, 3))
    colour -= colour.mean(axis=1, keepdims=True)
    number = np.arange(64) % 32
    limit = 32 * np.repeat(grey_share, 32)
    return np.where((number < limit)[:, None, None, None], grey, colour).astype(np.float32)


def test_the_papers_figure_3_is_recognised_whichever_stream_has_the_colours():
    found = colours(network_with(painted([1.0, 0.0])))
    assert found.means == pytest.approx([0.0, 1.0], abs=1e-6)
    assert found.coloured.tolist() == [0, 32]
    assert found.verdict == "apart"
    assert found.chance == pytest.approx(1 / (gpus.SPLITS + 1)), "no halving at random does that"
    turned = colours(network_with(painted([0.25, 0.75])))
    assert turned.coloured.tolist() == [24, 8]
    assert turned.verdict == "apart"


def test_a_clear_but_smaller_difference_is_called_partly():
    found = colours(network_with(painted([0.55, 0.95])))
    assert found.coloured.max() < 16
    assert found.chance < gpus.CHANCE
    assert found.verdict == "partly"


def test_random_weights_are_alike():
    found = colours(network_with())
    assert found.shares.shape == (2, 32)
    assert found.verdict == "alike"


def test_chance_is_the_share_of_all_halvings_where_those_can_be_counted():
    shares = np.array([[0.1, 0.2, 0.35, 0.5], [0.3, 0.45, 0.6, 0.9]])
    everything = shares.ravel()
    seen = abs(shares[0].mean() - shares[1].mean())
    halves = [np.isin(np.arange(8), chosen) for chosen in itertools.combinations(range(8), 4)]
    exact = np.mean([abs(everything[half].mean() - everything[~half].mean()) >= seen - 1e-9 for half in halves])
    assert gpus._by_chance(shares) == pytest.approx(exact, abs=0.02)


def test_equal_streams_cannot_be_told_apart():
    same = StreamColours(np.full((2, 5), 0.3), gpus._by_chance(np.full((2, 5), 0.3)))
    assert same.chance == 1.0
    assert same.verdict == "alike"


def test_a_network_without_colours_is_refused():
    lenet = MODELS["lenet5"].spec
    with pytest.raises(ValueError, match="red, green and blue"):
        colours(with_weights(lenet, random_state(lenet)))


@pytest.mark.parametrize(("layer", "channels"), [("conv1", 64), ("conv2", 192), ("conv4", 256), ("fc6", 1024)])
def test_the_streams_are_the_halves_of_a_layer(layer, channels):
    assert members(SPEC, layer, 0) + members(SPEC, layer, 1) == tuple(range(channels))
    assert len(members(SPEC, layer, 0)) == channels // 2


def test_what_does_not_exist_is_refused():
    with pytest.raises(UserError, match="conv1"):
        members(SPEC, "conv9", 0)
    with pytest.raises(ValueError, match="stream 2"):
        members(SPEC, "conv1", 2)


def silenced(network, pictures, layer, stream):
    return gpus.silenced(network, activations(network, pictures), layer, stream)


@pytest.mark.parametrize("stream", [0, 1])
def test_silencing_at_conv1_is_the_forward_pass_with_that_half_zero(stream):
    """By torch's functions alone, each stream computed as a network of its own up to conv3."""
    network, pictures = network_with(), BATCH
    state = network.state_dict()
    halves = []
    for half in (0, 1):
        maps = conv2d(
            pictures, *(state[f"features.0.{part}"][32 * half :][:32] for part in ("weight", "bias")), padding=1
        )
        maps = maps * 0 if half == stream else maps
        maps = max_pool2d(local_response_norm(relu(maps), 5, 1e-4, 0.75, 2.0), 2)
        maps = conv2d(maps, *(state[f"features.4.{part}"][96 * half :][:96] for part in ("weight", "bias")), padding=1)
        halves.append(max_pool2d(local_response_norm(relu(maps), 5, 1e-4, 0.75, 2.0), 2))
    expected = network.features[8:](torch.cat(halves, dim=1))
    expected = network.classifier(expected.flatten(1))
    found = silenced(network, pictures, "conv1", stream)
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-4, atol=1e-6)
    stays = expected.argmax(1) == network(pictures).argmax(1)
    assert gpus.kept(network, activations(network, pictures), "conv1", stream).tolist() == stays.tolist()


def test_a_stream_without_weight_in_what_follows_changes_nothing():
    state = random_state(SPEC)
    state["features.8.weight"][:, :96] = 0  # conv3 does not listen to the first stream
    network = with_weights(SPEC, state)
    assert gpus.kept(network, activations(network, BATCH), "conv2", 0).all()
    plain = network(BATCH).numpy()
    np.testing.assert_allclose(silenced(network, BATCH, "conv1", 0), plain, rtol=1e-5, atol=1e-6)
    assert np.abs(silenced(network, BATCH, "conv1", 1) - plain).max() > 0


def test_the_network_is_left_as_it_was():
    network = network_with()
    before = condition(network)
    colours(network)
    silenced(network, BATCH, "conv4", 1)
    assert condition(network) == before
