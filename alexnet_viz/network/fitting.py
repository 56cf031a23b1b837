"""Which network a dict of tensors is: by its keys and shapes, whatever wrapper has put a prefix before them.

    fit = fit_to(found.tensors, name)       # of any network in MODELS, or a `UserError` that says why none
    fit.entry, fit.spec                     # alexnet_torchvision, with as many outputs as the file has
    fit.keys                                # {"classifier.6.weight": "module.classifier.6.weight"}: ours to the file's

Prefixes are taken off wherever they stand: `module.` (DataParallel, DDP), `_orig_mod.` (torch.compile), `model.` or any
other that all keys of a network share. A head of other `Linear` layers than the table's is taken as the chain that its
shapes make; what cannot be seen in a file, the function between them, is assumed and said in `notes`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from alexnet_viz.errors import UserError
from alexnet_viz.network.build import meta_network
from alexnet_viz.network.checkpoint import Values
from alexnet_viz.network.pth import Stored
from alexnet_viz.network.sources import SAVE
from alexnet_viz.network.spec import Activation, Layer, Linear, Spec, module_keys, walk
from alexnet_viz.network.zoo import BEST_MODEL, LISTED, MODELS, ModelEntry
from alexnet_viz.words.i18n import Message

MAX_CLASSES = 100_000
SHOWN = 3  # keys that a sentence names

# Parts of keys that torch's wrappers put in, at the beginning or, as `features.module.0.weight`, in the middle.
_WRAPPERS = {"module", "_orig_mod", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
_FIRST = "features.0.weight"  # every network here begins with it
_BATCH_NORM = ("running_mean", "running_var")

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Fit:
    """A network, and where its tensors are in the file."""

    entry: ModelEntry
    spec: Spec
    keys: Mapping[str, str]  # of the network's state dict, to the file's
    zeros: tuple[str, ...] = ()  # biases that the file's layers do not have
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True)
class _Branch:
    """The tensors under one prefix, by their keys without it and without wrappers; those outside begin with "/"."""

    prefix: str
    keys: Mapping[str, str]  # to the file's
    shapes: Shapes
    counts: frozenset[str]  # keys of whole numbers
    ordered: bool  # whether the file keeps the order of the modules, as torch.save does and safetensors does not

    def without(self, taken: Iterable[str]) -> list[str]:
        """The other keys, without the number that swa_utils.AveragedModel keeps."""
        taken = set(taken)
        return [key for key in self.shapes if key not in taken and key.rpartition(".")[2].strip("/") != "n_averaged"]


@dataclass(frozen=True)
class _Linear:
    """A fully connected layer of a file's head."""

    module: str
    inputs: int
    outputs: int
    has_bias: bool


class _NoHeadError(Exception):
    """Why a head cannot be opened."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.text)
        self.message = message


def holds_a_network(keys: Iterable[str]) -> bool:
    """Whether keys look like those of a network of the table, so that it is worth while to look at the shapes."""
    return any(_clean(key) == _FIRST or _clean(key).endswith(f".{_FIRST}") for key in keys)


def without_wrappers(values: Values) -> dict[str, str]:
    """Keys without what wrappers and outer modules put before them, to the file's own; those where two become one."""
    keys = {_clean(key): key for key in values if key != "n_averaged"}
    if len(keys) != len([key for key in values if key != "n_averaged"]):
        return {key: key for key in values}
    while _outer(keys):
        keys = {cleaned.partition(".")[2]: key for cleaned, key in keys.items()}
    return keys


def _outer(keys: Iterable[str]) -> bool:
    """Whether all keys begin with the name of one module, which is none of ours and has modules in it."""
    firsts = {key.partition(".")[0] for key in keys}
    rests = [key.partition(".")[2] for key in keys]
    return len(firsts) == 1 and not firsts & {"features", "classifier"} and all("." in rest for rest in rests)


