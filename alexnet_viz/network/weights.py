"""Opening weight files: to a network that answers, or a sentence about what is wrong with the file.

    model = load_model("alexnet_200")                # the best weights that are here
    model = open_model(Path("alexnet_cifar10_best.pth"))  # a file of one's own: the network that it fits is found
    model.network(batch)                             # (B, 3, 224, 224) -> (B, 200) logits
    model.classes                                    # ("goldfish", ...)

The reader is chosen by a file's content, not by its name: safetensors, or what `torch.save` wrote (pth.py). Nothing in
a file is ever run, and nothing that it claims is believed before it is checked: sizes before memory is taken, values
before they are used. Where the weights are in a checkpoint is found by checkpoint.py, whose they are by fitting.py.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

from alexnet_viz.errors import UserError
from alexnet_viz.files.download import file_digest
from alexnet_viz.network.build import Network, meta_network, random_state, with_weights
from alexnet_viz.network.checkpoint import (
    Found,
    Values,
    names_in,
    names_in_metadata,
    states_in,
    whole_module,
    written_about,
)
from alexnet_viz.network.fitting import Fit, fit_to, holds_a_network, listed, without_wrappers
from alexnet_viz.network.not_weights import START, cut_off, damaged, no_state, no_weights, too_large
from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.pth import CutOffError, Stored, read_pth
from alexnet_viz.network.sources import Origin, WeightsSource, find_weights
from alexnet_viz.network.spec import Linear, Spec, layer_names, module_keys
from alexnet_viz.network.zoo import ModelEntry, model_entry
from alexnet_viz.words.i18n import Message
from alexnet_viz.words.labels import class_ids, numbered

RANDOM_SEED = 0
MAX_BYTES = 300 * 2**20  # of a file; AlexNet's ImageNet weights are 233 MiB
MAX_HEADER = 2 * 2**20  # bytes of JSON at the start of a safetensors file; they become up to 30 times as much memory
MAX_VALUES = MAX_BYTES // 4  # of all tensors: as many as a file of MAX_BYTES holds in single precision

_NUMBERS = {torch.float64, torch.float32, torch.float16, torch.bfloat16}  # weights, and what counts in BatchNorm
_NUMBERS |= {torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8}

State = dict[str, Tensor]
Names = Literal["known", "assumed", "none"]


@dataclass(frozen=True)
class Model:
    """A network with weights, and what belongs to it. Shared by all visitors: never hooked, never changed."""

    entry: ModelEntry
    network: Network
    classes: tuple[str, ...]  # class ids in output order
    origin: Origin
    digest: str  # of the weights, and of names that were given to them; caches are keyed by it
    metadata: Mapping[str, str]  # what a safetensors file says about itself; a stranger's words
    names: Names = "known"  # "assumed": the entry's, because there are as many; "none": they are numbered
    notes: tuple[Message, ...] = ()  # what was assumed or left aside when the file was opened

    @property
    def trained(self) -> bool:
        return self.origin != "random"

    @property
    def remarks(self) -> tuple[Message, ...]:
        """What whoever reads an answer should know: assumptions about names and layers, and what one output means."""
        return (*self.notes, *_about_names(self), *_about_one_output(self))


def load_model(model_id: str, source: WeightsSource | None = None) -> Model:
    """The model with its best weights, or with those of `source`.

    Without a file anywhere it gets seeded random weights and says so in `origin`.
    """
    entry = model_entry(model_id)
    source = source or find_weights(entry)
    if source.path is None:
        network = with_weights(entry.spec, random_state(entry.spec, RANDOM_SEED))
        return Model(entry, network, class_ids(entry.labels), "random", f"random-{RANDOM_SEED}-{model_id}", {})
    return _open(source.path, source.path.name, entry, source.origin)


def open_model(file: Path | bytes, name: str = "", model_id: str | None = None) -> Model:
    """The model in a file of one's own, given as a path or as its bytes (then `name` is what people call it).

    Without `model_id`, the network that the file's keys and shapes fit is found. Raises `UserError` for anything else.
    """
    return _open(file, _name(file, name), model_entry(model_id) if model_id else None, "file")


def with_names(model: Model, names: Sequence[str]) -> Model:
    """The model with these class names, in output order. Raises `UserError` for another number of them.

    One output may be given its own name, or two: what 0 means, and what 1 means.
    """
    count, names = len(model.classes), tuple(names)
    if len(names) != count and not (count == 1 and len(names) == 2):
        raise UserError(
            "The network has {count} outputs, and these are {given} class names. Give one name for each output.",
            count=count,
            given=len(names),
        )
    digest = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]
    return replace(
        model, classes=names[-count:], names="known", digest=f"{model.digest.partition('-names-')[0]}-names-{digest}"
    )


def _open(file: Path | bytes, name: str, entry: ModelEntry | None, origin: Origin) -> Model:
    read = _read(file, name)
    found, fit = _fitting(read, entry, name)
    metadata = read.metadata or written_about(found.attributes)
    network = with_weights(fit.spec, _state(fit, found, name))
    named = [*names_in_metadata(metadata), *names_in(read.content)]
    published = origin in ("shipped", "hub") or (bool(fit.entry.hub) and name == fit.entry.hub)
    classes, names = _classes(fit.entry, _outputs(fit.spec), named, known=published)
    digest = hashlib.sha256(file).hexdigest() if isinstance(file, bytes) else file_digest(file)
    notes = (*fit.notes, *_about_others(found, read.states))
    return Model(fit.entry, network, classes, origin, digest, metadata, names, notes)


def _fitting(read: "_Read", entry: ModelEntry | None, name: str) -> tuple[Found, Fit]:
    """The first dict of tensors that is a network, and which; else the sentence about the one that is nearest to it."""
    problem: UserError | None = None
    for found in read.states:
        written = _written_spec(read.metadata or written_about(found.attributes))
        try:
            _check_plain(found, name)
            return found, fit_to(found.tensors, name, entry, written)
        except UserError as why:
            problem = problem or why
    assert problem
    raise problem


def _check_plain(found: Found, name: str) -> None:
    """Raise `UserError` where an object stands for the numbers of a layer: a sparse tensor, a quantised one."""
    for key, what in found.strange.items():
        raise UserError(
            "{file} is not a weights file that can be opened: {key} holds {what} where plain numbers should be.",
            file=name,
            key=key[:80],
            what=what.replace(" ", ".")[:80],
        )


def _about_others(found: Found, states: Sequence[Found]) -> list[Message]:
    others = [other.where or "-" for other in states if other is not found]
    if not others:
        return []
    return [
        Message(
            "The file holds {count} sets of weights. Those under {taken} were taken, not those under {others}.",
            count=len(states),
            taken=found.where or "-",
            others=listed(others),
        )
    ]


def _state(fit: Fit, found: Found, name: str) -> State:
    """The network's tensors in single precision, by its own keys; refused where a value is no finite number."""
    state = _tensors({key: found.tensors[theirs] for key, theirs in fit.keys.items()}, name)
    for key, tensor in state.items():
        if not tensor.float().isfinite().all():
            raise UserError(
                "{file} cannot be used: {key} holds values that are not finite numbers. "
                "The training that wrote it probably diverged; use an earlier checkpoint.",
                file=name,
                key=key,
            )
    for key in fit.zeros:  # a layer without a bias is one with a bias of zeros
        state[key] = torch.zeros(len(state[key.replace(".bias", ".weight")]))
    return {key: tensor.float() for key, tensor in state.items()}


