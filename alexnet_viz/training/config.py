"""What is asked of a training run: one dataclass, from which the form, the flags and the script are made.

    config = TrainConfig.with_preset("seed", data="cifar10", epochs=5)
    config = TrainConfig.from_dict({"data": "shapes", "learning_rate": 0.02})   # the other fields have defaults
    spec = spec_of(config, classes=10)             # the network it trains
    rate_at(config, step=0, steps_per_epoch=390)   # the learning rate of its first step

A `TrainConfig` that exists is valid: unknown names and values out of range raise `UserError`. No torch.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any, Literal, Self

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


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The settings of a run. The defaults are the preset "fast"."""

    data: str  # "cifar10", "shapes", or the path of a folder or zip of class folders
    model: str = "alexnet_cifar"  # id in MODELS; with `net`, the one whose preprocessing is used
    net: str = ""  # an edited network in `network.notation`; it goes before `model`
    start_from: str = ""  # RUN/FILE, a checkpoint to take the first weights from; "" for random ones
    preset: str = "fast"  # where these numbers come from; changes nothing by itself
    epochs: int = 21  # passes over the training images
    batch: int = 64  # images a step, over all processes; the seed and the paper take 128, and more epochs
    optimizer: Literal["sgd", "adamw"] = "sgd"  # plain SGD ends higher than Adam on AlexNet
    learning_rate: float = 0.03  # the highest of the schedule, for this batch; the seed's 0.01 wants 50 epochs
    momentum: float = 0.9  # as in the paper's section 5; AdamW's first beta
    weight_decay: float = 5e-4  # per step, as in the paper's section 5
    nesterov: bool = True  # momentum that looks ahead; SGD only
    schedule: Literal["step", "cosine", "onecycle", "constant"] = "onecycle"  # of the learning rate, see `rate_at`
    step_epochs: int = 30  # epochs between two cuts; schedule "step" only
    step_factor: float = 0.1  # what a cut multiplies the rate by, as in the paper; schedule "step" only
    warmup: float = 1.0  # epochs in which the rate rises from 0; at most half of all
    label_smoothing: float = 0.1  # share of the target spread over all classes
    activation: Literal["", "relu", "tanh", "sigmoid"] = ""  # "": the network's own
    normalisation: Literal["", "lrn", "batch_norm", "none"] = ""  # "": the network's own
    init: Literal["torch", "he"] = "he"  # of random weights; PyTorch's own keeps a deep network still for epochs
    dropout: float = OWN_DROPOUT  # probability, in every dropout layer; -1: the network's own
    flip: bool = True  # half of the images mirrored, as in the paper's section 4.1
    shift: int = 4  # pixels, the most that an image moves; the paper's random crops at 32 pixels
    rotation: float = 0.0  # degrees, the most to either side; the seed turns by 10
    colour_jitter: float = 0.0  # 0.2: brightness, contrast and saturation by up to 20 %
    pca_colour: float = 0.0  # standard deviation of the paper's colour shift (section 4.1); there 0.1
    validation: float = 0.05  # share of the training images kept to check on; the test images wait for the end
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # bf16 where the hardware has it
    seed: int = 0  # of weights, order, split, augmentation and dropout
    device: Literal["auto", "cpu", "cuda"] = "auto"  # a graphics card where there is one
    snapshot_every: int = 5  # epochs between two kept checkpoints, which take a few MB each
    frozen: bool = False  # train the fully connected layers only; on ImageNet's convolutions

    def __post_init__(self) -> None:
        for name, field in FIELDS.items():
            field.check(getattr(self, name))
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
        return cls(**settings)

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


# ---- The fields, for forms, flags and checks ------------------------------------------------------------------------


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


