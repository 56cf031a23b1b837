"""What runs told is read as it grows: the right thing each time, and nothing twice."""

import threading

import pytest

from alexnet_viz.training import reading as subject
from alexnet_viz.training import runs as runs_module
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import Finished, LearningRateChanged, Resumed, Saved, to_line
from alexnet_viz.training.reading import Overviews, Reading
from alexnet_viz.training.runs import history, new_run
from tests.training.told import epoch, step


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    return new_run(TrainConfig(data="shapes"))


def tell(run, *events, mode="a"):
    with (run.path / "metrics.jsonl").open(mode) as file:
        file.writelines(map(to_line, events))


TOLD = [
    *(step(1), step(2), epoch(1, 2, 0.5), Saved(step=2, epoch=1, file="last.safetensors"), step(3)),
    *(LearningRateChanged(step=3, lr=0.5), step(4), epoch(2, 4, 0.75), Finished(state="stopped")),
    *(Resumed(step=2, epoch=1), step(3), step(4), epoch(2, 4, 0.25), Finished(state="finished", test_accuracy=0.5)),
]


def test_read_event_by_event_it_is_what_the_whole_file_says(made):
    reading, overview = Reading(), Reading(steps=False)
    for event in TOLD:
        tell(made, event)
        whole = history(made)
        assert reading.catch_up(made) == whole
        seen = overview.catch_up(made)
        assert seen.steps == ()
        assert (seen.epochs, seen.saved, seen.changes, seen.finished) == (
            *(whole.epochs, whole.saved, whole.changes, whole.finished),
        )


def test_half_a_line_waits_for_its_rest(made):
    overviews, line = Overviews(), to_line(epoch(1, 5))
    (made.path / "metrics.jsonl").write_text(line[:30])
    assert overviews.of(made).epochs == ()
    (made.path / "metrics.jsonl").write_text(line)
    assert overviews.of(made).epochs == (epoch(1, 5),)


def test_nothing_is_read_where_nothing_changed(made, monkeypatch):
    overviews = Overviews()
    tell(made, *TOLD)
    first = overviews.of(made)
    monkeypatch.setattr(subject, "read_events", None)
    assert overviews.of(made) is first


def test_only_what_is_new_is_read_and_no_step_is_parsed(made, monkeypatch):
    parsed = []
    real = runs_module.from_line
    monkeypatch.setattr(runs_module, "from_line", lambda line: parsed.append(line) or real(line))
    overviews = Overviews()
    tell(made, *map(step, range(1, 1001)), epoch(1, 1000))
    overviews.of(made)
    assert len(parsed) == 1
    tell(made, *map(step, range(1001, 2001)), epoch(2, 2000))
    assert [one.epoch for one in overviews.of(made).epochs] == [1, 2]
    assert len(parsed) == 2


def test_another_file_in_its_place_is_read_from_the_beginning(made):
    overviews = Overviews()
    tell(made, epoch(1, 5), epoch(2, 10))
    overviews.of(made)
    tell(made, epoch(1, 7), mode="w")  # shorter
    assert overviews.of(made).epochs == (epoch(1, 7),)
    (made.path / "new").write_text(to_line(epoch(1, 8)) + to_line(epoch(2, 9)))
    (made.path / "new").replace(made.path / "metrics.jsonl")
    assert overviews.of(made).epochs == (epoch(1, 8), epoch(2, 9))
    (made.path / "metrics.jsonl").unlink()
    assert overviews.of(made).epochs == ()


def test_many_threads_see_the_same(made):
    overviews = Overviews()
    tell(made, *TOLD)
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(overviews.of(made))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in seen}) == 1


def test_no_more_runs_are_kept_than_there_is_room_for(made, monkeypatch):
    monkeypatch.setattr(subject, "MOST_KEPT", 2)
    overviews = Overviews()
    others = [new_run(TrainConfig(data="shapes")) for _ in range(3)]
    for run in others:
        tell(run, epoch(1, 5))
        overviews.of(run)
    assert len(overviews) == 2
