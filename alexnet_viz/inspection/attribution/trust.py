"""How far to trust an attribution map: four tests that can fail.

    completeness(model, array, answer.heat, answer.target, "black").error    # does it add up? 0.01 is 1 %
    for step in deletion_insertion(model, array, answer.heat, answer.target):    # Progress, ..., Curves
        ...
    for step in noise_sensitivity(model, array, "gradcam"):                  # Progress, ..., Sensitivity
        ...
    for step in randomised_weights(model, array, "gradcam"):                 # Progress, ..., Randomised
        ...

Each leaves the model as it was; a generator may be closed at any time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet_viz.inspection.attribution.algorithms import CHUNK, Value
from alexnet_viz.inspection.attribution.attribute import (
    Attribution,
    Completeness,
    Floats,
    Target,
    attribute,
    class_index,
    preprocess_of,
)
from alexnet_viz.inspection.attribution.baselines import baseline
from alexnet_viz.inspection.classify import softmax
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.network.build import random_state, with_weights
from alexnet_viz.network.spec import layer_names, module_keys
from alexnet_viz.network.weights import Model

FAILS_FROM = 0.5  # mean rank correlation with the original map from which a method fails the check

Doubles = NDArray[np.float64]
Order = NDArray[np.int64]  # (H * W,), pixels by number, row after row
Settings = Mapping[str, Value]


def completeness(model: Model, array: Floats, heat: Floats, target: int, against: str = "black") -> Completeness:
    """Whether any map adds up to the logit's difference between the input (C, H, W) and a baseline, by its id."""
    batch = torch.from_numpy(array)[None]
    with torch.no_grad():
        pair = torch.cat([batch, baseline(against, batch, preprocess_of(model))])
        here, there = model.network(pair)[:, target].tolist()
    return Completeness(float(heat.sum(dtype=np.float64)), here - there)


# ---- Deletion and insertion ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The class's probability while pixels go, and while they come, most important first (Petsiuk et al. 2018).

    A good map has a small area under deletion and a large one under insertion. The random curves are means over maps
    that know nothing: compare with them, as areas depend on the picture and the network.
    """

    fractions: Doubles  # (steps + 1,), share of the pixels changed, 0 to 1
    deletion: Doubles  # (steps + 1,), probabilities
    insertion: Doubles
    random_deletion: Doubles
    random_insertion: Doubles
    random_deletion_areas: Doubles  # (orders,), of each random order
    random_insertion_areas: Doubles

    @property
    def deletion_area(self) -> float:
        return area(self.fractions, self.deletion)

    @property
    def insertion_area(self) -> float:
        return area(self.fractions, self.insertion)


def area(fractions: Doubles, probabilities: Doubles) -> float:
    """The area under a curve by the trapezoid rule, 0 to 1."""
    return float(np.trapezoid(probabilities, fractions))


def deletion_insertion(
    model: Model,
    array: Floats,
    heat: Floats,
    target: int,
    *,
    steps: int = 32,
    deleted: str = "grey",
    inserted_into: str = "blur",
    orders: int = 3,
    random: str = "moved",
    seed: int = 0,
) -> Iterator[Progress | Curves]:
    """Both curves of a map (H, W) of the input (C, H, W), and those of `orders` random ones from RANDOM_ORDERS.

    Deleted pixels take the baseline `deleted`; insertion starts from `inserted_into`: blurred, because a picture put
    together on an even ground gets edges that are not its own. Costs 2 (orders + 1) (steps + 1) passes forward.
    """
    picture = torch.from_numpy(array)[None]
    preprocess = preprocess_of(model)
    grounds = [baseline(name, picture, preprocess) for name in (deleted, inserted_into)]
    ways = [(picture, grounds[0]), (grounds[1], picture)]  # (what there is, what it becomes)
    generator = np.random.default_rng(seed)
    ranked = [_by_importance(heat), *(RANDOM_ORDERS[random](heat, generator) for _ in range(orders))]
    counts = [round(step / steps * heat.size) for step in range(steps + 1)]
    of = len(ranked) * len(ways) * len(counts)
    curves: list[Doubles] = []
    for order in ranked:
        for start, end in ways:
            curve: list[float] = []
            for first in range(0, len(counts), CHUNK):
                curve += _probabilities(model, start, end, order, counts[first : first + CHUNK], target)
                yield Progress(len(curves) * len(counts) + len(curve), of)
            curves.append(np.array(curve))
    yield _curves(np.array(counts) / heat.size, curves)


def _curves(fractions: Doubles, curves: Sequence[Doubles]) -> Curves:
    """Deletion and insertion in turns, the map's own first."""
    deletions, insertions = np.array(curves[::2]), np.array(curves[1::2])
    none = np.full((1, len(fractions)), np.nan)  # no random order was asked for
    return Curves(
        fractions=fractions,
        deletion=deletions[0],
        insertion=insertions[0],
        random_deletion=(deletions[1:] if len(deletions) > 1 else none).mean(0),
        random_insertion=(insertions[1:] if len(insertions) > 1 else none).mean(0),
        random_deletion_areas=np.array([area(fractions, curve) for curve in deletions[1:]]),
        random_insertion_areas=np.array([area(fractions, curve) for curve in insertions[1:]]),
    )


