"""The comparison of networks: numbers worked out elsewhere, and what the seed document says with care."""

import csv
import io
import re

import pytest

from alexnet_viz.network import comparison
from alexnet_viz.network.references import REFERENCES
from alexnet_viz.network.spec import AdaptivePool, Pool
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.words import lessons
from alexnet_viz.words.i18n import LANGUAGES, translator

ROWS = comparison.comparison()
BY_ID = {row.id: row for row in ROWS}
ENGLISH = translator("en")
IDS = ["lenet5", "alexnet_2012", "resnet18", "alexnet_single", "alexnet_torchvision", "alexnet_cifar"]


def said(model_id: str, label: str) -> str:
    labels, *_ = comparison.table(ROWS, ENGLISH).values()
    return comparison.table(ROWS, ENGLISH)[BY_ID[model_id].name][labels.index(label)]


def test_three_milestones_then_three_re_creations():
    assert [row.id for row in ROWS] == IDS
    assert [row.year for row in ROWS[:3]] == [1998, 2012, 2015]
    assert {row.id: row.year for row in ROWS}["alexnet_cifar"] == 2025, "the seed document's, not the paper's"
    assert set(IDS) <= set(MODELS) | set(REFERENCES)


@pytest.mark.parametrize(
    ("model_id", "depth", "params", "macs", "field"),
    [
        ("lenet5", 5, 61_706, 416_520, 16),
        ("alexnet_2012", 8, 60_965_224, 724_406_816, 195),
        ("alexnet_single", 8, 62_378_344, 1_135_256_096, 195),
        ("alexnet_torchvision", 8, 61_100_840, 714_188_480, 195),
        ("alexnet_cifar", 8, 6_976_842, 171_643_904, 38),
        ("resnet18", 18, 11_689_512, 1_814_073_344, 435),
    ],
)
def test_the_numbers_of_each_network(model_id, depth, params, macs, field):
    row = BY_ID[model_id]
    assert (row.depth, row.params, row.macs, row.receptive_field) == (depth, params, macs, field)


def test_the_seeds_cifar_network_takes_a_gigaflop_forward_and_backward():
    assert round(3 * 2 * BY_ID["alexnet_cifar"].macs / 1e9, 2) == 1.03


def test_the_papers_convolutions_hold_little_and_do_most():
    row = BY_ID["alexnet_2012"]
    params, macs = ((row.conv_params, row.fc_params), row.params), ((row.conv_macs, row.fc_macs), row.macs)
    assert [round(100 * part / whole, 1) for parts, whole in (params, macs) for part in parts] == [3.8, 96.2, 91.9, 8.1]


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_every_row_agrees_with_its_source(row):
    if row.id in MODELS:
        assert row.conv_params + row.fc_params == row.params, "nothing else in these specs has parameters"
        assert row.title == MODELS[row.id].title
    else:
        assert row is REFERENCES[row.id]
    assert row.conv_macs + row.fc_macs == row.macs


def test_normalisation_and_regularisation_are_two_columns():
    """The seed's row 정규화 puts LRN and dropout into one."""
    assert {row.id for row in ROWS if "lrn" in row.normalisation} == {"alexnet_2012", "alexnet_single"}
    assert {row.id: row.dropout for row in ROWS} == dict.fromkeys(IDS, 0.5) | {"lenet5": None, "resnet18": None}
    assert said("alexnet_2012", "Normalisation") == "LRN"
    assert said("alexnet_2012", "Regularisation") == "dropout 0.5"
    assert said("resnet18", "Normalisation") == "batch norm"
    assert said("lenet5", "Normalisation") == said("lenet5", "Regularisation") == "none"


def test_pooling_and_whether_it_overlaps():
    assert BY_ID["lenet5"].pooling == (Pool(kernel=2, stride=2, mode="avg"),)
    assert BY_ID["alexnet_single"].pooling == (Pool(kernel=3, stride=2),), "its adaptive pool changes nothing at 227"
    assert BY_ID["resnet18"].pooling == (Pool(kernel=3, stride=2, padding=1), AdaptivePool(1))
    assert {row.id for row in ROWS if not row.overlapping} == {"lenet5", "alexnet_cifar"}
    assert said("alexnet_2012", "Pooling window/stride") == "max 3x3/2"
    assert said("alexnet_2012", "- windows overlap") == "yes"


