"""Networks side by side, from LeNet-5 to ResNet-18: `comparison()` is one row a network, every number computed.

    for row in comparison():
        print(row.name, row.params, row.macs, f"{row.conv_macs / row.macs:.1%} of them in convolutions")

`PROPERTIES` says how a row reads, `notes()` what a reader would stumble over; `markdown_table()` and `csv_table()`
write all of it.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from alexnet_viz.charts.base import percent
from alexnet_viz.network.references import REFERENCES, Reference
from alexnet_viz.network.spec import Activation, AdaptivePool, Dropout, Pool, Shape, walk
from alexnet_viz.network.zoo import MODELS, ModelEntry
from alexnet_viz.words.i18n import N_, Message, Translator


@dataclass(frozen=True)
class History:
    """How a network was trained, by the paper that says so. Re-creations have none."""

    optimiser: str
    momentum: float
    weight_decay: float
    hardware: str | None
    source: str


@dataclass(frozen=True)
class Compared:
    """One network of the comparison."""

    id: str
    name: str  # short, marked for translation
    title: str  # long, marked for translation
    year: int
    input: Shape  # (C, H, W)
    depth: int  # weight layers: convolutions and fully connected ones, on the longest path
    params: int
    macs: int  # multiply-accumulates for one image, bias not counted
    conv_params: int
    conv_macs: int
    fc_params: int
    fc_macs: int
    receptive_field: int  # side in input pixels, after the last convolution or pool that slides
    activation: tuple[str, ...]
    normalisation: tuple[str, ...]  # kinds of spec records: "lrn", "batch_norm"
    dropout: float | None  # its rate
    pooling: tuple[Pool | AdaptivePool, ...]  # those that change something
    history: History | None

    @property
    def overlapping(self) -> bool:
        """Whether neighbouring pooling windows share values, as in the paper's section 3.4."""
        return any(isinstance(pool, Pool) and pool.kernel > pool.stride for pool in self.pooling)


# Which networks, and what they are called where there is little room: three milestones, then three re-creations.
_NAMES: Mapping[str, str] = {
    "lenet5": N_("LeNet-5"),
    "alexnet_2012": N_("AlexNet"),
    "resnet18": N_("ResNet-18"),
    "alexnet_single": N_("Single stream"),
    "alexnet_torchvision": N_("torchvision"),
    "alexnet_cifar": N_("CIFAR-10"),
}

# Only what a paper says of its own network: a re-creation is trained by whoever trains it.
HISTORY: Mapping[str, History] = {
    "alexnet_2012": History(
        optimiser="SGD",
        momentum=0.9,
        weight_decay=0.0005,
        hardware="2 x GTX 580",
        source="Krizhevsky, Sutskever, Hinton 2012, section 5",
    ),
    "resnet18": History(
        optimiser="SGD",
        momentum=0.9,
        weight_decay=0.0001,
        hardware=None,
        source="He et al. 2015 (arXiv 1512.03385), section 3.4",
    ),
}


def comparison() -> list[Compared]:
    """One row a network: those of `MODELS` by `walk()`, those of `REFERENCES` as they were counted."""
    return [_of_spec(MODELS[id]) if id in MODELS else _of_reference(REFERENCES[id]) for id in _NAMES]


def _of_spec(entry: ModelEntry) -> Compared:
    rows = walk(entry.spec).rows
    convolutions = [row for row in rows if row.kind == "conv"]
    linears = [row for row in rows if row.kind == "linear"]
    return Compared(
        id=entry.id,
        name=_NAMES[entry.id],
        title=entry.title,
        year=entry.year,
        input=entry.spec.input,
        depth=len(convolutions) + len(linears),
        params=sum(row.params for row in rows),
        macs=sum(row.macs for row in rows),
        conv_params=sum(row.params for row in convolutions),
        conv_macs=sum(row.macs for row in convolutions),
        fc_params=sum(row.params for row in linears),
        fc_macs=sum(row.macs for row in linears),
        receptive_field=max(row.receptive_field or 0 for row in rows if row.kind in ("conv", "pool")),
        activation=tuple(dict.fromkeys(row.layer.function for row in rows if isinstance(row.layer, Activation))),
        normalisation=tuple(dict.fromkeys(row.kind for row in rows if row.kind in _NORMALISATIONS)),
        dropout=next((row.layer.rate for row in rows if isinstance(row.layer, Dropout)), None),
        # Adaptive pooling to the size that arrives changes nothing, as in AlexNet at its own input.
        pooling=tuple(
            dict.fromkeys(
                row.layer for row in rows if isinstance(row.layer, Pool | AdaptivePool) and row.shape != row.input
            )
        ),
        history=HISTORY.get(entry.id),
    )


