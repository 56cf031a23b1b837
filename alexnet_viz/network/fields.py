"""Which input pixels a value in a network depends on: receptive fields as rectangles. Whole numbers, no torch.

    visible_box(spec, "conv2", row=0, column=0)  # Box(top=0, left=0, bottom=35, right=35), real pixels only

Box of a window: output i of a layer reads inputs from i * stride - padding on, `kernel` of them. Both rounding rules
agree on that. They differ in how many windows there are and in what lies past the right and bottom edge.
"""

from collections.abc import Sequence
from typing import NamedTuple

from alexnet_viz.errors import UserError
from alexnet_viz.network.spec import Conv, Pool, Row, Shape, Spec, walk


class Box(NamedTuple):
    """A half-open rectangle, rows before columns: pixels from (top, left) up to, not including, (bottom, right)."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def clipped(self, height: int, width: int) -> "Box":
        """The part of it inside a map of this size; height or width is 0 if nothing is."""
        return Box(
            min(max(self.top, 0), height),
            min(max(self.left, 0), width),
            min(max(self.bottom, 0), height),
            min(max(self.right, 0), width),
        )


def window_box(layer: Conv | Pool, row: int, column: int) -> Box:
    """What one output reads in the map that arrives at its own layer; it may reach into the padding and past edges."""
    top, left = row * layer.stride - layer.padding, column * layer.stride - layer.padding
    return Box(top, left, top + layer.kernel, left + layer.kernel)


def visible_box(spec: Spec, layer_name: str, row: int = 0, column: int = 0) -> Box | None:
    """The smallest rectangle with every real pixel that one output depends on; None if it sees padding alone.

    Often smaller than the clipped receptive field: pixels that an earlier layer drops (224 / 11 / 4 under the floor
    rule leaves the last column unread) are in no field, even where padding later on makes it reach over them. From
    adaptive pooling, Flatten or a fully connected layer on it is the whole input. Raises `UserError` for a layer or
    position that does not exist.
    """
    rows = walk(spec).rows
    names = [walked.name for walked in rows]
    check_layer(layer_name, names)
    rows = rows[: names.index(layer_name) + 1]
    check_position(layer_name, rows[-1].shape, row, column)
    if rows[-1].receptive_field is None:
        return Box(0, 0, *spec.input[1:])
    down, across = _seen(rows, 1, row), _seen(rows, 2, column)
    if not down or not across:
        return None
    return Box(min(down), min(across), max(down) + 1, max(across) + 1)


def check_layer(layer_name: str, known: Sequence[str]) -> None:
    """Raises `UserError` with the names that there are."""
    if layer_name not in known:
        raise UserError("There is no layer named {name}. Layers: {known}.", name=layer_name, known=", ".join(known))


def check_channel(layer_name: str, shape: Shape, channel: int) -> None:
    """Raises `UserError` with the channels, or the units of a vector (N,), that there are."""
    if 0 <= channel < shape[0]:
        return
    last = shape[0] - 1
    if len(shape) == 1:
        raise UserError(
            "{layer} has no unit {unit}. Its units go from 0 to {last}.", layer=layer_name, unit=channel, last=last
        )
    raise UserError(
        "{layer} has no channel {channel}. Its channels go from 0 to {last}.",
        layer=layer_name,
        channel=channel,
        last=last,
    )


def check_position(layer_name: str, shape: Shape, row: int, column: int) -> None:
    """Raises `UserError` with the legal rows and columns. A vector (N,) counts as N maps of one pixel."""
    height, width = shape[1:] if len(shape) == 3 else (1, 1)
    if not (0 <= row < height and 0 <= column < width):
        raise UserError(
            "{layer} has nothing at row {row}, column {column}. "
            "Its rows go from 0 to {last_row}, its columns from 0 to {last_column}.",
            layer=layer_name,
            row=row,
            column=column,
            last_row=height - 1,
            last_column=width - 1,
        )


def _seen(rows: Sequence[Row], axis: int, position: int) -> set[int]:
    """The input rows (axis 1) or columns (axis 2) that a position depends on. Positions, not an interval: a stride
    above the kernel leaves gaps, and padding falls away at each layer, not only at the input."""
    seen = {position}
    for passed in reversed(rows):
        layer = passed.layer
        if isinstance(layer, Conv | Pool):
            starts = [at * layer.stride - layer.padding for at in seen]
            end = passed.input[axis]
            seen = {i for start in starts for i in range(max(start, 0), min(start + layer.kernel, end))}
    return seen
