"""Train the shipped ten-class head again: `python -m alexnet_viz transfer --data PATH`.

The convolutions are torchvision's, trained on ImageNet, and stay as they are. On top of them stands a small head:

    1. cache the convolutions' output for six views of the training images (plain, mirrored, jittered, smaller)
    2. fit the head on nine tenths, and choose the temperature of its softmax on the tenth held out
    3. fit it again on everything, with the same settings and temperature, and write the file
    4. run the test images once through the preprocessing of the app: accuracy and calibration

The head is the mean of two, written as one hidden layer: a linear one, which reads sharp photographs better, and one
with hidden units, which reads CIFAR-10's own images better. The linear one's logits pass through ReLUs as well, lifted
above zero by a bias that the last layer takes off again.

Takes about 7 GB of memory and, on two cores, about fifteen minutes. CIFAR-10's images are 32x32 and are enlarged to the
network's input; a layer fitted on such blurred images must also read sharp photographs, which is what the views that
are enlarged less, and so blurred less, are for.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from alexnet_viz.errors import UserError
from alexnet_viz.images import Preprocess
from alexnet_viz.network.build import Network, meta_network, with_weights
from alexnet_viz.network.sources import SHIPPED_DIR
from alexnet_viz.network.spec import Linear, Shape, walk
from alexnet_viz.network.weights import read_state
from alexnet_viz.network.zoo import ModelEntry, model_entry
from alexnet_viz.training.datasets import Dataset, Split, load_dataset
from alexnet_viz.training.devices import processor_has_bf16

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

HEAD_BATCH = 500  # feature vectors a step
LEARNING_RATE = 1e-3  # Adam; the linear head's bias gets three times as much
HIDDEN_SHARE = 0.12  # of the head with hidden units in the mean of the two; more costs photographs

# The linear head
EPOCHS = 5  # over all views
L2 = 0.03  # on the weights, of features scaled to unit variance
MIRRORED_SHARE = 0.5  # how much of each weight map is shared with its mirror image: classes have no left and right

# The head with hidden units
HIDDEN_EPOCHS = 6  # over all views
HIDDEN_DECAY = 0.05  # AdamW's
FEATURE_DROPOUT, HIDDEN_DROPOUT = 0.5, 0.2

CALIBRATION_BINS = 15

Event = dict[str, object]


@dataclass(frozen=True)
class Affine:
    """A linear layer: outputs = features @ weight.T + bias."""

    weight: Tensor  # (outputs, features)
    bias: Tensor  # (outputs,)

    def __call__(self, features: Tensor) -> Tensor:  # (N, features) -> (N, outputs)
        return features.float() @ self.weight.T + self.bias

    def stored(self) -> "Affine":
        """As the file will hold it, rounded to fp16."""
        return Affine(self.weight.half().float(), self.bias.half().float())


@dataclass(frozen=True)
class Head:
    """Two linear layers with a ReLU between."""

    hidden: Affine
    output: Affine

    def __call__(self, features: Tensor) -> Tensor:  # (N, features) -> (N, classes)
        return self.output(self.hidden(features).relu())

    def cooled(self, temperature: float) -> "Head":
        """The same answers, with probabilities of another temperature."""
        return Head(self.hidden, Affine(self.output.weight / temperature, self.output.bias / temperature))

    def stored(self) -> "Head":
        """As the file will hold it, rounded to fp16."""
        return Head(self.hidden.stored(), self.output.stored())


def mean_head(linear: Affine, other: Head, share: float, lift: Tensor) -> Head:
    """The weighted mean of a linear head and another one, exactly, as one head; `share` is the other's.

    `lift`, (classes,), has to exceed every negative logit that the linear head ever gives: then its ReLUs never cut.
    """
    classes = len(linear.bias)
    return Head(
        Affine(torch.cat([linear.weight, other.hidden.weight]), torch.cat([linear.bias + lift, other.hidden.bias])),
        Affine(
            torch.cat([(1 - share) * torch.eye(classes), share * other.output.weight], dim=1),
            (1 - share) * -lift + share * other.output.bias,
        ),
    )


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
    hidden = _hidden_units(network) - len(dataset.classes)
    head = _fit([view[:fitted_on] for view in views], train.labels[:fitted_on], map_shape, hidden)
    held_out = head(views[0][fitted_on:])
    temperature = best_temperature(held_out, train.labels[fitted_on:])
    yield {
        "event": "validated",
        "accuracy": accuracy(held_out, train.labels[fitted_on:]),
        "temperature": temperature,
        "seconds": round(time.perf_counter() - started),
    }

    head = _fit(views, train.labels, map_shape, hidden).cooled(temperature).stored()
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
    expected = meta_network(spec).state_dict()
    zeros = {key: torch.zeros(expected[key].shape) for key in expected if key.startswith("classifier.")}
    return with_weights(spec, state | zeros)


def _hidden_units(network: Network) -> int:
    return network.get_submodule("classifier.0").out_features  # type: ignore[return-value]


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


@torch.no_grad()  # not inference_mode: the head is differentiated through these
def _view_features(network: Network, split: Split, view: str, preprocess: Preprocess) -> Tensor:
    """The flattened last map of one view of every image, bf16: (N, C * H * W)."""
    generator = torch.Generator().manual_seed(SEED + list(VIEWS).index(view))
    convolutions = network.features.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=processor_has_bf16()):
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


def _fit(views: list[Tensor], labels: Tensor, map_shape: Shape, hidden: int) -> Head:
    """Both heads, and their mean. Row i of every view is of image i; the images are in random order."""
    linear = _fit_linear(views, labels, map_shape)
    other = _fit_hidden(views, labels, hidden)
    return mean_head(linear, other, HIDDEN_SHARE, _lift(linear, views))


def _lift(linear: Affine, views: list[Tensor]) -> Tensor:
    """Far above the most negative logits: twice what is seen here."""
    lowest = torch.stack([linear(view[: 20 * HEAD_BATCH]).amin(0) for view in views]).amin(0)
    return (2 * -lowest).clamp(min=1).ceil()


def _batches(views: list[Tensor], epochs: int) -> Iterator[tuple[int, slice]]:
    """Which view, and which rows of it: whole blocks, since the images are in random order already."""
    generator = torch.Generator().manual_seed(SEED)
    blocks = [
        (number, slice(start, start + HEAD_BATCH))
        for number, view in enumerate(views)
        for start in range(0, len(view) - HEAD_BATCH + 1, HEAD_BATCH)
    ]
    for _ in range(epochs):
        for at in torch.randperm(len(blocks), generator=generator).tolist():
            yield blocks[at]


def _schedule(optimizer: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    """A hundred steps of warming up, then half a cosine."""
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / steps))
    )


def _steps(views: list[Tensor], epochs: int) -> int:
    return epochs * sum(len(view) // HEAD_BATCH for view in views)


def _scales(views: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Each feature's mean, and one scale for all."""
    sample = torch.cat([view[:1500] for view in views]).float()
    return sample.mean(0), sample.std(0).pow(2).mean().sqrt()


