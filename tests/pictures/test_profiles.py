"""Colours come out as their file means them: by matrices from the literature, not by the library that converts."""

import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from alexnet_viz.pictures import images, profiles
from alexnet_viz.pictures.images import Picture, decode
from tools.icc import (
    RGB_SPACES,
    SRGB,
    assembled,
    gray_profile,
    in_srgb,
    ink_profile,
    lab_in_srgb,
    matrix_profile,
    rgb_profile,
    text,
)
from tools.picture_files import SIZE, chunk, exif, heic, photo, plain_png, png, png_rows, rgba, saved, with_segments

pytestmark = pytest.mark.filterwarnings("error")

EXACT = {
    "PNG": {},
    "TIFF": {},
    "WebP": {"lossless": True},
    "JPEG": {"quality": 100, "subsampling": 0},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
}
KINDS = [*EXACT, "HEIC", "BMP"]


def soft() -> Image.Image:
    """Colours that sRGB has, too, in any of the spaces: nothing is clipped."""
    return Image.fromarray((80 + np.asarray(photo()) * 0.35).astype(np.uint8))


def with_profile(image: Image.Image, kind: str, profile: bytes) -> bytes:
    if kind == "HEIC":
        return heic(image, icc_profile=profile)
    if kind == "BMP":
        return bmp_with(image, profile)
    return saved(image, kind, icc_profile=profile, **EXACT[kind])


def bmp_with(image: Image.Image, profile: bytes) -> bytes:
    """Version 5 of the header, with the profile behind the pixels."""
    plain = saved(image, "BMP")
    rows = plain[54:]
    head = struct.pack("<IiiHHIIiiII", 124, *image.size, 1, 24, 0, len(rows), 0, 0, 0, 0).ljust(56, b"\0") + b"DEBM"
    head = head.ljust(112, b"\0") + struct.pack("<III", 124 + len(rows), len(profile), 0)
    return b"BM" + struct.pack("<IHHI", 138 + len(rows) + len(profile), 0, 0, 138) + head + rows + profile


def far(picture: Picture, expected: np.ndarray) -> tuple[float, float]:
    """Mean and largest difference."""
    difference = np.abs(np.asarray(picture.image, float) - expected)
    return float(difference.mean()), float(difference.max())


def said(picture: Picture) -> str:
    return " ".join(map(str, picture.notes))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("space", RGB_SPACES)
def test_colours_are_those_of_srgb_and_the_note_names_the_profile(space: str, kind: str) -> None:
    picture = decode(with_profile(soft(), kind, rgb_profile(space)))
    expected = in_srgb(np.asarray(soft(), float), space)
    assert np.abs(expected - np.asarray(soft(), float)).max() > 8, "the profile matters"
    mean, most = far(picture, expected)
    assert mean < 1.5, mean
    assert most <= 2 or kind in ("JPEG", "AVIF", "HEIC"), most  # those lose some of the pixels themselves
    assert f"from its profile, {space}, to sRGB" in said(picture)


def test_a_palette_and_an_alpha_channel_keep_their_profile() -> None:
    flat = in_srgb(np.array([200.0, 60, 60]), "Display P3")
    palette = Image.new("RGB", SIZE, (200, 60, 60)).quantize(4)
    assert decode(with_profile(palette, "PNG", rgb_profile("Display P3"))).image.getpixel((3, 3)) == pytest.approx(
        flat, abs=1.5
    )
    clear = Image.new("RGBA", SIZE, (200, 60, 60, 255))
    clear.paste((0, 0, 0, 0), (20, 0, 40, 32))
    picture = decode(with_profile(clear, "PNG", rgb_profile("Display P3")))
    assert picture.image.getpixel((3, 3)) == pytest.approx(flat, abs=1.5)
    assert picture.image.getpixel((30, 3)) == (255, 255, 255), "the ground is the screen's white"


