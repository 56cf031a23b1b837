"""What computes a run: how much memory it may take."""

import pytest
import torch

from alexnet_viz.errors import UserError
from alexnet_viz.network.spec import Conv, Flatten, Linear, Spec
from alexnet_viz.training import devices as subject
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.devices import check_memory, memory_free
from alexnet_viz.training.train import train

CPU = torch.device("cpu")
SPEC = Spec((3, 32, 32), (Conv(64, 3, padding=1), Flatten(), Linear(64 * 32 * 32, 10)))
# Weights, gradients and momentum, then 64 pictures' outputs, 4 bytes each; by hand.
PARAMETERS = 3 * 4 * (64 * 3 * 9 + 64 + 64 * 32 * 32 * 10 + 10)
OUTPUTS = 64 * 4 * (64 * 32 * 32 + 10)


@pytest.mark.parametrize(("precision", "needed"), [("fp32", PARAMETERS + OUTPUTS), ("bf16", PARAMETERS + OUTPUTS // 2)])
def test_a_network_that_does_not_fit_is_refused(monkeypatch, precision, needed):
    config = TrainConfig(data="shapes", batch=64, precision=precision)
    monkeypatch.setattr(subject, "memory_free", lambda device: needed)
    check_memory(config, SPEC, CPU)
    monkeypatch.setattr(subject, "memory_free", lambda device: needed - 1)
    with pytest.raises(UserError, match="smaller batch"):
        check_memory(config, SPEC, CPU)


def test_a_system_that_does_not_say_refuses_nothing(monkeypatch):
    monkeypatch.setattr(subject, "memory_free", lambda device: None)
    check_memory(TrainConfig(data="shapes"), SPEC, CPU)


def test_free_memory_is_some_of_the_machines():
    free = memory_free(CPU)
    assert free is None or 2**20 < free < 2**50


def test_a_run_ends_before_its_first_step(monkeypatch):
    monkeypatch.setattr(subject, "memory_free", lambda device: 10**6)
    with pytest.raises(UserError, match="GB"):
        list(train(TrainConfig(data="shapes", model="lenet5")))
