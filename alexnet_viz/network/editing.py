"""Editing a network: every change is a new spec, so undo is keeping the old one."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from alexnet_viz.network.spec import RECORDS, Layer, Linear, Shape, Spec, Walk, walk

# The settings of a new layer that fit what arrives, where a kind has no defaults.
_NEW: Mapping[str, Callable[[Shape], dict[str, Any]]] = {
    "conv": lambda shape: {"channels": shape[0], "kernel": 3, "padding": 1},
    "pool": lambda shape: {"kernel": 2, "stride": 2},
    "adaptive_pool": lambda shape: {"size": 6},
    "linear": lambda shape: {"inputs": shape[-1], "outputs": shape[-1]},
}


def replaced(spec: Spec, index: int, layer: Layer) -> Spec:
    """The spec with another record at a place."""
    return replace(spec, layers=(*spec.layers[:index], layer, *spec.layers[index + 1 :]))


def removed(spec: Spec, index: int) -> Spec:
    """The spec without a layer; the last one stays."""
    return replace(spec, layers=spec.layers[:index] + spec.layers[index + 1 :]) if len(spec.layers) > 1 else spec


def inserted(spec: Spec, index: int, kind: str) -> Spec:
    """The spec with a new layer of a kind before a place, with settings that fit what arrives there."""
    layer = RECORDS[kind](**_NEW[kind](_arriving(spec, index)) if kind in _NEW else {})
    return replace(spec, layers=(*spec.layers[:index], layer, *spec.layers[index:]))


def moved(spec: Spec, index: int, step: int) -> Spec:
    """The spec with a layer moved earlier (-1) or later (+1); at the ends nothing moves."""
    target = index + step
    if not 0 <= target < len(spec.layers):
        return spec
    layers = list(spec.layers)
    layers[index], layers[target] = layers[target], layers[index]
    return replace(spec, layers=tuple(layers))


def adapted(spec: Spec) -> Spec:
    """The spec with the inputs of every fully connected layer set to what arrives there."""
    for index, layer in enumerate(spec.layers):
        walked = walk(spec)
        if not walked.errors:
            return spec
        if isinstance(layer, Linear) and index == len(walked.rows):
            spec = replaced(spec, index, replace(layer, inputs=_arriving(spec, index)[-1]))
    return spec


def can_adapt(walked: Walk, spec: Spec) -> bool:
    """Whether what fails is a fully connected layer that only expects another number of inputs."""
    failing = spec.layers[len(walked.rows)] if walked.errors else None
    return isinstance(failing, Linear) and len(_arriving(spec, len(walked.rows))) == 1


def _arriving(spec: Spec, index: int) -> Shape:
    """The shape before a layer; the last one known when an earlier layer fails."""
    rows = walk(spec).rows
    return rows[min(index, len(rows)) - 1].shape if index and rows else spec.input
