"""Kernels and what is measured of them: against gratings drawn to order, and sums written out."""

from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_viz.errors import UserError
from alexnet_viz.inspection import filters
from alexnet_viz.network.spec import LRN, Activation, BatchNorm, Conv, Dropout, Flatten, Linear, Spec, kernel_layers
from alexnet_viz.network.weights import load_model
from alexnet_viz.network.zoo import MODELS
from tests.inspection.networks import filled

GREY = (1.0, 1.0, 1.0)
SMALL = Spec(
    (3, 9, 9),
    (
        *(Conv(8, kernel=5), BatchNorm(), Activation(), LRN(groups=2)),
        *(Conv(6, kernel=3, padding=1, groups=2), Dropout(), Flatten(), Linear(150, 4)),
    ),
)


def gabor(angle, frequency, phase=0.0, width=2.5, side=11, colour=GREY):
    """(1, C, side, side): stripes turned counter-clockwise from horizontal by so many degrees, under a Gaussian."""
    turned = np.radians(angle)
    row, column = np.mgrid[:side, :side] - (side - 1) / 2
    across = -row * np.cos(turned) - column * np.sin(turned)  # at right angles to (cos, sin), the stripes' direction
    drawn = np.cos(2 * np.pi * frequency * across + phase) * np.exp(-(row**2 + column**2) / (2 * width**2))
    return (np.array(colour)[:, None, None] * drawn)[None].astype(np.float32)


def blob(width=2.0, side=11, colour=GREY, centre=(0.0, 0.0)):
    row, column = np.mgrid[:side, :side] - (side - 1) / 2
    drawn = np.exp(-((row - centre[0]) ** 2 + (column - centre[1]) ** 2) / (2 * width**2))
    return (np.array(colour)[:, None, None] * drawn)[None].astype(np.float32)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def apart(first, second):
    """Between two orientations, in degrees."""
    return abs((first - second + 90) % 180 - 90)


def test_convolutions_come_first_then_fully_connected_layers():
    assert kernel_layers(MODELS["alexnet_2012"].spec) == (
        *("conv1", "conv2", "conv3", "conv4", "conv5"),
        *("fc6", "fc7", "fc8"),
    )
    assert kernel_layers(SMALL) == ("conv1", "conv2", "fc3")
    assert kernel_layers(Spec((3, 8, 8), (Linear(8, 4), Conv(2, 3)))) == ("conv2", "fc1")
    assert kernel_layers(Spec((3, 8, 8), (Activation(),))) == ()


