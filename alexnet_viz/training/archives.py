"""The files of a folder or a zip, listed and read with limits. Nothing is unpacked to disk, no link is followed.

    with open_files(Path("pets.zip")) as files:
        files.check(files.names)              # what the listing claims: 2 GiB in all, 10 MiB a file
        data = files.read(files.names[0])     # what there really is: the same limits, counted again

A listing can lie, so every size is checked twice. Whatever the zip or folder holds, only UserError is raised.
"""

import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from alexnet_viz.errors import UserError
from alexnet_viz.files.zips import open_zip
from alexnet_viz.pictures.images import MAX_BYTES
from alexnet_viz.words import numbers
from alexnet_viz.words.i18n import N_

MAX_FILES = 150_000  # each takes 1 KB of memory while a zip is open
MAX_LISTING = 32 * 2**20  # bytes of a zip's listing, names and all; an entry takes about 100
MAX_TOTAL = 2 * 2**30  # bytes of all files that are read, unpacked
MAX_RATIO = 200  # unpacked / packed bytes of a file above 1 MiB; pictures stay below 10, deflate reaches 1032
MAX_DEPTH = 4  # names below the folder: wrapper / train / class / file; what lies deeper is not listed
LONGEST_SHOWN = 200  # characters of a path in a message; a zip's names have up to 65 535

_JUNK = {"__macosx", "thumbs.db", "desktop.ini"}  # dot files, too
_PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile unpacks the others without a limit
_DRIVE = re.compile("[A-Za-z]:")
_ENTRY = b"PK\1\2"  # starts every entry of a zip's listing

# What damaged bytes make zipfile and zlib raise; RuntimeError is a password or a method that zipfile lacks.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, OverflowError, RuntimeError, struct.error)

Name = tuple[str, ...]  # a path below the folder or inside the zip: ("train", "cat", "0001.jpg")


class _Entry(NamedTuple):
    name: Name
    size: int  # bytes, as the listing claims
    open: Callable[[], IO[bytes]]


class Files:
    """The listed files by name, sorted. `title` is what a person calls the folder or zip."""

    def __init__(self, title: str, entries: Iterable[_Entry]) -> None:
        self.title = title
        self._entries: dict[Name, _Entry] = {}
        self._total = 0  # bytes read so far
        for entry in islice(entries, MAX_FILES + 1):
            if entry.name in self._entries:
                raise UserError(
                    "{source} holds two files named {name}. Rename or remove one.",
                    name=shown(*entry.name),
                    source=title,
                )
            self._entries[entry.name] = entry
        if len(self._entries) > MAX_FILES:
            raise _too_many(title)
        self.names = sorted(self._entries)

    def check(self, names: Iterable[Name]) -> None:
        """Refuse, by the sizes that the listing claims, to read these files."""
        total = 0
        for name in names:
            total += self._entries[name].size
            self._check_sizes(name, self._entries[name].size, total)

    def read(self, name: Name) -> bytes:
        """The bytes of one file, at most MAX_BYTES, unpacked no further than that."""
        try:
            with self._entries[name].open() as stream:
                data = stream.read(MAX_BYTES + 1)
        except _DAMAGE as problem:
            raise UserError(
                "{name} in {source} cannot be read ({reason}). Replace it or take it out.",
                name=shown(*name),
                source=self.title,
                reason=_reason(problem),
            ) from problem
        self._total += len(data)
        self._check_sizes(name, len(data), self._total)
        return data

    def _check_sizes(self, name: Name, size: int, total: int) -> None:
        if size > MAX_BYTES:
            raise UserError(
                "{name} in {source} has {size} or more; at most {limit} a file are read. "
                "Make it smaller or take it out.",
                name=shown(*name),
                source=self.title,
                size=mebibytes(size),
                limit=mebibytes(MAX_BYTES),
            )
        if total > MAX_TOTAL:
            raise _too_much(self.title, total)


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """The files of a folder or a zip while the block runs. Raises UserError for whatever else `path` is."""
    if os.path.isdir(path):  # os.path: pathlib raises for a path that is forbidden or too long
        title = shown(path.resolve().name or str(path))
        yield Files(title, _folder_entries(path))
    elif os.path.isfile(path):
        title = shown(path.name)
        with _open_zip(path, title) as archive:
            yield Files(title, _zip_entries(archive, title))
    else:
        raise UserError("There is no folder and no zip file {path}. Check the path.", path=shown(str(path)))


def shown(*parts: str) -> str:
    """A path fit for any screen or file: bytes that are no text, and control characters, come out escaped; what is
    too long is cut."""
    path = "/".join(parts)
    path = path if len(path) <= LONGEST_SHOWN else f"{path[:LONGEST_SHOWN]}..."
    text = path.encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def mebibytes(size: int) -> str:
    """Bytes as "1,024.1 MiB"."""
    return f"{numbers.mebibytes(size):,.1f} MiB"


def _is_junk(part: str) -> bool:
    return part.startswith(".") or part.casefold() in _JUNK


def _too_much(title: str, size: int) -> UserError:
    return UserError(
        "{source} holds {size} or more; at most {limit} are read. Use fewer or smaller pictures.",
        source=title,
        size=mebibytes(size),
        limit=mebibytes(MAX_TOTAL),
    )


