"""Networks to compare with that branch, and so are no specs: a table of counted numbers.

The numbers were counted by `count.py` in torchvision's model, never typed from memory, and a test counts them again.
Adding a network is adding one entry whose id is torchvision's name of it: put 0 where a number is missing, run
`count(id)`, and copy what it answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from alexnet_viz.errors import UserError
from alexnet_viz.network.spec import AdaptivePool, Pool, Shape
from alexnet_viz.words.i18n import N_

RESNET18_FILE = "resnet18-f37072fd.pth"  # its published weights; torch hub puts the sha256's first digits into the name


@dataclass(frozen=True)
class Reference:
    """A network that branches. What stands after `paper` is counted."""

    id: str  # torchvision's name
    title: str  # marked for translation
    year: int
    paper: str
    input: Shape  # (C, H, W)
    depth: int  # weight layers on the longest path from input to output
    weight_layers: int  # all of them, also those on shortcuts
    params: int
    macs: int  # multiply-accumulates for one image, bias not counted
    conv_params: int
    conv_macs: int
    fc_params: int
    fc_macs: int
    receptive_field: int  # side in input pixels, after the last convolution or pool that slides
    activation: tuple[str, ...]
    normalisation: tuple[str, ...]  # kinds of spec records
    pooling: tuple[Pool | AdaptivePool, ...]


_ENTRIES = (
    Reference(
        id="resnet18",
        title=N_("ResNet-18 (2015), with shortcuts"),
        year=2015,
        paper="He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition. arXiv 1512.03385",
        input=(3, 224, 224),
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


def reference_entry(name: str) -> Reference:
    """The entry with this id, or a `UserError` that names the ids there are."""
    if name not in REFERENCES:
        raise UserError(
            "There is no reference network named {name}. Known: {known}.", name=name, known=", ".join(REFERENCES)
        )
    return REFERENCES[name]
