"""The recipe of the shipped weights, run by hand when they are to be made anew: trains the head of alexnet_200.

    python -m tools.transfer --data tiny-imagenet.zip --photographs photographs.zip --leave-out FILE

The convolutions are torchvision's, trained on ImageNet, and stay as they are. What is trained stands on top of them:
Flatten, Dropout, Linear(9216, 1000), ReLU, Dropout, Linear(1000, 200). The pictures to learn from have 64x64 pixels,
and enlarged they are blurred: their features are weaker than a photograph's, those of some channels much more so than
of others. A head that has seen nothing else answers photographs worse, and too surely. So it sees both:

    1. the convolutions' output for two views of every picture: as the app prepares it, and mirrored and sharpened
    2. photographs of other things, as they are and at 64x64 enlarged again, tell what sharpness does to features: a
       linear map of the 256 channels (ridge regression), and what it leaves unexplained
    3. the head learns from both views, and from both again after that map, with noise as large as the unexplained rest
    4. photographs of its classes choose the temperature of the softmax (Guo et al. 2017, section 4.2)
    5. the test pictures are looked at once, and the figures go into the file

Takes about 8 GB of memory and 20 minutes on two cores.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image, ImageOps
from safetensors.torch import save_file
from torch import Tensor, nn

from alexnet_viz.errors import UserError
from alexnet_viz.network.build import Network, meta_network, with_weights
from alexnet_viz.network.sources import SHIPPED_DIR
from alexnet_viz.network.spec import walk
from alexnet_viz.network.weights import read_state
from alexnet_viz.network.zoo import ModelEntry, model_entry
from alexnet_viz.pictures.images import Preprocess, decode
from alexnet_viz.training.archives import open_files, shown
from alexnet_viz.training.datasets import Split, load_dataset
from alexnet_viz.training.devices import processor_has_bf16
from alexnet_viz.words.labels import class_of_wnid

MODEL = "alexnet_200"
HELD_OUT = 0.1  # share of the training pictures that settings are chosen on
SEED = 0
VIEWS = ("plain", "sharpened")
BLUR = 2.0  # pixels of the enlarged picture: sharpened is what the picture has more than its blurred self
GRAIN = 4 / 255  # standard deviation of the noise on sharpened pictures, as a camera's
BATCH = 64  # pictures at once through the convolutions

PAIR_SIDE = 64  # pixels that a photograph is reduced to, to see what its features lose
RIDGE = 3000.0  # how strongly the map stays near "every channel a bit stronger"
GAIN = 1.3  # that bit

# The head
HEAD_BATCH = 1024  # feature vectors a step
EPOCHS = 5  # over both views, each as it is and mapped
LEARNING_RATE = 1.4e-3  # AdamW's highest
WEIGHT_DECAY = 3.0
DROPOUT = 0.5  # of features and of hidden units
FEATURE_SCALE = 1.5  # features are divided by it, so that they are about 1
PLAIN_GAIN, MAPPED_GAIN = (1.0, 1.8), (0.8, 1.25)  # features are multiplied by a random number from here
UNEXPLAINED = 0.7  # how much of the rest that the map leaves unexplained is added as noise

CALIBRATION_BINS = 15

Event = dict[str, object]
Head = nn.Sequential  # Linear(features, units), ReLU, Linear(units, classes)


@dataclass(frozen=True)
class Sharpening:
    """What the features of an enlarged picture would be if the picture were sharp: a linear map of the channels."""

    weight: Tensor  # (256, 256)
    bias: Tensor  # (256,)
    unexplained: Tensor  # (256,), standard deviation of what is left

    def before_relu(self, features: Tensor) -> Tensor:  # (N, C * H * W) bf16 -> the same
        weight, bias = self.weight.to(features.dtype), self.bias.to(features.dtype)[:, None]
        rows = (part.unflatten(1, (len(bias), -1)) for part in features.split(4096))
        return torch.cat([(torch.einsum("nch,cd->ndh", part, weight) + bias).flatten(1) for part in rows])

    def noise(self, count: int, features: int, generator: torch.Generator) -> Tensor:  # (count, C * H * W)
        spread = UNEXPLAINED * self.unexplained.repeat_interleave(features // len(self.bias))
        return torch.randn(count, features, generator=generator) * spread


def transfer(
    data: Path,
    photographs: Path,
    leave_out: Path | None = None,
    convolutions: Path | None = None,
    out: Path | None = None,
) -> Iterator[Event]:
    """Train, write the file, and yield one event a step; the last one holds the figures.

    `data` has train/WNID and test/WNID, `photographs` has known/WNID/PICTURE and unknown/PICTURE. `leave_out` is a file
    with one line a picture of `data` that is one of the photographs. `convolutions` is a file with `features.*`; by
    default those of the shipped file.
    """
    started = time.perf_counter()

    def step(event: str, **figures: object) -> Event:
        return {"event": event, **figures, "seconds": round(time.perf_counter() - started)}

    entry = model_entry(MODEL)
    shipped = SHIPPED_DIR / entry.shipped
    left_out = leave_out.read_text(encoding="utf-8").split("\n") if leave_out else ()
    dataset = load_dataset(data, side=PAIR_SIDE, leave_out=frozenset(left_out))
    yield step("loaded", train=len(dataset.train), test=len(dataset.test), classes=len(dataset.classes))

    state, _ = read_state(convolutions or shipped)
    kept = {key: tensor.half() for key, tensor in state.items() if key.startswith("features.")}
    network = _network(entry, kept)
    order = torch.from_numpy(np.random.default_rng(SEED).permutation(len(dataset.train)))
    train = Split(dataset.train.images[order], dataset.train.labels[order])
    views = []
    for view in VIEWS:
        views.append(_view_features(network, train, view, entry.preprocess))
        yield step("features", view=view)

    known, labels, others = _photographs(photographs, dataset.classes)
    sharpenings = _sharpenings(others, network, entry.preprocess)
    seen, unknown = (_app_features(network, pictures, entry.preprocess) for pictures in (known, others))
    yield step("photographs", known=len(seen), others=len(unknown))

    fitted_on = round(len(train) * (1 - HELD_OUT))
    units = network.get_submodule("classifier.1").out_features
    head = _fit([view[:fitted_on] for view in views], train.labels[:fitted_on], sharpenings, units)
    yield step("validated", top1=round(_top(answers(head, views[0][fitted_on:]), train.labels[fitted_on:], 1), 4))

    head = _fit(views, train.labels, sharpenings, units)
    del views
    temperature = best_temperature(answers(head, seen), labels)
    cool(head, temperature).half().float()  # as the file will hold it, rounded to fp16
    pictures = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in dataset.test.images]
    logits, right = answers(head, _app_features(network, pictures, entry.preprocess)), dataset.test.labels
    test = {"images": len(right), **_figures(logits, right), "calibration": calibration(logits, right)}
    on_photographs = _on_photographs(answers(head, seen), labels, answers(head, unknown))
    figures = {"temperature": temperature, "photographs": on_photographs, "test": test}
    file = out or shipped
    _write(file, kept, head, tuple(map(class_of_wnid, dataset.classes)), figures)
    yield step("written", file=str(file), **figures)


def _network(entry: ModelEntry, convolutions: Mapping[str, Tensor]) -> Network:
    """The model's network, its convolutions loaded and its head still zero."""
    expected = meta_network(entry.spec).state_dict()
    zeros = {key: torch.zeros(expected[key].shape) for key in expected if key.startswith("classifier.")}
    return with_weights(entry.spec, {key: tensor.float() for key, tensor in convolutions.items()} | zeros)


