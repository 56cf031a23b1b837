"""Words in two languages: sentences are made once and said in whatever language the reader has."""

import gettext
import pickle
from typing import ClassVar

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from alexnet_viz.words import i18n
from alexnet_viz.words.i18n import LANGUAGES, Message, Translator, best_language, choose_particles, translator


class Reversed(gettext.NullTranslations):
    """A language in which known sentences stand the other way round."""

    known: ClassVar = {
        "{a} before {b}": "{b} after {a}",
        "a hint": "HINT",
        "Hello": "OLLEH",
        "": "metadata of the catalogue",
    }

    def gettext(self, message):
        return self.known.get(message, message)


REVERSED = Translator("xx", Reversed())


def test_a_message_without_a_translator_is_english():
    message = Message("{count:,} of {total}", count=1234, total="many")
    assert (str(message), f"{message}", repr(message)) == (*["1,234 of many"] * 2, "Message('1,234 of many')")


def test_messages_are_equal_by_text_and_values():
    one, two = Message("a {n}", n=1), Message("a {n}", n=2)
    assert one == Message("a {n}", n=1)
    assert one not in (two, Message("b"), "a {n}")
    assert len({one, Message("a {n}", n=1), two}) == 2


def test_a_message_survives_a_cache():
    message = Message("{a} before {b}", a=1, b=Message("a hint"))
    assert pickle.loads(pickle.dumps(message)) == message


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        ("{a} before {b}", {"a": "x", "b": "y"}, "y after x"),
        ("Hello", {}, "OLLEH"),
        ("{n} apples", {"n": 3}, "3 apples"),  # in no catalogue
        ("{a} before {b}", {"a": Message("a hint"), "b": "y"}, "y after HINT"),
        ("file {name}", {"name": "{secret}.jpg"}, "file {secret}.jpg"),  # values are never templates themselves
        ("file {name}", {"name": "{0}{"}, "file {0}{"),
        ("", {}, ""),  # gettext answers "" with the catalogue's metadata
    ],
)
def test_values_are_put_in_after_translating(text, values, said):
    assert REVERSED(text, **values) == REVERSED(Message(text, **values)) == said


def test_a_message_in_a_message_is_translated_too():
    nested = Message("{a} before {b}", a=Message("a hint"), b=Message("{a} before {b}", a=1, b=Message("a hint")))
    assert REVERSED(nested) == "HINT after 1 after HINT"
    assert str(nested) == "a hint before 1 before a hint"


@pytest.mark.parametrize("text", ["100 %", "plain", "{{braces}}"])
def test_a_sentence_without_values_reads_the_same_with_and_without_a_translator(text):
    assert translator("en")(Message(text)) == str(Message(text))


@pytest.mark.parametrize(("asked", "language"), [*((id, id) for id in LANGUAGES), ("tlh", "en")])
def test_every_language_has_a_translator_and_an_unknown_one_reads_english(asked, language):
    t = translator(asked)
    assert t.language == language
    assert t("no such sentence in any catalogue {n}", n=1) == "no such sentence in any catalogue 1"
    assert t("") == ""


def test_a_catalogue_is_read_from_the_locale_folder(tmp_path, monkeypatch):
    folder = tmp_path / "ko" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue = Catalog(locale="ko")
    catalogue.add("Classify", "분류")
    catalogue.add("{count} of {total}", "{total} 중 {count}")
    with (folder / f"{i18n.DOMAIN}.mo").open("wb") as file:
        write_mo(file, catalogue)
    monkeypatch.setattr(i18n, "LOCALE_DIR", tmp_path)
    korean, english = translator("ko"), translator("en")
    assert korean("Classify") == "분류"
    assert korean("{count} of {total}", count=3, total=10) == "10 중 3"
    assert english("Classify") == "Classify"  # two readers at once, each in their own language
    assert korean("Classify") == "분류"


def test_a_language_without_a_catalogue_reads_english_under_its_own_id(tmp_path, monkeypatch):
    monkeypatch.setattr(i18n, "LOCALE_DIR", tmp_path)
    assert (translator("ko").language, translator("ko")("Classify")) == ("ko", "Classify")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("사진은(는) 사진이(가) 사진을(를) 사진(이)라 사진(으)로", "사진은 사진이 사진을 사진이라 사진으로"),
        ("고양이은(는) 개이(가) 개을(를) 개(이)라 개(으)로", "고양이는 개가 개를 개라 개로"),
        ("필터 수준의 풀(으)로", "필터 수준의 풀로"),  # after ㄹ it is 로
        *((f"{digit}을(를)", f"{digit}{'을' if digit in '013678' else '를'}") for digit in "0123456789"),
        *((f"{digit}(으)로", f"{digit}{'으로' if digit in '036' else '로'}") for digit in "0123456789"),
        ("cat.jpg을(를) 고른다", "cat.jpg을(를) 고른다"),  # who knows how it is read
        ("55이(가) 227은(는)", "55가 227은"),
        ("plain", "plain"),
    ],
)
def test_korean_particles_follow_the_sound_before_them(written, read):
    assert choose_particles(written) == read


def test_particles_are_chosen_in_korean_only():
    catalogue = gettext.NullTranslations()
    assert Translator("ko", catalogue)("{n}이(가)", n=55) == "55가"
    assert Translator("en", catalogue)("{n}이(가)", n=55) == "55이(가)"
    assert Translator("ko", catalogue)("{a}을(를)", a=Message("{n}이(가) 개", n=1)) == "1이 개를"


def test_nothing_is_installed_for_everybody():
    translator("ko")
    assert "_" not in vars(__import__("builtins"))


def test_best_language():
    for korean in ("ko-KR en", "ko", "ko_KR.UTF-8", "KO-kr", "de fr-CA ko-KR en"):
        assert best_language(korean.split()) == "ko"
    assert best_language([None, "ko"]) == best_language(["", "ko"]) == "ko"
    for other in (["en-GB", "ko"], ["de"], ["kok-IN"], ["C"], [None], []):  # Konkani is not Korean
        assert best_language(other) == "en"
