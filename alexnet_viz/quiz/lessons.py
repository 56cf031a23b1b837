"""Questions to check oneself after a lesson, with new numbers each time; the engine computes every answer.

    for question in questions("pooling", seed=7):
        t(question.text), question.choices             # no choices: a number is typed
        judge(question, 13)                            # Verdict(right=False, mistake="That forgets the + 1 ...")
        t(question.explain)                            # the arithmetic, with the question's numbers

A question is one small function of a seeded random generator: it draws numbers that work out on paper, asks
`network.spec.walk` or computes by the paper's formula, and says which mistake leads to which wrong answer.
No torch: the tests compare with torch and with plain loops.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from alexnet_viz.quiz import architecture, augmentation, compare, dropout, gpus, lrn, paper, pooling, relu
from alexnet_viz.quiz.question import NEAR, Question, Value, same
from alexnet_viz.words.i18n import Message, Translator

LESSONS: Mapping[str, tuple[Callable[[Random], Question], ...]] = {
    "relu": (relu.unit, relu.slope, relu.mean, relu.chain),
    "dropout": (dropout.kept, dropout.tested, dropout.trained, dropout.networks),
    "lrn": (lrn.neighbours, lrn.squares, lrn.divided, lrn.alpha),
    "augmentation": (augmentation.crops, augmentation.mirror, augmentation.average, augmentation.colour),
    "pooling": (pooling.side, pooling.winner, pooling.average, pooling.windows),
    "gpus": (gpus.params, gpus.one_filter, gpus.macs, gpus.memory),
    "paper": (paper.side, paper.momentum, paper.softmax, paper.top5),
    "architecture": (architecture.side, architecture.params, architecture.macs, architecture.field),
    "compare": (compare.linear, compare.reuse, compare.most, compare.shortcut),
}

FEWEST_MISTAKES = 2  # a draw in which fewer mistakes lead to a wrong answer teaches little: draw again


@dataclass(frozen=True)
class Verdict:
    """What is to be said about an answer."""

    right: bool
    mistake: Message | None = None  # why it is wrong, where the answer tells


def questions(lesson: str, seed: int) -> list[Question]:
    """The questions of a lesson; a seed always draws the same numbers. `LESSONS` has the lessons' ids."""
    return [_drawn(make, Random(f"{lesson}_{make.__name__} {seed}")) for make in LESSONS[lesson]]


def next_seed(lesson: str, place: int, seed: int) -> int:
    """The first seed after this one that draws other numbers for the question at this place of the lesson."""
    now = questions(lesson, seed)[place].text
    seed += 1
    while questions(lesson, seed)[place].text == now:
        seed += 1
    return seed


def judge(question: Question, given: Value) -> Verdict:
    """Right or wrong. Decimals are compared to `NEAR`, whole numbers exactly."""
    near = 0.0 if question.choices or question.whole else NEAR
    if same(given, question.answer, near):
        return Verdict(right=True)
    why = next((mistake.why for mistake in question.mistakes if same(given, mistake.value, near)), None)
    return Verdict(right=False, mistake=why)


def said(value: Value, t: Translator) -> str:
    """A value as people write it: "1,024", "0.0005", or words."""
    if isinstance(value, Message):
        return t(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.6f}".rstrip("0").rstrip(".")


def _drawn(make: Callable[[Random], Question], rng: Random) -> Question:
    question = make(rng)
    while len(question.mistakes) < FEWEST_MISTAKES:
        question = make(rng)
    return question
