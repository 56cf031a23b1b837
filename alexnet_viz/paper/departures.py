"""Where the authors' 2012 code and torchvision's `alexnet` depart from the paper, and what needs no network to show.

    for departure in CODE_2012:
        print(departure.title, departure.section, departure.source)
    for row in sizes(224, padding=0, rounding="ceil"):
        print(row.name, row.sum, row.unread, row.added)

The 2012 code is the authors' own release, computerhistory/AlexNet-Source-Code. What needs a running network is
shown by `inspection.techniques.paper`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from alexnet_viz.network.arithmetic import size_sum
from alexnet_viz.network.spec import Conv, Flatten, Pool, Rounding, Spec, walk
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.words.i18n import N_


@dataclass(frozen=True)
class Departure:
    """One claim of the paper, and code that does something else. The sentences are marked for translation."""

    id: str
    title: str
    section: str  # of the paper
    paper: str
    code: str
    effect: str
    source: str = ""  # file and line, thread or paper, where there is one to look up
    switch: str = ""  # id of the experiment that shows it


CODE_2012: tuple[Departure, ...] = (
    Departure(
        id="alpha",
        title=N_("LRN divides alpha by n"),
        section="3.3",
        paper=N_("The sum of the squares is multiplied by alpha = 0.0001."),
        code=N_("It is multiplied by alpha / n = 0.00002. PyTorch, Caffe and ONNX do the same."),
        effect=N_("On values uniform in 0..50 the results differ by 10 % in the median, and by up to 24 %."),
        source="layer.py:1183",
        switch="alpha",
    ),
    Departure(
        id="order",
        title=N_("Order of layer 1"),
        section="3.5",
        paper=N_("Convolution, ReLU, LRN, pooling."),
        code=N_("Convolution, LRN, pooling, ReLU."),
        effect=N_("Negative values, which the ReLU would have made zero, count in the sum of the squares."),
        switch="order",
    ),
    Departure(
        id="spatial",
        title=N_("A second normalisation in layer 2"),
        section="3.3",
        paper=N_("One normalisation, across neighbouring maps."),
        code=N_("A second one follows: spatial, over neighbouring positions."),
        effect=N_("A value is also held down by strong values next to it in its own map."),
    ),
    Departure(
        id="pool5",
        title=N_("conv5 pools before its ReLU"),
        section="3.5",
        paper=N_("Convolution, ReLU, pooling."),
        code=N_("Convolution, pooling, ReLU."),
        effect=N_("None: what is largest stays largest. The ReLU has 36 values a map to do instead of 169."),
        switch="pool5",
    ),
    Departure(
        id="initial",
        title=N_("First weights of conv3, conv4 and conv5"),
        section="5",
        paper=N_("All layers start from N(0, 0.01)."),
        code=N_("These three start from a standard deviation of 0.03."),
        effect=N_("Their weights start three times as large."),
    ),
    Departure(
        id="late",
        title=N_("Late in training"),
        section="5",
        paper=N_("Only the learning rate changes: it is divided by 10 three times."),
        code=N_("conv1 is frozen and the colour noise is switched off late in training."),
        effect=N_("The last part of training leaves the first filters as they are and sees the pictures' own colours."),
    ),
    Departure(
        id="biases",
        title=N_("Weight decay on biases"),
        section="5",
        paper=N_("One update rule, with weight decay 0.0005, is given for all of them."),
        code=N_("Biases do not decay."),
        effect=N_("Nothing pulls biases towards zero. In PyTorch they decay too, unless one makes two groups of them."),
    ),
    Departure(
        id="bias_rate",
        title=N_("Learning rate of the biases"),
        section="5",
        paper=N_("One learning rate for all layers, divided by 10 three times."),
        code=N_("Only the weights' rate is divided; the biases keep 0.02 throughout."),
        effect=N_("After the last cut a bias moves 2000 times as fast as a weight with the same gradient."),
        source="layer-params-145.cfg",
    ),
    Departure(
        id="rounding",
        title=N_("Rounding at convolutions and pooling"),
        section="3.5",
        paper=N_("The input is 224 x 224, the first layer's maps are 55 x 55. (224 - 11) / 4 is 53.25."),
        code=N_("It rounds up: 1 + ceil(213 / 4) = 55."),
        effect=N_("With 224 and PyTorch's rounding down the maps are 54 x 54, and fc6 no longer fits."),
        source="layer.py:1004, layer.py:1164",
        switch="rounding",
    ),
    Departure(
        id="color",
        title=N_("Strength of the colour noise"),
        section="4.1",
        paper=N_("Each principal component is added a_i times its eigenvalue, with a_i from N(0, 0.1)."),
        code=N_("Standard deviations stand where the paper has eigenvalues, and the picture is then divided by 1.1."),
        effect=N_("An eigenvalue is a variance, the square of a standard deviation: the noise is of another strength."),
        source="convdata.py",
    ),
    Departure(
        id="crops",
        title=N_("Number of crops"),
        section="4.1",
        paper=N_("Random crops and mirroring make the training set 2048 times as large: 32 x 32 x 2."),
        code=N_("33 x 33 x 2 = 2178 different crops."),
        effect=N_("From 0 to 256 - 224 = 32 there are 33 places along a side."),
    ),
)

TORCHVISION: tuple[Departure, ...] = (
    Departure(
        id="channels",
        title=N_("Number of maps"),
        section="3.5",
        paper=N_("96, 256, 384, 384, 256 maps."),
        code=N_("64, 192, 384, 256, 256: the network of a later paper, whose footnote has 384 at conv4."),
        effect=N_("61,100,840 parameters instead of 60,965,224."),
        source="arXiv 1404.5997",
        switch="groups",
    ),
    Departure(
        id="padding",
        title=N_("Padding of conv1"),
        section="3.5",
        paper=N_("224 x 224 goes in; no padding is mentioned."),
        code=N_("Padding 2: floor((224 + 4 - 11) / 4) + 1 = 55."),
        effect=N_("The 55 of the paper, with rounding down."),
        switch="rounding",
    ),
    Departure(
        id="group",
        title=N_("Two streams"),
        section="3.2",
        paper=N_("conv2, conv4 and conv5 see only the maps on their own GPU."),
        code=N_("One group: every layer sees all maps."),
        effect=N_("A kernel of conv2 has 64 input maps instead of 48."),
        switch="groups",
    ),
    Departure(
        id="no_lrn",
        title=N_("No LRN"),
        section="3.3",
        paper=N_("LRN in layers 1 and 2; it lowers the error rates by 1.4 (top-1) and 1.2 (top-5) percentage points."),
        code=N_("None."),
        effect=N_("relu1 goes into pool1 as it is."),
        switch="alpha",
    ),
    Departure(
        id="dropout",
        title=N_("Place of dropout"),
        section="4.2",
        paper=N_("On the outputs of the first two fully connected layers."),
        code=N_("Before fc6 and before fc7, so on their inputs."),
        effect=N_("9216 values of pool5 are thinned out instead of the 4096 of fc7."),
        source="pytorch/vision#549",
        switch="dropout",
    ),
    Departure(
        id="in_place",
        title=N_("ReLU in place"),
        section="3.1",
        paper=N_("Nothing: the paper says what is computed, not where it is stored."),
        code=N_("The ReLU overwrites the convolution's output."),
        effect=N_("Same answer. Whoever looks at the convolution afterwards finds no value below zero."),
    ),
    Departure(
        id="mean",
        title=N_("The mean that is subtracted"),
        section="2",
        paper=N_("The training set's mean image, pixel by pixel; nothing is divided."),
        code=N_("A mean for each colour channel, then a division by its standard deviation."),
        effect=N_("What goes in is 57 to 58 times as small, and so is what conv1 makes of it before its bias."),
        switch="mean",
    ),
)

SOURCES: Mapping[str, tuple[str, tuple[Departure, ...]]] = {
    "code": (N_("The 2012 code"), CODE_2012),
    "torchvision": (N_("torchvision's alexnet"), TORCHVISION),
}


# ---- 224 or 227? ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """What a convolution or a pool makes of the side that arrives."""

    name: str
    side: int  # of its output
    sum: str  # how that is worked out
    unread: int  # real pixels on the right and at the bottom that no window reads
    added: int  # places past those edges that the last window reaches


def sizes(side: int, padding: int, rounding: Rounding) -> tuple[Size, ...]:
    """conv1 to pool5 of the paper's network on a square input, with this padding at conv1."""
    found = []
    for row in walk(_maps_of(side, padding, rounding)).rows:
        layer, arriving, made = row.layer, row.input[1], row.shape[1]
        if isinstance(layer, Conv | Pool):
            end = (made - 1) * layer.stride + layer.kernel - layer.padding  # of the last window, in real pixels
            # What it reaches beyond the padding that the layer has anyway. No pool of this network is padded.
            added = max(0, end - arriving - layer.padding)
            found.append(Size(row.name, made, size_sum(row, rounding), max(0, arriving - end), added))
    return tuple(found)


