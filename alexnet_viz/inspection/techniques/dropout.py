"""Dropout at work: random masks on what enters a network's fully connected layers, and what they do to the answer.

    outputs = activations(model.network, batch)                # inference, nothing is dropped
    passed = training_pass(model.network, outputs, rate=0.5, seed=3)
    passed.layers["drop5"].kept                                # one random mask
    spread(model.network, outputs, rate=0.5, count=200)        # the answer over many masks
    weighted_sums(model.network, outputs, rate=0.5, seed=3)    # the two ways to scale, number by number

Only what comes after the first dropout layer runs again: the convolutions' outputs are taken as they are. Masks are
multiplied in by hand; no module is ever put into training mode.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet_viz.inspection.activations import INPUT, Floats
from alexnet_viz.inspection.classify import softmax
from alexnet_viz.network.build import Network
from alexnet_viz.network.spec import Dropout, Flatten, Linear, Spec, layer_names, walk

Doubles = NDArray[np.float64]

UNITS = 5  # weighted sums that are shown of a layer's hundreds
MANY = 1000  # masks that a weighted sum is averaged over


@dataclass(frozen=True)
class Rule:
    """What values are multiplied by, given the rate. Both rules make the test value the expected training value."""

    training: Callable[[float], float]  # the values that are kept
    test: Callable[[float], float]  # all values


RULES: Mapping[str, Rule] = {
    "inverted": Rule(lambda rate: 1 / (1 - rate), lambda rate: 1),  # PyTorch, and most libraries today
    "paper": Rule(lambda rate: 1, lambda rate: 1 - rate),  # Krizhevsky et al. 2012, section 4.2
}


@dataclass(frozen=True)
class Masked:
    """One dropout layer in one training pass."""

    arriving: Floats  # (N,) or (C, H, W), what came in; behind another mask it is not what inference has here
    kept: NDArray[np.bool_]  # of the same shape
    leaving: Floats  # arriving / (1 - rate) where kept, otherwise 0

    @property
    def dropped(self) -> int:
        return int((~self.kept).sum())

    @property
    def extreme(self) -> float:
        """The largest magnitude of what comes in and what leaves."""
        return float(max(np.abs(self.arriving).max(), np.abs(self.leaving).max()))

    @property
    def drawn(self) -> Floats:
        """What leaves, for a diverging map: behind a ReLU nothing is negative, so that side marks what is dropped."""
        return np.where(self.kept, self.leaving, np.float32(-0.4 * self.extreme))


@dataclass(frozen=True)
class TrainingPass:
    """One picture through the network as in training: every dropout layer has a mask."""

    layers: Mapping[str, Masked]  # by name, in order
    factor: float  # 1 / (1 - rate), what is kept was multiplied by it
    logits: Floats  # (classes,)

    @property
    def probabilities(self) -> Doubles:  # (classes,)
        return softmax(self.logits)


@dataclass(frozen=True)
class Spread:
    """One picture's answers over many masks, and the one answer of inference, the averaged network's."""

    probabilities: Doubles  # (masks, classes)
    mean: Doubles  # (classes,), arithmetic
    geometric: Doubles  # (classes,), the geometric mean of the answers, scaled so that its sum is 1
    averaged: Doubles  # (classes,), all units at work

    @property
    def mean_gap(self) -> float:
        """The largest difference of a class's probability between the mean and the averaged network."""
        return float(np.abs(self.mean - self.averaged).max())

    @property
    def geometric_gap(self) -> float:
        return float(np.abs(self.geometric - self.averaged).max())

    @property
    def agreeing(self) -> int:
        """Masks whose best class is the averaged network's."""
        return int((self.probabilities.argmax(1) == self.averaged.argmax()).sum())


@dataclass(frozen=True)
class Sums:
    """Weighted sums without bias under one rule, (units,) each."""

    training: Doubles  # with one mask
    mean: Doubles  # over MANY masks
    expected: Doubles  # over all masks: every term times the probability that it is kept
    test: Doubles  # all inputs there, multiplied as the rule says


@dataclass(frozen=True)
class WeightedSums:
    """The units of a fully connected layer with the largest sums, behind a dropout layer, under both rules."""

    layer: str
    units: NDArray[np.int64]  # (units,), largest sum first
    rules: Mapping[str, Sums]  # by the names of RULES
    paper_share: float  # 1 - rate: the paper's sums are so many times the inverted ones


def dropout_layers(spec: Spec) -> dict[str, int]:
    """How many values each dropout layer of a network may drop, by name, in order."""
    return {row.name: prod(row.shape) for row in walk(spec).rows if isinstance(row.layer, Dropout)}


