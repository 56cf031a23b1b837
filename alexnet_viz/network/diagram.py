"""A network as a picture: `diagram(spec, "boxes", t)` is an SVG, drawn from the same spec that counts and builds it.

    diagram(spec, "flow", t, selected="conv2")     # inline: colours follow the page, layers can be clicked
    diagram(spec, "bars", t, theme="dark")         # a file of its own: fixed colours, its own background
    diagram(spec, "boxes", t, width=390)           # laid out anew for a phone; text keeps its size

Layers are `<g class="layer" data-layer="conv1" role="button" tabindex="0">`; a page listens for clicks on those.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal
from xml.sax.saxutils import escape

from alexnet_viz.network import diagram_bars, diagram_boxes, diagram_flow
from alexnet_viz.network.spec import Spec
from alexnet_viz.network.svg import ACCENT, COLOURS, FONT, Scene, Theme, element, fixed
from alexnet_viz.words.i18n import N_, Translator

VIEWS: Mapping[str, str] = {"boxes": N_("Figure 2"), "flow": N_("Flow"), "bars": N_("Where it is")}

NARROWEST = 320  # pixels: a small phone
# How each is drawn, and what it is called for those who cannot see it.
_DRAW: Mapping[str, tuple[Callable[[Scene], tuple[str, float]], str]] = {
    "boxes": (diagram_boxes.draw, N_("The network as boxes, after the paper's Figure 2")),
    "flow": (diagram_flow.draw, N_("The network as a flow of layers")),
    "bars": (diagram_bars.draw, N_("Where parameters, multiplications and memory are")),
}

# Every rule is kept to the picture that it stands in; colours are attributes, so that this may be taken away.
_STYLE = (
    ".alexnet-diagram .layer{cursor:pointer;outline:none}"
    f".alexnet-diagram .layer:hover>.hit{{stroke:{ACCENT};stroke-width:1.5}}"
    f".alexnet-diagram .layer:focus-visible>.hit{{stroke:{ACCENT};stroke-width:2.5;stroke-dasharray:3 2}}"
)


def diagram(
    spec: Spec,
    view: str,
    t: Translator,
    *,
    selected: str | None = None,
    theme: Literal["light", "dark", "auto"] = "auto",
    width: int = 1000,
) -> str:
    """One of `VIEWS` as an SVG that fills its container, laid out for `width` pixels.

    `auto` takes its colours from the page; the other themes give a file of its own, see `standalone`.
    """
    scene = Scene(spec, t, selected, float(max(width, NARROWEST)))
    draw, title = _DRAW[view]
    drawn, height = draw(scene)
    words = element("title", escape(t(title))) + element("desc", escape(alt_text(spec, view, t)))
    svg = element(
        "svg",
        words + element("style", _STYLE) + drawn,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {scene.width:.0f} {height:.0f}",
        width="100%",
        class_=f"alexnet-diagram {view}",
        role="group",  # not "img": an image's layers could not be reached one by one
        font_family=FONT,
        style="height:auto",
    )
    return svg if theme == "auto" else standalone(svg, theme)


def standalone(svg: str, theme: Theme) -> str:
    """A diagram made for a page, as a file of its own: one theme's colours, its background, its size in pixels."""
    match = re.search(r'viewBox="0 0 (\d+) (\d+)" width="100%"', svg)
    if match is None:
        return svg  # it is one already
    width, height = match.groups()
    svg = svg.replace(match[0], f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"', 1)
    svg = svg.replace('style="height:auto"', 'style="max-width:100%;height:auto"', 1)
    paper = COLOURS["--st-background-color"][theme == "dark"]
    background = element("rect", width=width, height=height, fill=paper, class_="background")
    return fixed(svg.replace("</style>", "</style>" + background, 1), theme)


def alt_text(spec: Spec, view: str, t: Translator) -> str:
    """What the picture shows, in a few sentences, for those who cannot see it."""
    scene = Scene(spec, t)
    if view == "bars":
        sentences = [f"{words}." for words in diagram_bars.headings(scene)]
    else:
        chain = ", ".join(f"{name} {size}" for name, size in scene.named())
        sentences = [t("From the input to the last layer, with the size of what each gives: {chain}.", chain=chain)]
    if view == "boxes":
        split, crossed = diagram_boxes.streams(scene)
        if split:
            sentences.append(t("Two streams side by side: {layers}.", layers=", ".join(split)))
        if crossed:
            sentences.append(t("These see both streams: {layers}.", layers=", ".join(crossed)))
    if scene.failed:
        error = scene.walk.errors[0]
        sentences.append(t("{name} does not fit: {reason}", name=error.layer, reason=error.text))
    return " ".join(sentences)