_ENTRIES = (
    Field(
        "data",
        N_("Data"),
        N_("CIFAR-10, shapes drawn by this app, or a folder or zip with one folder of pictures for each class."),
        "text",
        low=1,
        high=1000,
    ),
    Field(
        "model",
        N_("Network"),
        N_("The network to train, with as many outputs as the data has classes."),
        "choice",
        choices=tuple(LISTED),
        retired=tuple(model_id for model_id in MODELS if model_id not in LISTED),
    ),
    Field(
        "net",
        N_("Edited network"),
        N_("A network edited on the architecture page, as its link writes it; it takes the place of the one above."),
        "text",
        high=4000,
    ),
    Field(
        "start_from",
        N_("Start from"),
        N_("A checkpoint of another run, as RUN/FILE, whose weights are the first ones; empty for random weights."),
        "text",
        high=200,
    ),
    Field(
        "preset",
        N_("Preset"),
        N_("fast: ours, the most accuracy for the time. seed: the recipe of the document that this app illustrates."),
        "choice",
        choices=tuple(PRESETS),
    ),
    Field(
        "epochs",
        N_("Epochs"),
        N_("How many times every training image is seen."),
        "int",
        low=1,
        high=1000,
    ),
    Field(
        "batch",
        N_("Batch"),
        N_("Images in one step. Larger ones keep a graphics card busy and make fewer, less noisy steps."),
        "int",
        N_("images"),
        low=1,
        high=8192,
    ),
    Field(
        "optimizer",
        N_("Optimiser"),
        N_("How gradients become steps: sgd with momentum as in the paper, or adamw, which scales every weight apart."),
        "choice",
        choices=("sgd", "adamw"),
    ),
    Field(
        "learning_rate",
        N_("Learning rate"),
        N_("The length of a step, at the highest point of the schedule. Too high diverges, too low takes forever."),
        "float",
        low=1e-6,
        high=10,
    ),
    Field(
        "momentum",
        N_("Momentum"),
        N_("How much of the last step goes into the next one."),
        "float",
        low=0,
        high=0.999,
    ),
    Field(
        "weight_decay",
        N_("Weight decay"),
        N_("How strongly weights are pulled towards zero, against overfitting."),
        "float",
        low=0,
        high=1,
    ),
    Field(
        "nesterov",
        N_("Nesterov momentum"),
        N_("Momentum that takes the gradient where the step will end; of sgd only."),
        "bool",
    ),
    Field(
        "schedule",
        N_("Schedule"),
        N_(
            "How the learning rate changes: cut every few epochs (step), along half a cosine, in a line to zero "
            "(onecycle), or not at all."
        ),
        "choice",
        choices=("step", "cosine", "onecycle", "constant"),
    ),
    Field(
        "step_epochs",
        N_("Epochs between cuts"),
        N_("After so many epochs the learning rate is cut; of the schedule step only."),
        "int",
        N_("epochs"),
        low=1,
        high=1000,
    ),
    Field(
        "step_factor",
        N_("Cut to"),
        N_("What a cut multiplies the learning rate by; of the schedule step only."),
        "float",
        low=0.001,
        high=1,
    ),
    Field(
        "warmup",
        N_("Warm-up"),
        N_("Epochs in which the learning rate rises from zero, at most half of all: fresh weights take no big steps."),
        "float",
        N_("epochs"),
        low=0,
        high=100,
    ),
    Field(
        "label_smoothing",
        N_("Label smoothing"),
        N_("Share of each target that is spread over all classes, so that the network is less sure of itself."),
        "float",
        low=0,
        high=0.5,
    ),
    Field(
        "activation",
        N_("Activation"),
        N_("The non-linearity after each layer; empty for the network's own. The paper's figure 1 compares two."),
        "choice",
        choices=("", "relu", "tanh", "sigmoid"),
    ),
    Field(
        "normalisation",
        N_("Normalisation"),
        N_(
            "lrn after the first two convolutions as in the paper, batch_norm after every convolution, none, "
            "or empty for the network's own."
        ),
        "choice",
        choices=("", "lrn", "batch_norm", "none"),
    ),
    Field(
        "init",
        N_("First weights"),
        N_("Random weights as PyTorch draws them (torch), or larger ones that keep signals strong through ReLUs (he)."),
        "choice",
        choices=("torch", "he"),
    ),
    Field(
        "dropout",
        N_("Dropout"),
        N_("The probability that a value is dropped in training, in every dropout layer; -1 for the network's own."),
        "float",
        low=OWN_DROPOUT,
        high=0.9,
    ),
    Field(
        "flip",
        N_("Mirror"),
        N_("Half of the images are mirrored left to right, each of them every other epoch."),
        "bool",
    ),
    Field(
        "shift",
        N_("Shift"),
        N_("Images move by up to so many pixels in each direction; the border is filled with their reflection."),
        "int",
        N_("pixels"),
        low=0,
        high=32,
    ),
    Field(
        "rotation",
        N_("Rotation"),
        N_("Images are turned by up to so many degrees to either side; the corners become black."),
        "float",
        N_("degrees"),
        low=0,
        high=180,
    ),
    Field(
        "colour_jitter",
        N_("Colour jitter"),
        N_("Brightness, contrast and saturation change by up to this share."),
        "float",
        low=0,
        high=1,
    ),
    Field(
        "pca_colour",
        N_("PCA colour"),
        N_("The paper's change of colour along the directions in which the data's colours vary; it used 0.1."),
        "float",
        low=0,
        high=1,
    ),
    Field(
        "validation",
        N_("Validation share"),
        N_("Share of the training images that is never learnt from, to see during the run how well it does."),
        "float",
        low=0,
        high=0.5,
    ),
    Field(
        "precision",
        N_("Precision"),
        N_("bf16 halves the digits and more than doubles the speed where the hardware has it; auto finds out."),
        "choice",
        choices=("auto", "fp32", "bf16"),
    ),
    Field(
        "seed",
        N_("Seed"),
        N_("The same seed gives the same weights, order and augmentation again."),
        "int",
        low=0,
        high=2**31 - 1,
    ),
    Field(
        "device",
        N_("Device"),
        N_("What computes: a graphics card (cuda), the processor (cpu), or auto for a card where there is one."),
        "choice",
        choices=("auto", "cpu", "cuda"),
    ),
    Field(
        "snapshot_every",
        N_("Snapshot every"),
        N_("Epochs between two kept checkpoints, which the runs page can go back to."),
        "int",
        N_("epochs"),
        low=1,
        high=1000,
    ),
    Field(
        "frozen",
        N_("Frozen convolutions"),
        N_("Keeps ImageNet's convolutions as they are and trains the layers after them: enough for a few photos."),
        "bool",
    ),
)

