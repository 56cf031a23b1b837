"""What a question is, and what several of them are made with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from string import Formatter
from typing import Any

from alexnet_viz.network.spec import Layer, Rounding, Row, Shape, Spec, walk
from alexnet_viz.words.i18n import Message

Value = int | float | Message  # what can be an answer; a Message is chosen, never typed
Grid = tuple[tuple[int, ...], ...]  # rows of values that belong to a question, (H, W)
Wrong = Sequence[tuple[Value, Message]]  # in the order of how likely the mistake is; of two equal ones the first stays

NEAR = 0.01  # a typed number this close to a mistake is taken for that mistake
PERCENT = Message("percent")
NO_BIAS = Message("That forgets the biases: there is one for each output channel or unit.")
NO_PLUS_ONE = Message("That forgets the + 1: the first window is there before the first step.")
ROUNDED_UP = Message("That is rounded up. PyTorch rounds down: a window that does not fit is left out.")


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people give, and why it is wrong."""

    value: Value
    why: Message


@dataclass(frozen=True)
class Question:
    """One question with its numbers. `mistakes` differ from the answer and from each other."""

    text: Message
    answer: Value
    explain: Message  # the arithmetic, worked out
    mistakes: tuple[Mistake, ...]
    choices: tuple[Value, ...] = ()  # in the order shown; empty where a number is typed
    unit: Message | None = None
    grid: Grid = ()

    @property
    def kind(self) -> str:
        """ "choice" or "number"."""
        return "choice" if self.choices else "number"

    @property
    def whole(self) -> bool:
        """Whether the answer and all mistakes are whole numbers."""
        return all(isinstance(value, int) for value in (self.answer, *(mistake.value for mistake in self.mistakes)))


def same(one: Value, other: Value, near: float) -> bool:
    """Whether two values are one answer: numbers to within `near`, words exactly."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= near
    return one == other


def typed(
    text: str,
    values: Mapping[str, Any],
    answer: Value,
    explain: Message,
    wrong: Wrong,
    *,
    unit: Message | None = None,
    grid: Grid = (),
    near: float = 2 * NEAR,
) -> Question:
    """A question whose answer is typed. `values`, and the answer, are put into `text` and `explain`."""
    said = {"answer": answer, **values}
    mistakes = _distinct(answer, wrong, near)
    return Question(_filled(Message(text), said), answer, _filled(explain, said), mistakes, unit=unit, grid=grid)


def chosen(
    text: str, values: Mapping[str, Any], answer: Value, explain: Message, wrong: Wrong, rng: Random, grid: Grid = ()
) -> Question:
    """The same where the answer is one of several, in random order."""
    question = typed(text, values, answer, explain, wrong, grid=grid, near=0.0)
    choices = [answer, *(mistake.value for mistake in question.mistakes)]
    rng.shuffle(choices)
    return replace(question, choices=tuple(choices))


def _filled(message: Message, values: Mapping[str, Any]) -> Message:
    """The message with those of the values that its text names; its own come first."""
    names = {name for _, name, _, _ in Formatter().parse(message.text)}
    return Message(message.text, **{name: values[name] for name in values if name in names} | message.values)


def _distinct(answer: Value, wrong: Wrong, near: float) -> tuple[Mistake, ...]:
    """The mistakes that nobody could take for the answer or for one another."""
    kept: list[Mistake] = []
    for value, why in wrong:
        if not any(same(value, other, near) for other in (answer, *(mistake.value for mistake in kept))):
            kept.append(Mistake(value, why))
    return tuple(kept)


def row_of(layer: Layer, shape: Shape, rounding: Rounding = "floor") -> Row:
    """One layer on an input, walked."""
    return walk(Spec(shape, (layer,), rounding)).rows[0]


def comma_separated(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def in_brackets(value: float) -> str:
    """A number inside a sum or product, where a minus sign wants brackets."""
    return f"({value:g})" if value < 0 else f"{value:g}"


def place_of(row: int, column: int) -> Message:
    return Message("row {row}, column {column}", row=row, column=column)
