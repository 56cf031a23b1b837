"""Long work on a page: started by a button, shown step by step, stoppable, and kept when it is done.

It waits in a line of its own, and takes the processor only for one step at a time, so that other visitors' short
questions get in between. Stopping is an ordinary rerun: Streamlit ends the script at its next call, the generator is
closed, and what the last step had reached stays visible.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from alexnet_viz.words.i18n import Translator
from pages.ui import session
from pages.ui.store import results, rules

_RUNNING = "long_work_running"  # session key: the key of the work that this visitor started
_STEP = "long_work_step"  # session key: the latest step of the work that is running
_STOPPED = "long_work_stopped"  # session key: by key of what was stopped, its latest step; the newest last
_DRAWN = "long_work_drawn"  # session key: how often each name was drawn, by the number of the page's run
_MOST_STOPPED = 64


@dataclass(frozen=True)
class LongWork:
    """One piece of long work. `key` holds digests and settings: the same key always ends in the same result."""

    key: Hashable
    start: str  # the button's words
    steps: Callable[[], Iterator[Any]]  # everything but its last item has `done` and `of`
    about: str = ""  # what it takes, said beside the button


@dataclass(frozen=True)
class Step:
    """A step under way, for work whose last step is its result."""

    done: int
    of: int
    reached: Any


def ending_in_the_last(steps: Iterator[Any]) -> Iterator[Any]:
    """Steps with `number` and `of`, as steps of long work; the last one is the result too."""
    step = None
    for step in steps:
        yield Step(step.number, step.of, step)
    yield step


def run(
    t: Translator, work: LongWork, show: Callable[[Any], None] | None = None, *, at_once: bool = False
) -> Any | None:
    """The result, from the store or by running it here; None while it has not been started or was stopped.

    `show(step)` draws a step that is under way. With `at_once` it runs without waiting for the button.
    """
    if (result := results.results().get(work.key)) is not None:
        return result
    name = _name(work.key)
    stopped = st.session_state.setdefault(_STOPPED, {})
    if st.session_state.get(_RUNNING) != work.key and not (at_once and work.key not in stopped):
        st.button(work.start, icon=":material/play_arrow:", on_click=_start, args=(work.key,), key=f"{name}_start")
        if work.about:
            st.caption(work.about)
        if show and (step := stopped.get(work.key)) is not None:
            st.caption(t("Stopped after step {done} of {of}.", done=step.done, of=step.of))
            show(step)
        return None
    return _under_way(t, work, show, name)


def _name(key: Hashable) -> str:
    """What the widgets of this work are named by: the same work may stand on a page twice."""
    run = session.run_number()
    number, drawn = st.session_state.get(_DRAWN, (run, {}))
    if number != run:
        drawn = {}
    drawn[key] = drawn.get(key, 0) + 1
    st.session_state[_DRAWN] = (run, drawn)
    again = f"_{drawn[key]}" if drawn[key] > 1 else ""
    return f"job_{abs(hash(key))}{again}"


def _start(key: Hashable) -> None:
    st.session_state[_RUNNING] = key
    st.session_state[_STOPPED].pop(key, None)


def _stop(key: Hashable) -> None:
    """It stays stopped, whatever else is started and finished meanwhile, until its own button starts it again."""
    st.session_state.pop(_RUNNING, None)
    stopped = st.session_state[_STOPPED]
    stopped[key] = st.session_state.pop(_STEP, None)
    while len(stopped) > _MOST_STOPPED:
        stopped.pop(next(iter(stopped)))


def _under_way(t: Translator, work: LongWork, show: Callable[[Any], None] | None, name: str) -> Any:
    place, steps = st.empty(), work.steps()
    try:
        step = _next(steps)
        if hasattr(step, "done"):  # it is long; what ends with its first step shows nothing and waits for nobody
            with place.container():
                bar = st.progress(0.0)
                stop = f"{name}_stop"
                st.button(t("Stop"), icon=":material/stop:", on_click=_stop, args=(work.key,), key=stop)
                picture = st.empty()
            with results.long_line().turn(lambda ahead: bar.progress(0.0, t("{count} ahead of you", count=ahead))):
                while hasattr(step, "done"):
                    st.session_state[_STEP] = step
                    bar.progress(step.done / step.of, t("Step {done} of {of}", done=step.done, of=step.of))
                    if show:
                        with picture.container():
                            show(step)
                    step = _next(steps)
    except Exception:
        st.session_state.pop(_RUNNING, None)  # what fails once is not tried again at every rerun
        raise
    finally:
        steps.close()
    results.results().put(work.key, step)
    for key in (_RUNNING, _STEP):
        st.session_state.pop(key, None)
    st.session_state[_STOPPED].pop(work.key, None)
    place.empty()
    return step


def _next(steps: Iterator[Any]) -> Any:
    with rules.line().turn():
        return next(steps)
