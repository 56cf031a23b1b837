"""Datasets of class folders: what is loaded, how it is split, and that no zip or folder does harm."""

import io
import os
import stat
import struct
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
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
from alexnet_viz.training.datasets import Dataset, load_dataset, sample_pictures

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def picture(colour: int = 0, size: tuple[int, int] = (8, 8), format: str = "PNG") -> bytes:
    """A picture of one gray."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (colour, colour, colour)).save(buffer, format=format)
    return buffer.getvalue()


def png(pixels: np.ndarray) -> bytes:  # (H, W, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


PLAIN = {f"{label}/{i}.png": picture(10 * i + shade) for label, shade in (("cat", 1), ("dog", 2)) for i in range(10)}
SPLIT = {f"{part}/{name}": data for name, data in PLAIN.items() for part in ("train", "test")}

Tree = Mapping[str, bytes]
Maker = Callable[[Path, Tree], Path]


def make_folder(at: Path, tree: Tree) -> Path:
    root = at / "pets"
    root.mkdir()
    for name, data in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def make_zip(at: Path, tree: Tree, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(at / "pets.zip", "w", method) as archive:
        for name, data in tree.items():
            archive.writestr(name, data)
    return at / "pets.zip"


both = pytest.mark.parametrize("make", [make_folder, make_zip])


def equal(one: Dataset, other: Dataset) -> bool:
    tensors = [(d.train.images, d.train.labels, d.test.images, d.test.labels) for d in (one, other)]
    return one.classes == other.classes and all(torch.equal(a, b) for a, b in zip(*tensors, strict=True))


def refusal(path: Path, **options: int) -> str:
    """What the reader is told."""
    with pytest.raises(UserError) as caught:
        load_dataset(path, **options)
    return str(caught.value)


# ---- What is loaded -------------------------------------------------------------------------------------------------


@both
def test_split_layout(tmp_path: Path, make: Maker) -> None:
    dataset = load_dataset(make(tmp_path, SPLIT))
    assert (dataset.name, dataset.classes, dataset.skipped) == ("pets", ("cat", "dog"), 0)
    assert (len(dataset), len(dataset.train), len(dataset.test)) == (40, 20, 20)
    assert dataset.train.images.shape == (20, 3, 8, 8)
    assert dataset.train.images.is_contiguous()
    assert (dataset.train.images.dtype, dataset.train.labels.dtype) == (torch.uint8, torch.int64)
    assert dataset.train.labels.tolist() == [0] * 10 + [1] * 10
    assert dataset.test.images[:, 0, 0, 0].tolist() == [10 * i + shade for shade in (1, 2) for i in range(10)]


@both
def test_plain_layout_is_split_in_each_class(tmp_path: Path, make: Maker) -> None:
    dataset = load_dataset(make(tmp_path, PLAIN))
    assert dataset.train.labels.bincount().tolist() == [8, 8]
    assert dataset.test.labels.bincount().tolist() == [2, 2]
    shades = torch.cat([dataset.train.images, dataset.test.images])[:, 0, 0, 0]
    assert sorted(shades.tolist()) == sorted(10 * i + shade for shade in (1, 2) for i in range(10))
    both_labels = torch.cat([dataset.train.labels, dataset.test.labels])
    assert torch.equal(shades % 10 - 1, both_labels.to(torch.uint8))


@both
@pytest.mark.parametrize("tree", [PLAIN, SPLIT], ids=["plain", "split"])
def test_one_folder_around_everything_changes_nothing(tmp_path: Path, make: Maker, tree: Tree) -> None:
    (tmp_path / "bare").mkdir()
    wrapped = {f"my pets/{name}": data for name, data in tree.items()} | {"my pets/README.txt": b"hello", "note": b""}
    assert equal(load_dataset(make(tmp_path, wrapped)), load_dataset(make(tmp_path / "bare", tree)))


def test_folder_and_zip_give_the_same_tensors_every_time(tmp_path: Path) -> None:
    folder, archive = make_folder(tmp_path, PLAIN), make_zip(tmp_path, dict(reversed(PLAIN.items())))
    first = load_dataset(folder)
    torch.manual_seed(1)  # the split has a seed of its own
    assert equal(first, load_dataset(folder))
    assert equal(first, load_dataset(archive))


def test_global_seed_is_left_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    load_dataset(make_folder(tmp_path, PLAIN))
    assert torch.equal(before, torch.get_rng_state())


def test_a_new_class_does_not_move_the_pictures_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    more = PLAIN | {f"bird/{i}.png": picture(100) for i in range(7)}
    old, new = load_dataset(make_zip(tmp_path, PLAIN)), load_dataset(make_zip(tmp_path / "more", more))
    assert new.classes == ("bird", "cat", "dog")
    assert torch.equal(new.test.images[new.test.labels > 0], old.test.images)


@pytest.mark.parametrize(("count", "tested"), [(1, 0), (2, 1), (3, 1), (4, 1), (7, 1), (8, 2), (10, 2), (100, 20)])
def test_a_fifth_of_a_class_is_kept_and_at_least_one(count: int, tested: int) -> None:
    kept = datasets._kept_for_testing(count)
    assert len(kept) == tested
    assert kept <= set(range(count))


def test_a_class_of_one_picture_is_learnt_but_not_tested(tmp_path: Path) -> None:
    dataset = load_dataset(make_zip(tmp_path, PLAIN | {"ant/only.png": picture()}))
    assert dataset.train.labels.bincount().tolist() == [1, 8, 8]
    assert dataset.test.labels.bincount(minlength=3).tolist() == [0, 2, 2]


def test_train_classes_without_test_pictures_are_accepted(tmp_path: Path) -> None:
    dataset = load_dataset(make_zip(tmp_path, SPLIT | {"train/ant/0.png": picture()}))
    assert dataset.classes == ("ant", "cat", "dog")
    assert dataset.test.labels.unique().tolist() == [1, 2]


@both
def test_names_of_parts_in_any_case(tmp_path: Path, make: Maker) -> None:
    tree = {name.replace("train/", "Train/").replace("test/", "TEST/"): data for name, data in SPLIT.items()}
    assert len(load_dataset(make(tmp_path, tree)).test) == 20


@both
def test_what_systems_leave_behind_is_ignored(tmp_path: Path, make: Maker) -> None:
    junk = ("__MACOSX/cat/._0.png", ".DS_Store", "cat/.DS_Store", "cat/Thumbs.db", "dog/desktop.ini", ".git/a/b.png")
    dataset = load_dataset(make(tmp_path, PLAIN | dict.fromkeys(junk, b"junk")))
    assert (dataset.classes, len(dataset), dataset.skipped) == (("cat", "dog"), 20, 0)


@both
def test_files_that_are_no_pictures_are_skipped_and_counted(tmp_path: Path, make: Maker) -> None:
    strays = {
        "cat/notes.txt": b"text",
        "cat/cut.png": picture()[:40],
        "cat/empty.png": b"",
        "dog/tiny.png": picture(size=(2, 2)),
        "cat/deeper/a.png": picture(),
        "README.md": b"outside",
    }
    dataset = load_dataset(make(tmp_path, PLAIN | strays))
    assert (len(dataset), dataset.skipped) == (20, 6)


def test_korean_class_names_however_they_are_stored(tmp_path: Path) -> None:
    cat, dog = "고양이", "개"
    apart = unicodedata.normalize("NFD", cat)  # as macOS may store it
    folder = make_folder(tmp_path, {f"{label}/{i}.png": picture(i) for label in (apart, dog) for i in range(2)})
    assert load_dataset(folder).classes == (dog, cat)


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_korean_names_in_a_zip_that_does_not_say_its_encoding(tmp_path: Path, encoding: str) -> None:
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


def test_zip_names_in_no_known_encoding_are_taken_as_dos_wrote_them(tmp_path: Path) -> None:
    path = make_zip(tmp_path, {f"{label}/{i}.png": picture(i) for label in ("tea", "caf?") for i in range(2)})
    path.write_bytes(path.read_bytes().replace(b"caf?", b"caf\x82"))
    assert load_dataset(path).classes == ("café", "tea")


def test_progress_counts_every_file_of_a_class(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    tree = PLAIN | {"cat/notes.txt": b"text", "outside.txt": b"text"}
    load_dataset(make_zip(tmp_path, tree), progress=lambda done, total: calls.append((done, total)))
    assert calls == [(i, 21) for i in range(1, 22)]


def test_a_caller_can_stop_it(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_dataset(make_zip(tmp_path, PLAIN), progress=stop)


# ---- Sizes ----------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    width=st.integers(8, 24),
    height=st.integers(8, 24),
    counts=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_round_trip(width: int, height: int, counts: list[int], seed: int, method: int) -> None:
    """Random pictures of one size come back to the bit, with their class."""
    generator = np.random.default_rng(seed)
    pixels = {
        (part, label, i): generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for part in ("train", "test")
        for label, count in enumerate(counts)
        for i in range(count)
    }
    tree = {f"{part}/class{label}/{i}.png": png(array) for (part, label, i), array in pixels.items()}
    with tempfile.TemporaryDirectory() as folder:
        dataset = load_dataset(make_zip(Path(folder), tree, method))
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        expected = [(label, array) for (other, label, _), array in pixels.items() if other == part]
        assert split.labels.tolist() == [label for label, _ in expected]
        assert np.array_equal(split.images.numpy(), np.stack([a.transpose(2, 0, 1) for _, a in expected]))


def test_jpegs_are_what_pillow_decodes(tmp_path: Path) -> None:
    gradient = np.add.outer(np.arange(32) * 4, np.arange(32) * 3)[..., None].repeat(3, 2).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(gradient).save(buffer, format="JPEG")
    dataset = load_dataset(make_zip(tmp_path, dict.fromkeys(SPLIT, buffer.getvalue())))
    expected = np.asarray(Image.open(buffer)).transpose(2, 0, 1)
    assert np.array_equal(dataset.train.images[0].numpy(), expected)


def test_one_size_is_kept_even_if_not_square(tmp_path: Path) -> None:
    tree = {name: picture(7, (12, 9)) for name in PLAIN}
    assert load_dataset(make_zip(tmp_path, tree)).train.images.shape == (16, 3, 9, 12)


@pytest.mark.parametrize("odd_one", [0, 5, 19], ids=["first", "middle", "last"])
def test_different_sizes_become_small_squares(tmp_path: Path, odd_one: int) -> None:
    tree = dict(PLAIN)
    tree[sorted(tree)[odd_one]] = picture(99, (20, 10))
    dataset = load_dataset(make_zip(tmp_path, tree))
    assert dataset.train.images.shape == (16, 3, 32, 32)
    shades = torch.cat([dataset.train.images, dataset.test.images])
    assert torch.equal(shades, shades[:, :1, :1, :1].expand_as(shades))  # one gray stays that gray
    assert 99 in shades[:, 0, 0, 0]


@pytest.mark.parametrize("sizes", [((48, 16), (16, 48)), ((48, 16), (48, 16))], ids=["different", "same"])
def test_side_cuts_out_the_centre(tmp_path: Path, sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """Blue, red, blue in thirds, the red one in the middle: only red is left."""

    def striped(size: tuple[int, int]) -> bytes:
        width, height = size
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[..., 2] = 255
        pixels[(height - 16) // 2 : (height + 16) // 2, (width - 16) // 2 : (width + 16) // 2] = (255, 0, 0)
        return png(pixels)

    tree = {f"{label}/{i}.png": striped(size) for label, size in zip("ab", sizes, strict=True) for i in range(2)}
    dataset = load_dataset(make_zip(tmp_path, tree), side=16)
    assert dataset.train.images.shape == (2, 3, 16, 16)
    assert dataset.train.images[:, 0].eq(255).all()
    assert dataset.train.images[:, 1:].eq(0).all()


def test_squares_made_late_are_squares_made_at_once(tmp_path: Path) -> None:
    """Pictures kept at their own size until another size arrives are resized as if it had been known."""
    generator = np.random.default_rng(0)
    tree = {f"{label}/{i}.png": png(generator.integers(0, 256, (50, 40, 3), np.uint8)) for label in "ab" for i in "123"}
    path = make_zip(tmp_path, tree | {"b/4.png": png(generator.integers(0, 256, (40, 50, 3), np.uint8))})
    assert equal(load_dataset(path), load_dataset(path, side=datasets.DEFAULT_SIDE))


@pytest.mark.parametrize("side", [0, -1])
def test_impossible_side(tmp_path: Path, side: int) -> None:
    assert str(side) in refusal(make_zip(tmp_path, PLAIN), side=side)


def test_pictures_that_need_too_much_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "MAX_PIXEL_BYTES", 20 * 3 * 64 * 64 - 1)
    same = make_zip(tmp_path, {name: picture(size=(64, 64)) for name in PLAIN})
    assert "20 pictures of 64 x 64 pixels take 0.3 MiB" in refusal(same)
    assert "pictures of 4096 x 4096" in refusal(same, side=4096)
    assert load_dataset(same, side=32).train.images.shape == (16, 3, 32, 32)
    mixed = {name: picture(size=(64, 64)) for name in PLAIN} | {"dog/9.png": picture(size=(64, 60))}
    assert load_dataset(make_zip(tmp_path, mixed)).train.images.shape == (16, 3, 32, 32)


# ---- Layouts that cannot be used ------------------------------------------------------------------------------------

UNUSABLE: dict[str, tuple[Tree, str]] = {
    "empty": ({}, "holds no files"),
    "only junk": ({".DS_Store": b"", "__MACOSX/a": b""}, "holds no files"),
    "no folders": ({"a.png": picture(), "b.png": picture()}, "not sorted into class folders"),
    "too deep": ({f"x/y/{name}": data for name, data in PLAIN.items()}, "not sorted into class folders"),
    "train and val": (
        {f"{part}/{name}": data for name, data in PLAIN.items() for part in ("train", "val")},
        "at its top: train, val",
    ),
    "test without classes": (
        {f"train/{name}": data for name, data in PLAIN.items()} | {"test/1.png": picture()},
        "test/CLASS/PICTURE",
    ),
    "one class": ({"cat/1.png": picture(), "cat/2.png": picture()}, "only 1 class, cat"),
    "one class, wrapped": ({"pets/cat/1.png": picture()}, "only 1 class, cat"),
    "one class to learn": (
        {"train/cat/1.png": picture(), "test/cat/2.png": picture()},
        "only 1 class, cat",
    ),
    "test class without training": (SPLIT | {"test/eel/1.png": picture()}, "test pictures of eel"),
    "no pictures in a class": (PLAIN | {"eel/1.png": b"x", "eel/2.png": b"y"}, "class folder eel is a picture"),
    "no pictures in a test class": (
        {name: b"x" if name.startswith("test/dog") else data for name, data in SPLIT.items()},
        "class folder test/dog is a picture that can be used (10 tried)",
    ),
    "nothing to test with": ({"cat/1.png": picture(), "dog/1.png": picture()}, "2 pictures"),
    "control character": (PLAIN | {"e\x1bel/1.png": picture()}, "e\\x1bel"),
}


@both
@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_layout(tmp_path: Path, make: Maker, case: str) -> None:
    tree, said = UNUSABLE[case]
    assert said in refusal(make(tmp_path, tree))


def test_the_reason_is_told_why_no_picture_could_be_used(tmp_path: Path) -> None:
    said = refusal(make_zip(tmp_path, PLAIN | {"eel/1.png": picture(size=(2, 2))}))
    assert "eel/1.png has 2 x 2 pixels" in said


def test_no_such_path(tmp_path: Path) -> None:
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
        "/cat/x.png",
        "../cat/x.png",
        "cat/../../x.png",
        "cat//x.png",
        "C:/cat/x.png",
        "c:x.png",
        "cat\\x.png",
        "..\\x.png",
        "//server/x.png",
        "..",
    ],
)
def test_zip_paths_that_lead_out(tmp_path: Path, name: str) -> None:
    said = refusal(make_zip(tmp_path, PLAIN | {name: picture()}))
    assert "could lead out" in said
    assert name in said


def test_zip_path_with_a_zero_byte(tmp_path: Path) -> None:
    path = make_zip(tmp_path, PLAIN | {"cat/zero?.png": picture()})
    path.write_bytes(path.read_bytes().replace(b"zero?", b"zero\0"))
    assert "cat/zero\\x00.png" in refusal(path)


def test_zip_path_from_here_is_harmless(tmp_path: Path) -> None:
    tree = {f"./{name}": data for name, data in PLAIN.items()}
    assert len(load_dataset(make_zip(tmp_path, tree))) == 20


def test_zip_with_folder_entries(tmp_path: Path) -> None:
    assert len(load_dataset(make_zip(tmp_path, {"./": b"", "cat/": b"", "eel/": b""} | PLAIN))) == 20


def test_zip_with_a_link(tmp_path: Path) -> None:
    path = make_zip(tmp_path, PLAIN)
    link = zipfile.ZipInfo("cat/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "cat/link.png in pets.zip is a link" in refusal(path)


@pytest.mark.parametrize("flag", [0x1, 0x40, 0x2000])
def test_encrypted_zip(tmp_path: Path, flag: int) -> None:
    assert "encrypted" in refusal(patched(make_zip(tmp_path, PLAIN), FLAGS, flag))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_limit(tmp_path: Path, method: int) -> None:
    assert "rare method" in refusal(make_zip(tmp_path, PLAIN, method))


def test_unknown_method(tmp_path: Path) -> None:
    assert "rare method" in refusal(patched(make_zip(tmp_path, PLAIN), METHOD, 99))


def test_bomb(tmp_path: Path) -> None:
    said = refusal(make_zip(tmp_path, PLAIN | {"cat/bomb.png": bytes(9 * 2**20)}))
    assert "cat/bomb.png in pets.zip unpacks to 1,0" in said  # 1,0xx times its size


@both
def test_a_file_too_large(tmp_path: Path, make: Maker) -> None:
    noise = np.random.default_rng(0).bytes(archives.MAX_BYTES + 1)
    said = refusal(make(tmp_path, PLAIN | {"cat/large.png": noise}))
    assert "cat/large.png" in said
    assert "10.1 MiB or more; at most 10.0 MiB" in said


@both
def test_a_large_file_outside_the_class_folders_is_never_read(tmp_path: Path, make: Maker) -> None:
    noise = np.random.default_rng(0).bytes(archives.MAX_BYTES + 1)
    assert load_dataset(make(tmp_path, PLAIN | {"video.mp4": noise})).skipped == 1


@pytest.mark.parametrize("size", [0, 1, 20, 2**20 + 1, 2**32 - 2])
def test_a_zip_that_lies_about_a_size(tmp_path: Path, size: int) -> None:
    path = patched(make_zip(tmp_path, {"cat/0.png": picture() + bytes(500)} | PLAIN), UNPACKED, size, "<I")
    assert "cat/0.png" in refusal(path)


def test_a_zip_that_claims_a_little_too_much_is_read_for_what_it_is(tmp_path: Path) -> None:
    assert equal(
        load_dataset(patched(make_zip(tmp_path, PLAIN), UNPACKED, 1000, "<I")),
        load_dataset(make_folder(tmp_path, PLAIN)),
    )


def test_sizes_are_counted_while_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 100)
    monkeypatch.setattr(archives, "MAX_TOTAL", 250)
    entries = [archives._Entry((name,), 0, lambda: io.BytesIO(bytes(100))) for name in "abc"]
    large = archives._Entry(("z",), 0, lambda: io.BytesIO(bytes(10_000)))
    files = archives.Files("liar.zip", [*entries, large])
    files.check(files.names)
    assert len(files.read(("a",))) == len(files.read(("b",))) == 100
    with pytest.raises(UserError, match=r"liar\.zip holds"):
        files.read(("c",))
    with pytest.raises(UserError, match=r"z in liar\.zip has"):
        files.read(("z",))


@both
def test_too_much_in_all(tmp_path: Path, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path, {name: data + bytes(2000) for name, data in PLAIN.items()})
    monkeypatch.setattr(archives, "MAX_TOTAL", 20_000)
    assert "at most 0.1 MiB are read" in refusal(path)


def test_a_zip_that_is_too_large_itself(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    path.touch()
    os.truncate(path, archives.MAX_TOTAL + 1)  # sparse
    assert "large.zip holds 2,048.1 MiB" in refusal(path)


@both
def test_too_many_files(tmp_path: Path, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path, PLAIN)
    monkeypatch.setattr(archives, "MAX_FILES", len(PLAIN))
    assert len(load_dataset(path)) == 20
    monkeypatch.setattr(archives, "MAX_FILES", len(PLAIN) - 1)
    assert "more than 19 files" in refusal(path)


def test_entries_are_counted_before_the_zip_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path, {f"{name}/": b"" for name in range(50)} | PLAIN)
    monkeypatch.setattr(archives, "MAX_FILES", 60)
    monkeypatch.setattr(zipfile, "ZipFile", lambda path: pytest.fail("opened"))
    assert "more than 60 files" in refusal(path)


def test_a_listing_of_long_names_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path, {f"cat/{'n' * 60_000}{i}.png": b"" for i in range(20)} | PLAIN)
    assert len(load_dataset(path)) == 20
    monkeypatch.setattr(archives, "MAX_LISTING", 10**6)
    assert "its listing is too long" in refusal(path)


def test_a_long_name_is_cut_where_it_is_shown(tmp_path: Path) -> None:
    said = refusal(make_zip(tmp_path, PLAIN | {f"cat/{'n' * 60_000}/../x.png": picture()}))
    assert "nnn..." in said
    assert len(said) < 1000


@pytest.mark.parametrize("before", [0, 1, 2**20 - 3, 2**20 - 2, 2**20 - 1, 2**20])
def test_entries_are_counted_across_chunks(tmp_path: Path, before: int) -> None:
    (tmp_path / "x").write_bytes(bytes(before) + archives._ENTRY + bytes(7) + archives._ENTRY)
    assert archives._count_entries(tmp_path / "x") == 2


def test_two_files_of_one_name(tmp_path: Path) -> None:
    path = make_zip(tmp_path, PLAIN | {"cat/?.png": picture(200)})
    path.write_bytes(path.read_bytes().replace(b"cat/?.png", b"cat/0.png"))
    assert "two files named cat/0.png" in refusal(path)


def test_a_zip_in_a_zip(tmp_path: Path) -> None:
    inner = make_zip(tmp_path, PLAIN).read_bytes()
    assert "holds another zip, cat/inner.ZIP" in refusal(make_zip(tmp_path, PLAIN | {"cat/inner.ZIP": inner}))


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"PK", picture(), b"PK\5\6" + bytes(17)], ids=["empty", "text", "PK", "picture", "cut"]
)
def test_not_a_zip(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "pets.zip").write_bytes(data)
    assert "pets.zip cannot be read as a zip file" in refusal(tmp_path / "pets.zip")


def test_empty_zip(tmp_path: Path) -> None:
    assert "holds no files" in refusal(make_zip(tmp_path, {}))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_truncated_zip(tmp_path: Path, share: float) -> None:
    path = make_zip(tmp_path, PLAIN)
    os.truncate(path, int(path.stat().st_size * share))
    assert "cannot be read as a zip file" in refusal(path)


def test_damaged_member(tmp_path: Path) -> None:
    path = make_zip(tmp_path, PLAIN, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"IDAT", b"XDAT", 1))
    assert "cat/0.png in pets.zip cannot be read" in refusal(path)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_zip_raises_nothing_but_user_errors(data: st.DataObject) -> None:
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
def test_links_in_a_folder_are_not_followed(tmp_path: Path, target: str) -> None:
    folder = make_folder(tmp_path, PLAIN)
    (folder / "cat" / "link").symlink_to(target)
    assert "cat/link is a link" in refusal(folder)


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    make_folder(tmp_path, PLAIN)
    (tmp_path / "link").symlink_to("pets")
    assert len(load_dataset(tmp_path / "link")) == 20


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, PLAIN)
    os.mkfifo(folder / "cat" / "pipe.png")
    assert len(load_dataset(folder)) == 20
    assert "no folder and no zip" in refusal(folder / "cat" / "pipe.png")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, PLAIN)
    for label in (b"cat", b"\xffel"):
        os.makedirs(os.fsencode(folder) + b"/" + label, exist_ok=True)
        with open(os.fsencode(folder) + b"/" + label + b"/\xff.png", "wb") as file:
            file.write(picture())
    said = refusal(folder)
    assert "class folder \\udcffel" in said
    said.encode()


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, PLAIN)
    said = ""
    try:
        load_dataset(folder, progress=lambda done, total: (folder / "dog" / "9.png").unlink(missing_ok=True))
    except UserError as problem:
        said = str(problem)
    assert "dog/9.png in pets cannot be read (No such file or directory)" in said


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(tmp_path, PLAIN)
    monkeypatch.setattr(os, "scandir", lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    assert "pets cannot be read: Permission denied" in refusal(folder)


# ---- CIFAR-10 -------------------------------------------------------------------------------------------------------


def test_cifar10(cifar10_zip: Path) -> None:
    dataset = load_dataset(cifar10_zip)
    assert dataset.classes == CIFAR10_CLASSES
    assert dataset.train.images.shape == (50_000, 3, 32, 32)
    assert dataset.test.images.shape == (10_000, 3, 32, 32)
    assert dataset.train.labels.bincount().tolist() == [5_000] * 10
    assert dataset.test.labels.bincount().tolist() == [1_000] * 10
    assert dataset.skipped == 0
    mean = dataset.train.images.double().mean((0, 2, 3)) / 255
    assert mean.numpy() == pytest.approx([0.4914, 0.4822, 0.4465], abs=0.002)  # as published; the files are JPEGs


def test_sample_pictures_are_spread_over_the_classes(tmp_path: Path) -> None:
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
