"""What a run says of the files that it doesn't learn from: in its events, its log and on the command line."""

import json

import numpy as np
import pytest
import torch

from alexnet_viz.cli.commands import main
from alexnet_viz.training.events import EpochDone, Finished, Started
from alexnet_viz.training.left_out import notes, started_notes
from alexnet_viz.training.processes import SERVER_VARIABLE
from alexnet_viz.training.runs import history, runs
from alexnet_viz.training.train import train
from tools.class_folders import make_zip, picture, png
from tools.small_runs import PLAIN_NET, config, of

torch.set_num_threads(1)

JPEG = picture(50, (16, 16), "JPEG")
CHANCE = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(SERVER_VARIABLE, raising=False)


def noise(count, label, part=""):
    return {f"{part}{label}/{i}.png": png(CHANCE.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for i in range(count)}


@pytest.fixture
def phone(tmp_path):
    """Issue I, 1: half of a class is of a kind that cannot be opened, one is cut off, and a file is astray."""
    tree = {f"cat/{i}.jpg": JPEG for i in range(30)} | {f"dog/{i}.jpg": JPEG for i in range(4)}
    tree |= {f"dog/IMG_{i}.psd": b"8BPS" + bytes(99) for i in range(26)}
    return make_zip(tmp_path, tree | {"cat/cut.jpg": JPEG[:200], "README.md": b"hello"})


LEFT_OUT = [
    {"class": "", "count": 1, "reason": "outside"},
    {"class": "cat", "count": 1, "reason": "damaged"},
    {"class": "dog", "count": 26, "reason": "unsupported"},
]
SAID = ("cat: 1 left out", "dog: 26 left out", "README.md")


def flags(path, *more):
    own = ("--net", PLAIN_NET, "--epochs", "1", "--batch", "16", "--device", "cpu", "--precision", "fp32")
    return ["train", "--data", str(path), *own, *more]


def test_a_run_tells_what_it_leaves_out(phone):
    started, *_ = train(config(data=str(phone), net=PLAIN_NET, epochs=1))
    assert started.left_out == LEFT_OUT
    assert started.outside == ["README.md"]
    assert sum(started.pictures.values()) == 34


def test_the_command_line_and_the_log_say_it(phone, capsys):
    assert main(flags(phone)) == 0
    printed = capsys.readouterr().out
    log = (runs()[0].path / "log.txt").read_text()
    for said in SAID:
        assert said in printed
        assert log.count(said) == 1
    assert history(runs()[0]).started.left_out == LEFT_OUT


def test_json_has_it_as_a_field_and_nothing_else_is_printed(phone, capsys):
    main(flags(phone, "--json"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["left_out"] == LEFT_OUT


def test_what_a_page_started_prints_it_once(phone, capsys, monkeypatch):
    """Its output is the log."""
    monkeypatch.setenv(SERVER_VARIABLE, "0")
    main(flags(phone))
    assert "left out (" not in capsys.readouterr().out
    assert (runs()[0].path / "log.txt").read_text().count("dog: 26 left out") == 1


def test_nothing_is_said_where_nothing_is_left_out(tmp_path, capsys):
    main(flags(make_zip(tmp_path, noise(10, "cat") | noise(10, "dog"))))
    assert "left out (" not in capsys.readouterr().out
    assert not (runs()[0].path / "log.txt").exists()


# ---- Without test pictures ------------------------------------------------------------------------------------------


def test_a_run_without_test_pictures_ends_with_its_validation_figure(tmp_path):
    tree = {
        name: data
        for part in ("train/", "val/")
        for label in ("cat", "dog")
        for name, data in noise(8, label, part).items()
    }
    chosen = config(data=str(make_zip(tmp_path, tree)), net=PLAIN_NET.replace("fc96-3", "fc96-2"), epochs=2)
    events = list(train(chosen, tmp_path / "run"))
    (started,), (finished,) = of(Started, events), of(Finished, events)
    assert started.pictures == {"train": 16, "validation": 16, "test": 0}
    assert (finished.state, finished.test_accuracy, finished.test_loss) == ("finished", None, None)
    assert finished.val_accuracy == pytest.approx(of(EpochDone, events)[-1].val_accuracy)
    assert finished.val_loss == pytest.approx(of(EpochDone, events)[-1].val_loss)
    assert not (tmp_path / "run" / "test.npz").exists()
    assert any("no test pictures" in str(line) for line in started_notes(started))


def test_the_command_line_says_that_it_is_the_validation_figure(tmp_path, capsys):
    tree = {f"{part}/{label}/{i}.jpg": JPEG for part in ("train", "val") for label in "ab" for i in range(4)}
    assert main(flags(make_zip(tmp_path, tree))) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "validation images right" in line]
    assert len(lines) == 1
    assert "validation images right: 50.00 %" in lines[0].replace("%", " %").replace("  ", " ")
    assert "no test images" in lines[0]


def test_classes_without_test_pictures_are_named(tmp_path):
    tree = {f"{part}/{label}/{i}.jpg": JPEG for part in ("train", "test") for label in ("cat", "dog") for i in range(4)}
    tree |= {"train/ant/0.jpg": JPEG, "train/bee/0.jpg": JPEG}
    started, *_ = train(config(data=str(make_zip(tmp_path, tree)), net=PLAIN_NET, epochs=1))
    assert started.untested == ["ant", "bee"]
    (line,) = started_notes(started)
    assert "ant, bee" in str(line)


def test_a_run_of_an_earlier_version_has_nothing_to_say():
    assert started_notes(Started(run="r", config={})) == []
    assert notes((), (), (), tested=True) == []
