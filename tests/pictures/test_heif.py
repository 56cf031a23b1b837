"""HEIC from phones: upright, in its colours, and never dearer than it shows."""

import io
import struct
import time

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps

from alexnet_viz.errors import UserError
from alexnet_viz.pictures import heif, images
from alexnet_viz.pictures.images import decode
from tools.machine import forget_peak, memory_mb
from tools.picture_files import CORPUS, SIZE, exif, heic, photo, rgba, saved

pytestmark = pytest.mark.filterwarnings("error")


def off(image: Image.Image, expected: Image.Image) -> int:
    """The largest difference of a pixel."""
    assert image.size == expected.size
    return int(np.abs(np.asarray(image, np.int16) - np.asarray(expected.convert("RGB"), np.int16)).max())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_upright_however_the_phone_was_held(orientation: int) -> None:
    """libheif turns them by `irot` and `imir`; the same word in EXIF must not turn them again."""
    data = heic(photo(), exif=exif(orientation))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(saved(photo(), "PNG", exif=exif(orientation)))))
    picture = decode(data, "IMG_0001.HEIC")
    assert off(picture.image, upright) <= 2
    assert (picture.format, picture.size, picture.notes) == ("HEIC", upright.size, ())


@pytest.mark.parametrize("size", [(40, 32), (33, 9), (64, 64), (301, 197)])
def test_pixels_and_size_are_the_files_own(size: tuple[int, int]) -> None:
    assert off(decode(heic(photo(size))).image, photo(size)) <= 2
    assert decode(heic(photo(size))).size == size


def test_tiles_as_phones_store_them() -> None:
    large = photo((700, 560))
    picture = decode(heic(large, tile_size=256))
    assert off(picture.image, large) <= 2
    turned = decode(heic(large, tile_size=256, exif=exif(6)))
    assert off(turned.image, large.transpose(Image.Transpose.ROTATE_270)) <= 2


def test_alpha_gray_and_ten_bits() -> None:
    white = Image.alpha_composite(Image.new("RGBA", SIZE, "white"), rgba()).convert("RGB")
    assert np.abs(np.asarray(decode(heic(rgba())).image, int) - np.asarray(white, int)).mean() < 2
    gray = decode(heic(photo().convert("L")))
    assert off(gray.image, photo().convert("L")) <= 2
    assert "grayscale" in str(gray.notes)
    stream = io.BytesIO()
    pixels = np.full((32, 40, 3), 0x8000, np.uint16)
    pillow_heif.from_bytes("RGB;16", SIZE, pixels.tobytes()).save(stream, quality=-1, chroma=444)
    deep = decode(stream.getvalue())
    assert deep.image.getpixel((3, 3)) == pytest.approx((128,) * 3, abs=2)
    assert "8 bits" in str(deep.notes)


def test_the_main_picture_of_several_is_taken_and_said() -> None:
    data = saved(photo(), "HEIF", save_all=True, append_images=[photo().rotate(180)], primary_index=1, quality=-1)
    picture = decode(data)
    assert np.abs(np.asarray(picture.image, int) - np.asarray(photo().rotate(180), int)).mean() < 3
    assert "main one" in str(picture.notes)


def test_the_small_picture_beside_the_large_one_is_not_taken() -> None:
    large = photo((2400, 1800))
    picture = decode(heic(large, thumbnails=[2200], quality=50))
    assert picture.image.size == (2048, 1536)
    assert picture.size == (2400, 1800)


def test_without_metadata_no_block_is_read() -> None:
    data = heic(photo(), exif=exif(6), xmp=b"<x/>" * 50)
    assert heif.HeicFile(io.BytesIO(data)).info["exif"]
    bare = heif.HeicFile(io.BytesIO(heif.without_metadata(data)))
    assert (bare.info["exif"], bare.info["metadata"]) == (None, [])
    assert bare.size == SIZE[::-1]


# ---- Files that nobody's phone makes ---------------------------------------------------------------------------------


def box(letters: bytes, contents: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(contents), letters) + contents


