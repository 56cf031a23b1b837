"""What long jobs ended in, kept for everybody who asks the same; and the line in which long jobs wait."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

import streamlit as st

from alexnet_viz.serving.turns import TicketLine


class Results:
    """Results by key. The least recently asked for goes first. Holds nothing of one visitor only: keys are digests,
    and whoever has the same picture and weights gets the same result."""

    def __init__(self, most: int) -> None:
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, result: Any) -> None:
        with self._lock:
            self._kept[key] = result
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


@st.cache_resource
def results() -> Results:
    """The store of long jobs' results: pictures and small arrays, at most about half a megabyte each."""
    return Results(most=256)


@st.cache_resource
def long_line() -> TicketLine:
    """The queue of long jobs. The one whose turn it is still takes a turn of the short line for each of its steps."""
    return TicketLine()
