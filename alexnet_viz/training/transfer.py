"""Train the shipped ten-class head again: `python -m alexnet_viz transfer --data PATH`.

The convolutions are torchvision's, trained on ImageNet, and stay as they are. On top of them stands one linear layer:

    1. cache the convolutions' output for six views of the training images (plain, mirrored, jittered, smaller)
    2. fit the layer on nine tenths, and choose the temperature of its softmax on the tenth held out
    3. fit it again on everything, with the same settings and temperature, and write the file
    4. run the test images once through the preprocessing of the app: accuracy and calibration

Takes about 7 GB of memory and, on two cores, about fifteen minutes. CIFAR-10's images are 32x32 and are enlarged to the
network's input; a layer fitted on such blurred images must also read sharp photographs, which is what the views that
are enlarged less, and so blurred less, are for.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from alexnet_viz.errors import UserError
from alexnet_viz.images import Preprocess
from alexnet_viz.network.build import Network, with_weights
from alexnet_viz.network.sources import SHIPPED_DIR
from alexnet_viz.network.spec import Linear, Shape, walk
from alexnet_viz.network.weights import read_state
from alexnet_viz.network.zoo import ModelEntry, model_entry
from alexnet_viz.training.datasets import Dataset, Split, load_dataset

MODEL = "alexnet_transfer"
HELD_OUT = 0.1  # share of the training images that choose the temperature
SEED = 0
VIEWS = {  # name: weight in the loss, share of the training images
    "plain": (1.0, 1.0),
    "mirrored": (1.0, 1.0),
    "jittered": (1.0, 1.0),
    "smaller": (0.2, 0.4),
    "half size": (0.2, 0.4),
    "jittered again": (1.0, 1.0),
}
ENLARGED_TO = {"smaller": 160, "half size": 112}  # pixels of the whole image; around it its mirror images
BATCH = 64  # images at once through the convolutions

EPOCHS = 5  # over all views
HEAD_BATCH = 500  # feature vectors a step
LEARNING_RATE = 1e-3  # Adam; the bias gets three times as much
L2 = 0.03  # on the weights, of features scaled to unit variance
MIRRORED_SHARE = 0.5  # how much of each weight map is shared with its mirror image: classes have no left and right
CALIBRATION_BINS = 15

Event = dict[str, object]


@dataclass(frozen=True)
class Head:
    """The linear layer: logits = features @ weight.T + bias."""

    weight: Tensor  # (classes, features)
    bias: Tensor  # (classes,)

    def __call__(self, features: Tensor) -> Tensor:  # (N, features) -> (N, classes)
        return features.float() @ self.weight.T + self.bias

    def cooled(self, temperature: float) -> "Head":
        """The same answers, with probabilities of another temperature."""
        return Head(self.weight / temperature, self.bias / temperature)

    def stored(self) -> "Head":
        """As the file will hold it, rounded to fp16."""
        return Head(self.weight.half().float(), self.bias.half().float())


def transfer(
    data: Path, *, convolutions: Path | None = None, out: Path | None = None, cache: Path | None = None
) -> Iterator[Event]:
    """Train, write the file, and yield one event a step; the last one holds the figures.

    `convolutions` is a file with `features.*`; by default those of the shipped file. With a folder `cache`, features
    are kept there and taken from there: an interrupted run, or one with another head, need not compute them again.
    """
    started = time.perf_counter()
    entry = model_entry(MODEL)
    shipped = SHIPPED_DIR / entry.shipped
    out = out or shipped
    dataset = load_dataset(data, side=None)
    yield {"event": "loaded", "train": len(dataset.train), "test": len(dataset.test), "classes": dataset.classes}

    state, _ = read_state(convolutions or shipped)
    kept = {key: tensor.half() for key, tensor in state.items() if key.startswith("features.")}
    network = _network(entry, dataset, kept)
    map_shape = next(row.input for row in walk(network.spec).rows if row.kind == "flatten")
    order = torch.from_numpy(np.random.default_rng(SEED).permutation(len(dataset.train)))
    train = Split(dataset.train.images[order], dataset.train.labels[order])
    views = []
    for view, (_, share) in VIEWS.items():
        part = round(len(train) * share)
        some = Split(train.images[:part], train.labels[:part])
        views.append(_kept_features(cache, network, some, view, entry.preprocess))
        yield {"event": "features", "view": view, "seconds": round(time.perf_counter() - started)}

    fitted_on = round(len(train) * (1 - HELD_OUT))
    head = _fit([view[:fitted_on] for view in views], train.labels[:fitted_on], map_shape)
    held_out = head(views[0][fitted_on:])
    temperature = best_temperature(held_out, train.labels[fitted_on:])
    yield {
        "event": "validated",
        "accuracy": accuracy(held_out, train.labels[fitted_on:]),
        "temperature": temperature,
        "seconds": round(time.perf_counter() - started),
    }

    head = _fit(views, train.labels, map_shape).cooled(temperature).stored()
    del views
    logits = head(_test_features(network, dataset.test, entry.preprocess))
    bins = calibration(logits, dataset.test.labels)
    figures = {
        "test_accuracy": round(accuracy(logits, dataset.test.labels), 4),
        "test_images": len(dataset.test),
        "expected_calibration_error": round(calibration_error(bins), 4),
        "calibration": bins,
    }
    _write(out, kept, head, dataset.classes, figures)
    yield {"event": "written", "file": str(out), **figures, "seconds": round(time.perf_counter() - started)}


def _network(entry: ModelEntry, dataset: Dataset, convolutions: dict[str, Tensor]) -> Network:
    """The model's network for this number of classes, its convolutions loaded and its head still zero."""
    *before, last = entry.spec.layers
    assert isinstance(last, Linear)
    spec = replace(entry.spec, layers=(*before, replace(last, outputs=len(dataset.classes))))
    state = {key: tensor.float() for key, tensor in convolutions.items()}
    zeros = {
        "classifier.0.weight": torch.zeros(len(dataset.classes), last.inputs),
        "classifier.0.bias": torch.zeros(len(dataset.classes)),
    }
    return with_weights(spec, state | zeros)


