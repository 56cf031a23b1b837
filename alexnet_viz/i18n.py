"""Words in two languages: English is the source, written in the code; other languages are gettext catalogues.

    t = translator("ko")
    t("Classify")                                  # "분류"
    t("{count} of {total}", count=3, total=10)     # values are put in after translating
    t(Message("no file named {name}", name="x"))   # a sentence made in the core, said in the reader's language

The core never knows the reader's language: it makes `Message`s, and the page or command line says them.
A translator is made per session and never installed globally, so two visitors can read two languages at once.
"""

import gettext
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LANGUAGES: Mapping[str, str] = {"en": "English", "ko": "한국어"}  # id: its own name
DOMAIN = "alexnet_viz"
LOCALE_DIR = Path(__file__).resolve().parent.parent / "assets" / "locale"


class Message:
    """A sentence with values, not yet in any language. Printed without a translator it is English."""

    def __init__(self, text: str, **values: Any) -> None:
        self.text = text
        self.values = values

    def __str__(self) -> str:
        return self.text.format(**self.values)

    def __repr__(self) -> str:
        return f"Message({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.text, self.values) == (other.text, other.values)

    def __hash__(self) -> int:
        return hash(self.text)


class Translator:
    """Says a source string or a `Message` in one language. `language` is its id, such as "ko"."""

    def __init__(self, language: str, catalogue: gettext.NullTranslations) -> None:
        self.language = language
        self._catalogue = catalogue

    def __call__(self, text: str | Message, **values: Any) -> str:
        message = text if isinstance(text, Message) else Message(text, **values)
        translated = self._catalogue.gettext(message.text)
        return translated.format(**{name: self._inner(value) for name, value in message.values.items()})

    def _inner(self, value: Any) -> Any:
        """A value may itself be a Message (a hint inside a sentence)."""
        return self(value) if isinstance(value, Message) else value


def N_(text: str) -> str:  # noqa: N802 (gettext's own name for it)
    """Mark a string in a table for translation; it is translated where it is shown."""
    return text


def translator(language: str) -> Translator:
    """The translator for a language id; an unknown one reads English."""
    if language == "en" or language not in LANGUAGES:
        return Translator("en", gettext.NullTranslations())
    return Translator(language, gettext.translation(DOMAIN, str(LOCALE_DIR), languages=[language], fallback=True))


def best_language(preferred: Iterable[str | None]) -> str:
    """The first of the preferred locales ("ko-KR", "de") that the app speaks, else English."""
    for locale in preferred:
        language = (locale or "").replace("_", "-").split("-")[0].lower()
        if language in LANGUAGES:
            return language
    return "en"
