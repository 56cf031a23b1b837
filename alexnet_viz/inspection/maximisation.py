"""Pictures made by optimisation: what a unit wants to see, and what a layer still knows of a photo.

    for step in maximise(model.network, preprocess, "conv5", channel=12):
        show(step.picture, step.number, step.of)      # (H, W, 3) uint8; the last one is the result
    for step in invert(model.network, preprocess, "conv5", batch):
        show(step.picture, step.value)                # how far the layer's output is from the photo's

Both are one loop: Adam on the Fourier coefficients of a picture, with the objective passed in. Maximisation follows
Olah et al. 2017, "Feature Visualization": a decorrelated picture, seen through small random transforms. Inversion
follows Mahendran and Vedaldi 2015, "Understanding Deep Image Representations by Inverting Them".

Wrong names are refused by the call itself; the work is done while the generator is asked for its next step. So a
caller may hold a lock for each step, and may close the generator at any time. No hooks: the layers run one by one on
a view of the network, up to the one in question.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import cos, isfinite, radians, sin
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from numpy.typing import NDArray
from torch import Tensor, nn

from alexnet_viz.errors import UserError
from alexnet_viz.network.build import Network, view
from alexnet_viz.network.fields import Box, check_channel, check_layer, visible_box
from alexnet_viz.network.spec import Activation, Conv, Linear, Row, walk
from alexnet_viz.pictures.images import Preprocess

EVERY = 8  # steps from one picture to the next: a third of a second for conv5 at 224 x 224 pixels
LEAK = 0.1  # what a negative value in a map counts, beside 1 for a positive one

Objective = Literal["channel", "unit"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a picture is made. The defaults are for `maximise`, `INVERSION` is for `invert`."""

    steps: int = 128  # of Adam; later ones sharpen the picture more than they change it
    learning_rate: float = 0.1  # with this decay the contrast is there after some 15 steps
    decay: float = 0.75  # pull of the coefficients towards 0, as AdamW's; the contrast settles at 1 / decay
    jitter: float = 8 / 224  # largest shift each way, as a share of the side that is shown: 8 pixels of 224
    scale: float = 0.05  # sizes from 1 - scale to 1 + scale
    rotation: float = 5.0  # degrees, largest turn each way
    smoothness: float = 0.0  # weight of the mean squared slope, 1 from side to side; `maximise` has transforms instead
    seed: int = 0  # of the first picture and of the transforms


# A photo stands where it stands, so no transforms; and its contrast is the layer's to say, so no decay.
INVERSION = Settings(learning_rate=0.02, decay=0.0, jitter=0.0, scale=0.0, rotation=0.0, smoothness=2e-4)


@dataclass(frozen=True)
class Step:
    """Where the work stands after `number` of its `of` steps."""

    number: int
    of: int
    value: float  # of the objective, for this very picture without any transform
    picture: NDArray[np.uint8]  # (H, W, 3); gray three times for a network that sees gray


Steps = Generator[Step, None, None]


