"""A network as a tuple of small records, and `walk()`, which does its arithmetic.

    spec = Spec(input=(3, 227, 227), layers=(Conv(96, kernel=11, stride=4), Activation(), Pool(kernel=3, stride=2)))
    for row in walk(spec).rows:
        print(row.name, row.shape, row.params, row.macs, row.receptive_field, row.stride)

From the same value come the table (here), the diagram, the `nn.Module` and the PyTorch source; they cannot
drift apart. Python integers and the standard library only: no rounding error, no torch.

Two rounding rules decide what happens when a kernel does not fit its input exactly:

    floor   PyTorch: out = floor((n + 2p - k) / s) + 1, the rest of the input is dropped
    ceil    the authors' 2012 code: conv out = 1 + ceil((2p + n - k) / s) (layer.py:1004), pool
            out = 1 + ceil((n + p - k) / s) (layer.py:1164), windows cut off at the right and bottom edge
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from math import gcd, prod
from typing import ClassVar, Literal, get_args

from alexnet_viz.words.i18n import N_, Message

Shape = tuple[int, ...]  # (C, H, W) for maps, (N,) after flatten; the batch axis is left out
Rounding = Literal["floor", "ceil"]

BYTES_PER_VALUE = 4  # fp32


class _Record:
    """A layer's settings. Counts and sizes are positive; whether layers fit together is for `walk()` to say."""

    kind: ClassVar[str]
    stem: ClassVar[str]  # the name that people say, before its number
    MAY_BE_ZERO: ClassVar[frozenset[str]] = frozenset({"padding"})

    def __init_subclass__(cls, kind: str, stem: str = "") -> None:
        cls.kind, cls.stem = kind, stem or kind

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            choices = get_args(item.type)
            if choices and value not in choices:
                raise ValueError(f"{self.kind}: {item.name} is {value!r}; it must be one of {choices}")
            lowest = 0 if item.name in self.MAY_BE_ZERO else 1
            if item.type is int and (type(value) is not int or value < lowest):
                raise ValueError(f"{self.kind}: {item.name} is {value!r}; it must be a whole number from {lowest} on")


@dataclass(frozen=True)
class Conv(_Record, kind="conv"):
    """A 2-D convolution with bias. Its input channels are those that arrive."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1  # 2: each half of the maps sees only its own half, as on the paper's two GPUs


@dataclass(frozen=True)
class Pool(_Record, kind="pool"):
    """Max or average pooling. 3/2 (kernel above stride) overlaps, as in the paper's section 3.4."""

    kernel: int
    stride: int
    padding: int = 0
    mode: Literal["max", "avg"] = "max"


@dataclass(frozen=True)
class AdaptivePool(_Record, kind="adaptive_pool", stem="avgpool"):
    """Average pooling to a fixed height and width, whatever arrives (not in the paper)."""

    size: int


@dataclass(frozen=True)
class LRN(_Record, kind="lrn", stem="norm"):
    """Local response normalisation across channels: b_i = a_i / (k + alpha / size * sum of a_j ** 2) ** beta.

    The sum is over `size` channels around i. The paper does not divide alpha by size; the 2012 code and PyTorch do.
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0
    groups: int = 1  # 2: neighbours are counted within each GPU's own maps


@dataclass(frozen=True)
class BatchNorm(_Record, kind="batch_norm", stem="bn"):
    """Batch normalisation with a learnt scale and shift per channel."""


@dataclass(frozen=True)
class Activation(_Record, kind="activation", stem="act"):
    """A non-linearity, value by value."""

    function: Literal["relu", "tanh", "sigmoid"] = "relu"


@dataclass(frozen=True)
class Dropout(_Record, kind="dropout", stem="drop"):
    """Zeroes values with probability `rate` in training, scales the rest up; the identity otherwise."""

    rate: float = 0.5


@dataclass(frozen=True)
class Flatten(_Record, kind="flatten"):
    """Maps to one vector, (C, H, W) -> (C * H * W,)."""


@dataclass(frozen=True)
class Linear(_Record, kind="linear", stem="fc"):
    """A fully connected layer with bias. `inputs` is stated, so a changed flatten before it shows."""

    inputs: int
    outputs: int


Layer = Conv | Pool | AdaptivePool | LRN | BatchNorm | Activation | Dropout | Flatten | Linear

RECORDS: Mapping[str, type[Layer]] = {record.kind: record for record in Layer.__args__}
KINDS: tuple[str, ...] = tuple(RECORDS)


@dataclass(frozen=True)
class Spec:
    """A network without branches: what goes in, the layers in order, the rounding rule."""

    input: Shape  # (C, H, W)
    layers: tuple[Layer, ...]
    rounding: Rounding = "floor"

    def at_input(self, size: int) -> "Spec":
        """The same layers on a square input of another size."""
        return replace(self, input=(self.input[0], size, size))


@dataclass(frozen=True)
class Row:
    """One layer of a walked network."""

    name: str  # conv1, relu1, pool5, fc6 ...
    alias: str  # what the seed document calls it where that differs: Pool3, FC1; otherwise ""
    layer: Layer
    input: Shape
    shape: Shape  # of the output
    params: int
    macs: int  # multiply-accumulates for one image, bias not counted; 1 MAC = 2 FLOPs
    memory: int  # bytes of the output for one image in fp32
    receptive_field: int | None  # side in input pixels; None once a value sees the whole input
    stride: int | None  # input pixels between neighbouring outputs; None with the receptive field

    @property
    def kind(self) -> str:
        return self.layer.kind


@dataclass(frozen=True)
class Remark:
    """A sentence about one layer: an error, or a note about something legal but surprising."""

    layer: str
    text: Message


@dataclass(frozen=True)
class Walk:
    """The arithmetic of a network. With an error, `rows` end before the layer it names."""

    rows: tuple[Row, ...]
    errors: tuple[Remark, ...]
    notes: tuple[Remark, ...]

    @property
    def params(self) -> int:
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        return sum(row.macs for row in self.rows)


class _ImpossibleError(Exception):
    """A layer cannot take its input; torch would raise here. The sentence may name the layer's settings."""

    def __init__(self, text: str, layer: Layer | None = None, /, **values: object) -> None:
        super().__init__(text)
        self.message = Message(text, **{**vars(layer), **values} if layer else values)


