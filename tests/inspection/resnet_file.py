"""ResNet-18's file with random weights, and a home without any."""

import pytest
import torch


def write_random(path, seed=0):
    """torchvision's network with seeded random weights, saved as its published file is."""
    from torchvision.models import resnet18

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = resnet18(weights=None).eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)
    return network


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path
