"""One node for each layer, top to bottom and column by column, in the seed document's two frames."""

from dataclasses import dataclass
from math import ceil

from alexnet_viz.network import svg
from alexnet_viz.network.spec import Flatten, Layer, Linear, Row
from alexnet_viz.network.svg import Rect, Scene

MARGIN, PADDING, HEADING = 8.0, 12.0, 30.0  # around the frames, inside them, their titles
NODE, GAP = 44.0, 18.0  # a node's height, and the arrow below it
COLUMN_GAP = 26.0
NARROWEST = 200.0  # a column


@dataclass(frozen=True)
class _Node:
    row: Row | None  # None: the input, or the layer that failed
    layer: Layer | None
    name: str
    shape: str


def draw(scene: Scene) -> tuple[str, float]:
    """The drawing and its height."""
    parts = _parts(scene)
    columns = max(1, int((scene.width - 2 * MARGIN) // (NARROWEST + COLUMN_GAP)))
    if columns == 1:
        return _stacked(scene, parts)
    rows = next(n for n in range(1, 10_000) if n >= 4 and sum(ceil(len(nodes) / n) for _, nodes in parts) <= columns)
    used = sum(ceil(len(nodes) / rows) for _, nodes in parts)
    frames = 2 * PADDING * len(parts) + COLUMN_GAP * (used - 1)
    width = (scene.width - 2 * MARGIN - frames) / used
    height = HEADING + PADDING + min(rows, max(len(nodes) for _, nodes in parts)) * (NODE + GAP) - GAP
    drawn, x, end = "", MARGIN, None
    for title, nodes in parts:
        count = ceil(len(nodes) / rows)
        frame = Rect(x, MARGIN, count * width + (count - 1) * COLUMN_GAP + 2 * PADDING, height + PADDING)
        drawn += _frame(frame, title)
        for start in range(0, len(nodes), rows):
            left = x + PADDING + (start // rows) * (width + COLUMN_GAP)
            end, column = _column(scene, nodes[start : start + rows], Rect(left, MARGIN + HEADING, width, 0), end)
            drawn += column
        x += frame.width + COLUMN_GAP
    problem, bottom = scene.problem(MARGIN + height + PADDING + 6)
    return drawn + problem, bottom + MARGIN


def _stacked(scene: Scene, parts: list[tuple[str, list[_Node]]]) -> tuple[str, float]:
    drawn, y, end = "", MARGIN, None
    for title, nodes in parts:
        frame = Rect(MARGIN, y, scene.width - 2 * MARGIN, HEADING + len(nodes) * (NODE + GAP) - GAP + PADDING)
        place = Rect(frame.x + PADDING, y + HEADING, frame.width - 2 * PADDING, 0)
        end, column = _column(scene, nodes, place, end)
        drawn += _frame(frame, title) + column
        y += frame.height + 2 * GAP
    problem, bottom = scene.problem(y - 2 * GAP + 6)
    return drawn + problem, bottom + MARGIN


def _parts(scene: Scene) -> list[tuple[str, list[_Node]]]:
    """The two frames: everything from the first Flatten or fully connected layer on is classification."""
    nodes = [_Node(None, None, scene.t("input"), svg.size_of(scene.spec.input))]
    nodes += [_Node(row, row.layer, row.name, svg.size_of(row.shape)) for row in scene.rows]
    if scene.failed:
        nodes.append(_Node(None, scene.failed[1], scene.failed[0], "?"))
    cut = next((i for i, node in enumerate(nodes) if isinstance(node.layer, Flatten | Linear)), len(nodes))
    parts = [(scene.t("Feature extraction"), nodes[:cut]), (scene.t("Classification"), nodes[cut:])]
    return [part for part in parts if part[1]]


def _frame(box: Rect, title: str) -> str:
    border = svg.rect(
        box, class_="frame", rx=10, fill="none", stroke=svg.TEXT, stroke_opacity=0.35, stroke_dasharray="2 4"
    )
    return border + svg.text(box.x + PADDING, box.y + 20, title, size=svg.LARGE, bold=True)


def _column(scene: Scene, nodes: list[_Node], place: Rect, end: Rect | None) -> tuple[Rect | None, str]:
    """Nodes below each other, an arrow before each; `end` is the node that the first arrow comes from."""
    drawn = ""
    for i, node in enumerate(nodes):
        box = Rect(place.x, place.y + i * (NODE + GAP), place.width, NODE)
        drawn += _arrow(end, box) if end else ""
        drawn += _node(scene, node, box)
        end = box
    return end, drawn


def _arrow(start: Rect, end: Rect) -> str:
    middle, down = start.x + start.width / 2, start.x == end.x
    tip = (middle, end.y) if down else (end.x, end.y + NODE / 2)
    path = [(middle, start.y + NODE), (middle, end.y - 6)]
    if not down:  # up through the gap between two columns
        below, between = start.y + NODE + 6, end.x - COLUMN_GAP / 2
        path = [path[0], (middle, below), (between, below), (between, tip[1]), (end.x - 6, tip[1])]
    return svg.polyline(path, stroke=svg.TEXT, stroke_opacity=0.7) + svg.arrow_head(*tip, down=down)


def _node(scene: Scene, node: _Node, box: Rect) -> str:
    failed = node.layer is not None and node.row is None
    border = {"stroke": svg.ERROR, "stroke_width": 2.5, "stroke_dasharray": "6 4"} if failed else {"stroke": svg.RULE}
    stripe = svg.colour_of(node.layer) if node.layer else svg.INPUT
    drawn = svg.rect(box, rx=6, fill=svg.PAPER if failed else svg.CARD, **border)
    drawn += svg.rect(Rect(box.x, box.y + 1, 6, NODE - 2), rx=3, fill=svg.ERROR if failed else stripe)
    drawn += svg.text(box.x + 14, box.y + 18, node.name, size=svg.NORMAL + 1, bold=True)
    if node.row and node.row.alias:
        drawn += svg.text(
            box.x + 24 + svg.text_width(node.name, svg.NORMAL + 1), box.y + 18, node.row.alias, size=svg.SMALL
        )
    right = box.x + box.width - 8
    drawn += svg.text(right, box.y + 18, node.shape, text_anchor="end")
    words = ", ".join(svg.settings_of(node.layer, scene.t)) if node.layer else scene.t("one image")
    drawn += svg.text(box.x + 14, box.y + 18 + svg.LINE + 2, words, size=svg.SMALL)
    if failed:
        drawn += svg.warning_sign(right - 20, box.y + NODE - 6)
        return scene.failed_layer(drawn, box.grown(2))
    return scene.layer(node.row, drawn, box.grown(2)) if node.row else f'<g class="input">{drawn}</g>'
