"""Encoded pictures for the browser. Maps are enlarged by whole pixels, so that every value stays a square."""

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from alexnet_viz.pictures import images

THUMBNAIL_SIDE = 148  # pixels; shown at half of that, crisp on dense screens
MONTAGE_WIDTH = 1460  # pixels at most; wider ones take the browser long
_GAP = 2  # clear pixels between the tiles of a montage
_ASPECT = 1.6  # of a montage, width to height, as far as the tiles allow
_WIDEST_TILE = 120  # pixels: few tiles are not blown up to fill the page
_WIDEST_UNIT = 48  # pixels of one unit of a fully connected layer


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
_CLEAR = 0  # the palette's first entry looks like its second, and so is free for what is transparent


def diverging(values: NDArray[np.float32], limit: float | None = None, side: int = 1) -> bytes:
    """A map, (H, W), as a palette PNG; colours run from -limit to limit, by default its extreme.

    A value is one pixel, or a square of whole pixels so that the shorter side has about `side` of them.
    """
    limit = limit or float(np.abs(values).max(initial=0.0)) or 1.0
    return _png(_enlarged(_indices(values / limit), max(1, side // max(1, min(values.shape)))))


def _indices(scaled: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Palette entries of values in -1..1; what is no number is drawn as zero."""
    indices: NDArray[np.uint8] = np.rint(128 + 127 * np.nan_to_num(scaled).clip(-1, 1)).astype(np.uint8)
    return indices


def _enlarged(pixels: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def _png(indices: NDArray[np.uint8], *, clear: bool = False) -> bytes:
    picture = Image.fromarray(indices, "P")
    picture.putpalette(_DIVERGING)
    encoded = io.BytesIO()
    # The default level, 6, takes four times as long for a tenth less.
    picture.save(encoded, "PNG", compress_level=1, **({"transparency": _CLEAR} if clear else {}))
    return encoded.getvalue()


@dataclass(frozen=True)
class Montage:
    """Tiles of equal size in rows, numbered from the top left. The last row may be short."""

    png: bytes
    rows: int
    columns: int
    width: int  # pixels

    def place(self, number: int) -> tuple[int, int]:
        """Row and column of a tile."""
        return divmod(number, self.columns)

    def number(self, cell: tuple[int, int], count: int) -> int:
        """The tile at a row and column, the last one where the last row is short."""
        return min(cell[0] * self.columns + cell[1], count - 1)


def montage(maps: NDArray[np.float32], limits: NDArray[np.float32] | float, width: int = MONTAGE_WIDTH) -> Montage:
    """Maps, (N, H, W), as one palette PNG; colours run from -limit to limit, one for all or one for each, (N,)."""
    each = np.broadcast_to(np.asarray(limits, np.float32), len(maps))[:, None, None]
    return _tiled(_indices(maps / np.where(each > 0, each, np.float32(1))), width)


def picture_montage(tiles: NDArray[np.uint8], width: int = MONTAGE_WIDTH) -> Montage:
    """Small pictures, (N, H, W, 3), as one PNG."""
    opaque = np.full((*tiles.shape[:3], 1), 255, np.uint8)
    return _tiled(np.concatenate([tiles, opaque], axis=3), width)


def kernels(weights: NDArray[np.float32], width: int = MONTAGE_WIDTH) -> Montage:
    """A first layer's kernels, (N, C, k, k), each in its own range: as colours where there are three, zero mid grey."""
    extremes = np.abs(weights).max(axis=(1, 2, 3))
    if weights.shape[1] != 3:
        return montage(weights[:, 0], extremes, width)
    return picture_montage(colour_tiles(weights, extremes[:, None, None, None]), width)


def colour_tiles(weights: NDArray[np.float32], limit: NDArray[np.floating[Any]] | float) -> NDArray[np.uint8]:
    """(N, 3, k, k) as pictures (N, k, k, 3): zeros mid grey (128), -limit 0, limit 255; beyond that it is clipped."""
    shares = np.clip(weights / np.where(limit > np.float64(0), limit, 1.0), -1, 1)
    return np.rint(127.5 + 127.5 * shares).astype(np.uint8).transpose(0, 2, 3, 1)


def vector(values: NDArray[np.float32], limit: float, width: int = MONTAGE_WIDTH) -> Montage:
    """A fully connected layer's units, (N,), as one picture: a square each, row by row."""
    indices = _indices(values / (limit or 1.0))
    rows = next(i for i in range(math.isqrt(len(values)), 0, -1) if len(values) % i == 0)
    if len(values) > 4 * rows * rows:  # no rectangle of so many units is anywhere near a square
        return _tiled(indices[:, None, None], width)
    columns = len(values) // rows
    scale = max(1, min(width // columns, _WIDEST_UNIT))
    return Montage(_png(_enlarged(indices.reshape(rows, columns), scale)), rows, columns, columns * scale)


def _tiled(tiles: NDArray[np.uint8], width: int) -> Montage:
    """Tiles of palette entries, (N, H, W), or of colours, (N, H, W, 4), in a sheet that is clear between them."""
    count, high, wide = tiles.shape[:3]
    columns = min(count, math.ceil(math.sqrt(_ASPECT * count * high / wide)))
    rows = -(-count // columns)
    scale = max(1, min((width // columns - _GAP) // wide, _WIDEST_TILE // wide))
    down, across = high * scale + _GAP, wide * scale + _GAP
    sheet = np.full((rows * down, columns * across, *tiles.shape[3:]), _CLEAR, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // columns * down + _GAP // 2, i % columns * across + _GAP // 2
        sheet[top : top + high * scale, left : left + wide * scale] = _enlarged(tile, scale)
    png = _png(sheet, clear=True) if sheet.ndim == 2 else images.encode(Image.fromarray(sheet))
    return Montage(png, rows, columns, sheet.shape[1])


def overlaid(
    image: Image.Image, heat: NDArray[np.float32], limit: float, opacity: float = 0.75, *, pale: bool = False
) -> bytes:
    """Heat, (h, w), over a picture, as PNG: enlarged smoothly to its size, more opaque where it is stronger.

    `pale` takes the colours out of the picture, so that fine lines show on it.
    """
    enlarged = np.asarray(
        Image.fromarray(heat.astype(np.float32)).resize(image.size, Image.Resampling.BILINEAR), np.float32
    )
    share = opacity * np.abs(np.nan_to_num(enlarged / (limit or 1.0))).clip(0, 1)[:, :, None] ** 0.75
    pixels = np.asarray(image.convert("RGB"), np.float32)
    if pale:
        pixels = 170 + 0.33 * pixels.mean(axis=2, keepdims=True)
    mixed = (1 - share) * pixels + share * _full_colour(enlarged)
    return images.encode(Image.fromarray(np.rint(mixed).astype(np.uint8)))


def masked(image: Image.Image, kept: NDArray[np.bool_]) -> Image.Image:
    """The picture where `kept`, (H, W), is true; elsewhere its pale grey shadow."""
    pixels = np.asarray(image.convert("RGB"), np.float32)
    shadow = 200 + 0.2 * pixels.mean(axis=2, keepdims=True)
    mixed = np.where(kept[:, :, None], pixels, shadow)
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def contoured(image: Image.Image, heat: NDArray[np.float32], levels: tuple[float, ...] = (0.25, 0.5, 0.75)) -> bytes:
    """Lines over a picture where the heat, of its size, passes these shares of its extreme, on either side of zero."""
    extreme = float(np.abs(np.nan_to_num(heat)).max(initial=0.0)) or 1.0
    pixels = np.asarray(image.convert("RGB")).copy()
    for sign, colour in ((1, _POSITIVE), (-1, _NEGATIVE)):
        for level in levels:
            inside = sign * heat >= level * extreme
            edge = inside & ~_eroded(inside)
            pixels[_grown(edge) & ~edge] = 255  # a white rim, so that the line shows on every ground
            pixels[edge] = colour
    return images.encode(Image.fromarray(pixels))


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels whose four neighbours are in the mask too."""
    return ~_grown(~mask)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and the four neighbours of its pixels."""
    padded = np.pad(mask, 1)
    return mask | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]


def _full_colour(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The end of the diverging colours on each value's side of zero, (H, W) -> (H, W, 3)."""
    return np.where(values[:, :, None] < 0, _NEGATIVE, _POSITIVE).astype(np.float32)


def outlined(image: Image.Image, box: tuple[int, int, int, int]) -> bytes:
    """A picture with a rectangle (left, top, right, bottom) drawn around some of its pixels, as PNG."""
    scale = max(1, 448 // max(image.size))
    drawing = image.convert("RGB").resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    left, top, right, bottom = (scale * side for side in box)
    pen = ImageDraw.Draw(drawing)
    pen.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=(255, 255, 255), width=2)
    pen.rectangle((left - 4, top - 4, right + 3, bottom + 3), outline=_POSITIVE, width=2)
    return images.encode(drawing)
