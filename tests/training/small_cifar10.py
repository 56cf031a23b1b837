"""CIFAR-10's archive with 20 pictures a file instead of 10,000."""

import io
import tarfile

import numpy as np

from alexnet_viz.words.labels import class_ids

RECORDS = 20
FILES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


def contents():
    """The archive's files, every picture another one, every class twice in each batch."""
    rng = np.random.default_rng(0)
    batches = {}
    for name in FILES:
        labels = rng.permutation(np.arange(RECORDS, dtype=np.uint8) % 10)[:, None]
        batches[name] = np.hstack([labels, rng.integers(0, 256, (RECORDS, 3072), dtype=np.uint8)])
    files = {name: batch.tobytes() for name, batch in batches.items()}
    return {"batches.meta.txt": ("\n".join(class_ids("cifar10")) + "\n\n").encode(), "readme.html": b"<html>", **files}


def packed_tar(files, *, folder="cifar-10-batches-bin", links=()):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name in sorted(files, reverse=True):  # the order means nothing
            member = tarfile.TarInfo(f"{folder}/{name}")
            if name in links:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(member)
            else:
                member.size = len(files[name])
                tar.addfile(member, io.BytesIO(files[name]))
    return data.getvalue()


ARCHIVE = packed_tar(contents())
