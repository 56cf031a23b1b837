"""Training the shipped head: its parts against independent arithmetic, and the whole command on a tiny dataset."""

import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from alexnet_viz.errors import UserError
from alexnet_viz.network.weights import load_model, open_model
from alexnet_viz.pictures.images import Preprocess
from alexnet_viz.words.labels import class_ids, class_record
from tools import transfer as subject
from tools.catalogue import ROOT

torch.set_num_threads(1)
PLAIN = Preprocess(size=224, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def beside(name: str) -> Path:
    """A file that is too large for the repository."""
    file = ROOT.parent / "shared" / "data" / name
    return file if file.is_file() else pytest.skip(f"{name} is not beside the repository")


def images(count: int, side: int = 64, seed: int = 0, cells: int = 5) -> torch.Tensor:
    """Smooth little pictures, (N, 3, side, side), uint8."""
    coarse = torch.rand(count, 3, cells, cells, generator=torch.Generator().manual_seed(seed))
    return (255 * F.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)).byte()


def view(batch: torch.Tensor, name: str) -> torch.Tensor:
    return subject._view(batch, name, PLAIN, torch.Generator().manual_seed(1))


def test_the_plain_view_is_what_the_apps_preprocessing_makes():
    batch = images(3)
    for image, seen in zip(batch, view(batch, "plain"), strict=True):
        exact = PLAIN.to_array(Image.fromarray(image.permute(1, 2, 0).numpy()))
        # Pillow rounds to whole bytes on the way, the view does not.
        assert np.abs(seen.numpy() - exact).max() < 1.5 / 255 / 0.224


def test_the_sharpened_view_is_whole_mirrored_and_sharper(monkeypatch):
    monkeypatch.setattr(subject, "GRAIN", 0.0)
    batch = images(2, cells=24)  # with edges
    enlarged = [
        Image.fromarray(image.permute(1, 2, 0).numpy()[:, ::-1]).resize((224, 224), Image.Resampling.BICUBIC)
        for image in batch
    ]
    plain = torch.stack([torch.from_numpy(PLAIN.normalised(image)) for image in enlarged])
    sharp = view(batch, "sharpened")
    assert torch.corrcoef(torch.stack([plain.flatten(), sharp.flatten()]))[0, 1] > 0.95, "the same picture"
    assert sharp.diff(dim=3).square().mean() > 1.02 * plain.diff(dim=3).square().mean(), "with steeper edges"
    flat = torch.full((1, 3, 64, 64), 100, dtype=torch.uint8)
    unchanged = view(flat, "sharpened")
    assert torch.allclose(unchanged.amax((2, 3)), unchanged.amin((2, 3)), atol=1e-4), "no edge, nothing to sharpen"


def test_grain_is_as_strong_as_it_says():
    flat = torch.full((4, 3, 64, 64), 100, dtype=torch.uint8)
    pixels = view(flat, "sharpened") * torch.tensor(PLAIN.std).view(3, 1, 1)
    assert (pixels - pixels.mean((2, 3), keepdim=True)).std().item() == pytest.approx(subject.GRAIN, rel=0.02)


def test_the_map_between_blurred_and_sharp_is_found(monkeypatch):
    """Channels mixed by a known matrix: what comes back is that matrix, and nothing is left unexplained."""
    monkeypatch.setattr(subject, "RIDGE", 1e-3)
    generator = torch.Generator().manual_seed(0)
    blurred = torch.rand(200, 8 * 4, generator=generator)
    matrix = torch.rand(8, 8, generator=generator)
    sharp = torch.einsum("nch,cd->ndh", blurred.view(200, 8, 4), matrix).flatten(1) + 0.5
    found = subject._regression(blurred, sharp, channels=8)
    assert torch.allclose(found.weight, matrix, atol=1e-3)
    assert torch.allclose(found.bias, torch.full((8,), 0.5), atol=1e-3)
    assert found.unexplained.max() < 1e-3
    assert torch.allclose(found.before_relu(blurred), sharp, atol=1e-2)


def test_calibration_by_hand():
    logits = torch.log(torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]]))
    labels = torch.tensor([0, 1, 0, 1])
    bins = subject.calibration(logits, labels)
    assert [(item["count"], item["hit_rate"]) for item in bins] == [(2, 1.0), (2, 0.5)]
    assert [item["probability"] for item in bins] == [pytest.approx(0.6), pytest.approx(0.9)]


