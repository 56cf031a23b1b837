"""Pictures: a stranger's bytes made into a safe RGB picture, and a picture made into what a network sees.

    picture = decode(data, "cat.jpg")             # Picture(image, format, size, notes), or a UserError
    array = preprocess.to_array(picture.image)    # float32 (C, H, W): resized, cropped, normalised
    seen = preprocess.from_array(array)           # back to a picture: this is what the network really saw
    outline = draw_crop(picture.image, preprocess.crop_box(picture.image.size))

Every picture passes through `decode`, in three steps: recognise the kind by its first bytes and cut the file down to
what its pixels need (file_kinds.py), check the sizes its header claims, and only then decode.
"""

import io
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFile

from alexnet_viz.errors import UserError
from alexnet_viz.pictures import profiles
from alexnet_viz.pictures.file_kinds import RAW, Kind, Plain, is_raw, orientation, recognise
from alexnet_viz.words.i18n import N_, Message
from alexnet_viz.words.numbers import mebibytes

MAX_BYTES = 10 * 2**20  # of the file; the upload widget has the same limit, but only in the browser
MAX_PIXELS = 40_000_000  # a good phone camera; decoding so many takes 170 to 340 MB for a moment, by kind
MAX_PIXELS_OF = {  # by what a pixel takes: 16, 11 and up to 9 bytes
    "WebP": 16_000_000,
    "AVIF": 16_000_000,
    "HEIC": 25_000_000,  # phones make 12 and 24 million
}
MIN_SIDE = 8  # pixels; below this there is nothing to see
MAX_SIDE = 16_000  # pixels
MAX_ASPECT = 20  # long side / short side; the crop of a thinner picture is a sliver of it
KEPT_SIDE = 2048  # pixels; larger pictures are reduced to this, many times more than any network here takes in
DRAWN_SIDE = 512  # pixels; the long side of a drawing for the page

_DECODERS = threading.BoundedSemaphore(2)  # so many at once: then a roomful of huge pictures costs the memory of two

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Picture:
    """A decoded file. `size` is the file's own width and height, upright, before any downscaling."""

    image: Image.Image  # RGB, upright, at most KEPT_SIDE on its long side
    format: str  # "JPEG", "PNG", ...
    size: tuple[int, int]
    notes: tuple[Message, ...]  # what was changed on the way


def decode(data: bytes, name: str = "") -> Picture:
    """The picture in a file's bytes; whatever the bytes are, nothing but UserError is raised."""
    label = name.strip() or Message("This file")
    _check_length(len(data), label)
    kind = recognise(data, label)
    try:
        with _DECODERS:
            image, size, notes = _read(kind, data, label)
    except UserError:
        raise
    except Exception as error:  # hostile bytes make Pillow raise a dozen types; here a bug and a bad file look the same
        if is_raw(data):
            raise UserError(RAW, name=label) from error
        raise UserError(
            "{name} could not be read as {format}: it is damaged, incomplete or of a rare kind. "
            "Open it in an image program, save it as JPEG or PNG and try again.",
            name=label,
            format=kind.format,
        ) from error
    return Picture(image, kind.format, size, tuple(notes))


# Run lengths alone make a photograph's PNG no larger than the default does, in a quarter of its time.
_HOW: Mapping[str, Mapping[str, int]] = {"PNG": {"compress_type": zlib.Z_RLE}, "JPEG": {"quality": 90}}


def encode(image: Image.Image, format: str = "PNG") -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, format=format, **_HOW.get(format, {}))
    return buffer.getvalue()


# ---- Limits ---------------------------------------------------------------------------------------------------------


def _check_length(length: int, label: str | Message) -> None:
    if not length:
        raise UserError("{name} is empty: it has 0 bytes. Choose another picture.", name=label)
    if length > MAX_BYTES:
        raise UserError(
            "{name} has {megabytes} MB; at most {limit} MB are accepted. Make the picture smaller and try again.",
            name=label,
            megabytes=mebibytes(length),
            limit=MAX_BYTES // 2**20,
        )


# What a header may not claim: a test of width and height, what is said, and the limit in it.
_SIZE_LIMITS: tuple[tuple[Callable[[int, int], bool], str, int], ...] = (
    (
        lambda width, height: max(width, height) > MAX_SIDE,
        N_(
            "{name} has {width} x {height} pixels; a side of at most {limit} is accepted. "
            "Make it smaller and try again."
        ),
        MAX_SIDE,
    ),
    (
        lambda width, height: min(width, height) < MIN_SIDE,
        N_("{name} has {width} x {height} pixels; a side of at least {limit} is needed. Choose a larger picture."),
        MIN_SIDE,
    ),
    (
        lambda width, height: max(width, height) > MAX_ASPECT * min(width, height),
        N_(
            "{name} has {width} x {height} pixels; the long side may be at most {limit} times the short one. "
            "Crop it and try again."
        ),
        MAX_ASPECT,
    ),
)