def maximise(
    network: Network,
    preprocess: Preprocess,
    layer_name: str,
    channel: int,
    *,
    objective: Objective = "channel",
    settings: Settings = Settings(),
    every: int = EVERY,
) -> Steps:
    """A picture that makes a unit's value large, better every `every` steps. Its side is the spec's input side.

    "channel" is the mean over the map, with negative values counted a tenth (`LEAK`): a convolution is linear, so the
    plain mean over conv1 depends on the picture's mean colour alone and would show nothing else. "unit" is the value
    in the middle of the map; the picture is then only the part that this unit sees. A fully connected layer has one
    value a unit, before the softmax, and both objectives are that value.

    A ReLU passes no gradient to a silent unit, so those behind the last convolution or fully connected layer are left
    out: for relu5, and for pool5 after it, the value is the pre-activation's. Raises `UserError` for a layer or
    channel that does not exist, and during the work where values leave the range of float32.
    """
    rows = _rows(network, layer_name)
    row = rows[-1]
    check_channel(layer_name, row.shape, channel)
    height, width = network.spec.input[1:]
    layer = nn.Sequential(*_without_last_relus(network, rows))
    summary = _SUMMARIES[objective]
    shown = Box(0, 0, height, width)
    if objective == "unit" and len(row.shape) == 3:
        shown = visible_box(network.spec, layer_name, row.shape[1] // 2, row.shape[2] // 2) or shown
    canvas = _Canvas(
        height,
        width,
        preprocess,
        # Waves longer than the receptive field look flat to a unit: they get no more weight than the field's own.
        longest=min(row.receptive_field or max(height, width), max(height, width)),
        # Coefficients of the whole picture that serve a part of it make that part's contrast higher by the ratio.
        contrast=(shown.height * shown.width / (height * width)) ** 0.5,
    )

    def value(batch: Tensor) -> Tensor:
        values: Tensor = layer(batch)[0, channel]  # (H, W) of a map, () of a unit
        return values if not values.dim() else summary(values)

    return _optimise(_Goal(layer_name, value, uphill=True, shown=shown), canvas, settings, every)


def invert(
    network: Network,
    preprocess: Preprocess,
    layer_name: str,
    batch: Tensor,
    *,
    settings: Settings = INVERSION,
    every: int = EVERY,
) -> Steps:
    """A picture with the same output of a layer as the photo's, (1, C, H, W), preprocessed; nothing else is used of it.

    The value is the squared distance ||f(x) - f(photo)||^2 / ||f(photo)||^2: 1 is as far as no output at all.
    Raises `UserError` for a layer that does not exist or whose output for the photo is zero, and during the work where
    values leave the range of float32. Departs from the paper in the loop (module docstring) and the plain squared
    total variation.
    """
    layer = nn.Sequential(*view(network).layers()[: len(_rows(network, layer_name))])
    target = layer(batch.detach())
    # In double precision, where no float32 squared leaves the range.
    norm = _in_range(float(target.double().norm()), layer_name)
    if norm == 0:
        raise UserError(
            "{layer} is silent for this picture: all its values are 0, so nothing can be rebuilt from them. "
            "Choose an earlier layer or another picture.",
            layer=layer_name,
        )
    height, width = batch.shape[2:]
    canvas = _Canvas(height, width, preprocess, longest=max(height, width), contrast=1.0)

    def distance(batch: Tensor) -> Tensor:
        off: Tensor = layer(batch) - target
        return (off / norm).square().sum()

    goal = _Goal(layer_name, distance, uphill=False, shown=Box(0, 0, height, width))
    return _optimise(goal, canvas, settings, every)


def _rows(network: Network, layer_name: str) -> tuple[Row, ...]:
    """The walked layers from the first to the named one."""
    rows = walk(network.spec).rows
    names = [row.name for row in rows]
    check_layer(layer_name, names)
    return rows[: names.index(layer_name) + 1]


def _without_last_relus(network: Network, rows: tuple[Row, ...]) -> list[nn.Module]:
    """The modules of these layers, less the ReLUs behind the last one that has weights to sum by."""
    last = max((i for i, row in enumerate(rows) if isinstance(row.layer, Conv | Linear)), default=-1)
    return [
        module
        for i, (row, module) in enumerate(zip(rows, view(network).layers(), strict=False))
        if i < last or row.layer != Activation("relu")
    ]


_SUMMARIES: dict[Objective, Callable[[Tensor], Tensor]] = {  # of a map: (H, W) -> ()
    "channel": lambda values: F.leaky_relu(values, LEAK).mean(),
    "unit": lambda values: values[values.shape[0] // 2, values.shape[1] // 2],
}


# Square root of the covariance of red, green and blue in ImageNet's pixels: rows are red, green and blue, columns the
# decorrelated directions (light, red against blue, green against both). Published in Lucid, the code of Olah et al.
# (lucid/optvis/param/color.py); scaled as there, so that the longest column has length 1.
COLOR_ROOT = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


class _Canvas:
    """A picture as decorrelated Fourier coefficients: the 1 / frequency spectrum of photographs and the likeness of
    their red, green and blue are taken out, so that steps of one size suit every coefficient.

    `longest` is the wavelength in pixels from which on the weight of a coefficient grows no more.
    """

    def __init__(self, height: int, width: int, preprocess: Preprocess, *, longest: int, contrast: float) -> None:
        self.height, self.width = height, width
        self.mean: Tensor = torch.tensor(preprocess.mean).reshape(-1, 1, 1)
        self.std: Tensor = torch.tensor(preprocess.std).reshape(-1, 1, 1)
        cycles = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width))  # a pixel
        area = (height * width) ** 0.5  # irfft2 divides by its square
        self.weights = contrast * area / 4 / cycles.clamp(min=1 / longest)  # (H, W // 2 + 1); the 4 is Lucid's
        root = torch.tensor(COLOR_ROOT)
        self.colors = root / root.norm(dim=0).max() if len(self.mean) == 3 else torch.eye(len(self.mean))

    def first(self, generator: torch.Generator) -> Tensor:
        """Coefficients of a picture that is gray but for a little noise, (C, H, W // 2 + 1, real and imaginary)."""
        return 0.01 * torch.randn(len(self.mean), *self.weights.shape, 2, generator=generator)

    def picture(self, coefficients: Tensor) -> Tensor:  # -> (C, H, W), from 0 to 1
        spectrum = torch.view_as_complex(coefficients) * self.weights
        waves = torch.fft.irfft2(spectrum, s=(self.height, self.width))
        picture: Tensor = torch.tensordot(self.colors, waves, dims=1).sigmoid()
        return picture

    def normalised(self, picture: Tensor) -> Tensor:  # -> (1, C, H, W)
        """The network's input, by the arithmetic of `Preprocess.normalised`."""
        return ((picture - self.mean) / self.std)[None]


