"""Crops, mirror images, averages of views, and the colour shift."""

from random import Random

from alexnet_viz.quiz.question import PERCENT, Question, comma_separated, in_brackets, typed
from alexnet_viz.words.i18n import Message


def crops(rng: Random) -> Question:
    crop, gap = rng.choice(((224, 32), (224, 16), (28, 4), (24, 8), (64, 6), (96, 4), (32, 9), (48, 7)))
    places = gap + 1
    return typed(
        "Crops of {crop}x{crop} are taken anywhere from {side}x{side} pictures, mirrored or not. How many "
        "different ones does a picture give?",
        {"crop": crop, "side": crop + gap, "places": places},
        2 * places**2,
        Message("{side} - {crop} + 1 = {places} places across and as many down, times 2: {places}² · 2 = {answer:,}."),
        [
            (2 * gap**2, Message("That forgets the + 1, as the paper's 2048 does: there is a place before any shift.")),
            (places**2, Message("That forgets the mirror.")),
            (2 * places, Message("That shifts in one direction only.")),
        ],
    )


def mirror(rng: Random) -> Question:
    width = rng.choice((8, 10, 16, 32, 224))
    column = rng.randrange(width)
    return typed(
        "A picture of {width} columns, numbered from 0, is mirrored left to right. Where does column {column} go?",
        {"width": width, "column": column, "last": width - 1},
        width - 1 - column,
        Message("The last column is {last}: {last} - {column} = {answer}."),
        [
            (width - column, Message("Columns are numbered from 0, so the last one is the width minus 1.")),
            (column, Message("That is where it was.")),
        ],
    )


def average(rng: Random) -> Question:
    mean = rng.randint(30, 70)
    first, second = rng.sample(range(1, 25), 2)
    given = [mean + first, mean - first, mean + second, mean - second]
    rng.shuffle(given)
    return typed(
        "Four crops of a picture give the class cat {values} percent. What does the network answer with all four, "
        "as in the paper?",
        {"values": comma_separated(given), "total": sum(given), "mean": mean},
        mean,
        Message("The mean of the softmax outputs: {total} / 4 = {mean}."),
        [
            (max(given), Message("That is the surest crop alone. The paper takes the mean of all.")),
            (sum(given), Message("That is the sum, not yet divided by the number of crops.")),
            (min(given), Message("That is the least sure crop alone. The paper takes the mean of all.")),
        ],
        unit=PERCENT,
    )


def colour(rng: Random) -> Question:
    red, drawn = rng.choice((5, 6, 7, 8)), rng.choice((-2, -1, 1, 2))  # tenths
    spread = rng.choice((1, 2, 3))  # tenths
    answer = red * drawn * spread / 10
    return typed(
        "Colour augmentation on values from 0 to 1: the first principal component is {red} for red, its "
        "eigenvalue is {spread}. The number drawn for it is {drawn}, those for the other two are 0. How many "
        "hundredths are added to the red of every pixel?",
        {"red": red / 10, "spread": spread / 10, "drawn": drawn / 10},
        answer,
        Message(
            "Component times drawn number times eigenvalue, times 100: {red} · {drawn} · {spread} · 100 = {answer}.",
            drawn=in_brackets(drawn / 10),
        ),
        [
            (drawn * spread, Message("That forgets the component: red gets only its part.")),
            (red * spread, Message("That forgets the number drawn.")),
            (-answer, Message("The sign is that of the number drawn: it is added, not taken away.")),
        ],
    )
