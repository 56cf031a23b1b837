"""The app's server, which tells on SIGUSR1 what it holds: `python -m tools.load.watched run app.py ...`.

It writes one JSON object to the file that the environment names. The numbers are Streamlit's own and those of the
modules in memory, which nobody outside the process can count; looking costs the server a fraction of a second.
"""

import gc
import json
import math
import os
import signal
import sys
from pathlib import Path

from streamlit.runtime.caching.cache_data_api import _data_caches
from streamlit.runtime.caching.cache_resource_api import _resource_caches
from streamlit.web.cli import main

REPORT = "WATCHED_REPORT"


def held() -> dict:
    """Hooks on modules, and caches that hold more than they may, as text; nothing is as it should be."""
    gc.collect()
    kept = [*_data_caches._function_caches.values(), *_resource_caches._function_caches.values()]
    sizes = [(cache.display_name, *_size(cache)) for caches in kept for cache in caches.values()]
    return {
        "hooks": _hooks(),
        "entries": sum(entries for _, entries, _ in sizes),
        "over": [f"{name}: {entries} of {most}" for name, entries, most in sizes if entries > most],
    }


def _size(cache) -> tuple[int, float]:
    """Entries, and how many they may be. A cache without a bound is of a function without arguments."""
    entries = cache._mem_cache if hasattr(cache, "_mem_cache") else cache.storage._mem_cache
    return len(entries), 1 if math.isinf(entries.maxsize) else entries.maxsize


def _hooks() -> int:
    """On all modules that live, views under way included."""
    if "torch" not in sys.modules:
        return 0
    from torch.nn import Module

    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    modules = (one for one in gc.get_objects() if isinstance(one, Module))
    return sum(len(getattr(one, kind)) for one in modules for kind in kinds)


def _tell(*_: object) -> None:
    report = Path(os.environ[REPORT])
    draft = report.with_suffix(".draft")
    draft.write_text(json.dumps(held()))
    draft.replace(report)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _tell)
    sys.exit(main())
