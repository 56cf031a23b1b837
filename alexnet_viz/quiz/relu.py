"""Slopes, dead units and chains of layers."""

from random import Random

from alexnet_viz.quiz.question import Question, chosen, comma_separated, in_brackets, typed
from alexnet_viz.words.i18n import Message


def unit(rng: Random) -> Question:
    inputs = [rng.randint(0, 5) for _ in range(3)]
    weights = [rng.choice((-3, -2, -1, 1, 2, 3)) for _ in range(3)]
    bias = rng.choice((-4, -3, -2, 2, 3, 4))
    products = sum(x * w for x, w in zip(inputs, weights, strict=True))
    total = products + bias
    worked = " + ".join(f"{x} · {in_brackets(w)}" for x, w in zip(inputs, weights, strict=True))
    return typed(
        "A unit gets {inputs}. Its weights are {weights}, its bias is {bias}. What comes out after ReLU?",
        {"inputs": comma_separated(inputs), "weights": comma_separated(weights), "bias": bias, "total": total},
        max(0, total),
        Message("{worked} + {bias} = {total}, and max(0, {total}) = {answer}.", worked=worked, bias=in_brackets(bias)),
        [
            (total, Message("That is the sum before ReLU: ReLU turns what is negative into 0.")),
            (max(0, products), Message("That forgets the bias.")),
            (abs(total), Message("That drops the sign. ReLU does not: what is negative becomes 0.")),
            (0, Message("ReLU gives 0 for negative sums only. This sum is positive and passes as it is.")),
            (sum(inputs), Message("That adds the inputs without their weights.")),
        ],
    )


def slope(rng: Random) -> Question:
    x = rng.choice((-1, 1)) * rng.choice((0.5, 1.5, 2, 2.5, 3, 4.5))
    slope = 1 if x > 0 else 0
    return chosen(
        "What is the derivative of ReLU at x = {x}?",
        {"x": x},
        slope,
        Message("Left of 0 ReLU is flat, its derivative is 0; right of 0 it is the line y = x, its derivative is 1."),
        [
            (1 - slope, Message("That is the derivative on the other side of 0.")),
            (x, Message("That is x itself. The derivative says how fast the output grows where x grows.")),
            (-1, Message("That is the derivative of the magnitude |x| left of 0.")),
            (0.25, Message("That is the derivative of the sigmoid at 0, its largest.")),
        ],
        rng,
    )


def mean(rng: Random) -> Question:
    mean, lost = rng.randint(1, 4), rng.randint(1, 4)
    first, second = rng.randint(1, 4 * mean - 1), rng.randint(1, 4 * lost - 1)
    values = [first, 4 * mean - first, -second, second - 4 * lost]
    rng.shuffle(values)
    kept = sum(max(0, value) for value in values)
    return typed(
        "Four units hold {values}. What is their mean after ReLU?",
        {"values": comma_separated(values), "kept": kept, "mean": kept // 4},
        kept // 4,
        Message("The two negative ones become 0: {kept} / 4 = {mean}."),
        [
            (sum(values) // 4, Message("That is the mean before ReLU.")),
            (kept // 2, Message("That leaves the zeros out: after ReLU there are still four units.")),
            (kept, Message("That is the sum, not yet divided by the number of units.")),
        ],
    )


def chain(rng: Random) -> Question:
    depth = rng.randint(2, 6)
    return typed(
        "The derivative of the sigmoid is at most 1/4. A gradient passes {depth} sigmoids in a row, all weights "
        "are 1. At best, 1/N of it is left. What is N?",
        {"depth": depth},
        4**depth,
        Message(
            "Each sigmoid multiplies by at most 1/4: N = 4^{depth} = {answer:,}. ReLU would multiply by 1 where it is "
            "active."
        ),
        [
            (4 * depth, Message("That adds the factors up. The chain rule multiplies them.")),
            (2**depth, Message("That takes 1/2, the sigmoid's value at 0. Its derivative there is 1/4.")),
            (1, Message("That is ReLU's: where it is active, nothing is lost.")),
            (4, Message("That is one sigmoid. The gradient passes all of them.")),
        ],
    )
