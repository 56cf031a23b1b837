"""Zips of class folders that visitors upload to train on, kept where every run can read them.

    datasets/uploads/<sha256[:16]>-<name>.zip     under ALEXNET_VIZ_HOME
    datasets/uploads/<sha256[:16]>-<name>.json    what was counted, so that a page need not open the zip

A zip is looked at before it is kept: its paths, its sizes and its layout, but not its pictures, which takes as long
as a run takes to start. Nothing is unpacked to disk, and nothing is ever removed to make room. Only `keep` imports
torch, because datasets, whose layout check it shares, does.
"""

import hashlib
import json
import os
import re
import tempfile
import time
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock

from alexnet_viz.errors import UserError
from alexnet_viz.files.download import writing
from alexnet_viz.files.paths import home_dir
from alexnet_viz.serving.imports import ensure_ml
from alexnet_viz.training.archives import mebibytes, open_files

MAX_UPLOADS = 20
MAX_TOTAL = 4 * 2**30  # bytes of all zips that are kept
LONGEST_NAME = 40  # characters, without ".zip"; in UTF-8 at most 160 bytes, and a file system allows 255
_CHUNK = 2**20  # bytes


@dataclass(frozen=True)
class Upload:
    """A zip that is kept. The counts are its listing's: files in class folders."""

    path: Path
    classes: int
    pictures: int
    kept_at: float  # seconds since 1970

    @property
    def name(self) -> str:
        """What people call it: "my-pets.zip"."""
        return self.path.name.partition("-")[2]


def uploads_dir() -> Path:
    """Where uploads are kept; it need not exist yet."""
    return home_dir() / "datasets" / "uploads"


def uploads() -> list[Upload]:
    """All that are kept, newest first. No zip is opened."""
    found = (_read(path) for path in uploads_dir().glob("*.zip"))
    return sorted(filter(None, found), key=lambda upload: upload.kept_at, reverse=True)


def keep(name: str, stream: IO[bytes], most: int) -> Upload:
    """Keep an uploaded zip; the same bytes are kept once, under their first name, and no two have the same name.

    Raises `UserError` for what is no zip of class folders, for more than `most` bytes, and where there is no room:
    MAX_UPLOADS and MAX_TOTAL are reached, or the disk is full. Then nothing has changed.
    """
    file = uploads_dir() / safe_name(name)
    with (
        writing(file),
        FileLock(file.with_name(".lock")),
        tempfile.TemporaryDirectory(prefix=".new-", dir=file.parent) as beside,
    ):
        fresh = Path(beside) / file.name
        prefix = _copy(stream, fresh, most)[:16]
        kept = uploads()
        for upload in kept:
            if upload.path.name.startswith(f"{prefix}-"):
                return upload
        _check_room(kept, fresh)
        path = file.with_name(f"{prefix}-{_free_name(file, kept)}")
        upload = Upload(path, *_counted(fresh), kept_at=time.time())
        _write(upload, fresh)
        return upload


def safe_name(name: str) -> str:
    """A file's name with nothing but letters and digits of any script, "_", "-" and the end ".zip"."""
    stem = re.sub(r"\.zip$", "", unicodedata.normalize("NFC", name), flags=re.IGNORECASE)
    words = "-".join(re.findall(r"\w+", stem))
    return f"{words[:LONGEST_NAME].strip('-') or 'pictures'}.zip"


def _free_name(file: Path, kept: list[Upload]) -> str:
    """pets.zip, or pets-2.zip where there is another pets.zip already."""
    taken = {upload.name for upload in kept}
    names = (f"{file.stem}-{number}.zip" for number in range(2, MAX_UPLOADS + 2))
    return next(name for name in (file.name, *names) if name not in taken)


def _write(upload: Upload, fresh: Path) -> None:
    """Move the zip from beside to its place; the zip comes last, and only with it the upload is listed."""
    record = {name: value for name, value in asdict(upload).items() if name != "path"}
    counted = fresh.with_suffix(".json")
    counted.write_text(json.dumps(record), encoding="utf-8")
    os.replace(counted, upload.path.with_suffix(".json"))
    os.replace(fresh, upload.path)


def _read(path: Path) -> Upload | None:
    """A zip with what was counted of it; None for a zip that was put there in another way."""
    try:
        return Upload(path, **json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _copy(stream: IO[bytes], file: Path, most: int) -> str:
    """Write the zip; returns its sha256 in hex."""
    digest = hashlib.sha256()
    size = 0
    with file.open("wb") as opened:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise UserError(
                    "{file} has more than {limit}. Use fewer or smaller pictures.",
                    file=file.name,
                    limit=mebibytes(most),
                )
            digest.update(chunk)
            opened.write(chunk)
    return digest.hexdigest()


def _check_room(kept: list[Upload], fresh: Path) -> None:
    """Refuse one more where it would be too many, or too much; somebody has to choose what goes."""
    size = sum(upload.path.stat().st_size for upload in kept)
    if len(kept) >= MAX_UPLOADS or size + fresh.stat().st_size > MAX_TOTAL:
        raise UserError(
            "There is no room for {file}: {folder} holds {count} uploaded zips, {size} in all; at most {most} and "
            "{limit} are kept. Remove some from that folder on the server, then upload again.",
            file=fresh.name,
            folder=str(uploads_dir()),
            count=len(kept),
            size=mebibytes(size),
            most=MAX_UPLOADS,
            limit=mebibytes(MAX_TOTAL),
        )


def _counted(zip_file: Path) -> tuple[int, int]:
    """How many classes and pictures there are, by the same rules as when a run loads them."""
    ensure_ml()
    from alexnet_viz.training.datasets import layout_of

    with open_files(zip_file) as files:
        folders, classes = layout_of(files)
        files.check(name for names in folders.values() for name in names)
        return len(classes), sum(map(len, folders.values()))
