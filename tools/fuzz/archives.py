"""Hostile zips: paths that lead out, links, bombs, endless listings, lies about sizes, and layouts that are none."""

import random
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from PIL import Image

from alexnet_viz.training.archives import MAX_FILES, MAX_LISTING, shown
from alexnet_viz.training.datasets import load_dataset, sample_pictures
from alexnet_viz.training.uploads import uploads
from tools.class_folders import PLAIN, SPLIT, UNUSABLE, picture
from tools.fuzz import images, names
from tools.fuzz.watch import BAIT, Attack
from tools.picture_files import mutated, saved

UTF8 = 0x800
NUMBERS = (0, 1, 22, 2**16 - 1, 2**16, 2**20, 2**31 - 1, 2**31, 2**32 - 1)


@dataclass(frozen=True)
class Member:
    """One entry, with everything that its two headers say about it."""

    name: bytes
    data: bytes = b""  # as it lies in the file
    method: int = zipfile.ZIP_STORED
    flags: int = UTF8
    mode: int = stat.S_IFREG | 0o644
    size: int | None = None  # unpacked, as the listing claims
    packed: int | None = None  # bytes in the file, as the listing claims
    offset: int | None = None  # of its local header, as the listing claims
    crc: int | None = None
    extra: bytes = b""


def written(members: Sequence[Member], *, comment: bytes = b"", before: bytes = b"", **end: int) -> bytes:
    """A zip by hand. `end` overrules numbers of its last record: entries, listing, start."""
    body, listing = bytearray(before), bytearray()
    for one in members:
        crc = zlib.crc32(one.data) if one.crc is None else one.crc
        size = len(one.data) if one.size is None else one.size
        packed = len(one.data) if one.packed is None else one.packed
        common = struct.pack(
            "<HHHHIIIHH", one.flags, one.method, 0, 33, crc, packed, size, len(one.name), len(one.extra)
        )
        offset = len(body) if one.offset is None else one.offset
        listing += b"PK\1\2" + struct.pack("<HH", 0x0314, 20) + common
        listing += struct.pack("<HHHII", 0, 0, 0, one.mode << 16, offset) + one.name + one.extra
        body += b"PK\3\4" + struct.pack("<H", 20) + common + one.name + one.extra + one.data
    said = {"entries": min(len(members), 2**16 - 1), "listing": len(listing), "start": len(body)} | end
    last = struct.pack("<HHHHIIH", 0, 0, said["entries"], said["entries"], said["listing"], said["start"], len(comment))
    return bytes(body + listing) + b"PK\5\6" + last + comment


def of_tree(tree: Mapping[str, bytes]) -> list[Member]:
    return [Member(name.encode("utf-8", "surrogatepass"), data) for name, data in tree.items()]


PETS = of_tree(PLAIN)


# ---- What is wrong with them ----------------------------------------------------------------------------------------

Maker = Callable[[random.Random, Path], bytes | Iterator[bytes]]  # in one piece, or in many that no memory need hold


def paths(chance: random.Random, given: Path) -> bytes:
    path = chance.choice(names.paths(str(given.parent / BAIT / "secret.txt")))
    return written([*PETS, Member(path.encode()[:65_535], picture(), flags=chance.choice((0, UTF8)))])


def links(chance: random.Random, given: Path) -> bytes:
    """Symbolic links to what nobody may read, and nodes that are no files."""
    kind = chance.choice((stat.S_IFLNK, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK))
    target = chance.choice((str(given.parent / BAIT / "secret.txt"), f"../../{BAIT}/secret.txt", "/dev/zero", "."))
    return written([*PETS, Member(b"cat/link.png", target.encode(), mode=kind | 0o777)])


