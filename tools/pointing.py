"""The grid pointing game: does a map point at the picture that shows the class? (Böhle et al. 2021)

    shares = play(model, images, labels, "gradcam", grids=200)    # (grids, 4); a mean of 0.25 is chance

A grid is four pictures of four classes, two by two, each of which the network alone gets right, with more than a given
probability: 90 % as in the paper, or any for a network that is less sure.
The score is the share of a map's positive values that lies in the cell of the class asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.activations import Floats
from alexnet_viz.inspection.attribution.algorithms import CHUNK
from alexnet_viz.inspection.attribution.attribute import attribute, preprocess_of, rectified
from alexnet_viz.network.fields import Box
from alexnet_viz.network.weights import Model

SURE = 0.9  # probability from which a picture may stand in a grid
CELLS = 4

Pictures = NDArray[np.uint8]  # (N, 3, H, W), as datasets hold them


@dataclass(frozen=True)
class Grid:
    """Four pictures of four classes, and where each stands."""

    pictures: tuple[int, ...]  # indices of the pictures, row after row
    targets: tuple[int, ...]  # their classes
    array: Floats  # (C, H, W), the network's input
    boxes: tuple[Box, ...]  # of the cells


def play(
    model: Model,
    images: Pictures,
    labels: Sequence[int],
    method: str,
    *,
    grids: int = 200,
    seed: int = 0,
    sure: float = SURE,
    asked: int = CELLS,
) -> NDArray[np.float64]:
    """The score of every map, (grids, asked), in grids of these pictures (N, 3, H, W) and their class indices.

    `asked` is how many of a grid's four classes the method is asked about: all, as in the paper, or one to save time.
    The same seed makes the same grids.
    """
    scores = []
    for grid in make_grids(model, images, labels, grids, seed, sure):
        heats = [attribute(model, grid.array, method, target=target).heat for target in grid.targets[:asked]]
        scores.append([share_inside(heat, box) for heat, box in zip(heats, grid.boxes, strict=False)])
    return np.array(scores)


def make_grids(
    model: Model, images: Pictures, labels: Sequence[int], grids: int, seed: int, sure: float = SURE
) -> Iterator[Grid]:
    """Seeded grids of pictures that the network gets right.

    Raises `UserError` when the network is sure of pictures of fewer than four classes.
    """
    generator = np.random.default_rng(seed)
    right = _right_pictures(model, images, np.asarray(labels), generator.permutation(len(images)), sure)
    classes = sorted(right)
    if len(classes) < CELLS:
        raise UserError(
            "The network is right and sure above {percent} % in {count} classes of these pictures; a grid needs four. "
            "Use a trained network, or more pictures.",
            percent=round(100 * sure),
            count=len(classes),
        )
    for _ in range(grids):
        targets = [int(target) for target in generator.choice(classes, CELLS, replace=False)]
        chosen = [int(generator.choice(right[target])) for target in targets]
        array, boxes = _assembled(model, [images[index] for index in chosen])
        yield Grid(tuple(chosen), tuple(targets), array, boxes)


def share_inside(heat: Floats, box: Box) -> float:
    """Share of the map's positive values inside the box; 0 where there are none."""
    positive = rectified(heat).astype(np.float64)
    total = float(positive.sum())
    return float(positive[box.top : box.bottom, box.left : box.right].sum()) / total if total else 0.0


def _right_pictures(
    model: Model, images: Pictures, labels: NDArray[np.int64], order: NDArray[np.int64], sure: float
) -> dict[int, list[int]]:
    """Indices by class of the pictures that the network gets right with more than `sure`."""
    preprocess = preprocess_of(model)
    right: dict[int, list[int]] = {}
    for start in range(0, len(order), CHUNK):
        looked = order[start : start + CHUNK]
        batch = np.stack([preprocess.to_array(_image(images[index])) for index in looked])
        with torch.inference_mode():
            probabilities = model.network(torch.from_numpy(batch)).softmax(1).numpy()
        for index, row in zip(looked, probabilities, strict=True):
            label = int(labels[index])
            if row.argmax() == label and row[label] > sure:
                right.setdefault(label, []).append(int(index))
    return right


def _assembled(model: Model, pictures: Sequence[Pictures]) -> tuple[Floats, tuple[Box, ...]]:
    """The grid at the size of the network's input, and its cells. No resizing or cropping after that."""
    _, height, width = model.network.spec.input
    rows, columns = (0, height // 2, height), (0, width // 2, width)
    boxes = tuple(Box(rows[i], columns[j], rows[i + 1], columns[j + 1]) for i in (0, 1) for j in (0, 1))
    canvas = Image.new("RGB", (width, height))
    for picture, box in zip(pictures, boxes, strict=True):
        cell = _image(picture).resize((box.width, box.height), Image.Resampling.BILINEAR)
        canvas.paste(cell, (box.left, box.top))
    preprocess = preprocess_of(model)
    return preprocess.normalised(canvas if len(preprocess.mean) == 3 else canvas.convert("L")), boxes


def _image(picture: Pictures) -> Image.Image:
    """(3, H, W) as an image."""
    return Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0)))