def head(spec: Spec) -> tuple[str, ...]:
    """The layers after Flatten, in order: where dropout stands among them differs between AlexNets."""
    return tuple(layer_names(spec.layers)[spec.layers.index(Flatten()) + 1 :])


def training_pass(network: Network, outputs: Mapping[str, Tensor], rate: float, seed: int) -> TrainingPass:
    """The first picture of `outputs` (from `activations`) as in training, with PyTorch's inverted scaling.

    All dropout layers drop at `rate`, 0 <= rate < 1, whatever theirs is. One seed at a higher rate drops the same
    values and more. The network needs a dropout layer.
    """
    layers, logits = _run(network, outputs, rate, 1, np.random.default_rng(seed))
    return TrainingPass(layers, RULES["inverted"].training(rate), logits[0])


def spread(network: Network, outputs: Mapping[str, Tensor], rate: float, count: int, seed: int = 0) -> Spread:
    """The answers of `count` training passes in one batch, against inference (section 4.2).

    The paper calls the test-time network "a reasonable approximation to taking the geometric mean of the predictive
    distributions". With one dropout layer before the last fully connected one it is that mean exactly.
    """
    _, logits = _run(network, outputs, rate, count, np.random.default_rng(seed))
    probabilities = softmax(logits)
    names = layer_names(network.spec.layers)
    return Spread(
        probabilities,
        mean=probabilities.mean(0),
        # The logarithm of a softmax is the logits less a constant: their mean leads to the geometric mean.
        geometric=softmax(logits.mean(0, dtype=np.float64)),
        averaged=softmax(outputs[names[-1]][0].numpy()),
    )


def weighted_sums(network: Network, outputs: Mapping[str, Tensor], rate: float, seed: int) -> WeightedSums:
    """What the first fully connected layer behind a dropout layer adds up, in training and at test, by both rules.

    For the first picture of `outputs` (from `activations`), in double precision, bias left out.
    """
    first, linear = _masked_linear(network.spec)
    names = layer_names(network.spec.layers)
    values = outputs[names[first]][0].flatten().numpy()  # (N,), inference: as they arrive
    weights = network.layers()[linear].state_dict()["weight"].numpy()  # (outputs, N)
    units = np.argsort(-np.abs(weights @ values), kind="stable")[:UNITS]
    terms = weights[units].astype(np.float64) * values  # (units, N)
    random = np.random.default_rng(seed)
    mask = _mask(random, (len(values),), rate)
    shares = random.binomial(MANY, 1 - rate, len(values)) / MANY  # (N,), how often each is kept: MANY masks at once
    return WeightedSums(
        names[linear],
        units,
        {
            name: Sums(
                training=(rule.training(rate) * terms * mask).sum(1),
                mean=(rule.training(rate) * terms * shares).sum(1),
                expected=(rule.training(rate) * terms * (1 - rate)).sum(1),
                test=(rule.test(rate) * terms).sum(1),
            )
            for name, rule in RULES.items()
        },
        paper_share=RULES["paper"].test(rate),
    )


def _masked_linear(spec: Spec) -> tuple[int, int]:
    """Where the first dropout layer stands, and the fully connected layer behind it."""
    kinds = [type(layer) for layer in spec.layers]
    first = kinds.index(Dropout)
    return first, kinds.index(Linear, first)


def _mask(random: np.random.Generator, shape: tuple[int, ...], rate: float) -> NDArray[np.bool_]:
    """True where a value is kept: with probability 1 - rate, each by itself."""
    kept: NDArray[np.bool_] = random.random(shape, np.float32) >= np.float32(rate)
    return kept


def _run(
    network: Network, outputs: Mapping[str, Tensor], rate: float, count: int, random: np.random.Generator
) -> tuple[dict[str, Masked], Floats]:
    """The first row's dropout layers, and the logits, (count, classes), of so many masks in one batch."""
    layers = network.spec.layers
    names = layer_names(layers)
    first = [type(layer) for layer in layers].index(Dropout)
    arriving = outputs[[INPUT, *names][first]][:1]
    values = arriving.expand(count, *arriving.shape[1:])  # (count, N)
    masked: dict[str, Masked] = {}
    with torch.no_grad():
        for name, layer, module in zip(names[first:], layers[first:], network.layers()[first:], strict=True):
            if isinstance(layer, Dropout):
                kept = _mask(random, tuple(values.shape), rate)
                leaving = values * torch.from_numpy(kept) * RULES["inverted"].training(rate)
                masked[name] = Masked(values[0].numpy().copy(), kept[0], leaving[0].numpy().copy())
                values = leaving
            else:
                values = module(values)
    return masked, values.numpy()
