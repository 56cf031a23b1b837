"""The questions after a lesson."""

from itertools import cycle

import pytest
from streamlit.testing.v1 import AppTest

from alexnet_viz.quiz.lessons import LESSONS, questions, said
from alexnet_viz.words.i18n import LANGUAGES, translator
from tests.pages.seen import fine, open_well


def _alone(lesson: str, language: str) -> None:
    from alexnet_viz.words.i18n import translator
    from pages.ui.widgets.quiz import quiz_box

    quiz_box(translator(language), lesson)


def box(lesson: str, language: str = "en") -> AppTest:
    return AppTest.from_function(_alone, args=(lesson, language), default_timeout=30).run()


def now(app: AppTest, lesson: str):
    """The visitor's progress, and the question that is shown."""
    progress = app.session_state[f"quiz_{lesson}"]
    return progress, questions(lesson, progress.seed)[progress.place]


def answer(app: AppTest, question, value) -> AppTest:
    if question.choices:
        app.radio[0].set_value(question.choices.index(value))
    else:
        app.number_input[0].set_value(value)
    return app.button[0].click().run()  # the form's own button comes first


def click(app: AppTest, name: str, lesson: str) -> AppTest:
    return app.button(key=f"quiz_{name}_{lesson}").click().run()


@pytest.mark.parametrize(("lesson", "language"), list(zip(LESSONS, cycle(LANGUAGES), strict=False)))  # in turns
def test_every_question_of_every_lesson_is_asked_and_explained(lesson, language):
    t = translator(language)
    app = box(lesson, language)
    for place in range(len(LESSONS[lesson])):
        progress, question = now(app, lesson)
        assert progress.place == place
        assert t(question.text) in [text.value for text in app.markdown]
        assert not app.success
        assert not app.warning
        answer(app, question, question.mistakes[0].value)
        assert t(question.mistakes[0].why) in app.warning[0].value, "it says which mistake this is"
        assert t(question.explain) in app.warning[0].value
        assert said(question.answer, t) in app.warning[0].value
        answer(app, question, question.answer)
        assert t(question.explain) in app.success[0].value
        assert not app.warning
        assert not app.exception
        click(app, "next", lesson)
    progress, _ = now(app, lesson)
    assert (progress.place, progress.right, progress.answered) == (0, 0, len(LESSONS[lesson]))


def test_the_score_counts_first_answers():
    app = box("relu")
    _, question = now(app, "relu")
    answer(app, question, question.answer)
    answer(app, question, question.answer)
    assert "1 of 1 right" in app.caption[0].value
    click(app, "next", "relu")
    assert "Question 2 of 4" in app.caption[0].value
    _, question = now(app, "relu")
    answer(app, question, question.mistakes[0].value)
    answer(app, question, question.answer)
    assert "1 of 2 right" in app.caption[0].value


def test_new_numbers_ask_the_same_kind_of_question_again():
    app = box("pooling")
    before, question = now(app, "pooling")
    answer(app, question, question.answer)
    click(app, "new", "pooling")
    after, other = now(app, "pooling")
    assert after.place == before.place
    assert other.text.text == question.text.text
    assert other.text != question.text
    assert app.number_input[0].value is None
    assert not app.success


def test_no_answer_is_no_answer_and_any_number_gets_the_arithmetic():
    app = box("architecture")
    app.button[0].click().run()
    assert app.session_state["quiz_architecture"].answered == 0
    assert not app.warning
    _, question = now(app, "architecture")
    answer(app, question, 987_654)
    assert str(question.explain) in app.warning[0].value


def test_the_map_of_a_pooling_question_is_shown_with_its_numbering():
    app = box("pooling")
    click(app, "next", "pooling")
    _, question = now(app, "pooling")
    table = next(text.value for text in app.markdown if text.value.startswith("|"))
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert lines[0] == ["", "**0**", "**1**", "**2**", "**3**", "**4**"]
    assert [tuple(map(int, line[1:])) for line in lines[2:]] == list(question.grid)


def test_it_stands_on_its_page_and_survives_a_change_of_language():
    lesson = "architecture"
    app = open_well(lesson)
    progress, question = now(app, lesson)
    field = next(box for box in app.number_input if box.key.startswith(f"quiz_answer_{lesson}"))
    field.set_value(987_654)
    next(button for button in app.button if button.label == "Check").click().run()
    assert app.session_state[f"quiz_{lesson}"].answered == 1
    fine(app.button_group(key="language_en").set_value("ko").run())
    kept, same = now(app, lesson)
    assert (kept.seed, kept.place, kept.given, same.text) == (progress.seed, 0, 987_654, question.text)
    assert translator("ko")(question.text) in [text.value for text in app.markdown]
    assert not [name for name in app.query_params if name.startswith("quiz")]


def test_every_technique_has_its_questions():
    from pages.ui.techniques.tabs import TABS

    assert {*TABS, "architecture", "compare"} == set(LESSONS)
