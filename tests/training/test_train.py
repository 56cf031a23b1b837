"""Training: what it tells, what it computes, and that an interruption changes nothing."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from alexnet_viz.errors import UserError
from alexnet_viz.network.build import Network
from alexnet_viz.network.weights import load_model, open_model
from alexnet_viz.training import train as module
from alexnet_viz.training.config import TrainConfig, rate_at, spec_of
from alexnet_viz.training.datasets import Dataset, Split
from alexnet_viz.training.events import (
    EpochDone,
    Finished,
    LearningRateChanged,
    Resumed,
    Saved,
    Started,
    StepDone,
    as_it_went,
    from_line,
    to_line,
)
from alexnet_viz.training.initial import first_network
from alexnet_viz.training.runs import Asked
from alexnet_viz.training.snapshots import read_snapshot, snapshot_files
from alexnet_viz.training.train import train
from tools.small_runs import OFF, PLAIN_NET, config, course, dataset, of, run, same, stripes, weights

# ---- What it tells --------------------------------------------------------------------------------------------------


def test_the_events_of_a_run(tmp_path):
    events = run(run_dir=tmp_path / "some-run")
    first, *_, last = events
    pictures = {"train": 48, "validation": 12, "test": 30}
    assert first == Started(run="some-run", config=config().to_dict(), device=first.device, steps=9, pictures=pictures)
    assert "fp32" in first.device
    assert last.state == "finished"
    steps, epochs = of(StepDone, events), of(EpochDone, events)
    assert [(step.step, step.epoch) for step in steps] == [(i + 1, i // 3 + 1) for i in range(9)]
    assert [step.lr for step in steps] == [rate_at(config(), i, 3) for i in range(9)]
    assert [(epoch.epoch, epoch.step) for epoch in epochs] == [(1, 3), (2, 6), (3, 9)]
    for epoch in epochs:  # 48 images of 60 in three equal batches
        own = [step for step in steps if step.epoch == epoch.epoch]
        assert epoch.train_loss == pytest.approx(np.mean([step.loss for step in own]))
        assert epoch.train_accuracy == pytest.approx(np.mean([step.accuracy for step in own]))
        assert epoch.lr == own[-1].lr
        assert 0 <= epoch.val_accuracy <= 1
    assert all(step.images_per_second > 0 and step.memory > 0 for step in steps)
    seconds = [event.seconds for event in events if hasattr(event, "seconds")]
    assert seconds == sorted(seconds)
    assert [from_line(to_line(event)) for event in events] == events


def test_the_files_of_a_run(tmp_path):
    events = run(run_dir=tmp_path)
    saved = of(Saved, events)
    assert [(event.step, event.epoch, event.file) for event in saved] == [
        *[(3, 1, "last.pt"), (6, 2, "epoch-0002.safetensors"), (6, 2, "last.pt"), (9, 3, "last.pt")]
    ]
    names = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert names == {
        *("last.pt", "last.safetensors", "best.safetensors", "epoch-0002.safetensors"),
        *(f"epoch-000{i}.npz" for i in (1, 2, 3)),
    }
    snapshots = [read_snapshot(file) for file in snapshot_files(tmp_path)]
    for snapshot, epoch in zip(snapshots, of(EpochDone, events), strict=True):
        assert snapshot.epoch == epoch.epoch
        assert snapshot.confusion.sum() == 12
        assert np.trace(snapshot.confusion) / 12 == pytest.approx(epoch.val_accuracy)
        assert snapshot.images.shape == (12, 3, 8, 8)
        assert snapshot.probabilities.sum(1) == pytest.approx(np.ones(12), abs=1e-5)
    assert np.array_equal(snapshots[-1].filters, weights(tmp_path)["features.0.weight"].numpy())
    test = read_snapshot(tmp_path / "test.npz")
    finished = events[-1]
    assert np.trace(test.confusion) / 30 == pytest.approx(finished.test_accuracy)
    assert (test.probabilities.argmax(1) != test.labels).all()
    assert len(test.labels) == 30 - np.trace(test.confusion)


def test_the_test_result_is_the_last_weights(tmp_path):
    chosen = config(net=PLAIN_NET)
    finished = run(chosen, tmp_path)[-1]
    network = Network(spec_of(chosen, 3)).eval()
    network.load_state_dict(weights(tmp_path))
    data = dataset().test
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)))
    logits = network((data.images / 255 - mean) / std)
    assert finished.test_loss == pytest.approx(F.cross_entropy(logits, data.labels).item(), rel=1e-4)
    assert finished.test_accuracy == pytest.approx((logits.argmax(1) == data.labels).float().mean().item())


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run()[-1].state == "finished"
    assert not list(tmp_path.iterdir())
    assert not of(Saved, run())


def test_without_validation_there_are_no_validation_numbers(tmp_path):
    epochs = of(EpochDone, run(config(validation=0.0), tmp_path))
    assert [(epoch.val_loss, epoch.val_accuracy) for epoch in epochs] == [(None, None)] * 3
    assert read_snapshot(snapshot_files(tmp_path)[0]).confusion.sum() == 0
    assert not (tmp_path / "checkpoints" / "best.safetensors").exists()


def test_the_best_weights_are_of_the_first_best_epoch(tmp_path):
    events = run(config(epochs=6, snapshot_every=1), tmp_path)
    epochs = of(EpochDone, events)
    best = max(epochs, key=lambda epoch: epoch.val_accuracy).epoch
    kept = weights(tmp_path, f"epoch-{best:04d}.safetensors")
    half = {
        key: value.half() if value.is_floating_point() else value
        for key, value in weights(tmp_path, "best.safetensors").items()
    }
    assert same(kept, half)


# ---- What it computes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "make"),
    [
        ({}, lambda p: torch.optim.SGD(p, momentum=0.9, weight_decay=5e-4, nesterov=True)),
        ({"nesterov": False, "momentum": 0.0}, lambda p: torch.optim.SGD(p, weight_decay=5e-4)),
        ({"optimizer": "adamw"}, lambda p: torch.optim.AdamW(p, betas=(0.9, 0.999), weight_decay=5e-4)),
        ({"label_smoothing": 0.1}, lambda p: torch.optim.SGD(p, momentum=0.9, weight_decay=5e-4, nesterov=True)),
    ],
)
def test_steps_are_those_of_a_plain_loop(settings, make, tmp_path):
    """The whole training set as one batch, so that its order does not matter."""
    chosen = config(net=PLAIN_NET, init="torch", batch=60, epochs=5, learning_rate=0.02, **OFF, **settings)
    events = run(chosen, tmp_path)
    network = first_network(chosen, spec_of(chosen, 3))
    plain = nn.Sequential(*network.layers())
    optimizer = make(plain.parameters())
    data = dataset().train
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)))
    for step in of(StepDone, events):
        optimizer.param_groups[0]["lr"] = rate_at(chosen, step.step - 1, 1)
        logits = plain((data.images / 255 - mean) / std)
        assert step.loss == pytest.approx(F.cross_entropy(logits, data.labels).item(), rel=1e-4)
        assert step.accuracy == pytest.approx((logits.argmax(1) == data.labels).float().mean().item(), abs=1e-6)
        optimizer.zero_grad()
        F.cross_entropy(logits, data.labels, label_smoothing=chosen.label_smoothing).backward()
        optimizer.step()
    for key, tensor in weights(tmp_path).items():
        assert torch.allclose(tensor, network.state_dict()[key], atol=1e-5), key


@pytest.fixture
def seen(monkeypatch):
    """Of every batch, its images' bytes and which of them are mirrored."""
    batches, original = [], module.Augment.__call__

    def watched(self, images, generator, mirrored):
        batches.append([(image.numpy().tobytes(), bool(one)) for image, one in zip(images, mirrored, strict=True)])
        return original(self, images, generator, mirrored)

    monkeypatch.setattr(module.Augment, "__call__", watched)
    return batches


