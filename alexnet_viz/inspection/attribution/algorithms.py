"""How each attribution method is run: with Captum, on a private view of the network, in chunks where it is slow.

    for step in occlusion(question):    # Progress, Progress, ..., Outcome
        ...

`attribution_methods.METHODS` is the table of them; `attribution.attribute` asks the question and makes the answer of
it. Everything explains a logit, the value before the softmax, so no other class's change is mixed in.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from captum.attr import (  # type: ignore[import-untyped]
    DeepLift,
    GuidedBackprop,
    GuidedGradCam,
    InputXGradient,
    LayerAttribution,
    LayerGradCam,
    LayerGradientXActivation,
    Saliency,
)
from torch import Tensor, nn

from alexnet_viz.inspection.attribution.baselines import baseline
from alexnet_viz.inspection.attribution.partial import Partial
from alexnet_viz.inspection.capture import capture
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.network.build import Network, channels_last
from alexnet_viz.network.spec import layer_names, module_keys
from alexnet_viz.pictures.images import Preprocess

# Captum says on every call that it hooks ReLUs and takes the hooks off again: here they are a view's own.
warnings.filterwarnings("ignore", message="Setting (backward|forward)", category=UserWarning, module="captum")

CHUNK = 16  # pictures in one pass of a slow method: bounds its memory, and it can be stopped after each

Value = int | str


class ClassScore(nn.Module):
    """One class's logit as a function of the picture: (B, C, H, W) -> (B,).

    The first picture that it ever sees is the one in question: its logits are kept, and without a class its top class
    becomes the target, so that asking about the top class costs no pass of its own.
    """

    def __init__(self, network: Network, target: int | None) -> None:
        super().__init__()
        self.network = network
        self.target = -1 if target is None else target  # -1 until the first picture tells
        self.logits = torch.empty(0)  # (classes,) from then on

    def forward(self, batch: Tensor) -> Tensor:
        logits: Tensor = self.network(batch)
        if not self.logits.numel():
            self.logits = logits[0].detach().clone()
        if self.target < 0:
            self.target = int(self.logits.argmax())
        return logits[:, self.target]


@dataclass(frozen=True)
class Question:
    """What a method is asked. The network in `score` is a view of one's own: it may be hooked."""

    score: ClassScore
    picture: Tensor  # (1, C, H, W), normalised
    layer: str  # human name of a layer with maps; read by CAM methods only
    settings: Mapping[str, Value]  # complete
    preprocess: Preprocess

    def module(self) -> nn.Module:
        layers = self.score.network.spec.layers
        keys = dict(zip(layer_names(layers), module_keys(layers), strict=True))
        return self.score.network.get_submodule(keys[self.layer])

    def input(self) -> Tensor:
        """A copy of the picture to differentiate by."""
        return self.picture.clone().requires_grad_(True)

    def number(self, name: str) -> int:
        return int(self.settings[name])

    def baseline(self) -> Tensor:
        return baseline(str(self.settings["baseline"]), self.picture, self.preprocess)


@dataclass(frozen=True)
class Outcome:
    """What a method found. `heat` is signed; its colour channels have yet to be summed."""

    heat: Tensor  # (1, C, H, W), or (1, 1, H, W) where colours are not told apart
    raw: Tensor | None = None  # (1, 1, h, w), the small map before enlarging
    baseline: Tensor | None = None  # (1, C, H, W), where heat claims to add up to the logit's difference from it


Steps = Iterator[Progress | Outcome]


def enlarged(raw: Tensor, size: tuple[int, int]) -> Tensor:
    """Small maps (B, C, h, w) at the input's size: bilinear with align_corners=False, edges held."""
    large: Tensor = LayerAttribution.interpolate(raw, size, interpolate_mode="bilinear")
    return large


# ---- One function a method -------------------------------------------------------------------------------------------


def gradcam(question: Question) -> Steps:
    raw = LayerGradCam(question.score, question.module()).attribute(question.picture)
    yield _from_map(question, raw)


def layercam(question: Question) -> Steps:
    gradient = LayerGradientXActivation(question.score, question.module(), multiply_by_inputs=False)
    with capture(question.score.network, [question.layer]) as seen:
        slopes = gradient.attribute(question.picture)  # (1, K, h, w)
    raw = (slopes.clamp(min=0) * seen[question.layer]).sum(1, keepdim=True)
    yield _from_map(question, raw)


def _from_map(question: Question, raw: Tensor) -> Outcome:
    raw = raw.detach()
    return Outcome(enlarged(raw, (question.picture.shape[2], question.picture.shape[3])), raw)


def guided_gradcam(question: Question) -> Steps:
    guided = GuidedGradCam(question.score, question.module())
    yield Outcome(guided.attribute(question.input(), interpolate_mode="bilinear"))


def guided_backprop(question: Question) -> Steps:
    yield Outcome(GuidedBackprop(question.score).attribute(question.input()))


def saliency(question: Question) -> Steps:
    yield Outcome(Saliency(question.score).attribute(question.input(), abs=False))


def input_x_gradient(question: Question) -> Steps:
    yield Outcome(InputXGradient(question.score).attribute(question.input()))


