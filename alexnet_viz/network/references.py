"""What is compared of a network, and a table of the networks that branch, and so are no specs.

The numbers were counted by `python -m tools.count` in torchvision's model, never typed from memory, and a test counts
them again. Adding a network is adding one entry whose id is torchvision's name of it: put 0 where a number is missing,
run `python -m tools.count ID`, and copy what it answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from alexnet_viz.network.spec import AdaptivePool, Pool, Shape
from alexnet_viz.words.i18n import N_

RESNET18_FILE = "resnet18-f37072fd.pth"  # its published weights; torch hub puts the sha256's first digits into the name


@dataclass(frozen=True)
class History:
    """How a network was trained, by the paper that says so. Re-creations have none."""

    optimiser: str
    momentum: float
    weight_decay: float
    hardware: str | None
    source: str


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One network of the comparison."""

    id: str
    name: str  # short, marked for translation
    title: str  # long, marked for translation
    year: int
    input: Shape  # (C, H, W)
    history: History | None = None
    depth: int  # weight layers: convolutions and fully connected ones, on the longest path
    params: int
    macs: int  # multiply-accumulates for one image, bias not counted
    conv_params: int
    conv_macs: int
    fc_params: int
    fc_macs: int
    receptive_field: int  # side in input pixels, after the last convolution or pool that slides
    activation: tuple[str, ...]
    normalisation: tuple[str, ...]  # kinds of spec records: "lrn", "batch_norm"
    dropout: float | None = None  # its rate
    pooling: tuple[Pool | AdaptivePool, ...]  # those that change something

    @property
    def overlapping(self) -> bool:
        """Whether neighbouring pooling windows share values, as in the paper's section 3.4."""
        return any(isinstance(pool, Pool) and pool.kernel > pool.stride for pool in self.pooling)


@dataclass(frozen=True, kw_only=True)
class Reference(Compared):
    """A network that branches. From `depth` on everything is counted. Its id is torchvision's name."""

    paper: str
    weight_layers: int  # all of them, also those on shortcuts


_ENTRIES = (
    Reference(
        id="resnet18",
        name=N_("ResNet-18"),
        title=N_("ResNet-18 (2015), with shortcuts"),
        year=2015,
        paper="He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition. arXiv 1512.03385",
        input=(3, 224, 224),
        history=History(
            optimiser="SGD",
            momentum=0.9,
            weight_decay=0.0001,
            hardware=None,
            source="He et al. 2015 (arXiv 1512.03385), section 3.4",
        ),
        depth=18,
        weight_layers=21,
        params=11_689_512,
        macs=1_814_073_344,
        conv_params=11_166_912,
        conv_macs=1_813_561_344,
        fc_params=513_000,
        fc_macs=512_000,
        receptive_field=435,
        activation=("relu",),
        normalisation=("batch_norm",),
        pooling=(Pool(kernel=3, stride=2, padding=1), AdaptivePool(1)),
    ),
)

REFERENCES: Mapping[str, Reference] = {entry.id: entry for entry in _ENTRIES}
