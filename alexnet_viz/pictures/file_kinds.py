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
import zlib
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
from alexnet_viz.pictures import heif, profiles
from alexnet_viz.words.i18n import N_, Message

MAX_SCANS = 100  # passes of a progressive JPEG (cameras: 1, optimisers: about 10); a small file can ask for 100 000


@dataclass(frozen=True)
class Plain:
    """A file without its metadata, and what was learnt on the way."""

    data: bytes
    exif: bytes = b""  # a TIFF block, in which cameras say how they were held
    several: bool = False  # more frames or pages follow the first
    profile: bytes = b""  # what its colours mean, as an ICC profile; what Pillow finds comes before it
    hdr: bool = False  # brighter than a screen's white
    preview: bool = False  # the first picture is a small one of another that cannot be read
    size: tuple[int, int] | None = None  # where merely opening the file already allocates or warns by its size


_BROKEN_PROFILE = b"broken"  # in the place of one that cannot be put together: it is ignored with a note
_SOS, _EOI, _APP0, _APP1, _APP2, _APP14 = 0xDA, 0xD9, 0xE0, 0xE1, 0xE2, 0xEE
# What a JPEG decoder needs: frames, Huffman and quantisation tables, restart interval, and the two application
# segments (JFIF, Adobe) that say how colours are stored.
_JPEG_KEPT = {*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD, _APP0, _APP14} - {0xC8}
_JPEG_BARE = {0x00, 0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)}  # markers without a length after them


def _plain_jpeg(data: bytes) -> Plain:
    """Up to the end of the first image: phones append a second picture or a film."""
    kept, exif, at = [data[:2]], b"", 2
    parts: list[bytes] = []  # of the profile
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
        elif marker == _APP2 and data[at + 4 : at + 16] == b"ICC_PROFILE\0":
            parts.append(data[at + 16 : end])
        at = end
    pixels, end_mark, _ = data[max(at, 0) :].partition(bytes([0xFF, _EOI]))  # within pixels, every 0xFF is escaped
    if pixels.count(bytes([0xFF, _SOS])) > MAX_SCANS:
        raise ValueError(f"more than {MAX_SCANS} scans")
    return Plain(b"".join(kept) + pixels + end_mark, exif, profile=_joined(parts) or _camera_profile(exif))


def _joined(parts: list[bytes]) -> bytes:
    """The profile of a JPEG from its segments: each has its number, from 1 on, and how many there are."""
    if not parts:
        return b""
    numbered = {part[0]: part[2:] for part in parts if len(part) > 2}
    if sorted(numbered) != list(range(1, parts[0][1] + 1 if len(parts[0]) > 1 else 0)):
        return _BROKEN_PROFILE
    return b"".join(numbered[number] for number in sorted(numbered))


_PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_PNG_COLOURS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")


def _plain_png(data: bytes) -> Plain:
    """Without text, profiles and animation. The first image of an animated PNG is a plain PNG by design."""
    kept, exif, several, at = [data[:8]], b"", False, 8
    about: dict[bytes, bytes] = {}  # its colours
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])  # length, kind, contents, checksum
        kind, contents = data[at + 4 : at + 8], slice(at + 8, end - 4)
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        elif kind == b"eXIf":
            exif = data[contents]
        elif kind == b"acTL":
            several = int.from_bytes(data[contents][:4]) > 1
        elif kind in _PNG_COLOURS:
            about.setdefault(kind, data[contents])
        at = end if kind != b"IEND" else len(data)
    cicp = about.get(b"cICP", b"").ljust(2, b"\0")
    return Plain(b"".join(kept), exif, several, _png_profile(about, data[25:26]), hdr=profiles.is_hdr(cicp[1]))


