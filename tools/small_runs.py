"""Runs of a few seconds: a small network that tells stripes across, stripes down and no stripes apart."""

from dataclasses import replace

import torch
from safetensors.torch import load_file

from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.datasets import Dataset, Split
from alexnet_viz.training.events import EpochDone, Finished, StepDone
from alexnet_viz.training.train import train

NET = "3x8x8_conv6k3s1p1g1_relu_max2s2p0_bn_flat_drop0.5_fc96-16_relu_drop0.5_fc16-3"
OFF = {"flip": False, "shift": 0, "rotation": 0.0, "colour_jitter": 0.0, "pca_colour": 0.0, "validation": 0.0}
PLAIN_NET = "3x8x8_conv6k3s1p1g1_relu_max2s2p0_flat_fc96-3"


def stripes(count, seed=0, noise=60):
    """Three classes: stripes across, stripes down, none; on noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    pixels = torch.randint(0, noise, (count, 3, 8, 8), generator=generator)
    line = torch.arange(8) % 2 * 120
    pixels[labels == 0] += line[:, None]
    pixels[labels == 1] += line[None, :]
    return Split(pixels.to(torch.uint8), labels)


def dataset(count=60):
    return Dataset("stripes", ("across", "down", "none"), stripes(count), stripes(30, seed=1))


def config(**settings):
    small = {
        **{"data": "shapes", "net": NET, "epochs": 3, "batch": 16, "learning_rate": 0.05, "warmup": 1.0, "shift": 1},
        **{"rotation": 5.0, "colour_jitter": 0.1, "pca_colour": 0.1, "validation": 0.2, "precision": "fp32"},
        **{"device": "cpu", "snapshot_every": 2},
    }
    return TrainConfig(**{**small, **settings})


def run(chosen=None, run_dir=None, **options):
    return list(train(chosen or config(), run_dir, dataset=options.pop("dataset", None) or dataset(), **options))


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def course(events):
    """All that must repeat exactly: no times, no speeds, no memory."""
    changing = {"images_per_second": 0.0, "seconds": 0.0}
    steps = [replace(event, **changing, memory=0) for event in of(StepDone, events)]
    epochs = [replace(event, **changing) for event in of(EpochDone, events)]
    return steps, epochs, [replace(event, seconds=0.0) for event in of(Finished, events)]


def weights(run_dir, name="last.safetensors"):
    return load_file(run_dir / "checkpoints" / name)


def same(one, other):
    return one.keys() == other.keys() and all(one[key].equal(other[key]) for key in one)
