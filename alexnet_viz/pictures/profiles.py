"""Colours as a file means them, made into sRGB, the colours that screens show and networks were trained on.

    image = to_srgb(image, profile, notes)              # an ICC profile: bytes from the file
    image = to_srgb(image, of_numbers(12, 13), notes)   # or made: primaries 12 (Display P3), transfer 13 (sRGB)

Little CMS (Pillow's ImageCms) computes. A profile that changes no colour by more than `UNSEEN` is sRGB under some name:
the pixels stay as they are.
"""

import io
import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from alexnet_viz.words.i18n import Message

MAX_BYTES = 4 * 2**20  # of a profile; those of printing presses have up to 3 MB
UNSEEN = 2  # of 255; what rounding and the different ways to write down sRGB come to
LONGEST_NAME = 60  # characters of a profile's name in a note

_SPACES = {"L": ("GRAY", "RGB "), "RGB": ("RGB ",), "CMYK": ("CMYK",)}  # by mode: what a profile may speak of
_CLASSES = {"scnr", "mntr", "prtr", "spac"}  # of devices; the others link two profiles or name single colours
_BROKEN = Message("Its colour profile is damaged and was ignored; its colours are taken as sRGB.")
_UNFIT = Message("Its colour profile does not belong to such pixels and was ignored; its colours are taken as sRGB.")


def to_srgb(image: Image.Image, profile: bytes, notes: list[Message]) -> Image.Image:
    """RGB, from a picture of mode "L", "RGB" or "CMYK". Adds to `notes` what became of the profile.

    By the perceptual intent, Pillow's default; between profiles of three primaries all intents are the same.
    """
    if not profile:
        return image.convert("RGB")
    conversion = _conversion(profile, image.mode)
    if conversion.note:
        notes.append(conversion.note)
    if conversion.transform is None:
        return image.convert("RGB")
    converted = ImageCms.applyTransform(image.convert(conversion.mode), conversion.transform)
    assert converted is not None  # it is None only where a picture is changed in place
    # Gray stays gray to the last bit.
    return converted.getchannel("G").convert("RGB") if image.mode == "L" else converted


@dataclass(frozen=True)
class _Conversion:
    """What a profile makes of pixels; without a transform they stay as they are."""

    transform: ImageCms.ImageCmsTransform | None
    note: Message | None
    mode: str = "RGB"  # what the transform takes


@lru_cache(maxsize=8)  # all photos of a phone have the same one; the pictures of a dataset are many and small
def _conversion(profile: bytes, mode: str) -> _Conversion:
    try:
        if len(profile) > MAX_BYTES:
            raise ValueError("too large")
        described = ImageCms.ImageCmsProfile(io.BytesIO(_without_chains(profile)))
        if _unfit(described, mode):
            return _Conversion(None, _UNFIT)
        if described.profile.xcolor_space == "RGB ":
            mode = "RGB"  # a gray picture may have a profile of colours: its grays are colours, too
        # Little CMS's table for fast grays is too coarse where they are dark: 37 for 42.
        flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
        transform = ImageCms.buildTransform(described, ImageCms.createProfile("sRGB"), mode, "RGB", flags=flags)
        if _is_srgb(transform, mode):
            return _Conversion(None, None)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, OverflowError, SyntaxError):
        return _Conversion(None, _BROKEN)
    name = _name(described)
    named = Message("Its colours were converted from its profile, {profile}, to sRGB.", profile=name)
    nameless = Message("Its colours were converted from its colour profile to sRGB.")
    return _Conversion(transform, named if name else nameless, mode)


def _without_chains(profile: bytes) -> bytes:
    """Without its D2B tags, chains of any number of steps: 20,000 of them, in 160 KB, take minutes.

    Each of them only repeats, in floating point, what another tag says (ICC.1:2022, 8.2), and that one is read then.
    """
    cut = bytearray(profile)
    for at in range(132, min(132 + 12 * int.from_bytes(profile[128:132]), len(profile)), 12):
        if cut[at : at + 3] == b"D2B":
            cut[at : at + 3] = b"d2b"
    return bytes(cut)


def _unfit(described: ImageCms.ImageCmsProfile, mode: str) -> bool:
    core = described.profile
    return core.xcolor_space not in _SPACES[mode] or core.device_class not in _CLASSES