def _png_profile(about: dict[bytes, bytes], colour_type: bytes) -> bytes:
    """The profile of a PNG by the chunk that has the word: cICP, then iCCP, then sRGB, then gAMA with cHRM."""
    if (cicp := about.get(b"cICP")) and len(cicp) == 4:
        return profiles.of_numbers(cicp[0], cicp[1])
    if b"iCCP" in about:
        _, _, packed = about[b"iCCP"].partition(b"\0")
        try:
            return zlib.decompressobj().decompress(packed[1:], profiles.MAX_BYTES + 1) or _BROKEN_PROFILE
        except zlib.error:
            return _BROKEN_PROFILE
    gamma = int.from_bytes(about.get(b"gAMA", b"")[:4]) / 100_000
    if b"sRGB" in about or not 0.1 < gamma < 5:
        return b""
    points: tuple[float, ...] = profiles.SRGB
    if len(given := about.get(b"cHRM", b"")) == 32:
        white_x, white_y, *rest = (number / 100_000 for number in struct.unpack(">8I", given))
        points = (*rest, white_x, white_y)
    return profiles.of_gamma(gamma, points, gray=colour_type in (b"\0", b"\4")) or _BROKEN_PROFILE


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
    primaries, transfer = heif.colours(data) or (0, 0)
    return Plain(
        _AVIF_EXIF.sub(rb"\1none", data),
        profile=profiles.of_numbers(primaries, transfer),
        hdr=profiles.is_hdr(transfer),
    )


def _plain_heic(data: bytes) -> Plain:
    """Without what describes its pictures; refused where decoding would take far more than it shows."""
    size = heif.size_before_cutting(data)
    primaries, transfer = heif.colours(data) or (0, 0)
    return Plain(
        heif.without_metadata(data),
        size=size,
        profile=profiles.of_numbers(primaries, transfer),
        hdr=profiles.is_hdr(transfer),
    )


def _plain_bmp(data: bytes) -> Plain:
    """As it is; its newest kind of header (124 bytes) may say where a profile lies."""
    if len(data) >= 138 and data[14] == 124 and data[70:74] == b"DEBM":  # "MBED", embedded, as a number
        start, size = struct.unpack_from("<II", data, 126)
        return Plain(data, profile=data[14 + start : 14 + start + size] or _BROKEN_PROFILE)
    return Plain(data)


_ORIENTATION, _PROFILE, _PHOTOMETRY, _MAKE = 274, 34675, 262, 271
_SUBFILE, _SUB_DIRECTORIES, _DNG = 254, 330, 50706  # what a raw file has
_EXIF, _INTEROPERABILITY, _COLOUR_SPACE = 0x8769, 0xA005, 0xA001
_TIFF_MAGIC = (b"II*\0", b"MM\0*")
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

    def number(self, tag: int) -> int:
        """The value of a tag that is one number; 0 where it is missing."""
        entry = self.entries.get(tag, bytes(12))
        short = struct.unpack_from(self.order + "H", entry, 2)[0] == 3
        return int(struct.unpack_from(self.order + ("H" if short else "I"), entry, 8)[0])


def _directory(data: bytes, start: int = 0) -> _Directory:
    """The first one, or that at `start`."""
    order = "<" if data[:2] == b"II" else ">"
    if not start:
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
    return Plain(
        header + data[8:].ljust(start - 8, b"\0") + table,
        exif=data,
        several=directory.following != 0,
        profile=_tiff_profile(data, directory) or _camera_profile(data),
        preview=_is_preview(data, directory),
    )


def _tiff_profile(data: bytes, directory: _Directory) -> bytes:
    if _PROFILE not in directory.entries:
        return b""
    _, _, count, offset = struct.unpack(directory.order + "HHII", directory.entries[_PROFILE])
    return data[offset : offset + count] or _BROKEN_PROFILE


def _is_preview(data: bytes, directory: _Directory) -> bool:
    """Whether the first picture is said to be a reduced one. Canon's raw files do not say it."""
    return data[8:10] == b"CR" or bool(directory.number(_SUBFILE) & 1)


def is_raw(data: bytes) -> bool:
    """Whether a TIFF is a raw file of a camera: Canon's, an Adobe DNG, or a camera's with pictures inside pictures."""
    if not data.startswith(_TIFF_MAGIC):
        return False
    with contextlib.suppress(struct.error):
        directory = _directory(data)
        tags = directory.entries.keys()
        return data[8:10] == b"CR" or _DNG in tags or {_MAKE, _SUB_DIRECTORIES} <= tags or _is_sensor(directory)
    return False


def _is_sensor(directory: _Directory) -> bool:
    """Whether its pixels are a sensor's: a mosaic of colours, or linear (TIFF/EP, DNG)."""
    return directory.number(_PHOTOMETRY) in (32803, 34892)


