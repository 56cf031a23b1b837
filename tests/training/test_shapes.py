"""Shapes-10: the same pictures for the same seed, and shapes that are what their names say."""

import math

import numpy as np
import pytest
import torch

from alexnet_viz.training.shapes import DARK, NOISE, SHAPES, SIDE, draw, shapes10


@pytest.fixture(scope="module")
def dataset():
    return shapes10(train=300, test=100)


def test_what_comes_out(dataset):
    assert dataset.classes == tuple(sorted(SHAPES))
    assert len(dataset.classes) == 10
    for split, count in ((dataset.train, 300), (dataset.test, 100)):
        assert split.images.shape == (count, 3, SIDE, SIDE)
        assert split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64
        assert split.labels.bincount().tolist() == [count // 10] * 10
        assert split.labels.equal(split.labels.sort().values)


def test_counts_that_do_not_divide_are_shared_as_equally_as_they_can_be():
    assert shapes10(train=23, test=0).train.labels.bincount().tolist() == [3, 3, 3, *[2] * 7]
    assert len(shapes10(train=23, test=0).test) == 0


def test_a_seed_repeats_and_another_one_does_not(dataset):
    again, other = shapes10(300, 100), shapes10(300, 100, seed=1)
    assert again.train.images.equal(dataset.train.images)
    assert again.test.images.equal(dataset.test.images)
    assert not other.train.images.equal(dataset.train.images)


def test_no_test_picture_is_a_training_picture(dataset):
    train = {image.numpy().tobytes() for image in dataset.train.images}
    test = {image.numpy().tobytes() for image in dataset.test.images}
    assert len(train) == 300
    assert len(test) == 100
    assert not train & test


def polygon(corners):
    """Inside by counting how often a ray to the right crosses an edge."""

    def inside(x, y):
        crossings = 0
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
                crossings += 1
        return crossings % 2 == 1

    return inside


def around(count, radii):
    """Points around the middle, from the top clockwise (y goes down)."""
    turns = [2 * math.pi * i / count for i in range(count)]
    return [(r * math.sin(t), -r * math.cos(t)) for t, r in zip(turns, radii * count, strict=False)]


INSIDE = {
    "bar": lambda x, y: abs(x) < 1 and abs(y) < 0.3,
    "circle": lambda x, y: x * x + y * y < 0.95**2,
    "crescent": lambda x, y: x * x + y * y < 1 and (x - 0.55) ** 2 + y * y > 0.8**2,
    "cross": lambda x, y: min(abs(x), abs(y)) < 0.27 and max(abs(x), abs(y)) < 1,
    "half_disc": lambda x, y: y > -0.4 and x * x + (y + 0.4) ** 2 < 1,
    "heart": lambda x, y: (
        min(math.dist((x, y), (0.45, -0.35)), math.dist((x, y), (-0.45, -0.35))) < 0.55 or abs(x) + abs(y - 0.1) < 0.9
    ),
    "ring": lambda x, y: 0.6**2 < x * x + y * y < 1,
    "square": polygon([(-0.75, -0.75), (0.75, -0.75), (0.75, 0.75), (-0.75, 0.75)]),
    "star": polygon(around(10, [1, 0.4])),
    "triangle": polygon(around(3, [1])),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_formula_is_negative_inside_only(name):
    across = np.linspace(-1.23, 1.23, 48, dtype=np.float32)  # no value on an edge
    values = SHAPES[name](across[None, :], across[:, None])
    expected = [[INSIDE[name](float(x), float(y)) for x in across] for y in across]
    assert np.array_equal(values < 0, expected)


@pytest.mark.parametrize("name", SHAPES)
def test_the_shape_is_whole_in_the_picture_and_stands_out(name):
    images = draw(SHAPES[name], 50, np.random.default_rng(7)).astype(np.float64) / 255
    border = np.concatenate([images[:, :, 0], images[:, :, -1], images[:, :, :, 0], images[:, :, :, -1]], axis=2)
    background = np.median(border, axis=2)
    lighter = images - background[:, :, None, None]  # (50, 3, SIDE, SIDE)
    # In one channel it is as light as can be, in none darker than the background; five standard deviations of noise.
    shape = lighter.max(1) > 1 - DARK - 5 * NOISE
    assert (shape.mean((1, 2)) > 0.04).all()
    assert (lighter > -5.5 * NOISE).mean() > 0.9999
    assert (np.abs(border - background[:, :, None]) < 5.5 * NOISE).mean() > 0.97
