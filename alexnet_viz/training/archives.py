"""The files of a folder or a zip, listed and read with limits. Nothing is unpacked to disk, no link is followed.

    with open_files(Path("pets.zip")) as files:
        files.check(files.names)              # what the listing claims: 2 GiB in all
        files.problem(files.names[0])         # what keeps one file from being read: 10 MiB a file; or None
        data = files.read(files.names[0])     # what there really is: the same limits, counted again

A listing can lie, so every size is checked twice. Whatever the zip or folder holds, only UserError is raised; what
concerns one file, which can be left out, is a FileError.
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
from typing import IO, Literal, NamedTuple

from alexnet_viz.errors import UserError
from alexnet_viz.files.zips import member_path, open_zip
from alexnet_viz.pictures.file_kinds import KINDS
from alexnet_viz.pictures.images import MAX_BYTES
from alexnet_viz.words import numbers
from alexnet_viz.words.i18n import N_

MAX_FILES = 150_000  # each takes 1 KB of memory while a zip is open
MAX_LISTING = 32 * 2**20  # bytes of a zip's listing, names and all; an entry takes about 100
MAX_TOTAL = 2 * 2**30  # bytes of all files that are read, unpacked
MAX_RATIO = 200  # unpacked / packed bytes of a file above 1 MiB; pictures stay below 10, deflate reaches 1032
MAX_DEPTH = 20  # folders in one another; more than any dataset has, and a folder may be mounted inside itself
HEAD = 4096  # bytes at a file's beginning, in which every kind of picture shows
LONGEST_SHOWN = 200  # characters of a path in a message; a zip's names have up to 65 535

# What systems leave behind, beside dot files: macOS, Windows, Synology, Linux, Python.
_JUNK = {"__macosx", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"}
_JUNK |= {"@eadir", "lost+found", "__pycache__"}
# Characters that show nothing and yet belong to a name: joiners inside words of Persian and Hindi and inside emoji, and
# the tags that make Scotland's flag of a black one. At the edge of a name a joiner would make two names look alike.
_MEANT = re.compile(
    "(?<=[^\\s/\u200c\u200d])[\u200c\u200d](?=[^\\s/\u200c\u200d])|(?<=\U0001f3f4)[\U000e0030-\U000e007a]+\U000e007f"
)
_PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile unpacks the others without a limit
_DRIVE = re.compile("[A-Za-z]:")
_ENTRY = b"PK\1\2"  # starts every entry of a zip's listing

# What damaged bytes make zipfile and zlib raise; RuntimeError is a password or a method that zipfile lacks.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, OverflowError, RuntimeError, struct.error)

Name = tuple[str, ...]  # a path below the folder or inside the zip: ("train", "cat", "0001.jpg")
Reason = Literal["not_a_picture", "damaged", "too_large", "too_small", "unsupported", "outside"]


class FileError(UserError):
    """Why one file is left out, while the others can be used."""

    def __init__(self, reason: Reason, text: str, /, **values: object) -> None:
        super().__init__(text, **values)
        self.reason: Reason = reason


class _Entry(NamedTuple):
    name: Name
    size: int  # bytes, as the listing claims
    open: Callable[[], IO[bytes]]
    problem: FileError | None = None  # that the listing tells


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
        """Refuse, by the sizes that the listing claims, to read so much; what is left out doesn't count."""
        total = 0
        for name in names:
            total += 0 if self.problem(name) else self._entries[name].size
            if total > MAX_TOTAL:
                raise _too_much(self.title, total)

    def size(self, name: Name) -> int:
        """Bytes of one file, as the listing claims."""
        return self._entries[name].size

    def problem(self, name: Name) -> FileError | None:
        """Why one file cannot be read, as far as the listing tells."""
        entry = self._entries[name]
        return entry.problem or (self._too_large(name, entry.size) if entry.size > MAX_BYTES else None)

    def head(self, name: Name) -> bytes:
        """The first bytes of one file, at most HEAD. Raises `FileError`."""
        return self._read(name, HEAD)

    def read(self, name: Name) -> bytes:
        """The bytes of one file, at most MAX_BYTES, unpacked no further than that.

        Raises `FileError`, or `UserError` where all files that were read so far are too much.
        """
        data = self._read(name, MAX_BYTES + 1)
        self._total += len(data)
        if self._total > MAX_TOTAL:
            raise _too_much(self.title, self._total)
        if len(data) > MAX_BYTES:
            raise self._too_large(name, len(data))
        return data

    def _read(self, name: Name, most: int) -> bytes:
        if known := self.problem(name):
            raise known
        try:
            with self._entries[name].open() as stream:
                return stream.read(most)
        except _DAMAGE as problem:
            raise FileError(
                "damaged",
                "{name} in {source} cannot be read ({reason}). Replace it or take it out.",
                name=shown(*name),
                source=self.title,
                reason=_reason(problem),
            ) from problem

    def _too_large(self, name: Name, size: int) -> FileError:
        return FileError(
            "too_large",
            "{name} in {source} has {size} or more; at most {limit} a file are read. Make it smaller or take it out.",
            name=shown(*name),
            source=self.title,
            size=mebibytes(size),
            limit=mebibytes(MAX_BYTES),
        )


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
    meant = {i for found in _MEANT.finditer(text) for i in range(*found.span())}
    return "".join(char if char.isprintable() or i in meant else repr(char)[1:-1] for i, char in enumerate(text))


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
            elif child.is_dir():
                if len(name) >= MAX_DEPTH:
                    raise UserError(
                        "The folder {folder} holds more than {limit} folders in one another. Move its pictures up.",
                        folder=shown(*name),
                        limit=MAX_DEPTH,
                    )
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
            _refuse_other_kinds(path, title)
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


