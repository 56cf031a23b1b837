"""How zips and folders that people really make are sorted into classes, and what of them is left out."""

import io
import tarfile
from collections import Counter
from collections.abc import Mapping

import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.training.archives import Files, open_files, shown
from alexnet_viz.training.datasets import load_dataset
from alexnet_viz.training.layout import layout_of, survey
from alexnet_viz.training.left_out import LeftOut
from tools.class_folders import PLAIN, make_folder, make_zip, picture, zipped
from tools.fuzz.archives import Member, written

PNG = picture(100)
HEIC = b"\0\0\0\x18ftypheic" + bytes(200)


def files(*patterns: str, count: int = 2) -> dict[str, bytes]:
    """ "train/cat/*" as train/cat/0.png and train/cat/1.png; another path as that file."""
    found = {}
    for pattern in patterns:
        names = [pattern.replace("*", f"{i}.png") for i in range(count)] if "*" in pattern else [pattern]
        found |= dict.fromkeys(names, PNG)
    return found


def outcome(layout) -> tuple[dict[str, dict[str, int]], int, tuple[str, ...]]:
    """Pictures by part and class, files outside, and their names."""
    parts: dict[str, dict[str, int]] = {}
    for (part, label), names in layout.folders.items():
        parts.setdefault(part, {})[label] = len(names)
    return parts, sum(one.count for one in layout.left_out if not one.label), layout.outside


TWO = {"cat": 2, "dog": 2}

