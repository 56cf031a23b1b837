"""The images of a run: found, kept decoded, split, made gray."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.training import data
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.data import first, grey, open_data, prepare
from alexnet_viz.training.datasets import Dataset, Split
from alexnet_viz.training.left_out import LeftOut
from tools.class_folders import PLAIN, equal, make_folder, make_zip

CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def loads(monkeypatch):
    """How often pictures were decoded."""
    calls = []
    original = data.load_dataset

    def counted(path, **options):
        calls.append(path)
        return original(path, **options)

    monkeypatch.setattr(data, "load_dataset", counted)
    return calls


def some(counts, side=4):
    """A dataset with so many training images of each class, each image another one."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    images = torch.arange(len(labels)).view(-1, 1, 1, 1).expand(-1, 3, side, side).to(torch.uint8)
    classes = tuple(f"c{i}" for i in range(len(counts)))
    return Dataset("some", classes, Split(images, labels), Split(images[:2], labels[:2]))


# ---- Found and kept --------------------------------------------------------------------------------------------------


def test_a_zip_is_decoded_once(tmp_path, loads):
    path = make_zip(tmp_path, PLAIN)
    fresh, kept = open_data(str(path), 8), open_data(str(path), 8)
    assert equal(fresh, kept)
    assert (fresh.name, fresh.skipped) == (kept.name, kept.skipped)
    assert len(loads) == 1
    assert kept.train.images.dtype == torch.uint8
    kept.train.images[0] = 0  # a copy of one's own, not the file
    assert equal(open_data(str(path), 8), fresh)


def test_what_is_left_out_and_the_validation_images_are_kept_with_the_decoded_ones(tmp_path, loads):
    tree = {f"{part}/{name}": data for name, data in PLAIN.items() for part in ("train", "val")}
    path = make_zip(tmp_path, tree | {"train/cat/x.psd": b"8BPS", "README.md": b"hello"})
    fresh, kept = open_data(str(path), 8), open_data(str(path), 8)
    assert len(loads) == 1
    assert kept.left_out == fresh.left_out == (LeftOut("", "outside", 1), LeftOut("cat", "unsupported", 1))
    assert kept.outside == fresh.outside == ("README.md",)
    assert kept.validation.images.equal(fresh.validation.images)
    assert (len(kept.train), len(kept.validation), len(kept.test)) == (20, 20, 0)


def test_images_that_an_earlier_version_kept_are_decoded_again(tmp_path, loads, monkeypatch):
    path = make_zip(tmp_path, PLAIN)
    open_data(str(path), 8)
    monkeypatch.setattr(data, "DECODED_AS", data.DECODED_AS + 1)
    open_data(str(path), 8)
    assert len(loads) == 2


def test_another_side_or_a_changed_zip_is_decoded_again(tmp_path, loads):
    path = make_zip(tmp_path, PLAIN)
    assert open_data(str(path), 8).train.images.shape[-1] == 8
    assert open_data(str(path), 16).train.images.shape[-1] == 16
    os.utime(path, ns=(1, 1))
    open_data(str(path), 8)
    assert len(loads) == 3


def test_a_folder_is_decoded_every_time(tmp_path, loads, home):
    path = make_folder(tmp_path, PLAIN)
    open_data(str(path), 8)
    open_data(str(path), 8)
    assert len(loads) == 2
    assert not home.exists()


@pytest.mark.parametrize("name", ["dataset.json", "train_images.npy", "test_labels.npy"])
@pytest.mark.parametrize("harm", [lambda file: file.unlink(), lambda file: file.write_bytes(file.read_bytes()[:9])])
def test_damaged_kept_images_are_decoded_again(tmp_path, loads, home, name, harm):
    path = make_zip(tmp_path, PLAIN)
    fresh = open_data(str(path), 8)
    (folder,) = (home / "datasets" / "decoded").iterdir()
    harm(folder / name)
    assert equal(open_data(str(path), 8), fresh)
    assert len(loads) == 2
    assert equal(open_data(str(path), 8), fresh)
    assert len(loads) == 2  # and are kept again
    assert len(list((home / "datasets" / "decoded").iterdir())) == 1


