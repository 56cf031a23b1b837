"""Downloading weights; how a download itself goes is in tests/test_download.py."""

import hashlib
from dataclasses import replace

import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.network.download import download
from alexnet_viz.network.zoo import MODELS
from tests.files.test_download import CONTENT, serving


def fetch(folder, checksum):
    entry = replace(MODELS["alexnet_torchvision"], hub=f"net-{checksum}.pth")
    with serving(CONTENT) as site:
        return list(download(entry, url=site.url, folder=folder))


def test_weights_arrive_under_their_published_name_checked_by_the_digits_in_it(tmp_path):
    good = hashlib.sha256(CONTENT).hexdigest()[:8]
    progress = fetch(tmp_path, good)
    assert (tmp_path / f"net-{good}.pth").read_bytes() == CONTENT
    assert progress[-1].done == progress[-1].total == len(CONTENT)


def test_other_weights_than_the_name_says_are_refused(tmp_path):
    with pytest.raises(UserError, match="instead of 00000000"):
        fetch(tmp_path, "00000000")
    assert not list(tmp_path.glob("*.pth*.part"))
    assert not list(tmp_path.glob("*.pth"))


def test_without_a_folder_they_go_into_the_weights_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    good = hashlib.sha256(CONTENT).hexdigest()[:8]
    fetch(None, good)
    assert (tmp_path / "weights" / f"net-{good}.pth").is_file()


def test_the_published_file_and_its_checksum_are_torchvisions():
    from torchvision.models import AlexNet_Weights

    entry = MODELS["alexnet_torchvision"]
    assert entry.url == AlexNet_Weights.IMAGENET1K_V1.url
    assert entry.url.endswith(entry.hub)