# What is in the zip; pictures by part and class; names of what lies outside.
LAYOUTS: Mapping[str, tuple[dict[str, bytes], dict[str, dict[str, int]], tuple[str, ...]]] = {
    "plain": (files("cat/*", "dog/*"), {"": TWO}, ()),
    "one wrapper": (files("pets/cat/*", "pets/dog/*"), {"": TWO}, ()),
    "two wrappers": (files("download/pets/cat/*", "download/pets/dog/*"), {"": TWO}, ()),
    "a wrapper of the same name, as Windows unpacks": (files("pets/pets/cat/*", "pets/pets/dog/*"), {"": TWO}, ()),
    "macOS": (
        files("pets/cat/*", "pets/dog/*")
        | dict.fromkeys(("pets/.DS_Store", "__MACOSX/pets/cat/._0.png", "__MACOSX/._pets", "pets/Icon\r"), b"x"),
        {"": TWO},
        (),
    ),
    "Windows and a NAS": (
        files("cat/*", "dog/*", "@eaDir/cat/SYNOPHOTO_THUMB_S.jpg", "cat/@eaDir/0.png/SYNOPHOTO_THUMB_S.jpg")
        | dict.fromkeys(("cat/Thumbs.db", "cat/desktop.ini", "$RECYCLE.BIN/x", "System Volume Information/y"), b"x"),
        {"": TWO},
        (),
    ),
    "notebooks' leftovers": (
        files("cat/*", "dog/*", ".ipynb_checkpoints/x.png", "cat/.ipynb_checkpoints/0-checkpoint.png"),
        {"": TWO},
        (),
    ),
    "train and test": (
        files("train/cat/*", "train/dog/*", "test/cat/*", "test/dog/*"),
        {"train": TWO, "test": TWO},
        (),
    ),
    "train and val": (
        files("train/cat/*", "train/dog/*", "val/cat/*", "val/dog/*"),
        {"train": TWO, "validation": TWO},
        (),
    ),
    "train, valid and test": (
        files(*(f"{part}/{label}/*" for part in ("train", "valid", "test") for label in TWO)),
        {"train": TWO, "validation": TWO, "test": TWO},
        (),
    ),
    "Kaggle, brain tumours": (
        files(*(f"archive/{part}/{label}/*" for part in ("Training", "Testing") for label in TWO)),
        {"train": TWO, "test": TWO},
        (),
    ),
    "Kaggle, Intel": (
        files(
            *(f"seg_{part}/seg_{part}/{label}/*" for part in ("train", "test") for label in TWO), "seg_pred/seg_pred/*"
        ),
        {"train": TWO, "test": TWO},
        ("seg_pred/",),
    ),
    "Kaggle, sign language, its test pictures without classes": (
        files("asl_alphabet_train/asl_alphabet_train/cat/*", "asl_alphabet_train/asl_alphabet_train/dog/*")
        | files("asl_alphabet_test/asl_alphabet_test/A_test.jpg"),
        {"": TWO},
        ("asl_alphabet_test/",),
    ),
    "test pictures of unknown classes in a folder": (
        files("train/cat/*", "train/dog/*", "test/images/*"),
        {"": TWO},
        ("test/",),
    ),
    "Kaggle, chest X-rays": (
        files(*(f"chest_xray/{part}/{label}/*" for part in ("train", "val", "test") for label in TWO)),
        {"train": TWO, "validation": TWO, "test": TWO},
        (),
    ),
    "Kaggle, cats and dogs of TensorFlow": (
        files(*(f"cats_and_dogs_filtered/{part}/{label}/*" for part in ("train", "validation") for label in TWO))
        | {"cats_and_dogs_filtered/vectorize.py": b"import os"},
        {"train": TWO, "validation": TWO},
        ("cats_and_dogs_filtered/vectorize.py",),
    ),
    "Kaggle, dogs vs cats sets": (
        files(*(f"dataset/{part}_set/{label}/*" for part in ("training", "test") for label in TWO)),
        {"train": TWO, "test": TWO},
        (),
    ),
    "years and capitals": (
        files(*(f"{part}2017/{label}/*" for part in ("TRAIN", "VAL") for label in TWO)),
        {"train": TWO, "validation": TWO},
        (),
    ),
    "words grown together": (
        files(*(f"{part}/{label}/*" for part in ("TrainImages", "TestImages") for label in TWO)),
        {"train": TWO, "test": TWO},
        (),
    ),
    "trainset": (
        files(*(f"{part}/{label}/*" for part in ("trainset", "testset") for label in TWO)),
        {"train": TWO, "test": TWO},
        (),
    ),
    "Korean": (
        files(*(f"{part}/{label}/*" for part in ("훈련", "검증", "테스트") for label in TWO)),
        {"train": TWO, "validation": TWO, "test": TWO},
        (),
    ),
    "only train": (files("train/cat/*", "train/dog/*"), {"": TWO}, ()),
    "train, and test without classes": (files("train/cat/*", "train/dog/*", "test/*"), {"": TWO}, ("test/",)),
    "train, val, and test without classes": (
        files("train/cat/*", "train/dog/*", "val/cat/*", "val/dog/*", "test/*"),
        {"train": TWO, "validation": TWO},
        ("test/",),
    ),
    "train, and another folder": (files("train/cat/*", "train/dog/*", "unlabelled/*"), {"": TWO}, ("unlabelled/",)),
    "a split in a wrapper, and a folder of pictures beside it": (
        files(*(f"data/{part}/{label}/*" for part in ("train", "test") for label in TWO), "posters/*"),
        {"train": TWO, "test": TWO},
        ("posters/",),
    ),
    "stray files": (
        files("pets/cat/*", "pets/dog/*", "cover.png", "pets/all.jpg")
        | {"README.md": b"hello", "pets/labels.csv": b"a,b"},
        {"": TWO},
        ("README.md", "cover.png", "pets/all.jpg", "pets/labels.csv"),
    ),
    "a stray folder beside the wrapper": (
        files("pets/cat/*", "pets/dog/*") | {"docs/a.txt": b"a", "docs/b.txt": b"b"},
        {"": TWO},
        ("docs/",),
    ),
    "a stray folder of a few pictures beside the wrapper": (
        files(*(f"pets/{label}/{i}.png" for label in TWO for i in range(6)), "posters/*"),
        {"": {"cat": 6, "dog": 6}},
        ("posters/",),
    ),
    "a class of a few pictures beside one of sub-folders": (
        files(
            *(f"cat/{kind}/{i}.png" for kind in ("siamese", "persian") for i in range(6)),
            *(f"dog/{i}.png" for i in range(4)),
        ),
        {"": {"cat": 12, "dog": 4}},
        (),
    ),
    "classes in another case": (
        files("train/Cat/*", "train/Dog/*", "test/cat/*", "test/DOG/*"),
        {"train": {"Cat": 2, "Dog": 2}, "test": {"Cat": 2, "Dog": 2}},
        (),
    ),
    "a stray folder beside the classes": (
        files("cat/*", "dog/*") | {"annotations/xml/0.xml": b"<a>", "annotations/xml/1.xml": b"<a>"},
        {"": TWO},
        ("annotations/",),
    ),
    "a stray folder beside train and test": (
        files("train/cat/*", "train/dog/*", "test/cat/*", "test/dog/*") | {"notes/a.txt": b"a"},
        {"train": TWO, "test": TWO},
        ("notes/",),
    ),
    "sub-folders in a class": (
        files("cat/*", "cat/indoor/*", "cat/outdoor/day/*", "dog/*"),
        {"": {"cat": 6, "dog": 2}},
        (),
    ),
    "a class of nothing but sub-folders": (
        files("cat/siamese/*", "cat/persian/*", "dog/*"),
        {"": {"cat": 4, "dog": 2}},
        (),
    ),
    "all classes of nothing but sub-folders": (
        files("cat/siamese/*", "cat/persian/*", "dog/poodle/*"),
        {"": {"cat": 4, "dog": 2}},
        (),
    ),
    "a class of one sub-folder in test": (
        files("train/cat/a/*", "train/dog/*", "test/cat/a/*", "test/cat/b/*"),
        {"train": TWO, "test": {"cat": 4}},
        (),
    ),
    "pictures as deep as they may lie": (files("cat/1/2/3/4/5/6/7/8/*", "dog/*"), {"": TWO}, ()),
    "a class that is called like a part": (
        files("train/*", "car/*", "bus/*"),
        {"": {"bus": 2, "car": 2, "train": 2}},
        (),
    ),
    "classes that have such words in them": (
        files("train station/*", "test tube/*"),
        {"": {"test tube": 2, "train station": 2}},
        (),
    ),
    "pictures without an ending": (files("cat/a", "cat/b", "dog/a", "dog/b"), {"": TWO}, ()),
    "a family of emoji": (files("👨‍👩‍👧/*", "🏴󠁧󠁢󠁳󠁣󠁴󠁿/*", "🐱/*"), {"": {"🏴󠁧󠁢󠁳󠁣󠁴󠁿": 2, "🐱": 2, "👨‍👩‍👧": 2}}, ()),
    "Persian and Hindi": (files("نمی‌دانم/*", "क्‍ष/*"), {"": {"क्‍ष": 2, "نمی‌دانم": 2}}, ()),
}


