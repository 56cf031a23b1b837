"""HEIC and HEIF, the photos of phones: what stands in such a file before a pixel of it is decoded.

A file is boxes: 4 bytes of length, 4 letters, contents; `meta` lists the items (pictures, tiles, EXIF), their
properties and how they refer to each other (ISO/IEC 14496-12 and 23008-12). libheif, which decodes, checks every length
and that a picture has the size it claims. Two things are left to its caller: a file of 4 KB may have one tile drawn
65,536 times, and the metadata of every picture in it is copied when it is opened.
"""

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from pillow_heif import HeifImageFile

MOST_DRAWN = 8  # times its own area that a picture may take to decode; tiles, alpha and gain maps of phones: below 3
SMALL = 1_000_000  # pixels; below that nothing is dear, and padded tiles may well be larger than the picture
MAX_DEPTH = 8  # pictures made of pictures; a tiled photo has 2
MAX_COPIES = 64 * 2**20  # bytes of colour profiles, counted once for every item


class HeicFile(HeifImageFile):
    """Pillow's view of the file's main picture, upright: libheif has turned and cut it as its properties say."""

    def draft(self, mode: str | None, size: tuple[int, int] | None) -> None:
        """Nothing: the small picture beside it need not show the same."""


@dataclass(frozen=True)
class Boxes:
    """The boxes between two places of a file."""

    data: bytes
    start: int
    end: int

    def __iter__(self) -> Iterator[tuple[bytes, "Boxes"]]:
        """Letters and contents of each box, as far as the lengths are sound."""
        at = self.start
        while at + 8 <= self.end:
            size, header = int.from_bytes(self.data[at : at + 4]), 8
            if size == 1:  # a long length follows the letters
                size, header = int.from_bytes(self.data[at + 8 : at + 16]), 16
            elif size == 0:  # up to the end
                size = self.end - at
            if size < header or at + size > self.end:
                return
            yield self.data[at + 4 : at + 8], Boxes(self.data, at + header, at + size)
            at += size

    def inside(self, letters: bytes, header: int = 0) -> Iterator["Boxes"]:
        """The contents of each box of that name, `header` bytes further on."""
        for name, box in self:
            if name == letters:
                yield Boxes(self.data, box.start + header, box.end)

    @property
    def contents(self) -> bytes:
        return self.data[self.start : self.end]

    def only(self, letters: bytes, header: int = 0) -> "Boxes":
        """The contents of the one box of that name; empty where there is none.

        Raises ValueError where there are several: readers differ in which of them counts.
        """
        found = list(self.inside(letters, header))
        if len(found) > 1:
            raise ValueError(f"more than one {letters!r}")
        return found[0] if found else Boxes(self.data, self.end, self.end)


def _meta(data: bytes) -> Boxes:
    return Boxes(data, 0, len(data)).only(b"meta", 4)


def without_metadata(data: bytes) -> bytes:
    """The same file, whose EXIF, XMP and other blocks no longer describe any picture, so that they go unread.

    What turns a HEIC are properties of its own; its EXIF orientation repeats them.
    """
    cut = bytearray(data)
    for name, box in _meta(data).only(b"iref", 4):
        if name == b"cdsc":  # "content describes"
            cut[box.start - 4 : box.start] = b"none"
    return bytes(cut)


