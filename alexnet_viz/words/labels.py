"""Names of classes: language-neutral ids in every output and link, words for people where they are shown.

`assets/labels/<list>.json` holds one object a class, in the network's output order: {"id", "ko"}; the English
word is the id, or "en" where there is one. A class whose Korean name we are not sure of has no "ko" and is shown in
English. ImageNet's classes also have their WordNet id, "wnid". A list may name classes of another one by "id" alone.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from alexnet_viz.errors import UserError
from alexnet_viz.words.i18n import translator

_NUMBERED = re.compile("class ([0-9]+)")  # ids made by `numbered`
MAX_NAME = 80  # characters of a class name that a stranger's file gives
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


# Names that people and other programs write


def names_of(said: Any) -> tuple[str, ...]:
    """Class names in output order, printable and short; none if this is something else.

    A list of names; torchvision's `class_to_idx`, {"cat": 0, ...}; its inverse, {0: "cat"} or {"0": "cat"}; or that
    with several words for each class, {"0": ["n01440764", "tench"]}, of which the last is taken.
    """
    if isinstance(said, dict):
        said = _in_order(said)
    if not isinstance(said, list | tuple):
        return ()
    names = [name[-1] if isinstance(name, list | tuple) and name else name for name in said]
    if not names or not all(isinstance(name, str) for name in names):
        return ()
    cleaned = tuple(printable(name) for name in names)
    return cleaned if len(set(cleaned)) == len(cleaned) and all(cleaned) else ()


def _in_order(said: Mapping[Any, Any]) -> list[Any]:
    """The names of a mapping to or from 0, 1, 2 ...; [] of any other."""
    numbers = {key: _number(key) for key in said}
    pairs = (
        {number: said[key] for key, number in numbers.items()}
        if None not in numbers.values()
        else {_number(value): key for key, value in said.items()}
    )
    wanted = range(len(said))
    return [pairs[number] for number in wanted] if set(pairs) == set(wanted) else []


def _number(value: Any) -> int | None:
    if type(value) is int:
        return value if 0 <= value < 2**31 else None
    digits = isinstance(value, str) and len(value) <= 9 and value.isascii() and value.isdigit()
    return int(value) if digits else None


def printable(name: str) -> str:
    """At most 80 characters that can be seen, without spaces around them."""
    return "".join(char for char in name.strip() if char.isprintable())[:MAX_NAME].strip()


def read_names(data: bytes) -> tuple[str, ...]:
    """Class names in a file: one a line, or JSON as `names_of` takes it. Raises `UserError`, see `parse_names`.

    Windows writes UTF-16, or on Korean computers cp949, where others write UTF-8.
    """
    for encoding in ("utf-16",) if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else _ENCODINGS:
        try:
            return parse_names(data.decode(encoding))
        except UnicodeError:
            continue
    raise UserError("The file of class names is no text. Write one name a line, or a JSON list, and save it as UTF-8.")


_ENCODINGS = ("utf-8-sig", "cp949")


def parse_names(text: str) -> tuple[str, ...]:
    """Class names in output order: one a line, a JSON list, or torchvision's `class_to_idx` as JSON.

    Raises `UserError` for none at all, for JSON that says something else, and for a name that stands there twice.
    """
    text = text.removeprefix("\ufeff").strip()
    if text[:1] in ("[", "{"):
        return _json_names(text)
    names = [name for name in map(printable, text.splitlines()) if name]
    if not names:
        raise UserError("There are no class names. Write one a line, in the order of the network's outputs.")
    if twice := next((name for name, count in Counter(names).items() if count > 1), ""):
        raise UserError("The class name {name} stands there twice. Each class needs a name of its own.", name=twice)
    return tuple(names)


def _json_names(text: str) -> tuple[str, ...]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and isinstance(said.get("class_to_idx"), dict):
        said = said["class_to_idx"]
    if names := names_of(said):
        return names
    raise UserError(
        "These are no class names in JSON. Give a list such as {a_list}, or torchvision's class_to_idx, {a_dict}, with "
        "the numbers from 0 on and no name twice.",
        a_list='["cat", "dog"]',
        a_dict='{"cat": 0, "dog": 1}',
    )
