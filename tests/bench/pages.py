"""What the pages cost the server, measured in this process with Streamlit's own test harness."""

import statistics
import time

from tests.pages.test_classify import open_page

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
