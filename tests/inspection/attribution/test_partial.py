"""Answers worked out from a band of rows: equal to the whole network's, and only the rows within reach redone."""

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alexnet_viz.inspection.activations import activations
from alexnet_viz.inspection.attribution import partial as partial_module
from alexnet_viz.inspection.attribution.partial import Partial
from alexnet_viz.network.build import channels_last
from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.spec import AdaptivePool, Conv, Flatten, Linear, Pool, Spec, walk
from tests.inspection.networks import condition, filled, specs

MANY = settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])

ALEXNET = read_spec(  # its kernels, strides and paddings, with a few maps each
    "3x67x67_conv4k11s4p2g1_relu_lrn5a1b0.75k2g1_max3s2p0_conv8k5s1p2g2_relu_lrn5a1b0.75k2g2_max3s2p0"
    "_conv6k3s1p1g1_bn_relu_drop0.5_adapt3_flat_fc54-5"
)


def random(*shape, seed=1):
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def replaced(picture, bands, top):
    pictures = picture.repeat(len(bands), 1, 1, 1)
    pictures[:, :, top : top + bands.shape[2]] = bands
    return pictures


def check(network, picture, bands, top, partial=None):
    """The band's answers are those of the whole pictures."""
    answers = (partial or Partial(network, picture)).with_rows(bands, top)
    with torch.no_grad():
        expected = network(replaced(picture, bands, top))
    assert answers.shape == expected.shape
    assert float((answers - expected).abs().max()) <= 1e-5 * max(1.0, float(expected.abs().max()))


def rows_that_differ(one, other):
    return int(((one - other).abs() > 1e-6).sum((0, 1, 3)).count_nonzero())


@MANY
@given(specs(), st.data())
def test_networks_at_random(spec, data):
    assert not walk(spec).errors
    channels, height, width = spec.input
    top = data.draw(st.integers(0, height - 1))
    bands = random(data.draw(st.integers(1, 3)), channels, data.draw(st.integers(1, height - top)), width, seed=2)
    network = filled(spec, data.draw(st.integers(0, 99)))
    used = channels_last(network) if data.draw(st.booleans()) else network
    check(network, random(1, *spec.input), bands, top, Partial(used, random(1, *spec.input)))


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
@pytest.mark.parametrize("height", [1, 9, 67])
def test_every_band_of_one_picture(rounding, height):
    network, picture = filled(replace(ALEXNET, rounding=rounding)), random(1, 3, 67, 67)
    partial = Partial(network, picture)
    for top in range(67 - height + 1):
        check(network, picture, random(2, 3, height, 67, seed=top), top, partial)


def test_logits_are_the_pictures_own():
    network, picture = filled(ALEXNET), random(1, 3, 67, 67)
    partial = Partial(network, picture)
    with torch.no_grad():
        assert torch.equal(partial.logits, network(picture))
    assert torch.allclose(partial.with_rows(picture[:, :, 20:30], 20), partial.logits, rtol=1e-5, atol=1e-5)


def test_an_input_of_another_size_than_the_specs():
    spec = Spec((3, 12, 12), (Conv(4, 3, padding=1), Pool(2, 2), AdaptivePool(3), Flatten(), Linear(36, 2)))
    check(filled(spec), random(1, 3, 21, 15), random(2, 3, 4, 15, seed=2), 17)


def test_rows_that_no_window_reads_change_nothing():
    spec = Spec((1, 10, 10), (Conv(2, kernel=1, stride=5), Flatten(), Linear(8, 2)))  # reads rows 0 and 5
    network, picture = filled(spec), random(1, 1, 10, 10)
    partial = Partial(network, picture)
    for top, height in ((1, 4), (2, 2), (6, 4), (7, 3), (9, 1)):
        bands = random(3, 1, height, 10, seed=2)
        check(network, picture, bands, top, partial)
        assert torch.allclose(partial.with_rows(bands, top), partial.logits.expand(3, -1), atol=1e-6)


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
@pytest.mark.parametrize("top", [0, 10, 33, 58])
def test_exactly_the_rows_that_change_are_redone(rounding, top, monkeypatch):
    network, picture = filled(replace(ALEXNET, rounding=rounding)), random(1, 3, 67, 67)
    bands = random(1, 3, 9, 67, seed=2)
    clean, changed = activations(network, picture), activations(network, replaced(picture, bands, top))
    expected = [rows_that_differ(clean[name], changed[name]) for name in ("conv1", "conv2", "conv3")]
    partial, redone = Partial(network, picture), []
    convolve = torch.nn.functional.conv2d

    def counted(*args, **how):
        output = convolve(*args, **how)
        redone.append(output.shape[2])
        return output

    monkeypatch.setattr(partial_module.F, "conv2d", counted)
    partial.with_rows(bands, top)
    assert redone == expected
    assert redone[0] <= 5 < clean["conv1"].shape[2]


def test_the_network_the_picture_and_the_answers_stay_as_they_were():
    network, picture, bands = filled(ALEXNET), random(1, 3, 67, 67), random(2, 3, 9, 67, seed=2)
    before, pixels, rows = condition(network), picture.clone(), bands.clone()
    partial = Partial(network, picture)
    logits, first = partial.logits.clone(), partial.with_rows(bands, 30)
    partial.with_rows(random(2, 3, 40, 67, seed=3), 5)
    with pytest.raises(RuntimeError):
        partial.with_rows(bands[:, :2], 30)
    assert torch.equal(partial.with_rows(bands, 30), first)
    assert torch.equal(partial.logits, logits)
    assert not first.requires_grad
    assert torch.is_grad_enabled()
    assert torch.equal(picture, pixels)
    assert torch.equal(bands, rows)
    assert condition(network) == before


def test_a_network_in_training_is_refused():
    with pytest.raises(ValueError, match="training mode"):
        Partial(filled(ALEXNET).train(), random(1, 3, 67, 67))