def test_every_image_is_seen_once_an_epoch(seen):
    run(config(batch=17, epochs=2, validation=0.0))
    assert [len(images) for images in seen] == [15] * 8  # four batches an epoch, none nearly empty
    first, second = ([image for batch in epoch for image, _ in batch] for epoch in (seen[:4], seen[4:]))
    assert sorted(first) == sorted(second) == sorted(image.numpy().tobytes() for image in dataset().train.images)
    assert first != second


def test_every_image_is_mirrored_in_every_other_epoch(seen):
    run(config(batch=60, epochs=3, validation=0.0))
    first, second, third = map(dict, seen)
    assert 15 < sum(first.values()) < 45
    assert second == {image: not mirrored for image, mirrored in first.items()}
    assert third == first


def test_it_learns():
    events = run(config(epochs=12, dropout=0.0), dataset=dataset(150))
    assert of(EpochDone, events)[-1].val_accuracy > 0.9
    assert events[-1].test_accuracy > 0.9


def test_a_seed_repeats_and_another_one_does_not():
    assert course(run()) == course(run())
    assert course(run())[0] != course(run(config(seed=1)))[0]


def test_bf16_takes_much_the_same_course():
    full, half = (course(run(config(precision=p, dropout=0.0)))[0] for p in ("fp32", "bf16"))
    assert [step.loss for step in half] != [step.loss for step in full]
    assert [step.loss for step in half] == pytest.approx([step.loss for step in full], abs=0.05)


