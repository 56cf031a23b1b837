"""Opening weight files: to a network that answers, or a sentence about what is wrong with the file.

    model = load_model("alexnet_200")                # the best weights that are here
    model = open_model(Path("alexnet_cifar10_best.pth"))  # a file of one's own: the network that it fits is found
    model.network(batch)                             # (B, 3, 224, 224) -> (B, 200) logits
    model.classes                                    # ("goldfish", ...)

Files are read as safetensors, or as `.pth` by a reader of our own (pth.py); nothing in a file is ever run, and
nothing that a file claims is believed before it is checked: sizes before memory is taken, values before they are used.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

from alexnet_viz.errors import UserError
from alexnet_viz.files.download import file_digest
from alexnet_viz.network.build import Network, meta_network, random_state, with_weights
from alexnet_viz.network.pth import read_pth
from alexnet_viz.network.sources import Origin, WeightsSource, find_weights
from alexnet_viz.network.spec import Linear, Spec, layer_names, module_keys
from alexnet_viz.network.zoo import LISTED, MODELS, ModelEntry, model_entry
from alexnet_viz.words.labels import class_ids, numbered

RANDOM_SEED = 0
MAX_BYTES = 300 * 2**20  # of a file; AlexNet's ImageNet weights are 233 MiB
MAX_HEADER = 2 * 2**20  # bytes of JSON at the start of a safetensors file; they become up to 30 times as much memory
MAX_VALUES = MAX_BYTES // 4  # of all tensors: as many as a file of MAX_BYTES holds in single precision
MAX_CLASSES = 100_000
MAX_NAME = 80  # characters of a class name

_NUMBERS = {torch.float64, torch.float32, torch.float16, torch.bfloat16}  # weights, and what counts in BatchNorm
_NUMBERS |= {torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8}

State = dict[str, Tensor]


@dataclass(frozen=True)
class Model:
    """A network with weights, and what belongs to it. Shared by all visitors: never hooked, never changed."""

    entry: ModelEntry
    network: Network
    classes: tuple[str, ...]  # class ids in output order
    origin: Origin
    digest: str  # of the weights; caches are keyed by it
    metadata: Mapping[str, str]  # what a safetensors file says about itself; a stranger's words

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
        return Model(entry, network, class_ids(entry.labels), "random", f"random-{RANDOM_SEED}-{model_id}", {})
    state, metadata = read_state(source.path)
    return _model(entry, state, metadata, source.path.name, source.origin, file_digest(source.path))


def open_model(file: Path | bytes, name: str = "", model_id: str | None = None) -> Model:
    """The model in a file of one's own, given as a path or as its bytes (then `name` is what people call it).

    Without `model_id`, the network that the file's keys and shapes fit is found.
    """
    state, metadata = read_state(file, name)
    entry = model_entry(model_id) if model_id else _fitting(state, _name(file, name))
    digest = hashlib.sha256(file).hexdigest() if isinstance(file, bytes) else file_digest(file)
    return _model(entry, state, metadata, _name(file, name), "file", digest)


def _model(
    entry: ModelEntry, state: State, metadata: Mapping[str, str], name: str, origin: Origin, digest: str
) -> Model:
    spec = _with_class_count(entry.spec, state)
    if differing := differences(spec, state):
        raise _does_not_fit(name, entry.id, differing)
    if broken := next((key for key, tensor in state.items() if not tensor.float().isfinite().all()), None):
        raise UserError(
            "{file} cannot be used: {key} holds values that are not finite numbers. "
            "The training that wrote it probably diverged; use an earlier checkpoint.",
            file=name,
            key=broken,
        )
    network = with_weights(spec, {key: tensor.float() for key, tensor in state.items()})
    return Model(entry, network, _classes(entry, spec, metadata), origin, digest, metadata)


def carried_over(model: Model, spec: Spec) -> tuple[Network, tuple[str, ...]]:
    """An edited network with the model's weights wherever a layer of that name has the same shapes.

    Returns it with the names of the layers that got seeded random weights instead.
    """
    random = changed_layers(model.network.spec, spec)
    old = _by_layer(model.network.spec, model.network.state_dict())
    fresh = _by_layer(spec, random_state(spec, RANDOM_SEED))
    state = {
        f"{key}.{part}": tensor
        for name, key in zip(layer_names(spec.layers), module_keys(spec.layers), strict=True)
        if name in fresh
        for part, tensor in (fresh if name in random else old)[name].items()
    }
    return with_weights(spec, state), random


def changed_layers(before: Spec, after: Spec) -> tuple[str, ...]:
    """The layers of `after` with tensors that no layer of that name in `before` has in the same shapes."""
    was, now = (
        {
            name: {part: tensor.shape for part, tensor in tensors.items()}
            for name, tensors in _by_layer(spec, meta_network(spec).state_dict()).items()
        }
        for spec in (before, after)
    )
    return tuple(name for name in now if was.get(name) != now[name])


def _by_layer(spec: Spec, state: State) -> dict[str, dict[str, Tensor]]:
    """The tensors of each layer that has some, by the layer's name: {"conv1": {"weight": ..., "bias": ...}}."""
    names = dict(zip(module_keys(spec.layers), layer_names(spec.layers), strict=True))
    layers: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        module, part = key.rsplit(".", 1)
        layers.setdefault(names[module], {})[part] = tensor
    return layers


# Reading


