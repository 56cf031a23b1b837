"""Encoded pictures for the browser."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

THUMBNAIL_SIDE = 148  # pixels; shown at half of that, crisp on dense screens


def thumbnail(image: Image.Image) -> bytes:
    """The picture's middle as a small square JPEG."""
    square = ImageOps.fit(image, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    square.save(encoded, "JPEG", quality=82)
    return encoded.getvalue()


# Ends and middle of the diverging colours: blue below zero, white at zero, orange above (told apart by everybody).
_NEGATIVE, _ZERO, _POSITIVE = (0, 90, 160), (255, 255, 255), (200, 80, 0)


def _palette() -> bytes:
    """256 colours from the most negative value (0) over zero (128) to the most positive (255)."""
    steps = np.linspace(-1, 1, 255)[:, None]
    ends = np.where(steps < 0, _NEGATIVE, _POSITIVE)
    colours = np.rint(np.array(_ZERO) + np.abs(steps) * (ends - np.array(_ZERO)))
    return bytes(np.vstack([colours[:1], colours]).astype(np.uint8).ravel().tolist())


_DIVERGING = _palette()


def diverging(values: NDArray[np.float32], limit: float | None = None, side: int = 1) -> bytes:
    """A map, (H, W), as a palette PNG; colours run from -limit to limit, by default its extreme.

    A value is one pixel, or a square of whole pixels so that the shorter side has about `side` of them.
    """
    limit = limit or float(np.abs(values).max(initial=0.0)) or 1.0
    scale = max(1, side // max(1, min(values.shape)))
    values = values.repeat(scale, axis=0).repeat(scale, axis=1)
    scaled = np.nan_to_num(values / limit).clip(-1, 1)
    picture = Image.fromarray(np.rint(128 + 127 * scaled).astype(np.uint8), "P")
    picture.putpalette(_DIVERGING)
    encoded = io.BytesIO()
    picture.save(encoded, "PNG")
    return encoded.getvalue()


def outlined(image: Image.Image, box: tuple[int, int, int, int]) -> bytes:
    """A picture with a rectangle (left, top, right, bottom) drawn around some of its pixels, as PNG."""
    scale = max(1, 448 // max(image.size))
    drawing = image.convert("RGB").resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    left, top, right, bottom = (scale * side for side in box)
    pen = ImageDraw.Draw(drawing)
    pen.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=(255, 255, 255), width=2)
    pen.rectangle((left - 4, top - 4, right + 3, bottom + 3), outline=(200, 80, 0), width=2)
    encoded = io.BytesIO()
    drawing.save(encoded, "PNG")
    return encoded.getvalue()
