"""A few questions after a lesson, one at a time, with new numbers as often as one likes."""

import secrets
from dataclasses import dataclass, replace

import streamlit as st

from alexnet_viz.quiz.lessons import judge, next_seed, questions, said
from alexnet_viz.quiz.question import Grid, Question, Value
from alexnet_viz.words.i18n import Translator
from pages.ui import session

_SEEDS = 2**31


@dataclass(frozen=True)
class _Standing:
    """How far a visitor is in one lesson's questions."""

    seed: int
    place: int = 0
    given: float | int | None = None  # the number typed, or which of the choices; None before an answer
    right: int = 0  # first answers only
    answered: int = 0


def quiz_box(t: Translator, lesson: str) -> None:
    """The block "Check yourself" of a lesson; `quiz.LESSONS` has the lessons' ids."""
    st.subheader(t("Check yourself"), anchor=f"{lesson}-questions")
    _box(t, lesson)


@st.fragment  # an answer does not draw the page's experiments again
def _box(t: Translator, lesson: str) -> None:
    now = _progress(lesson)
    asked = questions(lesson, now.seed)
    question, last = asked[now.place], now.place == len(asked) - 1
    where = t("Question {number} of {count}", number=now.place + 1, count=len(asked))
    if now.answered:
        where += " · " + t("{right} of {answered} right", right=now.right, answered=now.answered)
    with st.container(border=True):
        st.caption(where)
        st.markdown(t(question.text))
        if question.grid:
            st.markdown(_table(question.grid))
        _form(t, lesson, now, question)
        if now.given is not None:
            _verdict(t, question, _value(question, now.given))
        on = t("Next question"), "arrow_forward", (lesson, now.place + 1)
        again = t("From the start"), "restart_alt", (lesson, 0, True)
        buttons = {"next": again if last else on, "new": (t("New numbers"), "casino", (lesson, now.place, True))}
        with st.container(horizontal=True):
            for name, (label, icon, to) in buttons.items():
                st.button(label, icon=f":material/{icon}:", on_click=_go, args=to, key=f"quiz_{name}_{lesson}")


def _progress(lesson: str) -> _Standing:
    return session.get(f"quiz_{lesson}", _Standing(secrets.randbelow(_SEEDS)))


def _form(t: Translator, lesson: str, now: _Standing, question: Question) -> None:
    # The key changes with the question and with the language, in which choices have other names.
    key = f"quiz_answer_{lesson}_{now.seed}_{now.place}_{t.language}"
    with st.form(f"quiz_form_{lesson}", border=False):
        if question.choices:
            st.radio(
                t("Your answer"),
                range(len(question.choices)),
                index=now.given,
                format_func=lambda number: said(question.choices[number], t),
                key=key,
            )
        else:
            label = t("Your answer, in {unit}", unit=t(question.unit)) if question.unit else t("Your answer")
            looks = {"step": 1, "format": "%d"}
            if not question.whole:
                looks = {"step": 0.01, "format": "%g", "help": t("Two decimals are enough.")}
            st.number_input(label, value=now.given, key=key, width=240, **looks)
        st.form_submit_button(t("Check"), type="primary", on_click=_answer, args=(lesson, question, key))


def _answer(lesson: str, question: Question, key: str) -> None:
    """Take what was typed or chosen; only the first answer to a question counts."""
    given = st.session_state[key]
    if given is None:
        return
    now = _progress(lesson)
    if now.given is None:
        right = judge(question, _value(question, given)).right
        now = replace(now, right=now.right + right, answered=now.answered + 1)
    st.session_state[f"quiz_{lesson}"] = replace(now, given=given)


def _value(question: Question, given: float | int) -> Value:
    return question.choices[int(given)] if question.choices else given


def _verdict(t: Translator, question: Question, given: Value) -> None:
    verdict = judge(question, given)
    if verdict.right:
        st.success(f"**{t('Right.')}** {t(question.explain)}", icon=":material/check:")
        return
    answer = said(question.answer, t)
    reason = t(verdict.mistake) if verdict.mistake else ""
    st.warning(
        f"**{t('Not quite.')}** {reason}\n\n{t('The answer is {answer}.', answer=answer)} {t(question.explain)}",
        icon=":material/lightbulb:",
    )


def _go(lesson: str, place: int, new_numbers: bool = False) -> None:
    now = _progress(lesson)
    seed = next_seed(lesson, place, now.seed) if new_numbers else now.seed
    st.session_state[f"quiz_{lesson}"] = replace(now, seed=seed, place=place, given=None)


def _table(grid: Grid) -> str:
    """A map's values with their row and column numbers, as a Markdown table."""
    head = ["", *(f"**{column}**" for column in range(len(grid[0])))]
    lines = [head, ["--:"] * len(head), *([f"**{row}**", *map(str, values)] for row, values in enumerate(grid))]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