def read_state(file: Path | bytes, name: str = "") -> tuple[State, Mapping[str, str]]:
    """The tensors of a weights file and its metadata (empty for `.pth`). Raises `UserError` for anything else.

    A checkpoint that holds the tensors under "state_dict" or "model" is understood, and so is DDP's "module." prefix.
    """
    label = _name(file, name)
    size = _size(file)
    if size > MAX_BYTES:
        raise UserError(
            "{file} has {megabytes} MB; weight files of at most {limit} MB are accepted.",
            file=label,
            megabytes=round(size / 2**20),
            limit=MAX_BYTES // 2**20,
        )
    try:
        if label.lower().endswith(".safetensors"):
            state, metadata = _read_safetensors(file)
        else:
            state, metadata = read_pth(file.read_bytes() if isinstance(file, Path) else file), {}
    except UserError:
        raise
    except Exception as problem:  # hostile bytes make the readers raise a dozen types; each means the same here
        raise _unreadable(label) from problem
    tensors = {
        key.removeprefix("module."): value
        for key, value in state.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
    plain = len(tensors) == len(state) and all(map(_is_plain, tensors.values()))
    if not tensors or not plain or sum(tensor.numel() for tensor in tensors.values()) > MAX_VALUES:
        raise _unreadable(label)
    return tensors, metadata


def _read_safetensors(file: Path | bytes) -> tuple[State, Mapping[str, str]]:
    if isinstance(file, Path):
        with file.open("rb") as opened:
            _header_length(opened.read(8))
        with safe_open(file, framework="pt") as tensors:
            return {key: tensors.get_tensor(key) for key in tensors.keys()}, tensors.metadata() or {}  # noqa: SIM118
    length = _header_length(file[:8])
    state = safetensors.torch.load(file)
    return state, json.loads(file[8 : 8 + length]).get("__metadata__") or {}


def _header_length(start: bytes) -> int:
    length = int.from_bytes(start, "little")
    if length > MAX_HEADER:
        raise ValueError("too long a header")
    return length


def _name(file: Path | bytes, name: str) -> str:
    return name or (file.name if isinstance(file, Path) else "")


def _size(file: Path | bytes) -> int:
    if isinstance(file, bytes):
        return len(file)
    try:
        return file.stat().st_size
    except (OSError, ValueError) as problem:
        raise UserError("There is no file {file}.", file=file) from problem


def _unreadable(name: str) -> UserError:
    return UserError(
        "{file} is not a weights file that can be opened. Give a .safetensors file, "
        "or a .pth that torch.save(model.state_dict(), ...) wrote.",
        file=name,
    )


# Fitting a file to a network


def _fitting(state: State, name: str) -> ModelEntry:
    """The network whose keys and shapes these are; failing that, a sentence about the nearest one."""
    differing = {entry.id: differences(_with_class_count(entry.spec, state), state) for entry in MODELS.values()}
    nearest = min(differing, key=lambda model_id: len(differing[model_id]))
    if differing[nearest]:
        raise _does_not_fit(name, nearest, differing[nearest])
    return MODELS[nearest]


def differences(spec: Spec, state: State) -> list[str]:
    """The keys that are missing, too many, or of another shape, in the network's order."""
    expected = {key: tuple(tensor.shape) for key, tensor in meta_network(spec).state_dict().items()}
    actual = {key: tuple(tensor.shape) for key, tensor in state.items()}
    return [
        f"{key}: {_shape(actual.get(key))} / {_shape(expected.get(key))}"
        for key in [*expected, *(key for key in actual if key not in expected)]
        if expected.get(key) != actual.get(key)
    ]


def _shape(shape: tuple[int, ...] | None) -> str:
    return "-" if shape is None else "x".join(map(str, shape))


def _does_not_fit(name: str, model_id: str, differing: list[str]) -> UserError:
    shown = "; ".join(item[:120] for item in differing[:3])
    return UserError(
        "{file} does not fit {model}. What differs (in the file / in the network): {differing}{more}. "
        "Choose the file of one of these networks: {known}.",
        file=name,
        model=model_id,
        differing=shown,
        more=" ..." if len(differing) > 3 else "",
        known=", ".join(LISTED),
    )


def _with_class_count(spec: Spec, state: State) -> Spec:
    """The spec with as many outputs as the file's last bias has values."""
    last = spec.layers[-1]
    found = [re.fullmatch(r"classifier\.(0|[1-9][0-9]{0,3})\.bias", key) for key in state]
    numbers = [int(match[1]) for match in found if match]
    if not numbers or not isinstance(last, Linear):
        return spec
    bias = state[f"classifier.{max(numbers)}.bias"]
    fits = bias.dim() == 1 and 1 <= len(bias) <= MAX_CLASSES
    return replace(spec, layers=(*spec.layers[:-1], replace(last, outputs=len(bias)))) if fits else spec


def _is_plain(tensor: Tensor) -> bool:
    """Real numbers, each of them stored: a tensor can claim a size of which it stores only one value."""
    if tensor.dtype not in _NUMBERS or tensor.layout != torch.strided or tensor.device.type != "cpu":
        return False
    return tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size()


def _classes(entry: ModelEntry, spec: Spec, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The file's own names, else the entry's if the count agrees, else "class 0" and so on."""
    last = spec.layers[-1]
    count = last.outputs if isinstance(last, Linear) else 0
    for names in (named_classes(metadata), class_ids(entry.labels)):
        if len(names) == count:
            return names
    return numbered(count)


def named_classes(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Class names that a file carries, kept printable and short; none if it says something else there."""
    try:
        names = json.loads(metadata.get("classes", "[]"))
    except (ValueError, RecursionError):
        return ()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ()
    cleaned = tuple("".join(char for char in name if char.isprintable())[:MAX_NAME] for name in names)
    return cleaned if len(set(cleaned)) == len(cleaned) and all(cleaned) else ()
