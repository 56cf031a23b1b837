"""Shapes-10: ten kinds of coloured shapes on noise, drawn here, so that the training page works without a download.

Each shape is a formula on the plane: negative inside, positive outside, and near the edge about the distance to it in
units of the shape's size. Position, size, angle and colours are drawn at random; the edge is one pixel soft.

A minute on two cores without bf16 is some 3,000 pictures for the network. So the shapes are lighter than what is behind
them: where either could be the lighter one, the same network has learnt almost nothing from so many.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from alexnet_viz.training.datasets import Dataset, Split

NAME = "shapes"
SIDE = 32  # pixels
SIZES = (11.0, 15.0)  # half the shape's extent, pixels
TURN = 0.4  # radians, the most to either side
DARK = 0.3  # of 0..1; in every channel the background is below it and the shape above
NOISE = 0.08  # standard deviation of every value, of 0..1

Floats = NDArray[np.float32]
Formula = Callable[[Floats, Floats], Floats]


def shapes10(train: int = 1_800, test: int = 1_000, seed: int = 0) -> Dataset:
    """Equally many pictures of each kind, give or take one; the same ones for the same seed."""
    return Dataset(
        name=NAME,
        classes=tuple(SHAPES),
        train=_split(train, np.random.default_rng((seed, 0))),
        test=_split(test, np.random.default_rng((seed, 1))),
    )


def _split(count: int, random: np.random.Generator) -> Split:
    """Ordered by class, as a dataset of class folders is."""
    labels = np.sort(np.arange(count) % len(SHAPES))
    images = [draw(formula, int((labels == number).sum()), random) for number, formula in enumerate(SHAPES.values())]
    return Split(torch.from_numpy(np.concatenate(images)), torch.from_numpy(labels.astype(np.int64)))


def draw(formula: Formula, count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Pictures of one kind of shape, (count, 3, SIDE, SIDE)."""

    def uniform(low: float, high: float) -> Floats:
        return random.uniform(low, high, (count, 1, 1)).astype(np.float32)

    size, angle = uniform(*SIZES), uniform(-TURN, TURN)
    room = np.maximum(SIDE / 2 - size, 0)  # so far from the middle that the shape is not cut off
    pixel = np.arange(SIDE, dtype=np.float32) + (0.5 - SIDE / 2)  # its centre, from the picture's middle
    x = (pixel[None, None, :] - uniform(-1, 1) * room) / size  # (count, 1, SIDE)
    y = (pixel[None, :, None] - uniform(-1, 1) * room) / size  # (count, SIDE, 1)
    turned_x = np.cos(angle) * x + np.sin(angle) * y  # (count, SIDE, SIDE)
    turned_y = np.cos(angle) * y - np.sin(angle) * x
    cover = np.clip(0.5 - formula(turned_x, turned_y) * size, 0, 1)[:, None]  # share of the pixel that is shape
    background, colour = _colours(count, random)
    pixels = background + cover * (colour - background)
    pixels += NOISE * random.standard_normal(pixels.shape, dtype=np.float32)
    return np.asarray(np.rint(pixels.clip(0, 1) * 255), np.uint8)


def _colours(count: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Background and shape, (count, 3, 1, 1) each; one channel of the shape is as light as can be."""
    background = random.uniform(0, DARK, (count, 3)).astype(np.float32)
    colour = random.uniform(DARK, 1, (count, 3)).astype(np.float32)
    colour[np.arange(count), random.integers(0, 3, count)] = 1
    return background[..., None, None], colour[..., None, None]


# The formulas. x and y are turned and scaled: a shape reaches to about 1 from the middle.


def _disc(x: Floats, y: Floats, radius: float) -> Floats:
    return np.asarray(np.hypot(x, y) - radius)


def _box(x: Floats, y: Floats, half_width: float, half_height: float) -> Floats:
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def _polygon(x: Floats, y: Floats, corners: int, inner: float) -> Floats:
    """Corners at distance 1 from the middle, and between each two an edge whose middle is `inner` away."""
    half_sector = math.pi / corners
    angle = np.abs(np.mod(np.arctan2(x, -y) + half_sector, 2 * half_sector) - half_sector)  # 0 towards a corner
    radius = np.hypot(x, y)
    # The edge goes from the corner (1, 0) to the point `inner` away at half a sector; its normal points outwards.
    along = np.array([inner * math.cos(half_sector) - 1, inner * math.sin(half_sector)])
    normal = (np.array([along[1], -along[0]]) / np.hypot(*along)).astype(np.float32)
    return np.asarray((radius * np.cos(angle) - 1) * normal[0] + radius * np.sin(angle) * normal[1])


def _heart(x: Floats, y: Floats) -> Floats:
    """Two discs beside each other on a square that stands on its corner."""
    aside = np.asarray(np.abs(x), np.float32)
    tip = (aside + np.abs(y - 0.1) - 0.9) * math.sqrt(0.5)
    return np.asarray(np.minimum(_disc(aside - np.float32(0.45), y + 0.35, 0.55), tip))


SHAPES: Mapping[str, Formula] = {  # in alphabetical order, as class folders are
    "bar": lambda x, y: _box(x, y, 1.0, 0.3),
    "circle": lambda x, y: _disc(x, y, 0.95),
    "crescent": lambda x, y: np.maximum(_disc(x, y, 1.0), -_disc(x - 0.55, y, 0.8)),
    "cross": lambda x, y: np.minimum(_box(x, y, 1.0, 0.27), _box(x, y, 0.27, 1.0)),
    "half_disc": lambda x, y: np.maximum(_disc(x, y + 0.4, 1.0), -y - 0.4),  # the flat side a little above the middle
    "heart": _heart,
    "ring": lambda x, y: np.maximum(_disc(x, y, 1.0), -_disc(x, y, 0.6)),
    "square": lambda x, y: _box(x, y, 0.75, 0.75),
    "star": lambda x, y: _polygon(x, y, 5, 0.4),
    "triangle": lambda x, y: _polygon(x, y, 3, 0.5),
}
