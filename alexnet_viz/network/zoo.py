"""The networks of this app: a literal table whose entries carry their own facts.

Adding a network is adding one entry to `MODELS`: its spec, the preprocessing that belongs to it, the classes it
answers with, and the weight files it may find (`sources.py` says where those are looked for).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from alexnet_viz.errors import UserError
from alexnet_viz.network.spec import (
    LRN,
    Activation,
    AdaptivePool,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Pool,
    Spec,
)
from alexnet_viz.pictures.images import Preprocess
from alexnet_viz.words.i18n import N_

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# The seed's values: its std is the mean of per-image stds; the per-pixel one is (0.2470, 0.2435, 0.2616).
CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


@dataclass(frozen=True)
class ModelEntry:
    """One network and everything a caller must not have to choose for it."""

    id: str
    title: str  # marked for translation
    summary: str  # one sentence, marked for translation
    year: int
    spec: Spec
    preprocess: Preprocess
    labels: str  # id of a class list, see labels.py
    shipped: str = ""  # file in assets/weights
    hub: str = ""  # file name in torch hub's cache; what follows its dash is the beginning of its sha256
    url: str = ""  # where that file is published
    also: str = ""  # another file name that people have on disk
    frozen: tuple[str, ...] = ()  # state-dict prefixes that our training never changes
    replaced_by: str = ""  # the id of its successor: no list offers this one, but old links, runs and files name it


def _alexnet_layers(*, groups: int, dropout_first: bool) -> tuple[Layer, ...]:
    """The paper's five convolutions and three fully connected layers (Krizhevsky et al. 2012, section 3.5)."""
    block = (Activation(), LRN(groups=groups), Pool(kernel=3, stride=2))
    hidden = (
        (Dropout(), Linear(9216, 4096), Activation(), Dropout(), Linear(4096, 4096), Activation())
        if dropout_first
        else (Linear(9216, 4096), Activation(), Dropout(), Linear(4096, 4096), Activation(), Dropout())
    )
    return (
        *(Conv(96, kernel=11, stride=4), *block),
        *(Conv(256, kernel=5, padding=2, groups=groups), *block),
        *(Conv(384, kernel=3, padding=1), Activation()),
        *(Conv(384, kernel=3, padding=1, groups=groups), Activation()),
        *(Conv(256, kernel=3, padding=1, groups=groups), Activation(), Pool(kernel=3, stride=2)),
        # The seed's class pools to 6x6 whatever arrives; the paper has no such layer.
        *((AdaptivePool(6),) if dropout_first else ()),
        *(Flatten(), *hidden, Linear(4096, 1000)),
    )


def _one_tower(*head: Layer) -> Spec:
    """torchvision's convolutions, which are those of a paper of 2014 with one tower, and what comes after them."""
    convolutions = (
        *(Conv(64, kernel=11, stride=4, padding=2), Activation(), Pool(kernel=3, stride=2)),
        *(Conv(192, kernel=5, padding=2), Activation(), Pool(kernel=3, stride=2)),
        *(Conv(384, kernel=3, padding=1), Activation()),
        *(Conv(256, kernel=3, padding=1), Activation()),
        *(Conv(256, kernel=3, padding=1), Activation(), Pool(kernel=3, stride=2)),
    )
    return Spec((3, 224, 224), (*convolutions, *head))


_ALEXNET_TORCHVISION = _one_tower(
    *(AdaptivePool(6), Flatten()),
    *(Dropout(), Linear(9216, 4096), Activation()),
    *(Dropout(), Linear(4096, 4096), Activation()),
    Linear(4096, 1000),
)

# The file with fp16 weights may have 24 MB, which leaves room for so many hidden units.
_ALEXNET_200 = _one_tower(Flatten(), Dropout(), Linear(9216, 1000), Activation(), Dropout(), Linear(1000, 200))

_ALEXNET_TRANSFER = _one_tower(Flatten(), Linear(9216, 52), Activation(), Linear(52, 10))


def _alexnet_cifar(*, groups: int) -> Spec:
    """The seed's network for 32x32 pictures; with two groups the paper's split and its normalisation."""
    norm = () if groups == 1 else (LRN(groups=groups),)
    layers: tuple[Layer, ...] = (
        *(Conv(64, kernel=3, padding=1), Activation(), *norm, Pool(kernel=2, stride=2)),
        *(Conv(192, kernel=3, padding=1, groups=groups), Activation(), *norm, Pool(kernel=2, stride=2)),
        *(Conv(384, kernel=3, padding=1), Activation()),
        *(Conv(256, kernel=3, padding=1, groups=groups), Activation()),
        *(Conv(256, kernel=3, padding=1, groups=groups), Activation(), Pool(kernel=2, stride=2)),
        *(Flatten(), Dropout(), Linear(4096, 1024), Activation()),
        *(Dropout(), Linear(1024, 512), Activation(), Linear(512, 10)),
    )
    return Spec((3, 32, 32), layers)


_LENET5 = Spec(
    input=(1, 32, 32),
    layers=(
        *(Conv(6, kernel=5), Activation("tanh"), Pool(kernel=2, stride=2, mode="avg")),
        *(Conv(16, kernel=5), Activation("tanh"), Pool(kernel=2, stride=2, mode="avg")),
        *(Flatten(), Linear(400, 120), Activation("tanh"), Linear(120, 84), Activation("tanh"), Linear(84, 10)),
    ),
)

