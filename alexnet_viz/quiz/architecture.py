"""Shapes, parameters, work and receptive field of a layer."""

from random import Random

from alexnet_viz.network.arithmetic import params_product, size_sum
from alexnet_viz.network.spec import Conv, Pool, Spec, walk
from alexnet_viz.quiz.question import NO_BIAS, NO_PLUS_ONE, ROUNDED_UP, Question, row_of, typed
from alexnet_viz.words.i18n import Message


def side(rng: Random) -> Question:
    kernel, stride = rng.choice(((3, 1), (3, 2), (5, 1), (5, 2), (5, 3), (7, 2), (11, 4)))
    padding = rng.randint(1, kernel // 2)
    side = rng.randint(6, 24) * stride + kernel - 2 * padding + rng.randrange(stride)
    layer, shape = Conv(1, kernel, stride, padding), (1, side, side)
    row = row_of(layer, shape)
    answer = row.shape[1]
    return typed(
        "A {kernel}x{kernel} convolution with stride {stride} and padding {padding} gets {side}x{side} pixels. How "
        "wide is its output in PyTorch?",
        {"kernel": kernel, "stride": stride, "padding": padding, "side": side, "worked": size_sum(row, "floor")},
        answer,
        Message("Side plus padding on both sides, minus kernel, divided by the stride, plus 1: {worked}."),
        [
            (row_of(Conv(1, kernel, stride), shape).shape[1], Message("That is without the padding.")),
            (
                (side + padding - kernel) // stride + 1,
                Message("That pads one side only. Padding counts on the left and on the right."),
            ),
            (answer - 1, NO_PLUS_ONE),
            (row_of(layer, shape, "ceil").shape[1], ROUNDED_UP),
            (side, Message("The side stays only with stride 1 and a padding of half the kernel.")),
        ],
    )


def params(rng: Random) -> Question:
    inputs, filters, kernel = rng.choice((2, 3, 4, 8)), rng.choice((4, 5, 8, 10, 20)), rng.choice((3, 5))
    row = row_of(Conv(filters, kernel), (inputs, 16, 16))
    return typed(
        "How many parameters does a {kernel}x{kernel} convolution from {inputs} to {filters} channels have, with "
        "biases?",
        {"kernel": kernel, "inputs": inputs, "filters": filters, "worked": params_product(row)},
        row.params,
        Message("Filters x input channels x kernel x kernel, and a bias for each filter: {worked} = {answer:,}."),
        [
            (row.params - filters, NO_BIAS),
            (filters * kernel**2 + filters, Message("That forgets that a filter reaches through all input channels.")),
            (filters * inputs * kernel + filters, Message("That counts the kernel's width only: it is a square.")),
            (inputs * kernel**2 + 1, Message("That is one filter.")),
        ],
    )


def macs(rng: Random) -> Question:
    inputs, filters, side = rng.choice((2, 3, 4)), rng.choice((4, 5, 8, 10)), rng.choice((4, 5, 8, 10))
    row = row_of(Conv(filters, 3, padding=1), (inputs, side, side))
    weights = row.params - filters
    return typed(
        "A 3x3 convolution with stride 1 and padding 1 goes from {inputs} to {filters} channels on maps of "
        "{side}x{side}. How many multiply-accumulates (MACs) is that for one picture?",
        {"inputs": inputs, "filters": filters, "side": side, "weights": weights},
        row.macs,
        Message("Each of its {weights:,} weights is used at each of {side} x {side} places: {answer:,}."),
        [
            (weights, Message("Those are the weights. Each is used at every place of the output.")),
            (row.params, Message("Those are the parameters. Each weight is used at every place of the output.")),
            (row.macs // inputs, Message("That forgets that a filter reaches through all input channels.")),
            (2 * row.macs, Message("Those are FLOPs: a MAC is one multiplication and one addition together.")),
        ],
    )


def field(rng: Random) -> Question:
    first, stride, second = rng.choice((3, 5, 7)), rng.choice((1, 2)), rng.choice((3, 5))
    pool = rng.choice((2, 3))
    rows = walk(Spec((1, 99, 99), (Conv(1, first, stride), Pool(pool, 2), Conv(1, second)))).rows
    answer = rows[-1].receptive_field or 0
    return typed(
        "A {first}x{first} convolution with stride {stride}, then {pool}x{pool} pooling with stride 2, then a "
        "{second}x{second} convolution. How many input pixels wide is the receptive field of one output?",
        {
            "first": first,
            "stride": stride,
            "pool": pool,
            "second": second,
            "a": first - 1,
            "b": pool - 1,
            "c": second - 1,
            "strides": 2 * stride,
        },
        answer,
        Message(
            "Each layer adds kernel minus 1, times all strides before it: 1 + {a} · 1 + {b} · {stride} + {c} · "
            "{strides} = {answer}."
        ),
        [
            (first + pool + second - 2, Message("That is as if all strides were 1.")),
            (second, Message("That is what it sees of the layer before, not of the input.")),
            (first + pool + second, Message("That adds the kernels up. The strides before a layer widen its reach.")),
            (first * pool * second, Message("That multiplies the kernels. Neighbouring windows overlap.")),
        ],
    )
