"""The diagrams say what `walk()` says, stay inside their frame, and are well-formed for any network."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from alexnet_viz.network.diagram import VIEWS, alt_text, diagram, standalone
from alexnet_viz.network.diagram_bars import COLUMNS
from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.spec import LRN, Activation, AdaptivePool, BatchNorm, Conv, Flatten, Linear, Pool, Spec, walk
from alexnet_viz.network.svg import COLOURS, size_of, text_width, wrapped
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.words.i18n import Message, translator

SVG = "{http://www.w3.org/2000/svg}"
EN = translator("en")
PAPER = MODELS["alexnet_2012"].spec

EDITED = {
    "nothing": Spec((3, 8, 8), ()),
    "no classifier": Spec((3, 32, 32), (Pool(2, 2), BatchNorm(), Conv(6, kernel=3), Activation("sigmoid"))),
    "no maps": Spec((784,), (Linear(784, 10),)),
    "linear on maps": Spec((2, 5, 7), (Linear(7, 3), Activation())),
    "three groups": Spec((6, 20, 30), (Conv(9, kernel=3, groups=3), LRN(size=1), AdaptivePool(3), Flatten())),
    "two groups at once": read_spec("2x9x9_conv4k3s1p0g2_flat_drop0.5_fc196-2"),
    "deep": Spec((1, 300, 40), (Conv(4096, kernel=3, padding=1), BatchNorm(), Activation()) * 12),
    "fails at once": Spec((3, 8, 8), (Conv(4, kernel=9), Flatten())),
    "fails at a pool": PAPER.at_input(63),
    "fails at fc6": PAPER.at_input(300),
}
SPECS = {name: entry.spec for name, entry in MODELS.items()} | EDITED
each_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
each_model = pytest.mark.parametrize("model_id", MODELS)
each_view = pytest.mark.parametrize("view", VIEWS)


def parsed(spec, view, **options):
    return ElementTree.fromstring(diagram(spec, view, EN, **options))


def with_class(root, name):
    return [node for node in root.iter() if name in node.get("class", "").split()]


def words(node):
    return [text.text for text in node.iter(f"{SVG}text")]


def layers(root):
    return {node.get("data-layer"): node for node in with_class(root, "layer")}


def weight_layers(spec):
    return [row for row in walk(spec).rows if row.params]


# ---- every network, every view --------------------------------------------------------------------------------------


@each_view
@each_model
def test_any_layer_can_be_selected(model_id, view):
    spec = MODELS[model_id].spec
    for name in [row.name for row in walk(spec).rows] + [None, "conv99"]:
        root = parsed(spec, view, selected=name)
        chosen = [node.get("data-layer") for node in with_class(root, "selected")]
        assert chosen == ([name] if name in layers(root) else [])
        outlined = [node for node in with_class(root, "hit") if node.get("stroke") != "none"]
        assert bool(outlined) == bool(chosen)


@each_view
@each_spec
def test_every_layer_is_there_once_with_its_shape_can_be_reached_and_says_what_it_is(spec, view):
    result = walk(spec)
    names = [row.name for row in (weight_layers(spec) if view == "bars" else result.rows)]
    names += [error.layer for error in result.errors]
    root = parsed(spec, view)
    assert sorted(node.get("data-layer") for node in with_class(root, "layer")) == sorted(names)
    drawn = layers(root)
    for node in drawn.values():
        assert (node.get("tabindex"), node.get("role")) == ("0", "button")
        assert node.find(f"{SVG}title").text == node.get("aria-label")
    for row in walk(spec).rows:
        if row.name in drawn:
            assert row.name in drawn[row.name].get("aria-label")
            assert f"Output: {size_of(row.shape)}." in drawn[row.name].get("aria-label")
        changes = row.shape != row.input or isinstance(row.layer, Conv | Pool | AdaptivePool | Linear)
        if row.name in drawn and (view == "flow" or changes):
            assert any(text.endswith(size_of(row.shape)) for text in words(drawn[row.name])), row.name


@each_view
@each_spec
@pytest.mark.parametrize("width", [390, 1000])
def test_no_text_leaves_the_picture_or_is_too_small(spec, view, width):
    root = parsed(spec, view, width=width)
    left, top, right, bottom = map(float, root.get("viewBox").split())
    assert (left, top, right) == (0, 0, width)
    for node in root.iter(f"{SVG}text"):
        size, x = float(node.get("font-size")), float(node.get("x"))
        wide = text_width(node.text, size)
        start = x - wide * {"start": 0, "middle": 0.5, "end": 1}[node.get("text-anchor", "start")]
        assert size >= 11
        assert start >= 0, node.text
        assert start + wide <= width, node.text
        assert size <= float(node.get("y")) <= bottom, node.text


@each_view
@each_spec
def test_no_shape_leaves_the_picture(spec, view):
    root = parsed(spec, view, width=390)
    _, _, width, height = map(float, root.get("viewBox").split())
    for node in root.iter():
        corners = [tuple(map(float, point.split(","))) for point in node.get("points", "").split()]
        if node.tag == f"{SVG}rect":
            x, y, wide, tall = (float(node.get(name)) for name in ("x", "y", "width", "height"))
            corners += [(x, y), (x + wide, y + tall)]
        assert all(0 <= x <= width and 0 <= y <= height for x, y in corners)


@each_view
def test_the_same_network_gives_the_same_picture_and_no_warning(view):
    assert diagram(PAPER, view, EN) == diagram(replace(PAPER), view, EN)
    assert not with_class(parsed(PAPER, view), "warning")


# ---- the paper's two streams ----------------------------------------------------------------------------------------


@each_spec
def test_two_streams_exactly_where_a_convolution_has_two_groups(spec):
    grouped = any(isinstance(row.layer, Conv) and row.layer.groups == 2 for row in walk(spec).rows)
    root = parsed(spec, "boxes")
    assert ("stream 1" in words(root), "stream 2" in words(root)) == (grouped, grouped)
    assert not with_class(root, "cross") or grouped
    doubled = [name for name, node in layers(root).items() if len(with_class(node, "solid")) == 2]
    assert bool(doubled) == grouped


def test_the_papers_figure_2():
    root = parsed(PAPER, "boxes")
    doubled = {name for name, node in layers(root).items() if len(with_class(node, "solid")) == 2}
    assert doubled == {*("conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5"), "fc6", "fc7"}
    assert len(with_class(layers(root)["fc8"], "solid")) == 1
    assert len(with_class(root, "cross")) == 2 * 3  # conv3, fc6, fc7; fc8 is one box that both lead to
    assert len(with_class(root, "kernel")) == 2 * 5
    assert "Two streams side by side: conv1, conv2, conv3, conv4, conv5, fc6, fc7." in alt_text(PAPER, "boxes", EN)
    assert "These see both streams: conv3, fc6, fc7, fc8." in alt_text(PAPER, "boxes", EN)
    assert {"55 × 55 × 96", "11 × 11, stride 4"} <= set(words(layers(root)["conv1"]))


def test_it_fits_one_row_at_its_usual_width():
    tops = {node.get("y") for node in parsed(PAPER, "boxes").iter(f"{SVG}text") if re.match("conv.$|fc.$", node.text)}
    assert len(tops) == 1


def test_a_larger_map_and_a_longer_vector_are_drawn_larger():
    drawn = layers(parsed(MODELS["alexnet_single"].spec, "boxes"))
    heights = [float(with_class(drawn[name], "hit")[0].get("height")) for name in ("conv1", "conv2", "conv3", "pool5")]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 4
    fc7, fc8 = (float(with_class(drawn[name], "hit")[0].get("height")) for name in ("fc7", "fc8"))
    assert fc7 > fc8


# ---- where it is ----------------------------------------------------------------------------------------------------


@each_spec
@pytest.mark.parametrize("width", [390, 1000])
def test_bars_are_true_to_scale(spec, width):
    rows, drawn = weight_layers(spec), layers(parsed(spec, "bars", width=width))
    totals = [sum(column.amount(row) for row in rows) for column in COLUMNS]
    for row in rows:
        bars, tracks = with_class(drawn[row.name], "bar"), with_class(drawn[row.name], "track")
        amounts = [int(bar.get("data-amount")) for bar in bars]
        assert amounts == [row.params, row.macs, row.memory]
        for bar, track, amount, total in zip(bars, tracks, amounts, totals, strict=True):
            part = float(bar.get("width")) / float(track.get("width"))
            assert part == pytest.approx(amount / total if total else 0, abs=1e-5)
        lines = words(drawn[row.name])
        assert any(line.startswith(f"{row.params:,} · ") for line in lines)
        assert any(line.startswith(f"{row.macs:,} · ") for line in lines)


def test_the_papers_numbers():
    """The memory is that of the paper's 659,272 neurons."""
    root = parsed(PAPER, "bars")
    said = [line.replace("\N{NO-BREAK SPACE}", " ") for line in words(root)]
    assert "Convolutions: 3.8 % of the parameters, 91.9 % of the MACs" in said
    assert "Fully connected layers: 96.2 % of the parameters, 8.1 % of the MACs" in said
    assert {"total 60,965,224", "total 724,406,816", "37,752,832 · 61.9 %", "223,948,800 · 30.9 %"} <= set(said)
    memory = [int(with_class(node, "bar")[2].get("data-amount")) for node in layers(root).values()]
    assert sum(memory) == 4 * 659_272


