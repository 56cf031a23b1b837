"""What a checkpoint holds besides weights, and where in it the weights are: plain Python over what pth.py reads.

    content = read_pth(data)
    for found in states_in(content):        # every dict of tensors, wherever it lies
        found.where, found.tensors          # "ema", {"module.features.0.weight": Stored(...), ...}
    names_in(content)                       # class names that lie beside them, as other programs write them

Whatever lies beside the weights does not matter: an optimizer's state, epochs, settings, keys that are no words.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from alexnet_viz.network.pth import Foreign, Stored
from alexnet_viz.words.labels import names_of

MOST_DEEP = 8  # dicts in dicts
MOST_VISITED = 100_000
NAME_KEYS = ("classes", "class_names", "class_to_idx", "idx_to_class", "id2label", "labels", "categories", "names")

Values = Mapping[str, Stored | Tensor]


@dataclass(frozen=True)
class Found:
    """One dict of tensors in a file."""

    where: str  # the keys on the way to it, with dots; "" is the file itself
    tensors: Values
    strange: Mapping[str, str]  # keys that hold an object instead of plain numbers, and what it is called
    attributes: Any = None  # what was set on the dict, as nn.Module sets `_metadata`


def states_in(content: Any) -> list[Found]:
    """Every dict that has tensors under words, the outermost first."""
    found = []
    for where, part in _parts(content):
        if isinstance(part, dict):
            tensors = {key: value for key, value in part.items() if isinstance(key, str) and _is_tensor(value)}
            strange = {
                key: value.name
                for key, value in part.items()
                if isinstance(key, str) and isinstance(value, Foreign) and "." in key
            }
            if tensors:
                found.append(Found(where, tensors, strange, getattr(part, "attributes", None)))
    return found


def names_in(content: Any) -> list[tuple[str, ...]]:
    """Lists of class names that stand in the file under a word for them, cleaned."""
    found = (
        names_of(part[key])
        for _, part in _parts(content)
        if isinstance(part, dict)
        for key in NAME_KEYS
        if isinstance(part.get(key), dict | list | tuple)
    )
    return [names for names in found if names]


def names_in_metadata(metadata: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The same of a safetensors file's metadata, whose values are JSON."""
    found = []
    for key in NAME_KEYS:
        try:
            found.append(names_of(json.loads(metadata.get(key, "[]"))))
        except (ValueError, RecursionError):
            continue
    return [names for names in found if names]


def written_about(attributes: Any) -> dict[str, str]:
    """What this app writes about a network into a `.pth`: words under the `_metadata` of the whole module."""
    versions = attributes.get("_metadata") if isinstance(attributes, dict) else None
    about = versions.get("") if isinstance(versions, dict) else None
    if not isinstance(about, dict):
        return {}
    return {key: value for key, value in about.items() if isinstance(key, str) and isinstance(value, str)}


def whole_module(content: Any) -> str:
    """The class of a whole `nn.Module` that was pickled; "" where there is none."""
    return next((part.name for _, part in _parts(content) if isinstance(part, Foreign) and part.is_module), "")


def is_optimizer(content: Any) -> bool:
    """Whether this is what an optimizer's `state_dict()` gives, and nothing else."""
    return isinstance(content, dict) and {"state", "param_groups"} <= content.keys()


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Stored | Tensor)


def _parts(content: Any) -> Iterator[tuple[str, Any]]:
    """Everything in dicts, lists and tuples with the words on the way to it, each once, the outermost first."""
    waiting: list[tuple[str, Any]] = [("", content)]
    seen: set[int] = set()
    for _ in range(MOST_DEEP):
        inner: list[tuple[str, Any]] = []
        for where, part in waiting:
            if id(part) in seen or len(seen) > MOST_VISITED:
                continue
            seen.add(id(part))
            yield where, part
            if isinstance(part, dict) and not is_optimizer(part):
                inner += [(_joined(where, key), value) for key, value in part.items() if _has_parts(value)]
            elif isinstance(part, list | tuple):
                inner += [(where, value) for value in part if _has_parts(value)]
        waiting = inner


def _has_parts(value: Any) -> bool:
    return isinstance(value, dict | list | tuple | Foreign)


def _joined(where: str, key: Any) -> str:
    return f"{where}.{key}".strip(".") if isinstance(key, str) and len(key) <= 80 else where
