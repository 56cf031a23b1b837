"""Which pictures excite a channel most, and where in them.

for step in top_patches(model.network, model.entry.preprocess, pictures, "conv3"):
    ...                                                # Progress, Progress, ..., HighestValues
for found in strongest(highest, channel=42):        # the best nine
    patch(spec, preprocess, pictures[found.picture], "conv3", found.row, found.column)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from alexnet_viz.inspection.activations import output_of
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.network.build import Network, view
from alexnet_viz.network.fields import Box, check_channel, check_layer, visible_box
from alexnet_viz.network.spec import Shape, Spec, walk
from alexnet_viz.pictures.images import Preprocess


class Pictures(Protocol):
    """A list of pictures, or whatever opens them one at a time."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Image.Image: ...


@dataclass(frozen=True)
class HighestValues:
    """The highest value of each channel's map in each picture, and its place, the first one of equals.

    P pictures, C channels or units. The units of a vector stand at row 0 and column 0.
    """

    layer: str
    shape: Shape  # of the layer's output for one picture, (C, H, W) or (C,)
    values: NDArray[np.float32]  # (P, C)
    rows: NDArray[np.int16]  # (P, C), in the layer's map
    columns: NDArray[np.int16]  # (P, C)


@dataclass(frozen=True)
class Patch:
    """A picture that excites a channel, and the place of its highest value in the layer's map."""

    picture: int
    value: float
    row: int
    column: int


def top_patches(
    network: Network, preprocess: Preprocess, pictures: Pictures, layer: str, *, batch: int = 16
) -> Iterator[Progress | HighestValues]:
    """Every picture through the network up to a layer, its highest values kept.

    A `Progress` after each batch, in pictures, then the `HighestValues`. No more than `batch` pictures are open at
    once. Raises `UserError`, at the first step, for a layer that does not exist.
    """
    shapes = {row.name: row.shape for row in walk(network.spec).rows}
    check_layer(layer, list(shapes))
    private = view(network)  # evaluation mode, no gradients, whatever the network's
    shape = shapes[layer]
    values = np.zeros((len(pictures), shape[0]), np.float32)
    rows, columns = np.zeros((2, *values.shape), np.int16)
    for start in range(0, len(pictures), batch):
        end = min(start + batch, len(pictures))
        arrays = [preprocess.to_array(pictures[i]) for i in range(start, end)]
        maps = output_of(private, torch.from_numpy(np.stack(arrays)), layer)
        values[start:end], rows[start:end], columns[start:end] = _highest(maps)
        yield Progress(end, len(pictures))
    yield HighestValues(layer, shape, values, rows, columns)


def strongest(highest: HighestValues, channel: int, count: int = 9) -> list[Patch]:
    """The pictures with the highest values of a channel, best first, equal ones by number.

    All kinds of values: after a ReLU, one of 0 means that the channel found nothing in that picture. Raises `UserError`
    for a channel that does not exist.
    """
    check_channel(highest.layer, highest.shape, channel)
    order = np.argsort(-highest.values[:, channel], kind="stable")[:count]
    found = (array[order, channel].tolist() for array in (highest.values, highest.rows, highest.columns))
    return [Patch(*fields) for fields in zip(order.tolist(), *found, strict=True)]


def patch(
    spec: Spec, preprocess: Preprocess, image: Image.Image, layer: str, row: int, column: int
) -> tuple[Image.Image, Box]:
    """The part of a picture that one value depends on, as the network saw it, and where in the network's input it lies.

    Resized and cropped as the preprocessing says; gray where the network is. The whole input for a layer whose values
    see all of it, and for a place that sees padding alone. Raises `UserError` for a layer or place that does not exist.
    """
    seen = preprocess.from_array(preprocess.to_array(image))
    box = visible_box(spec, layer, row, column) or Box(0, 0, seen.height, seen.width)
    return seen.crop((box.left, box.top, box.right, box.bottom)), box


def _highest(maps: Tensor) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.intp]]:
    """Highest values, their rows and columns, each (B, C), of (B, C, H, W) or (B, C)."""
    flat: NDArray[np.float32] = maps.reshape(*maps.shape[:2], -1).numpy()
    places = flat.argmax(axis=2)
    rows, columns = np.divmod(places, maps.shape[-1] if maps.dim() == 4 else 1)
    return np.take_along_axis(flat, places[..., None], axis=2)[..., 0], rows, columns