# Views of the training pictures


@torch.no_grad()  # not inference_mode: the head is differentiated through these
def _view_features(network: Network, split: Split, view: str, preprocess: Preprocess) -> Tensor:
    """The flattened last map of one view of every picture, bf16: (N, C * H * W)."""
    generator = torch.Generator().manual_seed(SEED)
    places = next(row.input for row in walk(network.spec).rows if row.kind == "flatten")
    features = torch.empty(len(split), math.prod(places), dtype=torch.bfloat16)
    for start in range(0, len(split), BATCH):
        rows = slice(start, start + BATCH)
        features[rows] = _features(network, _view(split.images[rows], view, preprocess, generator))
    return features


def _features(network: Network, batch: Tensor, *, exact: bool = False) -> Tensor:  # (B, 3, H, W) -> (B, C * H * W)
    """In bf16 where the processor has units for it, unless they are to be exactly those of the app."""
    convolutions = network.features.to(memory_format=torch.channels_last)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=processor_has_bf16() and not exact):
        return convolutions(batch.contiguous(memory_format=torch.channels_last)).flatten(1)


def _view(images: Tensor, view: str, preprocess: Preprocess, generator: torch.Generator) -> Tensor:
    """One batch enlarged to the network's input, (B, 3, crop, crop), normalised."""
    pixels, out = images.float() / 255, preprocess.crop
    if view == "plain":  # as the app does it: the shorter side to `size`, the centre cut out
        whole = F.interpolate(pixels, (preprocess.size,) * 2, mode="bilinear")
        start = (preprocess.size - out) // 2
        enlarged = whole[..., start : start + out, start : start + out]
    else:
        plain = F.interpolate(pixels.flip(3), (out, out), mode="bicubic", antialias=True)
        blur = _gaussian(out)
        enlarged = 2 * plain - blur @ plain @ blur.T
        enlarged = enlarged + GRAIN * torch.randn(enlarged.shape, generator=generator)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocess.mean, preprocess.std))
    return (enlarged.clamp(0, 1) - mean) / std


