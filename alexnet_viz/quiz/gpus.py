"""What splitting a network in two does to parameters, filters, work and memory."""

from random import Random

from alexnet_viz.network.arithmetic import params_product
from alexnet_viz.network.spec import BYTES_PER_VALUE, Conv
from alexnet_viz.quiz.question import NO_BIAS, Question, chosen, row_of, typed
from alexnet_viz.words.i18n import Message


def params(rng: Random) -> Question:
    inputs, filters, kernel = rng.choice((4, 6, 8, 12)), rng.choice((4, 8, 10, 16)), rng.choice((3, 5))
    grouped = row_of(Conv(filters, kernel, groups=2), (inputs, 16, 16))
    single = row_of(Conv(filters, kernel), (inputs, 16, 16))
    return typed(
        "A {kernel}x{kernel} convolution from {inputs} to {filters} channels runs in two groups, with biases. How "
        "many parameters does it have?",
        {"kernel": kernel, "inputs": inputs, "filters": filters, "worked": params_product(grouped)},
        grouped.params,
        Message("Each filter sees half of the input channels: {worked} = {answer:,}."),
        [
            (single.params, Message("That is one group: every filter would see all input channels.")),
            (grouped.params - filters, NO_BIAS),
            (single.params // 2, Message("That halves the biases too. Every filter keeps its own.")),
            ((single.params - filters) // 4 + filters, Message("That halves twice: the number of filters stays.")),
        ],
    )


def one_filter(rng: Random) -> Question:
    inputs, filters = rng.choice((8, 16, 48, 96, 192)), rng.choice((16, 64, 128, 256, 384))
    number = rng.randrange(filters)
    half = number // (filters // 2)
    halves = [(0, inputs // 2 - 1), (inputs // 2, inputs - 1)]

    def channels(first: int, last: int) -> Message:
        return Message("channels {first} to {last}", first=first, last=last)

    return chosen(
        "A convolution in two groups has {inputs} input channels and {filters} filters, all numbered from 0. Which "
        "input channels does filter {number} see?",
        {
            "inputs": inputs,
            "filters": filters,
            "number": number,
            "first": half * filters // 2,
            "last": (half + 1) * filters // 2 - 1,
            "low": halves[half][0],
            "high": halves[half][1],
        },
        channels(*halves[half]),
        Message("Filters {first} to {last} are on its GPU, and with them one half of the channels: {low} to {high}."),
        [
            (channels(*halves[1 - half]), Message("Those are on the other GPU.")),
            (channels(0, inputs - 1), Message("That is one group, as in conv3. In two groups a filter sees one half.")),
        ],
        rng,
    )


def macs(rng: Random) -> Question:
    inputs, filters, side = rng.choice((4, 8, 12)), rng.choice((4, 8, 16)), rng.choice((5, 10))
    groups = rng.choice((2, 4))
    single = row_of(Conv(filters, 3, padding=1), (inputs, side, side)).macs
    grouped = row_of(Conv(filters, 3, padding=1, groups=groups), (inputs, side, side)).macs
    return typed(
        "A 3x3 convolution with padding 1, from {inputs} to {filters} channels on maps of {side}x{side}, does "
        "{single:,} multiply-accumulates in one group. How many in {groups} groups?",
        {"inputs": inputs, "filters": filters, "side": side, "single": single, "groups": groups},
        grouped,
        Message("Each filter sees 1/{groups} of the input channels: {single:,} / {groups} = {answer:,}."),
        [
            (single, Message("That is one group. In groups each filter multiplies fewer channels.")),
            (single // groups**2, Message("That divides twice: there are still as many filters.")),
            (single * groups, Message("That multiplies. Groups leave connections out.")),
        ],
    )


def memory(rng: Random) -> Question:
    millions = rng.choice((5, 7, 10, 20, 25, 50, 60, 61, 80, 100))
    copies = 3
    return typed(
        "A network has {millions} million parameters in fp32. Training keeps its weights, their gradients and the "
        "momentum. How many megabytes is that (1 MB is a million bytes)?",
        {"millions": millions},
        copies * BYTES_PER_VALUE * millions,
        Message("3 numbers of 4 bytes for each parameter: 3 · 4 · {millions} = {answer:,}."),
        [
            (BYTES_PER_VALUE * millions, Message("Those are the weights alone.")),
            (2 * BYTES_PER_VALUE * millions, Message("That is two of the three: weights, gradients, momentum.")),
            (copies * millions, Message("That counts numbers. In fp32 each has 4 bytes.")),
            (copies * 8 * millions, Message("That is fp64, with 8 bytes a number.")),
        ],
        unit=Message("MB"),
    )