@pytest.mark.parametrize("make", [make_folder, make_zip])
@pytest.mark.parametrize("case", LAYOUTS)
def test_layouts_that_people_make(tmp_path, make, case):
    tree, parts, outside = LAYOUTS[case]
    with open_files(make(tmp_path, tree)) as opened:
        found = layout_of(opened)
        listed = len(opened.names)
        usable, left_out = survey(opened, found)
    assert outcome(found)[0] == parts
    assert sorted(found.outside) == sorted(outside)
    assert usable + sum(one.count for one in left_out) == listed  # nothing vanishes
    assert usable == sum(sum(labels.values()) for labels in parts.values())


@pytest.mark.parametrize("case", LAYOUTS)
def test_a_run_learns_from_what_was_announced(tmp_path, case):
    tree, parts, _ = LAYOUTS[case]
    dataset = load_dataset(make_zip(tmp_path, tree), side=8)
    assert len(dataset) == sum(sum(labels.values()) for labels in parts.values())
    for part, split in (("validation", dataset.validation), ("test", dataset.test)):
        if "" not in parts:
            labels = Counter(dataset.classes[label] for label in split.labels.tolist())
            assert labels == parts.get(part, {})
    assert bool(len(dataset.test)) == ("test" in parts or "" in parts)


def test_pictures_too_deep_in_a_class_are_counted_to_it(tmp_path):
    tree = files("cat/*", "cat/1/2/3/4/5/6/7/8/9/*", "dog/*")
    dataset = load_dataset(make_zip(tmp_path, tree), side=8)
    assert (len(dataset), dataset.left_out) == (4, (LeftOut("cat", "outside", 2),))
    assert dataset.outside == ()


def test_folders_without_end_are_refused(tmp_path):
    folder = make_folder(tmp_path, files("cat/*", f"dog/{'x/' * 40}0.png"))
    with pytest.raises(UserError, match="more than 20 folders in one another"):
        load_dataset(folder)


def test_windows_that_writes_backslashes(tmp_path):
    names = [f"사진\\{label}\\{i}.png".encode("cp949") for label in ("고양이", "강아지") for i in range(2)]
    folders = [Member("사진\\고양이\\".encode("cp949"), flags=0)]
    (tmp_path / "pets.zip").write_bytes(written([*folders, *(Member(name, PNG, flags=0) for name in names)]))
    dataset = load_dataset(tmp_path / "pets.zip", side=8)
    assert (dataset.classes, len(dataset), dataset.skipped) == (("강아지", "고양이"), 4, 0)


def test_german_names_stay_german(tmp_path):
    names = [f"{label}/{i}.png".encode("cp850") for label in ("Bär", "Wölfe") for i in range(2)]
    (tmp_path / "pets.zip").write_bytes(written([Member(name, PNG, flags=0) for name in names]))
    assert load_dataset(tmp_path / "pets.zip", side=8).classes == ("Bär", "Wölfe")


# ---- What is announced ----------------------------------------------------------------------------------------------


