"""Zip files: their listing bounded before any of it is kept, and the names in it as people wrote them.

    with open_zip(path.open("rb"), most=2**20) as archive:     # closes both in the end
        [member_path(info) for info in archive.infolist()]     # "고양이/0001.jpg"

`ZipFile` reads a listing in one piece and keeps every name in it. A zip may be nothing but a listing, and names may
have 65 535 characters each: 300 MB of that become more than a gigabyte of objects.
"""

import io
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

_SAYS_UTF8 = 0x800  # flag of an entry
_UNICODE_PATH = 0x7075  # extra field of an entry, APPNOTE 4.6.9: version 1, CRC-32 of the plain name, the name in UTF-8


class _Bounded(io.BufferedReader):
    """A file that refuses to be read in a larger piece than `most` bytes, while that is set."""

    most: int | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        if self.most is not None and size is not None and size > self.most:
            raise zipfile.BadZipFile("its listing is too long")
        return super().read(size)


@contextmanager
def open_zip(file: IO[bytes], most: int) -> Iterator[zipfile.ZipFile]:
    """The zip in an open file, whose listing may have `most` bytes. Raises what `zipfile` raises."""
    raw: Any = file  # a BytesIO, and a file opened in any way, is what a BufferedReader wants
    with _Bounded(raw) as bounded:
        bounded.most = most
        with zipfile.ZipFile(bounded) as archive:
            bounded.most = None
            yield archive


# ---- Names ----------------------------------------------------------------------------------------------------------


def member_path(info: zipfile.ZipInfo) -> str:
    """An entry's path as its maker saw it, with "/" between its parts; nothing in it has been checked.

    The first of these that holds: the Unicode path field; the flag for UTF-8; bytes that are UTF-8 (macOS sets no
    flag); Korean Windows' CP949 where that gives plausible Hangul; CP437 or CP850, as Windows of the west writes.
    Windows' "\\" is a separator too.
    """
    stored = info.orig_filename  # `filename` is cut at a zero byte
    flagged = bool(info.flag_bits & _SAYS_UTF8)
    raw = stored.encode("utf-8" if flagged else "cp437", "surrogatepass")  # zipfile's own decoding taken back
    said = _unicode_path(info.extra, raw)
    path = said if said is not None else stored if flagged else "/".join(map(_guessed, re.split(rb"[/\\]", raw)))
    return path.replace("\\", "/")


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """What the field says, if it belongs to this very name: a program that knew nothing of it may have renamed."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + size]
        at += 4 + size
        if kind == _UNICODE_PATH and len(field) == size > 5 and field[0] == 1:
            try:
                text = field[5:].decode()
            except UnicodeDecodeError:
                return None
            return text if int.from_bytes(field[1:5], "little") == zlib.crc32(raw) else None
    return None


def _guessed(part: bytes) -> str:
    """One part of a path. By itself, so that a folder has the same name in the paths of all its files."""
    with suppress(UnicodeDecodeError):
        return part.decode()
    western = min((part.decode(encoding) for encoding in ("cp437", "cp850")), key=_strange_characters)
    with suppress(UnicodeDecodeError):
        korean = part.decode("cp949")
        also = "ㄱ-ㅣ" if _strange_characters(western) else ""  # "Peñón" has the bytes of a single consonant
        if all(_is_plausible_hangul(run, also) for run in re.findall(r"[^\0-\x7f]+", korean)):
            return korean
    return western


def _is_plausible_hangul(run: str, also: str) -> bool:
    """Whether people write so: mostly the 2350 syllables of KS X 1001, the rest the other 8822 or signs of it.

    In CP949 the bytes of "Bär", written on a German computer, are "B" and one of the 8822, whose second byte may be an
    ASCII letter. Both bytes of what KS X 1001 has are at least 0xA1. `also` are letters that count like the 2350.
    """
    listed = [char for char in run if min(char.encode("cp949")) >= 0xA1]
    common = len(re.findall(f"[가-힣{also}]", "".join(listed)))
    return common > 0 and common >= len(run) - len(listed)


def _strange_characters(text: str) -> int:
    """How many are neither ASCII nor letters of the Latin alphabet, such as the line drawings of CP437."""
    return sum(not char.isascii() and not unicodedata.name(char, "").startswith("LATIN") for char in text)
