"""What happens to one pixel before the network sees it."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from alexnet_viz.pictures.images import Preprocess


@dataclass(frozen=True)
class ChannelValue:
    """One channel of one pixel on its way: 0..255, 0..1, and what enters the network."""

    byte: int
    scaled: float  # byte / 255
    mean: float
    std: float
    normalised: float  # (scaled - mean) / std


@dataclass(frozen=True)
class Steps:
    """The pictures between a photo and the network's input."""

    resized: Image.Image
    cropped: Image.Image
    preprocess: Preprocess

    def pixel(self, row: int, column: int) -> list[ChannelValue]:
        """The numbers of one pixel of the crop, a value for each channel that the network takes."""
        normalised = self.preprocess.normalised(self.cropped)[:, row, column]
        values = np.asarray(self.cropped)[row, column].reshape(-1)  # (C,)
        return [
            ChannelValue(int(byte), int(byte) / 255, mean, std, float(number))
            for byte, mean, std, number in zip(
                values, self.preprocess.mean, self.preprocess.std, normalised, strict=True
            )
        ]


def steps(preprocess: Preprocess, image: Image.Image) -> Steps:
    """Resize and crop an RGB picture as the network's preprocessing does, keeping what lies between."""
    resized = preprocess.resized(image)
    return Steps(resized, preprocess.cropped(resized), preprocess)