def integrated_gradients(question: Question) -> Steps:
    """The gradients at points from the baseline to the picture, each times the way it stands for.

    Not Captum's: that goes through all points in one call, which cannot be stopped, and at 64 of them misses up to
    2.4 % of the difference from grey for the sample photographs. These points and weights miss less than 1 % at the
    same cost; the maps themselves are about 1.7 % off a map of 256 points, Captum's 1.6 %.
    """
    _look(question)
    steps, start = question.number("steps"), question.baseline()
    difference = question.picture - start
    places = torch.linspace(0, 1, steps) ** 2  # densest near the baseline, where most units switch
    mean, gradients, logits = torch.zeros_like(difference), torch.zeros_like(difference)[:0], torch.zeros(0)
    for first, last in _chunks(steps):
        points = start + places[first:last].reshape(-1, 1, 1, 1) * difference
        new_logits, new_gradients = _gradients(question.score, points)
        logits = torch.cat([logits[-1:], new_logits])
        gradients = torch.cat([gradients[-1:], new_gradients])
        weights = _weights(places[last - len(logits) : last], logits, (gradients * difference).sum((1, 2, 3)))
        mean += torch.tensordot(weights, gradients, 1)[None]
        yield Progress(last, steps)
    yield Outcome(mean * difference, baseline=start)


def _gradients(score: ClassScore, batch: Tensor) -> tuple[Tensor, Tensor]:
    """The logits (B,) and their gradients by the pictures (B, C, H, W)."""
    with torch.enable_grad():
        pictures = batch.requires_grad_(True)
        logits = score(pictures)
        (gradients,) = torch.autograd.grad(logits.sum(), pictures)
    return logits.detach(), gradients


def _weights(places: Tensor, logits: Tensor, slopes: Tensor) -> Tensor:
    """How much of the way each of these neighbouring points stands for.

    Between two points the slope jumps where units switch. Half the way each would be the trapezoid rule; but how far
    the logit has really moved tells on which side most of the way lies. Within a quarter to three quarters, as there
    are more jumps than one.
    """
    ways = places.diff()
    later = (logits.diff() / ways - slopes[:-1]) / slopes.diff()  # share of the later point
    later = later.nan_to_num(0.5).clamp(0.25, 0.75)
    weights = torch.zeros_like(places)
    weights[:-1] += ways * (1 - later)
    weights[1:] += ways * later
    return weights


def smoothgrad(question: Question) -> Steps:
    """Captum's NoiseTunnel draws from torch's global generator, which other visitors draw from too: not here."""
    _look(question)
    samples, picture = question.number("samples"), question.picture
    sigma = question.number("noise") / 100 * float(picture.max() - picture.min())
    generator = torch.Generator().manual_seed(question.number("seed"))
    method = Saliency(question.score)
    heat = torch.zeros_like(picture)
    for first, last in _chunks(samples):
        noise = torch.randn(last - first, *picture.shape[1:], generator=generator)
        noisy = (picture + sigma * noise).requires_grad_(True)
        heat += method.attribute(noisy, abs=False).sum(0, keepdim=True) / samples
        yield Progress(last, samples)
    yield Outcome(heat)


def deeplift(question: Question) -> Steps:
    start = question.baseline()
    yield Outcome(DeepLift(question.score).attribute(question.input(), start).detach(), baseline=start)


def occlusion(question: Question) -> Steps:
    """Every window covered in turn, one row of windows at a time.

    Not Captum's: that runs the whole network for every window. The windows of a row leave all other rows of the
    picture as they are, so what the network makes of those is not worked out again. The map is the same.
    """
    _look(question)
    picture, start = question.picture, question.baseline()
    height, width = picture.shape[2:]
    window = max(1, round(question.number("window") / 100 * min(height, width)))
    stride = max(1, round(question.number("stride") / 100 * window))
    partial = Partial(channels_last(question.score.network), picture)
    heat, windows = torch.zeros(1, 1, height, width), torch.zeros(1, 1, height, width)
    # The last window of a side may reach over the edge and is cut off there.
    tops, lefts = (range(0, side - window + stride, stride) for side in (height, width))
    for number, top in enumerate(tops, start=1):
        band = slice(top, top + window)
        for first, last in _chunks(len(lefts)):
            parts = [slice(left, left + window) for left in lefts[first:last]]
            bands = picture[:, :, band].repeat(len(parts), 1, 1, 1)
            for covered, part in zip(bands, parts, strict=True):
                covered[:, :, part] = start[0, :, band, part]
            drops = (partial.logits - partial.with_rows(bands, top))[:, question.score.target]
            for part, drop in zip(parts, drops, strict=True):
                heat[:, :, band, part] += drop
                windows[:, :, band, part] += 1
        yield Progress(number, len(tops))
    yield Outcome(heat / windows)


def _look(question: Question) -> None:
    """Show the score the picture itself first, where a method would begin with another one."""
    with torch.no_grad():
        question.score(question.picture)


def _chunks(count: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, CHUNK):
        yield first, min(first + CHUNK, count)
