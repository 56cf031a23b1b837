"""Pictures: a stranger's bytes made into a safe RGB picture, and a picture made into what a network sees.

    picture = decode(data, "cat.jpg")             # Picture(image, digest, format, size, notes), or a UserError
    array = preprocess.to_array(picture.image)    # float32 (C, H, W): resized, cropped, normalised
    seen = preprocess.from_array(array)           # back to a picture: this is what the network really saw
    outline = draw_crop(picture.image, preprocess.crop_box(picture.image.size))

Every picture passes through `decode`, in four steps: recognise the kind by its first bytes, cut the file down to what
its pixels need, check the sizes its header claims, and only then decode.

The cutting down (the `_plain_*` functions) is what keeps Pillow quiet. It warns about odd metadata, and warnings can
only be silenced for the whole process, which is unsafe while other sessions decode in other threads. A file without
metadata gives no cause to warn, holds no text or profile that unpacks to gigabytes, and ends after its first frame.
For the same reason the plugin classes are used instead of `Image.open`, which warns before a size can be refused.
"""

import contextlib
import hashlib
import io
import math
import re
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageDraw,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    TiffTags,
    WebPImagePlugin,
)

from alexnet_viz.errors import UserError
from alexnet_viz.i18n import N_, Message

MAX_BYTES = 10 * 2**20  # of the file; the upload widget has the same limit, but only in the browser
MAX_PIXELS = 40_000_000  # a good phone camera; decoding so many takes 150 to 650 MB for a moment, by kind
MIN_SIDE = 8  # pixels; below this there is nothing to see
MAX_SIDE = 16_000  # pixels
MAX_ASPECT = 20  # long side / short side; the crop of a thinner picture is a sliver of it
MAX_SCANS = 100  # passes of a progressive JPEG (cameras: 1, optimisers: about 10); a small file can ask for 100 000
KEPT_SIDE = 2048  # pixels; larger pictures are reduced to this, many times more than any network here takes in
DRAWN_SIDE = 512  # pixels; the long side of a drawing for the page

_DECODERS = threading.BoundedSemaphore(2)  # so many at once: then a roomful of huge pictures costs the memory of two

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Picture:
    """A decoded file. `size` is the file's own width and height, upright, before any downscaling."""

    image: Image.Image  # RGB, upright, at most KEPT_SIDE on its long side
    digest: str  # sha256 of the file, in hex: the key for everything computed from it
    format: str  # "JPEG", "PNG", ...
    size: tuple[int, int]
    notes: tuple[Message, ...]  # what was changed on the way


def decode(data: bytes, name: str = "") -> Picture:
    """The picture in a file's bytes; whatever the bytes are, nothing but UserError is raised."""
    label = name.strip() or Message("This file")
    _check_length(len(data), label)
    kind = _recognise(data, label)
    try:
        with _DECODERS:
            image, size, notes = _read(kind, data, label)
    except UserError:
        raise
    except Exception as error:  # hostile bytes make Pillow raise a dozen types; here a bug and a bad file look the same
        raise UserError(
            "{name} could not be read as {format}: it is damaged, incomplete or of a rare kind. "
            "Open it in an image program, save it as JPEG or PNG and try again.",
            name=label,
            format=kind.format,
        ) from error
    return Picture(image, hashlib.sha256(data).hexdigest(), kind.format, size, tuple(notes))


def encode(image: Image.Image, format: str = "PNG") -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, format=format)
    return buffer.getvalue()


# ---- Limits ---------------------------------------------------------------------------------------------------------


def _check_length(length: int, label: str | Message) -> None:
    if not length:
        raise UserError("{name} is empty: it has 0 bytes. Choose another picture.", name=label)
    if length > MAX_BYTES:
        raise UserError(
            "{name} has {megabytes} MB; at most {limit} MB are accepted. Make the picture smaller and try again.",
            name=label,
            megabytes=math.ceil(length / 2**20 * 10) / 10,  # upwards: one byte too many must not read "10.0 of 10"
            limit=MAX_BYTES // 2**20,
        )