def test_without_room_the_run_goes_on(tmp_path, home, loads):
    home.write_text("a file where the folder should be")
    path = make_zip(tmp_path, PLAIN)
    assert equal(open_data(str(path), 8), open_data(str(path), 8))
    assert len(loads) == 2


def test_cifar10_is_found_where_it_is(tmp_path, home, monkeypatch):
    with pytest.raises(UserError, match="CIFAR-10 is not here"):
        open_data("cifar10", 8)
    path = make_zip(tmp_path, PLAIN)
    monkeypatch.setenv("ALEXNET_VIZ_CIFAR10", str(path))
    assert open_data("cifar10", 8).name == "pets"
    monkeypatch.delenv("ALEXNET_VIZ_CIFAR10")
    (home / "datasets").mkdir(exist_ok=True)
    shutil.copy(path, home / "datasets" / "cifar10.zip")
    assert open_data("cifar10", 8).name == "cifar10"


def test_shapes_have_one_size():
    assert open_data("shapes", 32).name == "shapes"
    with pytest.raises(UserError, match="28x28"):
        open_data("shapes", 28)


# ---- For one run ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "kept"), [(0.0, [0, 0, 0]), (0.25, [2, 5, 1]), (0.1, [1, 2, 0])])
def test_each_class_gives_its_share(share, kept):
    dataset = some([10, 20, 4])
    ready = prepare(dataset, TrainConfig(data="shapes", validation=share), 3, CPU)
    assert ready.validation.labels.bincount(minlength=3).tolist() == kept
    assert ready.train.labels.bincount().tolist() == [
        all_ - some_ for all_, some_ in zip([10, 20, 4], kept, strict=True)
    ]
    one, other = (set(split.images[:, 0, 0, 0].tolist()) for split in (ready.train, ready.validation))
    assert not one & other
    assert one | other == set(range(34))
    for split in (ready.train, ready.validation):  # every image still with its own label
        assert dataset.train.labels[split.images[:, 0, 0, 0].long()].equal(split.labels)
    assert ready.test.images.equal(dataset.test.images)


def test_validation_images_of_the_dataset_take_the_place_of_a_share():
    brought = some([3, 3]).train
    dataset = replace(some([10, 20, 4]), validation=brought)
    ready = prepare(dataset, TrainConfig(data="shapes", validation=0.25), 3, CPU)
    assert len(ready.train) == 34
    assert ready.validation.images.equal(brought.images)
    assert ready.validation.labels.equal(brought.labels)


def test_the_split_follows_from_the_seed():
    def kept(seed):
        config = TrainConfig(data="shapes", validation=0.3, seed=seed)
        return prepare(some([20, 20]), config, 3, CPU).validation.images[:, 0, 0, 0].tolist()

    assert kept(0) == kept(0)
    assert kept(0) != kept(1)


def test_a_share_keeps_at_least_one_and_never_all():
    config = TrainConfig(data="shapes", validation=0.05)
    assert len(prepare(some([3, 3]), config, 3, CPU).validation) == 1
    with pytest.raises(UserError, match="too few"):
        prepare(some([1]), config, 3, CPU)


def test_gray_is_pillows():
    images = torch.randint(0, 256, (30, 3, 17, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for one, image in zip(grey(images), images, strict=True):
        assert np.array_equal(one[0].numpy(), np.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L")))
    assert prepare(some([4, 4]), TrainConfig(data="shapes"), 1, CPU).train.images.shape[1] == 1


def test_the_first_images_take_the_classes_in_turn():
    chosen = first(some([3, 1, 5]).train, 6)
    assert chosen.labels.tolist() == [0, 1, 2, 0, 2]
    assert chosen.images[:, 0, 0, 0].tolist() == [0, 3, 4, 1, 5]
    assert len(first(some([30, 30]).train, 20)) == 20
    assert len(first(Split(torch.zeros(0, 3, 4, 4, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64)), 5)) == 0