def _gaussian(side: int) -> Tensor:
    """Blurring as a matrix, (side, side)."""
    at = torch.arange(float(side))
    weights = torch.exp(-((at[:, None] - at) ** 2) / (2 * BLUR**2))
    return weights / weights.sum(1, keepdim=True)


# Photographs, and what sharpness does to features


def _app_features(network: Network, pictures: Sequence[Image.Image], preprocess: Preprocess) -> Tensor:
    """The flattened last map of every picture, through the very preprocessing that the app uses."""
    parts = []
    for start in range(0, len(pictures), BATCH):
        arrays = [torch.from_numpy(preprocess.to_array(picture)) for picture in pictures[start : start + BATCH]]
        parts.append(_features(network, torch.stack(arrays), exact=True))
    return torch.cat(parts)


def _photographs(path: Path, classes: tuple[str, ...]) -> tuple[list[Image.Image], Tensor, list[Image.Image]]:
    """Those in known/WNID, with their classes, and those in unknown, which show what the network does not learn."""
    known, labels, others = [], [], []
    with open_files(path) as files:
        for name in files.names:
            *folders, file = name
            wnid = folders[-1] if folders[-2:-1] == ["known"] else ""
            if wnid and wnid not in classes:
                raise UserError("{folder} in {source} is none of the classes.", folder=shown(wnid), source=path.name)
            if wnid:
                known.append(decode(files.read(name), file).image)
                labels.append(classes.index(wnid))
            elif folders[-1:] == ["unknown"]:
                others.append(decode(files.read(name), file).image)
    if not known or not others:
        raise UserError("{source} needs pictures in known/WNID and in unknown.", source=path.name)
    return known, torch.tensor(labels), others


