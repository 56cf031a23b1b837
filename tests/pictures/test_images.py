"""Nothing but a UserError leaves `decode`, whatever the bytes; and a network sees exactly what torchvision would show.

Every file is made here. Pixels are compared where a wrong conversion would still look like a picture.
"""

import contextlib
import io
import random
import struct
import threading
import warnings
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps, PngImagePlugin, WebPImagePlugin

from alexnet_viz.errors import UserError
from alexnet_viz.pictures import file_kinds, images
from alexnet_viz.pictures.images import KEPT_SIDE, Picture, Preprocess, decode, draw_crop, encode
from alexnet_viz.words.i18n import Message
from tools.machine import forget_peak, memory_mb
from tools.picture_files import (
    BOMBS,
    CORPUS,
    PNG_MAGIC,
    SIZE,
    SVG,
    chunk,
    exif,
    ftyp,
    is_sound,
    photo,
    plain_png,
    planar_tiff,
    png,
    png_rows,
    raw_tiff,
    rgba,
    saved,
    tiff,
    tiff_entry,
    with_segments,
    with_tag,
)

pytestmark = pytest.mark.filterwarnings("error")


def refusal(data: bytes, name: str = "") -> UserError:
    with pytest.raises(UserError) as caught:
        decode(data, name)
    return caught.value


def noted(picture: Picture, words: str) -> bool:
    return any(words in str(note) for note in picture.notes)


def pixel(data: bytes, at: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    return decode(data).image.getpixel(at)


def near(one: Image.Image, other: Image.Image, tolerance: float) -> bool:
    difference = np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16))
    return one.size == other.size and float(difference.mean()) <= tolerance


@pytest.mark.parametrize("name", CORPUS)
def test_every_kind_is_decoded(name: str) -> None:
    picture = decode(CORPUS[name], name)
    assert is_sound(picture)
    assert picture.format.lower() == name.split()[0].replace("apng", "png")
    assert sorted(picture.size) == sorted(SIZE)
    assert all(isinstance(note, Message) and str(note) for note in picture.notes)


def test_the_corpus_has_every_accepted_format() -> None:
    assert {decode(data).format for data in CORPUS.values()} == set(file_kinds.FORMATS)


@pytest.mark.parametrize(
    ("format", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"tiffinfo": {278: 5}}, 0),
        ("WebP", {"lossless": True}, 0),
        ("GIF", {}, 8),
        ("JPEG", {"quality": 95}, 3),
        ("AVIF", {"quality": 95}, 3),
        ("TIFF", {"compression": "jpeg"}, 8),
    ],
)
def test_plain_pictures_come_out_as_they_went_in_without_notes(format: str, options: dict, tolerance: float) -> None:
    picture = decode(saved(photo(), format, **options))
    assert near(picture.image, photo(), tolerance)
    assert picture.notes == ()


@pytest.mark.parametrize("size", [(40, 32), (8, 8), (8, 160), (33, 9)])
def test_size_is_the_files_own(size: tuple[int, int]) -> None:
    assert decode(saved(photo(size), "PNG")).size == size


def test_rle_bmp_rows_have_their_colours() -> None:
    assert [pixel(CORPUS["bmp rle"], (7, y)) for y in (0, 31)] == [(224, 0, 31), (255, 0, 0)]


def hidden_palette(mode: str) -> Image.Image:
    """Colour 0 red, colour 1 green; the right half is green and declared transparent."""
    image = Image.new("P", SIZE, 0)
    image.putpalette([255, 0, 0, 0, 255, 0] + [0] * 762)
    image.paste(1, (20, 0, 40, 32))
    if mode == "P":
        return image
    alpha = Image.new("L", SIZE, 255)
    alpha.paste(0, (20, 0, 40, 32))
    return Image.merge("PA", (image, alpha))


def key_png(depth: int, colour: int) -> bytes:
    """The left half red or black, the right half the colour that tRNS declares transparent."""
    channels, kind = 3 if colour == 2 else 1, ">u2" if depth == 16 else np.uint8
    values = np.zeros((32, 40, channels), kind)
    values[..., 0] = 0xFFFF if colour == 2 and depth == 16 else 255 if colour == 2 else 0
    values[:, 20:] = key = 0x1234 if depth == 16 else 0x12
    return png(SIZE, depth, colour, png_rows(values), chunk(b"tRNS", struct.pack(">H", key) * channels))


