"""Layer outputs read through hooks that are gone again afterwards.

    with capture(private, ["conv1", "relu5"]) as seen:   # private = view(network): a shared network is never hooked
        private(batch)
    seen["relu5"]                                        # (B, 256, 13, 13), a copy

For maps alone no hook is needed: `by_hand.activations` runs the layers one by one. Hooks are for what runs the whole
network itself, as Captum does.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from alexnet_viz.network.build import Network
from alexnet_viz.network.fields import check_layer
from alexnet_viz.network.spec import layer_names, module_keys


@contextmanager
def capture(model: Network, names: Iterable[str]) -> Iterator[dict[str, Tensor]]:
    """The named layers' outputs by name, detached copies of the latest forward pass inside the block.

    Copied inside the hook, so nothing that runs later can change them. Raises `UserError` for a name that is no module
    (Flatten is none) before anything is hooked.
    """
    keys = dict(zip(layer_names(model.spec.layers), module_keys(model.spec.layers), strict=True))
    modules = [name for name, key in keys.items() if key]
    wanted = list(names)
    for name in wanted:
        check_layer(name, modules)
    seen: dict[str, Tensor] = {}
    handles = [model.get_submodule(keys[name]).register_forward_hook(_copier(seen, name)) for name in wanted]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _copier(seen: dict[str, Tensor], name: str) -> Any:
    def copy(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen[name] = output.detach().clone()

    return copy
