"""The core, cached. Streamlit's caches are used here, in cache_inspection.py and in cache_techniques.py, nowhere else.

Everything here is keyed by digests and plain settings: a model counts by its id and its weights' digest, a picture by
the digest beside its bytes. Models are shared and never changed; what is cached of a picture are plain arrays and
encoded bytes. Every cache is bounded.
"""

import hashlib
import sys
import threading
import weakref
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from alexnet_viz.errors import UserError
from alexnet_viz.inspection import preprocessing
from alexnet_viz.network.notation import read_spec, write_spec
from alexnet_viz.network.sources import WeightsSource, find_weights
from alexnet_viz.network.spec import Spec
from alexnet_viz.network.zoo import model_entry, preprocess_for
from alexnet_viz.pictures import images, render
from alexnet_viz.serving.imports import ensure_ml
from alexnet_viz.serving.limits import max_uploaded_models
from alexnet_viz.serving.turns import Places, TicketLine
from alexnet_viz.training.jobs import Jobs
from alexnet_viz.words.i18n import Message
from pages.ui.frame.waiting import VisibleLine

if TYPE_CHECKING:
    from torch import Tensor

    from alexnet_viz.inspection.classify import Answer
    from alexnet_viz.inspection.crops import TenCrops
    from alexnet_viz.network.build import Network
    from alexnet_viz.network.weights import Model

_AT_ONCE = 2  # pages that are written at a time: while one waits for the disk, another goes on
_PATIENCE = 0.5  # seconds
_SWITCH_INTERVAL = 0.02  # seconds; a change of threads is dear on some machines, and few wait for one
_WARM_UP_DELAY = 1.5  # seconds: the browser is still fetching the page's own files


_HASHES = {
    "alexnet_viz.network.weights.Model": lambda model: (model.entry.id, model.digest),
    "pages.ui.attribution.question.Question": lambda question: question.key,
}
keep = partial(st.cache_data, show_spinner=False, hash_funcs=_HASHES)  # a copy for everybody who asks
keep_shared = partial(st.cache_resource, show_spinner=False, hash_funcs=_HASHES)  # the same object, never to be changed


@dataclass(frozen=True)
class Views:
    """A picture as people see it and as the network does, encoded for the browser."""

    size: tuple[int, int]  # of the picture, width and height in pixels
    notes: tuple[Message, ...]  # what decoding changed
    cropped: bytes  # JPEG: the picture with the network's part outlined
    seen: bytes  # PNG: the preprocessed array turned back into a picture


@st.cache_resource
def line() -> TicketLine:
    """The queue for the processor; it holds no visitor's data. Who waits in it longer than a moment is told."""
    return VisibleLine(places())


@st.cache_resource
def places() -> Places:
    """Where the scripts of all visitors run, few at once. Whoever waits for the processor gives the place back."""
    return Places(_AT_ONCE, _PATIENCE)


@st.cache_resource
def jobs() -> Jobs:
    """The training processes that this server started; it holds no visitor's data."""
    return Jobs()


@st.cache_resource
def warm_up() -> None:
    """Once per server: import torch a moment after the first page went out, and let threads take longer turns."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    timer = threading.Timer(_WARM_UP_DELAY, ensure_ml)
    timer.daemon = True
    timer.start()


class OwnModels:
    """Counts the models that visitors opened and still use. One goes when its visitor's session does."""

    def __init__(self) -> None:
        self._held: weakref.WeakValueDictionary[int, Model] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def hold(self, file: bytes, name: str, *, replacing: "Model | None" = None) -> "Model":
        """Open a visitor's weights file. Raises `UserError` for a bad file, or when too many are held.

        `replacing` is what the same visitor has open now; it is about to go and does not count.
        """
        from alexnet_viz.network.weights import open_model

        with self._lock:
            if len(self._held) - (replacing is not None) >= max_uploaded_models():
                raise UserError(
                    "{count} visitors have weights of their own open, and this server holds no more at once. "
                    "Try again later, or ask for a higher ALEXNET_VIZ_MAX_UPLOADED_MODELS.",
                    count=len(self._held),
                )
            opened = open_model(file, name)
            self._held[id(opened)] = opened
            return opened


@st.cache_resource
def own_models() -> OwnModels:
    """The count of visitors' models; it holds none of them itself."""
    ensure_ml()
    return OwnModels()


def model(model_id: str) -> "Model":
    """A loaded model; a weights file that has come or changed since is noticed."""
    source = find_weights(model_entry(model_id))
    changed = source.path.stat().st_mtime_ns if source.path else 0
    return _model(model_id, source, changed)