def test_activation():
    assert {row.id: row.activation for row in ROWS} == dict.fromkeys(IDS, ("relu",)) | {"lenet5": ("tanh",)}


def test_history_is_told_of_papers_only_and_with_its_source():
    told = {row.id: row.history for row in ROWS if row.history}
    assert set(told) == {"alexnet_2012", "resnet18"}
    assert all("section" in history.source for history in told.values())
    paper = told["alexnet_2012"]
    assert (paper.optimiser, paper.momentum, paper.weight_decay) == ("SGD", 0.9, 5e-4)
    assert said("alexnet_2012", "Hardware") == "2 x GTX 580"
    assert {said(row.id, "Optimiser, momentum") for row in ROWS if not row.history} == {"–"}


def test_the_headline():
    text = str(comparison.headline(ROWS))
    assert "988 times the parameters" in text
    assert "1,739 times the multiply-accumulates" in text
    assert "2.5 times AlexNet's work with 19.2 % of its parameters" in text


def test_notes_tell_what_a_reader_would_stumble_over():
    told = [(row.id, str(text)) for row, text in comparison.notes(ROWS)]
    assert any(id == "lenet5" and '"7 layers"' in text for id, text in told)
    assert any(id == "lenet5" and "61,706" in text and "60,000" in text for id, text in told)
    assert any(id == "alexnet_single" and "1,413,120" in text and "410,849,280" in text for id, text in told)
    assert any(id == "resnet18" and "18 counts" in text and "3 more" in text and "9,600" in text for id, text in told)
    assert {id for id, text in told if "wider than the picture" in text} == {"alexnet_cifar", "resnet18"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_is_complete_in_every_language(language):
    columns = comparison.table(ROWS, translator(language))
    assert len(columns) == len(ROWS) + 1, "no two networks have the same name"
    assert all(len(cells) == len(comparison.PROPERTIES) and all(cells) for cells in columns.values())


def test_csv_has_a_line_a_network_with_plain_numbers():
    records = list(csv.DictReader(io.StringIO(comparison.csv_table(ROWS))))
    assert [record["id"] for record in records] == IDS
    assert [int(record["params"]) for record in records] == [row.params for row in ROWS]
    assert [int(record["macs"]) for record in records] == [row.macs for row in ROWS]
    assert records[1]["weight_decay"] == "0.0005"
    assert records[0]["weight_decay"] == ""
    assert comparison.csv_table(ROWS).count("\r\n") == len(ROWS) + 1


def test_markdown_is_a_table_with_its_notes():
    lines = comparison.markdown_table(ROWS, ENGLISH).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == len(comparison.PROPERTIES) + 2
    assert {line.count("|") for line in rows} == {len(ROWS) + 2}
    assert len([line for line in lines if line.startswith("- ")]) == len(comparison.notes(ROWS))


# The prose


def test_both_lessons_tell_the_same_numbers():
    """Content is equal; numbers are where that can be seen. Words for small numbers are free, and a language may
    say "five to six days" in words."""
    english, korean = (
        set(re.findall(r"\d+(?:,\d{3})+|\d+\.\d+|\d{2,}", lessons.lesson("compare", language)))
        for language in LANGUAGES
    )
    assert english == korean


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lessons_numbers_are_the_computed_ones(language):
    text = lessons.lesson("compare", language)
    lenet, alexnet, single, resnet = (BY_ID[id] for id in ("lenet5", "alexnet_2012", "alexnet_single", "resnet18"))
    for number in (lenet.params, alexnet.params, single.params):
        assert f"{number:,}" in text
    for share in (
        alexnet.conv_params / alexnet.params,
        alexnet.conv_macs / alexnet.macs,
        alexnet.fc_params / alexnet.params,
        resnet.fc_params / resnet.params,
        resnet.params / alexnet.params,
    ):
        assert f"{100 * share:.1f} %" in text
    assert f"{resnet.macs / alexnet.macs:.1f}" in text
    for pixels in (alexnet.receptive_field, resnet.receptive_field):
        assert str(pixels) in text
    for fact in ("18.2 %", "15.3 %", "26.2 %", "56.522 %", "79.066 %", "53.25", "60,000", "2010"):
        assert fact in text
