"""What the pages cost the server, measured in this process with Streamlit's own test harness."""

import statistics
import time

from tools.pages import open_page

RERUNS = 30


def warm_rerun() -> float:
    """Milliseconds of one run of the classify page's script with everything cached; the median."""
    app = open_page()
    app.run()
    times = []
    for _ in range(RERUNS):
        started = time.perf_counter()
        app.run()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def architecture_edit() -> float:
    """Milliseconds of one edit on the architecture page: a kernel changes, everything is drawn and counted anew."""
    app = open_page("architecture", layer="conv1")
    times = []
    for i in range(RERUNS):
        kernel = next(box for box in app.number_input if box.label == "Kernel")
        started = time.perf_counter()
        kernel.set_value(7 + 2 * (i % 2)).run()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)