def fit_to(values: Values, name: str, entry: ModelEntry | None = None, written: Spec | None = None) -> Fit:
    """The network that these tensors are: `entry`, or any of the table; with the layers `written`, if they fit.

    Raises `UserError` that names what differs from the nearest network.
    """
    whole = _whole(values, name)
    branches = _branches(whole)
    entries = [entry] if entry else list(MODELS.values())
    reasons = []
    for branch in branches:
        try:
            fit = _exact(branch, entries, written) or _with_other_head(branch, entries)
        except _NoHeadError as problem:
            reasons.append(problem.message)
            continue
        if fit:
            return _with_notes(fit, branch, [other.prefix for other in branches if other is not branch])
    if reasons:
        raise UserError("{file} cannot be opened. {reason}", file=name, reason=reasons[0])
    raise _does_not_fit(name, branches[0] if branches else whole, entries)


def _with_notes(fit: Fit, branch: _Branch, others: list[str]) -> Fit:
    notes = list(fit.notes)
    if others:
        notes.append(
            Message(
                "The file holds {count} sets of weights. Those under {taken} were taken, not those under {others}.",
                count=len(others) + 1,
                taken=branch.prefix or "-",
                others=listed([other or "-" for other in others]),
            )
        )
    taken = set(fit.keys.values())
    aside = [branch.keys[key] for key in branch.without(()) if branch.keys[key] not in taken]
    if aside:
        notes.append(
            Message(
                "The file also holds what is no part of the network and was left aside: {keys}.", keys=listed(aside)
            )
        )
    return replace(fit, notes=tuple(notes))


def listed(words: Sequence[str]) -> str:
    """The first of these words, for a sentence."""
    return ", ".join(word[:60] for word in words[:SHOWN]) + (", ..." if len(words) > SHOWN else "")


# Prefixes


def _clean(key: str) -> str:
    return ".".join(part for part in key.split(".") if part not in _WRAPPERS)


def _whole(values: Values, name: str) -> _Branch:
    keys: dict[str, str] = {}
    for key in values:
        first = keys.setdefault(_clean(key), key)
        if first != key:
            raise UserError(
                "{file} cannot be opened: by their names {first} and {second} are the same weights. Save the weights "
                "of one network alone: {code}",
                file=name,
                first=first[:60],
                second=key[:60],
                code=SAVE,
            )
    return _Branch(
        "",
        keys,
        {cleaned: tuple(values[key].shape) for cleaned, key in keys.items()},
        frozenset(cleaned for cleaned, key in keys.items() if not values[key].dtype.is_floating_point),
        all(isinstance(value, Stored) for value in values.values()),
    )


def _branches(whole: _Branch) -> list[_Branch]:
    """Each set of tensors that begins like a network of the table, with what lies outside of all of them."""
    prefixes = [key.removesuffix(_FIRST) for key in whole.keys if key == _FIRST or key.endswith(f".{_FIRST}")]
    owner = {
        key: max((prefix for prefix in prefixes if key.startswith(prefix)), key=len, default=None) for key in whole.keys
    }
    return [_branch(whole, prefix, owner) for prefix in prefixes]


def _branch(whole: _Branch, prefix: str, owner: Mapping[str, str | None]) -> _Branch:
    names = {
        key: key.removeprefix(prefix) if owner[key] == prefix else f"/{key}"
        for key in whole.keys
        if owner[key] in (prefix, None)
    }
    return _Branch(
        prefix.removesuffix("."),
        {name: whole.keys[key] for key, name in names.items()},
        {name: whole.shapes[key] for key, name in names.items()},
        frozenset(name for key, name in names.items() if key in whole.counts),
        whole.ordered,
    )


# Networks as they are in the table


@cache
def _expected(spec: Spec) -> Shapes:
    return {key: tuple(tensor.shape) for key, tensor in meta_network(spec).state_dict().items()}


def _exact(branch: _Branch, entries: Sequence[ModelEntry], written: Spec | None) -> Fit | None:
    shapes = {key: shape for key, shape in branch.shapes.items() if key.startswith(("features.", "classifier."))}
    if _layers_among(branch, branch.without(shapes)):
        return None
    for entry in entries:
        for spec in (with_class_count(entry.spec, shapes), *([written] if written else [])):
            if spec.input == entry.spec.input and _expected(spec) == shapes:
                return Fit(entry, spec, {key: branch.keys[key] for key in shapes})
    return None