def test_top_counts_by_hand():
    logits = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    assert subject._top(logits, torch.tensor([0, 1, 0]), 1) == pytest.approx(1 / 3)
    assert subject._top(logits, torch.tensor([0, 1, 0]), 2) == pytest.approx(2 / 3)
    assert subject._top(logits, torch.tensor([0, 1, 0]), 5) == 1.0


def test_the_best_temperature_is_the_one_that_made_the_labels():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(40_000, 5, generator=generator)
    labels = torch.multinomial((logits / 1.7).softmax(1), 1, generator=generator)[:, 0]
    assert subject.best_temperature(logits, labels) == pytest.approx(1.7, abs=0.05)


def test_cooling_changes_no_answer_and_scales_every_logit():
    head = subject.Head(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    features = torch.randn(5, 4)
    hot = subject.answers(head, features)
    assert torch.allclose(subject.answers(subject.cool(head, 2.0), features), hot / 2, atol=1e-5)


def test_a_dropped_batch_keeps_its_mean_and_loses_half():
    generator = torch.Generator().manual_seed(0)
    dropped = subject._dropped(torch.ones(1000, 400), generator)
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert (dropped == 0).double().mean().item() == pytest.approx(subject.DROPOUT, abs=0.02)
    few = subject._dropped(torch.ones(7, 400), generator)
    assert len({tuple(row) for row in few.tolist()}) == 7, "a mask for each row of a small batch"


def test_an_epoch_goes_through_every_source_once():
    drawn = list(subject._batches(4096, 4, 3, torch.Generator().manual_seed(0)))
    for source in range(3):
        rows = torch.cat([rows for number, rows in drawn if number == source])
        assert rows.sort().values.tolist() == list(range(4096))


def test_the_fit_separates_what_can_be_separated(monkeypatch):
    for name, value in {"HEAD_BATCH": 64, "EPOCHS": 40, "LEARNING_RATE": 0.02, "WEIGHT_DECAY": 0.01}.items():
        monkeypatch.setattr(subject, name, value)
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 4
    features = (torch.randn(400, 16, generator=generator).abs() * 0.3 + 2 * F.one_hot(labels, 16)).bfloat16()
    same = subject.Sharpening(torch.eye(8), torch.zeros(8), torch.full((8,), 0.1))
    head = subject._fit([features, features], labels, (same, same), 12)
    assert subject._top(subject.answers(head, features), labels, 1) > 0.95


def save(folder, color, name="0.png", side=64):
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), color).save(folder / name)


@pytest.fixture
def tiny(tmp_path):
    """Goldfish and lemons that any network can tell apart, as folders; photographs of both and of something else."""
    for split, count in (("train", 30), ("test", 6)):
        for wnid, color in (("n01443537", (250, 240, 200)), ("n07749582", (5, 10, 40))):
            for i in range(count):
                save(tmp_path / "data" / split / wnid, tuple(max(0, value - i) for value in color), f"{i}.png")
    for wnid, color in (("n01443537", (250, 240, 200)), ("n07749582", (5, 10, 40))):
        save(tmp_path / "photographs" / "known" / wnid, color, side=230)
    save(tmp_path / "photographs" / "unknown", (120, 200, 120), side=230)
    return tmp_path


def test_the_whole_command_on_a_tiny_dataset(tiny, monkeypatch):
    monkeypatch.setattr(subject, "HEAD_BATCH", 10)
    monkeypatch.setattr(subject, "EPOCHS", 2)
    out, named = tiny / "out" / "mine.safetensors", tiny / "leave-out.txt"
    named.write_text("train/n01443537/3.png\ntest/n07749582/0.png\n", encoding="utf-8")

    def run():
        return list(subject.transfer(tiny / "data", tiny / "photographs", leave_out=named, out=out))

    events = run()
    expected = ["loaded", "features", "features", "photographs", "validated", "written"]
    assert [event["event"] for event in events] == expected
    assert (events[0]["train"], events[0]["test"]) == (59, 11), "what is named is left out"
    assert events[-1]["photographs"]["top1"] == events[-1]["test"]["top1"] == 1.0
    assert len(events[-1]["photographs"]["answers"]) == 2
    assert len(events[-1]["photographs"]["others"]) == 1
    model = open_model(out)
    assert model.entry.id == "alexnet_200"
    assert model.classes == ("goldfish", "lemon")
    first = model.network.state_dict()
    run()
    again = open_model(out).network.state_dict()
    assert all(torch.equal(again[key], tensor) for key, tensor in first.items()), "the same features, the same head"
    shipped = load_model("alexnet_200").network.state_dict()
    for key, tensor in model.network.state_dict().items():
        if key.startswith("features."):
            assert torch.equal(tensor, shipped[key]), "the convolutions stay as they are"


