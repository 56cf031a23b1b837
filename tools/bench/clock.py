"""How long something takes, and two things side by side: what counts are ratios measured in one run."""

import statistics
import time
from collections.abc import Callable


def seconds(act: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    act()
    return clock() - started


def median_ms(act: Callable[[], object], times: int) -> float:
    """Milliseconds of one act, the median."""
    return 1000 * statistics.median(seconds(act) for _ in range(times))


def in_turns(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The median of each measure, taken in turns."""
    figures = [[measure() for measure in measures] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*figures, strict=True)]
