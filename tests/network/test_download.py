"""Downloading weights; how a download itself goes is in tests/files/test_download.py."""

from dataclasses import replace

import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.network.download import download
from alexnet_viz.network.zoo import MODELS
from tests.files.site import CONTENT, GOOD, serving


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
