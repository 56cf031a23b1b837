"""A first-come-first-served line for the processor, so a classroom queues instead of thrashing it.

    line = TicketLine()
    with line.turn(on_wait=lambda ahead: print(f"{ahead} ahead of you")):
        ...compute...

    places = Places(2, patience=0.5)
    with places.place():
        ...write a page, of which few are written at once...

Both are made once for the server (pages/ui/store/rules.py) and hold no visitor's data.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class TicketLine:
    """Lets one caller at a time work, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[object] = deque()  # the first one is working
        self._moved = threading.Condition()

    def __len__(self) -> int:
        """How many are working or waiting."""
        return len(self._waiting)

    @contextmanager
    def turn(self, on_wait: Callable[[int], None] | None = None, every: float = 0.25) -> Iterator[None]:
        """Wait for one's turn, work, and let the next one in.

        `on_wait(ahead)` is called every `every` seconds while waiting, outside the lock. It may raise, also a
        BaseException as Streamlit does to stop a script: the place in the line is given up in every case.
        """
        ticket = object()
        with self._moved:
            self._waiting.append(ticket)
        try:
            while ahead := self._ahead(ticket, every if on_wait else None):
                if on_wait:
                    on_wait(ahead)
            yield
        finally:
            with self._moved:
                self._waiting.remove(ticket)
                self._moved.notify_all()

    def _ahead(self, ticket: object, timeout: float | None) -> int:
        """How many are before this ticket, after waiting at most `timeout` seconds for that to become none."""
        with self._moved:
            self._moved.wait_for(lambda: self._waiting[0] is ticket, timeout)
            return self._waiting.index(ticket)


class Places:
    """Lets few threads at a time work. It is a courtesy, not a lock: who has waited long enough goes in all the same.

    Python runs one thread at a time. Thirty that all want to go on hand it to one another thousands of times a second,
    pay for every change, and all of them end late; a few at a time end one after another, and the mean is earlier.
    """

    def __init__(self, count: int, patience: float) -> None:
        """`patience` is in seconds."""
        self._free = threading.Semaphore(count)
        self._patience = patience
        self._mine = threading.local()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place, but not for ever, and work."""
        self._mine.taken = self._free.acquire(timeout=self._patience)
        try:
            yield
        finally:
            self.leave()

    def leave(self) -> None:
        """Give this thread's place back before its time, if it has one: it is going to wait for something else."""
        if getattr(self._mine, "taken", False):
            self._mine.taken = False
            self._free.release()
