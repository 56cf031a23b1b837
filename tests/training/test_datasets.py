"""Datasets of class folders: what is loaded, how it is split, and that no zip or folder does harm."""

import io
import os
import shutil
import stat
import struct
import tempfile
import unicodedata
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.training import archives, datasets
from alexnet_viz.training.datasets import load_dataset, sample_pictures
from alexnet_viz.training.left_out import LeftOut
from alexnet_viz.words.labels import class_ids
from tools.class_folders import PLAIN, SPLIT, UNUSABLE, equal, make_folder, make_zip, picture, png

both = pytest.mark.parametrize("make", [make_folder, make_zip])


def refusal(path: Path, **options: int) -> str:
    """What the reader is told."""
    with pytest.raises(UserError) as caught:
        load_dataset(path, **options)
    return str(caught.value)


# ---- What is loaded -------------------------------------------------------------------------------------------------


@both
def test_split_layout(tmp_path, make):
    dataset = load_dataset(make(tmp_path, SPLIT))
    assert (dataset.name, dataset.classes, dataset.skipped) == ("pets", ("cat", "dog"), 0)
    assert (len(dataset), len(dataset.train), len(dataset.test)) == (40, 20, 20)
    assert dataset.train.images.shape == (20, 3, 32, 32)
    assert dataset.train.images.is_contiguous()
    assert (dataset.train.images.dtype, dataset.train.labels.dtype) == (torch.uint8, torch.int64)
    assert dataset.train.labels.tolist() == [0] * 10 + [1] * 10
    assert dataset.test.images[:, 0, 0, 0].tolist() == [10 * i + shade for shade in (1, 2) for i in range(10)]


@both
def test_plain_layout_is_split_in_each_class(tmp_path, make):
    dataset = load_dataset(make(tmp_path, PLAIN))
    assert dataset.train.labels.bincount().tolist() == [8, 8]
    assert dataset.test.labels.bincount().tolist() == [2, 2]
    shades = torch.cat([dataset.train.images, dataset.test.images])[:, 0, 0, 0]
    assert sorted(shades.tolist()) == sorted(10 * i + shade for shade in (1, 2) for i in range(10))
    both_labels = torch.cat([dataset.train.labels, dataset.test.labels])
    assert torch.equal(shades % 10 - 1, both_labels.to(torch.uint8))


@both
@pytest.mark.parametrize("tree", [PLAIN, SPLIT], ids=["plain", "split"])
def test_one_folder_around_everything_changes_nothing(tmp_path, make, tree):
    (tmp_path / "bare").mkdir()
    wrapped = {f"my pets/{name}": data for name, data in tree.items()} | {"my pets/README.txt": b"hello", "note": b""}
    assert equal(load_dataset(make(tmp_path, wrapped)), load_dataset(make(tmp_path / "bare", tree)))


def test_folder_and_zip_give_the_same_tensors_every_time(tmp_path):
    folder, archive = make_folder(tmp_path, PLAIN), make_zip(tmp_path, dict(reversed(PLAIN.items())))
    first = load_dataset(folder)
    torch.manual_seed(1)  # the split has a seed of its own
    assert equal(first, load_dataset(folder))
    assert equal(first, load_dataset(archive))


def test_global_seed_is_left_alone(tmp_path):
    before = torch.get_rng_state()
    load_dataset(make_folder(tmp_path, PLAIN))
    assert torch.equal(before, torch.get_rng_state())


def test_a_new_class_does_not_move_the_pictures_of_the_others(tmp_path):
    (tmp_path / "more").mkdir()
    more = PLAIN | {f"bird/{i}.png": picture(100) for i in range(7)}
    old, new = load_dataset(make_zip(tmp_path, PLAIN)), load_dataset(make_zip(tmp_path / "more", more))
    assert new.classes == ("bird", "cat", "dog")
    assert torch.equal(new.test.images[new.test.labels > 0], old.test.images)


@pytest.mark.parametrize(("count", "tested"), [(1, 0), (2, 1), (3, 1), (4, 1), (7, 1), (8, 2), (100, 20)])
def test_a_fifth_of_a_class_is_kept_for_testing_and_at_least_one_of_two(tmp_path, count, tested):
    dataset = load_dataset(make_zip(tmp_path, PLAIN | {f"ant/{i}.png": picture(i) for i in range(count)}))
    assert dataset.train.labels.bincount().tolist() == [count - tested, 8, 8]
    assert dataset.test.labels.bincount(minlength=3).tolist() == [tested, 2, 2]


