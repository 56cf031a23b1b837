"""Uploaded zips: what is kept, what is refused, and that a refusal changes nothing."""

import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_viz.errors import UserError
from alexnet_viz.training import uploads as kept_uploads
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.data import open_data
from alexnet_viz.training.datasets import load_dataset
from alexnet_viz.training.runs import may_control, new_run, write_status
from alexnet_viz.training.uploads import (
    LONGEST_NAME,
    decoded_folder,
    keep,
    remove,
    safe_name,
    uploads,
    uploads_dir,
)
from tools.catalogue import ROOT
from tools.class_folders import PLAIN, SPLIT, picture, zipped

MOST = 10 * 2**20


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    return tmp_path


def other(number):
    """A zip like PLAIN, and yet another one."""
    return zipped({**PLAIN, f"cat/more{number}.png": picture(number)})


def put(data, name="pets.zip", most=MOST):
    return keep(name, io.BytesIO(data), most)


def refusal(data, name="pets.zip", most=MOST):
    """What the visitor is told; nothing of the zip may stay."""
    before = sorted(uploads_dir().iterdir()) if uploads_dir().exists() else []
    with pytest.raises(UserError) as caught:
        put(data, name, most)
    after = sorted(path for path in uploads_dir().iterdir() if path.name != ".lock")
    assert after == [path for path in before if path.name != ".lock"]
    return str(caught.value)


# ---- Kept -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tree", "pictures"), [(PLAIN, 20), (SPLIT, 40)], ids=["plain", "split"])
def test_a_zip_is_kept_counted_and_can_be_trained_on(tree, pictures):
    upload = put(zipped(tree), "My pets.ZIP")
    assert (upload.name, upload.classes, upload.pictures) == ("My-pets.zip", 2, pictures)
    assert uploads() == [upload]
    assert upload.path.parent == uploads_dir()
    dataset = load_dataset(upload.path)
    assert (len(dataset.classes), len(dataset)) == (upload.classes, upload.pictures)


def test_what_is_left_out_is_counted_and_kept_with_the_zip():
    tree = {**PLAIN, "README.txt": b"hello", "cat/deeper/x.png": picture(), "dog/x.psd": b"8BPS", "cat/empty.png": b""}
    upload = put(zipped(tree))
    assert (upload.pictures, upload.names, upload.outside, upload.tested) == (21, ("cat", "dog"), ("README.txt",), True)
    assert [one.record() for one in upload.left_out] == [
        {"class": "", "count": 1, "reason": "outside"},
        {"class": "cat", "count": 1, "reason": "damaged"},
        {"class": "dog", "count": 1, "reason": "unsupported"},
    ]
    assert uploads() == [upload]


def test_what_cannot_be_examined_is_kept_with_the_zip():
    assert put(zipped({**SPLIT, "train/ant/0.png": picture()})).untested == ("ant",)
    assert not put(zipped({name.replace("test/", "val/"): data for name, data in SPLIT.items()})).tested


def test_no_picture_is_decoded_and_no_torch_is_needed(tmp_path):
    (tmp_path / "pets.zip").write_bytes(zipped(PLAIN))
    code = (
        "import sys; from alexnet_viz.pictures import images; images._read = None\n"
        "from alexnet_viz.training.uploads import keep\n"
        f"print(keep('pets.zip', open({str(tmp_path / 'pets.zip')!r}, 'rb'), 10**6).pictures, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["20", "False"]


def test_a_zip_of_an_earlier_version_is_still_listed():
    upload = put(zipped(PLAIN))
    record = json.loads(upload.path.with_suffix(".json").read_text())
    early = {name: record[name] for name in ("classes", "pictures", "kept_at")}
    upload.path.with_suffix(".json").write_text(json.dumps(early))
    (found,) = uploads()
    assert (found.pictures, found.left_out, found.owner(), found.tested) == (20, (), "", True)


def test_newest_first():
    names = [put(other(number), f"{word}.zip").name for number, word in enumerate(("one", "two", "three"))]
    assert [upload.name for upload in uploads()] == names[::-1]


def test_the_same_bytes_are_kept_once():
    first = put(zipped(PLAIN), "pets.zip")
    second = put(zipped(PLAIN), "again.zip")
    assert second == first
    assert (first.again, second.again) == (False, True)
    assert uploads() == [first]


def test_two_of_the_same_name_can_be_told_apart():
    names = [put(other(number), "pets.zip").name for number in range(3)]
    assert names == ["pets.zip", "pets-2.zip", "pets-3.zip"]


def test_a_zip_put_there_by_hand_or_with_a_damaged_count_is_not_listed():
    upload = put(zipped(PLAIN))
    (uploads_dir() / "mine.zip").write_bytes(zipped(PLAIN))
    assert uploads() == [upload]
    for damaged in ("{", "[]", '{"classes": 2}', json.dumps({"path": "/etc"})):
        upload.path.with_suffix(".json").write_text(damaged)
        assert uploads() == []


def test_nothing_is_made_by_asking(home):
    assert uploads() == []
    assert list(home.iterdir()) == []


# ---- Removed --------------------------------------------------------------------------------------------------------


def trained_on(upload, state):
    run = new_run(TrainConfig(data=str(upload.path)))
    write_status(run, replace(run.status(), state=state, heartbeat=time.time(), pid=os.getpid()))
    return run


def test_a_zip_is_removed_with_its_decoded_images():
    upload, stays = put(other(1)), put(other(2))
    open_data(str(upload.path), 8)
    open_data(str(stays.path), 8)
    open_data(str(upload.path), 16)
    assert len(list(decoded_folder(upload.path).parent.iterdir())) == 3
    trained_on(upload, "finished")
    trained_on(stays, "running")
    remove(upload)
    assert uploads() == [stays]
    assert [path.name for path in decoded_folder(stays.path).parent.iterdir()] == [decoded_folder(stays.path, 8).name]
    assert sorted(path.suffix for path in uploads_dir().iterdir() if path.name != ".lock") == [".json", ".zip"]
    remove(upload)  # by a second visitor at the same time


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_zip_that_a_run_needs_stays_and_says_so(state):
    upload = put(zipped(PLAIN))
    run = trained_on(upload, state)
    with pytest.raises(UserError, match=f"pets.zip stays: the run {run.id} needs it and is {state}"):
        remove(upload)
    assert uploads() == [upload]
    assert upload.path.is_file()


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "paused"])
def test_a_zip_that_no_run_needs_now_may_go(state):
    upload = put(zipped(PLAIN))
    trained_on(upload, state)
    remove(upload)
    assert uploads() == []