def _is_srgb(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether colours from all over come out as they went in. Ink is never sRGB."""
    if mode == "CMYK":
        return False
    steps = np.arange(0, 256, 15, dtype=np.uint8)  # 18 of them, both ends among them
    colours = steps[:, None] if mode == "L" else np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 3)
    probe = Image.fromarray(colours.reshape(1, -1, 3) if mode == "RGB" else colours.reshape(1, -1))
    converted = ImageCms.applyTransform(probe, transform)
    before, after = (np.asarray(one.convert("RGB"), np.int16) for one in (probe, converted))  # type: ignore[union-attr]
    return int(np.abs(before - after).max()) <= UNSEEN


def _name(described: ImageCms.ImageCmsProfile) -> str:
    """What the profile calls itself, fit for a sentence: a stranger's words, cut, in one line."""
    try:
        said = described.profile.profile_description or ""
    except (ValueError, OSError, UnicodeError):
        said = ""
    said = " ".join("".join(char if char.isprintable() else " " for char in said).split())
    return said if len(said) <= LONGEST_NAME else f"{said[:LONGEST_NAME]}..."


# ---- Profiles made from a few numbers -------------------------------------------------------------------------------

_Points = tuple[float, ...]  # x and y of red, green, blue and white (CIE 1931)

_D65 = (0.3127, 0.3290)
SRGB = (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65)
_ADOBE_RGB = (0.640, 0.330, 0.210, 0.710, 0.150, 0.060, *_D65)
# By their numbers in ITU-T H.273: what says of an AVIF, HEIC or PNG which colours it has.
_PRIMARIES: dict[int, tuple[str, _Points]] = {
    1: ("sRGB", SRGB),
    9: ("BT.2020", (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65)),
    11: ("DCI-P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351)),
    12: ("Display P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65)),
}
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # IEC 61966-2-1, as ICC's curve of type 3
_GAMMAS: dict[int, tuple[float, ...]] = {4: (2.2,), 5: (2.8,), 8: (1.0,), 17: (2.6,)}
_HDR = (16, 18)  # PQ and HLG: brightness beyond a screen's white
HDR = Message("It is an HDR picture, brighter than a screen's white; here its colours are duller than they are.")

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])  # the white that all profiles speak of


def of_numbers(primaries: int, transfer: int) -> bytes:
    """A profile of colours that a file gives as numbers of H.273; b"" where they are sRGB's or unknown.

    The curves of television (1, 6, 14, 15) are taken as sRGB's, as screens and browsers do.
    """
    if primaries not in _PRIMARIES or transfer in _HDR:
        return b""
    name, points = _PRIMARIES[primaries]
    return made_profile(name, points, _GAMMAS.get(transfer, _SRGB_CURVE))


def is_hdr(transfer: int) -> bool:
    return transfer in _HDR


def adobe_rgb() -> bytes:
    """Adobe RGB (1998), which cameras name in the EXIF block instead of adding a profile."""
    return made_profile("Adobe RGB (1998)", _ADOBE_RGB, (563 / 256,))


def of_gamma(gamma: float, points: _Points = SRGB, gray: bool = False) -> bytes:
    """A profile of a PNG that gives its exponent and perhaps its primaries. 1/2.2 has always meant sRGB there."""
    curve = _SRGB_CURVE if abs(gamma - 1 / 2.2) < 0.005 else (1 / gamma,)
    return made_profile("", points, curve, gray)


def made_profile(name: str, points: _Points, curve: tuple[float, ...], gray: bool = False) -> bytes:
    """An ICC profile (version 4.3) of three primaries and one curve: its exponent, or the five numbers of type 3.

    b"" where the points span no colours.
    """
    tone = b"para" + struct.pack(">IHH", 0, 3 if len(curve) == 5 else 0, 0) + _fixed(curve)
    tags = {b"desc": _text(name), b"cprt": _text("none"), b"wtpt": _xyz(_D50)}
    if gray:
        return _assembled(tags | {b"kTRC": tone}, b"GRAY")
    try:
        columns = _columns(points)
    except (ZeroDivisionError, np.linalg.LinAlgError):
        return b""
    for letter, column in zip((b"r", b"g", b"b"), columns.T, strict=True):
        tags |= {letter + b"XYZ": _xyz(column), letter + b"TRC": tone}
    return _assembled(tags, b"RGB ")


def _columns(points: _Points) -> npt.NDArray[np.float64]:
    """XYZ of full red, green and blue, as columns (3, 3), adapted to D50 by Bradford as the ICC asks."""
    xyz = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in zip(points[::2], points[1::2], strict=True)]).T
    primaries, white = xyz[:, :3], xyz[:, 3]
    unadapted = primaries * np.linalg.solve(primaries, white)
    with np.errstate(all="ignore"):  # of this thread only: no white at all
        ratio = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adaptation = np.linalg.solve(_BRADFORD, ratio[:, None] * _BRADFORD)
    columns: npt.NDArray[np.float64] = adaptation @ unadapted
    return columns


def _fixed(values: npt.ArrayLike) -> bytes:
    """Fixed point with 16 bits behind the point, clipped to what it can hold."""
    scaled = np.nan_to_num(np.asarray(values, np.float64) * 65536).clip(-(2**31), 2**31 - 1)
    return bytes(np.rint(scaled).astype(">i4").tobytes())


def _xyz(values: npt.ArrayLike) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(values)


def _text(words: str) -> bytes:
    encoded = words.encode("utf-16-be")
    return b"mluc" + struct.pack(">III2s2sII", 0, 1, 12, b"en", b"US", len(encoded), 28) + encoded


def _assembled(tags: dict[bytes, bytes], space: bytes) -> bytes:
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, contents in tags.items():
        table += name + struct.pack(">II", at + len(body), len(contents))
        body += contents + bytes(-len(contents) % 4)
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    head = struct.pack(">I4sI4s4s4s", at + len(body), bytes(4), 0x04300000, b"mntr", space, b"XYZ ") + date
    head += b"acsp" + bytes(28) + _fixed(_D50)
    return head.ljust(128, b"\0") + table + body