def test_train_classes_without_test_pictures_are_accepted(tmp_path):
    dataset = load_dataset(make_zip(tmp_path, SPLIT | {"train/ant/0.png": picture()}))
    assert dataset.classes == ("ant", "cat", "dog")
    assert dataset.test.labels.unique().tolist() == [1, 2]
    assert dataset.untested == ("ant",)


@both
def test_names_of_parts_in_any_case(tmp_path, make):
    tree = {name.replace("train/", "Train/").replace("test/", "TEST/"): data for name, data in SPLIT.items()}
    assert len(load_dataset(make(tmp_path, tree)).test) == 20


@both
def test_what_systems_leave_behind_is_ignored(tmp_path, make):
    junk = ("__MACOSX/cat/._0.png", ".DS_Store", "cat/.DS_Store", "cat/Thumbs.db", "dog/desktop.ini", ".git/a/b.png")
    dataset = load_dataset(make(tmp_path, PLAIN | dict.fromkeys(junk, b"junk")))
    assert (dataset.classes, len(dataset), dataset.skipped) == (("cat", "dog"), 20, 0)


@both
def test_files_that_cannot_be_used_are_left_out_and_counted(tmp_path, make):
    noise = np.random.default_rng(0).bytes(archives.MAX_BYTES + 1)
    strays = {
        "cat/notes.txt": b"text",
        "cat/sign in.jpg": b"<html>",
        "cat/cut.png": picture()[:40],
        "cat/empty.png": b"",
        "dog/tiny.png": picture(size=(2, 2)),
        "dog/strip.png": picture(size=(300, 10)),
        "dog/wide.png": picture(size=(16_001, 900)),
        "dog/large.png": noise,
        "dog/camera.CR3": b"\0\0\0\x18ftypcrx " + bytes(99),
        "dog/drawing.svg": b"<svg></svg>",
        "dog/photoshop.png": b"8BPS" + bytes(99),
        "README.md": b"outside",
        "docs/how.txt": b"outside",
    }
    dataset = load_dataset(make(tmp_path, PLAIN | strays))
    assert (len(dataset), dataset.skipped) == (20, len(strays))
    assert [one.record() for one in dataset.left_out] == [
        {"class": "", "count": 2, "reason": "outside"},
        {"class": "cat", "count": 2, "reason": "damaged"},
        {"class": "cat", "count": 2, "reason": "not_a_picture"},
        {"class": "dog", "count": 2, "reason": "too_large"},
        {"class": "dog", "count": 1, "reason": "too_small"},
        {"class": "dog", "count": 4, "reason": "unsupported"},
    ]
    assert dataset.outside == ("README.md", "docs/")


def test_korean_class_names_however_they_are_stored(tmp_path):
    cat, dog = "고양이", "개"
    apart = unicodedata.normalize("NFD", cat)  # as macOS may store it
    folder = make_folder(tmp_path, {f"{label}/{i}.png": picture(i) for label in (apart, dog) for i in range(2)})
    assert load_dataset(folder).classes == (dog, cat)


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_korean_names_in_a_zip_that_does_not_say_its_encoding(tmp_path, encoding):
    tree = {f"{label}/{i}.png": picture(i) for label in ("고양이", "강아지") for i in range(2)}
    # 16-byte Latin stand-ins, exchanged in the finished zip: zipfile itself would set the UTF-8 flag.
    length = len("고양이".encode(encoding))
    stand_ins = {"고양이": "c" * length, "강아지": "d" * length}
    path = make_zip(tmp_path, {name.replace(name[:3], stand_ins[name[:3]]): data for name, data in tree.items()})
    data = path.read_bytes()
    for word, stand_in in stand_ins.items():
        data = data.replace(stand_in.encode(), word.encode(encoding))
    path.write_bytes(data)
    assert load_dataset(path).classes == ("강아지", "고양이")


def test_zip_names_in_no_known_encoding_are_taken_as_dos_wrote_them(tmp_path):
    path = make_zip(tmp_path, {f"{label}/{i}.png": picture(i) for label in ("tea", "caf?") for i in range(2)})
    path.write_bytes(path.read_bytes().replace(b"caf?", b"caf\x82"))
    assert load_dataset(path).classes == ("café", "tea")


