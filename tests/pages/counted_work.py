"""Work in two steps that counts how often it was started."""

from collections import Counter

from pages.ui.long_work import Step

STARTED = Counter()


def steps(name: str):
    STARTED[name] += 1
    yield Step(1, 2, f"half of {name}")
    yield f"all of {name}"
