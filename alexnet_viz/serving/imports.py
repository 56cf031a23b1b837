"""Importing torch and captum once, safely, and without slowing the server down afterwards."""

import gc
import importlib
import os
import threading

from alexnet_viz.files.paths import home_dir

_HEAVY = ("torch", "safetensors.torch", "captum.attr")

_lock = threading.Lock()
_ready = threading.Event()


def ensure_ml() -> None:
    """Import torch and captum; call this before importing any module that needs them from a web session.

    One processor core stays free of torch: with all of them busy neither the server's messages nor a browser on the
    same computer get through, and a long job is over before its Stop button can be pressed.

    The lock is needed: concurrent first imports of torch deadlock in Python's import system. The freeze too:
    Streamlit collects garbage after every rerun, which with torch's objects costs a quarter of a second
    during which nobody is served; frozen objects are left out of every later collection.
    """
    if _ready.is_set():
        return
    with _lock:
        if _ready.is_set():
            return
        keep_caches_at_home()
        for module in _HEAVY:
            importlib.import_module(module)
        importlib.import_module("torch").set_num_threads(max(1, (os.cpu_count() or 1) - 1))
        gc.collect()
        gc.freeze()
        _ready.set()


def keep_caches_at_home() -> None:
    """Captum imports matplotlib, which writes a list of fonts among the user's own files unless it is told where to."""
    os.environ.setdefault("MPLCONFIGDIR", str(home_dir() / "cache" / "matplotlib"))


def ml_is_ready() -> bool:
    """Whether torch has been imported by `ensure_ml`."""
    return _ready.is_set()