def _probabilities(
    model: Model, start: Tensor, end: Tensor, order: Order, counts: Sequence[int], target: int
) -> list[float]:
    """The class's probability with the first so many pixels of the order changed from `start` to `end`."""
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    changed = rank[None] < np.array(counts)[:, None]  # (counts, H * W)
    mask = torch.from_numpy(changed).reshape(len(counts), 1, *start.shape[2:])
    with torch.no_grad():
        logits = model.network(torch.where(mask, end, start))
    return [float(softmax(row)[target]) for row in logits.numpy()]


def _by_importance(heat: Floats) -> Order:
    """The highest value first, the first of equals."""
    return np.argsort(-heat, axis=None, kind="stable")


def _moved(heat: Floats, generator: np.random.Generator) -> Order:
    """The same map mirrored and moved around the edges: the grain and the shape stay, only the place is random."""
    for axis in (0, 1):
        heat = np.flip(heat, axis) if generator.integers(2) else heat
        heat = np.roll(heat, int(generator.integers(heat.shape[axis])), axis)
    return _by_importance(heat)


def _pixels(heat: Floats, generator: np.random.Generator) -> Order:
    """Single pixels in random order. Scattered holes destroy more than a patch does: hard to beat by deletion."""
    return generator.permutation(heat.size)


RANDOM_ORDERS: Mapping[str, Callable[[Floats, np.random.Generator], Order]] = {"moved": _moved, "pixels": _pixels}


# ---- Similarity of two maps ------------------------------------------------------------------------------------------


def pearson(first: Floats | Doubles, second: Floats | Doubles) -> float:
    """Correlation of two maps, -1 to 1; 0 where one of them is constant, as it then has no pattern to agree on."""
    a, b = (values.astype(np.float64).ravel() for values in (first, second))
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else 0.0


def spearman(first: Floats, second: Floats) -> float:
    """Correlation of the ranks, equal values sharing their mean rank; 0 where a map is constant."""
    return pearson(_ranks(first), _ranks(second))


def _ranks(values: Floats) -> Doubles:
    _, place, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]


# ---- Sensitivity to noise --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """How far a map moves when the picture gets a little noise. One value a seed."""

    noise: float  # standard deviation, share of the input's range
    moved: Doubles  # (seeds,), |noisy map - map| / |map|, Euclidean: 0 is still, 1 as far as from the map to nothing
    correlations: Doubles  # (seeds,), Pearson's
    probabilities: Doubles  # (seeds,), of the class for the noisy pictures: whether the answer itself moved