@dataclass
class _Field:
    """The receptive field so far: its side and the distance between neighbours, in input pixels."""

    size: int = 1
    stride: int = 1
    whole: bool = False

    def widen(self, kernel: int, stride: int) -> None:
        self.size += (kernel - 1) * self.stride  # r <- r + (k - 1) * j, j: all strides before it
        self.stride *= stride  # j <- j * s


@dataclass
class _Step:
    """What one layer does to what arrives: filled in by its rule."""

    shape: Shape
    params: int = 0
    macs: int = 0
    notes: list[Message] = field(default_factory=list)


@lru_cache(maxsize=256)  # a page asks for one network's again and again
def walk(spec: Spec) -> Walk:
    """Shape, parameters, MACs, memory and receptive field of every layer, in order.

    Stops at the first layer that torch (or, under the ceil rule, the 2012 parser) would refuse; its
    sentence is in `errors`. `notes` hold what is legal but surprising, such as dropped pixels.
    """
    rows: list[Row] = []
    notes: list[Remark] = []
    shape, reach = spec.input, _Field()
    for layer, name, alias in zip(spec.layers, layer_names(spec.layers), seed_names(spec.layers), strict=True):
        try:
            step = _apply(layer, shape, spec.rounding)
        except _ImpossibleError as problem:
            return Walk(tuple(rows), (Remark(name, problem.message),), tuple(notes))
        if isinstance(layer, Conv | Pool):
            reach.widen(layer.kernel, layer.stride)
        reach.whole |= isinstance(layer, AdaptivePool | Flatten | Linear)
        rows.append(
            Row(
                name=name,
                alias=alias,
                layer=layer,
                input=shape,
                shape=step.shape,
                params=step.params,
                macs=step.macs,
                memory=BYTES_PER_VALUE * prod(step.shape),
                receptive_field=None if reach.whole else reach.size,
                stride=None if reach.whole else reach.stride,
            )
        )
        notes += [Remark(name, note) for note in step.notes]
        shape = step.shape
    return Walk(tuple(rows), (), tuple(notes))


def layer_names(layers: tuple[Layer, ...]) -> list[str]:
    """The name a person says for each layer: weight layers are numbered in order (conv1 ... fc8), the others
    take the number before them (relu1, norm1, pool1). A second one of a kind there is told apart: relu1b."""
    names: list[str] = []
    number = 0
    for layer in layers:
        number += isinstance(layer, Conv | Linear)
        stem: str = layer.function if isinstance(layer, Activation) else layer.stem
        name = stem if isinstance(layer, Flatten) else f"{stem}{number}"
        names.append(name if name not in names else _told_apart(name, names))
    return names


def _told_apart(name: str, taken: list[str]) -> str:
    suffixes = [*"bcdefghijklmnopqrstuvwxyz", *(f"_{i}" for i in range(27, 27 + len(taken)))]
    return next(f"{name}{suffix}" for suffix in suffixes if f"{name}{suffix}" not in taken)


def kernel_layers(spec: Spec) -> tuple[str, ...]:
    """The names of the layers that have kernels: convolutions in order, then fully connected ones."""
    named = list(zip(layer_names(spec.layers), spec.layers, strict=True))
    return tuple(name for kind in (Conv, Linear) for name, layer in named if isinstance(layer, kind))


