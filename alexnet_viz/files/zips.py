"""Zip files whose listing is bounded before any of it is kept.

    with open_zip(path.open("rb"), most=2**20) as archive:     # closes both in the end
        archive.infolist()

`ZipFile` reads a listing in one piece and keeps every name in it. A zip may be nothing but a listing, and names may
have 65 535 characters each: 300 MB of that become more than a gigabyte of objects.
"""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any


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