def _layers_among(branch: _Branch, keys: Sequence[str]) -> list[str]:
    """Those of these tensors that must belong to layers: a matrix or filters, or a vector beside another one.

    A loss's weight for each class, the counts of a metric, and an input's mean and deviation are not.
    """
    known = [key for key in keys if key not in branch.counts and key.rpartition(".")[2] not in ("mean", "std")]
    vectors = Counter(_module(key) for key in known if branch.shapes[key])
    return [key for key in known if len(branch.shapes[key]) > 1 or vectors[_module(key)] > 1]


def _module(key: str) -> str:
    return key.rpartition(".")[0]


def with_class_count(spec: Spec, shapes: Shapes) -> Spec:
    """The spec with as many outputs as the file's last bias has values."""
    last = spec.layers[-1]
    found = [re.fullmatch(r"classifier\.(0|[1-9][0-9]{0,3})\.bias", key) for key in shapes]
    numbers = [int(match[1]) for match in found if match]
    if not numbers or not isinstance(last, Linear):
        return spec
    bias = shapes[f"classifier.{max(numbers)}.bias"]
    fits = len(bias) == 1 and 1 <= bias[0] <= MAX_CLASSES
    return replace(spec, layers=(*spec.layers[:-1], replace(last, outputs=bias[0]))) if fits else spec


# Networks with another head


def _with_other_head(branch: _Branch, entries: Sequence[ModelEntry]) -> Fit | None:
    """The network whose convolutions these are, with the file's own fully connected layers.

    None for other convolutions; raises _NoHeadError for a head that is no chain of fully connected layers.
    """
    features = {key: shape for key, shape in branch.shapes.items() if key.startswith("features.")}
    alike = [entry for entry in entries if features == _features(entry)]
    if not alike:
        return None
    alike.sort(key=lambda entry: (entry.id != BEST_MODEL, bool(entry.replaced_by)))
    chain = _chain(branch, branch.without(features), alike[0])
    entry = max(alike, key=lambda entry: _kept(entry, chain))
    spec, notes = _with_chain(entry, chain)
    ours = [
        f"{key}." for key, layer in zip(module_keys(spec.layers), spec.layers, strict=True) if layer.kind == "linear"
    ]
    keys = {key: branch.keys[key] for key in features}
    for own, layer in zip(ours, chain, strict=True):
        keys[f"{own}weight"] = branch.keys[f"{layer.module}.weight"]
        if layer.has_bias:
            keys[f"{own}bias"] = branch.keys[f"{layer.module}.bias"]
    zeros = tuple(f"{own}bias" for own, layer in zip(ours, chain, strict=True) if not layer.has_bias)
    return Fit(entry, spec, keys, zeros, notes)


def _features(entry: ModelEntry) -> Shapes:
    return {key: shape for key, shape in _expected(entry.spec).items() if key.startswith("features.")}


def _chain(branch: _Branch, keys: Sequence[str], entry: ModelEntry) -> list[_Linear]:
    """The fully connected layers of a head in their order: of the file, of their names, or of their shapes."""
    needed = set(_layers_among(branch, keys))
    modules = dict.fromkeys(_module(key) for key in keys if len(branch.shapes[key]) > 1 and key in needed)
    heads = {module.split(".")[0] for module in modules}
    for key in keys:
        inside = _module(key).split(".")[0] in heads and key not in branch.counts
        if key in needed or inside or key.endswith(_BATCH_NORM):
            _check_linear(branch, key, modules)
    layers = [_linear(branch, module) for module in modules]
    given = _flattened(entry)
    named = sorted(layers, key=lambda layer: (layer.module.startswith("/"), _natural(layer.module)))
    for ordered in ([layers] if branch.ordered else []) + [named, _by_shapes(layers, given)]:
        if ordered and [layer.inputs for layer in ordered] == [given, *(layer.outputs for layer in ordered[:-1])]:
            return ordered
    raise _no_chain(branch, named, given, entry)


def _by_shapes(layers: Sequence[_Linear], given: int) -> list[_Linear]:
    """The layers so that each takes what the one before gives; [] where that is not one order."""
    ordered: list[_Linear] = []
    while len(ordered) < len(layers):
        fitting = [layer for layer in layers if layer not in ordered and layer.inputs == given]
        if len(fitting) != 1:
            return []
        ordered += fitting
        given = fitting[0].outputs
    return ordered


