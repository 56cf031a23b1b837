"""`make load` itself: a small load against a real server, and the table made of it."""

import pytest

from tools.load.__main__ import Outcome, Taken, load, percentile, table
from tools.load.actions import ACTIONS, BARS
from tools.machine import Sample, Usage


def outcome(taken, problems=()):
    usage = Usage(0)
    usage.samples.extend([Sample(1.0, 0.5, 700.0), Sample(2.0, 1.5, 710.0)])
    return Outcome(list(taken), usage, 0.1, list(problems))


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
    assert max(sample.resident for sample in done.usage.samples) > 100


def test_the_bars_are_met_or_missed():
    assert table(outcome(quick(0.1)))[1]
    lines, met = table(outcome(quick(0.6)))
    assert not met
    assert [line.split()[0] for line in lines if "MISSED" in line] == ["light"]
    assert table(outcome(quick(0.6)), factor=2)[1]


def test_an_error_misses_the_bar_and_is_shown():
    lines, met = table(outcome([*quick(), Taken("upload", 0.0, "it broke")]))
    assert not met
    assert "error: upload a photo: it broke" in lines


def test_a_problem_of_a_soak_misses_the_bar():
    assert not table(outcome(quick(), ["memory grew"]))[1]


def test_nothing_done_is_no_bar_met():
    assert not table(outcome([]))[1]


def test_a_percentile_is_one_of_the_values():
    values = [float(i) for i in range(1, 101)]
    assert [percentile(values, share) for share in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([3.0], 95) == 3.0
