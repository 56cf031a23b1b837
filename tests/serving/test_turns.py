"""The line for the processor: first come, first served, and nobody's place is ever left behind."""

import itertools
import threading
import time

import pytest

from alexnet_viz.serving.turns import Places, TicketLine

PATIENCE = 10  # seconds; a test that waits longer has failed


class Stopped(BaseException):
    """What Streamlit raises to stop a script is no Exception."""


class Visitor(threading.Thread):
    """Someone who takes a turn; works until told to leave."""

    def __init__(self, turn, **kwargs):
        super().__init__(daemon=True)
        self.turn, self.kwargs = turn, kwargs
        self.working, self.leave = threading.Event(), threading.Event()
        self.error = None
        self.start()

    def run(self):
        try:
            with self.turn(**self.kwargs):
                self.working.set()
                assert self.leave.wait(PATIENCE)
        except BaseException as error:
            self.error = error

    def go(self):
        self.leave.set()
        self.join(PATIENCE)
        assert not self.is_alive()


@pytest.fixture
def line():
    made = TicketLine()
    yield made
    assert len(made) == 0, "nobody's place is left behind"


def comes(line, **kwargs):
    """One more visitor, once in the line."""
    count = len(line)
    visitor = Visitor(line.turn, **kwargs)
    until(lambda: len(line) == count + 1)
    return visitor


def lined_up(line, count):
    """`count` visitors of whom the first works."""
    visitors = [comes(line) for _ in range(count)]
    assert visitors[0].working.wait(PATIENCE)
    return visitors


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_an_empty_line_does_not_make_anyone_wait(line):
    waits = []
    with line.turn(on_wait=waits.append):
        assert len(line) == 1
    assert waits == []


def test_first_come_first_served_with_eight_threads(line):
    visitors = lined_up(line, 8)
    for at, visitor in enumerate(visitors):
        assert visitor.working.wait(PATIENCE)
        assert not any(later.working.is_set() for later in visitors[at + 1 :])
        visitor.go()


def test_eight_threads_work_one_at_a_time(line):
    inside, most, turns = [], [], []

    def work(name):
        for _ in range(25):
            with line.turn(on_wait=lambda ahead: None, every=0.001):
                inside.append(name)
                most.append(len(inside))
                time.sleep(0.0002)
                inside.remove(name)
                turns.append(name)

    threads = [threading.Thread(target=work, args=(name,), daemon=True) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert set(most) == {1}
    assert sorted(turns) == sorted(list(range(8)) * 25)


def test_on_wait_says_how_many_are_ahead_every_so_often(line):
    waits, times = [], []
    first, second = lined_up(line, 2)
    third = comes(line, on_wait=lambda ahead: (waits.append(ahead), times.append(time.monotonic())), every=0.05)
    until(lambda: len(waits) >= 3)
    assert set(waits) == {2}
    assert all(later - earlier >= 0.045 for earlier, later in itertools.pairwise(times))
    first.go()
    until(lambda: waits[-1] == 1)
    second.go()
    assert third.working.wait(PATIENCE)
    assert waits == sorted(waits, reverse=True)
    assert set(waits) == {2, 1}
    third.go()


def test_on_wait_is_called_outside_the_lock(line):
    """A slow or chatty page must not hold up people who come or go."""
    (first,) = lined_up(line, 1)
    called, release = threading.Event(), threading.Event()

    def hold(ahead):
        called.set()
        assert release.wait(PATIENCE)

    second = comes(line, on_wait=hold, every=0.001)
    assert called.wait(PATIENCE)
    third = comes(line)
    first.go()
    assert len(line) == 2
    release.set()
    second.go()
    third.go()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Stopped])
def test_an_error_at_work_lets_the_next_one_in(line, error):
    def work():
        with line.turn():
            raise error("at work")

    with pytest.raises(error, match="at work"):
        work()
    assert len(line) == 0
    with line.turn():
        assert len(line) == 1


@pytest.mark.parametrize("error", [ValueError, Stopped])
def test_an_error_in_on_wait_gives_up_the_place_and_moves_the_others_up(line, error):
    (first,) = lined_up(line, 1)
    waits, give_up = [], threading.Event()

    def may_stop(ahead):
        if give_up.is_set():
            raise error(ahead)

    second = comes(line, on_wait=may_stop, every=0.005)
    third = comes(line, on_wait=waits.append, every=0.005)
    until(lambda: 2 in waits)
    give_up.set()
    second.join(PATIENCE)
    assert isinstance(second.error, error)
    assert not second.working.is_set()
    until(lambda: waits[-1] == 1)
    first.go()
    assert third.working.wait(PATIENCE)
    third.go()


def test_someone_who_gives_up_wakes_nobody_in_vain(line):
    """Sleepers who were woken too early must still be woken when it is their turn."""
    give_up = threading.Event()

    def may_stop(ahead):
        if give_up.is_set():
            raise Stopped

    first, second = lined_up(line, 2)
    third = comes(line, on_wait=may_stop, every=0.005)
    fourth = comes(line)
    time.sleep(0.05)  # so that all are asleep
    give_up.set()
    third.join(PATIENCE)
    time.sleep(0.05)
    for leaving, entering in ((first, second), (second, fourth)):
        leaving.go()
        assert entering.working.wait(2)
    fourth.go()


def test_two_lines_know_nothing_of_each_other(line):
    other = TicketLine()
    with line.turn(), other.turn():
        assert (len(line), len(other)) == (1, 1)


# ---- Places ---------------------------------------------------------------------------------------------------------


def test_so_many_work_at_once_and_one_who_goes_lets_the_next_in():
    places = Places(2, patience=PATIENCE)
    first, second = Visitor(places.place), Visitor(places.place)
    assert first.working.wait(PATIENCE)
    assert second.working.wait(PATIENCE)
    third = Visitor(places.place)
    assert not third.working.wait(0.05)
    first.go()
    assert third.working.wait(PATIENCE)
    second.go()
    third.go()


def test_who_has_waited_long_enough_goes_in_and_takes_nobodys_place():
    places = Places(1, patience=0.01)
    first = Visitor(places.place)
    assert first.working.wait(PATIENCE)
    second = Visitor(places.place)
    assert second.working.wait(PATIENCE), "although the first still works"
    second.go()
    assert free(places) == 0, "the first has it still"
    first.go()
    assert free(places) == 1


def test_a_place_is_given_back_once_however_often_it_is_left():
    places = Places(2, patience=PATIENCE)
    places.leave()  # by somebody who has none
    with places.place():
        assert free(places) == 1
        places.leave()
        places.leave()
        assert free(places) == 2
    assert free(places) == 2


@pytest.mark.parametrize("error", [ValueError, Stopped])
def test_an_error_gives_the_place_back(error):
    places = Places(1, patience=PATIENCE)
    with pytest.raises(error), places.place():
        raise error
    assert free(places) == 1


def free(places) -> int:
    """How many more could come in now."""
    count = 0
    while places._free.acquire(blocking=False):
        count += 1
    for _ in range(count):
        places._free.release()
    return count
