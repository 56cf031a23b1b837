"""Questions to check oneself after a lesson, with new numbers each time; the engine computes every answer.

    for question in questions("pooling", seed=7):
        t(question.text), question.choices             # no choices: a number is typed
        judge(question, 13)                            # Verdict(right=False, mistake="That forgets the + 1 ...")
        t(question.explain)                            # the arithmetic, with the question's numbers

A question is one small function of a seeded random generator: it draws numbers that work out on paper, asks
`network.spec.walk` or computes by the paper's formula, and says which mistake leads to which wrong answer.
No torch: the tests compare with torch and with plain loops.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from alexnet_viz.i18n import Message, Translator
from alexnet_viz.network.arithmetic import params_product, size_sum
from alexnet_viz.network.comparison import comparison
from alexnet_viz.network.spec import BYTES_PER_VALUE, Conv, Layer, Linear, Pool, Rounding, Row, Shape, Spec, walk

Value = int | float | Message  # what can be an answer; a Message is chosen, never typed
Grid = tuple[tuple[int, ...], ...]  # rows of values that belong to a question, (H, W)

FEWEST_MISTAKES = 2  # a draw in which fewer mistakes lead to a wrong answer teaches little: draw again
NEAR = 0.01  # a typed number this close to a mistake is taken for that mistake


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


@dataclass(frozen=True)
class Verdict:
    """What is to be said about an answer."""

    right: bool
    mistake: Message | None = None  # why it is wrong, where the answer tells


def questions(lesson: str, seed: int) -> list[Question]:
    """The questions of a lesson; a seed always draws the same numbers. `LESSONS` has the lessons' ids."""
    return [_drawn(make, Random(f"{make.__name__} {seed}")) for make in LESSONS[lesson]]


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
    if _same(given, question.answer, near):
        return Verdict(right=True)
    why = next((mistake.why for mistake in question.mistakes if _same(given, mistake.value, near)), None)
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


def _same(one: Value, other: Value, near: float) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= near
    return one == other


# ---- Parts of questions ----------------------------------------------------------------------------------------------

_Wrong = Sequence[tuple[Value, Message]]  # in the order of how likely the mistake is; of two equal ones the first stays


def _question(
    text: Message, answer: Value, explain: Message, wrong: _Wrong, *, unit: Message | None = None, grid: Grid = ()
) -> Question:
    """A question whose answer is typed."""
    return Question(text, answer, explain, _distinct(answer, wrong, 2 * NEAR), unit=unit, grid=grid)


def _choice(rng: Random, text: Message, answer: Value, explain: Message, wrong: _Wrong, *, grid: Grid = ()) -> Question:
    """A question whose answer is one of several, in random order."""
    mistakes = _distinct(answer, wrong, 0.0)
    choices = [answer, *(mistake.value for mistake in mistakes)]
    rng.shuffle(choices)
    return Question(text, answer, explain, mistakes, tuple(choices), grid=grid)


def _distinct(answer: Value, wrong: _Wrong, near: float) -> tuple[Mistake, ...]:
    """The mistakes that nobody could take for the answer or for one another."""
    kept: list[Mistake] = []
    for value, why in wrong:
        if not any(_same(value, other, near) for other in (answer, *(mistake.value for mistake in kept))):
            kept.append(Mistake(value, why))
    return tuple(kept)


def _row(layer: Layer, shape: Shape, rounding: Rounding = "floor") -> Row:
    """One layer on an input, walked."""
    return walk(Spec(shape, (layer,), rounding)).rows[0]


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def _factor(value: float) -> str:
    """A number inside a sum or product, where a minus sign wants brackets."""
    return f"({value:g})" if value < 0 else f"{value:g}"


def _place(row: int, column: int) -> Message:
    return Message("row {row}, column {column}", row=row, column=column)


_PERCENT = Message("percent")
_NO_BIAS = Message("That forgets the biases: there is one for each output channel or unit.")
_NO_PLUS_ONE = Message("That forgets the + 1: the first window is there before the first step.")
_ROUNDED_UP = Message("That is rounded up. PyTorch rounds down: a window that does not fit is left out.")

# ---- ReLU ------------------------------------------------------------------------------------------------------------


def relu_unit(rng: Random) -> Question:
    inputs = [rng.randint(0, 5) for _ in range(3)]
    weights = [rng.choice((-3, -2, -1, 1, 2, 3)) for _ in range(3)]
    bias = rng.choice((-4, -3, -2, 2, 3, 4))
    products = sum(x * w for x, w in zip(inputs, weights, strict=True))
    total = products + bias
    worked = " + ".join(f"{x} · {_factor(w)}" for x, w in zip(inputs, weights, strict=True))
    return _question(
        Message(
            "A unit gets {inputs}. Its weights are {weights}, its bias is {bias}. What comes out after ReLU?",
            inputs=_listed(inputs),
            weights=_listed(weights),
            bias=bias,
        ),
        max(0, total),
        Message(
            "{worked} + {bias} = {total}, and max(0, {total}) = {answer}.",
            worked=worked,
            bias=_factor(bias),
            total=total,
            answer=max(0, total),
        ),
        [
            (total, Message("That is the sum before ReLU: ReLU turns what is negative into 0.")),
            (max(0, products), Message("That forgets the bias.")),
            (abs(total), Message("That drops the sign. ReLU does not: what is negative becomes 0.")),
            (0, Message("ReLU gives 0 for negative sums only. This sum is positive and passes as it is.")),
            (sum(inputs), Message("That adds the inputs without their weights.")),
        ],
    )


