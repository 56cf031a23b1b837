"""The paper's Figure 2 for any network: maps as boxes in perspective, kernels reaching from one into the next.

A stage is the input or a layer with weights, together with what follows it up to the next one; pools are thin
boxes behind their convolution. Sides and depths grow with the square root of what they stand for, so that 3 and 4096
both read. Where convolutions have two groups the maps are drawn as the two streams of the paper's two GPUs, from the
layer that feeds the first such convolution up to the last layer but one, and a layer of one group is
cross-connected to both.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt

from alexnet_viz.network import svg
from alexnet_viz.network.spec import AdaptivePool, Conv, Layer, Linear, Pool, Row, Shape
from alexnet_viz.network.svg import Point, Rect, Scene

MARGIN, LEAD, BESIDE = 14.0, 30.0, 8.0  # at the edges; before a stage, where its kernel reaches; between its boxes
TALLEST, DEEPEST, LONGEST = 150.0, 44.0, 150.0  # the largest side, depth and vector, in pixels
BETWEEN_STREAMS = 24.0
BETWEEN_ROWS = 44.0
BETWEEN_WORDS, WIDEST_WORDS = 8.0, 120.0
BAR = 14.0
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class _Solid:
    """A box in oblique projection, its place given by the left end and middle of its outline."""

    shape: Shape
    x: float
    y: float
    depth: float
    height: float
    ox: float  # the far edge is this much to the right
    oy: float  # and this much up

    @property
    def right(self) -> float:
        return self.x + self.depth + self.ox

    @property
    def top(self) -> float:
        return self.y - (self.height + self.oy) / 2

    @property
    def outline(self) -> Rect:
        return Rect(self.x, self.top, self.depth + self.ox, self.height + self.oy)

    @property
    def entry(self) -> Point:
        """Where what goes in ends: the middle of the left edge."""
        return self.x, self.y + self.oy / 2

    def face(self, u: float, v: float) -> Point:
        """A point of the map plane, the face towards the next layer: u from near to far, v from top to bottom."""
        return self.x + self.depth + u * self.ox, self.top + self.oy - u * self.oy + v * self.height

    def draw(self, colour: str) -> str:
        x, y, c, h, ox, oy = self.x, self.top + self.oy, self.depth, self.height, self.ox, self.oy
        edge = {"stroke": svg.TEXT, "stroke_width": 1, "stroke_linejoin": "round"}
        front = [(x, y), (x + c, y), (x + c, y + h), (x, y + h)]
        upper = [(x, y), (x + ox, y - oy), (x + c + ox, y - oy), (x + c, y)]
        side = [(x + c, y), (x + c + ox, y - oy), (x + c + ox, y - oy + h), (x + c, y + h)]
        drawn = "".join(svg.polygon(face, fill=colour, **edge) for face in (front, upper, side))
        drawn += svg.polygon(upper, fill="#ffffff", fill_opacity=0.4) + svg.polygon(
            side, fill="#000000", fill_opacity=0.18
        )
        return svg.element("g", drawn, class_="solid")


@dataclass(frozen=True)
class _Port:
    """A place that connections leave from: a solid's map plane, or a line that comes from the row above."""

    x: float
    y: float
    solid: _Solid | None = None


@dataclass
class _Stage:
    head: Row | None  # None: the input, or the layer that failed
    followers: list[Row] = field(default_factory=list)
    failed: bool = False
    split: bool = False

    @property
    def pools(self) -> list[Row]:
        return [row for row in self.followers if isinstance(row.layer, Pool | AdaptivePool)]


