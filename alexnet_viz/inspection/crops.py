"""The paper's ten test crops: four corners and the centre, and their mirror images (section 4.1).

The answer is the mean of the ten softmax outputs, not the softmax of the mean logits.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from alexnet_viz.inspection.classify import best_classes, probabilities_of
from alexnet_viz.network.weights import Model
from alexnet_viz.pictures.images import encode

# The paper cuts 224 of 256 pixels. A network whose preprocessing leaves no margin gets the same share.
PAPER_SIZE, PAPER_CROP = 256, 224


@dataclass(frozen=True)
class TenCrops:
    """Top left, top right, bottom left, bottom right, centre, then the same mirrored."""

    classes: tuple[str, ...]
    encoded: tuple[bytes, ...]  # PNG: what the network saw each time
    probabilities: NDArray[np.float64]  # (10, classes)

    @property
    def mean(self) -> NDArray[np.float64]:  # (classes,)
        mean: NDArray[np.float64] = self.probabilities.mean(axis=0)
        return mean

    def top(self, count: int) -> list[tuple[str, float]]:
        """The most probable classes of the mean, best first."""
        return best_classes(self.classes, self.mean, count)


def ten_crops(model: Model, image: Image.Image) -> TenCrops:
    """Run the network on all ten crops of an RGB picture, in one batch."""
    preprocess = model.entry.preprocess
    crop = preprocess.crop
    size = max(preprocess.size, round(crop * PAPER_SIZE / PAPER_CROP))
    square = replace(preprocess, size=size, crop=size)
    middle = square.cropped(square.resized(image))  # the paper's central 256x256
    far = size - crop
    corners = [(0, 0), (far, 0), (0, far), (far, far), (far // 2, far // 2)]
    crops = [middle.crop((left, top, left + crop, top + crop)) for left, top in corners]
    crops += [ImageOps.mirror(picture) for picture in crops]
    batch = np.stack([preprocess.normalised(picture) for picture in crops])  # (10, C, H, W)
    return TenCrops(model.classes, tuple(encode(picture) for picture in crops), probabilities_of(model, batch))