def _fit_hidden(views: list[Tensor], labels: Tensor, units: int) -> Head:
    """One layer of hidden units, by AdamW, with dropout on the features and on the units."""
    _, scale = _scales(views)
    importance = [weight for weight, _ in VIEWS.values()]
    generator = torch.Generator().manual_seed(SEED)
    sizes = (views[0].shape[1], units, int(labels.max()) + 1)
    weights = [
        torch.empty(shape).uniform_(-(inputs**-0.5), inputs**-0.5, generator=generator).requires_grad_()
        for inputs, outputs in pairwise(sizes)
        for shape in ((outputs, inputs), (outputs,))
    ]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=HIDDEN_DECAY)
    schedule = _schedule(optimizer, _steps(views, HIDDEN_EPOCHS))
    for number, rows in _batches(views, HIDDEN_EPOCHS):
        features = _dropped(views[number][rows] / scale.bfloat16(), FEATURE_DROPOUT, generator)
        first, first_bias, second, second_bias = weights
        answers = (features @ first.bfloat16().T).float() + first_bias
        logits = _dropped(answers.relu(), HIDDEN_DROPOUT, generator) @ second.T + second_bias
        optimizer.zero_grad()
        (F.cross_entropy(logits, labels[rows]) * importance[number]).backward()
        optimizer.step()
        schedule.step()
    first, first_bias, second, second_bias = (tensor.detach() for tensor in weights)
    return Head(Affine(first / scale, first_bias), Affine(second, second_bias))


def _dropped(values: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Dropout; 25 neighbouring rows share a mask where there are many, because drawing masks is what takes long."""
    groups = len(values) // 25 if len(values) % 25 == 0 else len(values)
    kept = (torch.rand(groups, 1, values.shape[1], generator=generator) >= rate).to(values.dtype) / (1 - rate)
    return (values.view(groups, -1, values.shape[1]) * kept).view(values.shape)


def _fit_linear(views: list[Tensor], labels: Tensor, map_shape: Shape) -> Affine:
    """Softmax regression on all views, by Adam with a cosine schedule."""
    mean, scale = _scales(views)
    classes = int(labels.max()) + 1
    raw = torch.zeros(classes, *map_shape, requires_grad=True)  # weights of the scaled features, (classes, C, H, W)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.Adam(
        [{"params": [raw], "weight_decay": L2}, {"params": [bias], "lr": 3 * LEARNING_RATE}],
        lr=LEARNING_RATE,
        betas=(0.9, 0.99),
    )
    importance = [weight for weight, _ in VIEWS.values()]
    schedule = _schedule(optimizer, _steps(views, EPOCHS))
    for number, rows in _batches(views, EPOCHS):
        weight = _shared(raw) / scale
        logits = (views[number][rows] @ weight.bfloat16().T).float() - weight @ mean + bias
        optimizer.zero_grad()
        (F.cross_entropy(logits, labels[rows]) * importance[number]).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        weight = _shared(raw) / scale
        return Affine(weight.clone(), bias - weight @ mean)


def _shared(raw: Tensor) -> Tensor:
    """Weights that are partly those of the mirrored map, (classes, C * H * W)."""
    return (raw + MIRRORED_SHARE * raw.flip(3)).flatten(1)


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
    layers = {"classifier.0": head.hidden, "classifier.2": head.output}
    fitted = {
        f"{key}.{part}": getattr(layer, part).half() for key, layer in layers.items() for part in ("weight", "bias")
    }
    state = {**convolutions, **fitted}
    metadata = {
        "model": MODEL,
        "classes": json.dumps(classes),
        "source": "features.*: torchvision AlexNet_Weights.IMAGENET1K_V1; classifier.*: trained by this project",
        "license": "BSD-3-Clause (features), MIT (classifier)",
        "figures": json.dumps(figures),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, out, metadata)