def test_photos_that_cannot_be_opened_are_announced_without_decoding(tmp_path, monkeypatch):
    """Issue I, 1: 30 JPEG, and 4 JPEG with 26 of a kind that isn't opened here, are 34 pictures and not 60."""
    jpeg = picture(50, (16, 16), "JPEG")
    tree = {f"cat/{i}.jpg": jpeg for i in range(30)} | {f"dog/{i}.jpg": jpeg for i in range(4)}
    tree |= {f"dog/IMG_{i}.PSD": b"8BPS" + bytes(99) for i in range(26)}
    monkeypatch.setattr("alexnet_viz.pictures.images.decode", lambda *_: pytest.fail("decoded"))
    with open_files(make_zip(tmp_path, tree)) as opened:
        monkeypatch.setattr(Files, "read", lambda *_: pytest.fail("read as a whole"))
        assert survey(opened, layout_of(opened)) == (34, (LeftOut("dog", "unsupported", 26),))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"8BPS" + bytes(50), "unsupported"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "unsupported"),
        (b"\xff\x0a" + bytes(50), "unsupported"),
        (b"\0\0\1\0" + bytes(50), "unsupported"),
        (b"P6\n8 8\n255\n" + bytes(192), "unsupported"),
        (bytes(128) + b"DICM", "unsupported"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported"),
        (b"%PDF-1.7", "not_a_picture"),
        (b"<!DOCTYPE html><svg></svg></html>", "not_a_picture"),
        (b"\0\0\0\x20ftypisom" + bytes(50), "not_a_picture"),  # a film
        (b"version https://git-lfs.github.com/spec/v1\n", "not_a_picture"),
        (b"", "damaged"),
    ],
)
def test_what_a_file_is_shows_in_its_first_bytes(tmp_path, data, reason):
    path = make_zip(tmp_path, PLAIN | {"cat/x.jpg": data})
    with open_files(path) as opened:
        assert survey(opened, layout_of(opened)) == (20, (LeftOut("cat", reason, 1),))
    assert load_dataset(path, side=8).left_out == (LeftOut("cat", reason, 1),)


def test_a_class_in_which_nothing_can_be_used_is_refused_at_once(tmp_path):
    path = make_zip(tmp_path, PLAIN | {"eel/1.psd": b"8BPS" + bytes(9), "eel/2.psd": b"8BPS"})
    with open_files(path) as opened, pytest.raises(UserError, match=r"class folder eel .* \(2 tried\)"):
        survey(opened, layout_of(opened))


# ---- Other archives -------------------------------------------------------------------------------------------------


def tar(mode: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:
        for name, content in PLAIN.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (tar("w"), "tar"),
        (tar("w:gz"), ".tar.gz"),
        (tar("w:bz2"), ".tar.bz2"),
        (tar("w:xz"), ".tar.xz"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "7-Zip"),
        (b"Rar!\x1a\x07\0" + bytes(99), "RAR"),
        (b"Rar!\x1a\x07\1\0" + bytes(99), "RAR"),
        (b"ALZ\1" + bytes(99), "ALZ"),
        (b"EGGA" + bytes(99), "EGG"),
    ],
)
def test_another_kind_of_archive_is_named_with_the_way_out(tmp_path, data, kind):
    (tmp_path / "pets.zip").write_bytes(data)
    with pytest.raises(UserError) as caught:
        load_dataset(tmp_path / "pets.zip")
    said = str(caught.value)
    assert kind in said
    assert "Unpack it and make a zip" in said
    assert "damaged" not in said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "web page"),
        (picture(), "single picture"),
    ],
)
def test_what_people_take_for_a_zip_is_named(tmp_path, data, said):
    (tmp_path / "pets.zip").write_bytes(data)
    with pytest.raises(UserError, match=said):
        load_dataset(tmp_path / "pets.zip")


def test_a_zip_beside_the_classes_is_left_out_and_named(tmp_path):
    dataset = load_dataset(make_zip(tmp_path, PLAIN | {"backup.zip": zipped(PLAIN)}), side=8)
    assert (dataset.left_out, dataset.outside) == ((LeftOut("", "outside", 1),), ("backup.zip",))


# ---- Names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["👨‍👩‍👧‍👦", "❤️‍🔥", "نمی‌دانم", "क्‍ष", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "고양이"])
def test_joiners_inside_names_are_shown(name):
    assert shown("pets", name) == f"pets/{name}"


@pytest.mark.parametrize(
    "name",
    ["cat\u200d", "\u200ccat", "c\u200d\u200dat", "c \u200dat", "c\u200bat", "c\u202eat", "cat\U000e0041", "\ufeffcat"],
)
def test_what_shows_nothing_is_escaped(name):
    """Two names that look alike would be two classes."""
    assert shown("pets", name) != f"pets/{name}"
    assert shown(name).isascii()