def fc6_inputs(side: int, padding: int, rounding: Rounding) -> int:
    """How many values the maps end in; fc6 has weights for 9216."""
    return prod(walk(_maps_of(side, padding, rounding)).rows[-1].shape)


FC6_INPUTS = 256 * 6 * 6


def _maps_of(side: int, padding: int, rounding: Rounding) -> Spec:
    """The paper's network up to pool5."""
    first, *rest = MODELS["alexnet_2012"].spec.layers[: MODELS["alexnet_2012"].spec.layers.index(Flatten())]
    assert isinstance(first, Conv)
    return Spec((3, side, side), (replace(first, padding=padding), *rest), rounding)


# ---- Groups ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """The parameters of one layer, or of all of them, in three networks."""

    name: str  # "" for the sum
    paper: int
    single: int  # the seed document's class: the paper's layers with one group
    torchvision: int


def group_counts() -> list[Counted]:
    """Layers with weights, then the sum."""
    walked = [walk(MODELS[name].spec) for name in ("alexnet_2012", "alexnet_single", "alexnet_torchvision")]
    each = [{row.name: row.params for row in one.rows if row.params} for one in walked]
    rows = [Counted(name, *(one[name] for one in each)) for name in each[0]]
    return [*rows, Counted("", *(one.params for one in walked))]


