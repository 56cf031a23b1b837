"""Names of classes: language-neutral ids in every output and link, words for people where they are shown.

`assets/labels/<list>.json` holds one object a class, in the network's output order: {"id", "ko"}; the English
word is the id, or "en" where there is one. A class whose Korean name we are not sure of has no "ko" and is shown in
English. ImageNet's classes also have their WordNet id, "wnid". A list may name classes of another one by "id" alone.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from alexnet_viz.words.i18n import translator

_NUMBERED = re.compile("class ([0-9]+)")  # ids made by `numbered`
LABELS_DIR = Path(__file__).resolve().parent.parent.parent / "assets" / "labels"


@cache
def _entries(labels: str) -> tuple[Mapping[str, str], ...]:
    entries = json.loads((LABELS_DIR / f"{labels}.json").read_text(encoding="utf-8"))
    return tuple(MappingProxyType(entry) for entry in entries)


@cache
def _said(key: str) -> Mapping[str, str]:
    """Every class id of every list to its word in a language, or to its "wnid", where it has one."""
    lists = sorted(path.stem for path in LABELS_DIR.glob("*.json"))
    return MappingProxyType({entry["id"]: entry[key] for labels in lists for entry in _entries(labels) if key in entry})


def class_ids(labels: str) -> tuple[str, ...]:
    """The ids of a class list, such as "cifar10", in the network's output order."""
    return tuple(entry["id"] for entry in _entries(labels))


def class_name(class_id: str, language: str) -> str:
    """The word for a class in a language; the id itself where there is none."""
    number, t = _NUMBERED.fullmatch(class_id), translator(language)
    return t("class {number}", number=number[1]) if number else _said(language).get(class_id, class_id)


@cache
def _by_wnid() -> Mapping[str, str]:
    return MappingProxyType({wnid: class_id for class_id, wnid in _said("wnid").items()})


def class_of_wnid(wnid: str) -> str:
    """The class id of a WordNet id such as "n07753592"; the WordNet id itself where no list has it."""
    return _by_wnid().get(wnid, wnid)


def class_record(class_id: str) -> dict[str, str | None]:
    """The JSON object of one class: its id, its WordNet id (None where it has none), its words."""
    words = {language: class_name(class_id, language) for language in ("en", "ko")}
    return {"id": class_id, "wnid": _said("wnid").get(class_id), **words}


def numbered(count: int) -> tuple[str, ...]:
    """Ids for classes that nobody has named."""
    return tuple(f"class {number}" for number in range(count))