# What a header may not claim: a test of width and height, what is said, and the limit in it.
_SIZE_LIMITS: tuple[tuple[Callable[[int, int], bool], str, int], ...] = (
    (
        lambda width, height: width * height > MAX_PIXELS,
        N_(
            "{name} has {width} x {height} pixels; at most {limit} million are accepted. Make it smaller and try again."
        ),
        MAX_PIXELS // 1_000_000,
    ),
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


def _check_size(size: tuple[int, int], label: str | Message) -> None:
    """Refuse by what the header claims, before a single pixel is decoded."""
    width, height = size
    for exceeds, text, limit in _SIZE_LIMITS:
        if exceeds(width, height):
            raise UserError(text, name=label, width=width, height=height, limit=limit)


# ---- Kinds of files, each cut down to what its pixels need ----------------------------------------------------------


@dataclass(frozen=True)
class _Plain:
    """A file without its metadata, and what was learnt on the way."""

    data: bytes
    exif: bytes = b""  # a TIFF block, in which cameras say how they were held
    several: bool = False  # more frames or pages follow the first
    size: tuple[int, int] | None = None  # where merely opening the file already allocates or warns by its size


def _unchanged(data: bytes) -> _Plain:
    return _Plain(data)


_SOS, _EOI, _APP0, _APP1, _APP14 = 0xDA, 0xD9, 0xE0, 0xE1, 0xEE
# What a JPEG decoder needs: frames, Huffman and quantisation tables, restart interval, and the two application
# segments (JFIF, Adobe) that say how colours are stored.
_JPEG_KEPT = {*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD, _APP0, _APP14} - {0xC8}
_JPEG_BARE = {0x00, 0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)}  # markers without a length after them


def _plain_jpeg(data: bytes) -> _Plain:
    """Up to the end of the first image: phones append a second picture or a film."""
    kept, exif, at = [data[:2]], b"", 2
    while 0 <= (at := data.find(b"\xff", at)) < len(data) - 4 and data[at + 1] != _SOS:
        marker = data[at + 1]
        if marker == 0xFF or marker in _JPEG_BARE:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker in _JPEG_KEPT:
            kept.append(data[at:end])
        elif marker == _APP1 and data[at + 4 : at + 10] == b"Exif\0\0":
            exif = exif or data[at + 10 : end]
        at = end
    pixels = data[at:] if at >= 0 else b""
    pixels = pixels[: pixels.find(bytes([0xFF, _EOI])) + 2 or None]  # cannot occur inside: there 0xFF is escaped
    if pixels.count(bytes([0xFF, _SOS])) > MAX_SCANS:
        raise ValueError(f"more than {MAX_SCANS} scans")
    return _Plain(b"".join(kept) + pixels, exif)


_PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def _plain_png(data: bytes) -> _Plain:
    """Without text, profiles and animation. The first image of an animated PNG is a plain PNG by design."""
    kept, exif, several, at = [data[:8]], b"", False, 8
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])  # length, kind, contents, checksum
        kind, contents = data[at + 4 : at + 8], slice(at + 8, end - 4)
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        elif kind == b"eXIf":
            exif = data[contents]
        elif kind == b"acTL":
            several = int.from_bytes(data[contents][:4]) > 1
        at = end if kind != b"IEND" else len(data)
    return _Plain(b"".join(kept), exif, several)


def _plain_gif(data: bytes) -> _Plain:
    """Up to the end of the first frame, which may be larger than the screen that the header speaks of."""
    first = _gif_frame(data, 13 + _gif_palette(data[10]))
    if first is None:
        raise ValueError("no frame")
    left, top, width, height = struct.unpack_from("<4H", data, first + 1)
    screen_width, screen_height = struct.unpack_from("<2H", data, 6)
    end = _after_blocks(data, first + 11 + _gif_palette(data[first + 9]))
    return _Plain(
        data[:end],
        several=_gif_frame(data, end) is not None,
        size=(max(screen_width, left + width), max(screen_height, top + height)),
    )