# Other archives, by their bytes at a place. ALZ and EGG are what ALZip makes, which is common in Korea.
_ARCHIVES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x1f\x8b", "gzip (.tar.gz)"),
    (0, b"BZh", "bzip2 (.tar.bz2)"),
    (0, b"\xfd7zXZ\0", "xz (.tar.xz)"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard (.tar.zst)"),
    (257, b"ustar", "tar"),
    (0, b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (0, b"Rar!\x1a\x07", "RAR"),
    (0, b"ALZ\1", "ALZ"),
    (0, b"EGGA", "EGG"),
    (0, b"MSCF", "CAB"),
)


def archive_kind(head: bytes) -> str:
    """What kind of archive begins so, other than a zip; "" for none."""
    return next((kind for at, start, kind in _ARCHIVES if head.startswith(start, at)), "")


def _refuse_other_kinds(path: Path, title: str) -> None:
    """Say what a file is that people take for a zip."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if kind := archive_kind(head):
        raise UserError(
            "{source} cannot be read as a zip file: it is an archive of another kind, {kind}. Unpack it and make a "
            "zip of its class folders.",
            source=title,
            kind=kind,
        )
    if head.startswith(b"version https://git-lfs"):
        raise UserError(
            "{source} cannot be read as a zip file: it is only a pointer of Git LFS. Fetch the file itself with "
            "git lfs pull.",
            source=title,
        )
    if head.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise UserError(
            "{source} cannot be read as a zip file: it is a web page, such as one that asks to sign in. "
            "Download the file again in a browser.",
            source=title,
        )
    if any(kind.matches(head) for kind in KINDS):
        raise UserError(
            "{source} cannot be read as a zip file: it is a single picture. Make a zip of one folder of pictures for "
            "each class.",
            source=title,
        )


def _count_entries(path: Path) -> int:
    """An upper bound of the entries in a zip's listing, whatever its header says."""
    count, tail = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            count += (tail + chunk).count(_ENTRY)
            tail = chunk[1 - len(_ENTRY) :]  # too short to hold an entry's start, long enough to begin one
    return count


_LINK = N_("{name} in {source} is a link; links are not followed. Put the file itself in its place.")

# What keeps one file in a zip from being read, and what is said.
_UNREADABLE: tuple[tuple[Callable[[zipfile.ZipInfo], bool], Reason, str], ...] = (
    (
        lambda info: bool(info.flag_bits & 0x2041),  # password, strong encryption, hidden names
        "unsupported",
        N_("{name} in {source} is encrypted. Make a zip without a password."),
    ),
    (
        lambda info: info.compress_type not in _PLAIN_METHODS,
        "unsupported",
        N_("{name} in {source} is packed by a rare method. Make the zip again with the usual one, deflate."),
    ),
    (
        lambda info: info.file_size > max(2**20, MAX_RATIO * info.compress_size),
        "too_large",
        N_("{name} in {source} unpacks to {ratio:,} times its size, as no picture does. Take it out."),
    ),
)


def _zip_entries(archive: zipfile.ZipFile, title: str) -> Iterator[_Entry]:
    for info in archive.infolist():
        path = unicodedata.normalize("NFC", member_path(info))  # macOS may store Hangul taken apart
        name = _member_name(path, title)
        if path.endswith("/") or any(map(_is_junk, name)):
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UserError(_LINK, name=shown(*name), source=title)
        yield _Entry(name, info.file_size, partial(archive.open, info), _problem(info, name, title))


def _problem(info: zipfile.ZipInfo, name: Name, title: str) -> FileError | None:
    for holds, reason, text in _UNREADABLE:
        if holds(info):
            ratio = info.file_size // max(1, info.compress_size)
            return FileError(reason, text, name=shown(*name), source=title, ratio=ratio)
    return None


def _member_name(path: str, title: str) -> Name:
    """The parts of a member's path, without "."; refuses a path that could lead out of where it is unpacked."""
    parts = path.removesuffix("/").split("/")
    if "" in parts or ".." in parts or "\0" in path or _DRIVE.match(path):
        raise UserError(
            "{source} holds the path {path}, which could lead out of a folder. "
            "Make a zip that has only plain folder and file names.",
            source=title,
            path=shown(path) or '""',
        )
    return tuple(part for part in parts if part != ".")
