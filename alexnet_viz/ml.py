"""Importing torch once, safely, and without slowing the server down afterwards."""

import gc
import importlib
import threading

_HEAVY = ("torch", "safetensors.torch")

_lock = threading.Lock()
_ready = threading.Event()


def ensure_ml() -> None:
    """Import torch; call this before importing any module that needs it from a web session.

    The lock is needed: concurrent first imports of torch deadlock in Python's import system. The freeze too:
    Streamlit collects garbage after every rerun, which with torch's objects costs a quarter of a second
    during which nobody is served; frozen objects are left out of every later collection.
    """
    if _ready.is_set():
        return
    with _lock:
        if _ready.is_set():
            return
        for module in _HEAVY:
            importlib.import_module(module)
        gc.collect()
        gc.freeze()
        _ready.set()


def ml_is_ready() -> bool:
    """Whether torch has been imported by `ensure_ml`."""
    return _ready.is_set()
