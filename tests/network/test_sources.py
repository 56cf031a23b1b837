"""Where weights are looked for, and in which order."""

from dataclasses import replace

import pytest

from alexnet_viz.network import sources
from alexnet_viz.network.sources import RANDOM, SHIPPED_DIR, WeightsSource, find_weights, search_path
from alexnet_viz.network.zoo import MODELS

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