def _gif_palette(flags: int) -> int:
    """Bytes of the palette that a flag byte announces."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _gif_frame(data: bytes, at: int) -> int | None:
    """Where the next frame starts, if there is one."""
    while at < len(data) and data[at] != ord(";"):
        if data[at] == ord(","):
            return at
        at = _after_blocks(data, at + 2) if data[at] == ord("!") else at + 1
    return None


def _after_blocks(data: bytes, at: int) -> int:
    """Behind a chain of GIF blocks: each is its length and so many bytes, the last has length 0."""
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1


def _plain_webp(data: bytes) -> _Plain:
    """As it is; but its canvas is allocated when it is opened, so the size is read here."""
    size, kind = None, data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        size = (int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    elif kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        size = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    elif kind == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<2H", data, 26)
        size = (width & 0x3FFF, height & 0x3FFF)
    return _Plain(data, size=size)


_AVIF_EXIF = re.compile(rb"(infe[\x02\x03].{3}(?:.{4}|.{6}))Exif", re.DOTALL)


def _plain_avif(data: bytes) -> _Plain:
    """With its EXIF item renamed, so that it goes unread: what turns an AVIF are properties of its own."""
    return _Plain(_AVIF_EXIF.sub(rb"\1none", data))


_ORIENTATION = 0x0112
_TIFF_KEPT = {
    *(256, 257, 258, 259, 262, 266, 277, 284, 338, 339),  # size, bits, compression, photometry, order of samples
    *(273, 278, 279, 322, 323, 324, 325),  # strips and tiles
    *(292, 293, 317, 320, 347),  # fax options, predictor, colour map, JPEG tables
    *(529, 530, 531, 532),  # YCbCr
}
_TIFF_BYTES = {3: 2, 4: 4, 5: 8, 7: 1}  # value type: bytes of one (SHORT, LONG, RATIONAL, UNDEFINED)
_TIFF_MAX_VALUES = 200_000  # of one tag; 40 million pixels in tiles of 16 x 16 are 156 250


@dataclass(frozen=True)
class _Directory:
    """The first directory of a TIFF block: 12-byte entries by tag, and where the next directory stands (0: nowhere)."""

    order: str  # "<" or ">", as struct writes it
    entries: dict[int, bytes]
    following: int


def _directory(data: bytes) -> _Directory:
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    end = start + 2 + 12 * count
    entries: dict[int, bytes] = {}
    for at in range(start + 2, min(end, len(data) - 11), 12):
        entries.setdefault(struct.unpack_from(order + "H", data, at)[0], data[at : at + 12])
    (following,) = struct.unpack_from(order + "I", data, end) if end + 4 <= len(data) else (0,)
    return _Directory(order, entries, following)


def _plain_tiff(data: bytes) -> _Plain:
    """With a new directory at its end, that has only sound entries about pixels, and no directory after it."""
    directory = _directory(data)
    kept, room = [], len(data)
    for tag, entry in sorted(directory.entries.items()):
        _, value_type, count, offset = struct.unpack(directory.order + "HHII", entry)
        size = count * _TIFF_BYTES.get(value_type, 0)
        outside = size > 4 and offset + size > len(data)
        single = TiffTags.lookup(tag).length == 1 and value_type != 7  # raw bytes of any number are one value
        overfull = count > (1 if single else _TIFF_MAX_VALUES)
        if tag in _TIFF_KEPT and size and not outside and not overfull and size <= room:
            kept.append(entry)
            room -= size
    start = len(data) + len(data) % 2  # libtiff wants an even offset
    header = data[:4] + struct.pack(directory.order + "I", start)
    table = struct.pack(directory.order + "H", len(kept)) + b"".join(kept) + bytes(4)
    return _Plain(header + data[8:].ljust(start - 8, b"\0") + table, exif=data, several=directory.following != 0)


def _brands(data: bytes) -> set[bytes]:
    """What an ISO media file (AVIF, HEIC, films) says it is."""
    if data[4:8] != b"ftyp":
        return set()
    box = data[8 : min(int.from_bytes(data[:4]), 256)]
    return {box[at : at + 4] for at in range(0, len(box), 4)}


def _is_avif(data: bytes) -> bool:
    return not _brands(data).isdisjoint({b"avif", b"avis"})


def _is_bmp(data: bytes) -> bool:
    return data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in (12, 40, 52, 56, 64, 108, 124)


@dataclass(frozen=True)
class _Kind:
    format: str
    matches: Callable[[bytes], bool]
    plain: Callable[[bytes], _Plain]
    open: Callable[[io.BytesIO], ImageFile.ImageFile]


_KINDS = (
    _Kind("JPEG", lambda data: data.startswith(b"\xff\xd8\xff"), _plain_jpeg, JpegImagePlugin.JpegImageFile),
    _Kind("PNG", lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"), _plain_png, PngImagePlugin.PngImageFile),
    _Kind("WebP", lambda data: data[:4] + data[8:12] == b"RIFFWEBP", _plain_webp, WebPImagePlugin.WebPImageFile),
    _Kind("AVIF", _is_avif, _plain_avif, AvifImagePlugin.AvifImageFile),
    _Kind("GIF", lambda data: data.startswith((b"GIF87a", b"GIF89a")), _plain_gif, GifImagePlugin.GifImageFile),
    _Kind("BMP", _is_bmp, _unchanged, BmpImagePlugin.BmpImageFile),
    _Kind("TIFF", lambda data: data.startswith((b"II*\0", b"MM\0*")), _plain_tiff, TiffImagePlugin.TiffImageFile),
)
FORMATS = tuple(kind.format for kind in _KINDS)


def _is_svg(data: bytes) -> bool:
    head = data[:4096].replace(b"\0", b"").lower()  # without zeros, UTF-16 reads like ASCII
    return b"<svg" in head and b"<html" not in head


def _is_heic(data: bytes) -> bool:
    return not _brands(data).isdisjoint({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


# Files that people do try, and what to do with each.
_STRANGERS: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (
        _is_heic,
        N_(
            "{name} is a HEIC photo, which this app cannot read. Convert it to JPEG and try again. On an iPhone: "
            "Settings > Camera > Formats > Most Compatible for new photos, or a screenshot of this one."
        ),
    ),
    (
        _is_svg,
        N_("{name} is an SVG drawing; it has shapes instead of pixels. Export it as PNG and try again."),
    ),
    (
        lambda data: data.startswith(b"%PDF"),
        N_("{name} is a PDF document, not a picture. Save the page as PNG or take a screenshot, and try again."),
    ),
)


def _recognise(data: bytes, label: str | Message) -> _Kind:
    for kind in _KINDS:
        if kind.matches(data):
            return kind
    for matches, text in _STRANGERS:
        if matches(data):
            raise UserError(text, name=label)
    raise UserError(
        "{name} is not a picture of a known kind. Accepted: {formats}. "
        "Open it in an image program, save it as JPEG or PNG and try again.",
        name=label,
        formats=", ".join(FORMATS),
    )


# ---- Decoding -------------------------------------------------------------------------------------------------------


def _read(kind: _Kind, data: bytes, label: str | Message) -> tuple[Image.Image, tuple[int, int], list[Message]]:
    """The RGB image, the file's own size, both upright, and the notes."""
    plain = kind.plain(data)
    if plain.size:
        _check_size(plain.size, label)
    source = kind.open(io.BytesIO(plain.data))
    _check_size(source.size, label)
    _check_tiles(source)
    size, raw_mode = source.size, _raw_mode(source)
    source.draft(source.mode, (KEPT_SIDE, KEPT_SIDE))  # a JPEG can be decoded at 1/2, 1/4 or 1/8; others ignore this
    source.load()

    notes = []
    if plain.several or getattr(source, "is_animated", False):
        notes.append(Message("It has several frames or pages; the first one is used."))
    image = _to_rgb(source, raw_mode, notes)
    if max(size) > KEPT_SIDE:
        image.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    turn = _TURNS.get(_orientation(plain.exif or source.info.get("exif", b"")))
    if turn is not None:
        image = image.transpose(turn)
        size = size[::-1] if turn in _SIDEWAYS else size
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