def test_sixteen_bits_and_large_pictures_are_converted_too() -> None:
    values = np.full((32, 120), 0xC8C8, ">u2")
    values[:, 1::3], values[:, 2::3] = 0x3C3C, 0x3C3C
    packed = chunk(b"iCCP", b"P3\0\0" + zlib.compress(rgb_profile("Display P3")))
    deep = decode(png(SIZE, 16, 2, png_rows(values), packed))
    expected = in_srgb(np.array([200.0, 60, 60]), "Display P3")
    assert deep.image.getpixel((3, 3)) == pytest.approx(expected, abs=1.5)
    large = decode(with_profile(Image.new("RGB", (3000, 200), (200, 60, 60)), "JPEG", rgb_profile("Display P3")))
    assert large.image.getpixel((30, 3)) == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exponent", [None, "Pillow's"])
def test_srgb_by_any_name_changes_no_pixel_and_says_nothing(kind: str, exponent: object) -> None:
    from PIL import ImageCms

    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = own if exponent else matrix_profile("c2", SRGB, None)
    plain = with_profile(photo(), kind, profile)
    picture = decode(plain)
    assert picture.notes == ()
    assert far(picture, np.asarray(photo(), float))[0] < 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "HEIC"])
def test_a_gray_profile_is_followed(kind: str) -> None:
    ramp = Image.fromarray(np.tile(np.linspace(0, 255, 40).astype(np.uint8), (32, 1)))
    picture = decode(with_profile(ramp, kind, gray_profile(1.0)))
    linear = np.asarray(ramp, float) / 255
    expected = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    values = np.asarray(picture.image, float)
    assert (values[..., 0] == values[..., 1]).all()
    assert (values[..., 1] == values[..., 2]).all()
    assert np.abs(values[..., 0] - expected).max() <= (9 if kind in ("JPEG", "HEIC") else 2)
    assert "to sRGB" in said(picture)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_gray_with_alpha_and_gray_with_a_profile_of_colours(kind: str) -> None:
    clear = Image.new("LA", SIZE, (55, 255))
    assert decode(with_profile(clear, kind, gray_profile(1.0))).image.getpixel((3, 3)) == pytest.approx(
        (128,) * 3, abs=1.5
    )
    flat = decode(with_profile(Image.new("L", SIZE, 100), kind, rgb_profile("ProPhoto RGB")))
    expected = in_srgb(np.array([100.0] * 3), "ProPhoto RGB")
    assert flat.image.getpixel((3, 3)) == pytest.approx(expected, abs=1.5)


CYAN = (62.0, -30.0, -42.0)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_are_those_of_the_press(kind: str) -> None:
    press = ink_profile({(1, 0, 0, 0): CYAN})
    picture = decode(with_profile(Image.new("CMYK", SIZE, (255, 0, 0, 0)), kind, press))
    assert picture.image.getpixel((3, 3)) == pytest.approx(lab_in_srgb(*CYAN), abs=3)
    assert picture.image.getpixel((3, 3)) != pytest.approx((0, 255, 255), abs=30), "what Pillow alone makes of it"
    assert "from its profile, Press, to sRGB" in said(picture)
    white = decode(with_profile(Image.new("CMYK", SIZE, (0, 0, 0, 0)), kind, press))
    assert white.image.getpixel((3, 3)) == pytest.approx((255,) * 3, abs=2)