def relu_slope(rng: Random) -> Question:
    x = rng.choice((-1, 1)) * rng.choice((0.5, 1.5, 2, 2.5, 3, 4.5))
    slope = 1 if x > 0 else 0
    return _choice(
        rng,
        Message("What is the derivative of ReLU at x = {x}?", x=x),
        slope,
        Message("Left of 0 ReLU is flat, its derivative is 0; right of 0 it is the line y = x, its derivative is 1."),
        [
            (1 - slope, Message("That is the derivative on the other side of 0.")),
            (x, Message("That is x itself. The derivative says how fast the output grows where x grows.")),
            (-1, Message("That is the derivative of the magnitude |x| left of 0.")),
            (0.25, Message("That is the derivative of the sigmoid at 0, its largest.")),
        ],
    )


def relu_mean(rng: Random) -> Question:
    mean, lost = rng.randint(1, 4), rng.randint(1, 4)
    first, second = rng.randint(1, 4 * mean - 1), rng.randint(1, 4 * lost - 1)
    values = [first, 4 * mean - first, -second, second - 4 * lost]
    rng.shuffle(values)
    kept = sum(max(0, value) for value in values)
    return _question(
        Message("Four units hold {values}. What is their mean after ReLU?", values=_listed(values)),
        kept // 4,
        Message("The two negative ones become 0: {kept} / 4 = {mean}.", kept=kept, mean=kept // 4),
        [
            (sum(values) // 4, Message("That is the mean before ReLU.")),
            (kept // 2, Message("That leaves the zeros out: after ReLU there are still four units.")),
            (kept, Message("That is the sum, not yet divided by the number of units.")),
        ],
    )


def relu_chain(rng: Random) -> Question:
    depth = rng.randint(2, 6)
    return _question(
        Message(
            "The derivative of the sigmoid is at most 1/4. A gradient passes {depth} sigmoids in a row, all weights "
            "are 1. At best, 1/N of it is left. What is N?",
            depth=depth,
        ),
        4**depth,
        Message(
            "Each sigmoid multiplies by at most 1/4: N = 4^{depth} = {answer:,}. ReLU would multiply by 1 where it is "
            "active.",
            depth=depth,
            answer=4**depth,
        ),
        [
            (4 * depth, Message("That adds the factors up. The chain rule multiplies them.")),
            (2**depth, Message("That takes 1/2, the sigmoid's value at 0. Its derivative there is 1/4.")),
            (1, Message("That is ReLU's: where it is active, nothing is lost.")),
            (4, Message("That is one sigmoid. The gradient passes all of them.")),
        ],
    )


# ---- Dropout ---------------------------------------------------------------------------------------------------------

_RATES = (20, 25, 75, 80)  # percent; at 50, dropping and keeping could not be told apart


def dropout_kept(rng: Random) -> Question:
    units, rate = rng.choice((20, 40, 60, 80, 100, 200, 400)), rng.choice(_RATES)
    kept = units * (100 - rate) // 100
    return _question(
        Message(
            "A layer of {units} units is trained with a dropout rate of {rate}. How many units take part in a step, "
            "on average?",
            units=units,
            rate=rate / 100,
        ),
        kept,
        Message(
            "{units} · (1 - {rate}) = {kept}: the rate is the probability to be set to 0.",
            units=units,
            rate=rate / 100,
            kept=kept,
        ),
        [
            (units - kept, Message("Those are the units that are set to 0.")),
            (units, Message("All of them take part in testing only.")),
            (units // 2, Message("That would be a rate of 0.5, the paper's.")),
        ],
    )


def dropout_tested(rng: Random) -> Question:
    value, rate = rng.choice((60, 120, 180, 240)), rng.choice(_RATES)
    answer = value * (100 - rate) // 100
    return _question(
        Message(
            "Dropout as in the paper: in training nothing is scaled. The rate is {rate}. In testing a unit computes "
            "{value}. What is handed on?",
            rate=rate / 100,
            value=value,
        ),
        answer,
        Message(
            "In testing all units are there, so each is multiplied by the probability to be kept: {value} · "
            "(1 - {rate}) = {answer}.",
            value=value,
            rate=rate / 100,
            answer=answer,
        ),
        [
            (value, Message("That is what PyTorch hands on: it has scaled in training already. The paper has not.")),
            (value * rate // 100, Message("That multiplies by the rate. It is the probability to be set to 0.")),
            (value * 100 // (100 - rate), Message("That divides. Dividing is PyTorch's way, and in training.")),
        ],
    )


def dropout_trained(rng: Random) -> Question:
    value, rate = rng.choice((60, 120, 180, 240)), rng.choice(_RATES)
    answer = value * 100 // (100 - rate)
    return _question(
        Message(
            "nn.Dropout({rate}) in training: a unit computes {value} and is not dropped. What is handed on?",
            rate=rate / 100,
            value=value,
        ),
        answer,
        Message(
            "PyTorch divides what is kept by the probability to be kept, so that the mean stays the same: {value} / "
            "(1 - {rate}) = {answer:,}.",
            value=value,
            rate=rate / 100,
            answer=answer,
        ),
        [
            (value, Message("That is the paper's way: nothing is scaled in training, but in testing.")),
            (value * (100 - rate) // 100, Message("That multiplies, as the paper does in testing.")),
            (value * 100 // rate, Message("That divides by the rate. It is the probability to be set to 0.")),
        ],
    )


def dropout_networks(rng: Random) -> Question:
    units = rng.randint(3, 9)
    return _question(
        Message(
            "Dropout acts on {units} units. How many different networks can it draw? The one without any of them "
            "counts too.",
            units=units,
        ),
        2**units,
        Message(
            "Each unit is there or not, whatever the others do: 2^{units} = {answer}.", units=units, answer=2**units
        ),
        [
            (2 * units, Message("That adds two for each unit. The choices multiply.")),
            (units**2, Message("That is the square. Each unit doubles the number of networks.")),
            (units, Message("That counts the units. Any set of them can be missing.")),
        ],
    )


# ---- LRN -------------------------------------------------------------------------------------------------------------


def lrn_neighbours(rng: Random) -> Question:
    size, groups, each = rng.choice((3, 5, 7)), rng.choice((1, 2)), rng.choice((12, 16, 24, 48))
    start = each * rng.randrange(groups)
    channel = start + rng.choice((0, 1, size // 2, each // 2, each - 2, each - 1))
    first, last = _reach(channel, size, start, start + each)
    whole_first, whole_last = _reach(channel, size, 0, groups * each)
    count = last - first + 1
    if groups == 1:
        text = Message(
            "LRN with n = {size} over {channels} channels, numbered from 0. How many squares are summed for channel "
            "{channel}?",
            size=size,
            channels=each,
            channel=channel,
        )
    else:
        text = Message(
            "LRN with n = {size} over {channels} channels, numbered from 0, each GPU normalising its own {each}. How "
            "many squares are summed for channel {channel}?",
            size=size,
            channels=2 * each,
            each=each,
            channel=channel,
        )
    return _question(
        text,
        count,
        Message("Channels {first} to {last}, its own among them: {count}.", first=first, last=last, count=count),
        [
            (whole_last - whole_first + 1, Message("That reaches into the other GPU's channels.")),
            (size, Message("That is n. At the edge of the channels some neighbours do not exist.")),
            (count - 1, Message("That leaves out the channel itself: its own square counts too.")),
            (each, Message("Those are all channels. Only the nearest n count.")),
        ],
    )


def _reach(channel: int, size: int, start: int, end: int) -> tuple[int, int]:
    """The first and the last neighbour of a channel, cut off at the edges of its group (paper, section 3.3)."""
    return max(start, channel - size // 2), min(end - 1, channel + size // 2)


def lrn_squares(rng: Random) -> Question:
    values, size = [rng.randint(1, 6) for _ in range(6)], rng.choice((3, 5))
    channel = rng.randrange(len(values))
    first, last = _reach(channel, size, 0, len(values))
    near = values[first : last + 1]
    answer = sum(value**2 for value in near)
    return _question(
        Message(
            "At one pixel, channels 0 to 5 hold {values}. LRN with n = {size}: what is the sum of squares for channel "
            "{channel}?",
            values=_listed(values),
            size=size,
            channel=channel,
        ),
        answer,
        Message(
            "Channels {first} to {last}: {worked} = {answer}.",
            first=first,
            last=last,
            worked=" + ".join(f"{value}²" for value in near),
            answer=answer,
        ),
        [
            (sum(near), Message("That adds the values. LRN adds their squares.")),
            (answer - values[channel] ** 2, Message("That leaves out the channel itself: its own square counts too.")),
            (sum(near) ** 2, Message("That is the square of the sum. LRN sums the squares.")),
            (sum(value**2 for value in values), Message("Those are all channels. Only the nearest n count.")),
        ],
    )


# (k + alpha * S) with a simple 0.75th power, by that power: 16 ** 0.75 = 8, 81 ** 0.75 = 27
_LRN_BASES = {8: 16, 27: 81}
_LRN_K, _LRN_N, _LRN_BETA = 2, 5, 0.75  # the paper's; its alpha of 0.0001 would leave numbers for a calculator


def lrn_divided(rng: Random) -> Question:
    divisor = rng.choice(tuple(_LRN_BASES))
    base, per_alpha = _LRN_BASES[divisor], rng.choice((100, 1000))  # alpha = 1 / per_alpha
    squares = (base - _LRN_K) * per_alpha
    times = rng.randint(1, min(9, math.isqrt(squares) // divisor))  # its own square is part of the sum
    value = divisor * times
    return _question(
        Message(
            "LRN as the paper prints it: b = a / (k + α · S)^β, with n = 5, k = 2, β = 0.75 and here α = {alpha}. The "
            "squares of the five neighbours add up to S = {squares:,}, and a = {value}. What is b?",
            alpha=1 / per_alpha,
            squares=squares,
            value=value,
        ),
        times,
        Message(
            "2 + {alpha} · {squares:,} = {base}, and {base}^0.75 = {divisor}: {value} / {divisor} = {answer}.",
            alpha=1 / per_alpha,
            squares=squares,
            base=base,
            divisor=divisor,
            value=value,
            answer=times,
        ),
        [
            (value / base, Message("That forgets the exponent β.")),
            (value / (base - _LRN_K) ** _LRN_BETA, Message("That leaves out k.")),
            (
                value / (_LRN_K + (base - _LRN_K) / _LRN_N) ** _LRN_BETA,
                Message("That divides α by n, as the code of 2012 and PyTorch do. The printed formula does not."),
            ),
            (value / (base * _LRN_BETA), Message("That multiplies by β. It is an exponent.")),
        ],
    )


def lrn_alpha(rng: Random) -> Question:
    size, tenthousandths = rng.choice((3, 5, 7, 9)), rng.randint(1, 5)
    alpha = size * tenthousandths / 10_000
    answer = size * size * tenthousandths / 10_000
    return _choice(
        rng,
        Message(
            "The paper's printed formula does not divide α by n; nn.LocalResponseNorm does. Which alpha makes "
            "nn.LocalResponseNorm({size}, alpha=...) compute the printed formula with α = {alpha}?",
            size=size,
            alpha=alpha,
        ),
        answer,
        Message("PyTorch divides by n, so n times as much goes in: {size} · {alpha} = {answer}.",
                size=size, alpha=alpha, answer=answer),
        [
            (alpha, Message("PyTorch would divide that by n: too little.")),
            (tenthousandths / 10_000, Message("That divides by n once more. PyTorch does it already.")),
            (size**3 * tenthousandths / 10_000, Message("That multiplies by n twice.")),
        ],
    )  # fmt: skip


# ---- Augmentation ----------------------------------------------------------------------------------------------------


def augmentation_crops(rng: Random) -> Question:
    crop, gap = rng.choice(((224, 32), (224, 16), (28, 4), (24, 8), (64, 6), (96, 4), (32, 9), (48, 7)))
    places = gap + 1
    return _question(
        Message(
            "Crops of {crop}x{crop} are taken anywhere from {side}x{side} pictures, mirrored or not. How many "
            "different ones does a picture give?",
            crop=crop,
            side=crop + gap,
        ),
        2 * places**2,
        Message(
            "{side} - {crop} + 1 = {places} places across and as many down, times 2: {places}² · 2 = {answer:,}.",
            side=crop + gap,
            crop=crop,
            places=places,
            answer=2 * places**2,
        ),
        [
            (2 * gap**2, Message("That forgets the + 1, as the paper's 2048 does: there is a place before any shift.")),
            (places**2, Message("That forgets the mirror.")),
            (2 * places, Message("That shifts in one direction only.")),
        ],
    )


def augmentation_mirror(rng: Random) -> Question:
    width = rng.choice((8, 10, 16, 32, 224))
    column = rng.randrange(width)
    return _question(
        Message(
            "A picture of {width} columns, numbered from 0, is mirrored left to right. Where does column {column} go?",
            width=width,
            column=column,
        ),
        width - 1 - column,
        Message(
            "The last column is {last}: {last} - {column} = {answer}.",
            last=width - 1,
            column=column,
            answer=width - 1 - column,
        ),
        [
            (width - column, Message("Columns are numbered from 0, so the last one is the width minus 1.")),
            (column, Message("That is where it was.")),
        ],
    )


def augmentation_average(rng: Random) -> Question:
    mean = rng.randint(30, 70)
    first, second = rng.sample(range(1, 25), 2)
    given = [mean + first, mean - first, mean + second, mean - second]
    rng.shuffle(given)
    return _question(
        Message(
            "Four crops of a picture give the class cat {values} percent. What does the network answer with all four, "
            "as in the paper?",
            values=_listed(given),
        ),
        mean,
        Message("The mean of the softmax outputs: {total} / 4 = {mean}.", total=sum(given), mean=mean),
        [
            (max(given), Message("That is the surest crop alone. The paper takes the mean of all.")),
            (sum(given), Message("That is the sum, not yet divided by the number of crops.")),
            (min(given), Message("That is the least sure crop alone. The paper takes the mean of all.")),
        ],
        unit=_PERCENT,
    )


def augmentation_colour(rng: Random) -> Question:
    red, drawn = rng.choice((5, 6, 7, 8)), rng.choice((-2, -1, 1, 2))  # tenths
    spread = rng.choice((100, 200, 300))
    answer = red * drawn * spread // 100
    return _question(
        Message(
            "Colour augmentation on values from 0 to 255: the first principal component is {red} for red, its "
            "eigenvalue is {spread}. The number drawn for it is {drawn}, those for the other two are 0. How much is "
            "added to the red of every pixel?",
            red=red / 10,
            spread=spread,
            drawn=drawn / 10,
        ),
        answer,
        Message(
            "Component times drawn number times eigenvalue: {red} · {drawn} · {spread} = {answer}.",
            red=red / 10,
            drawn=_factor(drawn / 10),
            spread=spread,
            answer=answer,
        ),
        [
            (drawn * spread // 10, Message("That forgets the component: red gets only its part.")),
            (red * spread // 10, Message("That forgets the number drawn.")),
            (-answer, Message("The sign is that of the number drawn: it is added, not taken away.")),
        ],
    )


# ---- Pooling ---------------------------------------------------------------------------------------------------------


def pooling_side(rng: Random) -> Question:
    kernel, stride = rng.choice(((2, 2), (3, 2), (3, 3), (3, 1), (4, 2)))
    side = rng.randint(9, 32)
    row = _row(Pool(kernel, stride), (1, side, side))
    answer, rounded_up = row.shape[1], _row(Pool(kernel, stride), (1, side, side), "ceil").shape[1]
    return _question(
        Message(
            "Pooling with a {kernel}x{kernel} window and stride {stride} gets a map of {side}x{side}. How wide is its "
            "output in PyTorch?",
            kernel=kernel,
            stride=stride,
            side=side,
        ),
        answer,
        Message("Side minus window, divided by the stride, plus 1: {worked}.", worked=size_sum(row, "floor")),
        [
            (answer - 1, _NO_PLUS_ONE),
            (rounded_up, _ROUNDED_UP),
            (side // stride, Message("That only divides by the stride. The last windows would reach past the edge.")),
            (side - kernel + 1, Message("That is stride 1.")),
        ],
    )


def pooling_winner(rng: Random) -> Question:
    values = rng.sample(range(10, 100), 25)
    grid = tuple(tuple(values[5 * row : 5 * row + 5]) for row in range(5))
    row, column = rng.randrange(2), rng.randrange(2)

    def winner(top: int, left: int, side: int) -> tuple[int, int]:
        places = [(i, j) for i in range(top, top + side) for j in range(left, left + side)]
        return max(places, key=lambda place: grid[place[0]][place[1]])

    down, across = winner(2 * row, 2 * column, 3)
    return _choice(
        rng,
        Message(
            "Max pooling, window 3x3, stride 2. Which place wins for the output at row {row}, column {column}? All "
            "numbering starts at 0.",
            row=row,
            column=column,
        ),
        _place(down, across),
        Message(
            "The window covers rows {top} to {bottom} and columns {left} to {right}; its largest value is {value}.",
            top=2 * row,
            bottom=2 * row + 2,
            left=2 * column,
            right=2 * column + 2,
            value=grid[down][across],
        ),
        [
            (_place(*winner(0, 0, 5)), Message("That is the largest value of the whole map, outside this window.")),
            (_place(*winner(2 * row, 2 * column, 2)), Message("That is the winner of a 2x2 window.")),
            (
                _place(*winner(row, column, 3)),
                Message("That is stride 1: with stride 2 a window starts at every second place."),
            ),
            (_place(across, down), Message("Row and column are swapped.")),
        ],
        grid=grid,
    )


def pooling_average(rng: Random) -> Question:
    rows = [[rng.randint(0, 9) for _ in range(4)] for _ in range(4)]
    row, column = rng.randrange(2), rng.randrange(2)
    rows[2 * row + 1][2 * column + 1] += -sum(_window(rows, row, column)) % 4
    window = _window(rows, row, column)
    answer = sum(window) // 4
    return _question(
        Message(
            "Average pooling, window 2x2, stride 2. What is the output at row {row}, column {column}? Numbering starts "
            "at 0.",
            row=row,
            column=column,
        ),
        answer,
        Message("({worked}) / 4 = {answer}.", worked=" + ".join(map(str, window)), answer=answer),
        [
            (max(window), Message("That is max pooling.")),
            (sum(window), Message("That is the sum, not yet divided by 4.")),
            (sum(_window(rows, column, row)) // 4, Message("Row and column are swapped.")),
        ],
        grid=tuple(map(tuple, rows)),
    )


def _window(rows: Sequence[Sequence[int]], row: int, column: int) -> list[int]:
    """The values of a 2x2 window at stride 2."""
    return [rows[2 * row + i][2 * column + j] for i in range(2) for j in range(2)]


def pooling_windows(rng: Random) -> Question:
    side = rng.choice((7, 9, 11))
    row, column = rng.randrange(side), rng.randrange(side)
    down, across = (sum(start <= at < start + 3 for start in range(0, side - 2, 2)) for at in (row, column))
    return _question(
        Message(
            "Max pooling, window 3x3, stride 2, on a map of {side}x{side}. How many windows does the pixel at row "
            "{row}, column {column} belong to? Numbering starts at 0.",
            side=side,
            row=row,
            column=column,
        ),
        down * across,
        Message(
            "Windows overlap by one row and one column: {down} down times {across} across are {answer}.",
            down=down,
            across=across,
            answer=down * across,
        ),
        [
            (1, Message("That is so without overlap. Here the windows share every second row and column.")),
            (down + across, Message("That adds both directions. Each choice down goes with each across.")),
            (4, Message("That is the most there is: where a shared row meets a shared column, inside the map.")),
            (9, Message("That is how many pixels a window has.")),
        ],
    )


# ---- Two GPUs --------------------------------------------------------------------------------------------------------


def gpus_params(rng: Random) -> Question:
    inputs, filters, kernel = rng.choice((4, 6, 8, 12)), rng.choice((4, 8, 10, 16)), rng.choice((3, 5))
    grouped = _row(Conv(filters, kernel, groups=2), (inputs, 16, 16))
    single = _row(Conv(filters, kernel), (inputs, 16, 16))
    return _question(
        Message(
            "A {kernel}x{kernel} convolution from {inputs} to {filters} channels runs in two groups, with biases. How "
            "many parameters does it have?",
            kernel=kernel,
            inputs=inputs,
            filters=filters,
        ),
        grouped.params,
        Message(
            "Each filter sees half of the input channels: {worked} = {answer:,}.",
            worked=params_product(grouped),
            answer=grouped.params,
        ),
        [
            (single.params, Message("That is one group: every filter would see all input channels.")),
            (grouped.params - filters, _NO_BIAS),
            (single.params // 2, Message("That halves the biases too. Every filter keeps its own.")),
            ((single.params - filters) // 4 + filters, Message("That halves twice: the number of filters stays.")),
        ],
    )


def gpus_filter(rng: Random) -> Question:
    inputs, filters = rng.choice((8, 16, 48, 96, 192)), rng.choice((16, 64, 128, 256, 384))
    number = rng.randrange(filters)
    half = number // (filters // 2)
    halves = [(0, inputs // 2 - 1), (inputs // 2, inputs - 1)]

    def channels(first: int, last: int) -> Message:
        return Message("channels {first} to {last}", first=first, last=last)

    return _choice(
        rng,
        Message(
            "A convolution in two groups has {inputs} input channels and {filters} filters, all numbered from 0. Which "
            "input channels does filter {number} see?",
            inputs=inputs,
            filters=filters,
            number=number,
        ),
        channels(*halves[half]),
        Message(
            "Filters {first} to {last} are on its GPU, and with them one half of the channels: {low} to {high}.",
            first=half * filters // 2,
            last=(half + 1) * filters // 2 - 1,
            low=halves[half][0],
            high=halves[half][1],
        ),
        [
            (channels(*halves[1 - half]), Message("Those are on the other GPU.")),
            (channels(0, inputs - 1), Message("That is one group, as in conv3. In two groups a filter sees one half.")),
        ],
    )


def gpus_macs(rng: Random) -> Question:
    inputs, filters, side = rng.choice((4, 8, 12)), rng.choice((4, 8, 16)), rng.choice((5, 10))
    groups = rng.choice((2, 4))
    single = _row(Conv(filters, 3, padding=1), (inputs, side, side)).macs
    grouped = _row(Conv(filters, 3, padding=1, groups=groups), (inputs, side, side)).macs
    return _question(
        Message(
            "A 3x3 convolution with padding 1, from {inputs} to {filters} channels on maps of {side}x{side}, does "
            "{single:,} multiply-accumulates in one group. How many in {groups} groups?",
            inputs=inputs,
            filters=filters,
            side=side,
            single=single,
            groups=groups,
        ),
        grouped,
        Message(
            "Each filter sees 1/{groups} of the input channels: {single:,} / {groups} = {answer:,}.",
            groups=groups,
            single=single,
            answer=grouped,
        ),
        [
            (single, Message("That is one group. In groups each filter multiplies fewer channels.")),
            (single // groups**2, Message("That divides twice: there are still as many filters.")),
            (single * groups, Message("That multiplies. Groups leave connections out.")),
        ],
    )


def gpus_memory(rng: Random) -> Question:
    millions = rng.choice((5, 7, 10, 20, 25, 50, 60, 61, 80, 100))
    copies = 3
    return _question(
        Message(
            "A network has {millions} million parameters in fp32. Training keeps its weights, their gradients and the "
            "momentum. How many megabytes is that (1 MB is a million bytes)?",
            millions=millions,
        ),
        copies * BYTES_PER_VALUE * millions,
        Message(
            "3 numbers of 4 bytes for each parameter: 3 · 4 · {millions} = {answer:,}.",
            millions=millions,
            answer=copies * BYTES_PER_VALUE * millions,
        ),
        [
            (BYTES_PER_VALUE * millions, Message("Those are the weights alone.")),
            (2 * BYTES_PER_VALUE * millions, Message("That is two of the three: weights, gradients, momentum.")),
            (copies * millions, Message("That counts numbers. In fp32 each has 4 bytes.")),
            (copies * 8 * millions, Message("That is fp64, with 8 bytes a number.")),
        ],
        unit=Message("MB"),
    )


# ---- Paper against code ----------------------------------------------------------------------------------------------


def paper_side(rng: Random) -> Question:
    kernel, stride = rng.choice(((11, 4), (7, 2), (7, 4), (5, 3), (3, 2)))
    out = rng.randint(8, 55)
    side = (out - 2) * stride + kernel + rng.randint(1, stride - 1)  # does not divide, so rounding matters
    row = _row(Conv(1, kernel, stride), (1, side, side), "ceil")
    answer = row.shape[1]
    return _question(
        Message(
            "The code of 2012 rounds up. A {kernel}x{kernel} convolution with stride {stride} and no padding gets "
            "{side}x{side} pixels: how wide is its output there?",
            kernel=kernel,
            stride=stride,
            side=side,
        ),
        answer,
        Message("{worked}; the last window reaches past the edge.", worked=size_sum(row, "ceil")),
        [
            (answer - 1, Message("That is rounded down, as PyTorch does, or without the + 1.")),
            (answer - 2, Message("That is rounded down and without the + 1.")),
            (-(-side // stride), Message("That divides the whole side. The first window takes up the kernel's width.")),
        ],
    )


def paper_momentum(rng: Random) -> Question:
    speed, gradient = rng.choice((-4, -3, -2, 2, 3, 4)), rng.choice((-6, -5, -3, 3, 5, 6))
    answer = (9 * speed - gradient) / 10
    return _question(
        Message(
            "One step of SGD with momentum 0.9 and learning rate 0.1, weight decay left out: v was {speed}, the "
            "gradient is {gradient}. What is v now?",
            speed=speed,
            gradient=gradient,
        ),
        answer,
        Message(
            "v = 0.9 · {speed} - 0.1 · {gradient} = {answer}.",
            speed=_factor(speed),
            gradient=_factor(gradient),
            answer=answer,
        ),
        [
            ((9 * speed + gradient) / 10, Message("That goes up the slope: the gradient is subtracted.")),
            (-gradient / 10, Message("That is SGD without momentum: nine tenths of v stay.")),
            ((10 * speed - gradient) / 10, Message("That keeps all of v. Momentum 0.9 keeps nine tenths.")),
            ((9 * speed - 10 * gradient) / 10, Message("That forgets the learning rate.")),
        ],
    )


_SOFTMAX = ((2, 3, 5), (1, 4, 5), (1, 3, 6), (1, 2, 7), (3, 5, 12), (2, 6, 12), (4, 7, 9))  # sums of 10 and 20


def paper_softmax(rng: Random) -> Question:
    powers = rng.sample(rng.choice(_SOFTMAX), 3)
    asked = rng.randrange(3)
    power, total = powers[asked], sum(powers)
    logits = [math.log(value) for value in powers]
    return _question(
        Message(
            "Three classes have the logits {logits}. Which probability does softmax give to the one with ln {power}?",
            logits=", ".join(f"ln {value}" for value in powers),
            power=power,
        ),
        100 * power // total,
        Message(
            "e^(ln {power}) = {power}, and all three add up to {total}: {power} / {total} = {answer} %.",
            power=power,
            total=total,
            answer=100 * power // total,
        ),
        [
            (100 * logits[asked] / sum(logits), Message("That divides the logits themselves: e^x comes first.")),
            (power, Message("That is e^x, not yet divided by the sum.")),
            (100 / 3, Message("That shares equally. The largest logit gets the most.")),
        ],
        unit=_PERCENT,
    )


def paper_top5(rng: Random) -> Question:
    ranks = [rng.choice((1, 1, 1, 2, 3, 4, 5, 6, 8, 12)) for _ in range(10)]
    missed = sum(rank > 5 for rank in ranks)
    not_first = sum(rank > 1 for rank in ranks)
    return _question(
        Message(
            "For ten pictures the right class stood at these places of the answer: {ranks}. What is the top-5 error?",
            ranks=_listed(ranks),
        ),
        10 * missed,
        Message(
            "{missed} of 10 are not among the first five: {answer} %.", missed=missed, answer=10 * missed
        ),
        [
            (10 * not_first, Message("That is the top-1 error.")),
            (100 - 10 * missed, Message("That is the top-5 accuracy. Error is the rest.")),
            (missed, Message("That is a number of pictures, not percent.")),
        ],
        unit=_PERCENT,
    )  # fmt: skip


# ---- Architecture ----------------------------------------------------------------------------------------------------


def architecture_side(rng: Random) -> Question:
    kernel, stride = rng.choice(((3, 1), (3, 2), (5, 1), (5, 2), (5, 3), (7, 2), (11, 4)))
    padding = rng.randint(1, kernel // 2)
    side = rng.randint(6, 24) * stride + kernel - 2 * padding + rng.randrange(stride)
    layer, shape = Conv(1, kernel, stride, padding), (1, side, side)
    row = _row(layer, shape)
    answer = row.shape[1]
    return _question(
        Message(
            "A {kernel}x{kernel} convolution with stride {stride} and padding {padding} gets {side}x{side} pixels. How "
            "wide is its output in PyTorch?",
            kernel=kernel,
            stride=stride,
            padding=padding,
            side=side,
        ),
        answer,
        Message(
            "Side plus padding on both sides, minus kernel, divided by the stride, plus 1: {worked}.",
            worked=size_sum(row, "floor"),
        ),
        [
            (_row(Conv(1, kernel, stride), shape).shape[1], Message("That is without the padding.")),
            (
                (side + padding - kernel) // stride + 1,
                Message("That pads one side only. Padding counts on the left and on the right."),
            ),
            (answer - 1, _NO_PLUS_ONE),
            (_row(layer, shape, "ceil").shape[1], _ROUNDED_UP),
            (side, Message("The side stays only with stride 1 and a padding of half the kernel.")),
        ],
    )


def architecture_params(rng: Random) -> Question:
    inputs, filters, kernel = rng.choice((2, 3, 4, 8)), rng.choice((4, 5, 8, 10, 20)), rng.choice((3, 5))
    row = _row(Conv(filters, kernel), (inputs, 16, 16))
    return _question(
        Message(
            "How many parameters does a {kernel}x{kernel} convolution from {inputs} to {filters} channels have, with "
            "biases?",
            kernel=kernel,
            inputs=inputs,
            filters=filters,
        ),
        row.params,
        Message(
            "Filters x input channels x kernel x kernel, and a bias for each filter: {worked} = {answer:,}.",
            worked=params_product(row),
            answer=row.params,
        ),
        [
            (row.params - filters, _NO_BIAS),
            (filters * kernel**2 + filters, Message("That forgets that a filter reaches through all input channels.")),
            (filters * inputs * kernel + filters, Message("That counts the kernel's width only: it is a square.")),
            (inputs * kernel**2 + 1, Message("That is one filter.")),
        ],
    )


def architecture_macs(rng: Random) -> Question:
    inputs, filters, side = rng.choice((2, 3, 4)), rng.choice((4, 5, 8, 10)), rng.choice((4, 5, 8, 10))
    row = _row(Conv(filters, 3, padding=1), (inputs, side, side))
    weights = row.params - filters
    return _question(
        Message(
            "A 3x3 convolution with stride 1 and padding 1 goes from {inputs} to {filters} channels on maps of "
            "{side}x{side}. How many multiply-accumulates (MACs) is that for one picture?",
            inputs=inputs,
            filters=filters,
            side=side,
        ),
        row.macs,
        Message(
            "Each of its {weights:,} weights is used at each of {side} x {side} places: {answer:,}.",
            weights=weights,
            side=side,
            answer=row.macs,
        ),
        [
            (weights, Message("Those are the weights. Each is used at every place of the output.")),
            (row.params, Message("Those are the parameters. Each weight is used at every place of the output.")),
            (row.macs // inputs, Message("That forgets that a filter reaches through all input channels.")),
            (2 * row.macs, Message("Those are FLOPs: a MAC is one multiplication and one addition together.")),
        ],
    )


def architecture_field(rng: Random) -> Question:
    first, stride, second = rng.choice((3, 5, 7)), rng.choice((1, 2)), rng.choice((3, 5))
    pool = rng.choice((2, 3))
    rows = walk(Spec((1, 99, 99), (Conv(1, first, stride), Pool(pool, 2), Conv(1, second)))).rows
    answer = rows[-1].receptive_field or 0
    return _question(
        Message(
            "A {first}x{first} convolution with stride {stride}, then {pool}x{pool} pooling with stride 2, then a "
            "{second}x{second} convolution. How many input pixels wide is the receptive field of one output?",
            first=first,
            stride=stride,
            pool=pool,
            second=second,
        ),
        answer,
        Message(
            "Each layer adds kernel minus 1, times all strides before it: 1 + {a} · 1 + {b} · {stride} + {c} · "
            "{strides} = {answer}.",
            a=first - 1,
            b=pool - 1,
            stride=stride,
            c=second - 1,
            strides=2 * stride,
            answer=answer,
        ),
        [
            (first + pool + second - 2, Message("That is as if all strides were 1.")),
            (second, Message("That is what it sees of the layer before, not of the input.")),
            (first + pool + second, Message("That adds the kernels up. The strides before a layer widen its reach.")),
            (first * pool * second, Message("That multiplies the kernels. Neighbouring windows overlap.")),
        ],
    )


# ---- Compare ---------------------------------------------------------------------------------------------------------


def compare_linear(rng: Random) -> Question:
    channels, side, outputs = rng.choice((4, 8, 16)), rng.choice((2, 3, 4, 5)), rng.choice((5, 10, 20))
    row = _row(Linear(channels * side**2, outputs), (channels * side**2,))
    return _question(
        Message(
            "{channels} maps of {side}x{side} are flattened into a fully connected layer of {outputs} units, with "
            "biases. How many parameters does it have?",
            channels=channels,
            side=side,
            outputs=outputs,
        ),
        row.params,
        Message(
            "{channels} x {side} x {side} = {inputs} values arrive: {worked} = {answer:,}.",
            channels=channels,
            side=side,
            inputs=channels * side**2,
            worked=params_product(row),
            answer=row.params,
        ),
        [
            (row.params - outputs, _NO_BIAS),
            (channels * outputs + outputs, Message("That takes a map for one value. Each of its pixels arrives.")),
            (side**2 * outputs + outputs, Message("That is one map. All of them arrive.")),
        ],
    )


def compare_reuse(rng: Random) -> Question:
    filters, side, inputs = rng.choice((4, 8, 16)), rng.choice((6, 7, 13, 20, 27)), rng.choice((2, 3, 4))
    row = _row(Conv(filters, 3, padding=1), (inputs, side, side))
    answer = row.macs // (row.params - filters)
    return _question(
        Message(
            "A convolution has {filters} filters and an output of {side}x{side}. How often is each of its weights used "
            "for one picture?",
            filters=filters,
            side=side,
        ),
        answer,
        Message("Once at each place of the output: {side} x {side} = {answer}.", side=side, answer=answer),
        [
            (1, Message("That is a fully connected layer. A convolution uses its weights again at each place.")),
            (side, Message("That is one row of places. The filter slides down as well.")),
            (answer * filters, Message("That counts all filters. A weight belongs to one of them.")),
        ],
    )


# Which property: the question, and how much a network has of it.
_MOST: tuple[tuple[Message, str], ...] = (
    (Message("Which of these networks has the most parameters?"), "params"),
    (Message("Which of these networks does the most multiply-accumulates (MACs) for one picture?"), "macs"),
    (Message("Which of these networks has the most parameters in its convolutions?"), "conv_params"),
)


def compare_most(rng: Random) -> Question:
    text, what = rng.choice(_MOST)
    counts = {row.title: int(getattr(row, what)) for row in rng.sample(comparison(), 3)}
    most = max(counts, key=counts.__getitem__)
    listed = [Message("{name}: {count:,}", name=Message(title), count=count) for title, count in counts.items()]
    return _choice(
        rng,
        text,
        Message(most),
        Message("{one}; {two}; {three}.", one=listed[0], two=listed[1], three=listed[2]),
        [
            (
                Message(title),
                Message("It has {count:,}; {name} has {most:,}.", count=count, name=Message(most), most=counts[most]),
            )
            for title, count in counts.items()
        ],
    )


def compare_shortcut(rng: Random) -> Question:
    arrives, made = rng.randint(1, 6), rng.choice((-8, -5, -4, -3, -2, -1, 1, 2, 3, 4))
    answer = max(0, made + arrives)
    return _question(
        Message(
            "A block of ResNet gets {arrives}; its convolutions make {made} of that. Its shortcut and a ReLU follow. "
            "What comes out?",
            arrives=arrives,
            made=made,
        ),
        answer,
        Message(
            "The shortcut adds what arrived: max(0, {made} + {arrives}) = {answer}.",
            made=made,
            arrives=arrives,
            answer=answer,
        ),
        [
            (max(0, made), Message("That forgets the shortcut, which adds what arrived.")),
            (made + arrives, Message("That is the sum before ReLU: ReLU turns what is negative into 0.")),
            (made * arrives, Message("That multiplies. A shortcut adds.")),
            (arrives, Message("That is the shortcut alone.")),
        ],
    )


# ---- The lessons -----------------------------------------------------------------------------------------------------

LESSONS: Mapping[str, tuple[Callable[[Random], Question], ...]] = {
    "relu": (relu_unit, relu_slope, relu_mean, relu_chain),
    "dropout": (dropout_kept, dropout_tested, dropout_trained, dropout_networks),
    "lrn": (lrn_neighbours, lrn_squares, lrn_divided, lrn_alpha),
    "augmentation": (augmentation_crops, augmentation_mirror, augmentation_average, augmentation_colour),
    "pooling": (pooling_side, pooling_winner, pooling_average, pooling_windows),
    "gpus": (gpus_params, gpus_filter, gpus_macs, gpus_memory),
    "paper": (paper_side, paper_momentum, paper_softmax, paper_top5),
    "architecture": (architecture_side, architecture_params, architecture_macs, architecture_field),
    "compare": (compare_linear, compare_reuse, compare_most, compare_shortcut),
}
