"""How everything is cached: keyed by what it is about, computed in turn, bounded, and of no single visitor.

A model counts by its id and its weights' digest, a picture by its bytes' digest, a file by its path and the time of
its last change. Models are shared and never changed; what is kept of a picture are plain arrays and encoded bytes.
Streamlit's caches are used in this folder and in the pages' own cached.py, nowhere else.
"""

import inspect
import sys
import threading
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import streamlit as st

from alexnet_viz.serving.imports import ensure_ml
from alexnet_viz.serving.no_delay import set_no_delay
from alexnet_viz.serving.turns import Places, TicketLine
from pages.ui.server import VisibleLine
from pages.ui.session import Picture

_AT_ONCE = 2  # pages that are written at a time: while one waits for the disk, another goes on
_PATIENCE = 0.5  # seconds
_SWITCH_INTERVAL = 0.02  # seconds; a change of threads is dear on some machines, and few wait for one
_WARM_UP_DELAY = 1.5  # seconds: the browser is still fetching the page's own files

_HASHES = {
    "alexnet_viz.network.weights.Model": lambda model: (model.entry.id, model.digest),
    Picture: lambda picture: picture.digest,
    type(Path()): lambda path: (str(path), path.stat().st_mtime_ns),
}
keep = partial(st.cache_data, show_spinner=False, hash_funcs=_HASHES)  # a copy for everybody who asks
keep_shared = partial(st.cache_resource, show_spinner=False, hash_funcs=_HASHES)  # the same object, never to be changed


def computed(
    max_entries: int, *, given: Callable[..., Any] | None = None, shared: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator: keep what a function computes with torch, which is imported first, in a turn of the line.

    `given(model, picture)`, itself a cached function, is called with the first two arguments before the turn; the
    function gets its result as an argument before all others. So nobody waits for another's result during a turn of
    their own, while that other one waits for the turn.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def compute(*args: Any, **kwargs: Any) -> Any:
            ensure_ml()
            basis = (given(*args[:2]),) if given else ()
            with line().turn():
                return function(*basis, *args, **kwargs)

        signature = inspect.signature(function)
        parameters = list(signature.parameters.values())[1 if given else 0 :]
        compute.__signature__ = signature.replace(parameters=parameters)  # Streamlit names the cache's keys by it
        return (keep_shared if shared else keep)(max_entries=max_entries)(compute)

    return decorate


@st.cache_resource
def line() -> TicketLine:
    """The queue for the processor; it holds no visitor's data. Who waits in it longer than a moment is told."""
    return VisibleLine(places())


@st.cache_resource
def places() -> Places:
    """Where the scripts of all visitors run, few at once. Whoever waits for the processor gives the place back."""
    return Places(_AT_ONCE, _PATIENCE)


@st.cache_resource
def answer_at_once() -> None:
    """Once per server, before its first page: no answer waits in the kernel, see `set_no_delay`."""
    set_no_delay()


@st.cache_resource
def warm_up() -> None:
    """Once per server: import torch a moment after the first page went out, and let threads take longer turns."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    timer = threading.Timer(_WARM_UP_DELAY, ensure_ml)
    timer.daemon = True
    timer.start()
