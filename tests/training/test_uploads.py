"""Uploaded zips: what is kept, what is refused, and that a refusal changes nothing."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_viz.errors import UserError
from alexnet_viz.training import uploads as kept_uploads
from alexnet_viz.training.datasets import load_dataset
from alexnet_viz.training.uploads import LONGEST_NAME, keep, safe_name, uploads, uploads_dir
from tests.training.class_folders import PLAIN, SPLIT, picture, zipped

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


def test_files_outside_of_the_class_folders_are_not_counted():
    assert put(zipped({**PLAIN, "README.txt": b"hello", "cat/deeper/x.png": b""})).pictures == 20


def test_newest_first():
    names = [put(other(number), f"{word}.zip").name for number, word in enumerate(("one", "two", "three"))]
    assert [upload.name for upload in uploads()] == names[::-1]


def test_the_same_bytes_are_kept_once():
    first = put(zipped(PLAIN), "pets.zip")
    assert put(zipped(PLAIN), "again.zip") == first
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
        (zipped({**PLAIN, "cat/big.png": bytes(10 * 2**20 + 1)}), "at most 10.0 MiB a file"),
    ],
    ids=["text", "one class", "large picture"],
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
