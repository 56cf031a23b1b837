"""Encoded pictures for the browser."""

import io

from PIL import Image, ImageOps

THUMBNAIL_SIDE = 148  # pixels; shown at half of that, crisp on dense screens


def thumbnail(image: Image.Image) -> bytes:
    """The picture's middle as a small square JPEG."""
    square = ImageOps.fit(image, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    square.save(encoded, "JPEG", quality=82)
    return encoded.getvalue()