def _of_reference(entry: Reference) -> Compared:
    return Compared(
        id=entry.id,
        name=_NAMES[entry.id],
        title=entry.title,
        year=entry.year,
        input=entry.input,
        depth=entry.depth,
        params=entry.params,
        macs=entry.macs,
        conv_params=entry.conv_params,
        conv_macs=entry.conv_macs,
        fc_params=entry.fc_params,
        fc_macs=entry.fc_macs,
        receptive_field=entry.receptive_field,
        activation=entry.activation,
        normalisation=entry.normalisation,
        dropout=None,
        pooling=entry.pooling,
        history=HISTORY.get(entry.id),
    )


# How a row reads


@dataclass(frozen=True)
class Property:
    """One line of the table: what it is called, and what a network has there."""

    label: str  # marked for translation
    say: Callable[[Compared], Message]


_ACTIVATIONS: Mapping[str, str] = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
_NORMALISATIONS: Mapping[str, Message] = {"lrn": Message("{value}", value="LRN"), "batch_norm": Message("batch norm")}


def _plain(value: object) -> Message:
    """What reads the same in every language."""
    return Message("{value}", value=value)


_NONE = Message("none")
_UNKNOWN = _plain("–")  # no paper says it of this network


def _each(messages: Sequence[Message]) -> Message:
    return reduce(lambda one, more: Message("{one}, {more}", one=one, more=more), messages) if messages else _NONE


def _pool(pool: Pool | AdaptivePool) -> Message:
    if isinstance(pool, AdaptivePool):
        return Message("global avg") if pool.size == 1 else Message("avg to {size}x{size}", size=pool.size)
    if pool.mode == "max":
        return Message("max {kernel}x{kernel}/{stride}", kernel=pool.kernel, stride=pool.stride)
    return Message("avg {kernel}x{kernel}/{stride}", kernel=pool.kernel, stride=pool.stride)


def _shares(conv: int, fc: int, total: int) -> Message:
    return _plain(f"{percent(conv / total)} / {percent(fc / total)}".replace(" %", ""))


PROPERTIES: Sequence[Property] = (
    Property(N_("Year"), lambda row: _plain(row.year)),
    Property(N_("Input"), lambda row: _plain("x".join(map(str, (*row.input[1:], row.input[0]))))),
    Property(N_("Depth (weight layers)"), lambda row: _plain(row.depth)),
    Property(N_("Parameters"), lambda row: _plain(f"{row.params:,}")),
    Property(N_("- in conv / fc layers, %"), lambda row: _shares(row.conv_params, row.fc_params, row.params)),
    Property(N_("MACs for one image"), lambda row: _plain(f"{row.macs:,}")),
    Property(N_("- in conv / fc layers, %"), lambda row: _shares(row.conv_macs, row.fc_macs, row.macs)),
    Property(
        N_("Receptive field, pixels"),
        lambda row: Message("{field} of {side}", field=row.receptive_field, side=row.input[1]),
    ),
    Property(N_("Activation function"), lambda row: _each([_plain(_ACTIVATIONS[name]) for name in row.activation])),
    Property(N_("Normalisation"), lambda row: _each([_NORMALISATIONS[kind] for kind in row.normalisation])),
    Property(
        N_("Regularisation"),
        lambda row: _NONE if row.dropout is None else Message("dropout {rate}", rate=row.dropout),
    ),
    Property(
        N_("- and weight decay"), lambda row: _plain(f"{row.history.weight_decay:g}") if row.history else _UNKNOWN
    ),
    Property(
        N_("Pooling window/stride"), lambda row: _each([_pool(pool) for pool in row.pooling if isinstance(pool, Pool)])
    ),
    Property(N_("- windows overlap"), lambda row: Message("yes") if row.overlapping else Message("no")),
    Property(
        N_("Optimiser, momentum"),
        lambda row: _plain(f"{row.history.optimiser}, {row.history.momentum}") if row.history else _UNKNOWN,
    ),
    Property(
        N_("Hardware"),
        lambda row: _plain(row.history.hardware) if row.history and row.history.hardware else _UNKNOWN,
    ),
)


