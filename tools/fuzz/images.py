"""Mutated pictures of every accepted format, and of some that people try."""

import itertools
import random
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alexnet_viz.pictures.images import decode
from tools.fuzz.watch import Attack
from tools.icc import ink_profile, rgb_profile
from tools.picture_files import (
    BOMBS,
    CORPUS,
    DAMAGE,
    PNG_MAGIC,
    SVG,
    Mutation,
    chunk,
    ftyp,
    heic,
    is_sound,
    mutated,
    photo,
    plain_png,
    planar_tiff,
    raw_tiff,
    saved,
    splice,
)

PROFILE = rgb_profile("Display P3")

SEEDS = {
    **CORPUS,
    "jpeg large": saved(photo((1200, 900)), "JPEG", progressive=True),
    "png large": saved(photo((700, 900)), "PNG"),
    "webp large": saved(photo((640, 480)), "WebP"),
    "tiff tiles": saved(photo((320, 200)), "TIFF", compression="tiff_lzw", tiffinfo={278: 8}),
    "heic large": heic(photo((640, 480)), tile_size=128, quality=60, icc_profile=PROFILE),
    "heic empty": ftyp(b"heic", b"mif1"),
    **{f"{format.lower()} profile": saved(photo(), format, icc_profile=PROFILE) for format in ("JPEG", "WebP", "TIFF")},
    "png profile": saved(photo(), "PNG", icc_profile=PROFILE),
    "tiff inks": saved(photo().convert("CMYK"), "TIFF", icc_profile=ink_profile({(1, 0, 0, 0): (62, -30, -42)})),
    "png numbers": plain_png(
        chunk(b"cICP", bytes([12, 13, 0, 1])), chunk(b"gAMA", bytes(4)), chunk(b"cHRM", bytes(32))
    ),
    "tiff planes": planar_tiff(np.asarray(photo()).transpose(2, 0, 1).astype("<u2") * 257, "<"),
    "tiff raw": raw_tiff(preview=True),
    "svg": SVG.encode(),
    "pdf": b"%PDF-1.7\n" + bytes(200),
}
SIDES = (0, 1, 7, 8, 160, 2048, 6324, 6325, 16_000, 16_001, 2**15 - 1, 2**15, 2**16 - 1, 2**16, 2**24 - 1, 2**31 - 1)

# Where the parts of a file begin, by what stands in its first bytes.
_PARTS = {
    b"PNG": rb"(?s).{4}(?=IHDR|PLTE|IDAT|IEND|tRNS|tEXt|zTXt|iCCP|eXIf|acTL|fcTL|fdAT)",
    b"\xff\xd8": rb"\xff(?=[\xc0-\xfe])",
    b"WEBP": rb"(?=VP8 |VP8L|VP8X|ANIM|ANMF|ALPH|EXIF|ICCP)",
    b"ftyp": (
        rb"(?s).{4}(?=ftyp|meta|hdlr|pitm|iloc|iinf|infe|iref|dimg|auxl|iprp|ipco|ispe|pixi|av1C|hvcC|colr|irot|ipma|"
        rb"idat|mdat|moov|trak|stbl)"
    ),
    b"GIF": rb"[!,]",
}


def parts(data: bytes) -> list[bytes]:
    """A file cut into its chunks, segments or boxes; one without any into twelve bytes each, as TIFF's entries are."""
    pattern = next((pattern for magic, pattern in _PARTS.items() if magic in data[:12]), None)
    found = [match.start() for match in re.finditer(pattern, data)] if pattern else range(12, len(data), 12)
    return [data[start:end] for start, end in itertools.pairwise([0, *(at for at in found if at), len(data)])]


def mended(data: bytes) -> bytes:
    """With right checksums and lengths where only those would be noticed: PNG's chunks, RIFF's size."""
    if data[:4] == b"RIFF":
        return data[:4] + struct.pack("<I", (len(data) - 8) % 2**32) + data[8:]
    if not data.startswith(PNG_MAGIC):
        return data
    whole, at = bytearray(data), 8
    while at + 12 <= len(whole):
        end = at + 8 + int.from_bytes(whole[at : at + 4])
        if end + 4 > len(whole):
            break
        whole[end : end + 4] = struct.pack(">I", zlib.crc32(whole[at + 4 : end]))
        at = end + 4
    return bytes(whole)


# ---- Mutations ------------------------------------------------------------------------------------------------------


def swapped_parts(chance: random.Random, data: bytearray) -> None:
    cut = parts(bytes(data))
    first, second = chance.randrange(len(cut)), chance.randrange(len(cut))
    cut[first], cut[second] = cut[second], cut[first]
    data[:] = b"".join(cut)


def repeated_part(chance: random.Random, data: bytearray) -> None:
    cut = parts(bytes(data))
    at = chance.randrange(len(cut))
    cut[at : at + 1] = [cut[at]] * chance.choice((0, 2, 50))
    data[:] = b"".join(cut)


def borrowed_part(chance: random.Random, data: bytearray) -> None:
    cut = parts(bytes(data))
    cut[chance.randrange(len(cut))] = chance.choice(parts(chance.choice(list(SEEDS.values()))))
    data[:] = b"".join(cut)


def other_head(chance: random.Random, data: bytearray) -> None:
    """The beginning of another format before the rest of this one."""
    size = chance.choice((2, 4, 8, 12, 16, 32, 64))
    data[:size] = chance.choice(list(SEEDS.values()))[:size]


def extreme_size(chance: random.Random, data: bytearray) -> None:
    """Width and height in the header of a file of some format, as extreme as its fields allow."""
    while True:
        try:
            data[:] = BOMBS[chance.choice(list(BOMBS))]((chance.choice(SIDES), chance.choice(SIDES)))
            return
        except (struct.error, OverflowError):  # more than this format can say
            continue


MUTATIONS: Sequence[Mutation] = (
    *DAMAGE,
    *(splice, swapped_parts, repeated_part, borrowed_part, other_head, extreme_size),
)


def mutant(chance: random.Random, number: int) -> tuple[str, bytes]:
    """A mutated picture, and which one it was."""
    name = list(SEEDS)[number % len(SEEDS)]
    data = mutated(chance, SEEDS[name], MUTATIONS)
    return name, mended(data) if chance.random() < 0.5 else data


def attack(chance: random.Random, number: int, given: Path) -> Attack:
    title, data = mutant(chance, number)
    return Attack(title, lambda: _meet(data))


def _meet(data: bytes) -> None:
    assert is_sound(decode(data, "mutant"))


def sound(given: Path) -> Sequence[Attack]:
    return [Attack(name, lambda data=data: _meet(data)) for name, data in CORPUS.items()]
