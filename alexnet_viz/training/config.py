"""What is asked of a training run: one dataclass, from which the form, the flags and the script are made.

    config = TrainConfig.with_preset("seed", data="cifar10", epochs=5)
    config = TrainConfig.from_dict({"data": "shapes", "learning_rate": 0.02})   # the other fields have defaults
    spec = spec_of(config, classes=10)             # the network it trains
    rate_at(config, step=0, steps_per_epoch=390)   # the learning rate of its first step

A `TrainConfig` that exists is valid: unknown names and values out of range raise `UserError`. No torch.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from dataclasses import Field as DataclassField
from decimal import Decimal
from typing import Any, Literal, Self, get_args

from alexnet_viz.errors import UserError
from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.spec import LRN, Activation, BatchNorm, Conv, Dropout, Layer, Linear, Spec, walk
from alexnet_viz.network.zoo import LISTED, MODELS, preprocess_for
from alexnet_viz.pictures.images import Preprocess
from alexnet_viz.words.i18n import N_, Message

LARGEST_SIDE = 64  # pixels; larger pictures take a processor days


@dataclass(frozen=True)
class NamedDataset:
    """A data set that `TrainConfig.data` calls by a name; everything else there is a path."""

    title: str  # marked for translation where it is no proper name
    pictures: int  # to learn from


DATASETS: Mapping[str, NamedDataset] = {
    "shapes": NamedDataset(N_("Shapes-10, drawn here"), 1_800),
    "cifar10": NamedDataset("CIFAR-10", 50_000),
}
OWN_DROPOUT = -1.0  # of `TrainConfig.dropout`: as the network has it


# What the preset "fast", which is the defaults, changes for a data set.
FOR_DATA: Mapping[str, Mapping[str, Any]] = {
    # A thousand pictures tell the accuracy to about a percent; more of them teach more.
    "cifar10": {"validation": 0.02},
    # Over within a minute on two cores without bf16. So few steps are better used by AdamW, small batches make more of
    # them, and such plain data needs no dropout. Of so few pictures, 270 are needed to tell the accuracy to a percent.
    "shapes": {
        "epochs": 2,
        "batch": 20,
        "optimizer": "adamw",
        "learning_rate": 6e-4,
        "weight_decay": 0.01,
        "warmup": 0.3,
        "label_smoothing": 0.0,
        "dropout": 0.0,
        "shift": 0,
        "validation": 0.15,
    },
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "fast": {},
    # The seed document's training script. It looks at the test images every epoch; we never do.
    "seed": {
        "epochs": 50,
        "batch": 128,
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "nesterov": False,
        "schedule": "step",
        "step_epochs": 30,
        "step_factor": 0.1,
        "warmup": 0.0,
        "init": "torch",
        "label_smoothing": 0.0,
        "flip": True,
        "shift": 0,
        "rotation": 10.0,
        "colour_jitter": 0.0,
        "pca_colour": 0.0,
        "validation": 0.0,
    },
}


@dataclass(frozen=True)
class Field:
    """One setting: what it is called, what it does, and which values it takes."""

    name: str
    title: str  # marked for translation
    help: str  # one sentence, marked for translation
    kind: Literal["text", "choice", "bool", "int", "float"]
    unit: str = ""  # marked for translation
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()  # choices that old runs have and nobody is offered

    @property
    def said(self) -> Message:
        """The title, for a sentence in the reader's language."""
        return Message(self.title)

    def check(self, value: Any) -> None:
        """Raise UserError for a value of the wrong kind or out of range."""
        if self.kind in ("int", "float"):
            whole = type(value) is int
            if not (whole or (self.kind == "float" and type(value) is float)) or not self.low <= value <= self.high:
                raise self.out_of_range(value)
        elif self.kind == "bool" and type(value) is not bool:
            raise UserError("{name} is {value}; it is either true or false.", name=self.said, value=repr(value))
        elif self.kind == "choice" and value not in (*self.choices, *self.retired):
            raise UserError(
                "{name} is {value}; it must be one of: {choices}.",
                name=self.said,
                value=repr(value),
                choices=", ".join(choice or '""' for choice in self.choices),
            )
        elif self.kind == "text" and not (
            type(value) is str and value.isprintable() and self.low <= len(value) <= self.high
        ):
            raise UserError(
                "{name} must be a text of {low} to {high} characters, without line breaks or control characters.",
                name=self.said,
                low=self.low,
                high=self.high,
            )

    def step_from(self, value: float) -> float:
        """How far a button should move a real number: by its last digit, 0.0006 to 0.0007, and by 0.01 at most."""
        _, _, exponent = Decimal(repr(value)).normalize().as_tuple()
        return min(0.01, 10.0 ** int(exponent))

    def out_of_range(self, value: Any) -> UserError:
        text = (
            N_("{name} is {value}; it must be a whole number from {low} to {high}.")
            if self.kind == "int"
            else N_("{name} is {value}; it must be a number from {low} to {high}.")
        )
        return UserError(text, name=self.said, value=repr(value), low=self.low, high=self.high)


