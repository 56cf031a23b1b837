"""Zips of class folders that visitors upload to train on, kept where every run can read them.

    datasets/uploads/<sha256[:16]>-<name>.zip     under ALEXNET_VIZ_HOME
    datasets/uploads/<sha256[:16]>-<name>.json    what was counted and by whom, so that a page need not open the zip
    datasets/decoded/<digest>-<side>/             its images, decoded for a first start; see data.py

A zip is looked at before it is kept: its paths, its sizes, its layout and the first bytes of its files, but no picture
is decoded, which takes as long as a run takes to start. Nothing is unpacked to disk, and nothing is ever removed to
make room: who uploaded a zip may remove it. No torch.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from filelock import FileLock

from alexnet_viz.errors import UserError
from alexnet_viz.files.download import writing
from alexnet_viz.files.paths import home_dir
from alexnet_viz.training.archives import mebibytes, open_files
from alexnet_viz.training.layout import layout_of, survey
from alexnet_viz.training.left_out import MOST_NAMED, LeftOut, of_record
from alexnet_viz.training.processes import Processes
from alexnet_viz.training.runs import STATES, Run, State, owner_digest, runs
from alexnet_viz.words.i18n import Message

MAX_UPLOADS = 20
MAX_TOTAL = 4 * 2**30  # bytes of all zips that are kept
LONGEST_NAME = 40  # characters, without ".zip"; in UTF-8 at most 160 bytes, and a file system allows 255
_CHUNK = 2**20  # bytes


@dataclass(frozen=True)
class Upload:
    """A zip that is kept. The counts are what names, sizes and first bytes show."""

    path: Path
    classes: int
    pictures: int  # that look as if they could be learnt from
    kept_at: float  # seconds since 1970
    names: tuple[str, ...] = ()  # of the classes
    left_out: tuple[LeftOut, ...] = ()
    outside: tuple[str, ...] = ()  # names of what lies outside the class folders
    untested: tuple[str, ...] = ()  # classes without test pictures, where others have some
    tested: bool = True  # whether there are test pictures, or some are kept for that
    uploaded_by: str = ""  # a digest, see `owner`
    again: bool = field(default=False, compare=False)  # whether `keep` found these very bytes here

    @property
    def name(self) -> str:
        """What people call it: "my-pets.zip"."""
        return self.path.name.partition("-")[2]

    def owner(self) -> str:
        """The digest of who uploaded it, see `runs.may_control`; "" where an earlier version kept it."""
        return self.uploaded_by


def uploads_dir() -> Path:
    """Where uploads are kept; it need not exist yet."""
    return home_dir() / "datasets" / "uploads"


def decoded_folder(path: Path, side: int | None = None) -> Path:
    """Where the images of a zip are kept decoded, as squares of `side` pixels; without a side, the start of all."""
    digest = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:16]
    return home_dir() / "datasets" / "decoded" / (digest if side is None else f"{digest}-{side}")


def uploads() -> list[Upload]:
    """All that are kept, newest first. No zip is opened."""
    found = (_read(path) for path in uploads_dir().glob("*.zip"))
    return sorted(filter(None, found), key=lambda upload: upload.kept_at, reverse=True)


def keep(name: str, stream: IO[bytes], most: int, *, owner: str = "") -> Upload:
    """Keep an uploaded zip; the same bytes are kept once, under their first name, and no two have the same name.

    `owner` is a secret of who uploads it, kept as a digest. Raises `UserError` for what is no zip of class folders, for
    more than `most` bytes, and where there is no room: MAX_UPLOADS and MAX_TOTAL are reached, or the disk is full. Then
    nothing has changed.
    """
    file = uploads_dir() / safe_name(name)
    with (
        writing(file),
        _lock(),
        tempfile.TemporaryDirectory(prefix=".new-", dir=file.parent) as beside,
    ):
        fresh = Path(beside) / file.name
        prefix = _copy(stream, fresh, most)[:16]
        kept = uploads()
        for upload in kept:
            if upload.path.name.startswith(f"{prefix}-"):
                return replace(upload, again=True)
        _check_room(kept, fresh)
        path = file.with_name(f"{prefix}-{_free_name(file, kept)}")
        upload = _surveyed(fresh, path, owner_digest(owner))
        _write(upload, fresh)
        return upload


def remove(upload: Upload) -> None:
    """Remove a zip and its decoded images. Raises `UserError` while a run that waits or runs needs it.

    Whether the visitor may is asked before, see `runs.may_control`.
    """
    with writing(upload.path), _lock():
        for run in runs():
            _refuse_needed(upload, run)
        upload.path.unlink(missing_ok=True)
        upload.path.with_suffix(".json").unlink(missing_ok=True)
        decoded = decoded_folder(upload.path)
        for folder in decoded.parent.glob(f"{decoded.name}-*"):
            shutil.rmtree(folder, ignore_errors=True)


def _refuse_needed(upload: Upload, run: Run) -> None:
    """Refuse to remove what this run learns from."""
    state: State | None = None
    with suppress(UserError):  # a damaged or just deleted run needs nothing
        state = Processes().state(run) if Path(run.config().data) == upload.path else None
    if state in ("queued", "running"):
        raise UserError(
            "{file} stays: the run {name} needs it and is {state}. Stop that run first, or wait for its end.",
            file=upload.name,
            name=run.id,
            state=Message(STATES[state]),
        )


def _lock() -> FileLock:
    """Nobody else keeps or removes anything meanwhile."""
    return FileLock(uploads_dir() / ".lock")


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
    record = {name: getattr(upload, name) for name in ("classes", "pictures", "kept_at", *_LATER)}
    record["left_out"] = [one.record() for one in upload.left_out]
    counted = fresh.with_suffix(".json")
    counted.write_text(json.dumps(record), encoding="utf-8")
    os.replace(counted, upload.path.with_suffix(".json"))
    os.replace(fresh, upload.path)


_LATER = ("names", "left_out", "outside", "untested", "tested", "uploaded_by")  # zips of an earlier version lack these


def _read(path: Path) -> Upload | None:
    """A zip with what was counted of it; None for a zip that was put there in another way."""
    try:
        record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        names, outside, untested = (tuple(record.get(name, ())) for name in ("names", "outside", "untested"))
        return Upload(
            path,
            classes=int(record["classes"]),
            pictures=int(record["pictures"]),
            kept_at=float(record["kept_at"]),
            names=names,
            outside=outside,
            untested=untested,
            left_out=tuple(map(of_record, record.get("left_out", ()))),
            tested=bool(record.get("tested", True)),
            uploaded_by=str(record.get("uploaded_by", "")),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
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
            "{limit} are kept. Remove some, here or from that folder on the server, then upload again.",
            file=fresh.name,
            folder=str(uploads_dir()),
            count=len(kept),
            size=mebibytes(size),
            most=MAX_UPLOADS,
            limit=mebibytes(MAX_TOTAL),
        )


def _surveyed(zip_file: Path, path: Path, owner: str) -> Upload:
    """What there is in a zip that shall be kept at `path`, by the same rules as when a run loads it."""
    with open_files(zip_file) as files:
        found = layout_of(files)
        files.check(name for names in found.folders.values() for name in names)
        usable, left_out = survey(files, found)
    return Upload(
        path,
        classes=len(found.classes),
        pictures=usable,
        kept_at=time.time(),
        names=found.classes,
        left_out=left_out,
        outside=found.outside[: MOST_NAMED + 1],
        untested=found.untested,
        tested=any(part in ("", "test") for part, _ in found.folders),
        uploaded_by=owner,
    )
