"""Marks of Markdown become bold and code in both languages, whatever stands in a sentence's places.

A closing `**` between a bracket or a per cent sign and a letter does not close, by CommonMark's rules of flanking; a
Korean particle follows without a space, so "**{name}**의" fails for a name that ends in a bracket. Formulas have no
such rule: Streamlit's Markdown takes a dollar sign beside any letter.
"""

import re
import string

import pytest
from markdown_it import MarkdownIt

from alexnet_viz.words.i18n import choose_particles
from alexnet_viz.words.lessons import LESSONS_DIR
from tools.catalogue import read_catalogue

VALUES = ("고양이", "tabby", "3", "12.3 %", "물고기\\(붕어\\)", "a\\*b", "'cat'")
RENDER = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render
CATALOGUE = [message for message in read_catalogue("ko") if message.id]


def filled(text: str, value: str) -> str:
    """The text with this value in all of its places."""
    parts = string.Formatter().parse(text)
    return "".join(before + (value if name is not None else "") for before, name, _, _ in parts)


def marks_left(text: str) -> list[str]:
    """Marks that a reader would see, each with what stands around it."""
    without_code = re.sub(r"<(pre|code)[ >].*?</\1>|\$[^$]*\$", "", RENDER(text), flags=re.S)
    return re.findall(r".{0,12}(?:\*\*|~~|`).{0,12}", without_code)


@pytest.mark.parametrize("value", VALUES)
def test_no_mark_of_a_sentence_is_left_over(value):
    texts = [*(filled(m.id, value) for m in CATALOGUE), *(choose_particles(filled(m.string, value)) for m in CATALOGUE)]
    assert not {text: left for text in texts if (left := marks_left(text))}


@pytest.mark.parametrize("path", sorted(LESSONS_DIR.glob("*.md")), ids=lambda path: path.name)
def test_no_mark_of_a_lesson_is_left_over(path):
    assert not marks_left(path.read_text(encoding="utf-8"))


def test_a_mark_that_does_not_close_is_seen():
    assert marks_left("**물고기(붕어)**의 확률")
    assert not marks_left("**물고기(붕어)의** 확률")
