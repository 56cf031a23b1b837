"""Training the shipped head: its parts against independent arithmetic, and the whole command on a tiny dataset."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image

from alexnet_viz.images import Preprocess
from alexnet_viz.labels import class_ids
from alexnet_viz.network.weights import load_model, open_model
from alexnet_viz.training import transfer as subject
from alexnet_viz.training.datasets import Split, load_dataset

torch.set_num_threads(1)
PLAIN = Preprocess(size=224, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def images(count: int, seed: int = 0) -> torch.Tensor:
    """Smooth little pictures, (N, 3, 32, 32), uint8."""
    coarse = torch.rand(count, 3, 5, 5, generator=torch.Generator().manual_seed(seed))
    return (255 * F.interpolate(coarse, (32, 32), mode="bicubic").clamp(0, 1)).byte()


def test_the_plain_view_is_what_the_apps_preprocessing_makes():
    batch = images(3)
    view = subject._view(batch, "plain", PLAIN, torch.Generator())
    for image, seen in zip(batch, view, strict=True):
        exact = PLAIN.to_array(Image.fromarray(image.permute(1, 2, 0).numpy()))
        # Pillow rounds to whole bytes on the way, the view does not.
        assert np.abs(seen.numpy() - exact).max() < 1.5 / 255 / 0.224


def test_the_mirrored_view_is_the_plain_one_mirrored():
    batch = images(2)
    plain = subject._view(batch, "plain", PLAIN, torch.Generator())
    assert torch.allclose(subject._view(batch, "mirrored", PLAIN, torch.Generator()), plain.flip(3), atol=1e-5)


@pytest.mark.parametrize("view", ["smaller", "half size"])
def test_smaller_views_show_the_whole_image_enlarged_less(view):
    """A black pixel in a white image becomes a spot as wide as the enlargement says."""
    image = torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
    image[:, :, 16, 16] = 0
    seen = subject._view(image, view, PLAIN, torch.Generator().manual_seed(1))[0, 0]
    scale = subject.ENLARGED_TO[view] / 32
    dark = (seen.max() - seen).sum().item() / (seen.max() - seen).max().item()
    spots = round(dark / scale**2)
    assert spots in (1, 2, 4), "once, and mirrored where the picture ends"
    assert dark / scale**2 == pytest.approx(spots, rel=0.3)


def test_jittered_views_stay_pictures_and_are_repeatable():
    batch = images(8)
    first, again = (subject._view(batch, "jittered", PLAIN, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    pixels = first * torch.tensor(PLAIN.std).view(3, 1, 1) + torch.tensor(PLAIN.mean).view(3, 1, 1)
    assert pixels.min() > -1e-4
    assert pixels.max() < 1 + 1e-4
    assert not torch.allclose(first, subject._view(batch, "jittered", PLAIN, torch.Generator().manual_seed(4)))


def test_calibration_by_hand():
    logits = torch.log(torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]]))
    labels = torch.tensor([0, 1, 0, 1])
    bins = subject.calibration(logits, labels)
    assert [(item["count"], item["hit_rate"]) for item in bins] == [(2, 1.0), (2, 0.5)]
    assert [item["probability"] for item in bins] == [pytest.approx(0.6), pytest.approx(0.9)]
    assert subject.calibration_error(bins) == pytest.approx((2 * 0.4 + 2 * 0.4) / 4)
    assert subject.accuracy(logits, labels) == 0.75


def test_the_best_temperature_is_the_one_that_made_the_labels():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(40_000, 5, generator=generator)
    labels = torch.multinomial((logits / 1.7).softmax(1), 1, generator=generator)[:, 0]
    assert subject.best_temperature(logits, labels) == pytest.approx(1.7, abs=0.05)


def affine(outputs: int, inputs: int) -> subject.Affine:
    return subject.Affine(torch.randn(outputs, inputs), torch.randn(outputs))


def test_cooling_changes_no_answer_and_scales_every_logit():
    head = subject.Head(affine(6, 4), affine(3, 6))
    features = torch.randn(5, 4)
    assert torch.allclose(head.cooled(2.0)(features), head(features) / 2, atol=1e-5)


def test_the_mean_of_two_heads_is_their_mean():
    linear, other = affine(3, 4), subject.Head(affine(5, 4), affine(3, 5))
    features = torch.randn(50, 4)
    lift = (2 * -linear(features).amin(0)).clamp(min=1)
    mean = subject.mean_head(linear, other, 0.3, lift)
    assert torch.allclose(mean(features), 0.7 * linear(features) + 0.3 * other(features), atol=1e-4)
    assert (mean.hidden(features)[:, :3] > 0).all(), "no linear answer is cut off"


def test_a_dropped_batch_keeps_its_mean_and_loses_the_given_share():
    values = torch.ones(1000, 400)
    dropped = subject._dropped(values, 0.25, torch.Generator().manual_seed(0))
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert (dropped == 0).double().mean().item() == pytest.approx(0.25, abs=0.02)
    few = subject._dropped(torch.ones(7, 400), 0.5, torch.Generator().manual_seed(0))
    assert len({tuple(row) for row in few.tolist()}) == 7, "a mask for each row of a small batch"


def test_the_fit_separates_what_can_be_separated(monkeypatch):
    monkeypatch.setattr(subject, "HEAD_BATCH", 50)
    monkeypatch.setattr(subject, "LEARNING_RATE", 0.02)
    monkeypatch.setattr(subject, "EPOCHS", 60)
    monkeypatch.setattr(subject, "HIDDEN_EPOCHS", 60)
    monkeypatch.setattr(subject, "VIEWS", {"plain": (1.0, 1.0), "mirrored": (0.5, 0.5)})
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 4
    features = (torch.randn(400, 16, generator=generator) * 0.3 + F.one_hot(labels, 16)).bfloat16()
    order = torch.randperm(400, generator=generator)
    features, labels = features[order], labels[order]
    views = [features, features[:200]]
    for head in (
        subject._fit_linear(views, labels, (4, 2, 2)),
        subject._fit_hidden(views, labels, 12),
        subject._fit(views, labels, (4, 2, 2), 12),
    ):
        assert subject.accuracy(head(features), labels) > 0.95


@pytest.fixture
def tiny_dataset(tmp_path):
    """Two classes that any network can tell apart, as a folder of class folders."""
    for split, count in (("train", 30), ("test", 6)):
        for label, color in (("day", (250, 240, 200)), ("night", (5, 10, 40))):
            folder = tmp_path / "data" / split / label
            folder.mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (32, 32), tuple(max(0, value - i) for value in color)).save(folder / f"{i}.png")
    return tmp_path / "data"


def test_the_whole_command_on_a_tiny_dataset(tiny_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "HEAD_BATCH", 10)
    out, cache = tmp_path / "out" / "mine.safetensors", tmp_path / "cache"
    events = list(subject.transfer(tiny_dataset, out=out, cache=cache))
    assert [event["event"] for event in events] == [
        "loaded",
        *["features"] * len(subject.VIEWS),
        "validated",
        "written",
    ]
    assert events[-1]["test_accuracy"] == 1.0
    model = open_model(out)
    assert model.entry.id == "alexnet_transfer"
    assert model.classes == ("day", "night")
    first = model.network.state_dict()
    monkeypatch.setattr(subject, "_view_features", None)  # the cache is used, not filled again
    list(subject.transfer(tiny_dataset, out=out, cache=cache))
    again = open_model(out).network.state_dict()
    assert all(torch.equal(again[key], tensor) for key, tensor in first.items()), "the same features, the same head"
    assert json.loads(model.metadata["figures"])["test_images"] == 12
    shipped = load_model("alexnet_transfer").network.state_dict()
    for key, tensor in model.network.state_dict().items():
        if key.startswith("features."):
            assert torch.equal(tensor, shipped[key]), "the convolutions stay as they are"


def test_the_shipped_file_is_what_its_credits_say():
    model = load_model("alexnet_transfer")
    assert model.origin == "shipped"
    figures = json.loads(model.metadata["figures"])
    assert figures["test_images"] == 10_000
    assert figures["expected_calibration_error"] <= 0.03
    credits = (Path(__file__).resolve().parents[2] / "assets" / "CREDITS.md").read_text(encoding="utf-8")
    assert f"{figures['test_accuracy']:.2%} of 10,000" in credits
    assert f"calibration error {figures['expected_calibration_error']:.2%}" in credits
    assert sum(item["count"] for item in figures["calibration"]) == 10_000
    assert model.classes == class_ids("cifar10")


def test_the_shipped_convolutions_are_torchvisions_rounded_to_fp16():
    from safetensors.torch import load_file

    source = Path(__file__).resolve().parents[3] / "shared" / "data" / "alexnet_imagenet_features.safetensors"
    if not source.is_file():
        pytest.skip("the ImageNet-trained convolutions in float32 are not here")
    state = load_model("alexnet_transfer").network.state_dict()
    for key, tensor in load_file(source).items():
        assert torch.equal(state[key], tensor.half().float())


def test_the_claimed_figures_hold_on_a_sample_of_the_test_images(cifar10_zip):
    """1,000 of the 10,000 test images: the accuracy within four standard errors of what is claimed."""
    model = load_model("alexnet_transfer")
    dataset = load_dataset(cifar10_zip)
    chosen = torch.arange(0, len(dataset.test), 10)
    split = Split(dataset.test.images[chosen], dataset.test.labels[chosen])
    features = subject._test_features(model.network, split, model.entry.preprocess)
    logits = model.network.classifier(features)
    claimed = json.loads(model.metadata["figures"])["test_accuracy"]
    error = math.sqrt(claimed * (1 - claimed) / len(chosen))
    assert abs(subject.accuracy(logits, split.labels) - claimed) < 4 * error
