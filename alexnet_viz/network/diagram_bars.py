"""Where a network's parameters, multiplications and memory are: bars on one scale, a full track being 100 %.

Memory is that of the outputs of the layers shown (4 bytes a value, one image): for the paper's network its 659,272
"neurons".
"""

from collections.abc import Callable
from dataclasses import dataclass

from alexnet_viz.network import svg
from alexnet_viz.network.spec import Conv, Linear, Row
from alexnet_viz.network.svg import Rect, Scene
from alexnet_viz.words.i18n import N_

MARGIN = 12.0
ROW, BAR = 44.0, 14.0
COLUMN_GAP = 26.0
NARROW = 640.0  # below this width the three columns stand below each other


@dataclass(frozen=True)
class Column:
    """One quantity: its heading, and how to read and write it."""

    title: str  # marked for translation
    amount: Callable[[Row], int]
    written: Callable[[int], str]


def _bytes(value: int) -> str:
    for unit, size in (("MiB", 2**20), ("KiB", 2**10)):
        if value >= size:
            return f"{value / size:,.1f} {unit}"
    return f"{value} B"


COLUMNS = (
    Column(N_("Parameters"), lambda row: row.params, "{:,}".format),
    Column(N_("MACs for one image"), lambda row: row.macs, "{:,}".format),
    Column(N_("Memory of its output"), lambda row: row.memory, _bytes),
)


def shown(scene: Scene) -> list[Row]:
    """The layers that have parameters."""
    return [row for row in scene.rows if row.params]


def headings(scene: Scene) -> list[str]:
    """Two sentences: what the convolutions hold and do, and what the fully connected layers do."""
    t, rows = scene.t, shown(scene)
    if scene.failed:
        return [t("Only what comes before {name} is counted", name=scene.failed[0])]

    def shares(kind: type[Conv] | type[Linear]) -> dict[str, str]:
        of_kind = [row for row in rows if isinstance(row.layer, kind)]
        return {
            "params": svg.share(sum(row.params for row in of_kind), scene.walk.params),
            "macs": svg.share(sum(row.macs for row in of_kind), scene.walk.macs),
        }

    return [
        t("Convolutions: {params} of the parameters, {macs} of the MACs", **shares(Conv)),
        t("Fully connected layers: {params} of the parameters, {macs} of the MACs", **shares(Linear)),
    ]


def draw(scene: Scene) -> tuple[str, float]:
    """The drawing and its height."""
    rows, wide = shown(scene), scene.width >= NARROW
    drawn, y = "", MARGIN
    for words in headings(scene):
        said, y = svg.paragraph(MARGIN, y, scene.width - 2 * MARGIN, words, svg.LARGE)
        drawn, y = drawn + said, y + 4
    top = y + 8
    names = _names_width(scene, rows) if wide else 0.0
    width = (scene.width - 2 * MARGIN - names - 2 * COLUMN_GAP) / 3 if wide else scene.width - 2 * MARGIN
    panel = 44.0 + ROW * len(rows)  # a column's height: heading, total, rows
    extra = ROW if scene.failed else 0.0  # the failed layer's row, in the first column only
    corners = [
        (MARGIN + names + i * (width + COLUMN_GAP), top) if wide else (MARGIN, top + i * (panel + 16) + extra * (i > 0))
        for i in range(3)
    ]
    totals = [sum(column.amount(row) for row in rows) for column in COLUMNS]
    for column, total, (x, start) in zip(COLUMNS, totals, corners, strict=True):
        drawn += svg.text(x, start + 14, scene.t(column.title), size=svg.NORMAL + 1, bold=True)
        drawn += svg.text(x, start + 31, scene.t("total {amount}", amount=column.written(total)), size=svg.NORMAL)
    for i, row in enumerate(rows):
        body, boxes = "", []
        for nth, (column, total, (x, start)) in enumerate(zip(COLUMNS, totals, corners, strict=True)):
            line = start + 44 + i * ROW
            if wide and not nth:
                body += svg.text(MARGIN, line + 15, row.name, size=svg.NORMAL + 1, bold=True)
                body += svg.text(MARGIN, line + 32, svg.size_of(row.shape), size=svg.SMALL)
            elif not wide:
                label = row.name if nth else f"{row.name}, {svg.size_of(row.shape)}"
                body += svg.text(x, line + 15, label, size=svg.NORMAL, bold=True)
            body += _bar(column, row, total, Rect(x, line, width, ROW), right=not wide)
            boxes.append(Rect(x - 6, line, width + 12, ROW - 4))
        if wide:
            boxes = [Rect(4.0, boxes[0].y, scene.width - 8, ROW - 4)]
        drawn += scene.layer(row, body, *boxes)
    if scene.failed:
        drawn += _failed(scene, top + 44 + len(rows) * ROW)
    bottom = top + panel + extra if wide else corners[-1][1] + panel
    problem, bottom = scene.problem(bottom)
    words = scene.t(
        "True to scale: a full track is the column's total. 1 MAC = one multiplication and one addition. "
        "Memory: 4 bytes for each output value of the layers shown, one image."
    )
    note, bottom = svg.paragraph(MARGIN, bottom + 4, scene.width - 2 * MARGIN, words, svg.SMALL)
    return drawn + problem + note, bottom + MARGIN


def _names_width(scene: Scene, rows: list[Row]) -> float:
    words = [svg.size_of(row.shape) for row in rows] + ([scene.failed[0]] if scene.failed else [])
    return max((svg.text_width(word, svg.NORMAL) for word in words), default=60.0) + 24


def _bar(column: Column, row: Row, total: int, place: Rect, *, right: bool) -> str:
    """The number above its bar; `right` sets it against the right edge, when a name stands on the left."""
    amount = column.amount(row)
    words = f"{column.written(amount)} · {svg.share(amount, total)}"
    x = place.x + place.width if right else place.x
    track = Rect(place.x, place.y + 20, place.width, BAR)
    length = place.width * amount / total if total else 0.0
    return (
        svg.text(x, place.y + 15, words, text_anchor="end" if right else None)
        + svg.rect(track, class_="track", rx=2, fill=svg.RULE, fill_opacity=0.6)
        + svg.rect(Rect(track.x, track.y, length, BAR), class_="bar", data_amount=amount, fill=svg.colour_of(row.layer))
    )


def _failed(scene: Scene, y: float) -> str:
    assert scene.failed
    box = Rect(6.0, y, scene.width - 12, ROW - 6)
    drawn = svg.rect(box, rx=6, fill="none", stroke=svg.ERROR, stroke_width=2.5, stroke_dasharray="6 4")
    drawn += svg.text(MARGIN + 28, y + 23, scene.failed[0], size=svg.NORMAL + 1, bold=True, fill=svg.TEXT)
    return scene.failed_layer(drawn + svg.warning_sign(MARGIN + 2, y + 27), box.grown(2))