def test_kernels_are_copies_of_the_weights():
    network = filled(SMALL)
    for name, key, shape in (
        ("conv1", "features.0.weight", (8, 3, 5, 5)),
        ("conv2", "features.4.weight", (6, 4, 3, 3)),
        ("fc3", "classifier.0.weight", (4, 150)),
    ):
        before = network.state_dict()[key].clone()
        weights = filters.kernels(network, name)
        assert (weights.shape, weights.dtype) == (shape, np.float32)
        assert np.array_equal(weights, before.numpy())
        weights[...] = 7
        assert torch.equal(network.state_dict()[key], before)
    assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("relu1", "relu1 has no kernels. Layers that have: conv1, conv2, fc3."),
        ("bn1", "bn1 has no kernels."),
        ("conv9", "There is no layer named conv9. Layers: conv1, bn1"),
    ],
)
def test_a_layer_without_kernels_is_answered_with_those_that_have_some(name, words):
    with pytest.raises(UserError) as problem:
        filters.kernels(filled(SMALL), name)
    assert words in str(problem.value)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("alexnet_2012", [2, 2, 2, 2, 2, 1, 1, 1]),  # the paper's figure 2: every convolution is half on either GPU
        ("alexnet_single", [1, 1, 1, 1, 1, 1, 1, 1]),
        ("alexnet_200", [1, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_streams(model, expected):
    spec = MODELS[model].spec
    assert [filters.streams(spec, name) for name in kernel_layers(spec)] == expected
    assert [name for name in kernel_layers(spec) if filters.sees_rgb(spec, name)] == ["conv1"]


def test_streams_are_those_of_the_layer_itself_or_of_the_next_one():
    spec = Spec((3, 9, 9), (Conv(4, 1), Activation(), Conv(4, 1), Conv(4, 1, groups=4), LRN(groups=2), Conv(4, 1)))
    assert [filters.streams(spec, name) for name in kernel_layers(spec)] == [1, 4, 4, 1]


def test_red_green_and_blue_are_seen_only_by_whole_filters_of_the_picture():
    assert not filters.sees_rgb(MODELS["lenet5"].spec, "conv1")  # one channel
    assert not filters.sees_rgb(Spec((3, 8, 8), (Conv(3, 3, groups=3),)), "conv1")  # one colour each
    assert not filters.sees_rgb(Spec((3, 8, 8), (Conv(3, 3), Conv(3, 3))), "conv2")  # three channels, no colours
    assert not filters.sees_rgb(Spec((3, 8, 8), (Flatten(), Linear(192, 3))), "fc1")


@pytest.mark.parametrize(
    ("rows", "angle"),
    [
        (["++++", "----", "++++", "----"], 0),
        (["+-+-", "+-+-", "+-+-", "+-+-"], 90),
        (["-0+0", "0+0-", "+0-0", "0-0+"], 45),  # the plus signs rise to the right
        (["0+0-", "-0+0", "0-0+", "+0-0"], 135),
    ],
)
def test_the_convention_drawn_by_hand(rows, angle):
    kernel = np.array([[{"+": 1, "-": -1, "0": 0}[sign] for sign in row] for row in rows], np.float32)[None, None]
    assert apart(filters.statistics(kernel).orientation[0], angle) < 0.1
    assert filters.statistics(kernel).selectivity[0] > 0.5


COLOURS = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda colour: max(map(abs, colour)) > 0.1)


@settings(max_examples=150)
@given(st.floats(0, 180), st.floats(0.15, 0.4), st.floats(0, 2 * np.pi), st.floats(2, 3.5), COLOURS)
def test_gratings_are_read_back(angle, frequency, phase, width, colour):
    measured = filters.statistics(gabor(angle, frequency, phase, width, colour=colour))
    degrees, share = (3, 0.1) if frequency < 0.2 else (1, 0.03)  # a bin of the spectrum is 3 degrees wide there
    assert apart(measured.orientation[0], angle) < degrees
    assert 0 <= measured.orientation[0] < 180
    assert measured.frequency[0] == pytest.approx(frequency, rel=share)
    assert 0.5 < measured.selectivity[0] <= 1


@settings(max_examples=50)
@given(st.floats(0, 180), st.floats(0.2, 0.4), st.integers(2, 40), st.integers(0, 9))
def test_a_grating_over_many_channels_is_read_back(angle, frequency, channels, seed):
    """Each channel with a weight, a phase and an offset of its own, as in conv2."""
    random = np.random.default_rng(seed)
    drawn = [gabor(angle, frequency, random.uniform(0, 7), 1.8, side=7, colour=[1.0])[0, 0] for _ in range(channels)]
    kernel = np.array(drawn)[None] * random.normal(size=(1, channels, 1, 1)).astype(np.float32)
    measured = filters.statistics(kernel)
    assert apart(measured.orientation[0], angle) < 5
    assert measured.frequency[0] == pytest.approx(frequency, rel=0.1)
    buried = filters.statistics(kernel + random.normal(size=(1, channels, 1, 1)).astype(np.float32) * 3)
    assert apart(buried.orientation[0], measured.orientation[0]) < 1e-3, "the mean has no say in it"
    assert buried.frequency[0] == 0


def test_an_orientation_is_below_180_degrees():
    for step in range(-40, 41):
        assert 0 <= filters._stripes(0.25, step * 1e-17) < 180
        assert apart(filters._stripes(0.25, step * 1e-17), 0) < 1e-9


def sector_power(kernel, side):
    """The share of the power near the strongest grating, bin by bin from the definition of the transform."""
    kernel = kernel - kernel.mean(axis=(1, 2), keepdims=True)
    k = kernel.shape[-1]
    wave = np.exp(-2j * np.pi * np.outer(np.arange(side), np.arange(k)) / side)
    power = sum(np.abs(wave @ channel @ wave.T) ** 2 for channel in kernel)
    whole = [n if n < side / 2 else n - side for n in range(side)]
    stripes = {
        (r, c): (np.degrees(np.arctan2(-whole[r], whole[c])) + 90) % 180 for r in range(side) for c in range(side)
    }
    best = max(stripes, key=lambda place: power[place])
    near = sum(power[place] for place, angle in stripes.items() if apart(angle, stripes[best]) <= 22.5)
    return stripes[best], near / power.sum()


@pytest.mark.parametrize(("channels", "side"), [(1, 5), (3, 7), (40, 3), (20, 5)])
def test_selectivity_is_the_share_of_the_power_near_the_strongest_grating(channels, side):
    for seed in range(4):
        kernel = (noise(channels, side, side, seed=seed) + gabor(30 * seed, 0.3, side=side, colour=[1.0])[0]) + 0.5
        angle, share = sector_power(kernel.astype(np.float64), 8 * side)
        measured = filters.statistics(kernel[None])
        assert measured.selectivity[0] == pytest.approx(share, abs=0.04)  # its sector is around the refined peak
        assert np.isnan(measured.orientation[0]) or apart(measured.orientation[0], angle) < 8
        assert np.isnan(measured.orientation[0]) == (measured.selectivity[0] < 0.5)


@settings(max_examples=60)
@given(st.floats(0.5, 2.5), COLOURS, st.tuples(st.floats(-3, 3), st.floats(-3, 3)))
def test_a_blob_has_neither_frequency_nor_orientation(width, colour, centre):
    measured = filters.statistics(blob(width, colour=colour, centre=centre))
    assert measured.frequency[0] == 0
    assert np.isnan(measured.orientation[0])


def test_a_bar_has_an_orientation_but_no_frequency():
    bar = np.zeros((1, 1, 11, 11), np.float32)
    bar[..., 5] = 1
    measured = filters.statistics(bar)
    assert apart(measured.orientation[0], 90) < 0.5
    assert measured.frequency[0] == 0


def test_a_spot_with_a_surround_has_a_frequency_but_no_orientation():
    measured = filters.statistics(blob(1.0) - 0.25 * blob(2.0))
    assert 0.05 < measured.frequency[0] < 0.25
    assert np.isnan(measured.orientation[0])


def test_noise_has_no_orientation():
    assert np.isnan(filters.statistics(noise(100, 64, 5, 5)).orientation).all()
    assert np.isnan(filters.statistics(noise(100, 3, 11, 11)).orientation).all()


@pytest.mark.parametrize("kernel", [np.zeros((2, 3, 5, 5)), np.full((2, 3, 5, 5), 0.1), noise(2, 9, 1, 1), noise(2, 9)])
def test_kernels_without_any_variation(kernel):
    measured = filters.statistics(kernel.astype(np.float32))
    assert np.isnan(measured.orientation).all()
    assert measured.frequency.tolist() == measured.selectivity.tolist() == [0, 0]


def test_stripes_in_a_single_column_are_no_error():
    """Their power is the same along a whole row of the spectrum, where a peak cannot be placed."""
    kernel = np.zeros((1, 1, 4, 4), np.float32)
    kernel[0, 0, :, 0] = [1, -1, 1, -1]
    assert 0.4 < filters.statistics(kernel).frequency[0] <= 0.5 * 2**0.5


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(1, 4), st.sampled_from([(), (1, 1), (3, 3)]), st.integers(0, 99))
def test_norm_mean_and_group(count, channels, window, seed):
    weights = noise(count, channels, *window, seed=seed)
    measured = filters.statistics(weights)
    for number, kernel in enumerate(weights.astype(float)):
        assert measured.norm[number] == pytest.approx(sum(w * w for w in kernel.flat) ** 0.5)
        assert measured.mean[number] == pytest.approx(sum(kernel.flat) / kernel.size, abs=1e-9)
    assert measured.group.tolist() == [0] * count
    assert {len(getattr(measured, field.name)) for field in fields(measured)} == {count}


