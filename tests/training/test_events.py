"""Events: one line each, the same when read back, and what happened again is taken back."""

import json
import math
from dataclasses import fields
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_viz.training import events
from tests.training.told import epoch, step

VALUES = {
    int: st.integers(0, 10**9),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(max_size=20),
    float | None: st.none() | st.floats(0, 1),
}
CONFIGS = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3)


def made(kind: type) -> st.SearchStrategy:
    values = {item.name: VALUES.get(item.type, CONFIGS) for item in fields(kind)}
    return st.builds(kind, **values)


EVENTS = st.one_of([made(kind) for kind in events.KINDS.values()])


def test_every_kind_of_event_has_a_name():
    assert set(events.KINDS.values()) == set(get_args(events.Event))


@given(EVENTS)
def test_a_line_gives_the_event_back(event):
    line = events.to_line(event)
    assert line.endswith("\n")
    assert "\n" not in line[:-1]
    assert events.from_line(line) == event
    assert events.KINDS[json.loads(line)["event"]] is type(event)


def test_the_names_are_those_of_the_command_line():
    assert json.loads(events.to_line(events.Started(run="r", config={"epochs": 3}))) == {
        **{"event": "started", "run": "r", "config": {"epochs": 3}},
        **{"device": "", "steps": 0, "pictures": {}, "left_out": [], "outside": [], "untested": []},
    }
    assert list(json.loads(events.to_line(epoch(1, 5)))) == [
        *("event", "epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy"),
        *("lr", "images_per_second", "seconds"),
    ]
    assert {"state", "test_accuracy", "test_loss", "seconds"} <= set(
        json.loads(events.to_line(events.Finished(state="stopped")))
    )


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_ran_away_is_strict_json(loss):
    line = events.to_line(events.Finished(state="finished", test_loss=loss, seconds=loss))
    record = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert record["seconds"] is None
    again = events.from_line(line)
    assert math.isnan(again.seconds)
    assert again.test_loss is None


def test_fields_of_a_later_version_are_left_out():
    assert events.from_line(
        '{"event": "learning_rate", "step": 3, "lr": 0.1, "by": "me"}'
    ) == events.LearningRateChanged(step=3, lr=0.1)


@pytest.mark.parametrize("line", ["", "{", "[]", "3", "{}", '{"event": "lunch"}', '{"event": "saved", "step": 1}'])
def test_what_is_no_event_is_refused(line):
    with pytest.raises(ValueError):
        events.from_line(line)


# What happened again


def test_a_resumed_run_takes_back_what_came_after_its_checkpoint():
    start, resumed = events.Started(run="r", config={}), events.Resumed(step=2, epoch=1)
    told = [
        *(start, step(1), step(2), epoch(1, 2), events.Saved(step=2, epoch=1, file="last.pt")),
        *(step(3), events.LearningRateChanged(step=3, lr=0.5), step(4), epoch(2, 4), events.Finished(state="stopped")),
        *(start, resumed, step(3), epoch(2, 4)),
    ]
    assert events.as_it_went(told) == [*told[:5], start, resumed, step(3), epoch(2, 4)]


def test_two_kills_after_one_checkpoint():
    resumed = events.Resumed(step=1, epoch=0)
    told = [step(1), step(2), step(3), resumed, step(2), resumed, step(2), step(3)]
    assert events.as_it_went(told) == [step(1), resumed, resumed, step(2), step(3)]


STORIES = st.lists(
    st.one_of(
        st.integers(1, 9).map(step),
        st.integers(0, 9).map(lambda at: events.Resumed(step=at, epoch=0)),
        st.just(events.Finished(state="paused")),
    ),
    max_size=30,
)


@given(STORIES, st.integers(0, 30))
def test_read_in_pieces_is_the_same_as_read_at_once(story, cut):
    first, rest = story[:cut], story[cut:]
    assert events.as_it_went([*events.as_it_went(first), *events.as_it_went(rest)]) == events.as_it_went(story)


@given(STORIES)
def test_against_a_slow_oracle(story):
    """An event stays if no later Resumed takes it back."""

    def taken_back(event, later):
        resumed = [other for other in later if isinstance(other, events.Resumed)]
        if isinstance(event, events.Finished):
            return bool(resumed)
        return any(event.step > other.step for other in resumed)

    assert events.as_it_went(story) == [event for i, event in enumerate(story) if not taken_back(event, story[i + 1 :])]