def bomb(chance: random.Random, given: Path) -> bytes:
    """Zeros that unpack to a thousand times their size, honest about it or not; as deep as they come."""
    size = chance.choice((2**20, 10 * 2**20, 40 * 2**20))
    packed, crc = _zeros(size)
    claims = chance.choice((size, 1000, len(packed), 2**32 - 1))
    count = chance.choice((1, 5, 200))
    bombs = [Member(f"cat/z{i}.png".encode(), packed, zipfile.ZIP_DEFLATED, size=claims, crc=crc) for i in range(count)]
    return written([*PETS, *bombs])


@cache
def _zeros(size: int) -> tuple[bytes, int]:
    """Packed, and their checksum."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(bytes(size)) + engine.flush(), zlib.crc32(bytes(size))


def nested(chance: random.Random, given: Path) -> bytes:
    """A zip in a zip, by its name or in disguise."""
    inside = written(PETS)
    for _ in range(chance.choice((1, 3, 20))):
        inside = written([Member(b"cat/inner.zip", inside)])
    name = chance.choice((b"cat/inner.zip", b"cat/inner.ZIP", b"cat/inner.png", b"inner.zip"))
    return written([*PETS, Member(name, inside)])


def picture_bomb(chance: random.Random, given: Path) -> bytes:
    """Pictures of a few kilobytes that decode to as much as a picture may, and to more."""
    large = saved(Image.new("1", (chance.choice((2_000, 6_000, 16_000)), 2_500)), "PNG")
    return written([*PETS, *[Member(f"cat/large{i}.png".encode(), large) for i in range(3)]])


def long_listing(chance: random.Random, given: Path) -> Iterator[bytes]:
    """More entries, or longer ones, than a listing may have; and one as long as it may be."""
    sizes = ((1_000_001, 20), (MAX_FILES - 1, 40), (2_000, 65_000), (MAX_LISTING // 65_000, 64_000))
    return _listing(*chance.choice(sizes))


def _listing(count: int, length: int) -> Iterator[bytes]:
    fixed = b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, UTF8, 0, 0, 33, 0, 0, 0, length, 0, 0, 0, 0, 0, 0)
    for number in range(count):
        yield b"%scat/%0*d" % (fixed, length - 4, number)
    size = count * (len(fixed) + length)
    yield b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count % 2**16, count % 2**16, size, 0, 0)


def locked(chance: random.Random, given: Path) -> bytes:
    """Passwords, hidden headers, rare methods."""
    flags, method = chance.choice(
        ((1, 0), (1, 8), (0x41, 8), (0x2001, 8), (0, 12), (0, 14), (0, 93), (0, 99), (0x20, 8))
    )
    return written([*PETS, Member(b"cat/x.png", picture(), method, flags | UTF8)])


def lies(chance: random.Random, given: Path) -> bytes:
    """Sizes, places and counts in the headers that are not true; entries over each other."""
    lie = {field: chance.choice(NUMBERS) for field in chance.sample(("size", "packed", "offset", "crc"), 2)}
    count = chance.choice((1, 1, 30))
    liars = [Member(f"cat/liar{i}.png".encode(), picture(), **lie) for i in range(count)]  # type: ignore[arg-type]
    end = {chance.choice(("entries", "listing", "start")): chance.choice(NUMBERS)} if chance.random() < 0.4 else {}
    end = {name: number % 2**16 if name == "entries" else number for name, number in end.items()}
    return written([*PETS, *liars], **end)


def large_numbers(chance: random.Random, given: Path) -> bytes:
    """The records of large zips, 64 bits each, with numbers that no file has."""
    extra = struct.pack("<HHQQQ", 1, 24, *(chance.choice((0, 1, 2**32, 2**63, 2**64 - 1)) for _ in range(3)))
    big = Member(b"cat/big.png", picture(), size=2**32 - 1, packed=2**32 - 1, offset=2**32 - 1, extra=extra)
    data = written([*PETS, big])
    if chance.random() < 0.5:
        return data
    end = data.rindex(b"PK\5\6")
    numbers = [chance.choice((0, 1, len(PETS), 2**32, 2**63, 2**64 - 1)) for _ in range(4)]
    record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, *numbers)
    return data[:end] + record + b"PK\6\7" + struct.pack("<IQI", 0, end, 1) + data[end:]


def layout(chance: random.Random, given: Path) -> bytes:
    """One class, none, too deep, too flat, half a split: all that the datasets' own tests refuse."""
    return written(of_tree(chance.choice(list(UNUSABLE.values()))[0]))