@dataclass(frozen=True)
class _Scale:
    """Pixels for the square root of a side, a number of channels, a vector's length."""

    side: float
    depth: float
    length: float

    @classmethod
    def of(cls, shapes: Iterable[Shape]) -> "_Scale":
        shapes = list(shapes)
        sides = [max(shape[1:]) for shape in shapes if len(shape) == 3]
        channels = [shape[0] for shape in shapes if len(shape) == 3]
        lengths = [shape[0] for shape in shapes if len(shape) == 1]
        return cls(
            side=min(24.0, TALLEST / sqrt(max(sides, default=1))),
            depth=min(3.0, DEEPEST / sqrt(max(channels, default=1))),
            length=min(6.0, LONGEST / sqrt(max(lengths, default=1))),
        )

    def solid(self, shape: Shape, x: float, y: float, *, half: bool, pool: bool = False) -> _Solid:
        """`half`: one stream's share. A pool is thin: its channels are those of the box before it."""
        if len(shape) == 1:
            length = max(6.0, self.length * sqrt(shape[0] / (1 + half)))
            return _Solid(shape, x, y, BAR, length, 5.0, 4.0)
        channels, height, width = shape
        depth = 5.0 if pool else max(5.0, self.depth * sqrt(channels / (1 + half)))
        far = max(6.0, self.side * sqrt(width))
        return _Solid(shape, x, y, depth, max(6.0, self.side * sqrt(height)), 0.34 * far, 0.26 * far)


def draw(scene: Scene) -> tuple[str, float]:
    """The drawing and its height."""
    return _Figure(scene).draw()


def streams(scene: Scene) -> tuple[list[str], list[str]]:
    """The names of the layers drawn as two streams, and of those that see both streams; empty without groups of 2."""
    stages = _stages(scene)
    split = [stage.head.name for stage in stages if stage.head and stage.split]
    return split, [b.head.name for a, b in pairwise(stages) if a.split and b.head and _groups(b.head.layer) == 1]


def _groups(layer: Layer) -> int:
    return layer.groups if isinstance(layer, Conv) else 1


def _stages(scene: Scene) -> list[_Stage]:
    stages = [_Stage(None)]
    for row in scene.rows:
        if isinstance(row.layer, Conv | Linear):
            stages.append(_Stage(row))
        else:
            stages[-1].followers.append(row)
    grouped = [i for i, stage in enumerate(stages) if stage.head and _groups(stage.head.layer) == 2]
    if grouped:
        last = len(stages) - 1 - (not scene.failed)  # an unfinished network has no last layer
        for i, stage in enumerate(stages):
            within = max(1, grouped[0] - 1) <= i <= last and stage.head is not None and stage.head.shape[0] % 2 == 0
            stage.split = i in grouped or (within and stage.head is not None and _groups(stage.head.layer) == 1)
    return [*stages, _Stage(None, failed=True)] if scene.failed else stages


