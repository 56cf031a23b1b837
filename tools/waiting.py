"""Waiting for what other processes do: for tests and tools."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], patience: float, every: float = 0.02, problem: str = "waited too long") -> T:
    """Wait for something to come true, so many seconds at most; returns what it is."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(problem)
        time.sleep(every)
    return value
