"""What the training page says of an uploaded zip and of a run's data, and who may remove what was uploaded."""

import io
import os
import time
from dataclasses import replace

import pytest

from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import Finished, Started, to_line
from alexnet_viz.training.runs import new_run, write_status
from alexnet_viz.training.uploads import keep, uploads
from tests.pages.seen import data_box, told_run
from tools.class_folders import PLAIN, SPLIT, picture, zipped
from tools.pages import open_page

pytestmark = pytest.mark.usefixtures("home")

PHONE = {
    **PLAIN,
    **{f"dog/IMG_{i}.psd": b"8BPS" for i in range(26)},
    "cat/empty.png": b"",
    "cat/*deep*/x.png": picture(),
    "README.md": b"hello",
}


@pytest.fixture(params=[True, False], ids=["a server of one's own", "a server of many"])
def own_server(request, monkeypatch):
    monkeypatch.setattr("pages.ui.server.bound_to_localhost", lambda: request.param)
    return request.param


@pytest.fixture
def shared_server(monkeypatch):
    monkeypatch.setattr("pages.ui.server.bound_to_localhost", lambda: False)


def uploaded(app, tree, name="pets.zip"):
    app = data_box(app).set_value("upload").run()
    return app.file_uploader[0].upload(name, zipped(tree), "application/zip").run()


def warned(app):
    return "\n".join(warning.value.replace("\\", "") for warning in app.warning)


def removes(app):
    return [button for button in app.button if (button.key or "").startswith("train_remove_")]


# ---- Left out -------------------------------------------------------------------------------------------------------


def test_an_upload_is_announced_with_what_is_left_out_and_its_classes():
    app = uploaded(open_page("train"), PHONE)
    assert not app.exception
    assert data_box(app).options[2] == "pets.zip (2 classes, 21 pictures)"
    assert "dog: 26 left out" in warned(app)
    assert "cat: 1 left out" in warned(app)
    assert "README.md" in warned(app)
    assert any("cat, dog" in caption.value for caption in app.caption)
    again = open_page("train")
    assert not again.warning  # it is said where the zip is chosen
    assert "dog: 26 left out" in warned(data_box(again).set_value(str(uploads()[0].path)).run())


def test_nothing_is_warned_of_where_nothing_is_left_out():
    assert not uploaded(open_page("train"), PLAIN).warning


def test_a_zip_without_test_pictures_says_so_before_the_start():
    app = uploaded(open_page("train"), {name.replace("test/", "val/"): data for name, data in SPLIT.items()})
    assert "no test pictures" in warned(app)


def test_classes_without_test_pictures_are_named():
    assert "ant" in warned(uploaded(open_page("train"), {**SPLIT, "train/ant/0.png": picture()}))


def test_bytes_that_are_known_are_said_once():
    app = uploaded(open_page("train"), PLAIN)
    assert not any("already" in info.value for info in app.info)
    app = uploaded(app, PLAIN, "again.zip")
    assert data_box(app).value == str(uploads()[0].path)
    (said,) = [info.value.replace("\\", "") for info in app.info if "already" in info.value]
    assert "pets.zip" in said
    assert not any("already" in info.value for info in app.run().info)


def test_a_run_shows_what_its_data_lacks():
    run = told_run(state="finished")
    left_out = [{"class": "dog", "count": 26, "reason": "unsupported"}, {"class": "", "count": 1, "reason": "outside"}]
    pictures = {"train": 16, "validation": 4, "test": 0}
    events = [
        Started(run=run.id, config={}, left_out=left_out, outside=["<b>README.md"], pictures=pictures),
        Finished(state="finished", val_accuracy=0.875, val_loss=0.5),
    ]
    with (run.path / "metrics.jsonl").open("a") as file:
        file.writelines(map(to_line, events))
    app = open_page("train", run=run.id)
    assert not app.exception
    assert "dog: 26 left out" in warned(app)
    assert "<b>README.md" in warned(app)
    assert any("87.50%" in info.value and "validation" in info.value for info in app.info)
    assert not app.success  # no figure of test images
    app = open_page("runs", run=run.id, tab="mistakes")
    assert any("no test images" in info.value for info in app.info)


@pytest.mark.parametrize("tree", [PHONE, SPLIT])
def test_it_opens_in_korean(tree):
    app = uploaded(open_page("train", locale="ko-KR"), tree)
    assert not app.exception
    assert not app.error


# ---- Removed --------------------------------------------------------------------------------------------------------


def test_who_uploaded_a_zip_may_remove_it(shared_server):
    app = uploaded(open_page("train"), PLAIN)
    (remove,) = removes(app)
    app = remove.click().run()
    assert not app.exception
    assert uploads() == []
    assert data_box(app).value == "shapes"
    assert not any("pets" in option for option in data_box(app).options)


def test_others_may_only_on_a_server_of_ones_own(own_server):
    kept = keep("pets.zip", io.BytesIO(zipped(PLAIN)), 10**6, owner="another visitor")
    app = data_box(open_page("train")).set_value(str(kept.path)).run()
    assert bool(removes(app)) == own_server
    if own_server:
        removes(app)[0].click().run()
    assert bool(uploads()) != own_server


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_zip_that_a_run_needs_stays_and_says_so(shared_server, state):
    app = uploaded(open_page("train"), PLAIN)
    run = new_run(TrainConfig(data=str(uploads()[0].path)))
    write_status(run, replace(run.status(), state=state, heartbeat=time.time(), pid=os.getpid()))
    app = removes(app)[0].click().run()
    assert not app.exception
    assert any(run.id in error.value.replace("\\", "") for error in app.error)
    assert uploads()
    assert data_box(app).value == str(uploads()[0].path)


def test_ones_own_picture_can_be_removed():
    app = open_page()
    assert not [button for button in app.button if button.key == "picture_remove"]
    sample = app.session_state["image"]
    for number in (1, 2):
        app.file_uploader[0].upload(f"mine{number}.png", picture(60 * number, (16, 16)), "image/png").run()
    first, second = app.session_state["own_pictures"]
    assert app.session_state["image"] == second
    app.button(key="picture_remove").click().run()
    assert not app.exception
    assert list(app.session_state["own_pictures"]) == [first]
    assert app.session_state["image"] == first
    app.button(key="picture_remove").click().run()
    assert not app.session_state["own_pictures"]
    assert app.session_state["image"] == sample
    assert not [button for button in app.button if button.key == "picture_remove"]
