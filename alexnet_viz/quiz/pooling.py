"""Sides, winners and overlapping windows."""

from collections.abc import Sequence
from random import Random

from alexnet_viz.network.arithmetic import size_sum
from alexnet_viz.network.spec import Pool
from alexnet_viz.quiz.question import NO_PLUS_ONE, ROUNDED_UP, Question, chosen, place_of, row_of, typed
from alexnet_viz.words.i18n import Message


def side(rng: Random) -> Question:
    kernel, stride = rng.choice(((2, 2), (3, 2), (3, 3), (3, 1), (4, 2)))
    side = rng.randint(9, 32)
    row = row_of(Pool(kernel, stride), (1, side, side))
    answer, rounded_up = row.shape[1], row_of(Pool(kernel, stride), (1, side, side), "ceil").shape[1]
    return typed(
        "Pooling with a {kernel}x{kernel} window and stride {stride} gets a map of {side}x{side}. How wide is its "
        "output in PyTorch?",
        {"kernel": kernel, "stride": stride, "side": side, "worked": size_sum(row, "floor")},
        answer,
        Message("Side minus window, divided by the stride, plus 1: {worked}."),
        [
            (answer - 1, NO_PLUS_ONE),
            (rounded_up, ROUNDED_UP),
            (side // stride, Message("That only divides by the stride. The last windows would reach past the edge.")),
            (side - kernel + 1, Message("That is stride 1.")),
        ],
    )


def winner(rng: Random) -> Question:
    values = rng.sample(range(10, 100), 25)
    grid = tuple(tuple(values[5 * row : 5 * row + 5]) for row in range(5))
    row, column = rng.randrange(2), rng.randrange(2)

    def winner(top: int, left: int, side: int) -> tuple[int, int]:
        places = [(i, j) for i in range(top, top + side) for j in range(left, left + side)]
        return max(places, key=lambda place: grid[place[0]][place[1]])

    down, across = winner(2 * row, 2 * column, 3)
    return chosen(
        "Max pooling, window 3x3, stride 2. Which place wins for the output at row {row}, column {column}? All "
        "numbering starts at 0.",
        {
            "row": row,
            "column": column,
            "top": 2 * row,
            "bottom": 2 * row + 2,
            "left": 2 * column,
            "right": 2 * column + 2,
            "value": grid[down][across],
        },
        place_of(down, across),
        Message(
            "The window covers rows {top} to {bottom} and columns {left} to {right}; its largest value is {value}."
        ),
        [
            (place_of(*winner(0, 0, 5)), Message("That is the largest value of the whole map, outside this window.")),
            (place_of(*winner(2 * row, 2 * column, 2)), Message("That is the winner of a 2x2 window.")),
            (
                place_of(*winner(row, column, 3)),
                Message("That is stride 1: with stride 2 a window starts at every second place."),
            ),
            (place_of(across, down), Message("Row and column are swapped.")),
        ],
        rng,
        grid=grid,
    )


def average(rng: Random) -> Question:
    rows = [[rng.randint(0, 9) for _ in range(4)] for _ in range(4)]
    row, column = rng.randrange(2), rng.randrange(2)
    rows[2 * row + 1][2 * column + 1] += -sum(_window(rows, row, column)) % 4
    window = _window(rows, row, column)
    answer = sum(window) // 4
    return typed(
        "Average pooling, window 2x2, stride 2. What is the output at row {row}, column {column}? Numbering starts "
        "at 0.",
        {"row": row, "column": column, "worked": " + ".join(map(str, window))},
        answer,
        Message("({worked}) / 4 = {answer}."),
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


def windows(rng: Random) -> Question:
    side = rng.choice((7, 9, 11))
    row, column = rng.randrange(side), rng.randrange(side)
    down, across = (sum(start <= at < start + 3 for start in range(0, side - 2, 2)) for at in (row, column))
    return typed(
        "Max pooling, window 3x3, stride 2, on a map of {side}x{side}. How many windows does the pixel at row "
        "{row}, column {column} belong to? Numbering starts at 0.",
        {"side": side, "row": row, "column": column, "down": down, "across": across},
        down * across,
        Message("Windows overlap by one row and one column: {down} down times {across} across are {answer}."),
        [
            (1, Message("That is so without overlap. Here the windows share every second row and column.")),
            (down + across, Message("That adds both directions. Each choice down goes with each across.")),
            (4, Message("That is the most there is: where a shared row meets a shared column, inside the map.")),
            (9, Message("That is how many pixels a window has.")),
        ],
    )
