"""Downloading a file, only when asked to: with progress, resumable, checked.

    for progress in fetch(url, folder / "net.pth", sha256):
        print(progress.done, progress.total)          # bytes

A download that stops half-way leaves `NAME.part`, and the next one goes on from there. Only what has the right sha256
is moved to its place. Nothing but our own `.part` is ever removed.
"""

import errno
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from alexnet_viz.errors import UserError
from alexnet_viz.words.i18n import Message

CHUNK = 1 << 18  # bytes between two reports
TIMEOUT = 20  # seconds without a byte
_NETWORK = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError)


@dataclass(frozen=True)
class DownloadProgress:
    """How far a download is, in bytes. `total` is None when the server does not say."""

    done: int
    total: int | None

    @property
    def share(self) -> float:
        """From 0 to 1; 0 while the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def mebibytes(self) -> tuple[int, int | None]:
        """Both numbers for people, rounded up."""
        return -(-self.done // 2**20), None if self.total is None else -(-self.total // 2**20)


def fetch(url: str, target: Path, sha256: str) -> Iterator[DownloadProgress]:
    """Download `url` to the file `target`; yields progress. `sha256` are the first hex digits, or all of them.

    Stopping the iteration keeps what has arrived. Raises `UserError` without a network (it says which file to put
    where), for a wrong checksum (what arrived is removed) and for a full or read-only disk.
    """
    part = target.with_name(f"{target.name}.part")
    with writing(target), alone(target):
        try:
            yield from _append(url, part)
        except _NETWORK as problem:
            raise UserError(
                "{file} could not be downloaded ({reason}). Check the network and try again; it goes on where it "
                "stopped. Or download {url} elsewhere and put the file into {folder}.",
                file=target.name,
                reason=_reason(problem),
                url=url,
                folder=str(target.parent),
            ) from problem
        actual = file_digest(part)[: len(sha256)]
        if actual != sha256:
            part.unlink()
            raise UserError(
                "What was downloaded is not {file}: its sha256 begins with {actual} instead of {expected}. "
                "It was removed; try again, or in another network.",
                file=target.name,
                actual=actual[:8],
                expected=sha256[:8],
            )
        os.replace(part, target)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Makes the folder of `target`, and turns what a full or forbidden disk raises into a sentence."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as problem:
        raise UserError(
            "{file} cannot be written into {folder} ({reason}). Make room or choose another folder with "
            "ALEXNET_VIZ_HOME, then try again.",
            file=target.name,
            folder=str(target.parent),
            reason=Message("disk full") if problem.errno == errno.ENOSPC else problem.strerror or str(problem),
        ) from problem


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Nobody else downloads `target` meanwhile; who is second is told so."""
    lock = FileLock(target.with_name(f"{target.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            "{file} is being downloaded already. Wait for that download to end.", file=target.name
        ) from None
    try:
        yield
    finally:
        lock.release()


def file_digest(file: Path) -> str:
    """The sha256 of a file, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _append(url: str, part: Path) -> Iterator[DownloadProgress]:
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
            yield DownloadProgress(done, total)
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                done += len(chunk)
                yield DownloadProgress(done, total)
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _reason(problem: BaseException) -> str:
    reason = getattr(problem, "reason", None) or problem
    return str(reason) or type(reason).__name__
