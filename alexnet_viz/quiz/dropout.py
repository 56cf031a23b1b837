"""What is kept, what testing scales, how many networks that is."""

from random import Random

from alexnet_viz.quiz.question import Question, typed
from alexnet_viz.words.i18n import Message

_RATES = (20, 25, 75, 80)  # percent; at 50, dropping and keeping could not be told apart


def kept(rng: Random) -> Question:
    units, rate = rng.choice((20, 40, 60, 80, 100, 200, 400)), rng.choice(_RATES)
    kept = units * (100 - rate) // 100
    return typed(
        "A layer of {units} units is trained with a dropout rate of {rate}. How many units take part in a step, "
        "on average?",
        {"units": units, "rate": rate / 100, "kept": kept},
        kept,
        Message("{units} · (1 - {rate}) = {kept}: the rate is the probability to be set to 0."),
        [
            (units - kept, Message("Those are the units that are set to 0.")),
            (units, Message("All of them take part in testing only.")),
            (units // 2, Message("That would be a rate of 0.5, the paper's.")),
        ],
    )


def tested(rng: Random) -> Question:
    value, rate = rng.choice((60, 120, 180, 240)), rng.choice(_RATES)
    answer = value * (100 - rate) // 100
    return typed(
        "Dropout as in the paper: in training nothing is scaled. The rate is {rate}. In testing a unit computes "
        "{value}. What is handed on?",
        {"rate": rate / 100, "value": value},
        answer,
        Message(
            "In testing all units are there, so each is multiplied by the probability to be kept: {value} · "
            "(1 - {rate}) = {answer}."
        ),
        [
            (value, Message("That is what PyTorch hands on: it has scaled in training already. The paper has not.")),
            (value * rate // 100, Message("That multiplies by the rate. It is the probability to be set to 0.")),
            (value * 100 // (100 - rate), Message("That divides. Dividing is PyTorch's way, and in training.")),
        ],
    )


def trained(rng: Random) -> Question:
    value, rate = rng.choice((60, 120, 180, 240)), rng.choice(_RATES)
    answer = value * 100 // (100 - rate)
    return typed(
        "nn.Dropout({rate}) in training: a unit computes {value} and is not dropped. What is handed on?",
        {"rate": rate / 100, "value": value},
        answer,
        Message(
            "PyTorch divides what is kept by the probability to be kept, so that the mean stays the same: {value} / "
            "(1 - {rate}) = {answer:,}."
        ),
        [
            (value, Message("That is the paper's way: nothing is scaled in training, but in testing.")),
            (value * (100 - rate) // 100, Message("That multiplies, as the paper does in testing.")),
            (value * 100 // rate, Message("That divides by the rate. It is the probability to be set to 0.")),
        ],
    )


def networks(rng: Random) -> Question:
    units = rng.randint(3, 9)
    return typed(
        "Dropout acts on {units} units. How many different networks can it draw? The one without any of them "
        "counts too.",
        {"units": units},
        2**units,
        Message("Each unit is there or not, whatever the others do: 2^{units} = {answer}."),
        [
            (2 * units, Message("That adds two for each unit. The choices multiply.")),
            (units**2, Message("That is the square. Each unit doubles the number of networks.")),
            (units, Message("That counts the units. Any set of them can be missing.")),
        ],
    )