_ENTRIES = (
    ModelEntry(
        id="alexnet_200",
        title=N_("AlexNet, 200 classes"),
        summary=N_(
            "ImageNet-trained convolutions (torchvision's) with a head that we trained on 200 of ImageNet's classes."
        ),
        year=2014,
        spec=_ALEXNET_200,
        # The whole height, not 224 of 256 pixels: that much less enlarged are the small pictures of its training.
        preprocess=Preprocess(size=224, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        labels="tiny_imagenet",
        shipped="alexnet_200.safetensors",
        frozen=("features.",),
    ),
    ModelEntry(
        id="alexnet_2012",
        title=N_("AlexNet 2012, two streams (the paper)"),
        summary=N_("The network of the paper: two groups, one for each GPU, and normalisation within each group."),
        year=2012,
        spec=Spec((3, 227, 227), _alexnet_layers(groups=2, dropout_first=False)),
        # The paper subtracts the training set's mean and divides by nothing: values stay in 0..255 units.
        preprocess=Preprocess(size=256, crop=227, mean=IMAGENET_MEAN, std=(1 / 255,) * 3),
        labels="imagenet",
    ),
    ModelEntry(
        id="alexnet_single",
        title=N_("AlexNet, single stream (the seed document)"),
        summary=N_("The seed document's class: one group, so 62,378,344 parameters, not the paper's 60,965,224."),
        year=2012,
        spec=Spec((3, 227, 227), _alexnet_layers(groups=1, dropout_first=True)),
        preprocess=Preprocess(size=256, crop=227, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        labels="imagenet",
    ),
    ModelEntry(
        id="alexnet_torchvision",
        title=N_("AlexNet, 1000 classes (torchvision)"),
        summary=N_("The one-tower variant of 2014 that torchvision ships: fewer filters, no LRN."),
        year=2014,
        spec=_ALEXNET_TORCHVISION,
        preprocess=Preprocess(size=256, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        labels="imagenet",
        hub="alexnet-owt-7be5be79.pth",
        url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    ),
    ModelEntry(
        id="alexnet_cifar",
        title=N_("AlexNet for CIFAR-10 (the seed document)"),
        summary=N_("The seed document's small AlexNet for 32x32 pictures."),
        year=2025,
        spec=_alexnet_cifar(groups=1),
        preprocess=Preprocess(size=32, crop=32, mean=CIFAR_MEAN, std=CIFAR_STD),
        labels="cifar10",
        shipped="alexnet_cifar.safetensors",
        also="alexnet_cifar10_best.pth",  # the name in the seed document's script
    ),
    ModelEntry(
        id="alexnet_cifar_2gpu",
        title=N_("AlexNet for CIFAR-10, two streams"),
        summary=N_("The same at 32x32 with the paper's two streams: two groups, and normalisation within each."),
        year=2025,
        spec=_alexnet_cifar(groups=2),
        preprocess=Preprocess(size=32, crop=32, mean=CIFAR_MEAN, std=CIFAR_STD),
        labels="cifar10",
        shipped="alexnet_cifar_2gpu.safetensors",
    ),
    ModelEntry(
        id="lenet5",
        title=N_("LeNet-5 (1998), the common variant"),
        summary=N_("The usual re-creation: full C3, pooling without parameters. The original has 60,000 parameters."),
        year=1998,
        spec=_LENET5,
        preprocess=Preprocess(size=32, crop=32, mean=(0.1307,), std=(0.3081,)),  # MNIST's mean and std
        labels="digits",
    ),
    ModelEntry(
        id="alexnet_transfer",
        title=N_("AlexNet, ten everyday classes"),
        summary=N_("The same convolutions with a small head for CIFAR-10's ten classes, which this app once shipped."),
        year=2014,
        spec=_ALEXNET_TRANSFER,
        preprocess=Preprocess(size=224, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        labels="cifar10",
        frozen=("features.",),
        replaced_by="alexnet_200",
    ),
)

MODELS: Mapping[str, ModelEntry] = {entry.id: entry for entry in _ENTRIES}
LISTED: Mapping[str, ModelEntry] = {entry.id: entry for entry in _ENTRIES if not entry.replaced_by}  # for choices
DEFAULT_MODEL = "alexnet_200"  # comes with the app
BEST_MODEL = "alexnet_torchvision"  # the pages' default once its weights are here


def preprocess_for(entry: ModelEntry, spec: Spec) -> Preprocess | None:
    """The entry's preprocessing for an edited input; None where a photograph has not that many channels."""
    channels, side, width = spec.input
    own = entry.preprocess
    if channels not in (1, 3) or side != width:
        return None
    size = max(side, round(side * own.size / own.crop))
    if channels == len(own.mean):
        return Preprocess(size, side, own.mean, own.std)
    if channels == 1:
        return Preprocess(size, side, (sum(own.mean) / 3,), (sum(own.std) / 3,))
    return Preprocess(size, side, own.mean * 3, own.std * 3)


def model_entry(model_id: str) -> ModelEntry:
    """The entry with this id, or a `UserError` that names the ids there are."""
    if model_id not in MODELS:
        raise UserError("There is no model named {name}. Models: {known}.", name=model_id, known=", ".join(LISTED))
    return MODELS[model_id]