@keep_shared(max_entries=6)
def _model(model_id: str, source: WeightsSource, changed: int) -> "Model":
    ensure_ml()
    from alexnet_viz.network.weights import load_model

    return load_model(model_id, source)


def run_model(path: Path) -> "Model":
    """The network in a run's checkpoint; one that is written anew is noticed."""
    return _run_model(path, path.stat().st_mtime_ns)


@keep_shared(max_entries=3)
def _run_model(path: Path, changed: int) -> "Model":
    ensure_ml()
    from alexnet_viz.network.weights import open_model

    return open_model(path)


@keep(max_entries=1024)
def answer(model: "Model", digest: str, _data: bytes) -> "Answer":
    """What the model says about a picture, computed at most once."""
    from alexnet_viz.inspection.classify import classify

    picture = images.decode(_data)
    with line().turn():
        return classify(model, picture.image)


@keep(max_entries=64)
def printed(written: str) -> str:
    """What `print(model)` shows for a network written as a link writes it."""
    ensure_ml()
    from alexnet_viz.network.build import meta_network

    return str(meta_network(read_spec(written))).replace("Network(", "AlexNet(", 1)


@dataclass(frozen=True)
class EditedRun:
    """An edited network, run on a picture: its weights, which of them are random, and every layer's output."""

    network: "Network"
    trained: bool  # whether the model it came from has weights
    random: tuple[str, ...]  # layers whose weights are random because their shapes changed
    array: NDArray[np.float32]  # (C, H, W), what the network saw
    outputs: "dict[str, Tensor]"  # by layer name, (1, C, H, W) or (1, N); never changed


def edited_run(preset: str, spec: Spec, digest: str, data: bytes) -> EditedRun:
    """Run an edited network on a picture, with its preset's weights wherever they still fit."""
    base = model(preset)
    return _edited_run(write_spec(spec), base.digest, digest, base, spec, data)


@keep_shared(max_entries=4)
def _edited_run(written: str, weights: str, digest: str, _base: "Model", _spec: Spec, _data: bytes) -> EditedRun:
    import torch

    from alexnet_viz.inspection.by_hand import activations
    from alexnet_viz.network.weights import carried_over

    preprocess = preprocess_for(_base.entry, _spec)
    assert preprocess is not None  # the page asks only for photographs
    array = preprocess.to_array(images.decode(_data).image)
    network, random = carried_over(_base, _spec)
    with line().turn():
        outputs = activations(network, torch.from_numpy(array)[None])
    return EditedRun(network, _base.trained, random if _base.trained else (), array, outputs)


@keep(max_entries=32)
def ten_crops(model: "Model", digest: str, _data: bytes) -> "TenCrops":
    """The paper's ten crops of a picture, computed at most once."""
    from alexnet_viz.inspection.crops import ten_crops

    picture = images.decode(_data)
    with line().turn():
        return ten_crops(model, picture.image)


@keep(max_entries=32)
def steps(model_id: str, digest: str, _data: bytes) -> preprocessing.Steps:
    """The pictures between a photo and the network's input."""
    return preprocessing.steps(model_entry(model_id).preprocess, images.decode(_data).image)


@keep(max_entries=128)
def views(model_id: str, digest: str, _data: bytes) -> Views:
    """The picture with the crop drawn, and what the network really sees of it."""
    picture = images.decode(_data)
    preprocess = model_entry(model_id).preprocess
    array = preprocess.to_array(picture.image)
    return Views(
        size=picture.size,
        notes=picture.notes,
        cropped=images.encode(images.draw_crop(picture.image, preprocess.crop_box(picture.image.size)), "JPEG"),
        seen=images.encode(preprocess.from_array(array)),
    )


@keep(max_entries=2048)  # more than a class has pictures: each page with a strip asks for all of its visitor's
def thumbnail(digest: str, _data: bytes) -> bytes:
    """A small square JPEG of a picture."""
    return render.thumbnail(images.decode(_data).image)


@keep_shared(max_entries=32)
def sample(sample_id: str) -> bytes:
    """A sample's bytes."""
    from alexnet_viz.pictures.samples import load_sample

    return load_sample(sample_id)


@keep_shared(max_entries=32)
def sample_digest(sample_id: str) -> str:
    """The key of a sample in every cache."""
    return digest(sample(sample_id))


def digest(data: bytes) -> str:
    """The key of a picture in every cache: sha256 of its bytes."""
    return hashlib.sha256(data).hexdigest()
