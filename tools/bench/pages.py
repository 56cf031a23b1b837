"""What the pages cost the server, measured in this process with Streamlit's own test harness."""

from itertools import cycle

from tools.bench.clock import median_ms
from tools.pages import open_page

RERUNS = 30


def warm_rerun() -> float:
    """Milliseconds of one run of the classify page's script with everything cached; the median."""
    app = open_page()
    app.run()
    return median_ms(app.run, RERUNS)


def architecture_edit() -> float:
    """Milliseconds of one edit on the architecture page: a kernel changes, everything is drawn and counted anew."""
    app = open_page("architecture", layer="conv1")

    kernels = cycle((7, 9))

    def edit() -> None:
        next(box for box in app.number_input if box.label == "Kernel").set_value(next(kernels)).run()

    return median_ms(edit, RERUNS)