def test_colour_is_what_is_left_without_grey():
    weights = np.concatenate(
        [
            gabor(30, 0.2),
            gabor(30, 0.2, colour=(1, -1, 0)),
            blob(colour=(1, 0, 0)),  # grey is 1/3 in each channel: a third of the energy
            np.zeros((1, 3, 11, 11), np.float32),
        ]
    )
    assert filters.statistics(weights, rgb=True).colour == pytest.approx([0, 1, 2 / 3, 0], abs=1e-6)
    assert np.isnan(filters.statistics(weights).colour).all()


def test_dead_filters_are_far_below_the_median():
    weights = noise(9, 3, 5, 5)
    weights[2] = 0
    weights[4] *= 0.05
    weights[6] *= 0.2
    assert np.flatnonzero(filters.statistics(weights).dead).tolist() == [2, 4]
    assert filters.statistics(np.zeros((3, 3, 5, 5), np.float32)).dead.all()


def first_alike(weights, groups):
    """Pair by pair, in double precision."""
    flat = weights.reshape(len(weights), -1).astype(float)
    size = len(weights) // groups
    found = []
    for i in range(len(flat)):
        lengths = [np.linalg.norm(flat[i]) * np.linalg.norm(flat[j]) for j in range(i)]
        alike = [
            j for j in range(i) if i // size == j // size and lengths[j] and abs(flat[i] @ flat[j]) >= 0.95 * lengths[j]
        ]
        found.append(alike[0] if alike else -1)
    return found