# ---- Sizes ----------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    side=st.integers(8, 24),
    counts=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_round_trip(side, counts, seed, method):
    """Random pictures of the size that is asked for come back to the bit, with their class."""
    generator = np.random.default_rng(seed)
    pixels = {
        (part, label, i): generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
        for part in ("train", "test")
        for label, count in enumerate(counts)
        for i in range(count)
    }
    tree = {f"{part}/class{label}/{i}.png": png(array) for (part, label, i), array in pixels.items()}
    with tempfile.TemporaryDirectory() as folder:
        dataset = load_dataset(make_zip(Path(folder), tree, method), side=side)
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        expected = [(label, array) for (other, label, _), array in pixels.items() if other == part]
        assert split.labels.tolist() == [label for label, _ in expected]
        assert np.array_equal(split.images.numpy(), np.stack([a.transpose(2, 0, 1) for _, a in expected]))


def test_jpegs_are_what_pillow_decodes(tmp_path):
    gradient = np.add.outer(np.arange(32) * 4, np.arange(32) * 3)[..., None].repeat(3, 2).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(gradient).save(buffer, format="JPEG")
    dataset = load_dataset(make_zip(tmp_path, dict.fromkeys(SPLIT, buffer.getvalue())))
    expected = np.asarray(Image.open(buffer)).transpose(2, 0, 1)
    assert np.array_equal(dataset.train.images[0].numpy(), expected)


@pytest.mark.parametrize("sizes", [((48, 16), (16, 48)), ((48, 16), (48, 16))], ids=["different", "same"])
def test_the_centre_is_cut_out(tmp_path, sizes):
    """Blue, red, blue in thirds, the red one in the middle: only red is left."""

    def striped(width, height):
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[..., 2] = 255
        pixels[(height - 16) // 2 : (height + 16) // 2, (width - 16) // 2 : (width + 16) // 2] = (255, 0, 0)
        return png(pixels)

    tree = {f"{label}/{i}.png": striped(*size) for label, size in zip("ab", sizes, strict=True) for i in range(2)}
    dataset = load_dataset(make_zip(tmp_path, tree), side=16)
    assert dataset.train.images.shape == (2, 3, 16, 16)
    assert dataset.train.images[:, 0].eq(255).all()
    assert dataset.train.images[:, 1:].eq(0).all()


def test_pictures_that_need_too_much_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "MAX_PIXEL_BYTES", 20 * 3 * 64 * 64 - 1)
    path = make_zip(tmp_path, PLAIN)
    assert "20 pictures of 64 x 64 pixels take 0.3 MiB" in refusal(path, side=64)
    assert load_dataset(path).train.images.shape == (16, 3, 32, 32)


# ---- Layouts that cannot be used ------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_layout(tmp_path, make, case):
    tree, said = UNUSABLE[case]
    assert said in refusal(make(tmp_path, tree))


def test_the_reason_is_told_why_no_picture_could_be_used(tmp_path):
    said = refusal(make_zip(tmp_path, PLAIN | {"eel/1.png": picture(size=(2, 2))}))
    assert "eel/1.png has 2 x 2 pixels" in said


def test_no_such_path(tmp_path):
    for path in (tmp_path / "missing.zip", tmp_path / ("x" * 5000), Path("a\0b")):
        assert "no folder and no zip" in refusal(path)


# ---- Hostile zips ---------------------------------------------------------------------------------------------------

LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"
FLAGS, METHOD, UNPACKED = 8, 10, 24  # where in a central entry; in a local one two bytes earlier


