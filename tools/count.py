"""Count a network that branches, in torchvision's model without its weights: `python -m tools.count resnet18`.

One runs it to add an entry to `alexnet_viz/network/references.py`, and copies what it prints. A test holds every entry
against it. Parameters are those of its modules. MACs are half of what torch's FlopCounterMode sees on the meta device,
where nothing is computed. Depth and receptive field follow the longest path through the graph of modules.
"""

import json
import sys
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.fx import symbolic_trace
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_model

from alexnet_viz.network.references import REFERENCES, Reference
from alexnet_viz.network.spec import AdaptivePool, Pool


@dataclass(frozen=True)
class _Reach:
    """What one value sees: from `left` input pixels before its own place to `right` after, along a side.

    Its own place is its index times `stride`. Both ends are kept because padding moves them, and where two
    branches meet, the value sees what either sees.
    """

    left: int = 0
    right: int = 0
    stride: int = 1
    depth: int = 0  # weight layers passed

    @property
    def size(self) -> int:
        return self.left + self.right + 1

    def slide(self, kernel: int, stride: int, padding: int) -> "_Reach":
        """After a window of this kernel, which starts `padding` values earlier."""
        return replace(
            self,
            left=self.left + padding * self.stride,
            right=self.right + (kernel - 1 - padding) * self.stride,
            stride=self.stride * stride,
        )

    def join(self, other: "_Reach") -> "_Reach":
        return _Reach(
            left=max(self.left, other.left),
            right=max(self.right, other.right),
            stride=max(self.stride, other.stride),
            depth=max(self.depth, other.depth),
        )


def count(name: str) -> Reference:
    """The entry of `REFERENCES` with every countable number counted anew; title, year, paper and input are its own."""
    entry = REFERENCES[name]
    with torch.device("meta"):
        network = get_model(name, weights=None).eval()
    conv_macs, fc_macs, macs = _macs(network, entry.input)
    conv_params, fc_params, weight_layers = _params(network)
    reach, used = follow(network)
    return replace(
        entry,
        depth=reach.depth,
        weight_layers=weight_layers,
        params=sum(weight.numel() for weight in network.parameters()),
        macs=macs,
        conv_params=conv_params,
        conv_macs=conv_macs,
        fc_params=fc_params,
        fc_macs=fc_macs,
        receptive_field=reach.size,
        **{field: tuple(dict.fromkeys(items)) for field, items in used.items()},
    )


def _macs(network: nn.Module, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """MACs for one image in convolutions, in fully connected layers, and in all."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.empty(1, *shape, device="meta"))
    flops: dict[Any, int] = counter.get_flop_counts()["Global"]  # 2 FLOPs are 1 MAC
    convolutions = flops.get(torch.ops.aten.convolution, 0) // 2
    linears = flops.get(torch.ops.aten.addmm, 0) // 2
    return convolutions, linears, counter.get_total_flops() // 2


def _params(network: nn.Module) -> tuple[int, int, int]:
    """Parameters in convolutions, in fully connected layers, and how many such layers there are."""
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    sizes = [sum(weight.numel() for weight in layer.parameters()) for layer in layers]
    convolutions = sum(size for layer, size in zip(layers, sizes, strict=True) if isinstance(layer, nn.Conv2d))
    return convolutions, sum(sizes) - convolutions, len(layers)


def follow(network: nn.Module) -> tuple[_Reach, dict[str, list[Any]]]:
    """How deep the output is and what the last sliding window sees; and what was passed, by field of `Reference`."""
    graph = symbolic_trace(network)
    reaches: dict[Any, _Reach] = {}
    used: dict[str, list[Any]] = {"activation": [], "normalisation": [], "pooling": []}
    for node in graph.graph.nodes:
        reach = _Reach()
        for before in node.all_input_nodes:
            reach = reach.join(reaches[before])
        if node.op == "call_module":
            match graph.get_submodule(node.target):
                case nn.Conv2d(kernel_size=(kernel, _), stride=(stride, _), padding=(int(padding), _), dilation=(1, 1)):
                    reach = replace(reach.slide(kernel, stride, padding), depth=reach.depth + 1)
                case nn.Linear():
                    reach = replace(reach, depth=reach.depth + 1)
                case nn.MaxPool2d(kernel_size=int(kernel), stride=int(stride), padding=int(padding)):
                    reach = reach.slide(kernel, stride, padding)
                    used["pooling"].append(Pool(kernel, stride, padding))
                case nn.AdaptiveAvgPool2d(output_size=(int(size), _)):  # sees everything; nothing slides after it
                    used["pooling"].append(AdaptivePool(size))
                case nn.BatchNorm2d():
                    used["normalisation"].append("batch_norm")
                case nn.ReLU():
                    used["activation"].append("relu")
                case other:
                    raise NotImplementedError(f"{node.target} is a {type(other).__name__}, which cannot be counted yet")
        reaches[node] = reach
    return reach, used


if __name__ == "__main__":
    for name in sys.argv[1:]:
        if name not in REFERENCES:
            sys.exit(f"There is no reference network named {name}. Known: {', '.join(REFERENCES)}.")
        print(json.dumps(asdict(count(name)), ensure_ascii=False))