@pytest.mark.parametrize(
    "data",
    [
        saved(hidden_palette("P"), "PNG", transparency=1),
        saved(hidden_palette("P"), "PNG", transparency=b"\xff\x00"),
        saved(hidden_palette("P"), "GIF", transparency=1),
        saved(hidden_palette("PA"), "TIFF"),
        saved(hidden_palette("PA").convert("RGBA"), "WebP", lossless=True, exact=True),
        saved(hidden_palette("PA").convert("RGBA"), "TIFF"),
        key_png(8, 2),
        key_png(16, 2),
    ],
    ids=["P int", "P bytes", "GIF", "PA", "WebP", "TIFF", "RGB key", "RGB key 16"],
)
def test_hidden_colours_stay_hidden_on_white(data: bytes) -> None:
    picture = decode(data)
    assert picture.image.getpixel((0, 0)) == (255, 0, 0)
    assert picture.image.getpixel((39, 0)) == (255, 255, 255)
    assert noted(picture, "on white")


@pytest.mark.parametrize("depth", [8, 16])
def test_a_gray_declared_transparent_becomes_white(depth: int) -> None:
    picture = decode(key_png(depth, 0))
    assert picture.image.getpixel((0, 0)) == (0, 0, 0)
    assert picture.image.getpixel((39, 0)) == (255, 255, 255)
    assert noted(picture, "on white")
    assert noted(picture, "grayscale")


@pytest.mark.parametrize(("key", "ground"), [(0, "black"), (1, "white")])
def test_a_bit_declared_transparent_becomes_the_other_one(key: int, ground: str) -> None:
    """White alone would vanish on white, black alone on black."""
    rows = png_rows(np.packbits(np.arange(40) < 20).repeat(32).reshape(5, 32).T)
    picture = decode(png(SIZE, 1, 0, rows, chunk(b"tRNS", bytes([0, key]))))
    assert picture.image.getextrema() == ((0, 255),) * 3
    assert noted(picture, f"on {ground}")


@pytest.mark.parametrize("format", ["PNG", "WebP", "TIFF", "AVIF"])
def test_alpha_is_composited_on_white(format: str) -> None:
    exact = {"lossless": True, "exact": True} if format == "WebP" else {"quality": 100} if format == "AVIF" else {}
    picture = decode(saved(rgba(), format, **exact))
    expected = Image.alpha_composite(Image.new("RGBA", SIZE, "white"), rgba()).convert("RGB")
    assert near(picture.image, expected, 2)
    assert picture.image.getpixel((25, 5)) == pytest.approx((255, 127, 127), abs=4)
    assert noted(picture, "on white")


def drawing(colour: tuple[int, int, int]) -> Image.Image:
    """A disc in one colour on a transparent ground."""
    y, x = np.mgrid[:32, :40]
    alpha = 255 * ((x - 20) ** 2 + (y - 16) ** 2 < 100)
    return Image.fromarray(np.dstack([np.full((32, 40, 3), colour), alpha]).astype(np.uint8))


@pytest.mark.parametrize(
    ("colour", "ground"),
    [
        ((255, 255, 255), "black"),
        ((230, 230, 230), "black"),
        ((255, 255, 180), "black"),
        ((180, 180, 180), "black"),
        ((160, 160, 160), "white"),
        ((255, 0, 0), "white"),
        ((0, 0, 0), "white"),
    ],
)
@pytest.mark.parametrize("format", ["PNG", "WebP", "TIFF", "GIF"])
def test_no_drawing_vanishes_on_its_ground(format: str, colour: tuple[int, int, int], ground: str) -> None:
    options = {"lossless": True, "exact": True} if format == "WebP" else {}
    picture = decode(saved(drawing(colour), format, **options))
    assert picture.image.getpixel((20, 16)) == colour
    assert picture.image.getpixel((0, 0)) == ((0,) * 3 if ground == "black" else (255,) * 3)
    assert noted(picture, f"on {ground}")


def test_a_gray_or_faint_white_drawing_does_not_vanish_either() -> None:
    for image in (drawing((255,) * 3).convert("LA"), Image.merge("RGBA", (*[Image.new("L", SIZE, 255)] * 3, faint()))):
        picture = decode(saved(image, "PNG"))
        assert picture.image.getpixel((20, 16))[0] > 50
        assert picture.image.getpixel((0, 0)) == (0, 0, 0)


def faint() -> Image.Image:
    return drawing((0, 0, 0)).getchannel("A").point(lambda value: value // 4)


def test_a_photo_with_transparent_corners_stays_on_white() -> None:
    image = photo().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 6, 6))
    picture = decode(saved(image, "PNG"))
    assert picture.image.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("rows", [0, 5])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("count", [3, 4])
def test_sixteen_bits_in_planes_are_those_pixels(count: int, order: str, rows: int, packed: bool) -> None:
    planes = np.asarray(photo().convert("RGBA")).transpose(2, 0, 1)[:count].astype(f"{order}u2") * 257
    picture = decode(planar_tiff(planes.astype(f"{order}u2"), order, rows=rows, packed=packed))
    assert near(picture.image, photo(), 0.5)
    assert noted(picture, "8 bits")