def test_duplicates_by_hand():
    weights = noise(8, 3, 5, 5)
    weights[1] = weights[0]
    weights[2] = -3 * weights[0]  # the sign and the length do not matter
    weights[5] = weights[0]  # in the other group
    weights[6] = weights[7] = 0  # zeros have no direction
    assert filters.statistics(weights).duplicate_of.tolist() == [-1, 0, 0, -1, -1, 0, -1, -1]
    assert filters.statistics(weights, groups=2).duplicate_of.tolist() == [-1, 0, 0, -1, -1, -1, -1, -1]
    assert filters.statistics(weights, groups=2).group.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


@settings(max_examples=40)
@given(st.integers(2, 40), st.sampled_from([3, 40, 700]), st.sampled_from([1, 2]), st.integers(0, 99), st.data())
def test_duplicates_pair_by_pair(half, inputs, groups, seed, data):
    """Copies with noise on them, around and beyond the threshold; 700 inputs are sketched first; pieces of 7."""
    random = np.random.default_rng(seed)
    weights = noise(2 * half, inputs, seed=seed)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    for _ in range(half):
        source, target = random.integers(2 * half, size=2)
        disturbance = noise(inputs, seed=int(random.integers(1000)))
        disturbance *= data.draw(st.sampled_from([0, 0.1, 0.3, 0.36, 0.5])) / np.linalg.norm(disturbance)
        weights[target] = random.choice([-1, 1]) * (weights[source] + disturbance)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filters, "_CHUNK", 7)
        found = filters.statistics(weights, groups).duplicate_of
    assert found.tolist() == first_alike(weights, groups)


@pytest.mark.parametrize("scale", [1e37, 1e-40])
def test_extreme_weights_are_measured(scale):
    weights = noise(4, 3, 3, 3) * 2
    weights[3] = weights[0]
    plain, measured = (
        filters.statistics(weights, rgb=True),
        filters.statistics((weights * np.float64(scale)).astype(np.float32), rgb=True),
    )
    assert measured.norm == pytest.approx(plain.norm * scale, rel=1e-3)
    assert measured.colour == pytest.approx(plain.colour, rel=1e-3)
    assert measured.frequency == pytest.approx(plain.frequency, rel=1e-3)
    assert measured.duplicate_of.tolist() == plain.duplicate_of.tolist() == [-1, -1, -1, 0]


def test_statistics_are_frozen_and_leave_the_kernels_alone():
    weights = noise(4, 3, 5, 5)
    before = weights.copy()
    measured = filters.statistics(weights, rgb=True)
    (
        filters.rgb_tiles(weights),
        filters.input_norm(weights),
        filters.matched_limit(weights, weights),
        filters.cosine(weights, weights),
    )
    filters.input_slice(weights, 1)[...] = 0
    assert np.array_equal(weights, before)
    with pytest.raises(FrozenInstanceError):
        measured.norm = measured.mean


def seven():
    """Seven filters: four orientations, a coloured blob, a faint one, a copy."""
    drawn = [gabor(angle, frequency) for angle, frequency in ((90, 0.2), (0, 0.4), (135, 0.3), (45, 0.15))]
    drawn += [2 * blob(colour=(1, -1, 0)), 0.01 * gabor(0, 0.25), -0.9 * gabor(90, 0.2)]
    return filters.statistics(np.concatenate([drawn[i] / (1 + i / 100) for i in range(7)]), rgb=True)