# ---- what does not fit ----------------------------------------------------------------------------------------------


@each_view
@pytest.mark.parametrize("name", ["fails at once", "fails at a pool", "fails at fc6"])
def test_the_first_layer_that_does_not_fit_is_marked(name, view):
    spec = EDITED[name]
    error = walk(spec).errors[0]
    root = parsed(spec, view)
    (failed,) = with_class(root, "failed")
    assert failed.get("data-layer") == error.layer
    assert str(error.text) in failed.get("aria-label")
    assert str(error.text) in alt_text(spec, view, EN)
    assert with_class(failed, "warning"), "a sign, not colour alone"
    assert [node for node in failed.iter(f"{SVG}rect") if node.get("stroke-dasharray")]
    said = " ".join(words(with_class(root, "problem")[0]))
    assert f"{error.layer}: {error.text}" in said
    rest = len(spec.layers) - len(walk(spec).rows) - 1
    assert f"not drawn: {rest}." in said


# ---- words, colours, files ------------------------------------------------------------------------------------------


class Shouting:
    """A translator whose every word needs escaping."""

    language = "en"

    def __call__(self, text, /, **values):
        message = text if isinstance(text, Message) else Message(text, **values)
        return f'<b>"{message}" & co</b>'


@each_view
@each_spec
def test_text_is_escaped(spec, view):
    svg = diagram(spec, view, Shouting())
    ElementTree.fromstring(svg)
    assert "<b>" not in svg


@each_view
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_file_of_its_own_needs_no_page(view, theme):
    inline = diagram(PAPER, view, EN)
    alone = diagram(PAPER, view, EN, theme=theme)
    assert alone == standalone(inline, theme) == standalone(alone, theme)
    assert "var(" in inline
    assert "var(" not in alone
    root = ElementTree.fromstring(alone)
    assert [root.get("width"), root.get("height")] == root.get("viewBox").split()[2:]
    assert with_class(root, "background")[0].get("fill") == COLOURS["--st-background-color"][theme == "dark"]


@each_view
def test_it_is_named_described_and_harmless(view):
    svg = diagram(PAPER, view, EN)
    root = ElementTree.fromstring(svg)
    assert root.get("width") == "100%"
    assert root.find(f"{SVG}title").text
    assert root.find(f"{SVG}desc").text == alt_text(PAPER, view, EN)
    assert not re.search("<script|href|url\\(|@import| on[a-z]+=", svg)


def test_korean_is_measured_twice_as_wide():
    assert text_width("합성곱", 10) == 30
    assert text_width("abc", 10) < 20
    assert wrapped("one two three", text_width("one two")) == ["one two", "three"]
