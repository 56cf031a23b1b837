"""Run folders: what was asked comes back, strangers' ids go nowhere, half-written files hurt nobody."""

import csv
import io
import itertools
import json
import os
import shutil
import time
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alexnet_viz.errors import UserError
from alexnet_viz.training import runs as subject
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import Finished, LearningRateChanged, Resumed, Saved, to_line
from alexnet_viz.training.runs import (
    STALE_AFTER,
    STATES,
    Asked,
    Control,
    State,
    Status,
    Written,
    checkpoint_path,
    delete_run,
    history,
    may_control,
    metrics_csv,
    new_run,
    read_events,
    run,
    runs,
    runs_and_damaged,
    runs_dir,
    state_of,
    write_status,
)
from alexnet_viz.words.i18n import Message
from tests.training.told import epoch, step

CONFIG = TrainConfig(data="shapes", epochs=3)
pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def made(home):
    return new_run(CONFIG)


@pytest.fixture
def shipped(tmp_path):
    one = new_run(CONFIG)
    (tmp_path / "shipped").mkdir()
    one.path.rename(tmp_path / "shipped" / "example")
    return run("example")


def tell(made, *events):
    with (made.path / "metrics.jsonl").open("a") as file:
        file.writelines(map(to_line, events))


# Folders


def test_a_new_run_keeps_what_was_asked(home, made):
    assert made.path.parent == home / "runs"
    assert run(made.id) == made
    assert made.config() == CONFIG
    assert made.status().state == "queued"
    assert abs(made.created() - time.time()) < 60
    assert made.checkpoints.is_dir()


def test_data_is_found_from_everywhere(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert new_run(TrainConfig(data="pets.zip")).config().data == str(tmp_path / "pets.zip")
    assert made.config().data == "shapes"


def test_the_owner_is_kept_as_a_digest():
    made = new_run(CONFIG, owner="secret")
    assert made.owner()
    assert not [path for path in made.path.rglob("*") if path.is_file() and "secret" in path.read_text()]


def test_runs_are_listed_newest_first_and_shipped_ones_last(shipped, home):
    made = new_run(CONFIG)
    for name in ("20260101-000000-a", "20270101-000000-b", ".20280101-000000-c.deleted", "UPPER"):
        shutil.copytree(made.path, home / "runs" / name)
    delete_run(made)
    (home / "runs" / "no-config").mkdir()
    assert [one.id for one in runs()] == ["20270101-000000-b", "20260101-000000-a", "example"]
    assert [one.shipped for one in runs()] == [False, False, True]


@pytest.mark.parametrize(
    "run_id", ["", ".", "..", "../runs", "a/b", "A", "a_b", "-a", "a-", "a\n", "a\0", "é", "nowhere"]
)
def test_a_strangers_id_goes_nowhere(made, run_id):
    with pytest.raises(UserError, match="no run"):
        run(run_id)


@given(st.text(max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_id_raises_anything_else(run_id):
    with pytest.raises(UserError):
        run(run_id)


def test_deleting_leaves_nothing(made, home):
    (made.checkpoints / "last.pt").write_bytes(b"x")
    delete_run(made)
    assert list((home / "runs").iterdir()) == []
    with pytest.raises(UserError):
        run(made.id)


def test_shipped_runs_are_only_read(shipped):
    assert shipped.config() == CONFIG
    for change in (lambda: delete_run(shipped), lambda: Control(shipped).ask(stop=True)):
        with pytest.raises(UserError, match="comes with the app"):
            change()
    assert shipped.path.is_dir()


def test_a_checkpoint_to_start_from(made):
    (made.checkpoints / "best.safetensors").write_bytes(b"x")
    assert checkpoint_path(f"{made.id}/best.safetensors") == made.checkpoints / "best.safetensors"
    for text in ("", made.id, *(f"{made.id}/{name}" for name in ("", "..", "../config.json", "last.safetensors"))):
        with pytest.raises(UserError):
            checkpoint_path(text)


@pytest.mark.parametrize("name", ["config.json", "status.json"])
@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"state": "lost"}',
        '{"config": 7}',
        '{"config": {"epochs": 3}}',
        '{"state": "failed", "problem": 3}',
    ],
)
def test_one_damaged_run_hides_no_other(made, name, content):
    whole = new_run(CONFIG)
    (made.path / name).write_text(content)
    assert runs() == [whole]
    assert runs_and_damaged()[1] == [made]


@pytest.mark.parametrize("name", ["config.json", "status.json", "metrics.jsonl", "control.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\n", b"null\n"])
def test_a_damaged_file_is_a_sentence(made, name, content):
    (made.path / name).write_bytes(content)
    if name == "metrics.jsonl" and not content.endswith(b"\n"):
        assert read_events(made) == ([], 0)  # half a line may still become whole
        return
    readers = {
        "config.json": made.config,
        "status.json": made.status,
        "metrics.jsonl": lambda: read_events(made),
        "control.json": lambda: Control(made).asked(),
    }
    with pytest.raises(UserError, match=name):
        readers[name]()


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="ALEXNET_VIZ_HOME"):
        new_run(CONFIG)


# State


def test_the_order_of_precedence():
    """Every case there is, against the rules as a list."""
    now = 1000.0
    for state, alive, fresh, end in itertools.product(
        get_args(Written), (True, False, None), (True, False), ("", "stopped", "paused")
    ):
        status = Status(state=state, heartbeat=now - (STALE_AFTER - 1 if fresh else STALE_AFTER + 1))
        stop, there = end == "stopped", fresh if alive is None else alive
        rules = [
            (state == "failed" and stop, "stopped"),
            (state in ("finished", "stopped", "failed", "paused"), state),
            (there, state),
            (stop, "stopped"),
            (True, "interrupted"),
        ]
        expected = next(answer for holds, answer in rules if holds)
        assert state_of(status, alive, now, Asked(end=end)) == expected
    assert state_of(Status(state="failed"), False, now) == "failed"