def _written_spec(metadata: Mapping[str, str]) -> Spec | None:
    """The layers that a file of this app says it has; they count only where keys and shapes agree."""
    try:
        return read_spec(metadata["net"]) if "net" in metadata else None
    except UserError:
        return None


def _outputs(spec: Spec) -> int:
    last = spec.layers[-1]
    return last.outputs if isinstance(last, Linear) else 0


def _about_names(model: Model) -> list[Message]:
    if model.names == "assumed":
        return [
            Message(
                "The class names are assumed: the file does not say what its {count} outputs stand for, and {model} "
                "has as many. If it was trained on other classes, all names here are wrong.",
                count=len(model.classes),
                model=model.entry.id,
            )
        ]
    if model.names == "none" and len(model.classes) > 1:
        return [
            Message(
                "The file does not say what its {count} classes are called, so they are numbered.",
                count=len(model.classes),
            )
        ]
    return []


def _about_one_output(model: Model) -> list[Message]:
    if len(model.classes) != 1:
        return []
    return [
        Message(
            "This network has one output, so its percentage is a sigmoid, 1 / (1 + exp(-z)): the probability of the "
            "class that was 1 in training. What is left of 100 % is the probability of the class that was 0."
        )
    ]


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


@dataclass(frozen=True)
class _Read:
    """What a file holds: dicts of tensors, likely ones first, and what is said about them."""

    states: Sequence[Found]
    metadata: Mapping[str, str] = field(default_factory=dict)  # of safetensors
    content: Any = None  # of what torch.save wrote


def read_state(file: Path | bytes, name: str = "") -> tuple[State, Mapping[str, str]]:
    """The tensors of a weights file and its metadata. Raises `UserError` for anything else.

    They may lie under any key of a checkpoint, beside whatever; wrappers' prefixes, such as DDP's "module.", are off.
    """
    label = _name(file, name)
    read = _read(file, label)
    found = read.states[0]
    _check_plain(found, label)
    keys = without_wrappers(found.tensors)
    state = _tensors({key: found.tensors[theirs] for key, theirs in keys.items()}, label)
    return state, read.metadata or written_about(found.attributes)


