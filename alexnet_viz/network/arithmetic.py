"""The sums behind a walked network's numbers, written out, and whether it can be run here."""

from math import prod

from alexnet_viz.errors import UserError
from alexnet_viz.network.spec import (
    BYTES_PER_VALUE,
    LRN,
    Activation,
    AdaptivePool,
    BatchNorm,
    Conv,
    Dropout,
    Linear,
    Pool,
    Rounding,
    Row,
    Walk,
)

# Of an edited network that is run on a picture; a link can name one of 16 billion weights. AlexNet: 0.3 GB, 1 billion.
MOST_BYTES = 2**30  # weights and every layer's output
MOST_OPERATIONS = 20 * 10**9  # seconds on one core


def settings(row: Row) -> str:
    """A layer's settings as people write them: "11x11, 96, s4, p0"."""
    match row.layer:
        case Conv(channels, kernel, stride, padding, groups):
            grouped = f", g{groups}" if groups > 1 else ""
            return f"{kernel}x{kernel}, {channels}, s{stride}, p{padding}{grouped}"
        case Pool(kernel, stride, padding, mode):
            return f"{mode} {kernel}x{kernel}, s{stride}" + (f", p{padding}" if padding else "")
        case AdaptivePool(size):
            return f"avg -> {size}x{size}"
        case LRN(size, alpha, beta, k, groups):
            grouped = f", g{groups}" if groups > 1 else ""
            return f"n={size}, k={k:g}, alpha={alpha:g}, beta={beta:g}{grouped}"
        case Activation(function):
            return function
        case Dropout(rate):
            return f"p={rate:g}"
        case Linear(inputs, outputs):
            return f"{inputs:,} -> {outputs:,}"
        case _:
            return ""


def shape_text(shape: tuple[int, ...]) -> str:
    """ "96 x 55 x 55"."""
    return " x ".join(map(str, shape))


def size_sum(row: Row, rounding: Rounding) -> str:
    """The output side worked out: "(227 - 11) / 4 + 1 = 55"; "" where the layer changes no side."""
    layer = row.layer
    if not isinstance(layer, Conv | Pool):
        return ""
    # The ceil rule pads a pool on the left and top only.
    times = 1 if isinstance(layer, Pool) and rounding == "ceil" else 2
    padding = (f" + {layer.padding}" if times == 1 else f" + 2 * {layer.padding}") if layer.padding else ""
    side, room = row.input[1], row.input[1] + times * layer.padding - layer.kernel
    fraction = f"({side}{padding} - {layer.kernel}) / {layer.stride}"
    if room % layer.stride:
        fraction = f"{rounding}({fraction})"
    return f"{fraction} + 1 = {row.shape[1]}"


def params_product(row: Row) -> str:
    """The parameters as a product: "96 x 3 x 11 x 11 + 96"; "" where there are none."""
    match row.layer:
        case Conv(channels, kernel, _, _, groups):
            return f"{channels} x {row.input[0] // groups} x {kernel} x {kernel} + {channels}"
        case Linear(inputs, outputs):
            return f"{inputs:,} x {outputs:,} + {outputs:,}"
        case BatchNorm():
            return f"2 x {row.input[0]}"
        case _:
            return ""


def check_runnable(walked: Walk) -> None:
    """Raise `UserError` for a network whose run on one picture takes too much memory or time."""
    size = BYTES_PER_VALUE * walked.params + sum(row.memory for row in walked.rows)
    operations = sum(map(_operations, walked.rows))
    if size > MOST_BYTES or operations > MOST_OPERATIONS:
        raise UserError(
            "This network is too large to be run here: a picture takes {megabytes:,} MB and {operations:,} million "
            "operations; at most {most_megabytes:,} MB and {most_operations:,} million are used. "
            "Make the input or the layers smaller.",
            megabytes=size // 2**20,
            operations=operations // 10**6,
            most_megabytes=MOST_BYTES // 2**20,
            most_operations=MOST_OPERATIONS // 10**6,
        )


def _operations(row: Row) -> int:
    """About how many; MACs where there are weights."""
    match row.layer:
        case Pool(kernel):
            return prod(row.shape) * kernel**2
        case LRN(size):
            return prod(row.shape) * size
        case _:
            return max(row.macs, prod(row.shape))
