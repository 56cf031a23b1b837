"""Words in two languages: English is the source, written in the code; other languages are gettext catalogues.

    t = translator("ko")
    t("Classify")                                  # "분류"
    t("{count} of {total}", count=3, total=10)     # values are put in after translating
    t(Message("no file named {name}", name="x"))   # a sentence made in the core, said in the reader's language

The core never knows the reader's language: it makes `Message`s, and the page or command line says them.
A translator is one language's and never installed globally, so two visitors can read two languages at once.
"""

import gettext
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

LANGUAGES: Mapping[str, str] = {"en": "English", "ko": "한국어"}  # id: its own name
DOMAIN = "alexnet_viz"
LOCALE_DIR = Path(__file__).resolve().parent.parent.parent / "assets" / "locale"


class Message:
    """A sentence with values, not yet in any language. Printed without a translator it is English."""

    def __init__(self, text: str, /, **values: Any) -> None:
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
        self._plain = lru_cache(maxsize=4096)(lambda text: self._say(text, {}))  # most are said at every run

    def __call__(self, text: str | Message, /, **values: Any) -> str:
        if isinstance(text, Message):
            return self(text.text, **text.values)
        return self._say(text, values) if values else self._plain(text)

    def _say(self, text: str, values: Mapping[str, Any]) -> str:
        translated = self._catalogue.gettext(text) if text else ""  # "" would be the file's header
        # A value may itself be a Message (a hint inside a sentence).
        said = translated.format(**{name: self(v) if isinstance(v, Message) else v for name, v in values.items()})
        return choose_particles(said) if self.language == "ko" else said


# Korean particles have two forms, by whether the word before them ends in a consonant. Catalogues write both.
_PARTICLES = {  # as written: (after a consonant, after a vowel)
    "은(는)": ("은", "는"),
    "이(가)": ("이", "가"),
    "을(를)": ("을", "를"),
    "과(와)": ("과", "와"),
    "(이)라": ("이라", "라"),
    "(으)로": ("으로", "로"),
}
_PARTICLE = re.compile("([0-9가-힣])(" + "|".join(map(re.escape, _PARTICLES)) + ")")
_DIGITS_ENDING_IN_CONSONANT = "013678"  # 영 일 삼 육 칠 팔
_ENDING_IN_L = "178"  # 일 칠 팔


def choose_particles(text: str) -> str:
    """Korean text with the fitting form after a syllable or digit: "55이(가)" is read "55가"."""

    def fitting(match: re.Match[str]) -> str:
        before, particle = match.groups()
        final = (ord(before) - ord("가")) % 28 if before >= "가" else before in _DIGITS_ENDING_IN_CONSONANT
        if particle == "(으)로" and (final == 8 if before >= "가" else before in _ENDING_IN_L):
            final = 0  # after ㄹ it is 로
        return before + _PARTICLES[particle][0 if final else 1]

    return _PARTICLE.sub(fitting, text)


def N_(text: str) -> str:  # noqa: N802 (gettext's own name for it)
    """Mark a string in a table for translation; it is translated where it is shown."""
    return text


def translator(language: str) -> Translator:
    """The translator for a language id; an unknown one reads English."""
    return _translator(language if language in LANGUAGES else "en", LOCALE_DIR)


@cache
def _translator(language: str, folder: Path) -> Translator:
    if language == "en":
        return Translator("en", gettext.NullTranslations())
    return Translator(language, gettext.translation(DOMAIN, str(folder), languages=[language], fallback=True))


def best_language(preferred: Iterable[str | None]) -> str:
    """The first of the preferred locales ("ko-KR", "de") that the app speaks, else English."""
    for locale in preferred:
        language = (locale or "").replace("_", "-").split("-")[0].lower()
        if language in LANGUAGES:
            return language
    return "en"
