"""Small random networks that several tests run, and what "the model is left as it was" means."""

import zlib
from dataclasses import replace
from math import prod

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from alexnet_viz.inspection.activations import activations
from alexnet_viz.network.build import random_state, with_weights
from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.spec import Activation, BatchNorm, Dropout, Flatten, Linear, Spec, layer_names, walk
from tests.random_layers import MAP_LAYERS, random_layer

EVERY_KIND = read_spec(
    "3x19x17_conv8k5s2p1g1_relu_lrn5a0.5b0.75k2g2_max3s2p0_conv6k3s1p1g2_bn_tanh_avg2s1p1_adapt3"
    "_lrn4a0.5b0.75k2g1_flat_flat_drop0.5_fc54-7_bn_sigmoid_fc7-4"
)
CEIL = replace(EVERY_KIND, rounding="ceil")
NAMES = layer_names(EVERY_KIND.layers)
LAST = NAMES[-1]
EITHER_RULE = pytest.mark.parametrize("spec", [EVERY_KIND, CEIL], ids=["floor", "ceil"])


def filled(spec=EVERY_KIND, seed=0, weight=1.0):
    """Seeded random weights, so many times as large; batch norms whose four vectors are all at work."""
    generator = torch.Generator().manual_seed(seed)
    state = random_state(spec, seed)
    for key, tensor in state.items():
        if key.rsplit(".", 1)[0] + ".running_var" in state and tensor.dim():
            state[key] = torch.rand(tensor.shape, generator=generator) + 0.5
        elif tensor.dim():
            state[key] = weight * tensor
    return with_weights(spec, state)


def picture(spec=EVERY_KIND, seed=1, scale=1.0, batch=1):
    return scale * torch.randn(batch, *spec.input, generator=torch.Generator().manual_seed(seed))


def ready(spec=EVERY_KIND, seed=0, weight=1.0, **how):
    """A network, and what its layers make of a picture."""
    network = filled(spec, seed, weight)
    return network, activations(network, picture(spec, seed + 1, **how))


@st.composite
def specs(draw, *, flat=False):
    """Small networks of everything that takes maps, in both rounding rules; some end in maps unless `flat`."""

    def window():
        return draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(0, 3))

    kinds = st.lists(st.sampled_from(MAP_LAYERS), min_size=1, max_size=5)
    layers = tuple(random_layer(draw, kind, window, 7) for kind in draw(kinds))
    size = draw(st.integers(3, 12)), draw(st.integers(3, 12))
    spec = Spec((4, *size), layers, draw(st.sampled_from(["floor", "ceil"])))
    rows = walk(spec).rows
    shape = rows[-1].shape if rows else spec.input
    tails = [(Flatten(), BatchNorm(), Linear(prod(shape), 5), Activation(), Dropout(1.0), Linear(5, 3))]
    tails += [] if flat else [(Linear(shape[-1], 3), Activation()), (Flatten(), Linear(prod(shape), 3)), ()]
    return replace(spec, layers=(*layers[: len(rows)], *draw(st.sampled_from(tails))))


def condition(network):
    """All that hooking, differentiating and scribbling could leave behind."""
    state = {key: np.ascontiguousarray(tensor.numpy()) for key, tensor in network.state_dict().items()}
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return {
        "modules": [
            (name, m.training, [len(getattr(m, kind)) for kind in hooks]) for name, m in network.named_modules()
        ],
        "attributes": [sorted(vars(module)) for module in network.modules()],
        "parameters": [(name, p.requires_grad, p.grad, p.data_ptr()) for name, p in network.named_parameters()],
        "weights": [(key, zlib.crc32(array)) for key, array in state.items()],
    }
