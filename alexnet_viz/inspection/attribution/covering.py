"""The reader's own test: cover a part of the picture and ask the network again.

changed = covered(picture.image, Box(top=40, left=60, bottom=120, right=150), "grey", preprocess)
classify(model, changed)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.attribution.baselines import BLUR, blurred
from alexnet_viz.network.fields import Box
from alexnet_viz.pictures.images import Preprocess
from alexnet_viz.words.i18n import N_

Pixels = NDArray[np.float32]  # (H, W, 3), 0..255


@dataclass(frozen=True)
class Cover:
    """One way of covering. `paint` gets the whole picture, the box inside it and the grey; it returns (h, w, 3)."""

    id: str
    title: str  # marked for translation
    paint: Callable[[Pixels, Box, Pixels], Pixels]


def covered(image: Image.Image, box: Box, how: str, preprocess: Preprocess) -> Image.Image:
    """A copy of the picture as RGB with the box covered; what of the box lies outside the picture is ignored.

    `box` is in the image's own pixels. Grey is the preprocessing's mean colour, which the network sees as zero. Raises
    `UserError` for an unknown cover, or when nothing of the box lies inside.
    """
    if how not in COVERS:
        raise UserError("There is no cover named {name}. Covers: {known}.", name=how, known=", ".join(COVERS))
    inside = box.clipped(image.height, image.width)
    if inside.height <= 0 or inside.width <= 0:
        raise UserError(
            "The box lies outside the picture, which is {width} x {height} pixels. Draw it inside.",
            width=image.width,
            height=image.height,
        )
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32).copy()
    grey = np.float32(255) * np.broadcast_to(np.array(preprocess.mean, np.float32), 3)
    part = (slice(inside.top, inside.bottom), slice(inside.left, inside.right))
    pixels[part] = COVERS[how].paint(pixels, inside, grey)
    return Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8))


def _grey(pixels: Pixels, box: Box, grey: Pixels) -> Pixels:
    return np.broadcast_to(grey, (box.height, box.width, 3))


def _mean(pixels: Pixels, box: Box, grey: Pixels) -> Pixels:
    inside = pixels[box.top : box.bottom, box.left : box.right]
    return np.broadcast_to(inside.mean((0, 1), dtype=np.float64).astype(np.float32), inside.shape)


def _blur(pixels: Pixels, box: Box, grey: Pixels) -> Pixels:
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None]  # (1, 3, H, W)
    soft = blurred(batch, BLUR * min(pixels.shape[:2]))[0].permute(1, 2, 0)
    return soft.numpy()[box.top : box.bottom, box.left : box.right]


_ENTRIES = (
    Cover("grey", N_("grey, the mean colour of the training pictures"), _grey),
    Cover("blur", N_("blur"), _blur),
    Cover("mean", N_("the box's own mean colour"), _mean),
)

COVERS: Mapping[str, Cover] = {entry.id: entry for entry in _ENTRIES}