FIELDS: Mapping[str, Field] = {entry.name: entry for entry in _ENTRIES}

# What people read instead of a choice's id; networks have titles of their own.
CHOICE_TITLES: Mapping[str, str] = {
    "": N_("the network's own"),
    "fast": N_("fast"),
    "seed": N_("seed document"),
    "sgd": "SGD",
    "adamw": "AdamW",
    "step": N_("step"),
    "cosine": N_("cosine"),
    "onecycle": N_("one cycle"),
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
    onecycle goes down as 1 - p, cosine as (1 + cos(pi p)) / 2; step cuts by whole epochs from the start of the run.
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
        case "onecycle":
            falling = 1 - left
        case "constant":
            falling = 1.0
    return config.learning_rate * rising * falling


def spec_of(config: TrainConfig, classes: int) -> Spec:
    """The network that a config trains: its own choices applied, and one output for each class."""
    spec = read_spec(config.net) if config.net else MODELS[config.model].spec
    layers = _normalised(_adjusted(spec.layers, config), config.normalisation)
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


def _adjusted(layers: tuple[Layer, ...], config: TrainConfig) -> tuple[Layer, ...]:
    """Every activation and every dropout rate as the config wants them."""

    def adjusted(layer: Layer) -> Layer:
        if isinstance(layer, Activation) and config.activation:
            return Activation(config.activation)
        if isinstance(layer, Dropout) and config.dropout >= 0:
            return Dropout(config.dropout)
        return layer

    return tuple(map(adjusted, layers))


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
