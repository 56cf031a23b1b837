"""How each attribution method is run: with Captum, on a private view of the network, in chunks where it is slow.

    for step in occlusion(request):    # Progress, Progress, ..., Outcome
        ...

`methods.METHODS` is the table of them; `attribute.attribute` makes the request, and the answer of the outcome. In the
formulas x is the picture, x' the baseline, S(x) the logit of the class (the value before the softmax, so that no other
class's change is mixed in), and A_k map k of the chosen layer with Z places.
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
    Saliency,
)
from torch import Tensor, nn

from alexnet_viz.inspection.activations import onwards, output_of
from alexnet_viz.inspection.attribution.baselines import baseline
from alexnet_viz.inspection.attribution.partial import Partial
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

    The first picture that it ever sees is the one in request: its logits are kept, and without a class its top class
    becomes the target, so that asking about the top class costs no pass of its own.
    """

    def __init__(self, network: Network, target: int | None) -> None:
        super().__init__()
        self.network = network
        self.target = -1 if target is None else target  # -1 until the first picture tells
        self.logits = torch.empty(0)  # (classes,) from then on

    def forward(self, batch: Tensor) -> Tensor:
        return self.of(self.network(batch))

    def of(self, logits: Tensor) -> Tensor:
        """(B, classes) -> (B,)."""
        if not self.logits.numel():
            self.logits = logits[0].detach().clone()
        if self.target < 0:
            self.target = int(self.logits.argmax())
        return logits[:, self.target]


@dataclass(frozen=True)
class Request:
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


def gradcam(request: Request) -> Steps:
    """Grad-CAM: sum_k a_k A_k with a_k = 1/Z sum_ij dS / dA_k,ij. Selvaraju et al. 2017, arXiv:1610.02391."""
    # sum over k of a_k A_k, its sign kept: (1, 1, h, w)
    raw = LayerGradCam(request.score, request.module()).attribute(request.picture)
    yield _from_map(request, raw)


def layercam(request: Request) -> Steps:
    """LayerCAM: sum_k max(0, dS / dA_k) * A_k, place by place. Jiang et al. 2021, IEEE Trans. Image Processing 30."""
    with torch.no_grad():
        maps = output_of(request.score.network, request.picture, request.layer)  # A: (1, K, h, w)
    with torch.enable_grad():
        leaf = maps.detach().clone().requires_grad_(True)
        *_, (_, logits) = onwards(request.score.network, leaf, request.layer)
        # dS / dA, from the layer's output on: (1, K, h, w)
        (slopes,) = torch.autograd.grad(request.score.of(logits).sum(), leaf)
    # sum over k of max(0, dS / dA_k) * A_k: (1, 1, h, w)
    yield _from_map(request, (slopes.clamp(min=0) * maps).sum(1, keepdim=True))


def _from_map(request: Request, raw: Tensor) -> Outcome:
    raw = raw.detach()
    return Outcome(enlarged(raw, (request.picture.shape[2], request.picture.shape[3])), raw)


def guided_gradcam(request: Request) -> Steps:
    """Guided backpropagation times max(0, Grad-CAM), enlarged. Selvaraju et al. 2017, arXiv:1610.02391."""
    guided = GuidedGradCam(request.score, request.module())
    # (1, C, H, W) of the one times (1, 1, H, W) of the other
    yield Outcome(guided.attribute(request.input(), interpolate_mode="bilinear"))


def guided_backprop(request: Request) -> Steps:
    """dS / dx, but back through y = ReLU(u) goes max(0, dS / dy) where u > 0, otherwise 0.

    Springenberg et al. 2015, arXiv:1412.6806.
    """
    # dS / dx with the changed ReLUs: (1, C, H, W)
    yield Outcome(GuidedBackprop(request.score).attribute(request.input()))


def saliency(request: Request) -> Steps:
    """dS / dx. Simonyan, Vedaldi and Zisserman 2014, arXiv:1312.6034."""
    # dS / dx, signed: (1, C, H, W)
    yield Outcome(Saliency(request.score).attribute(request.input(), abs=False))


def input_x_gradient(request: Request) -> Steps:
    """x * dS / dx. Shrikumar et al. 2016, arXiv:1605.01713."""
    # x * dS / dx, value by value: (1, C, H, W)
    yield Outcome(InputXGradient(request.score).attribute(request.input()))


def integrated_gradients(request: Request) -> Steps:
    """(x - x') * integral over a from 0 to 1 of dS / dx at x' + a (x - x').

    Sundararajan et al. 2017, arXiv:1703.01365.

    Not Captum's: that goes through all points in one call, which cannot be stopped, and at 64 of them misses up to
    2.4 % of the difference from grey for the sample photographs. These points and weights miss less than 1 % at the
    same cost; the maps themselves are about 1.7 % off a map of 256 points, Captum's 1.6 %.
    """
    _look(request)
    steps, start = request.number("steps"), request.baseline()
    # x - x': (1, C, H, W)
    difference = request.picture - start
    # The points a, from 0 to 1: densest near the baseline, where most units switch.
    places = torch.linspace(0, 1, steps) ** 2
    mean, gradients, logits = torch.zeros_like(difference), torch.zeros_like(difference)[:0], torch.zeros(0)
    for first, last in _chunks(steps):
        # x' + a (x - x'): (B, C, H, W). The last point of the chunk before comes along, as weights are of neighbours.
        points = start + places[first:last].reshape(-1, 1, 1, 1) * difference
        new_logits, new_gradients = _gradients(request.score, points)
        logits = torch.cat([logits[-1:], new_logits])
        gradients = torch.cat([gradients[-1:], new_gradients])
        weights = _weights(places[last - len(logits) : last], logits, (gradients * difference).sum((1, 2, 3)))
        mean += torch.tensordot(weights, gradients, 1)[None]  # the integral so far: (1, C, H, W)
        yield Progress(last, steps)
    # (x - x') times the integral: (1, C, H, W)
    yield Outcome(mean * difference, baseline=start)