def seed_names(layers: tuple[Layer, ...]) -> list[str]:
    """The seed document's names where they differ from ours: it counts pools and fully connected layers apart."""
    last_linear = max((i for i, layer in enumerate(layers) if isinstance(layer, Linear)), default=-1)
    pools, linears, aliases = 0, 0, []
    for i, (layer, name) in enumerate(zip(layers, layer_names(layers), strict=True)):
        alias = ""
        if isinstance(layer, Pool):
            pools += 1
            alias = f"Pool{pools}"
        elif isinstance(layer, Linear):
            linears += 1
            alias = "Output" if i == last_linear else f"FC{linears}"
        aliases.append("" if alias.lower() == name else alias)
    return aliases


def module_keys(layers: tuple[Layer, ...]) -> list[str]:
    """Where each layer sits in the built module: `features.i` before Flatten, `classifier.i` after it.

    Every record counts; the first Flatten is no module (its key is ""), as in torchvision's `alexnet` and in
    the seed's two classes, whose checkpoint files therefore load as they are.
    """
    keys: list[str] = []
    part, index = "features", 0
    for layer in layers:
        if isinstance(layer, Flatten) and part == "features":
            keys.append("")
            part, index = "classifier", 0
        else:
            keys.append(f"{part}.{index}")
            index += 1
    return keys


# What each kind does. A rule raises _ImpossibleError exactly where torch does.


def _apply(layer: Layer, shape: Shape, rounding: Rounding) -> _Step:
    match layer:
        case Conv():
            return _conv(layer, shape, rounding)
        case Pool():
            return _pool(layer, shape, rounding)
        case AdaptivePool():
            return _adaptive_pool(layer, shape)
        case LRN():
            return _lrn(layer, shape)
        case BatchNorm():
            return _Step(shape, params=2 * shape[0])  # gamma and beta for each channel
        case Dropout():
            return _dropout(layer, shape)
        case Flatten():
            return _Step((prod(shape),))  # (C, H, W) -> (C * H * W,)
        case Linear():
            return _linear(layer, shape)
        case Activation():
            return _Step(shape)


