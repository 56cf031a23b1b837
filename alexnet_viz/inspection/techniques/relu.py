"""Activation functions: their curves, what they do to a signal and its gradient in a deep network, units left at zero.

    respond("sigmoid", 2.5).slope                            # 0.0701: the factor that a gradient is multiplied by
    found = flows("he", layers=20, width=128, seed=0)        # a `Flow` for each activation function
    found["sigmoid"].gradient_left                           # 1e-10: what 20 layers leave of the gradient
    silence(model.network, batch)["relu3"].always            # channels that are zero in every picture of the batch

The random networks are plain: fully connected layers of equal width without biases, in float32 as networks are
trained. Their weights are the same ones for every activation function.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from alexnet_viz.inspection.activations import activations
from alexnet_viz.network.build import Network
from alexnet_viz.network.spec import Activation, layer_names
from alexnet_viz.words.i18n import N_

Values = NDArray[np.float64]

INPUTS = 16  # random inputs that go through a network together
HISTOGRAMS = 5  # layers whose values are counted: the first, the last, and some between
BINS = 41  # of a histogram
BATCHES = 10  # averaged for a curve or an error: one batch alone is noisy
ERROR = 0.25  # the training error that the paper's figure 1 measures the time to

FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
STEEPEST: Mapping[str, float] = {"relu": 1.0, "tanh": 1.0, "sigmoid": 0.25}  # the largest slope; the last two at x = 0


@dataclass(frozen=True)
class Response:
    """What a function makes of one number, and of the gradient that comes back through it."""

    value: float
    slope: float  # the derivative; of ReLU at 0 it is 0, as PyTorch has it
    steepest: float  # the largest slope that the function has anywhere

    def left(self, layers: int) -> float:
        """What so many slopes like this one leave of a gradient, weights left aside."""
        return float(self.slope**layers)

    def left_at_best(self, layers: int) -> float:
        """The same with the largest slope in every layer."""
        return float(self.steepest**layers)


def respond(function: str, x: float) -> Response:
    """A function at one x."""
    value, slope = curve(function, np.array([x]))
    return Response(float(value[0]), float(slope[0]), STEEPEST[function])


def curve(function: str, x: Values) -> tuple[Values, Values]:
    """The function and its derivative at every x."""
    at = torch.from_numpy(x.astype(np.float64)).requires_grad_()  # astype copies: the caller's array stays alone
    value = FUNCTIONS[function](at)
    (slope,) = torch.autograd.grad(value.sum(), at)
    return value.detach().numpy(), slope.numpy()


@dataclass(frozen=True)
class Initialisation:
    """How the weights of a square fully connected layer are drawn."""

    title: str  # marked for translation
    deviation: Callable[[int], float]  # standard deviation of a weight, by the number of inputs
    uniform: bool = False  # between bounds, otherwise a normal distribution


INITIALISATIONS: Mapping[str, Initialisation] = {
    "paper": Initialisation(N_("the paper's: normal, 0.01"), lambda inputs: 0.01),
    # U(-b, b) has the standard deviation b / sqrt(3).
    "torch": Initialisation(
        N_("PyTorch's own: uniform, ±1/√inputs"), lambda inputs: (3 * inputs) ** -0.5, uniform=True
    ),
    # Glorot and Bengio 2010: variance 2 / (inputs + outputs); here the two are equal.
    "xavier": Initialisation(N_("Xavier, layers of one width: normal, √(1/inputs)"), lambda inputs: inputs**-0.5),
    # He et al. 2015: half of the values are cut off by a ReLU, so twice the variance.
    "he": Initialisation(N_("He: normal, √(2/inputs)"), lambda inputs: (2 / inputs) ** 0.5),
}


@dataclass(frozen=True)
class Flow:
    """A random network layer by layer. Arrays are (layers + 1,): the input comes first."""

    mean: Values  # of all values of the layer, over units and inputs
    std: Values  # of the same
    of_input: Values  # the part of it that differs from input to input: a unit's std over inputs, root mean square
    zeros: Values  # share of values that are exactly zero
    dead: Values  # share of units that are zero for every input
    gradient: Values  # std of the gradient of the output by the layer's values
    shown: tuple[int, ...]  # layers with a histogram; 1 is the first one behind the input
    counts: NDArray[np.int64]  # (shown, BINS)
    edges: Values  # (BINS + 1,), the same for all of them

    @property
    def layers(self) -> int:
        return len(self.std) - 1

    @property
    def gradient_left(self) -> float:
        """The gradient at the input over the gradient at the output; 0 where float32 has no number so small."""
        return float(self.gradient[0] / self.gradient[-1])


def flows(initialisation: str, layers: int, width: int, seed: int) -> dict[str, Flow]:
    """Random inputs, N(0, 1), forward through so many layers, and a gradient back; by activation function.

    The gradient is that of a random projection of the output, r . y with r from N(0, 1), so its own std is about 1
    in the last layer.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(INPUTS, width, generator=generator)
    projection = torch.randn(width, generator=generator)
    weights = [_weights(INITIALISATIONS[initialisation], width, generator) for _ in range(layers)]
    return {name: _flow(function, inputs, weights, projection) for name, function in FUNCTIONS.items()}