# Views of the training images


def _kept_features(cache: Path | None, network: Network, split: Split, view: str, preprocess: Preprocess) -> Tensor:
    """One view's features, from the cache folder where they are there already."""
    if not cache:
        return _view_features(network, split, view, preprocess)
    file = cache / f"{view}.npy"
    if not file.is_file():
        features = _view_features(network, split, view, preprocess)
        cache.mkdir(parents=True, exist_ok=True)
        np.save(file, features.view(torch.int16).numpy())  # NumPy has no bf16
        return features
    features = torch.from_numpy(np.load(file)).view(torch.bfloat16)
    if len(features) != len(split):
        raise UserError("{file} was cached for another dataset. Remove it and try again.", file=str(file))
    return features


@torch.inference_mode()
def _view_features(network: Network, split: Split, view: str, preprocess: Preprocess) -> Tensor:
    """The flattened last map of one view of every image, bf16: (N, C * H * W)."""
    generator = torch.Generator().manual_seed(SEED + list(VIEWS).index(view))
    convolutions = network.features.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        features = [
            convolutions(_view(images, view, preprocess, generator)).flatten(1).bfloat16()
            for images in split.images.split(BATCH)
        ]
    return torch.cat(features)


def _view(images: Tensor, view: str, preprocess: Preprocess, generator: torch.Generator) -> Tensor:
    """One batch enlarged to the network's input, (B, 3, crop, crop), normalised."""
    batch, _, side, _ = images.shape
    pixels = images.float() / 255
    mirror = torch.full((batch,), view == "mirrored")
    top = left = torch.zeros(batch)
    height = width = torch.full((batch,), float(side))
    if view.startswith("jittered"):
        pixels = _jitter_colours(pixels, generator)
        mirror = _uniform(batch, 0, 1, generator) < 0.5
        zoom = torch.exp(_uniform(batch, math.log(0.88), math.log(1.06), generator))
        stretch = torch.exp(_uniform(batch, -0.03, 0.03, generator))
        height, width = side * zoom * stretch, side * zoom / stretch
        top, left = (_placed(length, side, generator) for length in (height, width))
    elif view in ENLARGED_TO:
        mirror = _uniform(batch, 0, 1, generator) < 0.5
        height = width = torch.full((batch,), side * preprocess.crop / ENLARGED_TO[view])
        top, left = (_uniform(batch, 0, 1, generator) * (side - height) for _ in range(2))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocess.mean, preprocess.std))
    rows = _taps(top, height, side, preprocess.crop)
    columns = _taps(left, width, side, preprocess.crop)
    columns = torch.where(mirror[:, None, None], columns.flip(1), columns)
    enlarged = rows[:, None] @ ((pixels - mean) / std) @ columns.transpose(1, 2)[:, None]
    return enlarged.contiguous(memory_format=torch.channels_last)


def _taps(start: Tensor, length: Tensor, side: int, out: int) -> Tensor:
    """Bilinear interpolation of a window as a matrix, (B, out, side); beyond the edge the image is mirrored."""
    at = start[:, None] + (torch.arange(out) + 0.5) / out * length[:, None] - 0.5  # in source pixels
    at = torch.where(at < -0.5, -1 - at, at)
    at = torch.where(at > side - 0.5, 2 * side - 1 - at, at)
    taps = (1 - (at[:, :, None] - torch.arange(float(side))).abs()).clamp(min=0)
    return taps / taps.sum(2, keepdim=True)