def test_orders():
    measured = seven()
    found = {by: filters.order(measured, by).tolist() for by in filters.ORDERS}
    assert found["number"] == [0, 1, 2, 3, 4, 5, 6]
    assert (found["norm"][0], found["norm"][-1]) == (4, 5)
    assert found["orientation"] == [*sorted([0, 1, 2, 3, 5, 6], key=lambda i: measured.orientation[i]), 4]
    assert found["frequency"] == sorted(range(7), key=lambda i: measured.frequency[i])
    assert found["frequency"][:2] == [4, 3]
    assert found["colour"][0] == 4


def test_equals_keep_their_order_and_what_has_no_value_comes_last():
    measured = replace(
        seven(),
        orientation=np.array([90, np.nan, 0, 90, np.nan, 0, 90]),
        norm=np.array([1.0, 2, 2, 1, 3, 1, 2]),
        colour=np.full(7, np.nan),
    )
    assert filters.order(measured, "orientation").tolist() == [2, 5, 0, 3, 6, 1, 4]
    assert filters.order(measured, "norm").tolist() == [4, 1, 2, 6, 0, 3, 5]
    assert filters.order(measured, "colour").tolist() == [0, 1, 2, 3, 4, 5, 6]


def parts(measured, by):
    return [(group, members.tolist()) for group, members in filters.grouped(measured, by)]