def no_pictures(chance: random.Random, given: Path) -> bytes:
    """Other files among the pictures, or in their place."""
    strange = [b"", b"<html>", b"#!/bin/sh\ntouch pwned", b"MZ" + bytes(100), b"\x7fELF" + bytes(100), b"%PDF-1.7"]
    mutants = [images.mutant(chance, chance.randrange(1000))[1] for _ in range(6)]
    tree = PLAIN if chance.random() < 0.7 else {}
    more = {f"{chance.choice(['cat', 'dog', 'eel'])}/s{i}.png": data for i, data in enumerate([*strange, *mutants])}
    return written(of_tree({**tree, **more}))


def scripts(chance: random.Random, given: Path) -> bytes:
    """Classes and files called anything, in any encoding, saying so or not."""
    said = [
        f"{label}/{names.name(chance)[:200]}.png" for label in (names.name(chance), names.name(chance)) for _ in "123"
    ]
    encodings = chance.choices(("utf-8", "cp949", "utf-16", "latin-1"), (3, 1, 1, 1), k=len(said))
    raw = [name.encode(encoding, "replace")[:60_000] for name, encoding in zip(said, encodings, strict=True)]
    return written([Member(name, picture(i), flags=chance.choice((0, UTF8, UTF8))) for i, name in enumerate(raw)])


def damaged(chance: random.Random, given: Path) -> bytes:
    return mutated(chance, written(chance.choice((PETS, of_tree(SPLIT)))))


def wrapped(chance: random.Random, given: Path) -> bytes:
    """Something before, behind or around a zip; two zips in one file."""
    whole = written(PETS)
    return chance.choice(
        (
            written(PETS, comment=b"PK\5\6" * 5000),
            written(PETS, before=b"#!/bin/sh\n" * 1000),
            written([Member(b"../x.png", picture())]) + whole,
            whole + written([Member(b"../x.png", picture())]),
            whole + b"PK\1\2" * 100_000,
            bytes(1000) + whole,
            whole + bytes(70_000),
            picture() + whole,
        )
    )


MAKERS: Sequence[Maker] = (
    *(paths, links, bomb, nested, picture_bomb, locked, lies, large_numbers, layout, no_pictures, scripts, damaged),
    *(wrapped, long_listing),
)


# ---- The doors ------------------------------------------------------------------------------------------------------


def attack(chance: random.Random, number: int, given: Path) -> Attack:
    """As an upload, which looks at the listing, or as data to train on, which decodes every picture."""
    maker = MAKERS[number % len(MAKERS)]
    made = maker(chance, given)
    path = given / "pets.zip"
    with path.open("wb") as file:
        file.writelines([made] if isinstance(made, bytes) else made)
    meet = _upload if number // len(MAKERS) % 2 else _load
    return Attack(f"{meet.__name__} {maker.__name__}", lambda: meet(path))


def _upload(path: Path) -> None:
    with path.open("rb") as file, names.uploaded("pets.zip", file) as kept:
        assert uploads() == [kept]
        assert kept.classes >= 2


def _load(path: Path) -> None:
    dataset = load_dataset(path)
    assert all(shown(label) == label for label in dataset.classes)
    assert dataset.train.images.dtype == torch.uint8
    assert len(dataset) == len(dataset.train.labels) + len(dataset.test.labels)
    sample_pictures(path, 8)


def sound(given: Path) -> Sequence[Attack]:
    path = given / "sound.zip"
    path.write_bytes(written(of_tree(SPLIT)))
    return [Attack("upload", lambda: _upload(path)), Attack("dataset", lambda: _load(path))]
