"""What later networks changed."""

from random import Random

from alexnet_viz.network.arithmetic import params_product
from alexnet_viz.network.comparison import comparison
from alexnet_viz.network.spec import Conv, Linear
from alexnet_viz.quiz.question import NO_BIAS, Question, chosen, row_of, typed
from alexnet_viz.words.i18n import N_, Message


def linear(rng: Random) -> Question:
    channels, side, outputs = rng.choice((4, 8, 16)), rng.choice((2, 3, 4, 5)), rng.choice((5, 10, 20))
    row = row_of(Linear(channels * side**2, outputs), (channels * side**2,))
    return typed(
        "{channels} maps of {side}x{side} are flattened into a fully connected layer of {outputs} units, with "
        "biases. How many parameters does it have?",
        {
            "channels": channels,
            "side": side,
            "outputs": outputs,
            "inputs": channels * side**2,
            "worked": params_product(row),
        },
        row.params,
        Message("{channels} x {side} x {side} = {inputs} values arrive: {worked} = {answer:,}."),
        [
            (row.params - outputs, NO_BIAS),
            (channels * outputs + outputs, Message("That takes a map for one value. Each of its pixels arrives.")),
            (side**2 * outputs + outputs, Message("That is one map. All of them arrive.")),
        ],
    )


def reuse(rng: Random) -> Question:
    filters, side, inputs = rng.choice((4, 8, 16)), rng.choice((6, 7, 13, 20, 27)), rng.choice((2, 3, 4))
    row = row_of(Conv(filters, 3, padding=1), (inputs, side, side))
    answer = row.macs // (row.params - filters)
    return typed(
        "A convolution has {filters} filters and an output of {side}x{side}. How often is each of its weights used "
        "for one picture?",
        {"filters": filters, "side": side},
        answer,
        Message("Once at each place of the output: {side} x {side} = {answer}."),
        [
            (1, Message("That is a fully connected layer. A convolution uses its weights again at each place.")),
            (side, Message("That is one row of places. The filter slides down as well.")),
            (answer * filters, Message("That counts all filters. A weight belongs to one of them.")),
        ],
    )


# Which property: the question, and how much a network has of it.
_MOST: tuple[tuple[str, str], ...] = (
    (N_("Which of these networks has the most parameters?"), "params"),
    (N_("Which of these networks does the most multiply-accumulates (MACs) for one picture?"), "macs"),
    (N_("Which of these networks has the most parameters in its convolutions?"), "conv_params"),
)


def most(rng: Random) -> Question:
    text, what = rng.choice(_MOST)
    counts = {row.title: int(getattr(row, what)) for row in rng.sample(comparison(), 3)}
    most = max(counts, key=counts.__getitem__)
    listed = [Message("{name}: {count:,}", name=Message(title), count=count) for title, count in counts.items()]
    return chosen(
        text,
        {"one": listed[0], "two": listed[1], "three": listed[2]},
        Message(most),
        Message("{one}; {two}; {three}."),
        [
            (
                Message(title),
                Message("It has {count:,}; {name} has {most:,}.", count=count, name=Message(most), most=counts[most]),
            )
            for title, count in counts.items()
        ],
        rng,
    )


def shortcut(rng: Random) -> Question:
    arrives, made = rng.randint(1, 6), rng.choice((-8, -5, -4, -3, -2, -1, 1, 2, 3, 4))
    answer = max(0, made + arrives)
    return typed(
        "A block of ResNet gets {arrives}; its convolutions make {made} of that. Its shortcut and a ReLU follow. "
        "What comes out?",
        {"arrives": arrives, "made": made},
        answer,
        Message("The shortcut adds what arrived: max(0, {made} + {arrives}) = {answer}."),
        [
            (max(0, made), Message("That forgets the shortcut, which adds what arrived.")),
            (made + arrives, Message("That is the sum before ReLU: ReLU turns what is negative into 0.")),
            (made * arrives, Message("That multiplies. A shortcut adds.")),
            (arrives, Message("That is the shortcut alone.")),
        ],
    )