def headline(rows: Sequence[Compared]) -> Message:
    """The comparison in one sentence."""
    by_id = {row.id: row for row in rows}
    lenet, alexnet, resnet = by_id["lenet5"], by_id["alexnet_2012"], by_id["resnet18"]
    return Message(
        "From LeNet-5 to AlexNet: {params:,.0f} times the parameters and {macs:,.0f} times the multiply-accumulates "
        "(MACs) for one image. ResNet-18 then does {more:.1f} times AlexNet's work with {left} of its parameters.",
        params=alexnet.params / lenet.params,
        macs=alexnet.macs / lenet.macs,
        more=resnet.macs / alexnet.macs,
        left=percent(resnet.params / alexnet.params),
    )


def notes(rows: Sequence[Compared]) -> list[tuple[Compared, Message]]:
    """What a reader of the table would stumble over, each with the network that it is about."""
    by_id = {row.id: row for row in rows}
    lenet, paper, single, resnet = (by_id[id] for id in ("lenet5", "alexnet_2012", "alexnet_single", "resnet18"))
    pools = sum(isinstance(layer, Pool) for layer in MODELS["lenet5"].spec.layers)
    shortcuts = REFERENCES["resnet18"].weight_layers - resnet.depth
    found = [
        (
            lenet,
            Message(
                'The seed document says "{all} layers": that counts the {pools} pooling layers too. '
                "Here only layers with weights count.",
                all=lenet.depth + pools,
                pools=pools,
            ),
        ),
        (
            lenet,
            Message(
                "This is the usual re-creation, {params:,} parameters. The original has exactly 60,000: its second "
                "convolution is only partly connected, its pooling has weights, and its output layer is fixed.",
                params=lenet.params,
            ),
        ),
        (
            single,
            Message(
                "One group instead of two: {params:,} parameters and {macs:,} MACs more than the paper's network.",
                params=single.params - paper.params,
                macs=single.macs - paper.macs,
            ),
        ),
        (
            by_id["alexnet_torchvision"],
            Message("The variant of 2014: other numbers of filters, one group, no LRN, dropout before fc6 and fc7."),
        ),
        (
            resnet,
            Message(
                "{depth} counts the longest path; {shortcuts} more convolutions stand on shortcuts. Batch norm holds "
                "the {rest:,} parameters that are in neither conv nor fc layers. Before its fc layer it takes each "
                "map's mean (global average pooling).",
                depth=resnet.depth,
                shortcuts=shortcuts,
                rest=resnet.params - resnet.conv_params - resnet.fc_params,
            ),
        ),
    ]
    wide = Message("The receptive field is wider than the picture, so a part of it always lies on padding.")
    return [*found, *((row, wide) for row in rows if row.receptive_field > row.input[1])]


# All of it


def table(rows: Sequence[Compared], t: Translator) -> dict[str, list[str]]:
    """The table as people read it, a column a network; the first column, "", names the properties."""
    labels = {"": [t(property.label) for property in PROPERTIES]}
    return labels | {t(row.name): [t(property.say(row)) for property in PROPERTIES] for row in rows}


def markdown_table(rows: Sequence[Compared], t: Translator) -> str:
    """The table and its notes as Markdown."""
    columns = table(rows, t)
    lines = [list(columns), ["--"] * len(columns), *zip(*columns.values(), strict=True)]
    remarks = [f"- {t(row.name)}: {t(text)}" for row, text in notes(rows)]
    return "\n".join([*("| " + " | ".join(line) + " |" for line in lines), "", *remarks, ""])


def csv_table(rows: Sequence[Compared]) -> str:
    """One line a network, plain numbers and ids; lines end as RFC 4180 says."""
    out = io.StringIO()
    records = [_record(row) for row in rows]
    writer = csv.DictWriter(out, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


def _record(row: Compared) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "year": row.year,
        "input": "x".join(map(str, row.input)),
        "depth": row.depth,
        "params": row.params,
        "macs": row.macs,
        "conv_params": row.conv_params,
        "fc_params": row.fc_params,
        "conv_macs": row.conv_macs,
        "fc_macs": row.fc_macs,
        "receptive_field": row.receptive_field,
        "activation": " ".join(row.activation),
        "normalisation": " ".join(row.normalisation),
        "dropout": row.dropout,
        "weight_decay": row.history.weight_decay if row.history else None,
        "pooling": ", ".join(str(_pool(pool)) for pool in row.pooling),
        "pooling_overlaps": row.overlapping,
        "optimiser": row.history.optimiser if row.history else None,
        "momentum": row.history.momentum if row.history else None,
        "hardware": row.history.hardware if row.history else None,
        "source": row.history.source if row.history else None,
    }