def test_every_state_has_a_word():
    written, interrupted = get_args(State)
    assert set(STATES) == {*get_args(written), *get_args(interrupted)} == {*get_args(Written), "interrupted"}


def test_a_status_comes_back_with_its_problem(made):
    problem = Message("{name}: {hint}", name="x", hint=Message("at most {limit}", limit=3))
    status = Status(
        **{"state": "failed", "queued_at": 1.5, "heartbeat": 2.5, "pid": 7, "step": 3, "steps": 9, "epoch": 1},
        **{"device": "cpu", "memory": 12, "problem": problem},
    )
    write_status(made, status)
    assert made.status() == status
    assert str(made.status().problem) == "x: at most 3"


def test_a_reader_never_sees_half_a_status(made):
    status, written = made.status(), (made.path / "status.json").read_text()
    opened = (made.path / "status.json").open()
    write_status(made, replace(status, step=5))
    with opened:
        assert opened.read() == written  # the old file lives on for who has it open
    assert made.status().step == 5
    assert not [path.name for path in made.path.iterdir() if path.name.startswith(".status")]


def test_a_full_disk_leaves_the_status_that_was(made, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = made.status()
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="disk full"):
        write_status(made, replace(before, step=5))
    assert made.status() == before
    assert sorted(path.name for path in made.path.iterdir()) == ["checkpoints", "config.json", "status.json"]


# Asking


def test_what_is_asked_is_heard(made, monkeypatch):
    monkeypatch.setattr(subject.Control, "LOOK_EVERY", 0)
    heard = Control(made)
    assert heard.asked() == Asked()
    Control(made).ask(learning_rate=0.5)
    assert heard.asked() == Asked(learning_rate=0.5, changes=1)
    Control(made).ask(learning_rate=0.5)
    assert heard.asked() == Asked(learning_rate=0.5, changes=2)
    Control(made).ask(pause=True)
    assert heard.asked() == Asked("paused", 0.5, 2)
    Control(made).ask(stop=True)
    assert heard.asked().end == "stopped"
    with Control(made).lock():
        Control(made).take_back()
    assert heard.asked() == Asked("", 0.5, 2)


def test_a_process_that_asks_all_the_time_reads_the_file_seldom(made, monkeypatch):
    heard, reads = Control(made), []
    monkeypatch.setattr(heard, "_stamp_now", lambda: reads.append(1))
    for _ in range(1000):
        heard.asked()
    assert len(reads) < 100


@pytest.mark.parametrize("visitor", ["ann", "bob", ""])
@pytest.mark.parametrize("given", ["", "tea", "wrong"])
@pytest.mark.parametrize("token", ["", "tea"])
@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("owned", [True, False])
def test_who_may_stop_a_run(owned, local, token, given, visitor):
    owner = new_run(CONFIG, owner="ann" if owned else "").owner()
    is_owner = owned and visitor == "ann"
    is_teacher = token == given == "tea"
    everybody = local and not token
    allowed = may_control(owner, visitor, token=token, given=given, bound_to_localhost=local)
    assert allowed == (is_owner or is_teacher or everybody)


# What it told


def test_events_are_read_from_an_offset_on(made):
    assert read_events(made, 0) == ([], 0)
    tell(made, step(1), step(2))
    events, offset = read_events(made, 0)
    assert events == [step(1), step(2)]
    assert read_events(made, offset) == ([], offset)
    tell(made, step(3))
    assert read_events(made, offset)[0] == [step(3)]


@given(cut=st.integers(0, 400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_half_a_line_waits_for_its_rest(made, cut):
    told = [step(1), Finished(state="failed", message="가\u2028나"), step(2)]
    data = "".join(map(to_line, told)).encode()
    file = made.path / "metrics.jsonl"
    file.write_bytes(data[:cut])
    first, offset = read_events(made, 0)
    file.write_bytes(data)
    rest, end = read_events(made, offset)
    assert [*first, *rest] == told
    assert end == len(data)


def test_the_history_is_without_what_happened_again(made):
    change = LearningRateChanged(step=10, lr=0.5)
    tell(made, *map(step, range(1, 11)), epoch(1, 10, 0.5), Saved(step=10, epoch=1, file="last.pt"))
    tell(made, change, step(11), Finished(state="paused"), Resumed(step=10, epoch=1), step(11), epoch(2, 20, 0.25))
    tell(made, epoch(3, 30, 0.5), Finished(state="finished", test_accuracy=0.6))
    told = history(made)
    assert [one.step for one in told.steps] == list(range(1, 12))
    assert [one.epoch for one in told.epochs] == [1, 2, 3]
    assert [one.file for one in told.saved] == ["last.pt"]
    assert told.changes == (change,)
    assert told.finished == Finished(state="finished", test_accuracy=0.6)
    assert told.best_epoch == epoch(1, 10, 0.5)


def test_without_validation_no_epoch_is_best(made):
    tell(made, epoch(1, 10, None))
    assert history(made).best_epoch is None
    assert history(made).finished is None


def test_the_metrics_as_a_table(made):
    tell(made, step(1), epoch(1, 10, 0.5), epoch(2, 20, None))
    rows = list(csv.DictReader(io.StringIO(metrics_csv(made))))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [row["val_accuracy"] for row in rows] == ["0.5", ""]
    assert float(rows[0]["train_loss"]) == 1.5


def test_the_config_is_readable_by_people(made):
    record = json.loads((made.path / "config.json").read_text())
    assert record["config"]["learning_rate"] == CONFIG.learning_rate
    assert runs_dir() == made.path.parent
