"""What excites a channel: the pictures and places that a naive search finds, and the patch that the network saw."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.activations import activations
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.inspection.top_patches import HighestValues, Patch, patch, strongest, top_patches
from alexnet_viz.network.build import random_state, with_weights
from alexnet_viz.network.fields import Box, visible_box
from alexnet_viz.network.spec import Activation, Conv, Linear, Pool, Spec, walk
from alexnet_viz.pictures.images import Preprocess
from tests.inspection.networks import EVERY_KIND, NAMES, condition, filled

PLAIN = Preprocess(size=20, crop=20, mean=(0.0,) * 3, std=(1.0,) * 3)  # values 0..1, black is 0
CROPPED = Preprocess(size=24, crop=20, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))
GRAY = Preprocess(size=20, crop=20, mean=(0.5,), std=(0.5,))
SPEC = EVERY_KIND.at_input(20)
network_of = partial(filled, SPEC)


def brightness_only(spec):
    """Weights above 0 and no biases: a value is above 0 exactly where it sees something that is not black."""
    state = {key: tensor.abs() * key.endswith(".weight") for key, tensor in random_state(spec).items()}
    return with_weights(spec, state)


def noise(count, seed=0):
    """Pictures of several sizes."""
    random = np.random.default_rng(seed)
    return [
        Image.fromarray(random.integers(0, 256, (20 + 3 * i % 11, 20 + 5 * i % 13, 3), dtype=np.uint8))
        for i in range(count)
    ]


def spot(row, column, brightness=255, size=20):
    """Black, one pixel lit."""
    pixels = np.zeros((size, size, 3), np.uint8)
    pixels[row, column] = brightness
    return Image.fromarray(pixels)


def excited(*args, **how):
    *steps, top = top_patches(*args, **how)
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(top, HighestValues)
    return steps, top


@pytest.mark.parametrize("preprocess", [PLAIN, CROPPED])
@pytest.mark.parametrize("name", NAMES)
def test_every_layer_against_a_naive_search(name, preprocess):
    network, pictures = network_of(), noise(5)
    _, top = excited(network, preprocess, pictures, name, batch=2)
    for number, image in enumerate(pictures):
        batch = torch.from_numpy(preprocess.to_array(image))[None]
        maps = activations(network, batch)[name][0]
        for channel, map_ in enumerate(maps.tolist()):
            places = (
                {(0, 0): map_}
                if maps.dim() == 1
                else {(r, c): v for r, row in enumerate(map_) for c, v in enumerate(row)}
            )
            highest = max(places.values())
            row, column = int(top.rows[number, channel]), int(top.columns[number, channel])
            assert top.values[number, channel] == pytest.approx(highest, rel=1e-4, abs=1e-5)
            assert places[row, column] == pytest.approx(highest, rel=1e-4, abs=1e-5)
    assert (top.layer, top.shape) == (name, walk(SPEC).rows[NAMES.index(name)].shape)
    assert top.values.dtype == np.float32
    for array in (top.values, top.rows, top.columns):
        assert array.shape == (5, top.shape[0])


def test_rows_and_columns_of_maps_that_are_not_square():
    """A fully connected layer without a Flatten before it works on each row: 18 rows of 5."""
    network = filled(Spec((3, 20, 20), (Conv(2, 3), Linear(18, 5))))
    image = noise(1)[0]
    _, top = excited(network, PLAIN, [image], "fc2")
    maps = activations(network, torch.from_numpy(PLAIN.to_array(image))[None])["fc2"][0].numpy()
    assert maps.shape == top.shape == (2, 18, 5)
    for channel, place in enumerate(zip(top.rows[0], top.columns[0], strict=True)):
        assert maps[channel][place] == maps[channel].max() == top.values[0, channel]


@settings(max_examples=50)
@given(pixels=st.lists(st.integers(0, 3), min_size=12, max_size=12), pictures=st.integers(1, 3))
def test_the_first_place_of_equals(pixels, pictures):
    """One filter that copies a gray picture of 3 x 4 pixels; brightness in four steps, so there are ties."""
    spec = Spec((1, 3, 4), (Conv(1, 1),))
    network = with_weights(spec, {"features.0.weight": torch.ones(1, 1, 1, 1), "features.0.bias": torch.zeros(1)})
    image = Image.fromarray(np.array(pixels, np.uint8).reshape(3, 4))
    copied = Preprocess(size=3, crop=3, mean=(0.0,), std=(1.0,))
    seen = copied.to_array(image)[0]
    first = min((-seen[r, c], r, c) for r in range(3) for c in range(3))
    _, top = excited(network, copied, [image] * pictures, "conv1")
    for number in range(pictures):
        assert (-top.values[number, 0], top.rows[number, 0], top.columns[number, 0]) == first
    assert [found.picture for found in strongest(top, 0)] == list(range(pictures)), "ties by number"


@pytest.mark.parametrize("name", ["conv1", "pool1", "tanh2", "fc3"])
@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_batches_do_not_matter(name, batch):
    network, pictures = network_of(), noise(7)
    _, expected = excited(network, PLAIN, pictures, name)
    steps, top = excited(network, PLAIN, pictures, name, batch=batch)
    assert top.values == pytest.approx(expected.values, rel=1e-4, abs=1e-6)
    assert np.array_equal(top.rows, expected.rows)
    assert np.array_equal(top.columns, expected.columns)
    assert [step.done for step in steps] == [*range(batch, 7, batch), 7]
    assert {step.of for step in steps} == {7}


def test_pictures_may_be_opened_one_at_a_time():
    pictures, opened = noise(5), []

    class Lazy:
        def __len__(self):
            return len(pictures)

        def __getitem__(self, index):
            opened.append(index)
            return pictures[index]

    network = network_of()
    steps = top_patches(network, PLAIN, Lazy(), "conv1", batch=2)
    next(steps)
    assert opened == [0, 1], "no further than asked"
    *_, top = steps
    assert opened == [0, 1, 2, 3, 4], "each once"
    assert np.array_equal(top.values, excited(network, PLAIN, pictures, "conv1", batch=2)[1].values)


def test_no_pictures_no_steps():
    steps, top = excited(network_of(), PLAIN, [], "conv2")
    assert steps == []
    assert top.values.shape == top.rows.shape == (0, 6)
    assert strongest(top, 5) == []


@pytest.mark.parametrize("name", ["conv1", "relu1", "pool1", "conv2"])
@settings(max_examples=40)
@given(row=st.integers(0, 18), column=st.integers(0, 18))
def test_the_winner_sees_the_bright_spot(name, row, column):
    spec = Spec((3, 20, 20), (Conv(4, 5, stride=2, padding=1), Activation(), Pool(3, 2), Conv(4, 3, padding=1)))
    network = brightness_only(spec)
    _, top = excited(network, PLAIN, [spot(row, column)], name)
    for channel in range(4):
        (found,) = strongest(top, channel)
        assert found.value > 0
        box = visible_box(spec, name, found.row, found.column)
        assert box.top <= row < box.bottom
        assert box.left <= column < box.right
        cut, where = patch(spec, PLAIN, spot(row, column), name, found.row, found.column)
        assert where == box
        assert cut.getpixel((column - box.left, row - box.top)) == (255, 255, 255)
        assert np.asarray(cut).sum() == 3 * 255, "the spot and nothing else"


def table(values):
    values = np.array(values, np.float32)
    rows = np.arange(values.size, dtype=np.int16).reshape(values.shape)
    return HighestValues("conv1", (values.shape[1], 9, 9), values, rows, rows + 100)


def test_best_first_and_equal_ones_by_number():
    top = table([[1, 0], [3, -1], [-2, 0], [3, 5], [1, 0]])
    assert strongest(top, 0, count=4) == [
        Patch(1, 3.0, 2, 102),
        Patch(3, 3.0, 6, 106),
        Patch(0, 1.0, 0, 100),
        Patch(4, 1.0, 8, 108),
    ]
    assert [found.picture for found in strongest(top, 1)] == [3, 0, 2, 4, 1], "values below 0 too"
    assert len(strongest(table(np.zeros((20, 1))), 0)) == 9


@pytest.mark.parametrize(
    ("name", "row", "column"), [("conv1", 0, 0), ("conv1", 8, 4), ("pool1", 2, 1), ("conv2", 3, 0)]
)
@pytest.mark.parametrize("preprocess", [PLAIN, CROPPED])
def test_a_patch_is_cut_from_what_the_network_saw(preprocess, name, row, column):
    image = noise(3)[2].resize((61, 47))
    cut, box = patch(SPEC, preprocess, image, name, row, column)
    assert box == visible_box(SPEC, name, row, column)
    seen = np.asarray(preprocess.cropped(preprocess.resized(image)))
    assert np.array_equal(np.asarray(cut), seen[box.top : box.bottom, box.left : box.right])
    assert cut.size == (box.width, box.height)


@settings(max_examples=50)
@given(data=st.data(), name=st.sampled_from(["conv1", "norm1", "pool1", "conv2", "tanh2"]))
def test_a_patch_holds_every_pixel_that_counts(data, name):
    """With everything outside it replaced by noise, the value stays."""
    network, image = network_of(), noise(1)[0].resize((20, 20))
    channels, height, width = walk(SPEC).rows[NAMES.index(name)].shape
    place = [data.draw(st.integers(0, n - 1)) for n in (channels, height, width)]
    _, box = patch(SPEC, PLAIN, image, name, *place[1:])
    pixels, random = np.asarray(image), np.random.default_rng(1).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    inside = np.zeros((20, 20, 1), np.bool_)
    inside[box.top : box.bottom, box.left : box.right] = True

    def value(array):
        batch = torch.from_numpy(PLAIN.to_array(Image.fromarray(array)))[None]
        return float(activations(network, batch)[name][0][tuple(place)])

    assert value(np.where(inside, pixels, random)) == pytest.approx(value(pixels), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", ["flatten", "drop2", "fc3", "sigmoid3", "fc4"])
def test_a_fully_connected_layer_saw_everything(name):
    image = noise(1)[0]
    cut, box = patch(SPEC, CROPPED, image, name, 0, 0)
    assert box == Box(0, 0, 20, 20)
    assert np.array_equal(np.asarray(cut), np.asarray(CROPPED.cropped(CROPPED.resized(image))))


def test_a_place_in_padding_alone_shows_the_whole_input():
    spec = Spec((3, 20, 20), (Conv(2, 3, padding=3),))
    assert visible_box(spec, "conv1", 0, 0) is None
    cut, box = patch(spec, PLAIN, noise(1)[0], "conv1", 0, 0)
    assert (cut.size, box) == ((20, 20), Box(0, 0, 20, 20))


def test_a_gray_network_saw_gray():
    spec = Spec((1, 20, 20), (Conv(2, 3),))
    image = noise(1)[0]
    cut, box = patch(spec, GRAY, image, "conv1", 4, 5)
    assert (cut.mode, box) == ("RGB", Box(4, 5, 7, 8))
    gray = np.asarray(GRAY.cropped(GRAY.resized(image)))[4:7, 5:8]
    assert np.array_equal(np.asarray(cut), np.stack([gray] * 3, axis=2))


def test_what_does_not_exist_is_answered_with_what_does():
    network, image = network_of(), noise(1)[0]
    with pytest.raises(UserError, match=r"no layer named conv9\. Layers: conv1, relu1"):
        next(top_patches(network, PLAIN, [image], "conv9"))
    with pytest.raises(UserError, match="no layer named input"):
        next(top_patches(network, PLAIN, [image], "input"))
    with pytest.raises(UserError, match="no layer named conv9"):
        patch(SPEC, PLAIN, image, "conv9", 0, 0)
    with pytest.raises(UserError, match="nothing at row 9, column 0"):
        patch(SPEC, PLAIN, image, "conv1", 9, 0)
    _, maps = excited(network, PLAIN, [image], "conv1")
    with pytest.raises(UserError, match=r"conv1 has no channel 8\. Its channels go from 0 to 7\."):
        strongest(maps, 8)
    _, units = excited(network, PLAIN, [image], "fc4")
    with pytest.raises(UserError, match=r"fc4 has no unit -1\. Its units go from 0 to 3\."):
        strongest(units, -1)


@pytest.mark.parametrize("training", [False, True])
def test_the_model_is_as_before_whatever_is_done(training):
    network = network_of().train(training).requires_grad_(training)
    before = condition(network)
    _, top = excited(network, PLAIN, noise(3), "fc4", batch=2)
    expected = excited(network_of(), PLAIN, noise(3), "fc4", batch=2)[1]
    assert np.array_equal(top.values, expected.values), "evaluation mode, whatever the network is in"
    with pytest.raises(AttributeError):  # the second batch is no pictures
        list(top_patches(network, PLAIN, [*noise(2), None, None], "conv2", batch=2))
    assert condition(network) == before
    assert torch.is_grad_enabled()


def test_between_two_batches_the_caller_has_gradients_and_may_leave():
    network = network_of()
    before = condition(network)
    steps = top_patches(network, PLAIN, noise(5), "conv2", batch=2)
    assert next(steps) == Progress(2, 5)
    assert torch.is_grad_enabled()
    with torch.no_grad():
        assert next(steps) == Progress(4, 5)
        assert not torch.is_grad_enabled()
    steps.close()
    assert torch.is_grad_enabled()
    assert condition(network) == before