def _check_tiles(source: ImageFile.ImageFile) -> None:
    """A small TIFF can ask to be painted 100 000 times over; honest ones paint each of up to 6 bands once."""
    boxes = [tile.extents for tile in source.tile if tile.extents]
    if sum((right - left) * (bottom - top) for left, top, right, bottom in boxes) > 8 * source.width * source.height:
        raise ValueError("tiles that cover the picture many times")


def _raw_mode(source: ImageFile.ImageFile) -> str:
    """How pixels are stored in the file, such as "RGB;16B", where Pillow says so."""
    args = source.tile[0].args if source.tile else None
    return str(args[0] if isinstance(args, tuple) else args)


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
}


def _orientation(exif: bytes) -> int:
    """1 to 8; 1, upright, where the block is damaged or does not say. Pillow's own reader would warn."""
    exif = exif.removeprefix(b"Exif\0\0")
    with contextlib.suppress(struct.error):
        directory = _directory(exif)
        if _ORIENTATION in directory.entries:
            return int(struct.unpack_from(directory.order + "H", directory.entries[_ORIENTATION], 8)[0])
    return 1


def _to_rgb(image: Image.Image, raw_mode: str, notes: list[Message]) -> Image.Image:
    """Eight bits each of red, green and blue, opaque. Adds to `notes` what is lost on the way."""
    deep = image.mode in ("I", "F") or image.mode.startswith("I;16")
    if deep or ";16" in raw_mode:
        notes.append(Message("Its depth was reduced to 8 bits a channel."))
    if deep:
        image = _eight_bits(image, raw_mode)
    if image.mode in ("1", "L", "LA", "La"):
        notes.append(Message("It is grayscale; red, green and blue are the same."))
    if image.has_transparency_data:
        return _on_white(image, raw_mode, notes)
    if image.mode in ("CMYK", "YCbCr", "LAB"):
        notes.append(Message("Its colours were converted from {mode} to RGB.", mode=image.mode))
    return image.convert("RGB")


