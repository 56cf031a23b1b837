"""Tables of a walked network, for the screen, as CSV and as Markdown."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from unicodedata import east_asian_width

from alexnet_viz.network.arithmetic import params_product, settings, shape_text, size_sum
from alexnet_viz.network.spec import Row, Spec, Walk, walk
from alexnet_viz.words.i18n import N_, Translator

Table = list[dict[str, str]]

KIND_NAMES: Mapping[str, str] = {
    "conv": N_("convolution"),
    "pool": N_("pooling"),
    "adaptive_pool": N_("adaptive pooling"),
    "lrn": N_("local response normalisation"),
    "batch_norm": N_("batch normalisation"),
    "activation": N_("activation function"),
    "dropout": N_("dropout"),
    "flatten": N_("flatten"),
    "linear": N_("fully connected layer"),
}


def layer_table(spec: Spec, original: Spec, t: Translator) -> Table:
    """One row a layer, numbers worked out; the preset's value in brackets where a layer of that name differs."""
    before = {row.name: row for row in walk(original).rows}
    walked = walk(spec)
    table = [_row(row, before.get(row.name), spec, t) for row in walked.rows]
    return [*table, _total(walked, table[0], t)] if not walked.errors else table


def widths(table: Table) -> dict[str, int]:
    """Pixels for each column's longest text, which the app's tables otherwise guess from their first rows."""
    names = table[0] if table else {}
    return {name: 22 + max(_pixels(text) for text in (name, *(row[name] for row in table))) for name in names}


def _pixels(text: str) -> int:
    """About as wide as 14 px letters are; Korean ones are nearly twice as wide as Latin ones."""
    return round(sum(13 if east_asian_width(letter) in "WF" else 7.8 for letter in text))


def _row(row: Row, before: Row | None, spec: Spec, t: Translator) -> dict[str, str]:
    now, then = _compared(row, t), _compared(before, t) if before else {}
    changed = {name: f"{now[name]} ({then[name]})" for name in then if then[name] != now[name]}
    return {
        t("Layer"): f"{row.name} ({row.alias})" if row.alias else row.name,
        **(now | changed),
        t("Side worked out"): size_sum(row, spec.rounding),
        t("As a product"): params_product(row),
        t("Output in kB"): f"{row.memory / 1000:,.1f}",
        t("Kind"): t(KIND_NAMES[row.kind]),
    }


def _compared(row: Row, t: Translator) -> dict[str, str]:
    """The columns that are compared with the preset."""
    return {
        t("Output"): shape_text(row.shape),
        t("Parameters"): f"{row.params:,}",
        t("MACs"): f"{row.macs:,}",
        t("Receptive field"): _or_dash(row.receptive_field),
        t("Stride"): _or_dash(row.stride),
        t("Settings"): settings(row),
    }


def _total(walked: Walk, columns: Iterable[str], t: Translator) -> dict[str, str]:
    memory = sum(row.memory for row in walked.rows)
    values = {
        t("Layer"): t("Total"),
        t("Parameters"): f"{walked.params:,}",
        t("MACs"): f"{walked.macs:,}",
        t("Output in kB"): f"{memory / 1000:,.1f}",
    }
    return {column: values.get(column, "") for column in columns}


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def depth(walked: Walk) -> int:
    """Layers with weights to learn in them: convolutions and fully connected ones."""
    return sum(row.kind in ("conv", "linear") for row in walked.rows)


def as_csv(table: Sequence[Mapping[str, object]]) -> str:
    """The table with a header line; lines end as RFC 4180 says."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]) if table else [])
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()


def as_markdown(table: Sequence[dict[str, str]]) -> str:
    """The table as GitHub's Markdown."""
    if not table:
        return ""
    lines = [list(table[0]), ["--"] * len(table[0]), *(list(row.values()) for row in table)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
