"""Networks, and what they make of a picture: loaded once, run once."""

import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.network.sources import WeightsSource, find_weights
from alexnet_viz.network.zoo import model_entry
from alexnet_viz.pictures import images
from alexnet_viz.serving.imports import ensure_ml
from alexnet_viz.serving.limits import max_uploaded_models
from pages.ui.session import ChosenModel, Picture
from pages.ui.store.rules import computed, keep, keep_shared

if TYPE_CHECKING:
    from torch import Tensor

    from alexnet_viz.inspection.attribution.gradcam_by_hand import Recipe
    from alexnet_viz.inspection.classify import Answer
    from alexnet_viz.network.weights import Model

Off = tuple[tuple[str, tuple[int, ...]], ...]  # layers and their channels that are switched off, hashable


# ---- Networks -------------------------------------------------------------------------------------------------------


def load(chosen: ChosenModel) -> "Model":
    """The network that was chosen."""
    return chosen.own.model if chosen.own else model(chosen.entry.id)


def model(model_id: str) -> "Model":
    """A loaded model; a weights file that has come or changed since is noticed."""
    source = find_weights(model_entry(model_id))
    return _model(model_id, source.origin, source.path)


@keep_shared(max_entries=6)
def _model(model_id: str, origin: str, path: Path | None) -> "Model":
    ensure_ml()
    from alexnet_viz.network.weights import load_model

    return load_model(model_id, WeightsSource(origin, path))


@keep_shared(max_entries=3)
def run_model(path: Path) -> "Model":
    """The network in a run's checkpoint; one that is written anew is noticed."""
    ensure_ml()
    from alexnet_viz.network.weights import open_model

    return open_model(path)


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

    def named(self, model: "Model", names: Sequence[str]) -> "Model":
        """The visitor's model with these class names, in the place of the one without. Raises as `with_names` does."""
        from alexnet_viz.network.weights import with_names

        with self._lock:
            named = with_names(model, names)
            self._held[id(named)] = named
            return named


@st.cache_resource
def own_models() -> OwnModels:
    """The count of visitors' models; it holds none of them itself."""
    ensure_ml()
    return OwnModels()


# ---- What they make of a picture ------------------------------------------------------------------------------------


@keep(max_entries=32)
def input_array(model: "Model", picture: Picture) -> NDArray[np.float32]:
    """What the network gets of a picture, (C, H, W); the network does not run for it."""
    return model.entry.preprocess.to_array(images.decode(picture.data).image)


def seen(model: "Model", picture: Picture) -> Image.Image:
    """The same turned back into a picture that people can see."""
    return model.entry.preprocess.from_array(input_array(model, picture))


@computed(1024)
def answer(model: "Model", picture: Picture) -> "Answer":
    """What the model says about a picture."""
    from alexnet_viz.inspection.classify import classify

    return classify(model, images.decode(picture.data).image)


@computed(12, shared=True)
def outputs(model: "Model", picture: Picture) -> "Mapping[str, Tensor]":
    """Every layer's output for a picture, (1, C, H, W) or (1, N), by name, "input" first. Not to be changed."""
    import torch

    from alexnet_viz.inspection.activations import activations

    return activations(model.network, torch.from_numpy(input_array(model, picture))[None])


def layers(model: "Model", picture: Picture) -> dict[str, NDArray[np.float32]]:
    """The same as arrays without the batch axis, (C, H, W) or (N,), sharing their memory; without the input."""
    return {name: values[0].numpy() for name, values in outputs(model, picture).items() if name != "input"}


@computed(48)
def gradcam_recipe(model: "Model", picture: Picture, layer: str, class_id: str, off: Off = ()) -> "Recipe":
    """Grad-CAM by hand, some channels switched off."""
    from alexnet_viz.inspection.attribution.gradcam_by_hand import recipe

    return recipe(model, input_array(model, picture), layer, class_id, off=dict(off))


@computed(512, given=outputs)
def switched_off(before: "Mapping[str, Tensor]", model: "Model", picture: Picture, off: Off) -> NDArray[np.float32]:
    """The logits, (classes,), with those channels switched off."""
    from alexnet_viz.inspection.ablation import ablate

    *_, logits = ablate(model.network, before, dict(off)).values()
    return logits[0].numpy().copy()
