"""What visitors do, how often, and how long they may wait for it."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

from PIL import Image

from alexnet_viz.pictures.samples import SAMPLES, load_sample
from tools.websocket import Tab

SIDES = (1600, 1200)  # pixels of an uploaded photo
LIKELY = 8  # of the most probable classes one is asked for


@dataclass(frozen=True)
class Bar:
    """What 95 of 100 actions of a kind take at most."""

    title: str
    milliseconds: int


BARS: Mapping[str, Bar] = {
    "light": Bar("light actions", 500),
    "classify": Bar("classify", 1500),
    "gradcam": Bar("Grad-CAM", 2000),
}


@dataclass(frozen=True)
class Action:
    """One thing a visitor does on the page that is open; returns the seconds until the page was through."""

    title: str
    bar: str  # of BARS
    do: Callable[[Tab, Random], float]


def _opened(page: str) -> Callable[[Tab, Random], float]:
    return lambda one, chance: one.open(page)


def _chosen(kind: str, key: str, wanted: Callable[[str], bool] = bool, most: int | None = None) -> Callable:
    """One of a widget's options, or of its first ones."""

    def do(one: Tab, chance: Random) -> float:
        options = [option for option in one.widget(kind, key).options if wanted(option)]
        return one.set(kind, key, chance.choice(options[:most]))

    return do


def _upload(one: Tab, chance: Random) -> float:
    return one.upload("upload_", f"{chance.getrandbits(32):08x}.jpg", photo(chance))


def _sample(one: Tab, chance: Random) -> float:
    return one.set("bidi_component", "picture_strip", {"choice": chance.choice(list(SAMPLES))})


def _language(one: Tab, chance: Random) -> float:
    group = one.widget("button_group", "language_")
    (other,) = [option.content for i, option in enumerate(group.options) if i not in group.default]
    return one.set("button_group", "language_", other)


def _edit(one: Tab, chance: Random) -> float:
    key, values = chance.choice([("lab_kernel_", (1, 3, 5, 7, 9, 11)), ("lab_channels_", (32, 64, 96, 128, 256, 384))])
    return one.set("number_input", key, chance.choice(values))


ACTIONS: Mapping[str, Action] = {
    "open_classify": Action("open Classify", "classify", _opened("classify")),
    "upload": Action("upload a photo", "classify", _upload),
    "sample": Action("choose a sample", "classify", _sample),
    "open_maps": Action("open Feature maps", "classify", _opened("feature_maps")),
    "open_attribution": Action("open Attribution", "gradcam", _opened("attribution")),
    "class": Action("Grad-CAM of another class", "gradcam", _chosen("selectbox", "heat_class_", most=LIKELY)),
    "layer": Action("another layer's maps", "light", _chosen("slider", "layer_")),
    "open_architecture": Action("open Architecture", "light", _opened("architecture")),
    "lab_layer": Action(
        "choose a layer to edit", "light", _chosen("selectbox", "lab_layer_", lambda name: name.startswith("conv"))
    ),
    "edit": Action("edit the architecture", "light", _edit),
    "language": Action("switch the language", "light", _language),
}

# One round of a visitor; each visitor begins with another chapter.
CHAPTERS = (
    ("open_classify", "upload", "sample", "sample", "language"),
    ("open_maps", "layer", "layer", "layer", "layer", "language"),
    ("open_attribution", "class", "class", "class"),
    ("open_architecture", "lab_layer", "edit", "edit", "lab_layer", "edit"),
)


def photo(chance: Random) -> bytes:
    """A JPEG that nobody has uploaded before: a sample, enlarged, with a comment of its own."""
    jpeg = _enlarged(chance.choice(list(SAMPLES)))
    note = chance.randbytes(16)
    return jpeg[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + jpeg[2:]


@cache
def _enlarged(sample_id: str) -> bytes:
    data = io.BytesIO()
    picture = Image.open(io.BytesIO(load_sample(sample_id))).convert("RGB")
    picture.resize(SIDES, Image.Resampling.BICUBIC).save(data, "JPEG", quality=90)
    return data.getvalue()
