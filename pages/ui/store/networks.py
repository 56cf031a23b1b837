"""What the pages that look inside a network compute, cached by the rules of `cache.py`.

Short work is cached by Streamlit. Long work (activation maximisation, rankings) runs in steps, shown and stoppable;
what it ends in is kept in `results`, one bounded store for all visitors.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from alexnet_viz.pictures import images, render
from alexnet_viz.serving.imports import ensure_ml
from alexnet_viz.serving.turns import TicketLine
from pages.ui.store.rules import keep, keep_shared, line

if TYPE_CHECKING:
    from torch import Tensor

    from alexnet_viz.inspection.attribution.attribute import Attribution, Completeness
    from alexnet_viz.inspection.attribution.gradcam_by_hand import Recipe
    from alexnet_viz.inspection.filters import Statistics
    from alexnet_viz.network.weights import Model
    from pages.ui.attribution.question import Question

Off = tuple[tuple[str, tuple[int, ...]], ...]  # layers and their channels that are switched off, hashable


class Results:
    """What long jobs ended in, by key. The least recently asked for goes first. Holds nothing of one visitor only:
    keys are digests, and whoever has the same picture and weights gets the same result."""

    def __init__(self, most: int) -> None:
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, result: Any) -> None:
        with self._lock:
            self._kept[key] = result
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


@st.cache_resource
def results() -> Results:
    """The store of long jobs' results: pictures and small arrays, at most about half a megabyte each."""
    return Results(most=256)


@st.cache_resource
def long_line() -> TicketLine:
    """The queue of long jobs. The one whose turn it is still takes a turn of the short line for each of its steps."""
    return TicketLine()


@keep_shared(max_entries=12)
def outputs(model: "Model", digest: str, _data: bytes) -> "Mapping[str, Tensor]":
    """Every layer's output for a picture, (1, C, H, W) or (1, N), by name, "input" first. Not to be changed."""
    ensure_ml()
    import torch

    from alexnet_viz.inspection.by_hand import activations

    array = model.entry.preprocess.to_array(images.decode(_data).image)
    with line().turn():
        return activations(model.network, torch.from_numpy(array)[None])


def layers(model: "Model", digest: str, data: bytes) -> dict[str, NDArray[np.float32]]:
    """The same as arrays without the batch axis, (C, H, W) or (N,), sharing their memory; without the input."""
    found = outputs(model, digest, data)
    return {name: values[0].numpy() for name, values in found.items() if name != "input"}


@keep(max_entries=512)
def switched_off(model: "Model", digest: str, _data: bytes, off: Off) -> NDArray[np.float32]:
    """The logits, (classes,), with those channels switched off."""
    from alexnet_viz.inspection.ablation import without

    before = outputs(model, digest, _data)
    with line().turn():
        *_, logits = without(model.network, before, dict(off)).values()
    return logits[0].numpy().copy()


@keep(max_entries=2)
def sample_pictures(path: str, count: int) -> list[tuple[str, bytes]]:
    """Some pictures of a dataset: (class, encoded bytes)."""
    ensure_ml()
    from alexnet_viz.training.datasets import sample_pictures

    return sample_pictures(Path(path), count)


@keep(max_entries=64)
def filter_statistics(model: "Model", layer: str) -> "Statistics":
    """Norm, orientation, colour and the like of a layer's filters."""
    from alexnet_viz.inspection.filters import kernels, sees_rgb, statistics, streams

    spec = model.network.spec
    with line().turn():
        return statistics(kernels(model.network, layer), streams(spec, layer), rgb=sees_rgb(spec, layer))


@keep(max_entries=16)
def filter_sheet(model: "Model", layer: str, width: int) -> bytes:
    """All kernels of a layer as one PNG, for a thumbnail."""
    from alexnet_viz.inspection.filters import kernels

    return render.kernels(kernels(model.network, layer), width).png


@keep(max_entries=64)
def gradcam_thumbnail(model: "Model", digest: str, _data: bytes) -> bytes:
    """Grad-CAM of the model's own answer over what it saw, as PNG."""
    from alexnet_viz.inspection.attribution.attribute import attribute, rectified

    array = outputs(model, digest, _data)["input"][0].numpy()
    with line().turn():
        heat = rectified(attribute(model, array, "gradcam").heat)
    return render.overlaid(model.entry.preprocess.from_array(array), heat, float(heat.max()) or 1.0)


@keep(max_entries=48)
def recipe(model: "Model", digest: str, _data: bytes, layer: str, class_id: str, off: Off) -> "Recipe":
    """Grad-CAM by hand, some channels switched off."""
    from alexnet_viz.inspection.attribution.gradcam_by_hand import recipe

    array = outputs(model, digest, _data)["input"][0].numpy()
    with line().turn():
        return recipe(model, array, layer, class_id, off=dict(off))


@keep(max_entries=128)
def completeness(question: "Question", _answer: "Attribution") -> "Completeness":
    """How far a map's sum is from the logit's difference to a black picture."""
    from alexnet_viz.inspection.attribution.trust import completeness

    with line().turn():
        return completeness(question.model, question.array, _answer.heat, _answer.target)


def covered(question: "Question", box: tuple[int, int, int, int], how: str) -> tuple[bytes, NDArray[np.float32]]:
    """What the network saw with a box covered, as PNG, and the logits it gives, whatever class is asked for."""
    return _covered(question.model, question.picture.digest, box, how, question)


@keep(max_entries=256)
def _covered(
    model: "Model", digest: str, box: tuple[int, int, int, int], how: str, _question: "Question"
) -> tuple[bytes, NDArray[np.float32]]:
    import torch

    from alexnet_viz.inspection.attribution.covering import covered
    from alexnet_viz.network.fields import Box

    preprocess = _question.chosen.entry.preprocess
    picture = covered(_question.seen, Box(*box), how, preprocess)
    gray = len(preprocess.mean) == 1
    array = preprocess.normalised(picture.convert("L") if gray else picture)  # it is resized and cropped already
    with line().turn(), torch.inference_mode():
        logits = model.network(torch.from_numpy(array)[None])[0]
    return images.encode(picture), logits.numpy().copy()
