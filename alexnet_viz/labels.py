"""Names of classes: language-neutral ids in every output and link, words for people where they are shown.

`assets/labels/<list>.json` holds one object a class, in the network's output order: {"id", "ko"}; the English
word is the id, or "en" where there is one. A class whose Korean name we are not sure of has no "ko" and is shown in
English.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from alexnet_viz.i18n import translator

_NUMBERED = re.compile("class ([0-9]+)")  # ids made by `numbered`
LABELS_DIR = Path(__file__).resolve().parent.parent / "assets" / "labels"


@cache
def _entries(labels: str) -> tuple[Mapping[str, str], ...]:
    entries = json.loads((LABELS_DIR / f"{labels}.json").read_text(encoding="utf-8"))
    return tuple(MappingProxyType(entry) for entry in entries)


@cache
def _names(language: str) -> Mapping[str, str]:
    """Every class id of every list to its word in one language."""
    lists = sorted(path.stem for path in LABELS_DIR.glob("*.json"))
    return MappingProxyType(
        {entry["id"]: entry[language] for labels in lists for entry in _entries(labels) if language in entry}
    )


def class_ids(labels: str) -> tuple[str, ...]:
    """The ids of a class list, such as "cifar10", in the network's output order."""
    return tuple(entry["id"] for entry in _entries(labels))


def class_name(class_id: str, language: str) -> str:
    """The word for a class in a language; the id itself where there is none."""
    number, t = _NUMBERED.fullmatch(class_id), translator(language)
    return t("class {number}", number=number[1]) if number else _names(language).get(class_id, class_id)


def numbered(count: int) -> tuple[str, ...]:
    """Ids for classes that nobody has named."""
    return tuple(f"class {number}" for number in range(count))
