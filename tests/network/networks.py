"""Networks that several tests look at: the seed document's classes, and made-up specs with every kind of layer."""

import re
from dataclasses import replace

import torch
from torch import nn

from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.spec import LRN, Activation, AdaptivePool, BatchNorm, Conv, Flatten, Linear, Pool, Spec
from tools.catalogue import ROOT

MADE_UP = {
    "everything, floor": read_spec(
        "4x19x17_conv8k5s2p1g1_relu_lrn3a0.5b0.75k2g2_max3s2p1_conv6k3s1p1g2_bn_tanh_avg2s1p0"
        "_adapt2_drop0.25_flat_flat_bn_fc24-7_sigmoid_bn_drop1_fc7-4"
    ),
    "everything, ceil": read_spec(
        "4x20x18_conv8k5s3p1g1_relu_lrn5a0.0001b0.75k2g4_max3s2p1_conv6k2s2p0g2_bn_tanh_avg2s2p1"
        "_lrn5a0.0001b0.75k2g1_flat_fc24-5_flat_sigmoid_ceil"
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


def narrowed(spec, units=64):
    """The same layers, but fully connected ones of so many units at most: a hundredth of AlexNet's weights."""
    layers, inputs = [], None
    for layer in spec.layers:
        if isinstance(layer, Linear):
            layer = Linear(inputs or layer.inputs, min(layer.outputs, units))
            inputs = layer.outputs
        layers.append(layer)
    return replace(spec, layers=tuple(layers))


def seed_class(name):
    """A class of the seed document, as it stands there: its definition is executed, nothing else of the document."""
    code = re.search(
        rf"^class {name}\(nn\.Module\):\n(?:(?: .*)?\n)*", (ROOT / "docs" / "seed.md").read_text("utf-8"), re.M
    )
    names = {"torch": torch, "nn": nn}
    exec(code[0], names)  # our own document, not a stranger's
    return names[name]