def full(letters: bytes, contents: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(letters, struct.pack(">I", version << 24 | flags) + contents)


SIDE = 1000  # of the one tile


def tiled(columns: int, rows: int, size: tuple[int, int], *more: bytes, tile: int = SIDE) -> bytes:
    """A grid by hand, that draws one and the same tile everywhere."""
    data = heic(Image.new("RGB", (SIDE, SIDE), (200, 30, 60)), chroma=420)
    start = data.index(b"hvcC") - 4
    decoder = data[start : start + int.from_bytes(data[start : start + 4])]
    pixels = data[data.index(b"mdat") + 4 :]
    grid = bytes([0, 1, rows - 1, columns - 1]) + struct.pack(">II", *size)
    listed = [full(b"infe", struct.pack(">HH4s", 1, 0, b"grid") + b"\0", 2)]
    listed += [full(b"infe", struct.pack(">HH4s", 2, 0, b"hvc1") + b"\0", 2, 1)]
    sizes = [full(b"ispe", struct.pack(">II", *size)), full(b"ispe", struct.pack(">II", tile, tile))]
    own = full(b"ipma", struct.pack(">I", 2) + struct.pack(">HBB", 1, 1, 2) + struct.pack(">HBBB", 2, 2, 0x81, 3))
    count = columns * rows
    drawn = full(b"iref", box(b"dimg", struct.pack(">HH", 1, count) + struct.pack(">H", 2) * count))

    def meta(start: int) -> bytes:
        places = struct.pack(">HHIHII", 1, 0, 0, 1, start, len(grid))
        places += struct.pack(">HHIHII", 2, 0, 0, 1, start + len(grid), len(pixels))
        return full(
            b"meta",
            full(b"hdlr", struct.pack(">I4s", 0, b"pict") + bytes(13))
            + full(b"pitm", struct.pack(">H", 1))
            + full(b"iloc", bytes([0x44, 0x40]) + struct.pack(">H", 2) + places)
            + full(b"iinf", struct.pack(">H", 2) + b"".join(listed))
            + box(b"iprp", box(b"ipco", decoder + b"".join(sizes)) + own)
            + drawn
            + b"".join(more),
        )

    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", grid + pixels)


def refused(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        decode(data)
    return str(caught.value.__cause__ or caught.value)


def test_a_grid_by_hand_is_a_picture() -> None:
    picture = decode(tiled(2, 2, (2000, 1900)))
    assert picture.image.getpixel((1500, 1500)) == pytest.approx((200, 30, 60), abs=3)


@pytest.mark.parametrize(
    ("columns", "rows", "size"), [(20, 20, (500, 500)), (255, 255, (1000, 1000)), (4, 4, (1010, 1010))]
)
def test_a_tile_that_is_drawn_many_times_is_refused_before_decoding(columns: int, rows: int, size: tuple) -> None:
    data = tiled(columns, rows, size)
    start = time.monotonic()
    assert "many times" in refused(data)
    assert time.monotonic() - start < 1


def test_a_tile_larger_than_the_whole_and_circles_are_refused() -> None:
    assert "more pixels than the whole" in refused(tiled(1, 1, (200, 200), tile=9000))
    circle = tiled(1, 1, (SIDE, SIDE)).replace(struct.pack(">HHH", 1, 1, 2), struct.pack(">HHH", 1, 1, 1))
    assert "within pictures" in refused(circle)


@pytest.mark.parametrize("letters", [b"pitm", b"iref", b"iprp"])
def test_what_counts_twice_is_refused(letters: bytes) -> None:
    assert "more than one" in refused(tiled(1, 1, (SIDE, SIDE), full(letters, bytes(4))))


def test_a_file_without_a_picture_is_refused() -> None:
    assert "no main picture" in refused(CORPUS["heic"].replace(b"ispe", b"none"))
    assert "no main picture" in refused(CORPUS["heic"].replace(b"meta", b"none"))


def test_what_is_cut_away_counts_as_pixels() -> None:
    """A file of 16 KB that shows a corner of 64 x 64 of 36 million pixels."""
    data = heic(photo((57, 57)))
    assert b"clap" in data
    at = data.index(b"ispe") + 8
    assert "has 6000 x 6000 pixels; at most 25 million" in refused(
        data[:at] + struct.pack(">II", 6000, 6000) + data[at + 8 :]
    )


def test_a_false_size_is_refused_without_its_memory() -> None:
    data = heic(Image.new("RGB", (4000, 4000), (200, 30, 60)), chroma=420)
    at = data.index(b"ispe") + 8
    small = data[:at] + struct.pack(">II", 64, 64) + data[at + 8 :]
    before = memory_mb()
    forget_peak()
    assert refused(small)
    assert memory_mb(what="VmHWM") - before < 40


def test_profiles_are_not_copied_for_each_of_a_thousand_pictures() -> None:
    data = heic(photo(), icc_profile=b"x" * 1_000_000)
    assert decode(data)
    many = 70
    entries = b"".join(full(b"infe", struct.pack(">HH4s", 100 + n, 0, b"none") + b"\0", 2) for n in range(many))
    at = data.index(b"iinf") - 4
    size = int.from_bytes(data[at : at + 4])
    start = data.index(b"meta") - 4
    whole = int.from_bytes(data[start : start + 4])
    grown = data[:start] + struct.pack(">I", whole + len(entries)) + data[start + 4 : at]
    grown += struct.pack(">I", size + len(entries)) + data[at + 4 : at + size] + entries + data[at + size :]
    assert "copied too often" in refused(grown)


def test_a_phones_largest_photo_is_within_the_limit() -> None:
    assert images.MAX_PIXELS_OF["HEIC"] >= 5712 * 4284  # 24 million, an iPhone's default since 2023