def _check_size(kind: Kind, size: tuple[int, int], label: str | Message) -> None:
    """Refuse by what the header claims, before a single pixel is decoded."""
    width, height = size
    said = {"name": label, "width": width, "height": height}
    most = MAX_PIXELS_OF.get(kind.format, MAX_PIXELS)
    if width * height > most:
        raise UserError(
            "{name} has {width} x {height} pixels; at most {limit} million are accepted. "
            "Make it smaller and try again.",
            **said,
            limit=most // 1_000_000,
        )
    for exceeds, text, limit in _SIZE_LIMITS:
        if exceeds(width, height):
            raise UserError(text, **said, limit=limit)


# ---- Decoding -------------------------------------------------------------------------------------------------------


def _read(kind: Kind, data: bytes, label: str | Message) -> tuple[Image.Image, tuple[int, int], list[Message]]:
    """The RGB image, the file's own size, both upright, and the notes."""
    plain = kind.plain(data)
    if plain.size:
        _check_size(kind, plain.size, label)
    source = kind.open(io.BytesIO(plain.data))
    _check_size(kind, source.size, label)
    _check_tiles(source)
    size, raw_mode = source.size, _raw_mode(source)
    source.draft(source.mode, (KEPT_SIDE, KEPT_SIDE))  # a JPEG can be decoded at 1/2, 1/4 or 1/8; others ignore this
    source.load()

    notes = list(_of_the_file(kind, plain, source, is_raw(data)))
    image = _opaque(source, raw_mode, notes)
    _reduce(image)  # before colours are converted, which copies
    profile = source.info.get("icc_profile") or plain.profile
    image = profiles.to_srgb(image, profile, notes)
    held = orientation(plain.exif or source.info.get("exif") or b"")
    if held in _TURNS:
        image = image.transpose(_TURNS[held])
        size = size[::-1] if held >= 5 else size
        notes.append(Message("It was turned upright, as its EXIF orientation says."))
    if max(size) > KEPT_SIDE:
        notes.append(
            Message(
                "It was reduced from {width} x {height} to {new_width} x {new_height} pixels.",
                width=size[0],
                height=size[1],
                new_width=image.width,
                new_height=image.height,
            )
        )
    return image, size, notes


def _of_the_file(kind: Kind, plain: Plain, source: ImageFile.ImageFile, raw: bool) -> Iterator[Message]:
    """What else is in the file, and whether more can be read than is read."""
    several = plain.several or getattr(source, "is_animated", False)
    size = {"width": source.width, "height": source.height}
    if plain.preview and raw:
        yield Message("It is a raw file of a camera; only its preview is read, {width} x {height} pixels.", **size)
    elif plain.preview:
        yield Message("The first picture in it, which is read, is a reduced one of {width} x {height} pixels.", **size)
    elif several and kind.format == "HEIC":
        yield Message("It holds several pictures; the main one is used.")
    elif several:
        yield Message("It has several frames or pages; the first one is used.")
    if plain.hdr:
        yield profiles.HDR


def _reduce(image: Image.Image) -> None:
    """To KEPT_SIDE, in place, if it is larger."""
    if max(image.size) > KEPT_SIDE:
        image.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _check_tiles(source: ImageFile.ImageFile) -> None:
    """A small TIFF can ask to be painted 100 000 times over; honest ones paint each of up to 6 bands once."""
    boxes = [tile.extents for tile in source.tile if tile.extents]
    if sum((right - left) * (bottom - top) for left, top, right, bottom in boxes) > 8 * source.width * source.height:
        raise ValueError("tiles that cover the picture many times")


def _raw_mode(source: ImageFile.ImageFile) -> str:
    """How pixels are stored in the file, such as "RGB;16B", where Pillow says so."""
    args = source.tile[0].args if source.tile else None
    return str(args[0] if isinstance(args, tuple) else args)