def _camera_profile(exif: bytes) -> bytes:
    """Adobe RGB where a camera's EXIF says so: by interoperability "R03" (DCF 2.0), or by colour space 2."""
    exif = exif.removeprefix(b"Exif\0\0")
    with contextlib.suppress(struct.error):
        more = _directory(exif).number(_EXIF)
        if not more:
            return b""
        block = _directory(exif, more)
        rules = block.number(_INTEROPERABILITY)
        named = _directory(exif, rules).entries.get(1, b"")[8:11] if rules else b""
        if named == b"R03" or block.number(_COLOUR_SPACE) == 2:
            return profiles.adobe_rgb()
    return b""


class TiffFile(TiffImagePlugin.TiffImageFile):
    """Pillow's, which takes 16 bits of a plane for 8 where colours lie one after the other and are not compressed."""

    def _setup(self) -> None:
        super()._setup()
        modes = "".join(dict.fromkeys(str(tile.args[0]) for tile in self.tile if isinstance(tile.args, tuple)))
        deep = max(self.tag_v2.get(258, (8,))) == 16
        if deep and self.tag_v2.get(284) == 2 and len(modes) > 1 and not self.use_load_libtiff:
            self.use_load_libtiff = True  # which reads such planes right, compressed or not
            args = (f"{modes};16N", False, self.tag_v2.offset)
            self.tile = [ImageFile._Tile("libtiff", (0, 0, *self._tile_size), 0, args)]


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


def _is_heic(data: bytes) -> bool:
    return not _brands(data).isdisjoint({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


@dataclass(frozen=True)
class Kind:
    format: str
    extensions: tuple[str, ...]  # of file names, small and without the dot; the bytes decide, not the name
    matches: Callable[[bytes], bool]
    plain: Callable[[bytes], Plain]
    open: Callable[[io.BytesIO], ImageFile.ImageFile]


KINDS = (
    Kind(
        "JPEG",
        ("jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp"),
        lambda data: data.startswith(b"\xff\xd8\xff"),
        _plain_jpeg,
        JpegImagePlugin.JpegImageFile,
    ),
    Kind(
        "PNG",
        ("png", "apng"),
        lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"),
        _plain_png,
        PngImagePlugin.PngImageFile,
    ),
    Kind(
        "WebP",
        ("webp",),
        lambda data: data[:4] + data[8:12] == b"RIFFWEBP",
        _plain_webp,
        WebPImagePlugin.WebPImageFile,
    ),
    Kind("AVIF", ("avif", "avifs"), _is_avif, _plain_avif, AvifImagePlugin.AvifImageFile),
    Kind("HEIC", ("heic", "heif", "hif", "heics", "heifs"), _is_heic, _plain_heic, heif.HeicFile),
    Kind(
        "GIF",
        ("gif",),
        lambda data: data.startswith((b"GIF87a", b"GIF89a")),
        _plain_gif,
        GifImagePlugin.GifImageFile,
    ),
    Kind("BMP", ("bmp", "dib"), _is_bmp, _plain_bmp, BmpImagePlugin.BmpImageFile),
    Kind("TIFF", ("tif", "tiff"), lambda data: data.startswith(_TIFF_MAGIC), _plain_tiff, TiffFile),
)
FORMATS = tuple(kind.format for kind in KINDS)
EXTENSIONS = tuple(  # every kind's usual one first: lists of them are cut off where they are shown
    dict.fromkeys([*(kind.extensions[0] for kind in KINDS), *(one for kind in KINDS for one in kind.extensions)])
)


def _is_svg(data: bytes) -> bool:
    head = data[:4096].replace(b"\0", b"").lower()  # without zeros, UTF-16 reads like ASCII
    return b"<svg" in head and b"<html" not in head


def _is_other_raw(data: bytes) -> bool:
    """Raw files of cameras that are no TIFF: Canon, Fujifilm, Olympus, Panasonic, Sigma, Minolta."""
    starts = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
    return data.startswith(starts) or data[6:14] == b"HEAPCCDR" or b"crx " in _brands(data)


RAW = N_(
    "{name} is a raw file of a camera, whose pixels this app cannot read. Export the photo as JPEG, in the camera or "
    "in a photo program, and try again."
)

# Files that people do try, and what to do with each.
_STRANGERS: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (_is_other_raw, RAW),
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