def noise_sensitivity(
    model: Model,
    array: Floats,
    method_id: str,
    *,
    layer: str = "",
    target: Target = None,
    settings: Settings | None = None,
    noise: float = 0.02,
    seeds: Sequence[int] = range(5),
) -> Iterator[Progress | Sensitivity]:
    """Whether noise that hardly changes the answer changes the map. Costs the method once a seed, and once more."""
    original = attribute(model, array, method_id, layer=layer, target=target, settings=settings)
    sigma = np.float32(noise * (array.max() - array.min()))
    noisy: list[Attribution] = []
    for seed in seeds:
        yield Progress(len(noisy) + 1, len(seeds) + 1)
        drawn = np.random.default_rng(seed).standard_normal(array.shape, dtype=np.float32)
        noisy.append(_again(model, array + sigma * drawn, original))
    yield Sensitivity(
        noise=noise,
        moved=np.array([_relative_distance(answer.heat, original.heat) for answer in noisy]),
        correlations=np.array([pearson(answer.heat, original.heat) for answer in noisy]),
        probabilities=np.array([answer.probability for answer in noisy]),
    )


def _again(model: Model, array: Floats, original: Attribution) -> Attribution:
    """The same question: method, layer, class and settings of an answer."""
    return attribute(
        model,
        array,
        original.method,
        layer=original.layer,
        target=original.target,
        settings=original.settings,
    )


def _relative_distance(heat: Floats, original: Floats) -> float:
    length = float(np.linalg.norm(original))
    return float(np.linalg.norm(heat - original)) / length if length else 0.0


# ---- Randomised weights ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The map with all layers from the top down to this one random."""

    layer: str
    spearman: float  # rank correlation of magnitudes with the original map's, as in the paper
    pearson: float  # correlation of the signed maps
    heat: Floats  # (H, W), signed


@dataclass(frozen=True, kw_only=True)
class Randomised:
    """The check of Adebayo et al. 2018: a map of what a network learnt has to change when it is made to forget it."""

    original: Attribution
    stages: tuple[Stage, ...]  # from the top layer down; in the last one all weights are random

    @property
    def similarity(self) -> float:
        """Rank correlation of magnitudes, the mean of all stages."""
        return float(np.mean([stage.spearman for stage in self.stages]))

    @property
    def fails(self) -> bool:
        """The map hardly changes while the network forgets. The paper reads its curves by eye; FAILS_FROM is ours.

        The mean, not the last stage: guided backpropagation keeps its map until the first convolutions go, and that is
        what the paper holds against it.
        """
        return self.similarity >= FAILS_FROM


def randomised_weights(
    model: Model,
    array: Floats,
    method_id: str,
    *,
    layer: str = "",
    target: Target = None,
    settings: Settings | None = None,
    seed: int = 0,
) -> Iterator[Progress | Randomised]:
    """The map again and again, with one more weight layer random each time, from the top down.

    The random weights are drawn as for an untrained network; the model's own are shared where kept, never touched. The
    class stays the one asked for, or the original's top one.
    """
    index = class_index(model, target)
    original = attribute(model, array, method_id, layer=layer, target=index, settings=settings)
    spec = model.network.spec
    state, drawn = dict(model.network.state_dict()), random_state(spec, seed)
    weight_layers = [
        (name, own)
        for name, key in zip(layer_names(spec.layers), module_keys(spec.layers), strict=True)
        if (own := [entry for entry in drawn if entry.rsplit(".", 1)[0] == key])
    ]
    stages: list[Stage] = []
    for name, own in reversed(weight_layers):
        yield Progress(len(stages) + 1, len(weight_layers) + 1)
        state |= {key: drawn[key] for key in own}
        answer = _again(replace(model, network=with_weights(spec, state)), array, original)
        stages.append(
            Stage(
                layer=name,
                spearman=spearman(np.abs(answer.heat), np.abs(original.heat)),
                pearson=pearson(answer.heat, original.heat),
                heat=answer.heat,
            )
        )
    yield Randomised(original=original, stages=tuple(stages))
