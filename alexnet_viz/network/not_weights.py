"""What a file is that was given as weights and is none: known by its first bytes and by what lies in it.

raise no_weights(start, name)                       # a Git LFS pointer, a web page, a photo ...
raise no_state(content, name)                       # read, but a whole module, an optimizer's state ...
"""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from alexnet_viz.errors import UserError
from alexnet_viz.files.zips import open_zip
from alexnet_viz.network.checkpoint import is_optimizer, whole_module
from alexnet_viz.network.pth import MOST_LISTING
from alexnet_viz.network.sources import SAVE, SAVE_FROM_CHECKPOINT
from alexnet_viz.words.i18n import Message

START = 4096  # bytes of a file that are looked at
SHOWN = 5  # keys and names that a sentence names

# First bytes of other files, and what people call them.
_OTHERS: Sequence[tuple[bytes, str]] = (
    (b"\x89HDF\r\n\x1a\n", "Keras (HDF5)"),
    (b"\x93NUMPY", "NumPy (.npy)"),
    (b"GGUF", "GGUF"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"%PDF", "PDF"),
    (b"GIF8", "GIF"),
)
_PACKED: Sequence[tuple[bytes, str]] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "RAR"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
# Members of zips by which other programs' files are known.
_ZIPPED: Sequence[tuple[str, str]] = (
    ("constants.pkl", "TorchScript"),
    ("model.weights.h5", "Keras"),
    ("archive_format", "torch.export (.pt2)"),
    ("models/model.json", "torch.export (.pt2)"),
)


def too_large(name: str, size: int, limit: int) -> UserError:
    """The sentence for a file of more bytes than are read."""
    return UserError(
        "{file} has {megabytes} MB; weight files of at most {limit} MB are accepted. A checkpoint often holds an "
        "optimizer's state besides. Save the weights alone: {code}",
        file=name,
        megabytes=round(size / 2**20),
        limit=limit // 2**20,
        code=SAVE_FROM_CHECKPOINT.format(file=name),
    )


def no_weights(data: bytes | None, name: str) -> UserError:
    """The sentence for bytes that no reader took; None where there was nothing to read, as of a folder."""
    if data is not None and (problem := _known(data, name)):
        return problem
    return UserError(
        "{file} is not a weights file that can be opened. Give a .safetensors file, or one that {code} wrote.",
        file=name,
        code=SAVE,
    )


def cut_off(name: str) -> UserError:
    """The sentence for a file whose end is missing."""
    return UserError(
        "{file} is not a weights file that can be opened: it is cut off, its end is missing. Copy or download it anew.",
        file=name,
    )


def damaged(name: str) -> UserError:
    """The sentence for a file of `torch.save` with something in it that cannot be right."""
    return UserError(
        "{file} is not a weights file that can be opened: something in it is damaged, or is more than data. Copy or "
        "download it anew, or save the weights alone: {code}",
        file=name,
        code=SAVE,
    )


def no_state(content: Any, name: str) -> UserError:
    """The sentence for what `torch.save` wrote, and what no weights of a network are in."""
    if module := whole_module(content):
        return UserError(
            "{file} is not a weights file that can be opened: a whole model ({module}) was pickled, and to read that "
            "is to run the code in it. Save the weights alone: {code}",
            file=name,
            module=module.replace(" ", ".")[:80],
            code=SAVE,
        )
    if is_optimizer(content):
        return UserError(
            "{file} is not a weights file that can be opened: it holds the state of an optimizer alone. Save the "
            "network's weights: {code}",
            file=name,
            code=SAVE,
        )
    return UserError(
        "{file} is not a weights file that can be opened: there are no named tensors in it. It holds {content}. Save "
        "the network's weights: {code}",
        file=name,
        content=_described(content),
        code=SAVE,
    )


