"""Where weights are looked for, and in which order."""

from dataclasses import replace

import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.network import sources
from alexnet_viz.network.sources import RANDOM, SHIPPED_DIR, WeightsSource, download, find_weights, search_path
from alexnet_viz.network.zoo import MODELS
from tests.files.site import CONTENT, GOOD, serving

ENTRY = replace(MODELS["lenet5"], shipped="lenet.safetensors", hub="lenet.pth", also="mnist_best.pth")
HOME_NAMES = ["lenet5.safetensors", "lenet5.pth", "lenet.pth", "mnist_best.pth"]  # best first


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(sources, "SHIPPED_DIR", tmp_path / "shipped")
    files = {
        "shipped": tmp_path / "shipped" / "lenet.safetensors",
        "home": tmp_path / "home" / "weights" / "lenet.pth",
        "hub": tmp_path / "torch" / "hub" / "checkpoints" / "lenet.pth",
    }
    for file in files.values():
        file.parent.mkdir(parents=True)
    return files


def test_places_in_order(folders):
    assert search_path(ENTRY) == [
        WeightsSource("shipped", folders["shipped"]),
        *(WeightsSource("home", folders["home"].parent / name) for name in HOME_NAMES),
        WeightsSource("hub", folders["hub"]),
    ]


def test_the_best_name_at_home_wins(folders):
    for name in reversed(HOME_NAMES):
        (folders["home"].parent / name).touch()
        assert find_weights(ENTRY) == WeightsSource("home", folders["home"].parent / name)
    assert MODELS["alexnet_cifar"].also == "alexnet_cifar10_best.pth", "as the seed's script calls it"


@pytest.mark.parametrize(
    ("present", "found"),
    [
        (("shipped", "home", "hub"), "shipped"),
        (("home", "hub"), "home"),
        (("hub",), "hub"),
        (("shipped", "hub"), "shipped"),
    ],
)
def test_the_first_place_that_holds_a_file_wins(folders, present, found):
    for origin in present:
        folders[origin].touch()
    assert find_weights(ENTRY) == WeightsSource(found, folders[found])
    assert find_weights(ENTRY).trained


def test_without_a_file_anywhere_weights_are_random(folders):
    folders["shipped"].mkdir()  # a folder of that name is no file
    assert find_weights(ENTRY) == RANDOM
    assert not RANDOM.trained


@pytest.mark.parametrize("entry", MODELS.values(), ids=list(MODELS))
def test_every_model_can_be_given_weights_under_its_id(folders, entry):
    names = [place.path.name for place in search_path(entry) if place.origin == "home"]
    assert names[:2] == [f"{entry.id}.safetensors", f"{entry.id}.pth"]
    assert len(set(names)) == len(names)
    origins = [place.origin for place in search_path(entry)]
    assert ("shipped" in origins, "hub" in origins) == (bool(entry.shipped), bool(entry.hub))


def test_shipped_weights_are_an_asset_of_this_repository():
    assert SHIPPED_DIR.parts[-2:] == ("assets", "weights")
    assert (SHIPPED_DIR.parent.parent / "alexnet_viz" / "network" / "sources.py").samefile(sources.__file__)


# ---- Downloading them; how a download itself goes is in tests/files/test_download.py ----


def fetch(folder, checksum):
    entry = replace(MODELS["alexnet_torchvision"], hub=f"net-{checksum}.pth")
    with serving(CONTENT) as site:
        return list(download(entry, url=site.url, folder=folder))


@pytest.mark.parametrize("folder", [None, "elsewhere"])
def test_weights_arrive_under_their_published_name_checked_by_the_digits_in_it(tmp_path, monkeypatch, folder):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    progress = fetch(folder and tmp_path / folder, GOOD[:8])
    assert (tmp_path / (folder or "weights") / f"net-{GOOD[:8]}.pth").read_bytes() == CONTENT
    assert progress[-1].done == progress[-1].total == len(CONTENT)


def test_other_weights_than_the_name_says_are_refused(tmp_path):
    with pytest.raises(UserError, match="instead of 00000000"):
        fetch(tmp_path, "00000000")
    assert not list(tmp_path.glob("*.pth*.part"))
    assert not list(tmp_path.glob("*.pth"))


def test_the_published_file_and_its_checksum_are_torchvisions():
    from torchvision.models import AlexNet_Weights

    entry = MODELS["alexnet_torchvision"]
    assert entry.url == AlexNet_Weights.IMAGENET1K_V1.url
    assert entry.url.endswith(entry.hub)