def _check_linear(branch: _Branch, key: str, modules: Iterable[str]) -> None:
    """Raise _NoHeadError for a tensor that is no weight or bias of a fully connected layer."""
    module, _, part = key.rpartition(".")
    shape = branch.shapes[key]
    if f"{module}.running_mean" in branch.shapes:
        raise _NoHeadError(
            Message(
                "{key} belongs to a batch normalisation (BatchNorm) among the fully connected layers, and a file does "
                "not say on which side of the function there it stands. Train the head without it, or fold it into the "
                "layer before it.",
                key=branch.keys[key][:80],
            )
        )
    if module not in modules or (part, len(shape)) not in (("weight", 2), ("bias", 1)):
        raise _NoHeadError(
            Message(
                "{key} ({shape}) belongs to no convolution of the network and to no fully connected layer. A head may "
                "hold Linear layers, and what has no weights of its own, such as ReLU and Dropout.",
                key=branch.keys[key][:80],
                shape=shape_words(shape),
            )
        )


def _linear(branch: _Branch, module: str) -> _Linear:
    outputs, inputs = branch.shapes[f"{module}.weight"]
    bias = branch.shapes.get(f"{module}.bias")
    if bias not in (None, (outputs,)) or not 1 <= outputs <= MAX_CLASSES or not inputs:
        raise _NoHeadError(
            Message(
                "{key} ({shape}) and its bias ({bias}) do not belong together.",
                key=branch.keys[f"{module}.weight"][:80],
                shape=shape_words((outputs, inputs)),
                bias=shape_words(bias),
            )
        )
    return _Linear(module, inputs, outputs, bias is not None)


def _no_chain(branch: _Branch, layers: list[_Linear], given: int, entry: ModelEntry) -> _NoHeadError:
    if not layers:
        return _NoHeadError(
            Message(
                "It holds the convolutions of {model} and no fully connected layer behind them, so it has no answer to "
                "give. Save the whole network: {code}",
                model=entry.id,
                code=SAVE,
            )
        )
    for layer, arriving in zip(layers, [given, *(layer.outputs for layer in layers)], strict=False):
        if layer.inputs != arriving:
            break
    return _NoHeadError(
        Message(
            "Its convolutions are those of {model}, but its fully connected layers make no chain: {key} takes {inputs} "
            "values, and {arriving} come out of what is before it.",
            model=entry.id,
            key=branch.keys[f"{layer.module}.weight"][:80],
            inputs=layer.inputs,
            arriving=arriving,
        )
    )


def _natural(module: str) -> list[tuple[int, str]]:
    """For sorting: numbers in names by their size, so that fc10 comes after fc9."""
    parts = re.findall(r"[0-9]{1,9}|[^0-9]+", module)
    return [(int(part), "") if part[0].isdecimal() and part.isascii() else (-1, part) for part in parts]


@cache
def _flattened(entry: ModelEntry) -> int:
    """How many values arrive at the first fully connected layer."""
    return next(row.shape[0] for row in walk(entry.spec).rows if row.kind == "flatten")


def _linears(entry: ModelEntry) -> list[tuple[str, Linear, int]]:
    """The entry's own fully connected layers: key, layer, place among its layers."""
    keyed = zip(module_keys(entry.spec.layers), entry.spec.layers, strict=True)
    return [(key, layer, place) for place, (key, layer) in enumerate(keyed) if isinstance(layer, Linear)]


def _kept(entry: ModelEntry, chain: Sequence[_Linear]) -> int:
    """How many of the entry's own layers the chain begins with."""
    count = 0
    for (key, own, _), layer in zip(_linears(entry), chain, strict=False):
        if (key, own.inputs, own.outputs) != (layer.module, layer.inputs, layer.outputs):
            break
        count += 1
    return count


