"""How far to trust an attribution map: four tests that can fail.

    completeness(model, array, answer.heat, answer.target, "black").error    # does it add up? 0.01 is 1 %
    for step in deletion_insertion(model, array, answer.heat, answer.target):    # Progress, ..., Curves
        ...
    for step in noise_sensitivity(model, array, answer):                     # Progress, ..., Sensitivity
        ...
    for step in randomised_weights(model, array, answer):                    # Progress, ..., Randomised
        ...

Each leaves the model as it was; a generator may be closed at any time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet_viz.inspection.activations import Floats
from alexnet_viz.inspection.attribution.algorithms import CHUNK
from alexnet_viz.inspection.attribution.attribute import Attribution, Completeness, attribute, preprocess_of
from alexnet_viz.inspection.attribution.baselines import baseline
from alexnet_viz.inspection.classify import softmax
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.network.build import random_state, with_weights
from alexnet_viz.network.spec import layer_names, module_keys
from alexnet_viz.network.weights import Model

FAILS_FROM = 0.5  # mean rank correlation with the original map from which a method fails the check

Doubles = NDArray[np.float64]
Order = NDArray[np.int64]  # (H * W,), pixels by number, row after row


def completeness(model: Model, array: Floats, heat: Floats, target: int, against: str = "black") -> Completeness:
    """Whether any map adds up to the logit's difference between the input (C, H, W) and a baseline, by its id."""
    batch = torch.from_numpy(array)[None]
    with torch.no_grad():
        pair = torch.cat([batch, baseline(against, batch, preprocess_of(model))])
        here, there = model.network(pair)[:, target].tolist()
    return Completeness(float(heat.sum(dtype=np.float64)), here - there)


@dataclass(frozen=True)
class Curve:
    """The class's probability while pixels change, most important first: of a map, and of maps that know nothing."""

    fractions: Doubles  # (steps + 1,), share of the pixels changed, 0 to 1
    probabilities: Doubles  # (steps + 1,)
    random: Doubles  # (orders, steps + 1)

    @property
    def area(self) -> float:
        """Under the map's curve by the trapezoid rule, 0 to 1."""
        return float(np.trapezoid(self.probabilities, self.fractions))

    @property
    def random_areas(self) -> Doubles:  # (orders,)
        return np.array([np.trapezoid(curve, self.fractions) for curve in self.random])


@dataclass(frozen=True)
class Curves:
    """Pixels go, and come (Petsiuk et al. 2018).

    A good map has a small area under deletion and a large one under insertion. Compare with the random ones: areas
    depend on the picture and the network.
    """

    deletion: Curve
    insertion: Curve


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
    seed: int = 0,
) -> Iterator[Progress | Curves]:
    """Both curves of a map (H, W) of the input (C, H, W), and those of `orders` random ones.

    Deleted pixels take the baseline `deleted`; insertion starts from `inserted_into`: blurred, because a picture put
    together on an even ground gets edges that are not its own. Costs 2 (orders + 1) (steps + 1) passes forward.
    """
    picture = torch.from_numpy(array)[None]
    preprocess = preprocess_of(model)
    grounds = [baseline(name, picture, preprocess) for name in (deleted, inserted_into)]
    ways = [(picture, grounds[0]), (grounds[1], picture)]  # (what there is, what it becomes)
    generator = np.random.default_rng(seed)
    ranked = [_by_importance(heat), *(random_order(heat, generator) for _ in range(orders))]
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
    fractions = np.array(counts) / heat.size
    deletion, insertion = (Curve(fractions, own, np.array(random)) for own, *random in (curves[::2], curves[1::2]))
    yield Curves(deletion, insertion)


