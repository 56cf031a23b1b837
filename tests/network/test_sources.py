"""Where weights are looked for, and in which order."""

from dataclasses import replace

import pytest

from alexnet_viz.network import sources
from alexnet_viz.network.sources import RANDOM, SHIPPED_DIR, WeightsSource, find_weights, places
from alexnet_viz.network.zoo import MODELS

ENTRY = replace(MODELS["lenet5"], shipped="lenet.safetensors", hub="lenet.pth")


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
    assert places(ENTRY) == [WeightsSource(origin, path) for origin, path in folders.items()]


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
    assert find_weights(ENTRY) == RANDOM
    assert not RANDOM.trained


def test_a_folder_of_that_name_is_no_file(folders):
    folders["shipped"].mkdir()
    assert find_weights(ENTRY) == RANDOM


def test_a_model_without_files_is_looked_for_nowhere():
    assert places(replace(ENTRY, shipped="", hub="")) == []


def test_a_model_that_only_ships_is_not_looked_for_at_home():
    assert [place.origin for place in places(replace(ENTRY, hub=""))] == ["shipped"]


def test_the_environment_is_read_at_each_call(folders, tmp_path, monkeypatch):
    other = tmp_path / "elsewhere" / "weights" / "lenet.pth"
    other.parent.mkdir(parents=True)
    other.touch()
    assert find_weights(ENTRY) == RANDOM
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "elsewhere"))
    assert find_weights(ENTRY) == WeightsSource("home", other)


def test_shipped_weights_are_an_asset_of_this_repository():
    assert SHIPPED_DIR.parts[-2:] == ("assets", "weights")
    assert (SHIPPED_DIR.parent.parent / "alexnet_viz" / "network" / "sources.py").samefile(sources.__file__)