def _described(content: Any) -> Message | str:
    if isinstance(content, dict) and content:
        keys = [str(key)[:40] for key in list(content)[:SHOWN] if isinstance(key, str)]
        return ", ".join(keys) + (", ..." if len(content) > len(keys) else "")
    kinds = {"dict": "{}", "list": "[...]", "tuple": "(...)", "NoneType": "None", "Stored": "Tensor"}
    kind = type(content).__name__
    return kinds.get("dict" if isinstance(content, dict) else kind, kind)


def _known(data: bytes, name: str) -> UserError | None:
    start = data[:START]
    if not data:
        return UserError(
            "{file} is not a weights file that can be opened: it is empty, 0 bytes. Copy or download it anew.",
            file=name,
        )
    if start.startswith(b"version https://git-lfs.github.com/spec/"):
        return UserError(
            "{file} is not a weights file that can be opened: it is a Git LFS pointer, a few lines that stand for the "
            "file. Fetch the file itself with {command}, or download it from the project's page.",
            file=name,
            command="git lfs pull",
        )
    if _is_web_page(start):
        return UserError(
            "{file} is not a weights file that can be opened: it is a web page, as a download link gives before one "
            "has confirmed it. Open the link in a browser and save the file itself.",
            file=name,
        )
    for first, kind in _PACKED:
        if start.startswith(first):
            return _packed(name, kind)
    if start[257:262] == b"ustar":
        return _packed(name, "tar")
    for first, kind in _OTHERS:
        if start.startswith(first):
            return _other(name, kind)
    if start.startswith(b"PK"):
        return _zipped(data, name)
    if _is_text(start):
        return UserError(
            "{file} is not a weights file that can be opened: it is a text, which begins with: {text}",
            file=name,
            text=" ".join(start.decode("utf-8", "replace").split())[:60],
        )
    if start[:1] == b"\x80" and start[1:2] in b"\x01\x02\x03\x04\x05":
        return UserError(
            "{file} is not a weights file that can be opened: it is a Python pickle that torch.save did not write, or "
            "that holds more than data. Save the weights with {code}",
            file=name,
            code=SAVE,
        )
    return None


def _other(name: str, kind: str) -> UserError:
    return UserError(
        "{file} is not a weights file that can be opened: it is a file of another kind, {kind}. Give a .safetensors "
        "file, or one that {code} wrote.",
        file=name,
        kind=kind,
        code=SAVE,
    )


def _packed(name: str, kind: str) -> UserError:
    return UserError(
        "{file} is not a weights file that can be opened: it is packed ({kind}). Unpack it, and give the weights file "
        "that is inside.",
        file=name,
        kind=kind,
    )


def _is_web_page(start: bytes) -> bool:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body", b"<!--", b"<script"))


def _is_text(start: bytes) -> bool:
    try:
        text = start[:512].decode("utf-8", "ignore" if len(start) > 512 else "strict")
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char.isspace() for char in text)


def _zipped(data: bytes, name: str) -> UserError:
    """A zip that is no file of `torch.save`, or one whose end is missing."""
    try:
        with open_zip(io.BytesIO(data), MOST_LISTING) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return cut_off(name)
    names = [item.filename for item in members]
    for ending, kind in _ZIPPED:
        if any(member == ending or member.endswith(f"/{ending}") for member in names):
            return _torchscript(name) if kind == "TorchScript" else _other(name, kind)
    if names and all(member.endswith(".npy") for member in names):
        return _other(name, "NumPy (.npz)")
    if any(item.compress_type != zipfile.ZIP_STORED for item in members) or not any(
        member.endswith("data.pkl") for member in names
    ):
        return _packed(name, "zip")
    return damaged(name)


def _torchscript(name: str) -> UserError:
    return UserError(
        "{file} is not a weights file that can be opened: it is TorchScript, a program with its weights. Save the "
        "weights alone: {code}",
        file=name,
        code=f'torch.save(torch.jit.load("{name}", map_location="cpu").state_dict(), "weights.pth")',
    )
