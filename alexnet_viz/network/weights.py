"""Opening weight files: from a path to a network that answers, or a sentence about what is wrong with the file.

    model = load_model("alexnet_transfer")
    model.network(batch)          # (B, 3, 224, 224) -> (B, 10) logits
    model.classes                 # ("airplane", ...)

Files are read as safetensors, or as `.pth` by torch's `weights_only` reader; nothing in a file is ever run.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from alexnet_viz.errors import UserError
from alexnet_viz.labels import class_ids
from alexnet_viz.network.build import Network, meta_network, random_state, with_weights
from alexnet_viz.network.sources import Origin, WeightsSource, find_weights
from alexnet_viz.network.spec import Linear, Spec
from alexnet_viz.network.zoo import ModelEntry, model_entry

RANDOM_SEED = 0


@dataclass(frozen=True)
class Model:
    """A network with weights, and what belongs to it. Shared by all visitors: never hooked, never changed."""

    entry: ModelEntry
    network: Network
    classes: tuple[str, ...]  # class ids in output order
    origin: Origin
    digest: str  # of the weights; caches are keyed by it

    @property
    def trained(self) -> bool:
        return self.origin != "random"


def load_model(model_id: str, source: WeightsSource | None = None) -> Model:
    """The model with its best weights, or with those of `source`.

    Without a file anywhere it gets seeded random weights and says so in `origin`.
    """
    entry = model_entry(model_id)
    source = source or find_weights(entry)
    if source.path is None:
        network = with_weights(entry.spec, random_state(entry.spec, RANDOM_SEED))
        return Model(entry, network, class_ids(entry.labels), "random", f"random-{RANDOM_SEED}")
    state, metadata = read_state(source.path)
    spec = _with_class_count(entry.spec, state)
    _check_fits(spec, state, source.path)
    network = with_weights(spec, {key: tensor.float() for key, tensor in state.items()})
    return Model(entry, network, _classes(entry, spec, metadata), source.origin, file_digest(source.path))


def read_state(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """The tensors of a weights file and its metadata (empty for `.pth`). Raises `UserError` for anything else."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError("There is no file {file}.", file=path) from None
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, KeyError, ModuleNotFoundError) as problem:
        raise _unreadable(path) from problem
    except Exception as problem:  # the unpickler of a hostile file can raise anything
        raise _unreadable(path) from problem
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise _unreadable(path)
    return dict(state), {}


def _unreadable(path: Path) -> UserError:
    return UserError(
        "{file} is not a weights file that can be opened. Give a .safetensors file, "
        "or a .pth that torch.save(model.state_dict(), ...) wrote.",
        file=path.name,
    )


def _with_class_count(spec: Spec, state: Mapping[str, Tensor]) -> Spec:
    """The spec with as many outputs as the file's last bias has values."""
    last = spec.layers[-1]
    biases = [key for key in state if key.startswith("classifier.") and key.endswith(".bias")]
    if not biases or not isinstance(last, Linear):
        return spec
    outputs = state[max(biases, key=lambda key: int(key.split(".")[1]))].numel()
    return replace(spec, layers=(*spec.layers[:-1], replace(last, outputs=outputs)))


def _check_fits(spec: Spec, state: Mapping[str, Tensor], path: Path) -> None:
    expected = {key: tuple(tensor.shape) for key, tensor in meta_network(spec).state_dict().items()}
    actual = {key: tuple(tensor.shape) for key, tensor in state.items()}
    differing = sorted(key for key in expected.keys() | actual.keys() if expected.get(key) != actual.get(key))
    if differing:
        key = differing[0]
        raise UserError(
            "{file} does not fit this model: {key} is {actual} in the file, the model wants {expected}.",
            file=path.name,
            key=key,
            actual=actual.get(key, "-"),
            expected=expected.get(key, "-"),
        )


def _classes(entry: ModelEntry, spec: Spec, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The file's own names, else the entry's if the count agrees, else "class 0" and so on."""
    last = spec.layers[-1]
    count = last.outputs if isinstance(last, Linear) else 0
    named = tuple(str(name) for name in json.loads(metadata.get("classes", "[]")))
    for names in (named, class_ids(entry.labels)):
        if len(names) == count:
            return names
    return tuple(f"class {i}" for i in range(count))


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
