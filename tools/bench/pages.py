"""What the pages cost the server, measured in this process with Streamlit's own test harness."""

import statistics
import time
from collections.abc import Callable

from tools.pages import open_page

RERUNS = 30


def warm_rerun() -> float:
    """Milliseconds of one run of the classify page's script with everything cached; the median."""
    app = open_page()
    app.run()
    return _median(lambda turn: app.run())


def architecture_edit() -> float:
    """Milliseconds of one edit on the architecture page: a kernel changes, everything is drawn and counted anew."""
    app = open_page("architecture", layer="conv1")

    def edit(turn: int) -> None:
        next(box for box in app.number_input if box.label == "Kernel").set_value(7 + 2 * (turn % 2)).run()

    return _median(edit)


def _median(act: Callable[[int], object]) -> float:
    times = []
    for turn in range(RERUNS):
        started = time.perf_counter()
        act(turn)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)