def test_groups():
    measured = seven()
    assert parts(measured, "orientation") == [
        ("horizontal", [1, 5]),
        ("diagonal up", [3]),
        ("vertical", [0, 6]),
        ("diagonal down", [2]),
        ("none", [4]),
    ]
    assert parts(measured, "colour") == [("colour", [4]), ("grey", [0, 1, 2, 3, 5, 6])]
    assert parts(measured, "state") == [("dead", [5]), ("duplicate", [6]), ("distinct", [0, 1, 2, 3, 4])]
    assert parts(measured, "stream") == [("0", [0, 1, 2, 3, 4, 5, 6])]
    assert parts(replace(measured, group=np.arange(7) // 4), "stream") == [("0", [0, 1, 2, 3]), ("1", [4, 5, 6])]
    assert parts(replace(measured, colour=np.full(7, np.nan)), "colour") == [("none", [0, 1, 2, 3, 4, 5, 6])]


@pytest.mark.parametrize(
    ("angle", "group"),
    [
        *((0, "horizontal"), (22.4, "horizontal"), (22.5, "diagonal up"), (67.4, "diagonal up"), (67.5, "vertical")),
        *((112.4, "vertical"), (112.5, "diagonal down"), (157.4, "diagonal down"), (157.5, "horizontal")),
        *((179.9, "horizontal"), (np.nan, "none")),
    ],
)
def test_orientations_fall_into_sectors_of_45_degrees(angle, group):
    assert parts(replace(seven(), orientation=np.full(7, angle)), "orientation") == [(group, list(range(7)))]


def test_a_dead_copy_counts_as_dead():
    measured = replace(seven(), dead=np.arange(7) == 6)
    assert measured.duplicate_of[6] == 0
    assert parts(measured, "state") == [("dead", [6]), ("distinct", [0, 1, 2, 3, 4, 5])]


@pytest.mark.parametrize("by", filters.GROUPINGS)
@pytest.mark.parametrize("weights", [noise(12, 3, 5, 5), np.zeros((12, 3, 5, 5), np.float32), noise(12, 30)], ids=len)
def test_every_filter_is_in_one_group(by, weights):
    found = filters.grouped(filters.statistics(weights, groups=2, rgb=weights.ndim == 4), by)
    assert sorted(np.concatenate([members for _, members in found]).tolist()) == list(range(12))
    assert all(len(members) for _, members in found)


def test_tiles_show_zero_as_mid_grey_and_the_extreme_as_black_or_white():
    weights = np.zeros((3, 3, 2, 2), np.float32)
    weights[0, 0, 0, 1] = 0.5  # red, top right
    weights[0, 2, 1, 0] = -0.25  # blue, bottom left
    weights[1, 1, 0, 0] = -2
    tiles = filters.rgb_tiles(weights)
    assert (tiles.shape, tiles.dtype) == ((3, 2, 2, 3), np.uint8)
    assert tiles[0].tolist() == [[[128, 128, 128], [255, 128, 128]], [[128, 128, 64], [128, 128, 128]]]
    assert tiles[1, 0, 0].tolist() == [128, 0, 128]
    assert (tiles[2] == 128).all()
    layer = filters.rgb_tiles(weights, "layer")
    assert layer[0, 0, 1, 0] == 159  # 127.5 + 127.5 / 4, rounded
    assert layer[1, 0, 0, 1] == 0
    assert filters.rgb_tiles(weights, 0.25)[0].tolist() == [
        [[128, 128, 128], [255, 128, 128]],
        [[128, 128, 0], [128, 128, 128]],
    ]


def test_two_checkpoints_share_a_limit():
    first, second = noise(4, 3, 3, 3), 3 * noise(4, 3, 3, 3, seed=1)
    limit = filters.matched_limit(first, second)
    assert limit == max(abs(float(w)) for w in [*first.flat, *second.flat]) == filters.matched_limit(second, first)
    assert limit == np.abs(second).max()
    assert np.array_equal(filters.rgb_tiles(second, limit), filters.rgb_tiles(second, "layer"))
    both = filters.rgb_tiles(np.concatenate([first, second]), "layer")
    assert np.array_equal(filters.rgb_tiles(first, limit), both[:4])


def test_only_three_channels_are_shown_in_colour():
    with pytest.raises(UserError, match="these see 64 channels"):
        filters.rgb_tiles(noise(2, 64, 3, 3))


def test_slices_and_norms_of_the_input_channels():
    weights = noise(5, 4, 3, 3)
    assert np.array_equal(filters.input_slice(weights, 2), weights[:, 2])
    norms = filters.input_norm(weights)
    assert (norms.shape, norms.dtype) == ((5, 3, 3), np.float32)
    for number, row, column in np.ndindex(norms.shape):
        expected = sum(float(weights[number, c, row, column]) ** 2 for c in range(4)) ** 0.5
        assert norms[number, row, column] == pytest.approx(expected)
    for channel in (4, -1):
        with pytest.raises(UserError, match=rf"no input channel {channel}. Input channels go from 0 to 3"):
            filters.input_slice(weights, channel)


@pytest.mark.parametrize("shape", [(6, 3, 5, 5), (6, 40)])
def test_correlation_of_filters_of_the_same_number(shape):
    first, second = noise(*shape), noise(*shape, seed=1)
    second[0], second[1], second[2] = 4 * first[0], -first[1], 0
    found = filters.cosine(first, second)
    assert found[:2] == pytest.approx([1, -1])
    assert np.isnan(found[2])
    for number in range(3, 6):
        a, b = first[number].ravel().astype(float), second[number].ravel().astype(float)
        assert found[number] == pytest.approx(np.corrcoef(np.append(a, -a), np.append(b, -b))[0, 1])


def test_layers_of_different_shape_are_not_correlated():
    with pytest.raises(UserError, match=r"these are 64x3x11x11 and 96x3x11x11"):
        filters.cosine(noise(64, 3, 11, 11), noise(96, 3, 11, 11))


def test_figure_3_of_the_shipped_network():
    network = load_model("alexnet_200").network
    weights = filters.kernels(network, "conv1")
    measured = filters.statistics(
        weights, filters.streams(network.spec, "conv1"), filters.sees_rgb(network.spec, "conv1")
    )
    assert weights.shape == (64, 3, 11, 11)
    members = dict(filters.grouped(measured, "colour"))
    assert set(members) == {"colour", "grey"}
    assert min(map(len, members.values())) > 10
    # "frequency- and orientation-selective kernels, as well as various colored blobs" (section 6.1)
    assert np.isfinite(measured.orientation[members["grey"]]).mean() > 0.6
    assert measured.frequency[members["grey"]].mean() > 1.5 * measured.frequency[members["colour"]].mean()
    assert {name for name, _ in filters.grouped(measured, "orientation")} == {
        *("horizontal", "diagonal up", "vertical", "diagonal down", "none")
    }