def colours(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of the main picture, where it gives them as numbers of ITU-T H.273."""
    with contextlib.suppress(struct.error, ValueError, IndexError):
        items = _items(_meta(data))
        for name, box in items.properties.get(items.main, ()):
            if name == b"colr" and box.contents[:4] == b"nclx":
                primaries, transfer = struct.unpack_from(">HH", box.contents, 4)
                return primaries, transfer
    return None


# ---- What it takes to decode ----------------------------------------------------------------------------------------


@dataclass
class _Items:
    main: int
    properties: dict[int, list[tuple[bytes, Boxes]]] = field(default_factory=dict)  # by item
    parts: dict[int, list[int]] = field(default_factory=dict)  # items that an item is drawn from, as often as drawn


def size_before_cutting(data: bytes) -> tuple[int, int]:
    """Width and height of the main picture as it is decoded, before it is cut and turned.

    Raises ValueError where it has none, or where decoding takes far more than so many pixels.
    """
    meta = _meta(data)
    items = _items(meta)
    width, height = _size(items, items.main)
    if not width * height:
        raise ValueError("no main picture")
    most = max(width * height, SMALL)
    if _drawn(items, items.main, most, {}, 0) > MOST_DRAWN * most:
        raise ValueError("tiles that cover the picture many times")
    count = sum(1 for _ in meta.only(b"iinf", 6))
    profiles = sum(box.end - box.start for name, box in meta.only(b"iprp").only(b"ipco") if name == b"colr")
    if profiles * count > MAX_COPIES:
        raise ValueError("colour profiles that would be copied too often")
    return width, height


def _items(meta: Boxes) -> _Items:
    found = _Items(int.from_bytes(meta.only(b"pitm", 4).contents))
    listed = list(meta.only(b"iprp").only(b"ipco"))
    for box in meta.only(b"iprp").inside(b"ipma"):
        for item, indices in _associations(box.contents):
            own = [listed[index - 1] for index in indices if 1 <= index <= len(listed)]
            found.properties.setdefault(item, []).extend(own)
    references = meta.only(b"iref")
    wide = 4 if references.contents[:1] == b"\1" else 2
    for name, box in Boxes(meta.data, references.start + 4, references.end):
        source, *targets = _numbers(box.contents, wide)
        if name == b"dimg":  # derived from: a grid from its tiles
            found.parts.setdefault(source, []).extend(targets)
        elif name == b"auxl":  # auxiliary of: alpha
            for target in targets:
                found.parts.setdefault(target, []).append(source)
    return found


def _size(items: _Items, item: int) -> tuple[int, int]:
    """Width and height that an item claims, the largest if it claims several; 0 of what is no picture."""
    sizes = [
        (int.from_bytes(box.contents[4:8]), int.from_bytes(box.contents[8:12]))
        for name, box in items.properties.get(item, ())
        if name == b"ispe"
    ]
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


def _numbers(contents: bytes, wide: int) -> list[int]:
    """An item, a count of 2 bytes, and so many items."""
    first, count = int.from_bytes(contents[:wide]), int.from_bytes(contents[wide : wide + 2])
    rest = contents[wide + 2 : wide + 2 + wide * count]
    return [first, *(int.from_bytes(rest[at : at + wide]) for at in range(0, len(rest), wide))]


def _associations(contents: bytes) -> Iterator[tuple[int, list[int]]]:
    """Items, and the numbers of their properties from 1 on."""
    version, long = contents[0], contents[3] & 1
    item_bytes, index_bytes = (4 if version else 2), (2 if long else 1)
    at = 8
    for _ in range(int.from_bytes(contents[4:8])):
        if at + item_bytes >= len(contents):
            return
        item, count = int.from_bytes(contents[at : at + item_bytes]), contents[at + item_bytes]
        at += item_bytes + 1
        end = at + index_bytes * count
        mask = 0x7FFF if long else 0x7F  # the highest bit says "essential"
        yield item, [int.from_bytes(contents[i : i + index_bytes]) & mask for i in range(at, end, index_bytes)]
        at = end


def _drawn(items: _Items, item: int, most: int, known: dict[int, int], depth: int) -> int:
    """Pixels that are decoded and drawn for an item and all that it is made of; no part may have more than `most`."""
    if depth > MAX_DEPTH:
        raise ValueError("pictures within pictures")
    if item not in known:
        width, height = _size(items, item)
        if width * height > most:
            raise ValueError("a part with more pixels than the whole")
        parts = items.parts.get(item, ())
        known[item] = width * height + sum(_drawn(items, part, most, known, depth + 1) for part in parts)
    return known[item]
