"""Mutated pictures of every accepted format, and of some that people try."""

import itertools
import random
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from alexnet_viz.pictures.images import decode
from tests.pictures.files import (
    BOMBS,
    CORPUS,
    PNG_MAGIC,
    SVG,
    chunk,
    cut_out,
    edit_header,
    flip_bytes,
    ftyp,
    heic,
    is_sound,
    photo,
    plain_png,
    planar_tiff,
    raw_tiff,
    repeat,
    saved,
    set_number,
    splice,
)
from tests.pictures.icc import ink_profile, rgb_profile
from tools.fuzz.watch import Attack

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

# Where the parts of a file begin, by the first word of its name.
_PARTS = {
    "png": rb"(?s).{4}(?=IHDR|PLTE|IDAT|IEND|tRNS|tEXt|zTXt|iCCP|eXIf|acTL|fcTL|fdAT)",
    "jpeg": rb"\xff(?=[\xc0-\xfe])",
    "webp": rb"(?=VP8 |VP8L|VP8X|ANIM|ANMF|ALPH|EXIF|ICCP)",
    "heic": rb"(?s).{4}(?=ftyp|meta|pitm|iloc|iinf|infe|iref|dimg|auxl|iprp|ipco|ispe|hvcC|colr|irot|ipma|idat|mdat)",
    "avif": rb"(?s).{4}(?=ftyp|meta|hdlr|pitm|iloc|iinf|infe|iprp|ipco|ispe|pixi|av1C|colr|ipma|mdat|moov|trak|stbl)",
    "gif": rb"[!,]",
}
_PARTS["apng"] = _PARTS["png"]


def parts(name: str, data: bytes) -> list[bytes]:
    """A file cut into its chunks, segments or boxes; one without any into twelve bytes each, as TIFF's entries are."""
    pattern = _PARTS.get(name.split()[0])
    found = [match.start() for match in re.finditer(pattern, data)] if pattern else range(12, len(data), 12)
    edges = [0, *(at for at in found if at), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


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


# ---- Mutations: each changes one file in place, and knows its name ---------------------------------------------------

Mutation = Callable[[random.Random, str, bytearray], None]


def flipped_bits(chance: random.Random, name: str, data: bytearray) -> None:
    for _ in range(chance.choice((1, 1, 3, 20))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def truncated(chance: random.Random, name: str, data: bytearray) -> None:
    del data[chance.randrange(len(data)) :]


def swapped_parts(chance: random.Random, name: str, data: bytearray) -> None:
    cut = parts(name, bytes(data))
    first, second = chance.randrange(len(cut)), chance.randrange(len(cut))
    cut[first], cut[second] = cut[second], cut[first]
    data[:] = b"".join(cut)


def repeated_part(chance: random.Random, name: str, data: bytearray) -> None:
    cut = parts(name, bytes(data))
    at = chance.randrange(len(cut))
    data[:] = b"".join([*cut[:at], *[cut[at]] * chance.choice((0, 2, 50)), *cut[at + 1 :]])


def borrowed_part(chance: random.Random, name: str, data: bytearray) -> None:
    other = chance.choice(list(SEEDS))
    cut = parts(name, bytes(data))
    cut[chance.randrange(len(cut))] = chance.choice(parts(other, SEEDS[other]))
    data[:] = b"".join(cut)


def other_head(chance: random.Random, name: str, data: bytearray) -> None:
    """The beginning of another format before the rest of this one."""
    size = chance.choice((2, 4, 8, 12, 16, 32, 64))
    data[:size] = chance.choice(list(SEEDS.values()))[:size]


def extreme_size(chance: random.Random, name: str, data: bytearray) -> None:
    """Width and height in the header of a file of some format, as extreme as its fields allow."""
    while True:
        try:
            data[:] = BOMBS[chance.choice(list(BOMBS))]((chance.choice(SIDES), chance.choice(SIDES)))
            return
        except (struct.error, OverflowError):  # more than this format can say
            continue


def _plain(mutation: Callable[[random.Random, bytearray], None]) -> Mutation:
    return lambda chance, name, data: mutation(chance, data)


MUTATIONS: dict[str, Mutation] = {
    **{one.__name__: _plain(one) for one in (flip_bytes, edit_header, set_number, cut_out, repeat, splice)},
    **{one.__name__: one for one in (flipped_bits, truncated, swapped_parts, repeated_part, borrowed_part, other_head)},
    "extreme_size": extreme_size,
}


def mutant(chance: random.Random, number: int) -> tuple[str, bytes]:
    """A mutated picture, and what was done to it."""
    name = list(SEEDS)[number % len(SEEDS)]
    data, done = bytearray(SEEDS[name]), []
    for _ in range(chance.choice((1, 1, 2, 3))):
        if data:
            done.append(chance.choice(list(MUTATIONS)))
            MUTATIONS[done[-1]](chance, name, data)
    return f"{name}: {', '.join(done)}", mended(bytes(data)) if chance.random() < 0.5 else bytes(data)


def attack(chance: random.Random, number: int, given: Path) -> Attack:
    title, data = mutant(chance, number)
    return Attack(title, lambda: _meet(data))


def _meet(data: bytes) -> None:
    assert is_sound(decode(data, "mutant"))


def sound(given: Path) -> Sequence[Attack]:
    """What the door does accept."""
    return [Attack(name, lambda data=data: _meet(data)) for name, data in CORPUS.items()]