def _conv(layer: Conv, shape: Shape, rounding: Rounding) -> _Step:
    channels, height, width = _maps(shape)
    legal = _group_counts(layer.groups, channels, layer.channels)
    if legal and channels % layer.groups:
        raise _ImpossibleError(
            "{channels} input channels cannot be split into {groups} groups. Group counts that work: {legal}.",
            layer,
            channels=channels,
            legal=legal,
        )
    if legal:
        raise _ImpossibleError(
            "{channels} filters cannot be split into {groups} groups. Group counts that work: {legal}.",
            layer,
            legal=legal,
        )
    smallest = min(height, width) + 2 * layer.padding
    if layer.kernel > smallest:
        raise _ImpossibleError(
            "The {kernel}x{kernel} kernel is larger than its {height}x{width} input with padding {padding}. "
            "Use a kernel of at most {smallest}, or a padding of at least {padding_needed}.",
            layer,
            height=height,
            width=width,
            smallest=smallest,
            padding_needed=-((min(height, width) - layer.kernel) // 2),
        )
    out = tuple(_windows(n + 2 * layer.padding - layer.kernel, layer.stride, rounding) for n in (height, width))
    weights = layer.channels * (channels // layer.groups) * layer.kernel**2  # K filters of C/g x k x k
    return _Step(
        shape=(layer.channels, *out),  # (K, H', W')
        params=weights + layer.channels,  # a bias for each filter
        macs=weights * prod(out),  # each weight is used once at each of H' x W' places
        notes=_does_not_divide(layer, (height, width), 2 * layer.padding, rounding),
    )


def _pool(layer: Pool, shape: Shape, rounding: Rounding) -> _Step:
    channels, height, width = _maps(shape)
    if rounding == "ceil":
        total_padding = layer.padding  # on the left and top only: `start = -p` in the 2012 code
        smallest = min(height, width)  # a window must begin and end on pixels
        too_large = N_(
            "The {kernel}x{kernel} window is larger than its {height}x{width} input. Use at most {smallest}."
        )
        if layer.kernel <= smallest and layer.stride > layer.kernel:
            raise _ImpossibleError(
                "Stride {stride} jumps over pixels: the 2012 code wants a stride of at most the window, {kernel}.",
                layer,
            )
    else:
        total_padding = 2 * layer.padding
        smallest = min(height, width) + total_padding
        too_large = N_(
            "The {kernel}x{kernel} window is larger than its {height}x{width} input with padding {padding}. "
            "Use at most {smallest}."
        )
        if total_padding > layer.kernel:
            raise _ImpossibleError(
                "Padding {padding} is more than half of the {kernel}x{kernel} window. Use at most {most}.",
                layer,
                most=layer.kernel // 2,
            )
    if layer.kernel > smallest:
        raise _ImpossibleError(too_large, layer, height=height, width=width, smallest=smallest)
    out = tuple(_windows(n + total_padding - layer.kernel, layer.stride, rounding) for n in (height, width))
    return _Step((channels, *out), notes=_does_not_divide(layer, (height, width), total_padding, rounding))


def _adaptive_pool(layer: AdaptivePool, shape: Shape) -> _Step:
    channels, height, width = _maps(shape)
    note = Message(
        "Adaptive pooling turns {height}x{width} into {size}x{size}, whatever arrives: "
        "it hides a size that does not fit the next layer.",
        height=height,
        width=width,
        size=layer.size,
    )
    changed = (height, width) != (layer.size, layer.size)
    return _Step((channels, layer.size, layer.size), notes=[note] * changed)


def _lrn(layer: LRN, shape: Shape) -> _Step:
    channels = _maps(shape)[0]
    if legal := _group_counts(layer.groups, channels):
        raise _ImpossibleError(
            "{channels} channels cannot be normalised in {groups} groups. Group counts that work: {legal}.",
            layer,
            channels=channels,
            legal=legal,
        )
    return _Step(shape)


def _dropout(layer: Dropout, shape: Shape) -> _Step:
    if not 0 <= layer.rate <= 1:
        raise _ImpossibleError("A dropout rate is a probability between 0 and 1; {rate} is not.", layer)
    return _Step(shape)


def _linear(layer: Linear, shape: Shape) -> _Step:
    if shape[-1] != layer.inputs:
        if len(shape) > 1:
            raise _ImpossibleError(
                "A fully connected layer needs a Flatten before it: {shape} arrives, one vector is expected.",
                shape="x".join(map(str, shape)),
            )
        raise _ImpossibleError(
            "It expects {expected:,} inputs, but {actual:,} arrive. Set its inputs to {actual:,}, "
            "or change an earlier layer back.",
            expected=layer.inputs,
            actual=shape[-1],
        )
    note = Message("Without a Flatten before it, it is applied to each row of each map.")
    return _Step(
        shape=(*shape[:-1], layer.outputs),
        params=layer.inputs * layer.outputs + layer.outputs,  # a matrix and a bias for each output
        macs=prod(shape[:-1]) * layer.inputs * layer.outputs,
        notes=[note] * (len(shape) > 1),
    )


def _maps(shape: Shape) -> Shape:
    if len(shape) != 3:
        raise _ImpossibleError("It needs maps (channels x height x width), but after Flatten there is one vector.")
    return shape


def _windows(room: int, stride: int, rounding: Rounding) -> int:
    """How many windows fit, room / s + 1 rounded: `room` is n + 2p - k, the padded input minus the kernel."""
    return 1 + (-(-room // stride) if rounding == "ceil" else room // stride)


def _does_not_divide(layer: Conv | Pool, sides: tuple[int, int], padding: int, rounding: Rounding) -> list[Message]:
    """The note about 224 and 227: what rounding does to a side (or to two unequal ones) that does not divide."""
    return [
        _rounding_note(layer, side, padding, rounding)
        for side in dict.fromkeys(sides)
        if (side + padding - layer.kernel) % layer.stride
    ]


def _rounding_note(layer: Conv | Pool, size: int, padding: int, rounding: Rounding) -> Message:
    room = size + padding - layer.kernel
    rest = room % layer.stride
    values = {
        **vars(layer),
        "padded": size + padding,
        "floor": _windows(room, layer.stride, "floor"),
        "ceil": _windows(room, layer.stride, "ceil"),
        "rest": rest,
        "divide": ", ".join(str(n) for n in (size - rest, size - rest + layer.stride) if n > 0),
    }
    if rounding == "ceil":
        text = N_(
            "({padded} - {kernel}) / {stride} is not whole: ceil gives {ceil}, its last window reaching past the "
            "edge, floor gives {floor}. Inputs that divide: {divide}."
        )
    elif rest <= layer.padding:
        text = N_(
            "({padded} - {kernel}) / {stride} is not whole: floor gives {floor}; what it leaves unread is padding "
            "on the right and bottom, no pixel. Ceil gives {ceil}. Inputs that divide: {divide}."
        )
    else:
        text = N_(
            "({padded} - {kernel}) / {stride} is not whole: floor gives {floor} and leaves {rest} of {padded} columns "
            "(and rows) unread, ceil gives {ceil}. Inputs that divide: {divide}."
        )
    return Message(text, **values)


def _group_counts(groups: int, *channels: int) -> str:
    """The group counts that divide all of these; "" where the given one does."""
    common = gcd(*channels)
    return "" if common % groups == 0 else ", ".join(str(d) for d in range(1, common + 1) if common % d == 0)
