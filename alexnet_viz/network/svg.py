"""What the diagrams are made of: SVG elements, measured text, colours for both themes, and a layer's words.

Colours are CSS variables with fallbacks, `var(--st-text-color, #16232b)`, so a page's theme reaches into an inline
picture; `fixed()` writes one theme's colours in their place, for a file that stands alone.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from alexnet_viz.network.spec import (
    LRN,
    Activation,
    AdaptivePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Pool,
    Row,
    Shape,
    Spec,
    Walk,
    layer_names,
    walk,
)
from alexnet_viz.words.i18n import Translator
from alexnet_viz.words.numbers import percent

FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans KR', 'Noto Sans CJK KR', 'Apple SD Gothic Neo', "
    "'Malgun Gothic', sans-serif"
)
SMALL, NORMAL, LARGE = 11.0, 12.0, 14.0  # font sizes; nothing is smaller
LINE = 15.0  # from one line of text to the next

Theme = Literal["light", "dark"]
Point = tuple[float, float]

# CSS variable: (light, dark). Hues are Okabe and Ito's; the dark ones are those of the app's dark theme.
COLOURS: Mapping[str, tuple[str, str]] = {
    "--st-text-color": ("#16232b", "#e7eef2"),
    "--st-background-color": ("#ffffff", "#0f171c"),
    "--st-secondary-background-color": ("#f3f6f8", "#18242b"),
    "--st-border-color": ("#d5dee3", "#2c3b44"),
    "--st-primary-color": ("#0b6e8f", "#4fb8d8"),
    "--diagram-input": ("#8a9aa3", "#8a9aa3"),
    "--diagram-conv": ("#0072b2", "#56b4e9"),
    "--diagram-pool": ("#e69f00", "#e69f00"),
    "--diagram-linear": ("#009e73", "#2bbd94"),
    "--diagram-other": ("#8a9aa3", "#8a9aa3"),
    "--diagram-kernel": ("#f0e442", "#f0e442"),
    "--diagram-cross": ("#b0558a", "#e39bc4"),
    "--diagram-error": ("#d55e00", "#ff8a3d"),
}


def _variable(name: str) -> str:
    return f"var({name}, {COLOURS[name][0]})"


TEXT = _variable("--st-text-color")
PAPER = _variable("--st-background-color")
CARD = _variable("--st-secondary-background-color")
RULE = _variable("--st-border-color")
ACCENT = _variable("--st-primary-color")
INPUT = _variable("--diagram-input")
KERNEL = _variable("--diagram-kernel")
CROSS = _variable("--diagram-cross")
ERROR = _variable("--diagram-error")

_COLOUR_OF_KIND = {"conv": "conv", "pool": "pool", "adaptive_pool": "pool", "linear": "linear"}


def colour_of(layer: Layer) -> str:
    return _variable(f"--diagram-{_COLOUR_OF_KIND.get(layer.kind, 'other')}")


def fixed(svg: str, theme: Theme) -> str:
    """The same picture in one theme's own colours, with no variable left."""
    column = ("light", "dark").index(theme)
    return re.sub(r"var\((--[a-z-]+), #[0-9a-f]+\)", lambda match: COLOURS[match[1]][column], svg)


# Elements


