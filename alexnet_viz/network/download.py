"""Downloading a weights file, only when asked to: with progress, resumable, checked.

    for progress in download(entry):
        print(progress.done, progress.total)          # bytes

A download that stops half-way leaves `NAME.part`, and the next one goes on from there. The finished file is
checked by the sha256 prefix that torchvision writes into its file names (`alexnet-owt-7be5be79.pth`); only then is
it moved to its place. Nothing but our own `.part` is ever removed.
"""

import errno
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from alexnet_viz.errors import UserError
from alexnet_viz.home import weights_dir
from alexnet_viz.network.zoo import ModelEntry

CHUNK = 1 << 18  # bytes between two reports
TIMEOUT = 20  # seconds without a byte


@dataclass(frozen=True)
class Progress:
    """How far a download is, in bytes. `total` is None when the server does not say."""

    done: int
    total: int | None


def download(entry: ModelEntry, *, url: str | None = None, folder: Path | None = None) -> Iterator[Progress]:
    """Fetch a model's published weights into `ALEXNET_VIZ_HOME/weights`; yields progress.

    Stopping the iteration keeps what has arrived. Raises `UserError` without a network (it says which file to put
    where), for a wrong checksum (what arrived is removed) and for a full or read-only disk.
    """
    folder = folder or weights_dir()
    target = folder / entry.hub
    part = folder / f"{entry.hub}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{entry.hub}.lock", timeout=0):
            yield from _fetch(url or entry.url, part, target)
            _check(part, target)
            os.replace(part, target)
    except Timeout:
        raise UserError("{file} is being downloaded already. Wait for that download to end.", file=entry.hub) from None
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as problem:
        raise UserError(
            "{file} could not be downloaded ({reason}). Check the network and try again; it goes on where it stopped. "
            "Or download {url} elsewhere and put the file into {folder}.",
            file=entry.hub,
            reason=_reason(problem),
            url=url or entry.url,
            folder=str(folder),
        ) from problem
    except OSError as problem:
        raise UserError(
            "{file} cannot be written into {folder} ({reason}). Make room or choose another folder with "
            "ALEXNET_VIZ_HOME, then try again; it goes on where it stopped.",
            file=entry.hub,
            folder=str(folder),
            reason="disk full" if problem.errno == errno.ENOSPC else (problem.strerror or str(problem)),
        ) from problem


def _fetch(url: str, part: Path, target: Path) -> Iterator[Progress]:
    """Append to `part` what is missing of it."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as refused:
        if refused.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return  # all of it is here; the checksum decides
        raise
    with answer:
        resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        done = have if resumed else 0  # a server that cannot resume sends it all again
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length else None
        with part.open("ab" if resumed else "wb") as file:
            yield Progress(done, total)
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                done += len(chunk)
                yield Progress(done, total)
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _check(part: Path, target: Path) -> None:
    """Compare with the sha256 prefix in the file's name, as torch hub does."""
    expected = target.stem.rsplit("-", 1)[-1]
    with part.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if not actual.startswith(expected):
        part.unlink()
        raise UserError(
            "What was downloaded is not {file}: its sha256 begins with {actual} instead of {expected}. It was removed; "
            "try again, or in another network.",
            file=target.name,
            actual=actual[: len(expected)],
            expected=expected,
        )


def _reason(problem: BaseException) -> str:
    reason = getattr(problem, "reason", None) or problem
    return str(reason) or type(reason).__name__