def patched(path: Path, offset: int, value: int, form: str = "<H") -> Path:
    """The zip with one field of its first entry changed, in both headers."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, data.index(CENTRAL) + offset, value)
    struct.pack_into(form, data, data.index(LOCAL) + offset - 2, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "name",
    [
        r"/cat/x.png",
        r"../cat/x.png",
        r"cat/../../x.png",
        r"cat//x.png",
        r"C:/cat/x.png",
        r"c:x.png",
        r"C:\cat\x.png",
        r"..\x.png",
        r"cat\..\..\x.png",
        r"cat\/x.png",
        r"\cat\x.png",
        r"\\server\x.png",
        r"//server/x.png",
        r"..",
    ],
)
def test_zip_paths_that_lead_out(tmp_path, name):
    said = refusal(make_zip(tmp_path, PLAIN | {name: picture()}))
    assert "could lead out" in said
    assert name.replace("\\", "/") in said


@pytest.mark.parametrize(
    "tree",
    [{f"./{name}": data for name, data in PLAIN.items()}, {"./": b"", "cat/": b"", "eel/": b""} | PLAIN],
    ids=["paths from here", "entries of folders"],
)
def test_what_looks_odd_in_a_zip_and_is_harmless(tmp_path, tree):
    assert len(load_dataset(make_zip(tmp_path, tree))) == 20


def test_zip_with_a_link(tmp_path):
    path = make_zip(tmp_path, PLAIN)
    link = zipfile.ZipInfo("cat/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "cat/link.png in pets.zip is a link" in refusal(path)


@pytest.mark.parametrize(
    ("offset", "value", "said"),
    [*((FLAGS, flag, "encrypted") for flag in (0x1, 0x40, 0x2000)), (METHOD, 99, "rare method")],
)
def test_files_that_cannot_be_unpacked(tmp_path, offset, value, said):
    """One is left out; where it is all of a class, the refusal says why."""
    dataset = load_dataset(patched(make_zip(tmp_path, PLAIN), offset, value))
    assert (len(dataset), dataset.left_out) == (19, (LeftOut("cat", "unsupported", 1),))
    alone = {name: data for name, data in PLAIN.items() if name == "cat/0.png" or name.startswith("dog")}
    assert said in refusal(patched(make_zip(tmp_path, alone), offset, value))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_limit(tmp_path, method):
    assert "rare method" in refusal(make_zip(tmp_path, PLAIN, method))


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("cat/bomb.png", bytes(9 * 2**20), "too_large"),  # unpacks to 1,0xx times its size
        ("cat/inner.ZIP", b"PK\3\4", "not_a_picture"),
    ],
    ids=["bomb", "zip in a zip"],
)
def test_files_of_a_zip_that_are_not_read(tmp_path, name, data, reason):
    dataset = load_dataset(make_zip(tmp_path, PLAIN | {name: data}))
    assert (len(dataset), dataset.left_out) == (20, (LeftOut("cat", reason, 1),))


def test_a_bomb_that_is_all_of_a_class_is_named_and_never_unpacked(tmp_path):
    said = refusal(make_zip(tmp_path, {"cat/0.png": picture(), "dog/bomb.png": bytes(9 * 2**20)}))
    assert "dog/bomb.png in pets.zip unpacks to 1,0" in said


def test_a_long_name_is_said_cut(tmp_path):
    told = refusal(make_zip(tmp_path, PLAIN | {f"cat/{'n' * 60_000}/../x.png": b""}))
    assert "nnn..." in told
    assert len(told) < 1000


@pytest.mark.parametrize(
    ("stand_in", "stored", "said"),
    [
        (b"cat/zero?.png", b"cat/zero\0.png", "cat/zero\\x00.png"),
        (b"cat/?.png", b"cat/0.png", "two files named cat/0.png"),
    ],
    ids=["zero byte", "one name twice"],
)
def test_names_that_zipfile_itself_would_not_write(tmp_path, stand_in, stored, said):
    path = make_zip(tmp_path, PLAIN | {stand_in.decode(): picture(200)})
    path.write_bytes(path.read_bytes().replace(stand_in, stored))
    assert said in refusal(path)


@both
def test_a_file_too_large_is_left_out(tmp_path, make):
    noise = np.random.default_rng(0).bytes(archives.MAX_BYTES + 1)
    dataset = load_dataset(make(tmp_path, PLAIN | {"cat/large.png": noise}))
    assert (len(dataset), dataset.left_out) == (20, (LeftOut("cat", "too_large", 1),))


@both
def test_where_a_class_has_only_files_too_large_it_is_said(tmp_path, make):
    noise = np.random.default_rng(0).bytes(archives.MAX_BYTES + 1)
    said = refusal(make(tmp_path, {"cat/large.png": noise, "dog/0.png": picture()}))
    assert "cat/large.png" in said
    assert "10.1 MiB or more; at most 10.0 MiB" in said


@both
def test_a_large_file_outside_the_class_folders_is_never_read(tmp_path, make, monkeypatch):
    noise = np.random.default_rng(0).bytes(archives.MAX_BYTES + 1)
    read, names = archives.Files.read, []
    monkeypatch.setattr(archives.Files, "read", lambda files, name: names.append(name) or read(files, name))
    dataset = load_dataset(make(tmp_path, PLAIN | {"video.mp4": noise}))
    assert (dataset.skipped, dataset.outside) == (1, ("video.mp4",))
    assert ("video.mp4",) not in names


@pytest.mark.parametrize("size", [0, 1, 20, 2**20 + 1, 2**32 - 2])
def test_a_file_whose_size_is_a_lie_is_left_out(tmp_path, size):
    path = patched(make_zip(tmp_path, {"cat/0.png": picture() + bytes(500)} | PLAIN), UNPACKED, size, "<I")
    dataset = load_dataset(path)
    assert (len(dataset), dataset.skipped) == (19, 1)
    assert dataset.left_out[0].reason == ("too_large" if size > 2**20 else "damaged")


def test_a_zip_that_claims_a_little_too_much_is_read_for_what_it_is(tmp_path):
    assert equal(
        load_dataset(patched(make_zip(tmp_path, PLAIN), UNPACKED, 1000, "<I")),
        load_dataset(make_folder(tmp_path, PLAIN)),
    )


def test_sizes_are_counted_while_reading(tmp_path, monkeypatch):
    """Files that grow after they were listed are refused like those that were large before."""
    folder = make_folder(tmp_path, dict.fromkeys("abcz", b""))
    monkeypatch.setattr(archives, "MAX_BYTES", 100)
    monkeypatch.setattr(archives, "MAX_TOTAL", 310)
    with archives.open_files(folder) as files:
        for name, size in (("a", 100), ("b", 100), ("c", 100), ("z", 10_000)):
            (folder / name).write_bytes(bytes(size))
        files.check(files.names)
        assert len(files.read(("a",))) == len(files.read(("b",))) == 100
        with pytest.raises(archives.FileError, match="z in pets has"):
            files.read(("z",))
        with pytest.raises(UserError, match="pets holds") as caught:
            files.read(("c",))
        assert not isinstance(caught.value, archives.FileError)  # not of this one file


@both
def test_too_much_in_all(tmp_path, make, monkeypatch):
    path = make(tmp_path, {name: data + bytes(2000) for name, data in PLAIN.items()})
    monkeypatch.setattr(archives, "MAX_TOTAL", 20_000)
    assert "at most 0.1 MiB are read" in refusal(path)


def test_a_zip_that_is_too_large_itself(tmp_path):
    path = tmp_path / "large.zip"
    path.touch()
    os.truncate(path, archives.MAX_TOTAL + 1)  # sparse
    assert "large.zip holds 2,048.1 MiB" in refusal(path)


@both
def test_too_many_files(tmp_path, make, monkeypatch):
    path = make(tmp_path, PLAIN)
    monkeypatch.setattr(archives, "MAX_FILES", len(PLAIN))
    assert len(load_dataset(path)) == 20
    monkeypatch.setattr(archives, "MAX_FILES", len(PLAIN) - 1)
    assert "more than 19 files" in refusal(path)


@pytest.mark.parametrize("before", [0, 2**20 - 3, 2**20 - 2, 2**20 - 1])
def test_entries_are_counted_before_the_zip_is_opened(tmp_path, monkeypatch, before):
    """Also those that begin in one chunk of the file and end in the next one."""
    (tmp_path / "pets.zip").write_bytes(bytes(before) + 61 * CENTRAL)
    monkeypatch.setattr(archives, "MAX_FILES", 60)
    monkeypatch.setattr(archives, "open_zip", lambda *_: pytest.fail("opened"))
    assert "more than 60 files" in refusal(tmp_path / "pets.zip")


def test_a_listing_of_long_names_is_refused_unread(tmp_path, monkeypatch):
    path = make_zip(tmp_path, {f"cat/{'n' * 60_000}{i}.png": b"" for i in range(20)} | PLAIN)
    assert len(load_dataset(path)) == 20
    monkeypatch.setattr(archives, "MAX_LISTING", 10**6)
    assert "its listing is too long" in refusal(path)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"PK", picture(), b"PK\5\6" + bytes(17), 0.1, 0.5, 0.9, 0.99],
    ids=["empty", "text", "PK", "picture", "end alone", "tenth", "half", "most", "nearly all"],
)
def test_not_a_zip_or_only_its_beginning(tmp_path, data):
    whole = make_zip(tmp_path, PLAIN).read_bytes()
    (tmp_path / "pets.zip").write_bytes(whole[: int(len(whole) * data)] if isinstance(data, float) else data)
    assert "pets.zip cannot be read as a zip file" in refusal(tmp_path / "pets.zip")


def test_damaged_member(tmp_path):
    path = make_zip(tmp_path, PLAIN, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"IDAT", b"XDAT", 1))
    dataset = load_dataset(path)
    assert (len(dataset), dataset.left_out) == (19, (LeftOut("cat", "damaged", 1),))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_zip_raises_nothing_but_user_errors(data: st.DataObject):
    with tempfile.TemporaryDirectory() as folder:
        path = make_zip(Path(folder), {name: PLAIN[name] for name in ("cat/0.png", "cat/1.png", "dog/0.png")})
        damaged = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(damaged)
        with suppress(UserError):
            load_dataset(path)


# ---- Hostile folders ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/etc/passwd", "/etc", "nowhere", "cat"])
def test_links_in_a_folder_are_not_followed(tmp_path, target):
    folder = make_folder(tmp_path, PLAIN)
    (folder / "cat" / "link").symlink_to(target)
    assert "cat/link is a link" in refusal(folder)


def test_the_folder_itself_may_be_a_link(tmp_path):
    make_folder(tmp_path, PLAIN)
    (tmp_path / "link").symlink_to("pets")
    assert len(load_dataset(tmp_path / "link")) == 20


def test_pipes_are_not_opened(tmp_path):
    folder = make_folder(tmp_path, PLAIN)
    os.mkfifo(folder / "cat" / "pipe.png")
    assert len(load_dataset(folder)) == 20
    assert "no folder and no zip" in refusal(folder / "cat" / "pipe.png")


def test_names_that_are_no_text(tmp_path):
    folder = make_folder(tmp_path, PLAIN)
    for label in (b"cat", b"\xffel"):
        os.makedirs(os.fsencode(folder) + b"/" + label, exist_ok=True)
        with open(os.fsencode(folder) + b"/" + label + b"/\xff.png", "wb") as file:
            file.write(picture())
    said = refusal(folder)
    assert "class folder \\udcffel" in said
    said.encode()


def test_a_file_that_vanishes(tmp_path, monkeypatch):
    folder = make_folder(tmp_path, PLAIN)
    decode = datasets.decode

    def removing(*given):
        (folder / "dog" / "9.png").unlink(missing_ok=True)
        return decode(*given)

    monkeypatch.setattr(datasets, "decode", removing)
    assert load_dataset(folder).left_out == (LeftOut("dog", "damaged", 1),)
    monkeypatch.setattr(datasets, "decode", lambda *given: shutil.rmtree(folder / "dog", True) or decode(*given))
    assert "dog/0.png in pets cannot be read (No such file or directory)" in refusal(folder)


def test_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    folder = make_folder(tmp_path, PLAIN)
    monkeypatch.setattr(os, "scandir", lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    assert "pets cannot be read: Permission denied" in refusal(folder)


# ---- CIFAR-10 -------------------------------------------------------------------------------------------------------


def test_cifar10(cifar10_zip: Path):
    dataset = load_dataset(cifar10_zip)
    assert dataset.classes == class_ids("cifar10")
    assert dataset.train.images.shape == (50_000, 3, 32, 32)
    assert dataset.test.images.shape == (10_000, 3, 32, 32)
    assert dataset.train.labels.bincount().tolist() == [5_000] * 10
    assert dataset.test.labels.bincount().tolist() == [1_000] * 10
    assert dataset.skipped == 0
    mean = dataset.train.images.double().mean((0, 2, 3)) / 255
    assert mean.numpy() == pytest.approx([0.4914, 0.4822, 0.4465], abs=0.002)  # as published; the files are JPEGs


def test_sample_pictures_are_spread_over_the_classes(tmp_path):
    tree = {
        f"{part}/{label}/{i}.png": picture(10 * i + len(label))
        for part in ("train", "test")
        for label in ("cat", "horse")
        for i in range(12)
    }
    found = sample_pictures(make_zip(tmp_path, tree), 6)
    assert [label for label, _ in found] == ["cat"] * 3 + ["horse"] * 3
    assert len({data for _, data in found}) == 6
    assert all(data in {tree[f"test/{label}/{i}.png"] for i in range(12)} for label, data in found)
    assert found == sample_pictures(make_zip(tmp_path, tree), 6)
    assert len(sample_pictures(make_zip(tmp_path, tree), 1000)) == 24
