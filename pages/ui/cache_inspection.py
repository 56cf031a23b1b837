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

from alexnet_viz import images, render
from alexnet_viz.ml import ensure_ml
from alexnet_viz.turns import TicketLine
from pages.ui.cache import line

if TYPE_CHECKING:
    from torch import Tensor

    from alexnet_viz.inspection.attribution import Attribution, Completeness
    from alexnet_viz.inspection.filters import Statistics
    from alexnet_viz.inspection.gradcam_by_hand import Recipe
    from alexnet_viz.network.weights import Model
    from pages.ui.attribution_question import Question

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


def outputs(model: "Model", digest: str, data: bytes) -> "Mapping[str, Tensor]":
    """Every layer's output for a picture, (1, C, H, W) or (1, N), by name, "input" first. Not to be changed."""
    return _outputs(model.entry.id, model.digest, digest, model, data)


@st.cache_resource(max_entries=12, show_spinner=False)
def _outputs(model_id: str, weights: str, digest: str, _model: "Model", _data: bytes) -> "Mapping[str, Tensor]":
    ensure_ml()
    import torch

    from alexnet_viz.inspection.by_hand import activations

    array = _model.entry.preprocess.to_array(images.decode(_data).image)
    with line().turn():
        return activations(_model.network, torch.from_numpy(array)[None])


def layers(model: "Model", digest: str, data: bytes) -> dict[str, NDArray[np.float32]]:
    """The same as arrays without the batch axis, (C, H, W) or (N,), sharing their memory; without the input."""
    found = outputs(model, digest, data)
    return {name: values[0].numpy() for name, values in found.items() if name != "input"}


def switched_off(model: "Model", digest: str, data: bytes, off: Off) -> NDArray[np.float32]:
    """The logits, (classes,), with those channels switched off."""
    return _switched_off(model.entry.id, model.digest, digest, off, model, data)


@st.cache_data(max_entries=512, show_spinner=False)
def _switched_off(
    model_id: str, weights: str, digest: str, off: Off, _model: "Model", _data: bytes
) -> NDArray[np.float32]:
    from alexnet_viz.inspection.experiments import without

    before = outputs(_model, digest, _data)
    with line().turn():
        *_, logits = without(_model.network, before, dict(off)).values()
    return logits[0].numpy().copy()


@st.cache_data(max_entries=2, show_spinner=False)
def sample_pictures(path: str, count: int) -> list[tuple[str, bytes]]:
    """Some pictures of a dataset: (class, encoded bytes)."""
    ensure_ml()
    from alexnet_viz.training.datasets import sample_pictures

    return sample_pictures(Path(path), count)


def filter_statistics(model: "Model", layer: str) -> "Statistics":
    """Norm, orientation, colour and the like of a layer's filters."""
    return _filter_statistics(model.entry.id, model.digest, layer, model)


@st.cache_data(max_entries=64, show_spinner=False)
def _filter_statistics(model_id: str, weights: str, layer: str, _model: "Model") -> "Statistics":
    from alexnet_viz.inspection.filters import kernels, sees_rgb, statistics, streams

    spec = _model.network.spec
    with line().turn():
        return statistics(kernels(_model.network, layer), streams(spec, layer), rgb=sees_rgb(spec, layer))


def filter_sheet(model: "Model", layer: str, width: int) -> bytes:
    """All kernels of a layer as one PNG, for a thumbnail."""
    return _filter_sheet(model.entry.id, model.digest, layer, width, model)


@st.cache_data(max_entries=16, show_spinner=False)
def _filter_sheet(model_id: str, weights: str, layer: str, width: int, _model: "Model") -> bytes:
    from alexnet_viz.inspection.filters import kernels

    return render.kernels(kernels(_model.network, layer), width).png


def gradcam_thumbnail(model: "Model", digest: str, data: bytes) -> bytes:
    """Grad-CAM of the model's own answer over what it saw, as PNG."""
    return _gradcam_thumbnail(model.entry.id, model.digest, digest, model, data)


@st.cache_data(max_entries=64, show_spinner=False)
def _gradcam_thumbnail(model_id: str, weights: str, digest: str, _model: "Model", _data: bytes) -> bytes:
    from alexnet_viz.inspection.attribution import attribute, rectified

    array = outputs(_model, digest, _data)["input"][0].numpy()
    with line().turn():
        heat = rectified(attribute(_model, array, "gradcam").heat)
    return render.overlaid(_model.entry.preprocess.from_array(array), heat, float(heat.max()) or 1.0)


def recipe(model: "Model", digest: str, data: bytes, layer: str, class_id: str, off: Off) -> "Recipe":
    """Grad-CAM by hand, some channels switched off."""
    return _recipe(model.entry.id, model.digest, digest, layer, class_id, off, model, data)


@st.cache_data(max_entries=48, show_spinner=False)
def _recipe(
    model_id: str,
    weights: str,
    digest: str,
    layer: str,
    class_id: str,
    off: Off,
    _model: "Model",
    _data: bytes,
) -> "Recipe":
    from alexnet_viz.inspection.gradcam_by_hand import recipe

    array = outputs(_model, digest, _data)["input"][0].numpy()
    with line().turn():
        return recipe(_model, array, layer, class_id, off=dict(off))


def completeness(question: "Question", answer: "Attribution") -> "Completeness":
    """How far a map's sum is from the logit's difference to a black picture."""
    return _completeness(question.key, question, answer)


@st.cache_data(max_entries=128, show_spinner=False)
def _completeness(key: Hashable, _question: "Question", _answer: "Attribution") -> "Completeness":
    from alexnet_viz.inspection.trust import completeness

    with line().turn():
        return completeness(_question.model, _question.array, _answer.heat, _answer.target)


def covered(question: "Question", box: tuple[int, int, int, int], how: str) -> tuple[bytes, NDArray[np.float32]]:
    """What the network saw with a box covered, as PNG, and the logits it gives."""
    return _covered(question.model.digest, question.picture.digest, box, how, question)


@st.cache_data(max_entries=256, show_spinner=False)
def _covered(
    weights: str, digest: str, box: tuple[int, int, int, int], how: str, _question: "Question"
) -> tuple[bytes, NDArray[np.float32]]:
    import torch

    from alexnet_viz.inspection.covering import covered
    from alexnet_viz.network.fields import Box

    preprocess = _question.chosen.entry.preprocess
    picture = covered(_question.seen, Box(*box), how, preprocess)
    gray = len(preprocess.mean) == 1
    array = preprocess.normalised(picture.convert("L") if gray else picture)  # it is resized and cropped already
    with line().turn(), torch.inference_mode():
        logits = _question.model.network(torch.from_numpy(array)[None])[0]
    return images.encode(picture), logits.numpy().copy()
