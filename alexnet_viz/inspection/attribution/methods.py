"""The attribution methods: a literal table whose entries say what they compute, where they depart and what they cost.

for method in METHODS.values():
    print(method.title, method.summary, method.departs, method.cost)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from alexnet_viz.inspection.attribution import algorithms as runs
from alexnet_viz.inspection.attribution.baselines import BASELINES
from alexnet_viz.words.i18n import N_


@dataclass(frozen=True)
class Setting:
    """One number or word that a reader may change."""

    name: str
    title: str  # marked for translation
    default: runs.Value
    reason: str  # its unit, and why this default; marked for translation
    low: int = 0  # of a number
    high: int = 0  # this one included
    choices: tuple[str, ...] = ()  # of a word


@dataclass(frozen=True)
class Method:
    """One way of asking which pixels a class's logit comes from. All texts are marked for translation."""

    id: str
    title: str
    summary: str  # what it computes
    departs: str  # where it departs from its paper
    cost: str
    run: Callable[[runs.Request], runs.Steps]
    needs_layer: bool = False
    settings: tuple[Setting, ...] = ()
    sensitivity: bool = False  # how much the logit would change with a pixel; its sign is no evidence for or against


def _baseline_setting(default: str, reason: str) -> Setting:
    return Setting("baseline", N_("Compared with"), default, reason, choices=tuple(BASELINES))


_ENTRIES = (
    Method(
        id="gradcam",
        title="Grad-CAM",
        summary=N_(
            "A layer's maps, each weighted by the mean of the class's gradient over it, added up and enlarged "
            "(Selvaraju et al. 2017)."
        ),
        departs=N_(
            "The paper cuts negative values off (ReLU), then enlarges. Here the map is enlarged with its sign and cut "
            "off when it is drawn. "
            "A convolution's maps are taken before its ReLU; choose the ReLU layer for those after it."
        ),
        cost=N_("One pass forward, and one backward down to the layer."),
        needs_layer=True,
        run=runs.gradcam,
    ),
    Method(
        id="guided_gradcam",
        title="Guided Grad-CAM",
        summary=N_(
            "Guided backpropagation multiplied by Grad-CAM, rectified and enlarged: fine lines, where the class is "
            "(Selvaraju et al. 2017)."
        ),
        departs=N_("The three colours are added up with their signs; the paper shows them in colour."),
        cost=N_("Two passes forward, two backward."),
        needs_layer=True,
        sensitivity=True,
        run=runs.guided_gradcam,
    ),
    Method(
        id="guided_backprop",
        title=N_("Guided backpropagation"),
        summary=N_(
            "The gradient of the class by each pixel, where every ReLU lets positive gradients through only "
            "(Springenberg et al. 2015)."
        ),
        departs=N_(
            "The three colours are added up with their signs. Only ReLUs are changed: tanh and sigmoid keep their "
            "gradient."
        ),
        cost=N_("One pass forward, one backward."),
        sensitivity=True,
        run=runs.guided_backprop,
    ),
    Method(
        id="saliency",
        title=N_("Saliency (gradient)"),
        summary=N_(
            "The gradient of the class by each pixel: how much the logit changes with a small change of the pixel "
            "(Simonyan et al. 2014)."
        ),
        departs=N_("The paper shows the largest magnitude of the three colours. Here they are added up, signs kept."),
        cost=N_("One pass forward, one backward."),
        sensitivity=True,
        run=runs.saliency,
    ),
    Method(
        id="input_x_gradient",
        title=N_("Input x gradient"),
        summary=N_("Each pixel's value times its gradient, added up over the colours (Shrikumar et al. 2016)."),
        departs=N_("Pixels count from the mean colour, which the preprocessing made 0: a grey pixel gets nothing."),
        cost=N_("One pass forward, one backward."),
        run=runs.input_x_gradient,
    ),
    Method(
        id="integrated_gradients",
        title=N_("Integrated gradients"),
        summary=N_(
            "Gradients along the straight way from a baseline to the picture, times the difference. They add up to "
            "the logit's difference, as far as the steps are fine enough (Sundararajan et al. 2017)."
        ),
        departs=N_(
            "The paper takes equal steps and weights. Here steps are shorter near the baseline, and weighted by how "
            "far the logit moved between them. The three colours are added up with their signs."
        ),
        cost=N_("One pass forward and one backward a step."),
        settings=(
            Setting("steps", N_("Steps"), 64, N_("points on the way; more miss less of the difference"), 8, 512),
            _baseline_setting(
                "grey", N_("the mean colour; the paper's black leaves dark parts of the picture without attribution")
            ),
        ),
        run=runs.integrated_gradients,
    ),
    Method(
        id="smoothgrad",
        title="SmoothGrad",
        summary=N_("The mean gradient of many copies of the picture with noise added (Smilkov et al. 2017)."),
        departs=N_("The three colours are added up with their signs; the paper shows magnitudes."),
        cost=N_("One pass forward and one backward a sample."),
        settings=(
            Setting(
                "samples", N_("Samples"), 32, N_("copies with noise; beyond 50 little changes in the paper"), 4, 256
            ),
            Setting(
                "noise",
                N_("Noise"),
                15,
                N_("standard deviation in % of the picture's range; 10 to 20 in the paper"),
                1,
                50,
            ),
            Setting("seed", N_("Seed"), 0, N_("of the noise: the same seed gives the same map"), 0, 9999),
        ),
        sensitivity=True,
        run=runs.smoothgrad,
    ),
    Method(
        id="deeplift",
        title="DeepLIFT",
        summary=N_(
            "The logit's difference from a baseline, handed back layer by layer in proportion to each value's own "
            "difference (Shrikumar et al. 2017)."
        ),
        departs=N_(
            "The rescale rule only, not RevealCancel. There is no rule for LRN, and Captum's for max pooling loses a "
            "little, so the map need not add up to the difference."
        ),
        cost=N_("One pass forward and one backward of two pictures."),
        settings=(_baseline_setting("grey", N_("the mean colour: what the network takes for nothing")),),
        run=runs.deeplift,
    ),
    Method(
        id="occlusion",
        title=N_("Occlusion"),
        summary=N_(
            "How far the logit falls when a window is covered; a pixel gets the mean of the windows over it "
            "(Zeiler and Fergus 2014)."
        ),
        departs=N_("The paper measures the probability, which hardly moves near 1; here it is the logit."),
        cost=N_("Part of a pass forward for each of about 200 windows."),
        settings=(
            Setting(
                "window",
                N_("Window"),
                14,
                N_("side in % of the picture's; smaller ones tell more and cost more"),
                8,
                50,
            ),
            Setting("stride", N_("Stride"), 50, N_("in % of the window; below 100 windows overlap"), 25, 100),
            _baseline_setting("grey", N_("a grey square, as in the paper")),
        ),
        run=runs.occlusion,
    ),
    Method(
        id="layercam",
        title="LayerCAM",
        summary=N_(
            "A layer's maps, each value weighted by its own positive gradient, added up and enlarged: finer than "
            "Grad-CAM in early layers (Jiang et al. 2021)."
        ),
        departs=N_("The paper cuts negative values off (ReLU). Here the map keeps its sign until it is drawn."),
        cost=N_("One pass forward, and one backward down to the layer."),
        needs_layer=True,
        run=runs.layercam,
    ),
)

METHODS: Mapping[str, Method] = {entry.id: entry for entry in _ENTRIES}