def test_other_planes_are_those_pixels() -> None:
    inks = np.asarray(photo().convert("CMYK")).transpose(2, 0, 1)
    for planes in (inks, inks.astype("<u2") * 257):
        assert near(decode(planar_tiff(planes, "<", colours=5)).image, photo(), 0.5)
    assert near(decode(planar_tiff(np.asarray(photo()).transpose(2, 0, 1), "<", rows=7)).image, photo(), 0)


@pytest.mark.parametrize("dng", [False, True])
def test_the_preview_of_a_raw_file_is_named(dng: bool) -> None:
    picture = decode(raw_tiff(preview=True, dng=dng))
    assert near(picture.image, photo(), 0)
    assert noted(picture, "raw file of a camera; only its preview is read, 40 x 32 pixels")


@pytest.mark.parametrize(
    "data",
    [
        raw_tiff(preview=False),
        raw_tiff(preview=False, dng=False),
        b"II*\0\x10\0\0\0CR\2\0" + bytes(200),
        b"FUJIFILMCCD-RAW 0201" + bytes(80),
        b"IIRO\x08\0\0\0" + bytes(80),
        b"IIU\0\x18\0\0\0" + bytes(80),
        ftyp(b"crx ", b"isom"),
    ],
    ids=["DNG", "camera", "CR2", "RAF", "ORF", "RW2", "CR3"],
)
def test_a_raw_file_without_a_preview_is_refused_as_such(data: bytes) -> None:
    assert "is a raw file of a camera" in str(refusal(data, "DSC_1.NEF"))
    assert "Export the photo as JPEG" in str(refusal(data, "DSC_1.NEF"))


def test_the_reduced_first_page_of_a_tiff_is_named() -> None:
    data = tiff(
        [
            *((254, 4, [1]), (256, 3, [40]), (257, 3, [32]), (258, 3, [8] * 3), (259, 3, [1]), (262, 3, [2])),
            *((273, 4, [16]), (277, 3, [3]), (278, 3, [32]), (279, 4, [3840])),
        ],
        photo().tobytes(),
    )
    assert noted(decode(data), "a reduced one of 40 x 32 pixels")
    assert decode(saved(photo(), "TIFF")).notes == ()


def test_files_may_be_named_as_browsers_and_phones_name_them() -> None:
    names = {"jpg", "jpeg", "jfif", "jpe", "png", "webp", "avif", "heic", "heif", "gif", "bmp", "tif", "tiff"}
    assert names <= set(file_kinds.EXTENSIONS)
    assert len(set(file_kinds.EXTENSIONS)) == len(file_kinds.EXTENSIONS)


def test_gray_alpha_is_composited_on_white() -> None:
    data = saved(Image.new("LA", SIZE, (100, 51)), "PNG")
    assert pixel(data) == (224, 224, 224)  # 255 + (100 - 255) / 5
    assert noted(decode(data), "grayscale")


@pytest.mark.parametrize(("mode", "colour"), [("LA", (20, 51)), ("RGBA", (20, 20, 20, 51))])
def test_premultiplied_alpha_is_composited_once(mode: str, colour: tuple[int, ...]) -> None:
    """Sample kind 1 in a TIFF: the colour is multiplied by alpha already, so 20 at 1/5 stands for 100."""
    data = with_tag(saved(Image.new(mode, SIZE, colour), "TIFF"), 338, 1)
    assert pixel(data) == pytest.approx((224,) * 3, abs=1)


def test_alpha_that_hides_nothing_gets_no_note() -> None:
    picture = decode(saved(photo().convert("RGBA"), "PNG"))
    assert picture.notes == ()
    assert near(picture.image, photo(), 0)


def deep(values: np.ndarray, **options: object) -> bytes:
    return saved(Image.fromarray(values), "TIFF", **options)


def gray_of(data: bytes, at: tuple[int, int] = (0, 0)) -> int:
    red, green, blue = pixel(data, at)
    assert red == green == blue
    return red


def twelve_bits(value: int) -> bytes:
    """Two pixels in three bytes: made from an 8-bit TIFF that is half again as wide."""
    packed = np.frombuffer((value << 12 | value).to_bytes(3), np.uint8)
    return with_tag(with_tag(deep(np.tile(packed, (32, 20))), 256, 40), 258, 12)


FLAT = np.ones(SIZE[::-1])