def _with_chain(entry: ModelEntry, chain: Sequence[_Linear]) -> tuple[Spec, tuple[Message, ...]]:
    """The entry's layers up to where the chain goes its own way, then the chain, with the entry's function between."""
    own, kept = _linears(entry), _kept(entry, chain)
    function = next((layer for layer in entry.spec.layers[own[0][2] :] if isinstance(layer, Activation)), Activation())
    layers: list[Layer] = list(entry.spec.layers[: own[kept][2] if kept < len(own) else len(entry.spec.layers)])
    replaced = own[kept][0] if kept < len(own) else "-"
    assumed = []
    for before, layer in zip((None, *chain[kept:]) if not kept else chain[kept - 1 :], chain[kept:], strict=False):
        in_place = layer is chain[kept] and f"{layer.module}.".startswith(f"{replaced}.")
        if before and _neighbours(before.module, layer.module):
            while not isinstance(layers[-1], Linear):
                layers.pop()
        elif before and not in_place:
            if isinstance(layers[-1], Linear):
                layers.append(function)
            assumed.append((before, layer))
        layers.append(Linear(layer.inputs, layer.outputs))
    spec = replace(entry.spec, layers=tuple(layers))
    return spec, tuple(_assumption(function, assumed))


def _neighbours(first: str, second: str) -> bool:
    """Whether two modules follow each other in one Sequential, so that nothing stands between them."""
    (parent, _, number), (other, _, next_number) = first.rpartition("."), second.rpartition(".")
    numbers = (number, next_number)
    return parent == other and all(one.isdecimal() for one in numbers) and int(next_number) == int(number) + 1


def _assumption(function: Activation, joints: Sequence[tuple[_Linear, _Linear]]) -> Iterator[Message]:
    if joints:
        yield Message(
            "The file does not say which function stands between its fully connected layers ({layers}). "
            "{function} is assumed; with another one the answers would be others.",
            layers=listed([f"{before.module}, {after.module}".replace("/", "") for before, after in joints]),
            function={"relu": "ReLU"}.get(function.function, function.function),
        )


# What fits nothing


def differences(spec: Spec, shapes: Shapes) -> list[str]:
    """The keys that are missing, too many, or of another shape, in the network's order."""
    expected = _expected(spec)
    return [
        f"{key}: {shape_words(shapes.get(key))} / {shape_words(expected.get(key))}"
        for key in [*expected, *(key for key in shapes if key not in expected)]
        if expected.get(key) != shapes.get(key)
    ]


def shape_words(shape: tuple[int, ...] | None) -> str:
    """A shape as people write it, 64x3x11x11; "-" for no tensor."""
    return "-" if shape is None else "x".join(map(str, shape)) or "1"


def _does_not_fit(name: str, branch: _Branch, entries: Sequence[ModelEntry]) -> UserError:
    specs = {entry.id: with_class_count(entry.spec, branch.shapes) for entry in entries}
    shared = {model_id: _shared(spec, branch) for model_id, spec in specs.items()}
    nearest = max(specs, key=lambda model_id: (shared[model_id], shared[model_id] / len(_expected(specs[model_id]))))
    expected = _expected(specs[nearest])
    values = {
        "file": name,
        "model": nearest,
        "shared": shared[nearest],
        "count": len(expected),
        "known": ", ".join(LISTED),
    }
    if 2 * shared[nearest] < len(expected):
        return UserError(
            "{file} does not fit {model} or any other network here: it holds another architecture. It begins with "
            "{own}, and {model} begins with {expected}. {model} is the nearest: {shared} of its {count} tensors are in "
            "the file by name and shape. Choose the file of one of these networks: {known}.",
            own=_first_shapes({branch.keys[key]: shape for key, shape in branch.shapes.items()}),
            expected=_first_shapes(expected),
            **values,
        )
    differing = differences(specs[nearest], {key: branch.shapes[key] for key in branch.without(())})
    return UserError(
        "{file} does not fit {model}, the nearest network here: {shared} of its {count} tensors are in the file by "
        "name and shape. What differs (in the file / in the network): {differing}{more}. "
        "Choose the file of one of these networks: {known}.",
        differing="; ".join(item[:120] for item in differing[:SHOWN]),
        more=" ..." if len(differing) > SHOWN else "",
        **values,
    )


def _shared(spec: Spec, branch: _Branch) -> int:
    return sum(branch.shapes.get(key) == shape for key, shape in _expected(spec).items())


def _first_shapes(shapes: Shapes) -> str:
    return ", ".join(f"{key[:60]} ({shape_words(shape)})" for key, shape in list(shapes.items())[:SHOWN])
