"""Which files of a dataset are not learnt from, and why: counted for each class, and said.

    glance(files, name)                   # None, or the FileError that a file's size and first bytes show
    reason_of(problem)                    # "too_small": why decoding a picture failed
    LeftOut("dog", "unsupported", 26)     # of the files below the class folder dog

No picture is decoded here. No torch.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alexnet_viz.errors import UserError
from alexnet_viz.pictures.file_kinds import KINDS, recognise
from alexnet_viz.pictures.images import MAX_ASPECT, MAX_SIDE, MIN_SIDE
from alexnet_viz.training.archives import FileError, Files, Name, Reason, shown
from alexnet_viz.training.events import Started
from alexnet_viz.words.i18n import N_, Message

REASONS: Mapping[Reason, str] = {
    "not_a_picture": N_("not a picture"),
    "damaged": N_("empty, cut off or damaged"),
    "too_large": N_("too large"),
    "too_small": N_("too small"),
    "unsupported": N_("a kind of file that cannot be opened here"),
    "outside": N_("outside the class folders"),
}
MOST_NAMED = 5  # names of what lies outside

# How pictures begin that people have and that are not opened here: bytes at a place. What `file_kinds` opens is asked
# first, so a kind that it learns needs no change here.
_UNSUPPORTED: tuple[tuple[int, bytes], ...] = (
    *((4, b"ftyp" + brand) for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"crx ")),
    *((0, start) for start in (b"\0\0\0\x0cjP  ", b"\xffO\xffQ", b"\xff\x0a", b"\0\0\0\x0cJXL ")),  # JPEG 2000, JPEG XL
    *(
        (0, start)
        for start in (b"8BPS", b"gimp xcf", b"\0\0\1\0", b"\0\0\2\0", b"icns", b"qoif", b"DDS ", b"SIMPLE  =")
    ),
    *((0, b"P%d" % number + end) for number in range(1, 7) for end in (b"\n", b" ", b"\r")),  # PBM, PGM, PPM
    *(
        (0, start)
        for start in (b"\x76\x2f\x31\x01", b"#?RADIANCE", b"FUJIFILM", b"IIU\0", b"IIRO", b"II\x1a\0\0\0HEAP")
    ),
    (128, b"DICM"),
)


@dataclass(frozen=True, order=True)
class LeftOut:
    """Files of one class that are left out for one reason; `label` is "" for what lies in no class folder."""

    label: str
    reason: Reason
    count: int

    def record(self) -> dict[str, Any]:
        """As events and files have it."""
        return {"class": self.label, "count": self.count, "reason": self.reason}


def of_record(record: Mapping[str, Any]) -> LeftOut:
    """The opposite of `LeftOut.record`. Raises KeyError, TypeError or ValueError for another record."""
    reason = next((reason for reason in REASONS if reason == record["reason"]), None)
    if reason is None:
        raise ValueError(f"no reason: {record['reason']!r}")
    return LeftOut(str(record["class"]), reason, int(record["count"]))


def counted(found: Iterable[tuple[str, Reason]]) -> tuple[LeftOut, ...]:
    """One `LeftOut` for each pair of class and reason, sorted."""
    return tuple(sorted(LeftOut(label, reason, count) for (label, reason), count in Counter(found).items()))


def said(left_out: Iterable[LeftOut], outside: Sequence[str] = ()) -> list[Message]:
    """A line for each: "dog: 26 left out (...)". `outside` are names of what lies outside the class folders."""
    return [
        Message("{label}: {count:,} left out ({reason})", label=one.label, count=one.count, reason=_words(one.reason))
        if one.label
        else Message(
            "{count:,} left out ({reason}): {names}",
            count=one.count,
            reason=_words(one.reason),
            names=_named(outside),
        )
        for one in left_out
    ]


def started_notes(event: Started) -> list[Message]:
    """The same of a run that began; nothing of one that an earlier version began."""
    left_out = tuple(map(of_record, event.left_out))
    return notes(left_out, event.outside, event.untested, tested=event.pictures.get("test") != 0)


def notes(
    left_out: Iterable[LeftOut], outside: Sequence[str], untested: Sequence[str], *, tested: bool
) -> list[Message]:
    """All that is to be said of a dataset before anybody believes a figure of it. `tested`: it has test pictures."""
    lines = said(left_out, outside)
    if untested:
        lines.append(
            Message("No test pictures of {classes}: the test figure says nothing about them.", classes=_named(untested))
        )
    if not tested:
        lines.append(Message("There are no test pictures: the run ends with the figure of its validation pictures."))
    return lines


def _words(reason: Reason) -> Message:
    return Message(REASONS[reason])


def _named(outside: Sequence[str]) -> str:
    more = ", ..." if len(outside) > MOST_NAMED else ""
    return ", ".join(outside[:MOST_NAMED]) + more


# ---- Why ------------------------------------------------------------------------------------------------------------


def glance(files: Files, name: Name) -> FileError | None:
    """Why a file is left out, by its name, size and first bytes; None where only decoding can tell."""
    if problem := files.problem(name):
        return problem
    label = shown(*name)
    if not files.size(name):
        return FileError("damaged", "{name} is empty: it has 0 bytes. Choose another picture.", name=label)
    try:
        head = files.head(name)
        recognise(head, label)
    except FileError as problem:
        return problem
    except UserError as problem:
        return FileError(_unrecognised(head), problem.message.text, **problem.message.values)
    return None


def is_picture(head: bytes) -> bool:
    """Whether a file that begins so is a picture of any kind, also of one that is not opened here."""
    return any(kind.matches(head) for kind in KINDS) or _unrecognised(head) == "unsupported"


def reason_of(problem: UserError) -> Reason:
    """Why a picture that was recognised could not be decoded: a size in its header, or else damage."""
    if isinstance(problem, FileError):
        return problem.reason
    sizes = [problem.message.values.get(side) for side in ("width", "height")]
    if all(isinstance(side, int) for side in sizes):
        low, high = sorted(side for side in sizes if isinstance(side, int))
        if low < MIN_SIDE:
            return "too_small"
        return "unsupported" if low * MAX_ASPECT < high <= MAX_SIDE else "too_large"  # a strip; or too many pixels
    return "damaged"


def _unrecognised(head: bytes) -> Reason:
    text = head.replace(b"\0", b"").lower()  # without zeros, UTF-16 reads like ASCII
    drawing = b"<svg" in text and b"<html" not in text and b"<!doctype html" not in text
    known = drawing or any(head.startswith(start, at) for at, start in _UNSUPPORTED)
    return "unsupported" if known else "not_a_picture"
