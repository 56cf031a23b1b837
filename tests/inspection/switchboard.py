"""Channels switched off another way than the app's: the whole module, with forward hooks on a view of its own."""

import torch

from alexnet_viz.network.build import view
from alexnet_viz.network.spec import layer_names, module_keys


def hooked(network, off):
    mine = view(network)

    def zero(channels):
        def hook(module, *tensors):
            values = tensors[-1] if isinstance(tensors[-1], torch.Tensor) else tensors[-1][0]
            mask = torch.ones_like(values)
            for channel in channels:
                mask[:, channel] = 0
            return values * mask

        return hook

    for name, key in zip(layer_names(network.spec.layers), module_keys(network.spec.layers), strict=True):
        if off.get(name) and key:
            mine.get_submodule(key).register_forward_hook(zero(off[name]))
        elif off.get(name):  # the first Flatten is no module: what arrives at the classifier is its output
            mine.classifier.register_forward_pre_hook(zero(off[name]))
    return mine


def logits_of(network, batch, off):
    with torch.inference_mode():
        return hooked(network, off)(batch)