def test_global_chance_goes_on_as_if_nothing_had_been():
    before = torch.get_rng_state()
    run()
    assert torch.get_rng_state().equal(before)


def test_a_loss_that_runs_away_is_said_to(tmp_path):
    with pytest.raises(UserError, match="learning rate below 10"):
        run(config(learning_rate=10.0, epochs=30, warmup=0.0), tmp_path)


def test_a_network_with_one_input_channel_sees_gray():
    net = PLAIN_NET.replace("3x8x8", "1x8x8")
    assert run(config(net=net))[-1].state == "finished"


# ---- Interrupted ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    return run(run_dir=folder), folder


class Until:
    """Asks for an end once so many steps are done: `feed` it the events."""

    def __init__(self, steps, end="paused"):
        self.steps, self.end, self.done = steps, end, 0

    def __call__(self):
        return Asked(end=self.end if self.done >= self.steps else "")

    def watched(self, events):
        for event in events:
            self.done = max(self.done, getattr(event, "step", 0))
            yield event


@pytest.mark.parametrize("end", ["stopped", "paused", "interrupted"])
@pytest.mark.parametrize("steps", [0, 1, 3, 5, 6])
def test_a_resumed_run_is_one_that_was_never_interrupted(tmp_path, whole, steps, end):
    until = Until(steps, end)
    before = list(until.watched(train(config(), tmp_path, control=until, dataset=dataset())))
    assert of(StepDone, before)[-1:] == [] if steps == 0 else of(StepDone, before)[-1].step == steps
    assert before[-1] == Finished(state=end, seconds=before[-1].seconds)
    assert isinstance(before[-2], Saved)
    after = run(run_dir=tmp_path, resume=True)
    assert isinstance(after[0], Started)
    assert after[1] == Resumed(step=steps, epoch=steps // 3)
    assert course(as_it_went([*before, *after])) == course(whole[0])
    for name in ("last.safetensors", "best.safetensors", "epoch-0002.safetensors"):
        assert same(weights(tmp_path, name), weights(whole[1], name))
    seconds = [event.seconds for event in as_it_went([*before, *after]) if hasattr(event, "seconds")]
    assert seconds == sorted(seconds)


def test_resuming_without_a_checkpoint_is_starting(tmp_path, whole):
    events = run(run_dir=tmp_path, resume=True)
    assert events[1] == Resumed(step=0, epoch=0)
    assert course(events) == course(whole[0])


def test_resuming_a_finished_run_tests_it_again(tmp_path, whole):
    run(run_dir=tmp_path)
    events = run(run_dir=tmp_path, resume=True)
    assert [type(event) for event in events] == [Started, Resumed, Finished]
    assert course(events)[2] == course(whole[0])[2]


def test_an_end_asked_for_while_measuring_waits_for_no_more_than_a_batch(tmp_path, whole, monkeypatch):
    monkeypatch.setattr(module.measure, "logits_of", partial(module.measure.logits_of, batch=1))
    asked = []

    def control():
        asked.append(1)
        return Asked(end="paused" if len(asked) > 6 else "")  # three steps, the epoch's end, its first two images

    before = list(train(config(), tmp_path, control=control, dataset=dataset()))
    assert len(asked) == 8  # the third image, and the loop
    assert not of(EpochDone, before)
    monkeypatch.undo()
    after = run(run_dir=tmp_path, resume=True)
    assert course(as_it_went([*before, *after])) == course(whole[0])


def test_an_end_asked_for_while_testing_leaves_no_result(tmp_path):
    until = Until(9)
    events = []
    for event in train(config(), tmp_path, control=until, dataset=dataset()):
        events.append(event)
        if isinstance(event, Saved) and event.step == 9:
            until.done = 9
    assert events[-1].state == "paused"
    assert events[-1].test_accuracy is None
    assert not (tmp_path / "test.npz").exists()


# ---- The learning rate ----------------------------------------------------------------------------------------------


def test_the_learning_rate_changes_during_the_run_and_stays_changed(tmp_path):
    """And survives an interruption."""
    asked, events = [Asked()], []
    for event in train(config(), tmp_path, control=lambda: asked[-1], dataset=dataset()):
        events.append(event)
        if isinstance(event, StepDone) and event.step == 4:
            asked.append(Asked(learning_rate=0.001, changes=1))
        if isinstance(event, StepDone) and event.step == 6:
            asked.append(replace(asked[-1], end="paused"))
    events += run(run_dir=tmp_path, resume=True, control=lambda: replace(asked[-1], end=""))
    events = as_it_went(events)
    assert of(LearningRateChanged, events) == [LearningRateChanged(step=4, lr=0.001)]
    scheduled = [rate_at(config(), i, 3) for i in range(9)]
    factor = 0.001 / scheduled[4]
    expected = [*scheduled[:4], *(rate * factor for rate in scheduled[4:])]
    assert [step.lr for step in of(StepDone, events)] == pytest.approx(expected)


# ---- Weights to begin with ------------------------------------------------------------------------------------------


def test_he_weights_keep_the_size_of_values():
    chosen = config(net="", model="alexnet_cifar")
    layers = first_network(chosen, spec_of(chosen, 10)).layers()
    *before, last = [layer for layer in layers if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer in before:
        assert layer.weight.std().item() == pytest.approx((2 / layer.weight[0].numel()) ** 0.5, rel=0.05)
        assert not layer.bias.any()
        assert layer.weight.requires_grad
    assert not last.weight.any()
    assert not last.bias.any()


def test_torchs_own_weights_are_within_their_bound():
    chosen = config(init="torch")
    for layer in first_network(chosen, spec_of(chosen, 3)).layers():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            bound = layer.weight[0].numel() ** -0.5
            assert 0.5 * bound < layer.weight.abs().max().item() <= bound
            assert layer.bias.abs().max().item() <= bound


@pytest.fixture
def earlier_run(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    folder = tmp_path / "runs" / "earlier"
    run(run_dir=folder)
    (folder / "config.json").write_text(json.dumps({"config": config().to_dict()}))
    return folder


def test_a_run_starts_from_a_checkpoint(earlier_run):
    chosen = config(start_from="earlier/last.safetensors")
    assert same(first_network(chosen, spec_of(chosen, 3)).state_dict(), weights(earlier_run))
    other = first_network(chosen, spec_of(chosen, 5)).state_dict()  # five classes: the last layer is a fresh one
    fresh = first_network(replace(chosen, start_from=""), spec_of(chosen, 5)).state_dict()
    assert other["features.0.weight"].equal(weights(earlier_run)["features.0.weight"])
    assert other["classifier.4.weight"].equal(fresh["classifier.4.weight"])
    with pytest.raises(UserError, match="fits this network"):
        first_network(
            config(start_from="earlier/last.safetensors", net="", model="lenet5"),
            spec_of(config(net="", model="lenet5"), 10),
        )


def test_frozen_convolutions_stay_as_they_are(tmp_path):
    chosen = TrainConfig(
        data="shapes", model="alexnet_200", frozen=True, epochs=2, batch=6, shift=0, validation=0.0, device="cpu"
    )
    small = stripes(6)
    large = Split(F.interpolate(small.images, scale_factor=28), small.labels)
    events = run(chosen, tmp_path, dataset=Dataset("large", ("a", "b", "c"), large, large))
    assert events[-1].state == "finished"
    model = open_model(tmp_path / "checkpoints" / "last.safetensors", model_id="alexnet_200")
    assert model.classes == ("a", "b", "c")
    begun = first_network(chosen, spec_of(chosen, 3))
    ended = model.network.state_dict()
    for key, tensor in begun.state_dict().items():
        assert ended[key].equal(tensor) == key.startswith("features."), key
    assert {n for n, p in begun.named_parameters() if p.requires_grad} == {
        f"classifier.{i}.{part}" for i in (1, 4) for part in ("weight", "bias")
    }


# ---- Several processes ----------------------------------------------------------------------------------------------


def test_a_frozen_run_of_the_network_of_before_has_the_same_convolutions():
    """It has no weights of its own any more; those of its successor are the same."""
    config = TrainConfig.from_dict({"data": "cifar10", "model": "alexnet_transfer", "frozen": True})
    network = first_network(config, spec_of(config, classes=10))
    shipped = load_model("alexnet_200").network.state_dict()
    frozen = {name: value for name, value in network.named_parameters() if not value.requires_grad}
    assert len(frozen) == 10
    assert all(torch.equal(value, shipped[name]) for name, value in frozen.items())


def test_a_batch_too_small_for_the_processes_is_refused():
    from alexnet_viz.training.distributed import Group

    with pytest.raises(UserError, match="too small for 4 processes"):
        module._Training(config(batch=3), None, Asked, dataset(), Group(0, 4, torch.device("cpu")))