def _sharpenings(pictures: Sequence[Image.Image], network: Network, preprocess: Preprocess) -> tuple[Sharpening, ...]:
    """For each view the map from its features to those of the sharp picture, from photographs of other things."""
    small_size = Preprocess(PAIR_SIDE, PAIR_SIDE, (0.0,) * 3, (1.0,) * 3)
    generator = torch.Generator().manual_seed(SEED)
    sharp: list[Tensor] = []
    enlarged: dict[str, list[Tensor]] = {view: [] for view in VIEWS}
    for image in pictures:
        if min(image.size) < 3 * PAIR_SIDE:
            continue
        square = ImageOps.fit(image, (min(image.size),) * 2)
        small = torch.from_numpy(np.rint(255 * small_size.to_array(square))).byte()[None]
        sharp.append(_features(network, torch.from_numpy(preprocess.to_array(ImageOps.mirror(square)))[None]).float())
        for view in VIEWS:
            source = small if view == "sharpened" else small.flip(3)
            enlarged[view].append(_features(network, _view(source, view, preprocess, generator)).float())
    return tuple(_regression(torch.cat(enlarged[view]), torch.cat(sharp)) for view in VIEWS)


def _regression(blurred: Tensor, sharp: Tensor, channels: int = 256) -> Sharpening:
    """Ridge regression of one picture's channels on the other's, over all places of all pictures."""
    x, y = (values.unflatten(1, (channels, -1)).mT.reshape(-1, channels).double() for values in (blurred, sharp))
    x = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)
    ridge = RIDGE * torch.eye(channels + 1, dtype=x.dtype)
    ridge[-1, -1] = 0
    start = GAIN * torch.eye(channels + 1, channels, dtype=x.dtype)
    solved = torch.linalg.solve(x.T @ x + ridge, x.T @ y + ridge @ start)
    rest = y - (x @ solved).relu()
    return Sharpening(solved[:-1].float(), solved[-1].float(), rest.std(0).float())


# The head


def _fit(views: list[Tensor], labels: Tensor, sharpenings: tuple[Sharpening, ...], units: int) -> Head:
    """By AdamW, on every view as it is and mapped. Row i of every view is of picture i."""
    mapped = [sharpening.before_relu(view) for sharpening, view in zip(sharpenings, views, strict=True)]
    sources = [*((view, None) for view in views), *zip(mapped, sharpenings, strict=True)]
    generator = torch.Generator().manual_seed(SEED)
    features, classes = views[0].shape[1], int(labels.max()) + 1
    head = Head(nn.Linear(features, units), nn.ReLU(), nn.Linear(units, classes))
    for parameter, inputs in zip(head.parameters(), (features, features, units, units), strict=True):
        nn.init.uniform_(parameter, -(inputs**-0.5), inputs**-0.5, generator=generator)
    optimizer = torch.optim.AdamW(head.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
    blocks = max(1, len(labels) // HEAD_BATCH)
    steps = EPOCHS * blocks * len(sources)
    schedule = torch.optim.lr_scheduler.LambdaLR(  # fifty steps of warming up, then half a cosine
        optimizer, lambda step: min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / steps))
    )
    for _ in range(EPOCHS):
        for number, rows in _batches(len(labels), blocks, len(sources), generator):
            source, sharpening = sources[number]
            x = _varied(source[rows], sharpening, generator)
            with torch.autocast("cpu", torch.bfloat16, enabled=processor_has_bf16()):
                hidden = head[:2](x)
            logits = head[2](_dropped(hidden.float(), generator))
            optimizer.zero_grad()
            F.cross_entropy(logits, labels[rows]).backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        head[0].weight /= FEATURE_SCALE
    return head


@torch.no_grad()
def answers(head: Head, features: Tensor) -> Tensor:  # (N, features) -> (N, classes)
    """What the head says, as logits."""
    return head(features.float())


@torch.no_grad()
def cool(head: Head, temperature: float) -> Head:
    """Make it give the same answers with probabilities of another temperature."""
    for parameter in head[2].parameters():
        parameter /= temperature
    return head