def _probabilities(
    model: Model, start: Tensor, end: Tensor, order: Order, counts: Sequence[int], target: int
) -> list[float]:
    """The class's probability with the first so many pixels of the order changed from `start` to `end`."""
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    changed = rank[None] < np.array(counts)[:, None]  # (counts, H * W)
    mask = torch.from_numpy(changed).reshape(len(counts), 1, *start.shape[2:])
    with torch.no_grad():
        logits = model.network(torch.where(mask, end, start)).numpy()
    return softmax(logits)[:, target].tolist()  # type: ignore[no-any-return]


def _by_importance(heat: Floats) -> Order:
    """The highest value first, the first of equals."""
    return np.argsort(-heat, axis=None, kind="stable")


def random_order(heat: Floats, generator: np.random.Generator) -> Order:
    """The same map mirrored and moved around the edges: the grain and the shape stay, only the place is random."""
    for axis in (0, 1):
        heat = np.flip(heat, axis) if generator.integers(2) else heat
        heat = np.roll(heat, int(generator.integers(heat.shape[axis])), axis)
    return _by_importance(heat)


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


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """How far a map moves when the picture gets a little noise. One value a seed."""

    noise: float  # standard deviation, share of the input's range
    moved: Doubles  # (seeds,), |noisy map - map| / |map|, Euclidean: 0 is still, 1 as far as from the map to nothing
    correlations: Doubles  # (seeds,), Pearson's
    probabilities: Doubles  # (seeds,), of the class for the noisy pictures: whether the answer itself moved


def noise_sensitivity(
    model: Model, array: Floats, original: Attribution, *, noise: float = 0.02, seeds: Sequence[int] = range(5)
) -> Iterator[Progress | Sensitivity]:
    """Whether noise that hardly changes the answer changes its map. Costs the method once a seed."""
    sigma = np.float32(noise * (array.max() - array.min()))
    noisy: list[Attribution] = []
    for seed in seeds:
        drawn = np.random.default_rng(seed).standard_normal(array.shape, dtype=np.float32)
        noisy.append(_again(model, array + sigma * drawn, original))
        yield Progress(len(noisy), len(seeds))
    yield Sensitivity(
        noise=noise,
        moved=np.array([_relative_distance(answer.heat, original.heat) for answer in noisy]),
        correlations=np.array([pearson(answer.heat, original.heat) for answer in noisy]),
        probabilities=np.array([answer.probability for answer in noisy]),
    )


def _again(model: Model, array: Floats, original: Attribution) -> Attribution:
    """The same question: method, layer, class and settings of an answer."""
    asked = {"layer": original.layer, "target": original.target, "settings": original.settings}
    return attribute(model, array, original.method, **asked)


def _relative_distance(heat: Floats, original: Floats) -> float:
    length = float(np.linalg.norm(original))
    return float(np.linalg.norm(heat - original)) / length if length else 0.0


@dataclass(frozen=True)
class Stage:
    """The map with all layers from the top down to this one random."""

    layer: str
    spearman: float  # rank correlation of magnitudes with the original map's, as in the paper
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
    model: Model, array: Floats, original: Attribution, *, seed: int = 0
) -> Iterator[Progress | Randomised]:
    """The map again and again, with one more weight layer random each time, from the top down.

    The random weights are drawn as for an untrained network; the model's own are shared where kept, never touched. The
    class stays the original's.
    """
    spec = model.network.spec
    state, drawn = dict(model.network.state_dict()), random_state(spec, seed)
    weight_layers = [
        (name, own)
        for name, key in zip(layer_names(spec.layers), module_keys(spec.layers), strict=True)
        if (own := [entry for entry in drawn if entry.rsplit(".", 1)[0] == key])
    ]
    stages: list[Stage] = []
    for name, own in reversed(weight_layers):
        state |= {key: drawn[key] for key in own}
        answer = _again(replace(model, network=with_weights(spec, state)), array, original)
        stages.append(Stage(name, spearman(np.abs(answer.heat), np.abs(original.heat)), answer.heat))
        yield Progress(len(stages), len(weight_layers))
    yield Randomised(original=original, stages=tuple(stages))