def _weights(initialisation: Initialisation, width: int, generator: torch.Generator) -> Tensor:
    """(outputs, inputs)"""
    deviation = initialisation.deviation(width)
    drawn = torch.empty(width, width)
    if initialisation.uniform:
        bound = 3**0.5 * deviation
        return drawn.uniform_(-bound, bound, generator=generator)
    return drawn.normal_(0.0, deviation, generator=generator)


def _flow(function: Callable[[Tensor], Tensor], inputs: Tensor, weights: Sequence[Tensor], projection: Tensor) -> Flow:
    outputs = [inputs.clone().requires_grad_()]
    for weight in weights:
        outputs.append(function(outputs[-1] @ weight.T))
    gradients = torch.autograd.grad((outputs[-1] @ projection).sum(), outputs)
    values = torch.stack(outputs).detach().double()  # (layers + 1, INPUTS, width)
    back = torch.stack(gradients).double()
    shown = tuple(dict.fromkeys(int(layer) for layer in np.linspace(1, len(weights), HISTOGRAMS).round()))
    counts, edges = _histograms(values[list(shown)].numpy())
    variance, mean = torch.var_mean(values, 1, correction=0)  # of each unit over the inputs: (layers + 1, width)
    of_input = variance.mean(1)
    return Flow(
        mean=mean.mean(1).numpy(),
        std=(of_input + mean.var(1, correction=0)).sqrt().numpy(),  # within units and between them
        of_input=of_input.sqrt().numpy(),
        zeros=(values == 0).double().mean((1, 2)).numpy(),
        dead=(values == 0).all(1).double().mean(1).numpy(),
        gradient=back.std((1, 2), correction=0).numpy(),
        shown=shown,
        counts=counts,
        edges=edges,
    )


def _histograms(layers: Values) -> tuple[NDArray[np.int64], Values]:
    """Counts of several layers' values over one range, so that they can be held against each other."""
    edges = np.histogram_bin_edges(layers, BINS)
    bounds = (float(edges[0]), float(edges[-1]))
    return np.stack([np.histogram(values, BINS, bounds)[0] for values in layers]), edges


@dataclass(frozen=True)
class Silence:
    """What one ReLU layer left at zero in some pictures."""

    zeros: Values  # (pictures,), share of its values
    silent: NDArray[np.bool_]  # (pictures, channels), zero everywhere in that picture; units are channels too

    @property
    def channels(self) -> int:
        return int(self.silent.shape[1])

    @property
    def always(self) -> int:
        """How many channels are zero everywhere in every picture: dead, as far as these pictures tell."""
        return int(self.silent.all(0).sum())

    @property
    def always_share(self) -> float:
        return self.always / self.channels


def silence(network: Network, batch: Tensor) -> dict[str, Silence]:
    """Every ReLU layer by its name, for a batch, (B, C, H, W). The network has to be in evaluation mode."""
    outputs = activations(network, batch)
    layers = zip(layer_names(network.spec.layers), network.spec.layers, strict=True)
    return {name: _silence(outputs[name]) for name, layer in layers if layer == Activation("relu")}


def _silence(values: Tensor) -> Silence:
    zero = (values == 0).reshape(*values.shape[:2], -1)  # (B, C, H * W)
    return Silence(zero.double().mean((1, 2)).numpy(), zero.all(2).numpy())


def trailing_mean(values: ArrayLike) -> Values:
    """The mean over the last BATCHES values, at each of them; nan until there are so many."""
    series = np.asarray(values, np.float64)
    if len(series) < BATCHES:
        return np.full(len(series), np.nan)
    means = np.convolve(series, np.full(BATCHES, 1 / BATCHES), "valid")
    return np.concatenate([np.full(BATCHES - 1, np.nan), means])


def training_errors(accuracies: ArrayLike) -> Values:
    """The error over the last BATCHES batches after each step, from each batch's accuracy. Shares, 0 to 1."""
    return 1 - trailing_mean(accuracies)


def steps_to(errors: Values, error: float = ERROR) -> int | None:
    """After how many steps `training_errors` first fell to that error; None if it has not yet."""
    there = np.flatnonzero(errors <= error + 1e-9)  # a mean of tenths is not exact
    return int(there[0]) + 1 if len(there) else None


def times_as_many(steps: Mapping[str, int | None], function: str, reference: str = "relu") -> float | None:
    """How many times the reference's steps a function needed; None while one of the two is not there."""
    own, first = steps.get(function), steps.get(reference)
    return own / first if own and first else None