def test_photographs_of_a_class_that_is_not_learnt_are_refused(tiny):
    save(tiny / "photographs" / "known" / "n02123045", (1, 2, 3), side=230)
    with pytest.raises(UserError, match="n02123045"):
        list(subject.transfer(tiny / "data", tiny / "photographs", out=tiny / "out.safetensors"))


def test_what_is_left_out_is_in_the_data_and_nothing_else_is_missing():
    names, archive = beside("tiny-imagenet-leave-out.txt"), beside("tiny-imagenet.zip")
    named = set(names.read_text(encoding="utf-8").split())
    with zipfile.ZipFile(archive) as opened:
        assert named <= set(opened.namelist())
    assert len(named) == 59
    figures = json.loads(load_model("alexnet_200").metadata["figures"])
    assert figures["test"]["images"] == 10_000 - sum(name.startswith("test/") for name in named)


def test_the_shipped_file_is_what_its_credits_say():
    model = load_model("alexnet_200")
    assert model.origin == "shipped"
    assert model.classes == class_ids("tiny_imagenet")
    file = ROOT / "assets" / "weights" / model.entry.shipped
    assert file.stat().st_size <= 24_000_000
    figures = json.loads(model.metadata["figures"])
    photographs, test = figures["photographs"], figures["test"]
    assert sum(item["count"] for item in test["calibration"]) == test["images"]
    assert sum(right for _, right in photographs["answers"]) / len(photographs["answers"]) == photographs["top1"]
    assert abs(photographs["mean_stated"] - photographs["top1"]) <= 0.07
    assert np.mean([stated > 0.9 for stated in photographs["others"]]) <= 0.08
    assert np.mean(photographs["others"]) <= 0.42
    credits = (ROOT / "assets" / "CREDITS.md").read_text(encoding="utf-8")
    for said in (
        f"{test['top1']:.2%} / {test['top5']:.2%} of {test['images']:,}",
        f"{photographs['top1']:.0%} / {photographs['top5']:.0%} of {len(photographs['answers'])}",
        f"temperature {figures['temperature']}",
    ):
        assert said in credits, said


def test_the_shipped_convolutions_are_torchvisions_rounded_to_fp16():
    source = beside("alexnet_imagenet_features.safetensors")
    state = load_model("alexnet_200").network.state_dict()
    for key, tensor in load_file(source).items():
        assert torch.equal(state[key], tensor.half().float())


def test_the_claimed_figures_hold_on_a_sample_of_the_test_pictures():
    """1,000 of the 10,000 test pictures: the accuracy within four standard errors of what is claimed."""
    archive = beside("tiny-imagenet.zip")
    model = load_model("alexnet_200")
    order = {class_record(class_id)["wnid"]: index for index, class_id in enumerate(model.classes)}
    with zipfile.ZipFile(archive) as opened:
        names = sorted(name for name in opened.namelist() if name.startswith("test/") and name.endswith("EG"))[::10]
        pictures = [Image.open(opened.open(name)).convert("RGB") for name in names]
    labels = torch.tensor([order[name.split("/")[1]] for name in names])
    batches = [
        torch.stack([torch.from_numpy(model.entry.preprocess.to_array(picture)) for picture in pictures[i : i + 100]])
        for i in range(0, len(pictures), 100)
    ]
    with torch.inference_mode():
        logits = torch.cat([model.network(batch) for batch in batches])
    claimed = json.loads(model.metadata["figures"])["test"]["top1"]
    error = math.sqrt(claimed * (1 - claimed) / len(labels))
    assert abs(subject._top(logits, labels, 1) - claimed) < 4 * error