_TURNS = {  # by EXIF orientation; from 5 on a picture lies on its side
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _opaque(image: Image.Image, raw_mode: str, notes: list[Message]) -> Image.Image:
    """Eight bits a channel, opaque: "L", "RGB" or "CMYK". Adds to `notes` what is lost on the way."""
    deep = image.mode in ("I", "F") or image.mode.startswith("I;16")
    if deep or ";16" in raw_mode or image.info.get("bit_depth", 8) > 8:
        notes.append(Message("Its depth was reduced to 8 bits a channel."))
    if deep:
        image = _eight_bits(image, raw_mode)
    gray = image.mode in ("1", "L", "LA", "La")
    if gray:
        notes.append(Message("It is grayscale; red, green and blue are the same."))
    if image.has_transparency_data:
        return _on_ground(image, raw_mode, notes)
    if image.mode in ("CMYK", "YCbCr", "LAB"):
        notes.append(Message("Its colours were converted from {mode} to RGB.", mode=image.mode))
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("L" if gray else "RGB")


_BRIGHTNESS = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue (ITU-R BT.601), as in mode "L"


def _on_ground(image: Image.Image, raw_mode: str, notes: list[Message]) -> Image.Image:
    """On white, or on black where the picture would vanish on white. "L" or "RGB"."""
    key = image.info.get("transparency")
    if ";16" in raw_mode and isinstance(key, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in key)  # Pillow has reduced the pixels, not the key
    if image.mode == "La":
        image = image.convert("LA")  # Pillow has no direct way from premultiplied gray to RGBA
    ground = _ground(image)
    flat = Image.new("L" if image.mode in ("1", "L", "LA") else "RGB", image.size, ground)
    hides = False
    for top, band in _cut(image):  # as a whole, the RGBA of a palette would be another 160 MB
        rgba = band.convert("RGBA")
        hides |= rgba.getchannel("A").getextrema()[0] < 255  # type: ignore[operator]  # one channel: two numbers
        flat.paste(rgba.convert(flat.mode), (0, top), mask=rgba.getchannel("A"))
    if hides:  # an alpha channel that hides nothing deserves no note
        notes.append(
            Message("Its transparent parts were put on white.")
            if ground == "white"
            else Message("Its transparent parts were put on black; it is so bright that it would vanish on white.")
        )
    return flat


def _ground(image: Image.Image) -> str:
    """White, unless black shows the picture at more than twice the contrast: the standard deviation of brightness.

    A drawing in one tone lies on white up to a brightness of 170 of 255.
    """
    step = max(1, max(image.size) // 1024)  # some pixels of a large picture are enough
    black: list[npt.NDArray[np.floating]] = []
    white: list[npt.NDArray[np.floating]] = []
    for _, band in _cut(image):
        rgba = np.asarray(band.convert("RGBA"))[::step, ::step].astype(np.float32)
        alpha = rgba[..., 3] / 255
        on_black = alpha * (rgba[..., :3] @ _BRIGHTNESS)
        black.append(on_black.ravel())
        white.append((on_black + 255 * (1 - alpha)).ravel())
    return "black" if np.concatenate(black).std() > 2 * np.concatenate(white).std() + 1 else "white"


def _eight_bits(image: Image.Image, raw_mode: str) -> Image.Image:
    """Deep gray as "L". Pillow's own convert() clips: 16 bits come out white, floats black."""
    low, high = _range_of(image, raw_mode)
    darker = getattr(image, "tag_v2", {}).get(262) == 0  # a TIFF whose 0 is white; Pillow turns only 8 bits around
    key = image.info.get("transparency")
    rows: list[npt.NDArray[np.uint8]] = []
    for values in _bands(image):
        values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
        scaled = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
        rows.append(np.rint(255 * (1 - scaled if darker else scaled)).astype(np.uint8))
    gray = Image.fromarray(np.concatenate(rows))
    if key is not None:  # one of the 65 536 values means transparent
        gray.putalpha(Image.fromarray(np.where(np.asarray(image) == key, 0, 255).astype(np.uint8)))
    return gray


def _range_of(image: Image.Image, raw_mode: str) -> tuple[float, float]:
    """The values shown as black and white: the whole scale that the file speaks in, else its own extremes."""
    if image.mode.startswith("I;16"):
        return (0, 4095) if raw_mode == "I;12" else (0, 65535)
    finite = (band[np.isfinite(band)] for band in _bands(image))
    extremes = [(float(band.min()), float(band.max())) for band in finite if band.size]
    low = min((low for low, _ in extremes), default=0.0)
    high = max((high for _, high in extremes), default=0.0)
    scales = (1,) if image.mode == "F" else (255, 65535)
    return next(((0, scale) for scale in scales if low >= 0 and high <= scale), (low, high))


def _bands(image: Image.Image) -> Iterator[npt.NDArray[np.float64]]:
    """Its rows, 256 at a time: float64 keeps the extremes of int32 and float32 exact, and only a band of it exists."""
    for _, band in _cut(image):
        with np.errstate(invalid="ignore"):  # of this thread only: a signalling not-a-number would warn
            yield np.asarray(band).astype(np.float64)


def _cut(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """256 rows at a time, and where they begin."""
    for top in range(0, image.height, 256):
        yield top, image.crop((0, top, image.width, min(top + 256, image.height)))


# ---- What a network sees --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preprocess:
    """Resize, centre crop and normalise, to the bit as torchvision's presets do with PIL images.

    Three values of `mean` and `std` make a colour input, one makes a gray one (LeNet-5). torchvision pads a picture
    smaller than its crop; here that cannot be asked for.
    """

    size: int  # pixels of the shorter side after resizing, bilinear with antialiasing
    crop: int  # pixels of the square cut from the centre
    mean: tuple[float, ...]  # subtracted from each channel, on a scale from 0 to 1
    std: tuple[float, ...]  # each channel is divided by it

    def __post_init__(self) -> None:
        if not 1 <= self.crop <= self.size:
            raise ValueError(f"`crop` is {self.crop}; it must be from 1 to `size`, which is {self.size}")
        if len(self.mean) not in (1, 3) or len(self.mean) != len(self.std):
            raise ValueError(f"`mean` has {len(self.mean)} values and `std` {len(self.std)}; both need 1, or both 3")
        if min(self.std) <= 0:
            raise ValueError(f"`std` is {self.std}; every value must be above 0")

    def crop_box(self, size: tuple[int, int]) -> Box:
        """The part of an original picture of this size that the network sees, in its own pixels."""
        width, height = size
        new_width, new_height = self._resized(size)
        left, top = self._corner((new_width, new_height))
        across, down = width / new_width, height / new_height
        return left * across, top * down, (left + self.crop) * across, (top + self.crop) * down

    def to_array(self, image: Image.Image) -> npt.NDArray[np.float32]:
        """The network's input, (C, H, W)."""
        return self.normalised(self.cropped(self.resized(image)))

    def resized(self, image: Image.Image) -> Image.Image:
        """The first step: the shorter side is `size` pixels; gray where the network is."""
        image = image.convert("L" if len(self.mean) == 1 else "RGB")
        return image.resize(self._resized(image.size), Image.Resampling.BILINEAR)

    def cropped(self, image: Image.Image) -> Image.Image:
        """The second step: the square in the centre."""
        left, top = self._corner(image.size)
        return image.crop((left, top, left + self.crop, top + self.crop))

    def normalised(self, image: Image.Image) -> npt.NDArray[np.float32]:
        """The last step: values to 0..1, minus the mean, divided by the standard deviation; (C, H, W)."""
        pixels = np.asarray(image, dtype=np.float32).reshape(image.height, image.width, -1) / np.float32(255)
        mean, std = self._channels()
        return np.ascontiguousarray((pixels.transpose(2, 0, 1) - mean) / std)

    def from_array(self, array: npt.NDArray[np.float32]) -> Image.Image:
        """An input of any height and width, (C, H, W), as an RGB picture; values that no picture has are clipped."""
        if array.ndim != 3 or len(array) != len(self.mean):
            raise ValueError(f"`array` has shape {array.shape}; ({len(self.mean)}, H, W) is needed")
        mean, std = self._channels()
        pixels = np.rint(np.nan_to_num(array * std + mean) * 255).clip(0, 255).astype(np.uint8)
        return Image.fromarray(np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0).copy())

    def _resized(self, size: tuple[int, int]) -> tuple[int, int]:
        width, height = size
        long = int(self.size * max(size) / min(size))  # cut off, not rounded: torchvision's arithmetic
        return (self.size, long) if width <= height else (long, self.size)

    def _corner(self, size: tuple[int, int]) -> tuple[int, int]:
        width, height = size
        return round((width - self.crop) / 2), round((height - self.crop) / 2)  # halves to even, as torchvision's

    def _channels(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Mean and std as (C, 1, 1)."""
        mean, std = np.array([self.mean, self.std], dtype=np.float32).reshape(2, -1, 1, 1)
        return mean, std


def draw_crop(image: Image.Image, box: Box) -> Image.Image:
    """The picture with `box` outlined and the rest dimmed, at most DRAWN_SIDE pixels long."""
    drawing = image.convert("RGB")
    drawing.thumbnail((DRAWN_SIDE, DRAWN_SIDE), Image.Resampling.LANCZOS)
    across, down = drawing.width / image.width, drawing.height / image.height
    left, top, right, bottom = (
        round(value * scale) for value, scale in zip(box, (across, down, across, down), strict=True)
    )
    gray = Image.new("RGB", drawing.size, (128, 128, 128))  # apart from a white page and from a black one
    dimmed = Image.blend(drawing, gray, 0.65)
    dimmed.paste(drawing.crop((left, top, right, bottom)), (left, top))
    pen = ImageDraw.Draw(dimmed)
    pen.rectangle((left, top, right - 1, bottom - 1), outline=(20, 20, 20), width=4)
    pen.rectangle((left + 1, top + 1, right - 2, bottom - 2), outline=(255, 255, 255), width=2)
    return dimmed
