"""What a visitor who reloads the page, or whose phone has slept, finds again: for an hour, in memory only, bounded.

Streamlit forgets a session with its connection. The browser keeps a random key (frame/returning.py); by it the next
session finds the pictures, the training form and the ownership of runs of the last one.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

HOUR = 3600.0  # seconds
MOST_VISITORS = 500
MOST_BYTES = 512 * 2**20  # of all pictures together


@dataclass(frozen=True)
class Left:
    """What one session left behind."""

    at: float  # seconds, by the clock of `Returns`
    values: Mapping[str, Any]  # of the session state, by key
    size: int  # bytes of its pictures


class Returns:
    """By key of the browser. The ones who left longest ago go first; keys are secrets and are compared whole."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._left: OrderedDict[str, Left] = OrderedDict()
        self._clock = clock
        self._lock = threading.Lock()

    def keep(self, key: str, values: Mapping[str, Any], size: int) -> None:
        """Remember a session's values, instead of those of the same key before. None take no place."""
        with self._lock:
            self._left.pop(key, None)
            if values:
                self._left[key] = Left(self._clock(), dict(values), size)
            self._forget()

    def find(self, key: str) -> Mapping[str, Any]:
        """What was left under the key within the last hour; nothing for any other key."""
        with self._lock:
            self._forget()
            return self._left[key].values if key in self._left else {}

    def _forget(self) -> None:
        oldest = self._clock() - HOUR
        while self._left and (
            next(iter(self._left.values())).at < oldest
            or len(self._left) > MOST_VISITORS
            or sum(left.size for left in self._left.values()) > MOST_BYTES
        ):
            self._left.popitem(last=False)


@st.cache_resource
def returns() -> Returns:
    """One for the server."""
    return Returns()