def _placed(length: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Where a window starts: anywhere, up to 1.5 pixels over the edge."""
    middle = (side - length) / 2
    lowest = torch.minimum(torch.full_like(length, -1.5), middle)
    highest = torch.maximum(side + 1.5 - length, middle)
    return lowest + _uniform(len(length), 0, 1, generator) * (highest - lowest)


def _jitter_colours(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness +-20 %, contrast +-30 %, saturation +-40 %, one in twenty grey."""
    batch = len(pixels)

    def factor(low: float, high: float) -> Tensor:
        return _uniform(batch, low, high, generator).view(-1, 1, 1, 1)

    pixels = pixels * factor(0.8, 1.2)
    average = pixels.mean((1, 2, 3), keepdim=True)
    pixels = average + (pixels - average) * factor(0.7, 1.3)
    grey = (pixels * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    saturation = torch.where(factor(0, 1) < 0.05, 0.0, factor(0.6, 1.4))
    return (grey + (pixels - grey) * saturation).clamp(0, 1)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + torch.rand(count, generator=generator) * (high - low)


# The head


def _fit(views: list[Tensor], labels: Tensor, map_shape: Shape) -> Head:
    """Softmax regression on all views, by Adam with a cosine schedule. Row i of every view is of image i."""
    starts = torch.tensor([0, *(len(view) for view in views)]).cumsum(0)
    sample = torch.cat([view[:1500] for view in views]).float()
    mean, scale = sample.mean(0), sample.std(0).pow(2).mean().sqrt()
    classes = int(labels.max()) + 1
    raw = torch.zeros(classes, *map_shape, requires_grad=True)  # weights of the scaled features, (classes, C, H, W)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.Adam(
        [{"params": [raw], "weight_decay": L2}, {"params": [bias], "lr": 3 * LEARNING_RATE}],
        lr=LEARNING_RATE,
        betas=(0.9, 0.99),
    )
    total = int(starts[-1])
    steps = EPOCHS * (total // HEAD_BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / steps))
    )
    importance = torch.tensor([weight for weight, _ in VIEWS.values()])
    generator = torch.Generator().manual_seed(SEED)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(total, generator=generator)[: total // HEAD_BATCH * HEAD_BATCH].split(HEAD_BATCH):
            which = torch.bucketize(chosen, starts, right=True) - 1
            rows = chosen - starts[which]
            features = _gathered(views, which, rows)
            weight = _shared(raw) / scale
            logits = (features @ weight.bfloat16().T).float() - weight @ mean + bias
            losses = F.cross_entropy(logits, labels[rows], reduction="none")
            optimizer.zero_grad()
            (losses * importance[which]).mean().backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        weight = _shared(raw) / scale
        return Head(weight.clone(), bias - weight @ mean)


def _shared(raw: Tensor) -> Tensor:
    """Weights that are partly those of the mirrored map, (classes, C * H * W)."""
    return (raw + MIRRORED_SHARE * raw.flip(3)).flatten(1)


def _gathered(views: list[Tensor], which: Tensor, rows: Tensor) -> Tensor:
    """Row `rows[i]` of view `which[i]`, without first putting the views together, which would double the memory."""
    batch = torch.empty(len(rows), views[0].shape[1], dtype=views[0].dtype)
    for i, view in enumerate(views):
        batch[which == i] = view[rows[which == i]]
    return batch


# Figures


@torch.inference_mode()
def _test_features(network: Network, split: Split, preprocess: Preprocess) -> Tensor:
    """The flattened last map of every image, through the very preprocessing that the app uses; fp32."""
    features = []
    for images in split.images.split(BATCH):
        pictures = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
        arrays = [torch.from_numpy(preprocess.to_array(picture)) for picture in pictures]
        features.append(network.features(torch.stack(arrays)).flatten(1))
    return torch.cat(features)


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of images whose best class is right."""
    return (logits.argmax(1) == labels).double().mean().item()


def best_temperature(logits: Tensor, labels: Tensor) -> float:
    """The softmax temperature under which the labels are most probable (Guo et al. 2017, section 4.2)."""
    candidates = torch.linspace(0.3, 4, 371)
    losses = torch.stack([F.cross_entropy(logits / temperature, labels) for temperature in candidates])
    return round(candidates[losses.argmin()].item(), 2)


def calibration(logits: Tensor, labels: Tensor) -> list[dict[str, float]]:
    """A reliability diagram: for each bin of stated probability the count, its mean, and the hit rate."""
    stated, best = logits.softmax(1).max(1)
    hit = (best == labels).double()
    bins = []
    for at in range(CALIBRATION_BINS):
        inside = (stated > at / CALIBRATION_BINS) & (stated <= (at + 1) / CALIBRATION_BINS)
        if count := int(inside.sum()):
            probability, hits = stated[inside].mean().item(), hit[inside].mean().item()
            bins.append({"count": count, "probability": round(probability, 4), "hit_rate": round(hits, 4)})
    return bins


def calibration_error(bins: list[dict[str, float]]) -> float:
    """Expected calibration error: the mean distance of stated probability and hit rate, weighted by count."""
    total = sum(item["count"] for item in bins)
    return sum(item["count"] * abs(item["probability"] - item["hit_rate"]) for item in bins) / total


def _write(out: Path, convolutions: dict[str, Tensor], head: Head, classes: tuple[str, ...], figures: Event) -> None:
    state = {**convolutions, "classifier.0.weight": head.weight.half(), "classifier.0.bias": head.bias.half()}
    metadata = {
        "model": MODEL,
        "classes": json.dumps(classes),
        "source": "features.*: torchvision AlexNet_Weights.IMAGENET1K_V1; classifier.*: trained by this project",
        "license": "BSD-3-Clause (features), MIT (classifier)",
        "figures": json.dumps(figures),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, out, metadata)
