"""`make load` itself: a small load against a real server, and the table made of it."""

import pytest

from tools.load.__main__ import Outcome, Taken, load, percentile, table
from tools.load.actions import ACTIONS, BARS
from tools.machine import Sample


def outcome(taken, problems=()):
    return Outcome(list(taken), [Sample(1.0, 0.5, 700.0), Sample(2.0, 1.5, 710.0)], 0.1, list(problems))


def quick(seconds=0.1, error=""):
    return [Taken(action, seconds, error) for action in ACTIONS]


@pytest.mark.slow
def test_two_visitors_do_without_errors_what_they_came_for():
    done = load(2, 4, every=0.3)
    assert not [one.error for one in done.taken if one.error]
    assert len({one.action for one in done.taken}) > 3
    assert not done.problems
    lines, _ = table(done)
    for entry in ACTIONS.values():
        assert sum(line.startswith(f"  {entry.title} ") for line in lines) == 1
    for bar in BARS.values():
        assert sum(line.startswith(f"{bar.title} ") for line in lines) == 1
    assert max(sample.resident for sample in done.samples) > 100


@pytest.mark.parametrize(
    ("done", "factor", "met", "said"),
    [
        (outcome(quick(0.1)), 1, True, ""),
        (outcome(quick(0.6)), 1, False, "500: MISSED"),
        (outcome(quick(0.6)), 2, True, ""),
        (outcome([*quick(), Taken("upload", 0.0, "it broke")]), 1, False, "error: upload a photo: it broke"),
        (outcome(quick(), ["memory grew"]), 1, False, "MISSED: memory grew"),
        (outcome([]), 1, False, "MISSED"),
    ],
)
def test_the_bars_are_met_or_missed(done, factor, met, said):
    lines, good = table(done, factor)
    assert good == met
    assert any(said in line for line in lines)
    assert met != any("MISSED" in line or "error:" in line for line in lines)


def test_a_percentile_is_one_of_the_values():
    values = [float(i) for i in range(1, 101)]
    assert [percentile(values, share) for share in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([3.0], 95) == 3.0
