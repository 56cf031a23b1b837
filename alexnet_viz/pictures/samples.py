"""Pictures to start with: photographs, some of them put together from two, and two drawn patterns.

    data = load_sample("cat")     # the bytes of an image file, to be decoded like any upload

Where the photographs come from stands in the credits beside them. The patterns are drawn, never stored: the gratings
are what first-layer filters respond to, the colour wheel is what colour filters respond to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.pictures.images import encode
from alexnet_viz.words.i18n import N_

SAMPLE_DIR = Path(__file__).resolve().parent.parent.parent / "assets" / "samples"
PATTERN_SIDE = 448  # pixels; twice the 224 that most networks here take in


def _gratings() -> Image.Image:
    """Sinusoidal gratings: eight orientations from left to right, four wavelengths from top to bottom."""
    orientations = np.arange(8) * np.pi / 8  # of the wave's direction; 0 makes vertical stripes
    wavelengths = (8, 12, 18, 27)  # pixels; resized to 256 they are 5 to 15, and AlexNet's first filters are 11 wide
    height, width = PATTERN_SIDE // len(wavelengths), PATTERN_SIDE // len(orientations)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    y, x = y - (height - 1) / 2, x - (width - 1) / 2  # each cell is symmetric about its centre
    rows = [
        np.hstack([np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wave) for angle in orientations])
        for wave in wavelengths
    ]
    return Image.fromarray(np.rint(127.5 + 127.5 * np.vstack(rows)).astype(np.uint8)).convert("RGB")


def _color_wheel() -> Image.Image:
    """All hues around, red on the right, from white in the middle to pure colour at the rim, on gray."""
    y, x = np.mgrid[:PATTERN_SIDE, :PATTERN_SIDE] - (PATTERN_SIDE - 1) / 2
    saturation = np.hypot(x, y) / (PATTERN_SIDE * 0.42)  # inside the usual crop, 224 of 256
    hue = np.arctan2(-y, x) * 3 / np.pi  # in sixths of a turn, counter-clockwise
    sector = (np.array([5, 3, 1])[:, None, None] + hue) % 6  # red, green and blue are a third of a turn apart
    share = np.clip(np.minimum(sector, 4 - sector), 0, 1)  # of the saturation, that is missing from each colour
    pixels = np.where(saturation <= 1, 255 * (1 - saturation * share), 128)  # (C, H, W)
    return Image.fromarray(np.rint(pixels).astype(np.uint8).transpose(1, 2, 0).copy())


@dataclass(frozen=True)
class Sample:
    """One picture."""

    id: str
    title: str
    source: str | Callable[[], Image.Image]  # a file in SAMPLE_DIR, or the function that draws it
    classes: tuple[str, ...] = ()  # what it shows, of the 200 classes of the network that comes with the app
    lesson: str = ""  # marked for translation: what that network's answer to it teaches


_ENTRIES = (
    # Those that the network in the box answers right come first, and the first one greets the visitor.
    Sample("cat", N_("Cat"), "cat.jpg", ("tabby",)),
    Sample("coffee", N_("Coffee"), "coffee.jpg", ("espresso",)),
    Sample("elephant", N_("Elephant"), "elephant.jpg", ("African elephant",)),
    Sample("teddy", N_("Teddy bear"), "teddy.jpg", ("teddy",)),
    Sample("penguin", N_("Penguin"), "penguin.jpg", ("king penguin",)),
    Sample("orange", N_("Orange"), "orange.jpg", ("orange",)),
    Sample("bear", N_("Bear"), "bear.jpg", ("brown bear",)),
    Sample("candle", N_("Candle"), "candle.jpg", ("candle",)),
    Sample("mushrooms", N_("Mushroom"), "mushrooms.jpg", ("mushroom",)),
    Sample("lion", N_("Lion"), "lion.jpg", ("lion",)),
    Sample("coffee_and_orange", N_("Coffee and orange"), "coffee_and_orange.jpg", ("espresso", "orange")),
    Sample(
        "lion_in_the_snow",
        N_("Lion in the snow"),
        "lion_in_the_snow.jpg",
        ("lion",),
        N_("The very same lion as in *Lion*, before another background. A network does not look at the animal alone."),
    ),
    Sample(
        "rocket",
        N_("Rocket"),
        "rocket.jpg",
        (),
        N_(
            "It has no class for rockets, only *projectile*, which comes third. First comes what looks most alike: "
            "tall, narrow, pointed, before the sky."
        ),
    ),
    Sample(
        "galaxies",
        N_("Galaxies"),
        "galaxies.jpg",
        (),
        N_("It never learnt galaxies. It answers all the same, but with little confidence: that is how it should be."),
    ),
    Sample("gratings", N_("Gratings"), _gratings),
    Sample("color_wheel", N_("Color wheel"), _color_wheel),
)
SAMPLES: Mapping[str, Sample] = {sample.id: sample for sample in _ENTRIES}
FIRST_SAMPLE = next(iter(SAMPLES))  # the picture that a visitor starts with
PHOTOS = tuple(sample.id for sample in _ENTRIES if isinstance(sample.source, str))  # not the drawn ones


def load_sample(id: str) -> bytes:
    """The bytes of a sample: the file's own, or a PNG of the pattern."""
    if id not in SAMPLES:
        raise UserError("There is no sample named {name}. Samples: {known}.", name=id, known=", ".join(SAMPLES))
    source = SAMPLES[id].source
    return (SAMPLE_DIR / source).read_bytes() if isinstance(source, str) else encode(source())