@pytest.mark.parametrize(
    "data",
    [
        saved(Image.fromarray((FLAT * 0x8000).astype(np.uint16)), "PNG"),
        deep((FLAT * 0x8000).astype(np.uint16)),
        deep((FLAT * 0x8000).astype(np.uint16), compression="tiff_lzw"),
        deep((FLAT * 0x8000).astype(">u2")),
        deep((FLAT * 0x8000).astype(np.int32)),
        deep((FLAT * 128).astype(np.int32)),
        deep((FLAT * 0.5).astype(np.float32)),
        twelve_bits(0x800),
        png(SIZE, 16, 2, png_rows((np.ones((32, 120)) * 0x8000).astype(">u2"))),
        png(SIZE, 16, 4, png_rows(np.tile(np.array([0x8000, 0xFFFF], ">u2"), (32, 40)))),
    ],
    ids=["PNG", "TIFF", "LZW", "big-endian", "int32", "int32 of 8 bits", "float", "12 bits", "RGB", "gray alpha"],
)
def test_mid_gray_stays_mid_gray(data: bytes) -> None:
    assert gray_of(data) == pytest.approx(128, abs=1)
    assert noted(decode(data), "8 bits")


@pytest.mark.parametrize("kind", [np.uint16, ">u2", np.int32])
def test_sixteen_bits_keep_black_white_and_quarters(kind: str | type) -> None:
    values = np.zeros(SIZE[::-1])
    values[:, 10:20], values[:, 20:30], values[:, 30:] = 65535 / 4, 65535 / 2, 65535
    data = deep(values.astype(kind))
    assert [gray_of(data, (x, 0)) for x in (0, 10, 20, 30)] == pytest.approx([0, 64, 127, 255], abs=1)


@pytest.mark.parametrize("values", [np.full((32, 40), 0x4000, np.uint16), np.full((32, 40), 0.25, np.float32)])
def test_deep_gray_may_be_stored_with_0_as_white(values: np.ndarray) -> None:
    assert gray_of(deep(values)) == 64
    assert gray_of(with_tag(deep(values), 262, 0)) == 191


@pytest.mark.parametrize(("low", "high"), [(-3e38, 3e38), (-5, 5), (0, 40000), (1e6, 1e6 + 8), (-32768, 32767)])
def test_floats_beyond_0_to_1_are_stretched_to_their_own_range(low: float, high: float) -> None:
    values = np.linspace(low, high, 40, dtype=np.float64).repeat(32).reshape(40, 32).T.astype(np.float32)
    data = deep(np.ascontiguousarray(values))
    assert [gray_of(data, (x, 9)) for x in (0, 39)] == [0, 255]
    assert gray_of(data, (20, 9)) == pytest.approx(130, abs=3)


def test_wide_integers_are_stretched_to_their_own_range() -> None:
    values = np.zeros(SIZE[::-1], np.int32)
    values[:, :20], values[:, 20:] = -(2**31), 2**31 - 1
    assert [gray_of(deep(values), (x, 0)) for x in (0, 39)] == [0, 255]


