"""Networks that several tests look at: the seed document's classes, and made-up specs with every kind of layer."""

import re

import torch
from torch import nn

from alexnet_viz.network.spec import (
    LRN,
    Activation,
    AdaptivePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Linear,
    Pool,
    Spec,
)
from tools.catalogue import ROOT

MADE_UP = {
    "everything, floor": Spec(
        (4, 19, 17),
        (
            *(Conv(8, kernel=5, stride=2, padding=1), Activation(), LRN(size=3, alpha=0.5, groups=2), Pool(3, 2, 1)),
            *(Conv(6, kernel=3, padding=1, groups=2), BatchNorm(), Activation("tanh"), Pool(2, 1, mode="avg")),
            *(AdaptivePool(2), Dropout(0.25), Flatten(), Flatten(), BatchNorm(), Linear(24, 7)),
            *(Activation("sigmoid"), BatchNorm(), Dropout(1), Linear(7, 4)),
        ),
    ),
    "everything, ceil": Spec(
        (4, 20, 18),
        (
            *(Conv(8, kernel=5, stride=3, padding=1), Activation(), LRN(groups=4), Pool(3, 2, 1)),
            *(Conv(6, kernel=2, stride=2, groups=2), BatchNorm(), Activation("tanh"), Pool(2, 2, 1, mode="avg")),
            *(LRN(), Flatten(), Linear(24, 5), Flatten(), Activation("sigmoid")),
        ),
        "ceil",
    ),
    "a pool that is more padding than window": Spec((2, 5, 5), (Pool(2, 2, 3), Pool(2, 1, 5, "avg")), "ceil"),
    "no flatten": Spec((3, 8, 8), (Conv(4, 3), Activation(), AdaptivePool(1))),
    "no flatten, linear on rows": Spec((3, 8, 8), (Linear(8, 5), BatchNorm(), Linear(5, 5))),
    "nothing but flatten": Spec((3, 4, 4), (Flatten(),)),
    "nothing": Spec((3, 4, 4), ()),
    "long lines": Spec(
        (7000, 1, 1),
        (
            LRN(alpha=0.30000000000000004, beta=0.30000000000000004, k=10.30000000000000004, groups=1000),
            LRN(alpha=1.2345678901234567e-05, beta=1.2345678901234567e-05, k=1.2345678901234567e-05, groups=7),
        ),
    ),
    "a number that Python does not write": Spec((3, 1, 1), (LRN(k=float("inf")),)),
}


def seed_class(name):
    """A class of the seed document, as it stands there: its definition is executed, nothing else of the document."""
    code = re.search(
        rf"^class {name}\(nn\.Module\):\n(?:(?: .*)?\n)*", (ROOT / "docs" / "seed.md").read_text("utf-8"), re.M
    )
    names = {"torch": torch, "nn": nn}
    exec(code[0], names)  # our own document, not a stranger's
    return names[name]
