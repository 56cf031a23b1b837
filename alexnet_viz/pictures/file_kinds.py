"""Image files as bytes: which kind they are, and a file cut down to what its pixels need.

The cutting down (`Kind.plain`) is what keeps Pillow quiet. It warns about odd metadata, and warnings can only be
silenced for the whole process, which is unsafe while other sessions decode in other threads. A file without metadata
gives no cause to warn, holds no text or profile that unpacks to gigabytes, and ends after its first frame. For the same
reason the plugin classes are used instead of `Image.open`, which warns before a size can be refused.
"""

import contextlib
import io
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    TiffTags,
    WebPImagePlugin,
)

from alexnet_viz.errors import UserError
from alexnet_viz.words.i18n import N_, Message

MAX_SCANS = 100  # passes of a progressive JPEG (cameras: 1, optimisers: about 10); a small file can ask for 100 000


@dataclass(frozen=True)
class Plain:
    """A file without its metadata, and what was learnt on the way."""

    data: bytes
    exif: bytes = b""  # a TIFF block, in which cameras say how they were held
    several: bool = False  # more frames or pages follow the first
    size: tuple[int, int] | None = None  # where merely opening the file already allocates or warns by its size


_SOS, _EOI, _APP0, _APP1, _APP14 = 0xDA, 0xD9, 0xE0, 0xE1, 0xEE
# What a JPEG decoder needs: frames, Huffman and quantisation tables, restart interval, and the two application
# segments (JFIF, Adobe) that say how colours are stored.
_JPEG_KEPT = {*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD, _APP0, _APP14} - {0xC8}
_JPEG_BARE = {0x00, 0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)}  # markers without a length after them


def _plain_jpeg(data: bytes) -> Plain:
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
    pixels, end_mark, _ = data[max(at, 0) :].partition(bytes([0xFF, _EOI]))  # within pixels, every 0xFF is escaped
    if pixels.count(bytes([0xFF, _SOS])) > MAX_SCANS:
        raise ValueError(f"more than {MAX_SCANS} scans")
    return Plain(b"".join(kept) + pixels + end_mark, exif)


_PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def _plain_png(data: bytes) -> Plain:
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
    return Plain(b"".join(kept), exif, several)


def _plain_gif(data: bytes) -> Plain:
    """Up to the end of the first frame, which may be larger than the screen that the header speaks of."""
    first = _gif_frame(data, 13 + _gif_palette(data[10]))
    if first is None:
        raise ValueError("no frame")
    left, top, width, height = struct.unpack_from("<4H", data, first + 1)
    screen_width, screen_height = struct.unpack_from("<2H", data, 6)
    end = _after_blocks(data, first + 11 + _gif_palette(data[first + 9]))
    return Plain(
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


def _plain_webp(data: bytes) -> Plain:
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
    return Plain(data, size=size)


_AVIF_EXIF = re.compile(rb"(infe[\x02\x03].{3}(?:.{4}|.{6}))Exif", re.DOTALL)


def _plain_avif(data: bytes) -> Plain:
    """With its EXIF item renamed, so that it goes unread: what turns an AVIF are properties of its own."""
    return Plain(_AVIF_EXIF.sub(rb"\1none", data))


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


def _plain_tiff(data: bytes) -> Plain:
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
    return Plain(header + data[8:].ljust(start - 8, b"\0") + table, exif=data, several=directory.following != 0)


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
class Kind:
    format: str
    matches: Callable[[bytes], bool]
    plain: Callable[[bytes], Plain]
    open: Callable[[io.BytesIO], ImageFile.ImageFile]


KINDS = (
    Kind("JPEG", lambda data: data.startswith(b"\xff\xd8\xff"), _plain_jpeg, JpegImagePlugin.JpegImageFile),
    Kind("PNG", lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"), _plain_png, PngImagePlugin.PngImageFile),
    Kind("WebP", lambda data: data[:4] + data[8:12] == b"RIFFWEBP", _plain_webp, WebPImagePlugin.WebPImageFile),
    Kind("AVIF", _is_avif, _plain_avif, AvifImagePlugin.AvifImageFile),
    Kind("GIF", lambda data: data.startswith((b"GIF87a", b"GIF89a")), _plain_gif, GifImagePlugin.GifImageFile),
    Kind("BMP", _is_bmp, Plain, BmpImagePlugin.BmpImageFile),
    Kind("TIFF", lambda data: data.startswith((b"II*\0", b"MM\0*")), _plain_tiff, TiffImagePlugin.TiffImageFile),
)
FORMATS = tuple(kind.format for kind in KINDS)


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


def recognise(data: bytes, label: str | Message) -> Kind:
    for kind in KINDS:
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


def orientation(exif: bytes) -> int:
    """1 to 8; 1, upright, where the block is damaged or does not say. Pillow's own reader would warn."""
    exif = exif.removeprefix(b"Exif\0\0")
    with contextlib.suppress(struct.error):
        directory = _directory(exif)
        if _ORIENTATION in directory.entries:
            return int(struct.unpack_from(directory.order + "H", directory.entries[_ORIENTATION], 8)[0])
    return 1