def _gradients(score: ClassScore, batch: Tensor) -> tuple[Tensor, Tensor]:
    """The logits (B,) and their gradients by the pictures (B, C, H, W)."""
    with torch.enable_grad():
        pictures = batch.requires_grad_(True)
        logits = score(pictures)
        # Pictures do not see each other, so the gradient of the sum is each one's own dS / dx.
        (gradients,) = torch.autograd.grad(logits.sum(), pictures)
    return logits.detach(), gradients


def _weights(places: Tensor, logits: Tensor, slopes: Tensor) -> Tensor:
    """How much of the way each of these neighbouring points stands for.

    Between two points the slope jumps where units switch. Half the way each would be the trapezoid rule; but how far
    the logit has really moved tells on which side most of the way lies. Within a quarter to three quarters, as there
    are more jumps than one.
    """
    ways = places.diff()
    # The logit moves by way * ((1 - later) * first slope + later * second slope): solved for `later`, the share of the
    # second point.
    later = (logits.diff() / ways - slopes[:-1]) / slopes.diff()
    later = later.nan_to_num(0.5).clamp(0.25, 0.75)
    # The parts that each way gives its two ends, added up: (n points,)
    weights = torch.zeros_like(places)
    weights[:-1] += ways * (1 - later)
    weights[1:] += ways * later
    return weights


def smoothgrad(request: Request) -> Steps:
    """The mean over n of dS / dx at x + N(0, sigma^2). Smilkov et al. 2017, arXiv:1706.03825.

    Captum's NoiseTunnel draws from torch's global generator, which other visitors draw from too: not here.
    """
    _look(request)
    samples, picture = request.number("samples"), request.picture
    # The setting is the paper's noise level: sigma / (largest - smallest value).
    sigma = request.number("noise") / 100 * float(picture.max() - picture.min())
    generator = torch.Generator().manual_seed(request.number("seed"))
    method = Saliency(request.score)
    heat = torch.zeros_like(picture)
    for first, last in _chunks(samples):
        noise = torch.randn(last - first, *picture.shape[1:], generator=generator)
        # x + N(0, sigma^2): (B, C, H, W)
        noisy = (picture + sigma * noise).requires_grad_(True)
        # 1/n sum of dS / dx at x + noise: (B, C, H, W) -> (1, C, H, W)
        heat += method.attribute(noisy, abs=False).sum(0, keepdim=True) / samples
        yield Progress(last, samples)
    yield Outcome(heat)


def deeplift(request: Request) -> Steps:
    """m * (x - x'), where m is passed back like a gradient, but through a nonlinearity goes (y - y') / (u - u').

    The rescale rule of Shrikumar et al. 2017, arXiv:1704.02685.
    """
    start = request.baseline()
    # m * (x - x'): (1, C, H, W)
    yield Outcome(DeepLift(request.score).attribute(request.input(), start).detach(), baseline=start)


def occlusion(request: Request) -> Steps:
    """S(x) - S(x with a window of x' in it); a pixel gets the mean of the windows over it.

    Zeiler and Fergus 2014, arXiv:1311.2901.

    Not Captum's: that runs the whole network for every window. The windows of a row leave all other rows of the
    picture as they are, so what the network makes of those is not worked out again. The map is the same.
    """
    _look(request)
    picture, start = request.picture, request.baseline()
    height, width = picture.shape[2:]
    window = max(1, round(request.number("window") / 100 * min(height, width)))
    stride = max(1, round(request.number("stride") / 100 * window))
    partial = Partial(channels_last(request.score.network), picture)
    heat, windows = torch.zeros(1, 1, height, width), torch.zeros(1, 1, height, width)
    # The last window of a side may reach over the edge and is cut off there.
    tops, lefts = (range(0, side - window + stride, stride) for side in (height, width))
    for number, top in enumerate(tops, start=1):
        band = slice(top, top + window)
        for first, last in _chunks(len(lefts)):
            parts = [slice(left, left + window) for left in lefts[first:last]]
            # One copy of the band for each window of the row, covered there: (B, C, window, W)
            bands = picture[:, :, band].repeat(len(parts), 1, 1, 1)
            for covered, part in zip(bands, parts, strict=True):
                covered[:, :, part] = start[0, :, band, part]
            # S(x) - S(covered): (B,)
            drops = (partial.logits - partial.with_rows(bands, top))[:, request.score.target]
            # Each window gives its drop to the pixels under it.
            for part, drop in zip(parts, drops, strict=True):
                heat[:, :, band, part] += drop
                windows[:, :, band, part] += 1
        yield Progress(number, len(tops))
    yield Outcome(heat / windows)  # every pixel lies in a window


def _look(request: Request) -> None:
    """Show the score the picture itself first, where a method would begin with another one."""
    with torch.no_grad():
        request.score(request.picture)


def _chunks(count: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, CHUNK):
        yield first, min(first + CHUNK, count)