def _batches(count: int, blocks: int, sources: int, generator: torch.Generator) -> Iterator[tuple[int, Tensor]]:
    """One epoch: which source, and which rows of it. Each source is gone through once, in an order of its own."""
    orders = [torch.randperm(count, generator=generator)[: blocks * HEAD_BATCH].chunk(blocks) for _ in range(sources)]
    for at in torch.randperm(blocks * sources, generator=generator).tolist():
        yield at % sources, orders[at % sources][at // sources]


def _varied(features: Tensor, sharpening: Sharpening | None, generator: torch.Generator) -> Tensor:
    """A batch as the head sees it: stronger or weaker, with holes, with the unexplained rest where it was mapped."""
    low, high = PLAIN_GAIN
    if sharpening:
        low, high = MAPPED_GAIN
        few = min(256, len(features))  # drawing noise is what takes long: several rows share it
        noise = sharpening.noise(few, features.shape[1], generator).to(features.dtype)
        features = (features + noise.repeat(math.ceil(len(features) / few), 1)[: len(features)]).relu()
    gain = torch.empty(len(features), 1).uniform_(low, high, generator=generator) / FEATURE_SCALE
    return _dropped(features * gain.to(features.dtype), generator)


def _dropped(values: Tensor, generator: torch.Generator) -> Tensor:
    """Dropout; eight rows share a mask where there are many, because drawing masks takes long, too."""
    groups = len(values) // 8 if len(values) % 8 == 0 else len(values)
    kept = (torch.rand(groups, values.shape[1], generator=generator) >= DROPOUT).to(values.dtype) / (1 - DROPOUT)
    return values * kept.repeat(len(values) // groups, 1)


# Figures


def _on_photographs(logits: Tensor, labels: Tensor, of_others: Tensor) -> Event:
    stated, best = logits.softmax(1).max(1)
    others = of_others.softmax(1).amax(1)
    given = sorted(zip(stated.tolist(), (best == labels).tolist(), strict=True))
    return {
        **_figures(logits, labels),
        "answers": [[round(probability, 4), int(right)] for probability, right in given],
        "others": [round(probability, 4) for probability in sorted(others.tolist())],
    }


def _figures(logits: Tensor, labels: Tensor) -> Event:
    return {
        "top1": round(_top(logits, labels, 1), 4),
        "top5": round(_top(logits, labels, 5), 4),
        "mean_stated": round(logits.softmax(1).amax(1).mean().item(), 4),
    }


def _top(logits: Tensor, labels: Tensor, count: int) -> float:
    """Share of pictures whose class is among the best few."""
    best = logits.topk(min(count, logits.shape[1]), dim=1).indices
    return (best == labels[:, None]).any(1).double().mean().item()


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


def _write(out: Path, convolutions: dict[str, Tensor], head: Head, classes: tuple[str, ...], figures: Event) -> None:
    layers = {"classifier.1": head[0], "classifier.4": head[2]}
    fitted = {
        f"{key}.{part}": value.half() for key, layer in layers.items() for part, value in layer.state_dict().items()
    }
    metadata = {
        "model": MODEL,
        "classes": json.dumps(classes),
        "source": "features.*: torchvision AlexNet_Weights.IMAGENET1K_V1; classifier.*: trained by this project",
        "license": "BSD-3-Clause (features), MIT (classifier); the training pictures are ImageNet's, see CREDITS.md",
        "figures": json.dumps(figures),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: tensor.contiguous() for key, tensor in (convolutions | fitted).items()}, out, metadata)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.transfer", description=__doc__.split("\n")[0])
    for name, required, text in (
        ("data", True, "Tiny ImageNet: zip or folder of train/WNID, test/WNID"),
        ("photographs", True, "a zip or folder of known/WNID and unknown"),
        ("leave-out", False, "file that names pictures of the data that are among the photographs"),
        ("convolutions", False, "a file with features.* (the shipped one)"),
        ("out", False, "where to write the weights (assets/weights)"),
    ):
        parser.add_argument(f"--{name}", type=Path, required=required, metavar="PATH", help=text)
    try:
        for event in transfer(**vars(parser.parse_args())):
            print(json.dumps(event), flush=True)
    except (UserError, OSError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