def setting(default: Any, title: str, *, help: str, **about: Any) -> Any:
    """A field of `TrainConfig`; what forms, flags and checks have to know of it (see `Field`) is its metadata."""
    return field(default=default, metadata={"title": title, "help": help, **about})


def _field(item: "DataclassField[Any]") -> Field:
    """A setting as `TrainConfig` declares it: its kind and its choices follow from its type."""
    choices = item.metadata.get("choices") or get_args(item.type)
    kind = "choice" if choices else "text" if item.type is str else item.type.__name__  # type: ignore[union-attr]
    return Field(**{"name": item.name, "kind": kind, **item.metadata, "choices": choices})


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The settings of a run. The defaults are the preset "fast"."""

    # fmt: off
    data: str = setting(MISSING, N_("Data"), low=1, high=1000,  # a name in DATASETS, or a path
        help=N_("CIFAR-10, shapes drawn by this app, or a folder or zip with one folder of pictures for each class."))
    model: str = setting("alexnet_cifar", N_("Network"), choices=tuple(LISTED), retired=tuple(MODELS.keys() - LISTED),
        help=N_("The network to train, with as many outputs as the data has classes."))
    net: str = setting("", N_("Edited network"), high=4000,  # as `network.notation` writes it; `model` preprocesses
        help=N_("A network edited on the architecture page, as its link writes it; it takes the place of the "
                "one above."))
    start_from: str = setting("", N_("Start from"), high=200,
        help=N_("A checkpoint of another run, as RUN/FILE, whose weights are the first ones; empty for random "
                "weights."))
    preset: str = setting("fast", N_("Preset"), choices=tuple(PRESETS),  # changes nothing by itself
        help=N_("fast: ours, the most accuracy for the time. seed: the recipe of the document that this app "
                "illustrates."))
    epochs: int = setting(21, N_("Epochs"), low=1, high=1000,
        help=N_("How many times every training image is seen."))
    batch: int = setting(64, N_("Batch"), low=1, high=8192, unit=N_("images"),  # seed and paper: 128, more epochs
        help=N_("Images in one step. Larger ones keep a graphics card busy and make fewer, less noisy steps."))
    optimizer: Literal["sgd", "adamw"] = setting("sgd", N_("Optimiser"),  # ends higher than Adam on AlexNet
        help=N_("How gradients become steps: sgd with momentum as in the paper, or adamw, which scales every "
                "weight apart."))
    learning_rate: float = setting(0.03, N_("Learning rate"), low=1e-6, high=10,  # the seed's 0.01 wants 50 epochs
        help=N_("The length of a step, at the highest point of the schedule. Too high diverges, too low takes "
                "forever."))
    momentum: float = setting(0.9, N_("Momentum"), high=0.999,  # as in the paper's section 5; AdamW's first beta
        help=N_("How much of the last step goes into the next one."))
    weight_decay: float = setting(5e-4, N_("Weight decay"), high=1,  # per step, as in the paper's section 5
        help=N_("How strongly weights are pulled towards zero, against overfitting."))
    nesterov: bool = setting(True, N_("Nesterov momentum"),
        help=N_("Momentum that takes the gradient where the step will end; of sgd only."))
    schedule: Literal["step", "cosine", "linear", "constant"] = setting("linear", N_("Schedule"),  # see `rate_at`
        help=N_("How the learning rate changes: cut every few epochs (step), along half a cosine, in a line to zero "
                "(linear), or not at all."))
    step_epochs: int = setting(30, N_("Epochs between cuts"), low=1, high=1000, unit=N_("epochs"),
        help=N_("After so many epochs the learning rate is cut; of the schedule step only."))
    step_factor: float = setting(0.1, N_("Cut to"), low=0.001, high=1,  # as in the paper
        help=N_("What a cut multiplies the learning rate by; of the schedule step only."))
    warmup: float = setting(1.0, N_("Warm-up"), high=100, unit=N_("epochs"),
        help=N_("Epochs in which the learning rate rises from zero, at most half of all: fresh weights take no "
                "big steps."))
    label_smoothing: float = setting(0.1, N_("Label smoothing"), high=0.5,
        help=N_("Share of each target that is spread over all classes, so that the network is less sure of itself."))
    activation: Literal["", "relu", "tanh", "sigmoid"] = setting("", N_("Activation"),
        help=N_("The non-linearity after each layer; empty for the network's own. The paper's figure 1 compares two."))
    normalisation: Literal["", "lrn", "batch_norm", "none"] = setting("", N_("Normalisation"),
        help=N_("lrn after the first two convolutions as in the paper, batch_norm after every convolution, none, "
                "or empty for the network's own."))
    init: Literal["torch", "he"] = setting("he", N_("First weights"),  # torch: a deep network stands still for epochs
        help=N_("Random weights as PyTorch draws them (torch), or larger ones that keep signals strong through "
                "ReLUs (he)."))
    dropout: float = setting(OWN_DROPOUT, N_("Dropout"), low=OWN_DROPOUT, high=0.9,
        help=N_("The probability that a value is dropped in training, in every dropout layer; -1 for the "
                "network's own."))
    flip: bool = setting(True, N_("Mirror"),  # as in the paper's section 4.1
        help=N_("Half of the images are mirrored left to right, each of them every other epoch."))
    shift: int = setting(4, N_("Shift"), high=32, unit=N_("pixels"),  # the paper's random crops, at 32 pixels
        help=N_("Images move by up to so many pixels in each direction; the border is filled with their reflection."))
    rotation: float = setting(0.0, N_("Rotation"), high=180, unit=N_("degrees"),  # the seed turns by 10
        help=N_("Images are turned by up to so many degrees to either side; the corners become black."))
    colour_jitter: float = setting(0.0, N_("Colour jitter"), high=1,
        help=N_("Brightness, contrast and saturation change by up to this share."))
    pca_colour: float = setting(0.0, N_("PCA colour"), high=1,  # the standard deviation in the paper's section 4.1
        help=N_("The paper's change of colour along the directions in which the data's colours vary; it used 0.1."))
    validation: float = setting(0.05, N_("Validation share"), high=0.5,  # the test images wait for the end
        help=N_("Share of the training images that is never learnt from, to see during the run how well it does."))
    precision: Literal["auto", "fp32", "bf16"] = setting("auto", N_("Precision"),
        help=N_("bf16 halves the bits: a third of the digits. Processors and cards with units for it are faster; "
                "auto finds out."))
    seed: int = setting(0, N_("Seed"), high=2**31 - 1,  # of weights, order, split, augmentation and dropout
        help=N_("The same seed gives the same weights, order and augmentation again."))
    device: Literal["auto", "cpu", "cuda"] = setting("auto", N_("Device"),
        help=N_("What computes: a graphics card (cuda), the processor (cpu), or auto for a card where there is one."))
    snapshot_every: int = setting(5, N_("Snapshot every"), low=1, high=1000, unit=N_("epochs"),  # a few MB each
        help=N_("Epochs between two kept checkpoints, which the runs page can go back to."))
    frozen: bool = setting(False, N_("Frozen convolutions"),
        help=N_("Keeps ImageNet's convolutions as they are and trains the layers after them: enough for a few photos."))
    # fmt: on

    def __post_init__(self) -> None:
        for name, about in FIELDS.items():
            about.check(getattr(self, name))
        if OWN_DROPOUT < self.dropout < 0:
            raise FIELDS["dropout"].out_of_range(self.dropout)
        if self.frozen and (self.net or self.activation or self.normalisation or not MODELS[self.model].frozen):
            raise UserError(
                "Only a network with trained convolutions can keep them frozen, and only as it is. "
                "Choose the model {models} without changes to its layers, or switch `frozen` off.",
                models=", ".join(entry.id for entry in LISTED.values() if entry.frozen),
            )

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """The config with these settings and defaults for the others, from JSON or flags."""
        for name in settings:
            if name not in FIELDS:
                raise UserError(
                    "There is no training setting named {name}. Settings: {known}.", name=name, known=", ".join(FIELDS)
                )
        if "data" not in settings:
            raise UserError("Training needs data: cifar10, shapes, or the path of a folder or zip of class folders.")
        old = {"schedule": "linear"} if settings.get("schedule") == "onecycle" else {}  # its name in older runs
        return cls(**{**settings, **old})

    @classmethod
    def with_preset(cls, name: str, **overrides: Any) -> Self:
        """A preset with some settings changed; "fast" also knows what short work some data sets are."""
        if name not in PRESETS:
            raise UserError("There is no preset named {name}. Presets: {known}.", name=name, known=", ".join(PRESETS))
        for_data = FOR_DATA.get(overrides.get("data", ""), {}) if name == "fast" else {}
        return cls.from_dict({**PRESETS[name], **for_data, **overrides, "preset": name})

    def to_dict(self) -> dict[str, Any]:
        """Every setting by its name, as JSON has it."""
        return asdict(self)


FIELDS: Mapping[str, Field] = {item.name: _field(item) for item in fields(TrainConfig)}

# What people read instead of a choice's id; networks have titles of their own.
CHOICE_TITLES: Mapping[str, str] = {
    "": N_("the network's own"),
    "fast": N_("fast"),
    "seed": N_("seed document"),
    "sgd": "SGD",
    "adamw": "AdamW",
    "step": N_("step"),
    "cosine": N_("cosine"),
    "linear": N_("linear"),
    "constant": N_("constant"),
    "relu": "ReLU",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "lrn": N_("local response normalisation"),
    "batch_norm": N_("batch normalisation"),
    "none": N_("none"),
    "torch": "PyTorch",
    "he": "He",
    "auto": N_("automatic"),
    "fp32": "fp32",
    "bf16": "bf16",
    "cpu": N_("processor"),
    "cuda": N_("graphics card"),
}
DEFAULTS: Mapping[str, Any] = {item.name: item.default for item in fields(TrainConfig) if item.name != "data"}


# ---- What follows from a config -------------------------------------------------------------------------------------


def rate_at(config: TrainConfig, step: int, steps_per_epoch: int) -> float:
    """The learning rate of one step, counted from 0.

    Warm-up multiplies it by (step + 1) / warm-up steps. After it, with p the share of what is left that is done:
    linear goes down as 1 - p, cosine as (1 + cos(pi p)) / 2; step cuts by whole epochs from the start of the run.
    """
    done = step / steps_per_epoch  # epochs
    warmup = min(config.warmup, config.epochs / 2)
    rising = min(1.0, (step + 1) / (warmup * steps_per_epoch)) if warmup else 1.0
    left = min(1.0, max(0.0, done - warmup) / (config.epochs - warmup))
    match config.schedule:
        case "step":
            falling = config.step_factor ** (int(done) // config.step_epochs)
        case "cosine":
            falling = (1 + math.cos(math.pi * left)) / 2
        case "linear":
            falling = 1 - left
        case "constant":
            falling = 1.0
    return config.learning_rate * rising * falling


def spec_of(config: TrainConfig, classes: int) -> Spec:
    """The network that a config trains: its own choices applied, and one output for each class."""
    spec = read_spec(config.net) if config.net else MODELS[config.model].spec
    layers = _normalised(tuple(_adjusted(layer, config) for layer in spec.layers), config.normalisation)
    *before, last = layers
    if not isinstance(last, Linear):
        raise UserError("The network must end in a fully connected layer, which answers with a number for each class.")
    spec = replace(spec, layers=(*before, replace(last, outputs=classes)))
    walked = walk(spec)
    for error in walked.errors:
        raise UserError("This network cannot be trained. {layer}: {reason}", layer=error.layer, reason=error.text)
    if len(walked.rows[-1].shape) != 1:
        raise UserError("The network needs a Flatten before its last layer, so that it answers with one vector.")
    return spec


def can_train(spec: Spec) -> bool:
    """Whether a network can learn from small pictures: a square of at most LARGEST_SIDE pixels, gray or RGB, comes in,
    and a fully connected layer answers."""
    channels, height, width = spec.input
    answers = bool(spec.layers) and isinstance(spec.layers[-1], Linear) and not walk(spec).errors
    return height == width <= LARGEST_SIDE and channels in (1, 3) and answers


def preprocess_of(config: TrainConfig, spec: Spec) -> Preprocess:
    """The side, mean and std of the network's input. A network with one input channel sees gray pictures."""
    preprocess = preprocess_for(MODELS[config.model], spec)
    if preprocess is None:
        raise UserError(
            "The network's input is {shape}; to train on pictures it must be square, with 1 or 3 channels.",
            shape="x".join(map(str, spec.input)),
        )
    return preprocess