BROKEN = {
    "words": b"x" * 300,
    "cut": rgb_profile("Display P3")[:200],
    "empty curves": rgb_profile("Display P3").replace(b"curv", b"none"),
    "too large": rgb_profile("Display P3") + bytes(profiles.MAX_BYTES),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WebP", "HEIC", "BMP", "AVIF"])
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_profile_is_ignored_and_said_so(fault: str, kind: str) -> None:
    if fault == "too large" and kind in ("JPEG", "HEIC"):
        pytest.skip("Pillow writes no such JPEG, libheif reads no such HEIC")
    picture = decode(with_profile(photo(), kind, BROKEN[fault]))
    assert far(picture, np.asarray(photo(), float))[0] < 1
    assert "profile is damaged and was ignored" in said(picture)


def test_a_profile_of_other_pixels_is_ignored_and_said_so() -> None:
    for image, profile in (
        (photo(), gray_profile(1.0)),
        (photo(), ink_profile({})),
        (photo().convert("L"), ink_profile({})),
    ):
        picture = decode(with_profile(image, "PNG", profile))
        assert far(picture, np.asarray(image.convert("RGB"), float))[1] == 0
        assert "does not belong to such pixels" in said(picture)


def test_a_profile_that_would_compute_for_minutes_is_not_asked_to() -> None:
    """A chain of 20,000 steps, all of them the same 60 bytes; without it the profile says nothing, or what P3 says."""
    step = b"matf" + bytes(4) + struct.pack(">HH12f", 3, 3, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    count = 20_000
    chain = b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, count)
    chain += struct.pack(">II", 16 + 8 * count, len(step)) * count + step
    start = time.monotonic()
    alone = assembled({b"desc": text("x"), b"D2B0": chain}, b"mntr", b"RGB ", b"XYZ ")
    assert "profile is damaged" in said(decode(with_profile(soft(), "PNG", alone)))
    colorants, exponent, _ = RGB_SPACES["Display P3"]
    beside = matrix_profile("Display P3", colorants, exponent, {b"D2B0": chain})
    picture = decode(with_profile(soft(), "PNG", beside))
    assert far(picture, in_srgb(np.asarray(soft(), float), "Display P3"))[1] <= 2
    assert time.monotonic() - start < 2


def test_a_jpegs_profile_in_several_segments_in_any_order() -> None:
    whole = rgb_profile("ProPhoto RGB")
    parts = [b"ICC_PROFILE\0" + bytes([n + 1, 3]) + whole[n * 200 : (n + 1) * 200 if n < 2 else None] for n in range(3)]
    plain = saved(soft(), "JPEG", quality=100, subsampling=0)
    expected = in_srgb(np.asarray(soft(), float), "ProPhoto RGB")
    assert far(decode(with_segments(plain, 0xE2, [parts[2], parts[0], parts[1]])), expected)[0] < 1.2
    missing = decode(with_segments(plain, 0xE2, [parts[0], parts[2]]))
    assert "profile is damaged" in said(missing)


@pytest.mark.parametrize("name", ["<b>x</b> [a](http://b)", "a\tb\x07c", "n" * 500, "", "P3 ?"])
def test_the_name_of_a_profile_is_a_strangers_words(name: str) -> None:
    note = said(decode(with_profile(soft(), "PNG", rgb_profile("Display P3", name))))
    assert "to sRGB" in note
    assert note.isprintable()
    assert len(note) < 150


# ---- What says the same without a profile ----------------------------------------------------------------------------


def numbered(kind: str, primaries: int, transfer: int) -> bytes:
    if kind == "HEIC":
        meant = {"color_primaries": primaries, "transfer_characteristics": transfer}
        return heic(soft(), **meant, matrix_coefficients=6, full_range_flag=1)
    if kind == "PNG":
        return png(
            SIZE, 8, 2, png_rows(np.asarray(soft()).reshape(32, -1)), chunk(b"cICP", bytes([primaries, transfer, 0, 1]))
        )
    data = saved(soft(), "AVIF", **EXACT["AVIF"])
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


@pytest.mark.parametrize("kind", ["HEIC", "AVIF", "PNG"])
def test_display_p3_may_be_said_by_two_numbers(kind: str) -> None:
    picture = decode(numbered(kind, 12, 13))
    assert far(picture, in_srgb(np.asarray(soft(), float), "Display P3"))[0] < 1.2
    assert "Display P3" in said(picture)
    assert decode(numbered(kind, 1, 13)).notes == ()
    assert far(decode(numbered(kind, 1, 13)), np.asarray(soft(), float))[0] < 1


@pytest.mark.parametrize("kind", ["HEIC", "AVIF", "PNG"])
@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_said(kind: str, transfer: int) -> None:
    assert "HDR" in said(decode(numbered(kind, 9, transfer)))


@pytest.mark.parametrize("gray", [False, True])
def test_a_png_may_give_its_exponent(gray: bool) -> None:
    image = Image.new("L" if gray else "RGB", SIZE, 55 if gray else (55, 55, 55))
    rows = png_rows(np.asarray(image).reshape(32, -1))
    shown = decode(png(SIZE, 8, 0 if gray else 2, rows, chunk(b"gAMA", struct.pack(">I", 100_000))))
    assert shown.image.getpixel((3, 3)) == pytest.approx((128,) * 3, abs=1.5)
    usual = decode(png(SIZE, 8, 0 if gray else 2, rows, chunk(b"gAMA", struct.pack(">I", 45455))))
    assert usual.image.getpixel((3, 3)) == (55, 55, 55)
    assert "sRGB" not in said(usual)
    standard = decode(
        png(SIZE, 8, 0 if gray else 2, rows, chunk(b"sRGB", b"\0"), chunk(b"gAMA", struct.pack(">I", 100_000)))
    )
    assert standard.image.getpixel((3, 3)) == (55, 55, 55), "sRGB has the word"


def test_a_png_may_give_its_primaries() -> None:
    points = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)  # white, red, green, blue: Display P3
    given = [chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"cHRM", struct.pack(">8I", *points))]
    picture = decode(png(SIZE, 8, 2, png_rows(np.asarray(soft()).reshape(32, -1)), *given))
    assert far(picture, in_srgb(np.asarray(soft(), float), "Display P3"))[1] <= 2
    flat = [given[0], chunk(b"cHRM", struct.pack(">8I", *[31270] * 8))]
    assert "profile is damaged" in said(decode(plain_png(*flat)))