def test_not_a_number_is_black_and_infinities_are_extremes() -> None:
    values = np.full(SIZE[::-1], 0.5, np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    assert [gray_of(deep(values), (x, 0)) for x in range(4)] == [0, 255, 0, 128]


@pytest.mark.parametrize("bits", [0x7F800001, 0x7FC00000], ids=["signalling", "quiet"])
def test_only_not_a_number_is_still_a_picture_and_makes_no_noise(bits: int) -> None:
    assert gray_of(deep(np.full(SIZE[::-1], bits, np.uint32).view(np.float32))) == 0


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_inks_become_colours(format: str) -> None:
    """Pure cyan ink; a JPEG stores it inverted, as Adobe does."""
    data = saved(Image.new("CMYK", SIZE, (255, 0, 0, 0)), format)
    assert pixel(data) == pytest.approx((0, 255, 255), abs=4)
    assert noted(decode(data), "CMYK")


@pytest.mark.parametrize(("mode", "tolerance"), [("LAB", 6), ("YCbCr", 2)])
def test_other_colours_become_rgb(mode: str, tolerance: float) -> None:
    picture = decode(saved(photo().convert(mode), "TIFF"))
    assert near(picture.image, photo(), tolerance)
    assert noted(picture, mode)


@pytest.mark.parametrize("mode", ["1", "L"])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP"])
def test_gray_is_said_to_be_gray(mode: str, format: str) -> None:
    picture = decode(saved(photo().convert(mode), format))
    assert near(picture.image, photo().convert(mode).convert("RGB"), 0)
    assert noted(picture, "grayscale")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WebP", "TIFF", "AVIF"])
def test_orientation_as_pillow_understands_it(format: str, orientation: int) -> None:
    data = saved(photo(), format, exif=exif(orientation))
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert expected.size == (SIZE if orientation < 5 else SIZE[::-1])
    picture = decode(data)
    assert near(picture.image, expected, 0)
    assert picture.size == expected.size
    assert noted(picture, "upright") == (orientation != 1)


@pytest.mark.parametrize("block", [b"", b"II", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + b"\x01" * 40])
def test_damaged_exif_is_read_as_upright(block: bytes) -> None:
    assert decode(plain_png(chunk(b"eXIf", block))).notes == ()
    assert decode(with_segments(saved(photo(), "JPEG"), 0xE1, [b"Exif\0\0" + block])).notes == ()


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_upright(orientation: int) -> None:
    assert decode(saved(photo(), "JPEG", exif=exif(orientation))).notes == ()


@pytest.mark.parametrize("name", ["apng", "webp animated", "avif animated", "gif animated", "tiff pages"])
def test_the_first_frame_is_taken_and_said(name: str) -> None:
    first = rgba() if name.startswith("avif") else photo()
    picture = decode(CORPUS[name])
    assert noted(picture, "first one")
    white = Image.new("RGBA", SIZE, "white")
    assert near(picture.image, Image.alpha_composite(white, first.convert("RGBA")).convert("RGB"), 9)


def test_a_gif_whose_second_frame_is_damaged_still_shows_its_first() -> None:
    data = CORPUS["gif animated"]
    cut = data[: len(data) * 3 // 4]
    assert noted(decode(cut), "first one")
    assert near(decode(cut).image, decode(data).image, 0)


def test_a_film_after_a_jpeg_is_no_part_of_it() -> None:
    """Motion photos: random bytes after the end may look like a thousand scans."""
    data = saved(photo(), "JPEG")
    assert near(decode(data + b"\xff\xda" * 1000).image, decode(data).image, 0)


@pytest.mark.parametrize(("format", "size"), [("JPEG", (4100, 4200)), ("PNG", (2100, 300)), ("WebP", (300, 2500))])
def test_large_pictures_are_reduced_and_said_so(format: str, size: tuple[int, int]) -> None:
    picture = decode(saved(photo().resize(size), format, exif=exif(6)))
    assert picture.size == size[::-1]
    assert max(picture.image.size) == KEPT_SIDE
    assert noted(picture, f"{size[1]} x {size[0]} to {picture.image.width} x {picture.image.height}")
    assert near(picture.image, photo().transpose(Image.Transpose.ROTATE_270).resize(picture.image.size), 4)


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object) -> None:
        raise AssertionError("pixels were decoded")

    for cls in [kind.open for kind in file_kinds.KINDS]:
        monkeypatch.setattr(cls, "load", decoded)
    monkeypatch.setattr(WebPImagePlugin._webp, "WebPAnimDecoder", decoded)  # allocates its canvas at once


@pytest.mark.usefixtures("no_decoding")
@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((10_000, 10_000), "10000 x 10000 pixels; at most 40 million"),
        ((12_000, 8_000), "12000 x 8000 pixels; at most 40 million"),  # where Pillow itself would only warn
        ((16_001, 900), "16001 x 900 pixels; a side of at most 16000"),
        ((7, 40), "7 x 40 pixels; a side of at least 8"),
        ((50, 1_001), "50 x 1001 pixels; the long side may be at most 20 times"),
    ],
)
@pytest.mark.parametrize("kind", BOMBS)
def test_sizes_are_refused_before_decoding(kind: str, size: tuple[int, int], words: str) -> None:
    if kind.startswith(("WebP", "AVIF")):  # whose decoders take more memory
        words = words.replace("40 million", "16 million")
    if kind == "HEIC":
        words = words.replace("40 million", "25 million")
    error = refusal(BOMBS[kind](size), "a.png")
    assert str(error).startswith(f"a.png has {words}")
    assert error.__cause__ is None


def test_the_guard_against_decoding_would_notice(no_decoding: None) -> None:
    for name in ("png", "webp", "jpeg", "tiff"):
        assert isinstance(refusal(CORPUS[name]).__cause__, AssertionError)


def test_the_largest_size_is_decoded() -> None:
    data = saved(Image.new("1", (16_000, 2_500)), "PNG")
    assert decode(data).size == (16_000, 2_500)
    assert "at most 40 million" in str(refusal(saved(Image.new("1", (16_000, 2_501)), "PNG")))