def _read(file: Path | bytes, name: str) -> _Read:
    size = _size(file)
    if size > MAX_BYTES:
        raise too_large(name, size, MAX_BYTES)
    try:
        start = _start(file)
    except OSError as problem:
        raise no_weights(None, name) from problem
    if start[8:9] == b"{":
        return _read_safetensors(file, size, start, name)
    data = file.read_bytes() if isinstance(file, Path) else file
    try:
        content = read_pth(data)
    except (CutOffError, EOFError) as problem:
        raise cut_off(name) from problem
    except Exception as problem:  # hostile bytes make the readers raise a dozen types; each means the same here
        raise no_weights(data, name) from problem
    return _Read(_likely(content, name), content=content)


def _start(file: Path | bytes) -> bytes:
    if isinstance(file, bytes):
        return file[:START]
    with file.open("rb") as opened:
        return opened.read(START)


def _likely(content: Any, name: str) -> list[Found]:
    """The dicts that begin like a network of the table, averages last; else the one with the most tensors."""
    states = states_in(content)
    likely = [found for found in states if holds_a_network([*found.tensors, *found.strange])]
    if likely:
        return sorted(likely, key=lambda found: "ema" in found.where.lower() or "avg" in found.where.lower())
    if not states or whole_module(content):
        raise no_state(content, name)
    return [max(states, key=lambda found: len(found.tensors))]


def _read_safetensors(file: Path | bytes, size: int, start: bytes, name: str) -> _Read:
    length = int.from_bytes(start[:8], "little")
    if length > MAX_HEADER:
        raise no_weights(start, name)
    try:
        if isinstance(file, Path):
            with safe_open(file, framework="pt") as opened:
                state = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
                metadata = opened.metadata() or {}
        else:
            state = safetensors.torch.load(file)
            metadata = json.loads(file[8 : 8 + length]).get("__metadata__") or {}
    except Exception as problem:  # as above
        if 8 + length > size or _claimed(file, length) > size:
            raise cut_off(name) from problem
        raise no_weights(start, name) from problem
    if not state:
        raise no_state({}, name)
    return _Read([Found("", state, {})], metadata)


def _claimed(file: Path | bytes, length: int) -> int:
    """The size in bytes that a safetensors file should have by its header; 0 for a header that is none."""
    try:
        header = json.loads((file.read_bytes() if isinstance(file, Path) else file)[8 : 8 + length])
        ends = [claim["data_offsets"][1] for key, claim in header.items() if key != "__metadata__"]
        return int(8 + length + max(ends, default=0))
    except Exception:  # as above: nothing that could be said about the file's end
        return 0


def _tensors(values: Values, name: str) -> State:
    """The values themselves, each a plain number that is stored."""
    if sum(prod(value.shape) for value in values.values()) > MAX_VALUES:
        raise UserError(
            "{file} is not a weights file that can be opened: its tensors have more than {limit:,} values.",
            file=name,
            limit=MAX_VALUES,
        )
    try:
        state = {key: value.tensor() if isinstance(value, Stored) else value for key, value in values.items()}
    except CutOffError as problem:
        raise cut_off(name) from problem
    except Exception as problem:  # as above: a member of the archive that is missing, or damaged
        raise damaged(name) from problem
    for key, tensor in state.items():
        if not _is_plain(tensor):
            raise UserError(
                "{file} is not a weights file that can be opened: {key} holds {what} where plain numbers should be.",
                file=name,
                key=key[:80],
                what=str(tensor.dtype).removeprefix("torch."),
            )
    return state


def _name(file: Path | bytes, name: str) -> str:
    return name or (file.name if isinstance(file, Path) else "")


def _size(file: Path | bytes) -> int:
    if isinstance(file, bytes):
        return len(file)
    try:
        return file.stat().st_size
    except (OSError, ValueError) as problem:
        raise UserError("There is no file {file}.", file=file) from problem


def _is_plain(tensor: Tensor) -> bool:
    """Real numbers, each of them stored: a tensor can claim a size of which it stores only one value."""
    if tensor.dtype not in _NUMBERS or tensor.layout != torch.strided or tensor.device.type != "cpu":
        return False
    return tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size()


def _classes(
    entry: ModelEntry, count: int, named: Sequence[tuple[str, ...]], *, known: bool
) -> tuple[tuple[str, ...], Names]:
    """The file's own names, else the entry's if the count agrees, else "class 0" and so on."""
    for names in named:
        if len(names) == count or (count == 1 and len(names) == 2):
            return names[-count:], "known"
    own = class_ids(entry.labels)
    if len(own) == count:
        return own, "known" if known else "assumed"
    return numbered(count) if count != 1 else ("class 1",), "none"  # one output: the probability of a 1