def test_whose_zip_it_is_is_kept_as_a_digest():
    upload = keep("pets.zip", io.BytesIO(zipped(PLAIN)), MOST, owner="a secret")
    assert "a secret" not in upload.path.with_suffix(".json").read_text()
    (found,) = uploads()

    def may(visitor, **given):
        return may_control(found.owner(), visitor, **{"token": "", "given": "", "bound_to_localhost": False} | given)

    assert may("a secret")
    assert not may("another")
    assert may("another", bound_to_localhost=True)  # on a server of one's own
    assert may("another", token="teacher", given="teacher")


# ---- Names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("pets.zip", "pets.zip"),
        ("My pets (2).ZIP", "My-pets-2.zip"),
        ("우리 강아지.zip", "우리-강아지.zip"),
        ("../../etc/passwd", "etc-passwd.zip"),
        ("C:\\x\\y.zip", "C-x-y.zip"),
        (".zip", "pictures.zip"),
        ("", "pictures.zip"),
        ("\u202egnp.zip", "gnp.zip"),
        ("a" * 300 + ".zip", "a" * LONGEST_NAME + ".zip"),
    ],
)
def test_names_are_cleaned(name, safe):
    assert safe_name(name) == safe


@given(st.text(max_size=80))
def test_any_name_is_one_plain_file_name(name):
    safe = safe_name(name)
    stem = safe.removesuffix(".zip")
    assert stem.replace("-", "").replace("_", "_").isprintable()
    assert stem
    assert not set(stem) & set("/\\.:\0 ")
    assert len(safe.encode()) <= 170
    assert safe_name(safe) == safe


# ---- Refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"not a zip", "pets.zip cannot be read as a zip file"),
        (zipped({"cat/0.png": picture(), "cat/1.png": picture()}), "only 1 class, cat"),
        (zipped({"cat/big.png": bytes(10 * 2**20 + 1), "dog/0.png": picture()}), "at most 10.0 MiB a file"),
        (zipped({**PLAIN, "eel/1.psd": b"8BPS"}), "class folder eel"),
    ],
    ids=["text", "one class", "large picture", "a class of nothing usable"],
)
def test_what_is_no_zip_of_class_folders_is_refused(data, said):
    """By the checks of `datasets.layout_of` and `Files.check`, whose own tests have more of such."""
    assert said in refusal(data, most=2**30)


def test_more_than_the_limit_is_refused_while_it_arrives():
    class Endless(io.RawIOBase):
        read_so_far = 0

        def read(self, size=-1):
            self.read_so_far += size
            return bytes(size)

    stream = Endless()
    with pytest.raises(UserError, match=r"more than 3\.0 MiB"):
        keep("pets.zip", stream, most=3 * 2**20)
    assert stream.read_so_far <= 4 * 2**20


def test_one_too_many_is_refused_and_names_the_folder(monkeypatch):
    monkeypatch.setattr(kept_uploads, "MAX_UPLOADS", 2)
    first, second = put(other(1)), put(other(2))
    said = refusal(other(3))
    assert str(uploads_dir()) in said
    assert "2 uploaded zips" in said
    assert uploads() == [second, first]  # the oldest is not removed to make room
    assert put(other(1)) == first  # what is here already needs no room


def test_too_much_in_all_is_refused(monkeypatch):
    first = put(other(1))
    monkeypatch.setattr(kept_uploads, "MAX_TOTAL", first.path.stat().st_size + 1000)
    assert "1 uploaded zips" in refusal(other(2))


def test_a_full_disk_is_said_and_leaves_nothing(monkeypatch):
    copy = kept_uploads._copy

    def full(stream, file, most):
        file.symlink_to("/dev/full")  # refuses every byte as a full disk does
        return copy(stream, file, most)

    monkeypatch.setattr(kept_uploads, "_copy", full)
    assert "disk full" in refusal(zipped(PLAIN))


def test_a_folder_that_cannot_be_written_is_said(home):
    (home / "datasets").write_text("not a folder")
    with pytest.raises(UserError, match="cannot be written into"):
        put(zipped(PLAIN))
