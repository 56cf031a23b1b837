"""Files that are replaced whole, and what is read back from them."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from alexnet_viz.errors import UserError
from alexnet_viz.network.build import random_state
from alexnet_viz.network.weights import open_model
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.training import checkpoints
from alexnet_viz.training.snapshots import Snapshot, read_snapshot, snapshot_bytes, snapshot_file, snapshot_files

CPU = torch.device("cpu")


def checkpoint(value=1.0, step=7):
    weights = {"features.0.weight": torch.full((2, 3), value), "features.1.num_batches_tracked": torch.tensor(5)}
    optimizer = {"state": {0: {"momentum_buffer": torch.full((2, 3), -value)}}, "param_groups": [{"lr": 0.1}]}
    return checkpoints.Checkpoint(
        checkpoints.Position(step=step, loss=0.1 + 0.2, best_accuracy=0.5), weights, optimizer
    )


def test_a_checkpoint_comes_back_to_the_bit(tmp_path):
    checkpoints.save_checkpoint(tmp_path, checkpoint(1 / 3), {})
    found = checkpoints.read_checkpoint(tmp_path, CPU)
    assert found.position == checkpoint().position
    assert found.weights["features.0.weight"].equal(checkpoint(1 / 3).weights["features.0.weight"])
    assert found.weights["features.1.num_batches_tracked"].dtype == torch.int64
    assert found.optimizer["param_groups"] == [{"lr": 0.1}]
    assert found.optimizer["state"][0]["momentum_buffer"].equal(torch.full((2, 3), -1 / 3))
    assert checkpoints.read_checkpoint(tmp_path / "nothing", CPU) is None


@pytest.mark.parametrize("data", [b"", b"nonsense", "half"])
def test_a_damaged_checkpoint_is_said_to_be_one(tmp_path, data):
    checkpoints.save_checkpoint(tmp_path, checkpoint(), {})
    file = tmp_path / "checkpoints" / "last.pt"
    file.write_bytes(file.read_bytes()[:500] if data == "half" else data)
    with pytest.raises(UserError, match="cannot be read"):
        checkpoints.read_checkpoint(tmp_path, CPU)


def test_a_checkpoint_runs_no_code(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.system, ("touch bomb",)

    (tmp_path / "checkpoints").mkdir()
    torch.save({"progress": {}, "weights": Bomb(), "optimizer": {}}, tmp_path / "checkpoints" / "last.pt")
    with pytest.raises(UserError):
        checkpoints.read_checkpoint(tmp_path, CPU)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_weights_open_as_a_model(tmp_path, dtype):
    state = random_state(MODELS["lenet5"].spec)
    checkpoints.save_weights(
        tmp_path, checkpoints.weights_file(3), state, checkpoints.metadata_of("lenet5", tuple("abcdefghij")), dtype
    )
    model = open_model(tmp_path / "checkpoints" / "epoch-0003.safetensors")
    assert (model.entry.id, model.classes) == ("lenet5", tuple("abcdefghij"))
    for key, tensor in model.network.state_dict().items():
        assert tensor.equal(state[key].to(dtype).float())


@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path, monkeypatch, where, number):
    checkpoints.save_checkpoint(tmp_path, checkpoint(step=7), {})
    before = {file.name: file.read_bytes() for file in (tmp_path / "checkpoints").iterdir()}

    def fails(*_):
        raise OSError(number, os.strerror(number))

    if where == "write":
        monkeypatch.setattr(Path, "open", fails)
    else:
        monkeypatch.setattr(os, where, fails)
    with pytest.raises(UserError, match="what was saved before is still there"):
        checkpoints.save_checkpoint(tmp_path, checkpoint(2.0, step=8), {})
    monkeypatch.undo()
    assert {file.name: file.read_bytes() for file in (tmp_path / "checkpoints").iterdir()} == before
    assert checkpoints.read_checkpoint(tmp_path, CPU).position.step == 7


def test_a_really_full_disk(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    fresh = tmp_path / "checkpoints" / f".last.pt.{os.getpid()}"
    fresh.parent.mkdir()
    fresh.symlink_to("/dev/full")
    with pytest.raises(UserError, match="disk full"):
        checkpoints.write_whole(tmp_path / "checkpoints" / "last.pt", b"x" * 10**5)
    assert not (tmp_path / "checkpoints" / "last.pt").exists()


def snapshot(epoch):
    random = np.random.default_rng(epoch)
    return Snapshot(
        epoch=epoch,
        filters=random.normal(size=(4, 3, 3, 3)).astype(np.float32),
        images=random.integers(0, 256, (2, 3, 8, 8), np.uint8),
        labels=np.array([0, 1]),
        probabilities=random.uniform(size=(2, 2)).astype(np.float32),
        confusion=np.array([[3, 1], [0, 9]]),
    )


def test_snapshots_come_back_in_order(tmp_path):
    for epoch in (2, 10, 1):
        checkpoints.write_whole(snapshot_file(tmp_path, epoch), snapshot_bytes(snapshot(epoch)))
    found = [read_snapshot(file) for file in snapshot_files(tmp_path)]
    assert [one.epoch for one in found] == [1, 2, 10]
    for name in ("filters", "images", "labels", "probabilities", "confusion"):
        assert np.array_equal(getattr(found[0], name), getattr(snapshot(1), name))


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", None])
def test_a_damaged_snapshot_is_said_to_be_one(tmp_path, data):
    file = snapshot_file(tmp_path, 1)
    if data is not None:
        checkpoints.write_whole(file, data)
    with pytest.raises(UserError, match=r"epoch-0001\.npz cannot be read"):
        read_snapshot(file)
