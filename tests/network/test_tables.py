"""Tables of a network."""

import csv
import io
from dataclasses import replace

from alexnet_viz.network import editing
from alexnet_viz.network.spec import KINDS, walk
from alexnet_viz.network.tables import KIND_NAMES, as_csv, as_markdown, depth, layer_table, widths
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.words.i18n import translator

PAPER = MODELS["alexnet_2012"].spec
t = translator("en")


def test_the_table_has_a_row_a_layer_and_the_totals():
    table = layer_table(PAPER, PAPER, t)
    assert [row["Layer"] for row in table] == [
        *(f"{row.name} ({row.alias})" if row.alias else row.name for row in walk(PAPER).rows),
        "Total",
    ]
    assert table[0] == {
        "Layer": "conv1",
        "Kind": "convolution",
        "Settings": "11x11, 96, s4, p0",
        "Output": "96 x 55 x 55",
        "Side worked out": "(227 - 11) / 4 + 1 = 55",
        "Parameters": "34,944",
        "As a product": "96 x 3 x 11 x 11 + 96",
        "MACs": "105,415,200",
        "Output in kB": "1,161.6",
        "Receptive field": "11",
        "Stride": "4",
    }
    assert (table[-1]["Parameters"], table[-1]["MACs"]) == ("60,965,224", "724,406,816")


def test_what_differs_from_the_preset_is_marked():
    edited = editing.replaced(PAPER, 0, replace(PAPER.layers[0], kernel=7))
    first = layer_table(edited, PAPER, t)[0]
    assert first["Output"] == "96 x 56 x 56 (96 x 55 x 55)"
    assert first["Receptive field"] == "7 (11)"
    assert first["Stride"] == "4"


def test_an_impossible_network_has_its_possible_rows_and_no_total():
    table = layer_table(PAPER.at_input(224), PAPER, t)
    assert table[-1]["Layer"] == "flatten"


def test_csv_and_markdown_hold_the_same_cells():
    table = layer_table(PAPER, PAPER, t)
    assert list(csv.DictReader(io.StringIO(as_csv(table)))) == table
    lines = as_markdown(table).splitlines()
    assert len(lines) == len(table) + 2
    assert lines[2].split(" | ")[1] == "96 x 55 x 55"
    assert as_markdown([]) == ""


def test_korean_tables_have_korean_headings_and_kinds():
    first = layer_table(PAPER, PAPER, translator("ko"))[0]
    assert "출력" in " ".join(first)
    assert "합성곱" in first.values()


def test_every_kind_of_layer_has_a_name():
    assert set(KIND_NAMES) == set(KINDS)


def test_depth():
    assert depth(walk(PAPER)) == 8


def test_a_column_is_as_wide_as_its_longest_text_and_korean_letters_are_wide():
    short, long, korean = widths([{"a": "conv1", "b": "60,965,224 (61,100,840)", "c": "한글 넷자"}]).values()
    assert 22 < short < 80
    assert long > 23 * 7
    assert korean > widths([{"c": "four."}])["c"]
