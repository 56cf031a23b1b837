"""CIFAR-10: downloaded from a server that this test starts, packed, and read back to the last pixel."""

import hashlib
import zipfile

import numpy as np
import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.files.download import DownloadProgress
from alexnet_viz.files.paths import cifar10_path
from alexnet_viz.training import cifar10
from alexnet_viz.training.cifar10 import Packed, archive_path, download_cifar10
from alexnet_viz.training.datasets import load_dataset
from alexnet_viz.words.labels import class_ids
from tests.files.site import dead_url, serving
from tests.training.small_cifar10 import ARCHIVE, FILES, RECORDS, contents, packed_tar

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def site():
    with serving(ARCHIVE) as server:
        yield server


def make(url, archive=ARCHIVE, records=RECORDS):
    return download_cifar10(url=url, sha256=hashlib.sha256(archive).hexdigest(), records=records)


def put(archive):
    """As somebody without a network does by hand."""
    archive_path().parent.mkdir(parents=True)
    archive_path().write_bytes(archive)


def expected(names):
    """Images and labels by the rule on the makers' page, one pixel at a time where it matters: planes, row by row."""
    rows = [contents()[name][i * 3073 : (i + 1) * 3073] for name in names for i in range(RECORDS)]
    labels = np.array([row[0] for row in rows])
    images = np.array([[list(row[1 + 1024 * c : 1 + 1024 * (c + 1)]) for c in range(3)] for row in rows])
    order = np.argsort(labels, kind="stable")  # a dataset is sorted by class, then by the number in the file's name
    return images.reshape(-1, 3, 32, 32)[order], labels[order]


def test_the_pixels_come_back_exactly(site):
    list(make(site.url))
    dataset = load_dataset(cifar10_path())
    assert dataset.classes == class_ids("cifar10")
    assert dataset.skipped == 0
    for split, names in ((dataset.train, FILES[:5]), (dataset.test, FILES[5:])):
        images, labels = expected(names)
        assert split.images.numpy().tolist() == images.tolist()
        assert split.labels.tolist() == labels.tolist()


def test_it_tells_bytes_then_pictures(site):
    steps = list(make(site.url))
    kinds = [type(step) for step in steps]
    assert kinds == sorted(kinds, key=[DownloadProgress, Packed].index)
    assert [step.done for step in steps if isinstance(step, Packed)] == [0, 120]
    assert steps[-1].share == 1.0
    assert next(step for step in steps[::-1] if isinstance(step, DownloadProgress)).done == len(ARCHIVE)


def test_the_zip_is_stored_and_the_same_every_time(site):
    list(make(site.url))
    first = cifar10_path().read_bytes()
    with zipfile.ZipFile(cifar10_path()) as packed:
        assert {info.compress_type for info in packed.infolist()} == {zipfile.ZIP_STORED}
        numbers = {name[-9:-4] for name in packed.namelist() if name.startswith("train/")}
        assert numbers == {f"{number:05}" for number in range(100)}
    cifar10_path().unlink()
    list(make(site.url))
    assert cifar10_path().read_bytes() == first


def test_an_archive_put_by_hand_is_used_without_a_network():
    put(ARCHIVE)
    assert all(isinstance(step, Packed) for step in make(dead_url()))
    assert len(load_dataset(cifar10_path())) == 120


def test_offline_it_says_where_to_put_what_is_fetched_elsewhere(home):
    with pytest.raises(UserError, match=cifar10.ARCHIVE) as raised:
        list(make(dead_url()))
    assert str(home / "datasets") in str(raised.value)


def test_a_file_put_by_hand_with_a_wrong_checksum_is_refused_and_stays():
    put(ARCHIVE[:1000])
    with pytest.raises(UserError, match=r"only a part of it.* Remove it"):
        list(make(dead_url()))
    assert archive_path().read_bytes() == ARCHIVE[:1000]
    assert cifar10_path() is None


@pytest.mark.parametrize("full", ["cifar-10-binary.tar.gz.part", "cifar10.zip.part"])
def test_a_full_disk_is_said_and_leaves_no_half_zip(site, home, full):
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / full).symlink_to("/dev/full")  # refuses every byte as a full disk does
    with pytest.raises(UserError, match="disk full"):
        list(make(site.url))
    assert cifar10_path() is None
    assert not (home / "datasets" / "cifar10.zip.part").exists()


def test_stopping_while_it_packs_leaves_no_half_zip_and_needs_no_second_download(site, home):
    going = make(site.url)
    assert any(isinstance(step, Packed) for step in going)  # stands at the first of them
    going.close()
    assert cifar10_path() is None
    assert not (home / "datasets" / "cifar10.zip.part").exists()
    list(make(dead_url()))
    assert len(load_dataset(cifar10_path())) == 120


def test_one_at_a_time(site):
    first = make(site.url)
    next(first)
    with pytest.raises(UserError, match="is being downloaded already"):
        list(make(site.url))
    list(first)
    assert list(make(dead_url())) == []  # who comes later finds it here


WITHOUT_ONE = {name: data for name, data in contents().items() if name != "data_batch_3.bin"}


@pytest.mark.parametrize(
    ("archive", "member"),
    [
        (packed_tar(WITHOUT_ONE), "data_batch_3.bin"),
        (packed_tar({**contents(), "data_batch_3.bin": b"x" * 3073}), "data_batch_3.bin"),
        (packed_tar(contents(), links=["data_batch_3.bin"]), "data_batch_3.bin"),
        (packed_tar({**contents(), "batches.meta.txt": b"cat\ndog\n"}), "batches.meta.txt"),
        (packed_tar({**contents(), "batches.meta.txt": b"cat\n" * 1000}), "batches.meta.txt"),
        (packed_tar(contents(), folder="../cifar-10-batches-bin"), "batches.meta.txt"),
    ],
    ids=["missing", "short", "link", "other classes", "long list of classes", "other folder"],
)
def test_another_archive_is_refused(archive, member):
    put(archive)
    with pytest.raises(UserError, match=f"{member} in it is missing or"):
        list(make(dead_url(), archive))
    assert cifar10_path() is None


def test_what_else_is_in_the_archive_is_passed_over(home):
    archive = packed_tar({**contents(), "../../evil.bin": b"x", "more.bin": b"x" * 100_000})
    put(archive)
    list(make(dead_url(), archive))
    assert len(load_dataset(cifar10_path())) == 120
    assert sorted(path.name for path in home.rglob("*") if path.suffix == ".bin") == []


def test_the_figures_that_the_page_shows():
    assert DownloadProgress(170_052_171, 170_052_171).mebibytes[0] == cifar10.ARCHIVE_MIB
    assert cifar10.RECORDS * 6 == 60_000
    assert cifar10.URL.endswith(cifar10.ARCHIVE)