def camera_exif(rules: bytes, colour_space: int) -> bytes:
    block = Image.Exif()
    block[0x010F] = "Maker"
    block.get_ifd(0x8769)[0xA001] = colour_space
    if rules:
        block.get_ifd(0x8769)[0xA005] = {1: rules.decode()}
    return block.tobytes()


@pytest.mark.parametrize(
    ("rules", "space", "adobe"), [(b"R03", 65535, True), (b"R98", 1, False), (b"", 2, True), (b"", 1, False)]
)
def test_cameras_name_adobe_rgb_in_their_exif(rules: bytes, space: int, adobe: bool) -> None:
    data = saved(soft(), "JPEG", quality=100, subsampling=0, exif=camera_exif(rules, space))
    meant = in_srgb(np.asarray(soft(), float), "Adobe RGB (1998)") if adobe else np.asarray(soft(), float)
    assert far(decode(data), meant)[0] < 1.2
    assert ("Adobe RGB" in said(decode(data))) == adobe


def test_a_profile_comes_before_exif_and_is_turned_with_the_picture() -> None:
    data = saved(soft(), "JPEG", quality=100, subsampling=0, exif=exif(6), icc_profile=rgb_profile("Display P3"))
    picture = decode(data)
    expected = in_srgb(np.asarray(soft().transpose(Image.Transpose.ROTATE_270), float), "Display P3")
    assert far(picture, expected)[0] < 1.2


def test_made_profiles_mean_what_the_published_ones_do() -> None:
    for made, space in ((profiles.of_numbers(12, 13), "Display P3"), (profiles.adobe_rgb(), "Adobe RGB (1998)")):
        notes: list = []
        converted = profiles.to_srgb(soft(), made, notes)
        assert np.abs(np.asarray(converted, float) - in_srgb(np.asarray(soft(), float), space)).max() <= 2
        assert len(notes) == 1


def test_transparent_pictures_are_still_put_on_their_ground() -> None:
    assert images.decode(with_profile(rgba(), "PNG", rgb_profile("Display P3"))).image.getpixel((39, 0)) == (255,) * 3