def test_no_kind_takes_more_than_300_mb_for_a_flat_picture_of_its_largest_size() -> None:
    """Such a file has 1 KB; WebP and AVIF would take 650 and 420 MB at the size of the others."""
    for format, side in (("WebP", 4_000), ("AVIF", 4_000), ("HEIF", 5_000), ("PNG", 6_324)):
        fast = {"enc_params": {"preset": "ultrafast"}} if format == "HEIF" else {}
        data = saved(Image.new("RGB", (side, side)), format, **fast)
        before = memory_mb()
        forget_peak()
        decode(data)
        assert memory_mb(what="VmHWM") - before < 300, format


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_metadata_that_unpacks_to_gigabytes_is_not_unpacked(kind: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = zlib.compress(b"x" * 30_000_000, 9)
    contents = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[kind] + packed
    monkeypatch.setattr(PngImagePlugin, "_safe_zlib_decompress", None)
    assert near(decode(plain_png(*[chunk(kind, contents)] * 5)).image, photo(), 0)


def test_megabytes_of_metadata_do_no_harm() -> None:
    parts = [b"ICC_PROFILE\0" + bytes([n, 100]) + b"x" * 60_000 for n in range(1, 51)]
    big = with_segments(saved(photo(), "JPEG"), 0xE2, parts)
    big = with_segments(big, 0xE1, [b"Exif\0\0" + b"MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12\0\3" * 15_000] * 50)
    assert 5_000_000 < len(big) < images.MAX_BYTES
    assert near(decode(big).image, photo(), 8)


def test_a_jpeg_of_many_scans_is_refused(no_decoding: None) -> None:
    data = CORPUS["jpeg progressive"]
    last = data.rindex(b"\xff\xda")
    many = data[:last] + data[last:-2] * 200 + data[-2:]
    assert "could not be read as JPEG" in str(refusal(many))
    assert "scans" in str(refusal(many).__cause__)


def test_a_tiff_that_paints_itself_many_times_is_refused(no_decoding: None) -> None:
    """1000 strips of almost the whole height, all at the same place."""
    data = saved(photo(), "TIFF", tiffinfo={278: 31})
    offsets = struct.pack("<I", 8) * 1000
    entry = tiff_entry(data, 273)
    data = data[: entry + 2] + struct.pack("<HII", 4, 1000, len(data)) + data[entry + 12 :] + offsets
    assert "many times" in str(refusal(data).__cause__)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty: it has 0 bytes"),
        (b"x" * (images.MAX_BYTES + 1), "has 10.1 MB; at most 10 MB"),
        (
            b"just text, renamed",
            "is not a picture of a known kind. Accepted: JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP, TIFF",
        ),
        (b"BMW makes cars, and this is text", "is not a picture of a known kind"),
        (b"\0" * 100, "is not a picture of a known kind"),
        (b"PK\3\4" + b"x" * 100, "is not a picture of a known kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is not a picture of a known kind"),
        (b"<!doctype html><html><body><svg></svg>", "is not a picture of a known kind"),
        (ftyp(b"isom", b"mp42"), "is not a picture of a known kind"),
        (SVG.encode(), "is an SVG drawing"),
        (SVG.encode("utf-16"), "is an SVG drawing"),
        (b"%PDF-1.7\n", "is a PDF document"),
        (ftyp(b"heic", b"mif1"), "could not be read as HEIC"),
        (ftyp(b"mif1", b"heic"), "could not be read as HEIC"),
        (ftyp(b"hevc", b"msf1"), "could not be read as HEIC"),
        (ftyp(b"avif", b"mif1"), "could not be read as AVIF"),
        (PNG_MAGIC, "could not be read as PNG"),
        (b"\xff\xd8\xff", "could not be read as JPEG"),
        (b"GIF89a", "could not be read as GIF"),
        (b"II*\0", "could not be read as TIFF"),
        (b"RIFF\0\0\0\0WEBP", "could not be read as WebP"),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "could not be read as BMP"),
    ],
)
def test_what_is_not_a_picture_is_named_with_a_way_out(data: bytes, words: str) -> None:
    text = str(refusal(data, "holiday.jpg"))
    assert text.startswith(f"holiday.jpg {words}")
    assert "try again" in text or "Choose another" in text


@pytest.mark.parametrize("name", ["", "  "])
def test_a_nameless_file_is_this_file(name: str) -> None:
    error = refusal(b"", name)
    assert str(error).startswith("This file is empty")
    assert error.message.values["name"] == Message("This file")  # to be translated as well


@pytest.mark.parametrize("name", ["{0}{name}{__class__}", "%s%n", "<script>x</script>", "사진.jpg", "a\nb", "\ud800"])
def test_a_hostile_name_is_only_a_value(name: str) -> None:
    assert refusal(b"", name).message.values == {"name": name}
    assert str(refusal(b"text", name)).startswith(f"{name} is not a picture")


