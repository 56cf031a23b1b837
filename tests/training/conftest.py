"""Fixtures of the tests of training."""

import pytest

from alexnet_viz.training import runs


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of one's own: no runs of before, none that comes with the app, and no graphics card."""
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ALEXNET_VIZ_CIFAR10", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(runs, "SHIPPED_DIR", tmp_path / "shipped")
    return tmp_path / "home"