def element(tag: str, content: str = "", /, **attributes: object) -> str:
    """`stroke_width=2` is written stroke-width, `class_` class; numbers with at most four decimals, None left out."""
    written = "".join(
        f" {name.rstrip('_').replace('_', '-')}={quoteattr(_number(value) if isinstance(value, float) else str(value))}"
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def rect(box: "Rect", **attributes: object) -> str:
    return element("rect", x=box.x, y=box.y, width=box.width, height=box.height, **attributes)


def polygon(points: Iterable[Point], **attributes: object) -> str:
    return element("polygon", points=_points(points), **attributes)


def polyline(points: Iterable[Point], **attributes: object) -> str:
    return element("polyline", points=_points(points), **({"fill": "none"} | attributes))


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def text(x: float, y: float, words: str, *, size: float = NORMAL, bold: bool = False, **attributes: object) -> str:
    """A line of text with its baseline at y."""
    weight = 650 if bold else None
    return element("text", escape(words), x=x, y=y, font_size=size, font_weight=weight, **({"fill": TEXT} | attributes))


def arrow_head(x: float, y: float, *, down: bool = False, colour: str = TEXT) -> str:
    """A small triangle whose tip is at (x, y)."""
    tail = [(x - 4, y - 7), (x + 4, y - 7)] if down else [(x - 7, y - 4), (x - 7, y + 4)]
    return polygon([(x, y), *tail], fill=colour)


def warning_sign(x: float, y: float, size: float = 18.0) -> str:
    """A triangle with an exclamation mark, its left foot at (x, y)."""
    triangle = polygon(
        [(x, y), (x + size / 2, y - 0.9 * size), (x + size, y)],
        **{"fill": PAPER, "stroke": ERROR, "stroke_width": 2, "stroke_linejoin": "round"},
    )
    mark = text(x + size / 2, y - 0.13 * size, "!", size=max(SMALL, 0.65 * size), bold=True, text_anchor="middle")
    return element("g", triangle + mark, class_="warning", aria_hidden="true")


@dataclass(frozen=True)
class Rect:
    x: float
    y: float
    width: float
    height: float

    def grown(self, by: float) -> "Rect":
        return Rect(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)


# Text


def text_width(words: str, size: float = NORMAL) -> float:
    """About how wide a line comes out, rather too wide than too narrow: no font can be asked here."""
    return size * sum(map(_character_width, words))


def _character_width(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if character in "il.,:;|'!()[] ":
        return 0.35
    if character in "mwMW%→×":
        return 0.86
    return 0.64 if character.isdigit() else 0.7 if character.isupper() else 0.6


def wrapped(words: str, width: float, size: float = NORMAL) -> list[str]:
    """Lines that fit; a single word longer than the width stays whole."""
    lines: list[str] = []
    for word in words.split(" "):  # not at no-break spaces
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def paragraph(x: float, y: float, width: float, words: str, size: float = NORMAL) -> tuple[str, float]:
    """Wrapped text whose first baseline is below y, and the y below its last line."""
    lines = wrapped(words, width, size)
    return (
        "".join(text(x, y + LINE * (i + 1) - 3, line, size=size) for i, line in enumerate(lines)),
        y + LINE * len(lines),
    )


# A layer's words


def size_of(shape: Shape) -> str:
    """As people say it, height first: (96, 55, 55) is "55 × 55 × 96"."""
    return " × ".join(map(str, (*shape[1:], shape[0])))


def settings_of(layer: Layer, t: Translator) -> list[str]:
    """What a layer is set to, in short pieces that may be joined or stand below each other."""
    more = [t("padding {padding}", padding=layer.padding)] if isinstance(layer, Conv | Pool) and layer.padding else []
    more += [t("{groups} groups", groups=layer.groups)] if isinstance(layer, Conv | LRN) and layer.groups > 1 else []
    match layer:
        case Conv(kernel=kernel, stride=stride):
            return [t("{kernel} × {kernel}, stride {stride}", kernel=kernel, stride=stride), *more]
        case Pool(kernel, stride, mode="max"):
            return [t("max {kernel} × {kernel}, stride {stride}", kernel=kernel, stride=stride), *more]
        case Pool(kernel, stride):
            return [t("average {kernel} × {kernel}, stride {stride}", kernel=kernel, stride=stride), *more]
        case AdaptivePool():
            return [t("average to {size} × {size}", size=layer.size)]
        case LRN():
            return [
                t("over {count} channels", count=layer.size) if layer.size > 1 else t("each value by itself"),
                *more,
            ]
        case BatchNorm():
            return [t("batch normalisation")]
        case Activation():
            return [{"relu": "max(0, x)", "tanh": "tanh(x)", "sigmoid": "1 / (1 + e^-x)"}[layer.function]]
        case Dropout():
            return [t("rate {rate}", rate=layer.rate)]
        case Flatten():
            return [t("maps to one vector")]
        case Linear():
            return [f"{layer.inputs} → {layer.outputs}"]


def share(part: float, whole: float) -> str:
    """A percentage, kept on one line."""
    return percent(part / whole if whole else 0.0).replace(" ", "\N{NO-BREAK SPACE}")


# A scene: what every view is given


@dataclass(frozen=True)
class Scene:
    """A walked network, its reader's language, the layer that is selected, and the width to fill."""

    spec: Spec
    t: Translator
    selected: str | None = None
    width: float = 1000.0

    @cached_property
    def walk(self) -> Walk:
        return walk(self.spec)

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.walk.rows

    @cached_property
    def failed(self) -> tuple[str, Layer] | None:
        """The layer at which the walk ends with an error, and its name."""
        index = len(self.rows)
        return (layer_names(self.spec.layers)[index], self.spec.layers[index]) if self.walk.errors else None

    def layer(self, row: Row, drawn: str, *boxes: Rect) -> str:
        """One layer's drawing as something to click: `boxes` are where the pointer finds it."""
        said = self.t(
            "{name}: {settings}. Output: {shape}.",
            name=f"{row.name} ({row.alias})" if row.alias else row.name,
            settings=", ".join(settings_of(row.layer, self.t)),
            shape=size_of(row.shape),
        )
        return self._button("layer", row.name, said, drawn, boxes)

    def failed_layer(self, drawn: str, *boxes: Rect) -> str:
        assert self.failed
        said = self.t("{name} does not fit: {reason}", name=self.failed[0], reason=self.walk.errors[0].text)
        return self._button("layer failed", self.failed[0], said, drawn, boxes)

    def _button(self, class_: str, name: str, said: str, drawn: str, boxes: Iterable[Rect]) -> str:
        chosen = name == self.selected
        outline = {"stroke": ACCENT, "stroke_width": 2.5} if chosen else {"stroke": "none"}
        hits = "".join(rect(box, class_="hit", rx=4, fill="none", pointer_events="all", **outline) for box in boxes)
        return element(
            "g",
            element("title", escape(said)) + drawn + hits,
            class_=f"{class_} selected" if chosen else class_,
            data_layer=name,
            tabindex=0,
            role="button",
            aria_pressed="true" if chosen else "false",
            aria_label=said,
        )

    def problem(self, y: float) -> tuple[str, float]:
        """The error's sentence below a drawing, with what is left out; nothing for a network that works."""
        if not self.failed:
            return "", y
        rest = len(self.spec.layers) - len(self.rows) - 1
        words = f"{self.failed[0]}: {self.t(self.walk.errors[0].text)}"
        if rest:
            words += " " + self.t("Layers after it that are not drawn: {count}.", count=rest)
        drawn, bottom = paragraph(40.0, y + 4, self.width - 56, words, NORMAL)
        return element("g", warning_sign(14.0, y + 20) + drawn, class_="problem"), max(bottom, y + 24) + 6

    def named(self) -> Iterator[tuple[str, str]]:
        """Name and size of the input and of every layer with weights."""
        yield self.t("input"), size_of(self.spec.input)
        for row in self.rows:
            if isinstance(row.layer, Conv | Linear):
                yield row.name, size_of(row.shape)
