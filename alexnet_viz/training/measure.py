"""How well a network does on images with known classes: accuracy, loss, confusion matrix, worst mistakes."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from alexnet_viz.network.build import Network

BATCH = 250  # images at once: also on a slow processor no more than a second's work


@torch.no_grad()
def logits_of(
    network: nn.Module,
    images: Tensor,
    normalise: Callable[[Tensor], Tensor],
    *,
    batch: int = BATCH,
    context: Callable[[], AbstractContextManager[object]] = nullcontext,
    before_each: Callable[[], None] = lambda: None,
) -> Tensor:
    """The network's answers to uint8 images (N, C, H, W): float32 (N, classes), on the images' device.

    In evaluation mode; the network's modes are afterwards as they were. `context` is entered around each batch, for
    autocast; `before_each` is called before each, and may end it all by raising.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        answers = []
        for part in images.split(batch):
            before_each()
            with context():
                answers.append(network(normalise(part)).float())
        return torch.cat(answers)
    finally:
        for module, training in modes:
            module.training = training


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of images whose best class is right."""
    return (logits.argmax(1) == labels).double().mean().item()


def loss(logits: Tensor, labels: Tensor) -> float:
    """Mean cross entropy, in nats."""
    return F.cross_entropy(logits, labels).item()


def confusion_matrix(logits: Tensor, labels: Tensor) -> NDArray[np.int64]:
    """How many images of each class (row) were taken for each class (column): (classes, classes)."""
    classes = logits.shape[1]
    pairs = labels * classes + logits.argmax(1)
    return pairs.bincount(minlength=classes**2).view(classes, classes).cpu().numpy()


def worst_mistakes(logits: Tensor, labels: Tensor, count: int) -> Tensor:
    """Indices of up to `count` wrongly answered images, the least sure of the right class first; ties in order."""
    given = logits.double().softmax(1).gather(1, labels[:, None])[:, 0]
    wrong = (logits.argmax(1) != labels).nonzero()[:, 0]
    return wrong[given[wrong].argsort(stable=True)[:count]]


def filters_of(network: Network) -> NDArray[np.float32]:
    """The weights of the first convolution, (filters, C, k, k); empty where there is none."""
    found = next((layer.weight for layer in network.layers() if isinstance(layer, nn.Conv2d)), torch.zeros(0))
    return found.detach().float().contiguous().cpu().numpy()
