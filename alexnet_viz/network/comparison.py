"""Networks side by side, from LeNet-5 to ResNet-18: `comparison()` is one row a network, every number computed.

    for row in comparison():
        print(row.name, row.params, row.macs, f"{row.conv_macs / row.macs:.1%} of them in convolutions")

`PROPERTIES` says how a row reads, `notes()` what a reader would stumble over; `markdown_table()` and `csv_table()`
write all of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Any

from alexnet_viz.network.references import REFERENCES, Compared, History
from alexnet_viz.network.spec import Activation, AdaptivePool, Dropout, Pool, Row, walk
from alexnet_viz.network.tables import as_csv, as_markdown
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.words.i18n import N_, Message, Translator
from alexnet_viz.words.numbers import percent

# What the networks of `MODELS` are called where there is little room: two milestones, then three re-creations.
_NAMES: Mapping[str, str] = {
    "lenet5": N_("LeNet-5"),
    "alexnet_2012": N_("AlexNet"),
    "alexnet_single": N_("Single stream"),
    "alexnet_torchvision": N_("torchvision"),
    "alexnet_cifar": N_("CIFAR-10"),
}

# Only what the paper says of its own network: a re-creation is trained by whoever trains it.
_PAPER = History(
    optimiser="SGD",
    momentum=0.9,
    weight_decay=0.0005,
    hardware="2 x GTX 580",
    source="Krizhevsky, Sutskever, Hinton 2012, section 5",
)


def comparison() -> list[Compared]:
    """One row a network: the milestones by year, then the re-creations. Specs are counted by `walk()`."""
    lenet, alexnet, *re_creations = map(_of_spec, _NAMES)
    return [lenet, alexnet, *REFERENCES.values(), *re_creations]


def _of_spec(model_id: str) -> Compared:
    entry = MODELS[model_id]
    walked = walk(entry.spec)
    rows = walked.rows

    def of_kind(kind: str) -> list[Row]:
        return [row for row in rows if row.kind == kind]

    return Compared(
        id=model_id,
        name=_NAMES[model_id],
        title=entry.title,
        year=entry.year,
        input=entry.spec.input,
        history=_PAPER if model_id == "alexnet_2012" else None,
        depth=len(of_kind("conv") + of_kind("linear")),
        params=walked.params,
        macs=walked.macs,
        conv_params=sum(row.params for row in of_kind("conv")),
        conv_macs=sum(row.macs for row in of_kind("conv")),
        fc_params=sum(row.params for row in of_kind("linear")),
        fc_macs=sum(row.macs for row in of_kind("linear")),
        receptive_field=max(row.receptive_field or 0 for row in of_kind("conv") + of_kind("pool")),
        activation=_distinct(row.layer.function for row in rows if isinstance(row.layer, Activation)),
        normalisation=_distinct(row.kind for row in rows if row.kind in _NORMALISATIONS),
        dropout=next((row.layer.rate for row in rows if isinstance(row.layer, Dropout)), None),
        # Adaptive pooling to the size that arrives changes nothing, as in AlexNet at its own input.
        pooling=_distinct(
            row.layer for row in rows if isinstance(row.layer, Pool | AdaptivePool) and row.shape != row.input
        ),
    )


def _distinct(items: Iterable[Any]) -> tuple[Any, ...]:
    """Each item once, in the order of their first places."""
    return tuple(dict.fromkeys(items))


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
    lines = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    remarks = [f"- {t(row.name)}: {t(text)}\n" for row, text in notes(rows)]
    return as_markdown(lines) + "\n" + "".join(remarks)


_CSV_COLUMNS = (
    *("id", "name", "year", "input", "depth", "params", "macs", "conv_params", "fc_params", "conv_macs", "fc_macs"),
    *("receptive_field", "activation", "normalisation", "dropout", "weight_decay", "pooling", "pooling_overlaps"),
    *("optimiser", "momentum", "hardware", "source"),
)


def csv_table(rows: Sequence[Compared]) -> str:
    """One line a network, plain numbers and ids."""
    return as_csv([_record(row) for row in rows])


def _record(row: Compared) -> dict[str, object]:
    values: dict[str, object] = asdict(row) | (asdict(row.history) if row.history else {})
    values |= {
        "input": "x".join(map(str, row.input)),
        "activation": " ".join(row.activation),
        "normalisation": " ".join(row.normalisation),
        "pooling": ", ".join(str(_pool(pool)) for pool in row.pooling),
        "pooling_overlaps": row.overlapping,
    }
    return {column: values.get(column) for column in _CSV_COLUMNS}
