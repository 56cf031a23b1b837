"""The paper's numbers: its input, momentum, softmax and top-5."""

import math
from random import Random

from alexnet_viz.network.arithmetic import size_sum
from alexnet_viz.network.spec import Conv
from alexnet_viz.quiz.question import PERCENT, Question, comma_separated, in_brackets, row_of, typed
from alexnet_viz.words.i18n import Message


def side(rng: Random) -> Question:
    kernel, stride = rng.choice(((11, 4), (7, 2), (7, 4), (5, 3), (3, 2)))
    out = rng.randint(8, 55)
    side = (out - 2) * stride + kernel + rng.randint(1, stride - 1)  # does not divide, so rounding matters
    row = row_of(Conv(1, kernel, stride), (1, side, side), "ceil")
    answer = row.shape[1]
    return typed(
        "The code of 2012 rounds up. A {kernel}x{kernel} convolution with stride {stride} and no padding gets "
        "{side}x{side} pixels: how wide is its output there?",
        {"kernel": kernel, "stride": stride, "side": side, "worked": size_sum(row, "ceil")},
        answer,
        Message("{worked}; the last window reaches past the edge."),
        [
            (answer - 1, Message("That is rounded down, as PyTorch does, or without the + 1.")),
            (answer - 2, Message("That is rounded down and without the + 1.")),
            (-(-side // stride), Message("That divides the whole side. The first window takes up the kernel's width.")),
        ],
    )


def momentum(rng: Random) -> Question:
    speed, gradient = rng.choice((-4, -3, -2, 2, 3, 4)), rng.choice((-6, -5, -3, 3, 5, 6))
    answer = (9 * speed - gradient) / 10
    return typed(
        "One step of SGD with momentum 0.9 and learning rate 0.1, weight decay left out: v was {speed}, the "
        "gradient is {gradient}. What is v now?",
        {"speed": speed, "gradient": gradient},
        answer,
        Message(
            "v = 0.9 · {speed} - 0.1 · {gradient} = {answer}.", speed=in_brackets(speed), gradient=in_brackets(gradient)
        ),
        [
            ((9 * speed + gradient) / 10, Message("That goes up the slope: the gradient is subtracted.")),
            (-gradient / 10, Message("That is SGD without momentum: nine tenths of v stay.")),
            ((10 * speed - gradient) / 10, Message("That keeps all of v. Momentum 0.9 keeps nine tenths.")),
            ((9 * speed - 10 * gradient) / 10, Message("That forgets the learning rate.")),
        ],
    )


_SOFTMAX = ((2, 3, 5), (1, 4, 5), (1, 3, 6), (1, 2, 7), (3, 5, 12), (2, 6, 12), (4, 7, 9))  # sums of 10 and 20


def softmax(rng: Random) -> Question:
    powers = rng.sample(rng.choice(_SOFTMAX), 3)
    asked = rng.randrange(3)
    power, total = powers[asked], sum(powers)
    logits = [math.log(value) for value in powers]
    return typed(
        "Three classes have the logits {logits}. Which probability does softmax give to the one with ln {power}?",
        {"logits": ", ".join(f"ln {value}" for value in powers), "power": power, "total": total},
        100 * power // total,
        Message("e^(ln {power}) = {power}, and all three add up to {total}: {power} / {total} = {answer} %."),
        [
            (100 * logits[asked] / sum(logits), Message("That divides the logits themselves: e^x comes first.")),
            (power, Message("That is e^x, not yet divided by the sum.")),
            (100 / 3, Message("That shares equally. The largest logit gets the most.")),
        ],
        unit=PERCENT,
    )


def top5(rng: Random) -> Question:
    ranks = [rng.choice((1, 1, 1, 2, 3, 4, 5, 6, 8, 12)) for _ in range(10)]
    missed = sum(rank > 5 for rank in ranks)
    not_first = sum(rank > 1 for rank in ranks)
    return typed(
        "For ten pictures the right class stood at these places of the answer: {ranks}. What is the top-5 error?",
        {"ranks": comma_separated(ranks), "missed": missed},
        10 * missed,
        Message("{missed} of 10 are not among the first five: {answer} %."),
        [
            (10 * not_first, Message("That is the top-1 error.")),
            (100 - 10 * missed, Message("That is the top-5 accuracy. Error is the rest.")),
            (missed, Message("That is a number of pictures, not percent.")),
        ],
        unit=PERCENT,
    )