def _bytes(picture: Tensor, shown: Box) -> NDArray[np.uint8]:
    """(C, H, W) from 0 to 1, as the (h, w, 3) that are shown."""
    part = picture[:, shown.top : shown.bottom, shown.left : shown.right].expand(3, -1, -1)
    array: NDArray[np.uint8] = (part * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    return array


def _roughness(picture: Tensor) -> Tensor:
    """The squared total variation: the mean squared slope, down and across, in brightness from 0 to 1 per side. So a
    picture of more pixels is as rough as the same one of fewer."""
    down = picture.diff(dim=1) * picture.shape[1]
    across = picture.diff(dim=2) * picture.shape[2]
    return down.square().mean() + across.square().mean()


def _shaken(batch: Tensor, settings: Settings, side: int, generator: torch.Generator) -> Tensor:
    """The batch turned, scaled and shifted at random; `side` in pixels is what the jitter is a share of."""
    if not (settings.jitter or settings.scale or settings.rotation):
        return batch
    turn, size, down, across = (2 * torch.rand(4, generator=generator) - 1).tolist()
    reach = settings.jitter * side
    return _moved(batch, radians(settings.rotation) * turn, 1 + settings.scale * size, reach * down, reach * across)


def _moved(batch: Tensor, angle: float, size: float, down: float, across: float) -> Tensor:
    """Each pixel taken from `size` times its place, turned by `angle` about the centre, then shifted, in pixels.

    Places between pixels are interpolated, places outside the picture are mirrored.
    """
    height, width = batch.shape[2:]
    c, s = size * cos(angle), size * sin(angle)
    # grid_sample measures both axes from -1 to 1, so a turn of a picture that is not square has the ratio in it.
    places = torch.tensor([[[c, -s * height / width, 2 * across / width], [s * width / height, c, 2 * down / height]]])
    grid = F.affine_grid(places, list(batch.shape), align_corners=False)
    moved: Tensor = F.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)
    return moved


@dataclass(frozen=True)
class _Goal:
    layer_name: str
    value: Callable[[Tensor], Tensor]  # of a batch of one, normalised
    uphill: bool  # a large value is wanted, not a small one
    shown: Box


class _Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) with AdamW's decay and one second moment for the whole picture.

    A step then keeps the gradient's proportions. A moment for each coefficient would raise the frequencies that hardly
    matter to a unit to the strength of those that do: colour noise in the pictures of conv1.

    Written out because the first use of `torch.optim` loads the compiler, 900 modules in 2 seconds.
    """

    def __init__(self, settings: Settings) -> None:
        self.rate, self.decay = settings.learning_rate, settings.decay
        self.number = 0
        self.first, self.second = torch.zeros(()), torch.zeros(())

    def step(self, coefficients: Tensor, gradient: Tensor) -> Tensor:
        self.number += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient.square().mean()
        first = self.first / (1 - 0.9**self.number)
        second = self.second / (1 - 0.999**self.number)
        return coefficients - self.rate * (first / (second.sqrt() + 1e-12) + self.decay * coefficients)


def _optimise(goal: _Goal, canvas: _Canvas, settings: Settings, every: int) -> Steps:
    """The one loop. Its gradient is taken of coefficients of its own, and no mode of torch is held over a yield."""
    generator = torch.Generator().manual_seed(settings.seed)
    coefficients = canvas.first(generator)
    adam = _Adam(settings)
    for number in range(1, settings.steps + 1):
        gradient = _gradient(goal, canvas, coefficients, settings, generator)
        coefficients = adam.step(coefficients, gradient)
        if number % every == 0 or number == settings.steps:
            picture = canvas.picture(coefficients)
            value = _in_range(float(goal.value(canvas.normalised(picture))), goal.layer_name)
            yield Step(number, settings.steps, value, _bytes(picture, goal.shown))


def _gradient(
    goal: _Goal, canvas: _Canvas, coefficients: Tensor, settings: Settings, generator: torch.Generator
) -> Tensor:
    """Of the loss, by the coefficients, for one random transform."""
    with torch.enable_grad():
        leaf = coefficients.detach().requires_grad_(True)
        picture = canvas.picture(leaf)
        side = max(goal.shown.height, goal.shown.width)
        value = goal.value(_shaken(canvas.normalised(picture), settings, side, generator))
        loss = (-value if goal.uphill else value) + settings.smoothness * _roughness(picture)
        (gradient,) = torch.autograd.grad(loss, leaf)
    _in_range(float(value.detach() + gradient.square().mean()), goal.layer_name)
    return gradient


def _in_range(value: float, layer_name: str) -> float:
    if not isfinite(value):
        raise UserError(
            "The weights of this network drive the values of {layer} out of range: they are infinite or no numbers. "
            "Choose an earlier layer or other weights.",
            layer=layer_name,
        )
    return value