def test_a_damaged_file_keeps_its_cause() -> None:
    error = refusal(CORPUS["jpeg"][: len(CORPUS["jpeg"]) // 2], "cat.jpg")
    assert str(error).startswith("cat.jpg could not be read as JPEG")
    assert isinstance(error.__cause__, Exception)


def test_whatever_pillow_raises_becomes_a_user_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", fails)
    assert isinstance(refusal(CORPUS["png"]).__cause__, MemoryError)


@pytest.mark.parametrize("name", CORPUS)
def test_files_cut_at_every_tenth(name: str) -> None:
    data, refused = CORPUS[name], 0
    for tenths in range(1, 10):
        try:
            assert is_sound(decode(data[: len(data) * tenths // 10]))
        except UserError:
            refused += 1
    assert refused >= (2 if name in ("apng", "gif animated", "tiff pages", "webp animated") else 5), refused


def broken_avif() -> bytes:
    """The text of an EXIF tag is said to be far outside the file."""
    data = saved(photo(), "AVIF", exif=exif(1))
    at = data.index(b"\x01\x0f\x00\x02") + 8
    return data[:at] + b"\x00\xff\xff\xff" + data[at + 4 :]


WARNED_ABOUT = {
    "APNG without frames": plain_png(*[chunk(b"acTL", bytes(8))] * 2),
    "cut EXIF": saved(photo(), "JPEG", exif=exif(1)[:-9]),
    "tag outside the file": with_tag(saved(photo(), "TIFF", tiffinfo={270: "words" * 9}), 270, 2**31),
    "EXIF of an AVIF": broken_avif(),
    "cut directory": saved(photo(), "TIFF")[:40],
}


@pytest.mark.parametrize("name", WARNED_ABOUT)
def test_what_pillow_warns_about_raises_no_warning_here(name: str) -> None:
    with warnings.catch_warnings(record=True) as theirs, contextlib.suppress(OSError):
        warnings.simplefilter("always")
        Image.open(io.BytesIO(WARNED_ABOUT[name])).getexif()
    assert theirs
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        if name == "cut directory":
            assert "could not be read as TIFF" in str(refusal(WARNED_ABOUT[name]))
        else:
            assert near(decode(WARNED_ABOUT[name]).image, photo(), 8)
    assert ours == []


def test_many_threads_decode_at_once_and_no_global_changes() -> None:
    alone = {name: decode(data).image.tobytes() for name, data in CORPUS.items()}
    filters, limits = list(warnings.filters), (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    wrong: list[object] = []

    def session(seed: int) -> None:
        names = random.Random(seed).sample(list(CORPUS), len(CORPUS))
        try:
            wrong.extend(name for name in names if decode(CORPUS[name]).image.tobytes() != alone[name])
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=session, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert filters == list(warnings.filters)
    assert limits == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


IMAGENET = Preprocess(256, 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
DIGITS = Preprocess(32, 32, (0.1307,), (0.3081,))


def noise(size: tuple[int, int]) -> Image.Image:
    """Unlike a smooth picture, it shows a resize or a crop that is off by a fraction of a pixel."""
    rng = np.random.default_rng(size)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8))


def torchvisions(preprocess: Preprocess) -> Callable[[Image.Image], np.ndarray]:
    transforms = pytest.importorskip("torchvision.transforms")
    gray = [transforms.Grayscale()] if len(preprocess.mean) == 1 else []
    steps = [transforms.Resize(preprocess.size), transforms.CenterCrop(preprocess.crop), transforms.ToTensor()]
    composed = transforms.Compose([*gray, *steps, transforms.Normalize(preprocess.mean, preprocess.std)])
    return lambda image: composed(image).numpy()


def sizes(count: int) -> list[tuple[int, int]]:
    """Exact, odd, square, thin, tiny; and random ones."""
    rng = random.Random(0)
    chosen = [(256, 256), (224, 224), (500, 375), (375, 500), (257, 256), (333, 331), (8, 160), (160, 8), (9, 8)]
    return chosen + [(rng.randrange(8, 700), rng.randrange(35, 700)) for _ in range(count)]


ODD = Preprocess(257, 224, (0.5,) * 3, (0.25,) * 3)
SMALL = Preprocess(33, 28, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))


@pytest.mark.parametrize("preprocess", [IMAGENET, DIGITS, ODD, SMALL], ids=["ImageNet", "digits", "odd", "small"])
def test_to_array_is_torchvisions_to_the_bit(preprocess: Preprocess) -> None:
    theirs = torchvisions(preprocess)
    for size in sizes(15):
        image = noise(size)
        array = preprocess.to_array(image)
        assert array.dtype == np.float32
        assert array.shape == (len(preprocess.mean), preprocess.crop, preprocess.crop)
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, theirs(image), err_msg=str(size))


def test_from_array_gives_back_the_very_pixels() -> None:
    image = noise((300, 280))
    resized = image.resize((274, 256), Image.Resampling.BILINEAR)  # 256 * 300 / 280 = 274.3
    expected = resized.crop((25, 16, 249, 240))
    assert near(IMAGENET.from_array(IMAGENET.to_array(image)), expected, 0)
    gray = DIGITS.from_array(DIGITS.to_array(noise((32, 32))))
    assert gray.mode == "RGB"
    assert near(gray, noise((32, 32)).convert("L").convert("RGB"), 0)


def test_from_array_clips_what_no_picture_has() -> None:
    array = np.zeros((3, 2, 5), np.float32)
    array[:, 0, :3] = np.array([1e9, -1e9, np.nan], np.float32)
    picture = IMAGENET.from_array(array)
    assert picture.size == (5, 2)
    assert [picture.getpixel((x, 0)) for x in range(4)] == [(255,) * 3, (0,) * 3, (0,) * 3, (124, 116, 104)]


@pytest.mark.parametrize("shape", [(224, 224), (1, 224, 224), (1, 3, 224, 224)])
def test_from_array_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="`array` has shape"):
        IMAGENET.from_array(np.zeros(shape, np.float32))


def test_crop_box_is_in_the_pictures_own_pixels() -> None:
    # 640 x 480 becomes 341 x 256; (341 - 224) / 2 = 58.5, rounded to the even 58; (256 - 224) / 2 = 16
    across, down = 640 / 341, 480 / 256
    assert IMAGENET.crop_box((640, 480)) == pytest.approx((58 * across, 16 * down, 282 * across, 240 * down))
    assert IMAGENET.crop_box((256, 256)) == (16, 16, 240, 240)
    assert DIGITS.crop_box((64, 64)) == (0, 0, 64, 64)


def test_crop_box_is_where_the_array_comes_from() -> None:
    """A picture that is white only inside its own crop box is seen as white all over."""
    for size in [(640, 480), (97, 333), (1200, 901)]:
        left, top, right, bottom = IMAGENET.crop_box(size)
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]
        image = Image.new("L", size, 0)
        image.paste(255, (int(left), int(top), int(right) + 1, int(bottom) + 1))
        seen = np.asarray(IMAGENET.from_array(IMAGENET.to_array(image)))
        assert seen[8:-8, 8:-8].min() == 255
        assert seen.mean() > 250
        left, top, right, bottom = (round(edge) for edge in (left, top, right, bottom))
        image.paste(0, (left, top, right, bottom))
        assert np.asarray(IMAGENET.from_array(IMAGENET.to_array(image))).mean() < 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((224, 256, (0.5,), (0.5,)), "`crop` is 256; it must be from 1 to `size`, which is 224"),
        ((224, 0, (0.5,), (0.5,)), "`crop` is 0"),
        ((256, 224, (0.5, 0.5), (0.5, 0.5)), "`mean` has 2 values"),
        ((256, 224, (0.5,) * 3, (0.5,)), "`std` 1"),
        ((256, 224, (0.5,), (0.0,)), "above 0"),
    ],
)
def test_preprocess_refuses_what_it_cannot_do(arguments: tuple, words: str) -> None:
    with pytest.raises(ValueError, match="`") as caught:
        Preprocess(*arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WebP"])
def test_encode_is_read_back(format: str) -> None:
    assert near(decode(encode(photo(), format)).image, photo(), 4)
    assert encode(photo()).startswith(PNG_MAGIC)


@pytest.mark.parametrize("colour", ["white", "black", (128, 128, 128)])
def test_draw_crop_outlines_and_dims(colour: str | tuple[int, int, int]) -> None:
    image = Image.new("RGB", (1024, 768), colour)
    drawing = draw_crop(image, (256, 128, 768, 640))
    assert drawing.size == (512, 384)
    assert drawing.getpixel((256, 192)) == image.getpixel((0, 0))  # inside: untouched
    edge = {drawing.getpixel((x, 192)) for x in range(128, 133)}
    assert {(255, 255, 255), (20, 20, 20)} <= edge  # a light and a dark line, whatever is under them
    outside = drawing.getpixel((20, 20))
    assert all(60 < value < 200 for value in outside)  # apart from a white page and from a black one
    assert image.getcolors(2) == [(1024 * 768, image.getpixel((0, 0)))]  # the picture itself is not drawn on


def test_draw_crop_keeps_small_pictures_and_whole_boxes() -> None:
    assert draw_crop(photo(), (0, 0, 40, 32)).size == SIZE
    whole, inner = photo((100, 80)), (4, 4, 96, 76)
    assert near(draw_crop(whole, (0, 0, 100, 80)).crop(inner), whole.crop(inner), 0)