def input_ratios() -> tuple[float, ...]:
    """How many times as large the paper's input is as torchvision's, for red, green and blue: 255 x std."""
    paper, torchvision = (MODELS[name].preprocess.std for name in ("alexnet_2012", "alexnet_torchvision"))
    return tuple(theirs / ours for theirs, ours in zip(torchvision, paper, strict=True))


PAPER_ALPHA = 1e-4  # section 3.3


def mean_square(ratios: Sequence[float]) -> float:
    """How many times as large the squares are, the colours taken together."""
    return sum(ratio**2 for ratio in ratios) / len(ratios)


# ---- Weight decay inside the velocity -------------------------------------------------------------------------------

MOMENTUM, DECAY = 0.9, 5e-4  # section 5
RATE, CUT = 0.01, 0.1  # the first learning rate, and what it is multiplied by
STEPS = 120


@dataclass(frozen=True)
class Descent:
    """One weight before the first step and after every one, on its way down (w - 1) ** 2 / 2 from 0."""

    paper: tuple[float, ...]
    torch: tuple[float, ...]

    @property
    def apart(self) -> tuple[float, ...]:
        """How far the two are from each other."""
        return tuple(abs(a - b) for a, b in zip(self.paper, self.torch, strict=True))

    @property
    def widest(self) -> int:
        """The number of steps after which they are farthest from each other."""
        return self.apart.index(max(self.apart))


def descend(cut: int) -> Descent:
    """The paper's rule and that of `torch.optim.SGD`; from step `cut` on the learning rate e is a tenth.

    PyTorch's rule is written out, because the first use of `torch.optim` loads the compiler and takes seconds; a test
    holds it against the optimiser.
    """
    rates = [RATE if step < cut else RATE * CUT for step in range(STEPS)]
    paper, torch = [0.0], [0.0]
    v = b = 0.0
    for e in rates:
        w = paper[-1]
        v = MOMENTUM * v - DECAY * e * w - e * (w - 1)  # v <- 0.9 v - 0.0005 e w - e g: v keeps the speed of the old e
        paper.append(w + v)  # w <- w + v
        w = torch[-1]
        b = MOMENTUM * b + (w - 1 + DECAY * w)  # b <- 0.9 b + 0.0005 w + g
        torch.append(w - e * b)  # w <- w - e b: e is outside, a tenth of the speed at once
    return Descent(tuple(paper), tuple(torch))