def _adjusted(layer: Layer, config: TrainConfig) -> Layer:
    """An activation and a dropout rate as the config wants them."""
    if isinstance(layer, Activation) and config.activation:
        return Activation(config.activation)
    return Dropout(config.dropout) if isinstance(layer, Dropout) and config.dropout >= 0 else layer


def _normalised(layers: tuple[Layer, ...], normalisation: str) -> tuple[Layer, ...]:
    """The layers with only this kind of normalisation; "" leaves them alone."""
    if not normalisation:
        return layers
    has_lrn = normalisation == "lrn" and any(isinstance(layer, LRN) for layer in layers)
    plain = [layer for layer in layers if not isinstance(layer, BatchNorm if has_lrn else BatchNorm | LRN)]
    found: list[Layer] = []
    convolutions = 0
    for layer in plain:
        convolutions += isinstance(layer, Conv)
        # As in the paper's section 3.5: after the ReLU of the first and of the second convolution.
        follows = isinstance(layer, Activation) and bool(found) and isinstance(found[-1], Conv)
        found.append(layer)
        if normalisation == "lrn" and not has_lrn and follows and convolutions <= 2:
            found.append(LRN())
        if normalisation == "batch_norm" and isinstance(layer, Conv):
            found.append(BatchNorm())
    return tuple(found)