def _on_white(image: Image.Image, raw_mode: str, notes: list[Message]) -> Image.Image:
    key = image.info.get("transparency")
    if ";16" in raw_mode and isinstance(key, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in key)  # Pillow has reduced the pixels, not the key
    if image.mode == "La":
        image = image.convert("LA")  # Pillow has no direct way from premultiplied gray to RGBA
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")  # convert() would copy up to 160 MB
    if rgba.getchannel("A").getextrema()[0] == 255:
        return rgba.convert("RGB")  # an alpha channel that hides nothing deserves no note
    notes.append(Message("Its transparent parts were put on white."))
    flat = Image.new("RGB", rgba.size, "white")
    flat.paste(rgba, mask=rgba)
    return flat


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
    finite = [band[np.isfinite(band)] for band in _bands(image)]
    low = min((float(band.min()) for band in finite if band.size), default=0.0)
    high = max((float(band.max()) for band in finite if band.size), default=0.0)
    scales = (1,) if image.mode == "F" else (255, 65535)
    return next(((0, scale) for scale in scales if low >= 0 and high <= scale), (low, high))


def _bands(image: Image.Image) -> Iterator[npt.NDArray[np.float64]]:
    """Its rows, 256 at a time: float64 keeps the extremes of int32 and float32 exact, and only a band of it exists."""
    for top in range(0, image.height, 256):
        band = image.crop((0, top, image.width, min(top + 256, image.height)))
        with np.errstate(invalid="ignore"):  # of this thread only: a signalling not-a-number would warn
            yield np.asarray(band).astype(np.float64)


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
        image = image.convert("L" if len(self.mean) == 1 else "RGB")
        image = image.resize(self._resized(image.size), Image.Resampling.BILINEAR)
        left, top = self._corner(image.size)
        image = image.crop((left, top, left + self.crop, top + self.crop))
        pixels = np.asarray(image, dtype=np.float32).reshape(self.crop, self.crop, -1) / np.float32(255)  # (H, W, C)
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