def _too_many(title: str) -> UserError:
    return UserError("{source} holds more than {limit:,} files. Use fewer pictures.", source=title, limit=MAX_FILES)


def _reason(problem: BaseException) -> str:
    text = problem.strerror if isinstance(problem, OSError) else str(problem)
    return shown(text or type(problem).__name__)


# ---- Folders --------------------------------------------------------------------------------------------------------


def _folder_entries(folder: Path, above: Name = ()) -> Iterator[_Entry]:
    """The regular files below a folder. Any link is refused, so nothing outside can be reached."""
    try:
        for child in sorted(os.scandir(folder), key=lambda child: child.name):
            name = (*above, unicodedata.normalize("NFC", child.name))  # macOS may store Hangul taken apart
            if _is_junk(child.name):
                continue
            if child.is_symlink():
                raise UserError(
                    "{name} is a link; links are not followed. Put the file itself in its place.", name=shown(*name)
                )
            if child.is_file():
                yield _Entry(name, child.stat().st_size, partial(_open, child.path))
            elif child.is_dir() and len(name) < MAX_DEPTH:
                yield from _folder_entries(Path(child.path), name)
    except OSError as problem:
        raise UserError(
            "The folder {folder} cannot be read: {reason}.", folder=shown(folder.name), reason=_reason(problem)
        ) from problem


def _open(path: str) -> IO[bytes]:
    return open(path, "rb")


# ---- Zip files ------------------------------------------------------------------------------------------------------


@contextmanager
def _open_zip(path: Path, title: str) -> Iterator[zipfile.ZipFile]:
    """The zip while the block runs. Its size and its entries are looked at first: opening one keeps all entries."""
    with ExitStack() as stack:
        try:
            size = path.stat().st_size
            if size > MAX_TOTAL:
                raise _too_much(title, size)
            if _count_entries(path) > MAX_FILES:
                raise _too_many(title)
            archive = stack.enter_context(open_zip(path.open("rb"), MAX_LISTING))
        except _DAMAGE as problem:
            raise UserError(
                "{source} cannot be read as a zip file ({reason}): it is another kind of file, cut off or damaged. "
                "Download or make it again, or give a folder.",
                source=title,
                reason=_reason(problem),
            ) from problem
        yield archive


def _count_entries(path: Path) -> int:
    """An upper bound of the entries in a zip's listing, whatever its header says."""
    count, tail = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            count += (tail + chunk).count(_ENTRY)
            tail = chunk[1 - len(_ENTRY) :]  # too short to hold an entry's start, long enough to begin one
    return count


# What a file in a zip may not be, and what is said.
_REFUSED: tuple[tuple[Callable[[zipfile.ZipInfo], bool], str], ...] = (
    (
        lambda info: stat.S_ISLNK(info.external_attr >> 16),
        N_("{name} in {source} is a link; links are not followed. Put the file itself in its place."),
    ),
    (
        lambda info: bool(info.flag_bits & 0x2041),  # password, strong encryption, hidden names
        N_("{name} in {source} is encrypted. Make a zip without a password."),
    ),
    (
        lambda info: info.compress_type not in _PLAIN_METHODS,
        N_("{name} in {source} is packed by a rare method. Make the zip again with the usual one, deflate."),
    ),
    (
        lambda info: info.file_size > max(2**20, MAX_RATIO * info.compress_size),
        N_("{name} in {source} unpacks to {ratio:,} times its size, as no picture does. Take it out."),
    ),
    (
        lambda info: info.filename.casefold().endswith(".zip"),
        N_("{source} holds another zip, {name}. Unpack that one and make one zip of its class folders."),
    ),
)


def _zip_entries(archive: zipfile.ZipFile, title: str) -> Iterator[_Entry]:
    for info in archive.infolist():
        name = _member_name(info, title)
        if info.is_dir() or any(map(_is_junk, name)):
            continue
        for refused, text in _REFUSED:
            if refused(info):
                ratio = info.file_size // max(1, info.compress_size)
                raise UserError(text, name=shown(*name), source=title, ratio=ratio)
        yield _Entry(name, info.file_size, partial(archive.open, info))


def _member_name(info: zipfile.ZipInfo, title: str) -> Name:
    """The parts of a member's path, without "."; refuses a path that could lead out of where it is unpacked."""
    path = unicodedata.normalize("NFC", _member_path(info))
    parts = path.removesuffix("/").split("/")
    if "" in parts or ".." in parts or "\\" in path or "\0" in path or _DRIVE.match(path):
        raise UserError(
            "{source} holds the path {path}, which could lead out of a folder. "
            "Make a zip that has only plain folder and file names.",
            source=title,
            path=shown(path) or '""',
        )
    return tuple(part for part in parts if part != ".")


def _member_path(info: zipfile.ZipInfo) -> str:
    """Zips made on macOS hold UTF-8 and those made on Korean Windows CP949, both without saying so."""
    path = info.orig_filename  # as it is stored: `filename` is cut at a zero byte
    if info.flag_bits & 0x800 or path.isascii():  # 0x800: says that it is UTF-8
        return path
    for encoding in ("utf-8", "cp949"):
        try:
            return path.encode("cp437").decode(encoding)
        except UnicodeDecodeError:
            continue
    return path
