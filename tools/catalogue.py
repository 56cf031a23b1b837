"""Collect every string a visitor reads, and compile the translations: `make i18n`.

Strings are what stands in `t("...")`, `N_("...")`, `Message("...")`, `UserError("...")` and in the functions that make
one, here and in `pages/`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from alexnet_viz.words.i18n import DOMAIN, LANGUAGES, LOCALE_DIR
from tools import ROOT

KEYWORDS = {"t", "N_", "Message", "UserError", "typed", "chosen", "_ImpossibleError"}
TRANSLATED = [language for language in LANGUAGES if language != "en"]  # English is the source


def source_strings() -> Iterator[tuple[str, str]]:
    """Each string with the file that it stands in. The parser also finds those inside of f-strings."""
    for folder in ("alexnet_viz", "pages"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for text in strings_in(path.read_text(encoding="utf-8")):
                yield text, path.relative_to(ROOT).as_posix()


def strings_in(source: str) -> Iterator[str]:
    """The first arguments of calls to KEYWORDS, as far as they are plain strings."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(value=str(text)), *_]
            ) if name in KEYWORDS:
                yield text


def po_file(language: str) -> Path:
    return LOCALE_DIR / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_catalogue(language: str) -> Catalog:
    with po_file(language).open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> None:
    """Bring a .po file up to date with the source, keeping its translations, and compile it."""
    old = read_catalogue(language) if po_file(language).exists() else Catalog(locale=language)
    new = Catalog(locale=language, project="AlexNet Explorer", version="", fuzzy=False)
    for text, file in source_strings():
        new.add(text, old[text].string if text in old else "", locations=[(file, None)])
    po_file(language).parent.mkdir(parents=True, exist_ok=True)
    with po_file(language).open("wb") as file:
        write_po(file, new, sort_output=True, omit_header=False, include_lineno=False, width=110)
    with po_file(language).with_suffix(".mo").open("wb") as file:
        write_mo(file, new)


if __name__ == "__main__":
    for language in TRANSLATED:
        update(language)
        untranslated = [message.id for message in read_catalogue(language) if message.id and not message.string]
        print(f"{language}: {len(untranslated)} strings without a translation")
        print("\n".join(f"  {text}" for text in untranslated))