class _Figure:
    """Lays the stages out in rows and draws them from left to right."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.t = scene, scene.t
        self.stages = _stages(scene)
        self.scale = _Scale.of([scene.spec.input, *(row.shape for row in scene.rows)])
        self.widths = {id(stage): self._width(stage) for stage in self.stages}
        self.captioned = False  # the streams' names stand once

    def draw(self) -> tuple[str, float]:
        drawn, y = "", MARGIN
        ports: list[_Port] = []
        for i, row in enumerate(self._rows()):
            starts_streams = not self.captioned and any(stage.split for stage in row)
            above = 16.0 * starts_streams + BETWEEN_ROWS * (i > 0)
            if i:
                stubs = self._stubs(row, y + above, len(ports))
                drawn += self._turns(ports, stubs, y)
                ports = stubs
            body, y, ports = self._row(row, y + above, ports)
            drawn += body
        problem, y = self.scene.problem(y)
        caption, y = svg.paragraph(MARGIN, y + 6, self.scene.width - 2 * MARGIN, self._caption(), svg.SMALL)
        return drawn + problem + caption, y + MARGIN

    def _caption(self) -> str:
        t = self.t
        words = t("Not to scale: sides and depths grow with the square root, so that 3 and 4096 both read.")
        words += " " + t("Yellow: what one kernel sees.")
        if any(stage.split for stage in self.stages):
            words += " " + t("Each stream has half of the channels; crossing lines lead to a layer that sees both.")
        return words

    # layout

    def _rows(self) -> list[list[_Stage]]:
        """Stages in as few rows as the width allows, those evenly filled."""
        room = self.scene.width - 2 * MARGIN + BETWEEN_WORDS  # none after the last
        rows = self._packed(room)
        evener = (self._packed(room - 10 * i) for i in range(1, int(room / 10)))
        for better in evener:
            if len(better) > len(rows):
                break
            rows = better
        return rows

    def _packed(self, room: float) -> list[list[_Stage]]:
        rows: list[list[_Stage]] = [[]]
        used = 0.0
        for stage in self.stages:
            width = self.widths[id(stage)]
            if rows[-1] and used + width > room:
                rows.append([])
                used = 0.0
            rows[-1].append(stage)
            used += width
        return rows

    def _width(self, stage: _Stage) -> float:
        drawn = 62.0 if stage.failed else sum(s.depth + s.ox + BESIDE for s in self._solids(stage, 0, 0)) - BESIDE
        lead = 0.0 if stage is self.stages[0] else LEAD
        return max(lead + drawn, max(svg.text_width(line, size) for line, size in self._words(stage)) + BETWEEN_WORDS)

    def _words(self, stage: _Stage) -> list[tuple[str, float]]:
        rows = ([stage.head] if stage.head else []) + stage.followers
        words = [line for row in rows for line in self._lines(row, stage)]
        if stage.failed and self.scene.failed:
            name, layer = self.scene.failed
            return [(name, svg.NORMAL + 1), *self._settings(layer)]
        if stage is self.stages[0]:
            return self._input_words() + words
        return words

    def _lines(self, row: Row, stage: _Stage) -> list[tuple[str, float]]:
        """A layer's text below its box: a short line each, layers without a box in one."""
        if row is stage.head:
            return [(row.name, svg.NORMAL + 1), (svg.size_of(row.shape), svg.NORMAL), *self._settings(row.layer)]
        if row in stage.pools:
            return [(f"{row.name} {svg.size_of(row.shape)}", svg.SMALL), *self._settings(row.layer)]
        changed = f" {svg.size_of(row.shape)}" if row.shape != row.input else ""
        return [(row.name + changed, svg.SMALL)]

    def _settings(self, layer: Layer) -> list[tuple[str, float]]:
        """A line for each piece; one that is too wide goes on after its comma."""
        lines: list[str] = []
        for piece in svg.settings_of(layer, self.t):
            unbroken = piece.replace(" ", NO_BREAK).replace(f",{NO_BREAK}", ", ")
            lines += [line.replace(NO_BREAK, " ") for line in svg.wrapped(unbroken, WIDEST_WORDS, svg.SMALL)]
        return [(line, svg.SMALL) for line in lines]

    def _solids(self, stage: _Stage, x: float, y: float) -> list[_Solid]:
        """One stream's boxes: what the stage makes, then its pools."""
        shapes = [self.scene.spec.input if stage.head is None else stage.head.shape]
        solids: list[_Solid] = []
        for i, shape in enumerate(shapes + [row.shape for row in stage.pools]):
            solids.append(self.scale.solid(shape, x, y, half=stage.split, pool=i > 0))
            x = solids[-1].right + BESIDE
        return solids

    def _row_height(self, row: list[_Stage]) -> float:
        tall = [0.0 if s.failed else max(b.outline.height for b in self._solids(s, 0, 0)) for s in row]
        return max(h * (1 + s.split) + BETWEEN_STREAMS * s.split for s, h in zip(row, tall, strict=True)) or 70.0

    def _middles(self, row: list[_Stage], y: float, split: bool) -> list[float]:
        """The height, on the page, of each stream's middle."""
        middle = y + self._row_height(row) / 2
        if not split:
            return [middle]
        tall = max(b.outline.height for s in row if s.split for b in self._solids(s, 0, 0))
        return [middle - (tall + BETWEEN_STREAMS) / 2, middle + (tall + BETWEEN_STREAMS) / 2]

    # drawing

    def _row(self, row: list[_Stage], y: float, ports: list[_Port]) -> tuple[str, float, list[_Port]]:
        room = self.scene.width - 2 * MARGIN - sum(self.widths[id(stage)] for stage in row)
        spare = min(48.0, max(0.0, room / len(row)))
        below = y + self._row_height(row) + 20
        drawn, x, end = "", MARGIN, below
        for stage in row:
            lead = 0.0 if stage is self.stages[0] else LEAD + spare / 2
            body, bottom, ports = self._stage(stage, row, (x, lead, y, below), ports)
            drawn, x, end = drawn + body, x + self.widths[id(stage)] + spare, max(end, bottom)
        return drawn, end, ports

    def _stage(
        self, stage: _Stage, row: list[_Stage], place: tuple[float, float, float, float], ports: list[_Port]
    ) -> tuple[str, float, list[_Port]]:
        x, lead, y, below = place
        if stage.failed:
            return self._failed(row, place, ports)
        columns = [self._solids(stage, x + lead, middle) for middle in self._middles(row, y, stage.split)]
        links = self._connections(stage, ports, [column[0] for column in columns])
        drawn, line = "", below
        for item in [stage.head, *stage.followers]:
            layer = item.layer if item else None
            nth = 0 if item is stage.head else 1 + stage.pools.index(item) if item in stage.pools else None
            solids = [] if nth is None else [column[nth] for column in columns]
            body = "".join(solid.draw(svg.colour_of(layer) if layer else svg.INPUT) for solid in solids)
            words = self._lines(item, stage) if item else self._input_words()
            said, text_box = _lines_of_text(x, line, words)
            body, line = body + said, line + text_box.height
            boxes = [solid.outline.grown(2) for solid in solids]
            drawn += self.scene.layer(item, body, *boxes, text_box) if item else f'<g class="input">{body}</g>'
        if stage.split and not self.captioned:
            self.captioned = True
            for column, name in zip(columns, (self.t("stream 1"), self.t("stream 2")), strict=True):
                drawn += svg.text(x + lead, column[0].top - 7, name, size=svg.SMALL)
        last = [_Port(column[-1].right, column[-1].y, column[-1]) for column in columns]
        return drawn + links, line, last

    def _input_words(self) -> list[tuple[str, float]]:
        return [(self.t("input"), svg.NORMAL + 1), (svg.size_of(self.scene.spec.input), svg.NORMAL)]

    def _failed(
        self, row: list[_Stage], place: tuple[float, float, float, float], ports: list[_Port]
    ) -> tuple[str, float, list[_Port]]:
        x, lead, y, below = place
        middle = self._middles(row, y, False)[0]
        box = Rect(x + lead, middle - 30, 60, 60)
        drawn = svg.rect(box, rx=4, fill=svg.PAPER, stroke=svg.ERROR, stroke_width=2.5, stroke_dasharray="6 4")
        drawn += svg.warning_sign(box.x + 18, middle + 10, 24)
        said, text_box = _lines_of_text(x, below, self._words(self.stages[-1]))
        links = "".join(_line((port.x, port.y), (box.x, middle), svg.ERROR, dashed=True) for port in ports)
        return links + self.scene.failed_layer(drawn + said, box.grown(3), text_box), below + text_box.height, []

    def _connections(self, stage: _Stage, ports: list[_Port], targets: list[_Solid]) -> str:
        if stage.head is None:
            return ""
        drawn = ""
        crossed = len(ports) > 1 and _groups(stage.head.layer) == 1
        for i, port in enumerate(ports):
            for j, target in enumerate(targets):
                if len(ports) > 1 and len(targets) > 1 and i != j:
                    drawn += _cross(port, target) if crossed else ""
                else:
                    drawn += self._reach(stage.head.layer, port, target)
        return drawn

    def _reach(self, layer: Layer, port: _Port, target: _Solid) -> str:
        """A kernel's pyramid, or a fully connected layer's fan; a plain arrow where the source is a row above."""
        if port.solid is None:
            return _line((port.x, port.y), target.entry, svg.TEXT) + svg.arrow_head(*target.entry)
        if isinstance(layer, Conv) and len(port.solid.shape) == 3:
            _, height, width = port.solid.shape
            half_u, half_v = (max(0.07, min(0.5, layer.kernel / side / 2)) for side in (width, height))
            corners = [(-half_u, -half_v), (half_u, -half_v), (half_u, half_v), (-half_u, half_v)]
            patch = [port.solid.face(0.5 + u, 0.5 + v) for u, v in corners]
            tip = target.entry
            drawn = svg.polygon([patch[1], tip, patch[3]], fill=svg.KERNEL, fill_opacity=0.3)
            drawn += svg.polygon(patch, fill=svg.KERNEL, stroke=svg.TEXT, stroke_width=1)
            drawn += "".join(_line(corner, tip, svg.TEXT, width=0.7) for corner in patch)
            return svg.element("g", drawn, class_="kernel")
        near, (x, y) = port.solid, target.entry
        upper, lower = near.face(1, 0), near.face(1, 1)
        fan = [upper, (x, y - target.height / 2), (x, y + target.height / 2), lower]
        return svg.element(
            "g", svg.polygon(fan, fill=svg.TEXT, fill_opacity=0.1, stroke=svg.TEXT, stroke_opacity=0.35), class_="fan"
        )

    def _turns(self, ports: list[_Port], stubs: list[_Port], y: float) -> str:
        """Lines from the end of a row down to the beginning of the next."""
        drawn = ""
        for i, (port, stub) in enumerate(zip(ports, stubs, strict=True)):
            edge, between = self.scene.width - MARGIN / 2 + 4 * (i - 1), y + 8 + 4 * (len(ports) - 1 - i)
            path = [(port.x, port.y), (edge, port.y), (edge, between), (stub.x, between), (stub.x, stub.y)]
            drawn += svg.polyline(path, stroke=svg.TEXT, stroke_opacity=0.5)
        return drawn

    def _stubs(self, row: list[_Stage], y: float, count: int) -> list[_Port]:
        """Where those lines arrive, at the left edge, as high as what they lead to."""
        first = row[0]
        ends = self._middles(row, y, first.split)
        if not first.failed:
            ends = [self._solids(first, 0, middle)[0].entry[1] for middle in ends]
        if len(ends) != count:
            ends = [ends[0] + 9 * (2 * i - count + 1) for i in range(count)]
        return [_Port(MARGIN / 2 + 4 * (count - 1 - i) - 3, end) for i, end in enumerate(ends)]


def _lines_of_text(x: float, y: float, lines: list[tuple[str, float]]) -> tuple[str, Rect]:
    """Lines of their own sizes, the first baseline at y, and the box that they fill."""
    drawn = "".join(
        svg.text(x, y + i * svg.LINE, said, size=s, bold=s > svg.NORMAL) for i, (said, s) in enumerate(lines)
    )
    return drawn, Rect(x - 3, y - 12, max(svg.text_width(said, s) for said, s in lines) + 6, svg.LINE * len(lines))


def _line(start: Point, end: Point, colour: str, *, width: float = 1.2, dashed: bool = False) -> str:
    return svg.polyline([start, end], stroke=colour, stroke_width=width, stroke_dasharray="5 4" if dashed else None)


def _cross(port: _Port, target: _Solid) -> str:
    (x, y), start = target.entry, port.solid.face(0.5, 0.5) if port.solid else (port.x, port.y)
    drawn = svg.polyline([start, (x, y)], stroke=svg.CROSS, stroke_width=2) + svg.arrow_head(x, y, colour=svg.CROSS)
    return svg.element("g", drawn, class_="cross")
