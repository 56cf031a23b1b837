"""Where this installation keeps things."""

from pathlib import Path

import platformdirs
import pytest
import torch

from alexnet_viz.files.paths import cifar10_path, home_dir, hub_dir, weights_dir


@pytest.mark.parametrize(("value", "folder"), [("/mine", "/mine"), ("~/runs", "{tmp}/runs"), ("here", "{tmp}/here")])
def test_the_environment_names_the_folder_at_each_call(tmp_path, monkeypatch, value, folder):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALEXNET_VIZ_HOME", value)
    assert home_dir() == Path(folder.format(tmp=tmp_path))
    assert weights_dir() == home_dir() / "weights"
    assert not home_dir().exists()  # asking makes nothing


@pytest.mark.parametrize("value", [None, "", "   "])
def test_without_it_the_platform_says_where(value, monkeypatch):
    if value is None:
        monkeypatch.delenv("ALEXNET_VIZ_HOME", raising=False)
    else:
        monkeypatch.setenv("ALEXNET_VIZ_HOME", value)
    assert home_dir() == Path(platformdirs.user_data_dir("alexnet-viz"))
    assert home_dir().is_absolute()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TORCH_HOME": "/somewhere/torch"},
        {"TORCH_HOME": "~/torch"},
        {"XDG_CACHE_HOME": "/caches"},
        {"XDG_CACHE_HOME": "~/caches"},
        {"XDG_CACHE_HOME": "/caches", "TORCH_HOME": "/somewhere/torch"},
    ],
)
def test_the_hub_folder_is_where_torch_has_it(environment, monkeypatch):
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "TORCH_HUB"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert hub_dir() == Path(torch.hub.get_dir()) / "checkpoints"


def test_cifar10_is_found_by_the_variable_or_in_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    for value in ("", str(tmp_path), str(tmp_path / "missing.zip")):
        monkeypatch.setenv("ALEXNET_VIZ_CIFAR10", value)
        assert cifar10_path() is None
    kept = tmp_path / "datasets" / "cifar10.zip"
    kept.parent.mkdir()
    kept.touch()
    assert cifar10_path() == kept
    named = tmp_path / "mine.zip"
    named.touch()
    monkeypatch.setenv("ALEXNET_VIZ_CIFAR10", str(named))
    assert cifar10_path() == named
