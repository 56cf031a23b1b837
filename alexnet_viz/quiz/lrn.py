"""Which neighbours count, and what a unit is divided by."""

import math
from random import Random

from alexnet_viz.quiz.question import Question, chosen, comma_separated, typed
from alexnet_viz.words.i18n import N_, Message


def neighbours(rng: Random) -> Question:
    size, groups, each = rng.choice((3, 5, 7)), rng.choice((1, 2)), rng.choice((12, 16, 24, 48))
    start = each * rng.randrange(groups)
    channel = start + rng.choice((0, 1, size // 2, each // 2, each - 2, each - 1))
    first, last = _reach(channel, size, start, start + each)
    whole_first, whole_last = _reach(channel, size, 0, groups * each)
    count = last - first + 1
    return typed(
        N_(
            "LRN with n = {size} over {channels} channels, numbered from 0. How many squares are summed for channel "
            "{channel}?"
        )
        if groups == 1
        else N_(
            "LRN with n = {size} over {channels} channels, numbered from 0, each GPU normalising its own {each}. How "
            "many squares are summed for channel {channel}?"
        ),
        {"size": size, "channels": groups * each, "each": each, "channel": channel, "first": first, "last": last},
        count,
        Message("Channels {first} to {last}, its own among them: {count}.", count=count),
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


def squares(rng: Random) -> Question:
    values, size = [rng.randint(1, 6) for _ in range(6)], rng.choice((3, 5))
    channel = rng.randrange(len(values))
    first, last = _reach(channel, size, 0, len(values))
    near = values[first : last + 1]
    answer = sum(value**2 for value in near)
    return typed(
        "At one pixel, channels 0 to 5 hold {values}. LRN with n = {size}: what is the sum of squares for channel "
        "{channel}?",
        {
            "values": comma_separated(values),
            "size": size,
            "channel": channel,
            "first": first,
            "last": last,
            "worked": " + ".join(f"{value}²" for value in near),
        },
        answer,
        Message("Channels {first} to {last}: {worked} = {answer}."),
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


def divided(rng: Random) -> Question:
    divisor = rng.choice(tuple(_LRN_BASES))
    base, per_alpha = _LRN_BASES[divisor], rng.choice((100, 1000))  # alpha = 1 / per_alpha
    squares = (base - _LRN_K) * per_alpha
    times = rng.randint(1, min(9, math.isqrt(squares) // divisor))  # its own square is part of the sum
    value = divisor * times
    return typed(
        "LRN as the paper prints it: b = a / (k + α · S)^β, with n = 5, k = 2, β = 0.75 and here α = {alpha}. The "
        "squares of the five neighbours add up to S = {squares:,}, and a = {value}. What is b?",
        {"alpha": 1 / per_alpha, "squares": squares, "value": value, "base": base, "divisor": divisor},
        times,
        Message("2 + {alpha} · {squares:,} = {base}, and {base}^0.75 = {divisor}: {value} / {divisor} = {answer}."),
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


def alpha(rng: Random) -> Question:
    size, tenthousandths = rng.choice((3, 5, 7, 9)), rng.randint(1, 5)
    alpha = size * tenthousandths / 10_000
    answer = size * size * tenthousandths / 10_000
    return chosen(
        "The paper's printed formula does not divide α by n; nn.LocalResponseNorm does. Which alpha makes "
        "nn.LocalResponseNorm({size}, alpha=...) compute the printed formula with α = {alpha}?",
        {"size": size, "alpha": alpha},
        answer,
        Message("PyTorch divides by n, so n times as much goes in: {size} · {alpha} = {answer}."),
        [
            (alpha, Message("PyTorch would divide that by n: too little.")),
            (tenthousandths / 10_000, Message("That divides by n once more. PyTorch does it already.")),
            (size**3 * tenthousandths / 10_000, Message("That multiplies by n twice.")),
        ],
        rng,
    )
