"""A spec as an `nn.Module`, and views of a loaded network that share its weights.

network = Network(spec)                       # PyTorch's default initialisation
network.load_state_dict(state, strict=True)   # torchvision's and the seed's keys fit
private = view(network)                       # hook and differentiate this, never the shared one
"""

import torch
from torch import Tensor, nn

from alexnet_viz.network import extra_layers
from alexnet_viz.network.source import module_call
from alexnet_viz.network.spec import LRN, Flatten, Layer, Shape, Spec, module_keys, walk


class Network(nn.Module):
    """A spec, built: `features` (before Flatten), `classifier` (after it). Ends in logits, without softmax.

    Raises what torch raises for a layer that cannot be made, and `ValueError` for groups that do not divide.
    ReLUs are separate modules and never in place: an in-place one falsifies what is captured before it.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.features = nn.Sequential()
        self.classifier = nn.Sequential()
        self._flattens = any(isinstance(layer, Flatten) for layer in spec.layers)
        for key, layer, arriving in zip(module_keys(spec.layers), spec.layers, _arriving(spec), strict=True):
            if key:
                part, index = key.split(".")
                getattr(self, part).add_module(index, _module(layer, arriving, spec))

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, classes)
        x = self.features(x)
        if self._flattens:
            x = torch.flatten(x, 1)  # (B, C, H, W) -> (B, C * H * W)
        return self.classifier(x)  # type: ignore[no-any-return]

    def layers(self) -> list[nn.Module]:
        """One module a record, in the spec's order; run one after the other they are `forward`."""
        return [self.get_submodule(key) if key else nn.Flatten() for key in module_keys(self.spec.layers)]


def _arriving(spec: Spec) -> list[Shape]:
    """The input shape of every layer; after the first error torch has the word, so the last shape is repeated."""
    rows = walk(spec).rows
    shapes = [spec.input, *(row.shape for row in rows)]
    return [shapes[min(i, len(rows))] for i in range(len(spec.layers))]


def _module(layer: Layer, arriving: Shape, spec: Spec) -> nn.Module:
    """The layer for what arrives: maps (C, H, W) or a vector (N,)."""
    if isinstance(layer, LRN) and arriving[0] % layer.groups:
        raise ValueError(f"{arriving[0]} channels cannot be normalised in {layer.groups} groups")
    name, values, settings = module_call(layer, arriving, spec.rounding)
    module: nn.Module = getattr(extra_layers if hasattr(extra_layers, name) else nn, name)(*values, **settings)
    return module


def meta_network(spec: Spec) -> Network:
    """The module without memory for its weights, in evaluation mode: for shapes, keys and views."""
    with torch.device("meta"):
        return Network(spec).eval().requires_grad_(False)


def with_weights(spec: Spec, state: dict[str, Tensor]) -> Network:
    """A network in evaluation mode that uses these tensors themselves (no copy). Keys and shapes must fit."""
    network = meta_network(spec)
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def view(network: Network) -> Network:
    """A module of one's own that shares the network's weights: about a millisecond and 0.1 MB.

    Whatever hooks or differentiates works on a view; hooks on a shared model corrupt other visitors' answers.
    """
    return with_weights(network.spec, network.state_dict())


def channels_last(network: Network) -> Network:
    """The same network with its convolutions' weights laid out anew: a fifth faster for batches on processors."""
    state = network.state_dict()
    laid_out = {
        key: tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
        for key, tensor in state.items()
    }
    return with_weights(network.spec, laid_out)


def random_state(spec: Spec, seed: int = 0) -> dict[str, Tensor]:
    """Seeded random weights, drawn as PyTorch's own layers do by default, without touching its global seed."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for key, tensor in meta_network(spec).state_dict().items():
        state[key] = _drawn(key, tensor.shape, state, generator)
    return state


def _drawn(key: str, shape: torch.Size, state: dict[str, Tensor], generator: torch.Generator) -> Tensor:
    """One tensor: weights and biases uniform in +-1/sqrt(fan in); batch norm starts as the identity."""
    layer, name = key.rsplit(".", 1)
    if name == "num_batches_tracked":
        return torch.tensor(0)
    if name == "weight" and len(shape) > 1:
        bound = shape[1:].numel() ** -0.5  # fan in: C / groups * k * k of (K, C / groups, k, k)
    elif name == "bias" and state[f"{layer}.weight"].dim() > 1:
        bound = state[f"{layer}.weight"].shape[1:].numel() ** -0.5
    else:
        return torch.ones(shape) if name in ("weight", "running_var") else torch.zeros(shape)
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)
