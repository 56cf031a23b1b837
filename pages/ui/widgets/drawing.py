"""A drawing whose parts can be chosen: by click, or by Tab and Enter. It also saves itself as SVG and PNG."""

import streamlit as st

from alexnet_viz.words.i18n import Translator

_HTML = """
<div class="drawing"></div>
<button class="save svg" type="button"></button> <button class="save png" type="button"></button>
"""

_CSS = """
.drawing { overflow-x: auto; }
.drawing svg { display: block; width: 100%; min-width: 560px; height: auto; }
.drawing .layer { cursor: pointer; }
.save {
  margin-top: 4px; padding: 0.2rem 0.6rem; cursor: pointer; border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius); background: transparent; color: var(--st-text-color);
  font: 0.875rem var(--st-font);
}
.save:focus-visible { outline: 2px solid var(--st-primary-color); }
"""

# The drawing is our own, with every word in it escaped. A canvas makes the PNG, so words need no fonts of ours.
_JS = """
export default function ({ data, parentElement, setStateValue }) {
  const drawing = parentElement.querySelector(".drawing"), png = parentElement.querySelector(".save.png");
  if (drawing.dataset.svg !== data.digest) {
    const focused = parentElement.activeElement?.dataset?.layer;
    drawing.innerHTML = data.svg;
    drawing.dataset.svg = data.digest;
    if (focused) drawing.querySelector(`[data-layer="${CSS.escape(focused)}"]`)?.focus();
  }
  const choose = (event) => {
    const layer = event.target.closest("[data-layer]");
    if (layer) setStateValue("layer", layer.dataset.layer);
  };
  drawing.onclick = choose;
  drawing.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(event); }
  };
  const save = (name, address) => {
    const link = document.createElement("a");
    link.download = name; link.href = address; link.click();
  };
  const source = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(data.standalone);
  const svg = parentElement.querySelector(".save.svg");
  svg.textContent = data.svgLabel;
  svg.onclick = () => save(data.file + ".svg", source);
  png.textContent = data.png;
  png.onclick = () => {
    const picture = new Image();
    picture.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = 2 * data.width; canvas.height = 2 * data.width * picture.height / picture.width;
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      save(data.file + ".png", canvas.toDataURL("image/png"));
    };
    picture.src = source;
  };
}
"""

_component = st.components.v2.component("alexnet_viz_svg_picker", html=_HTML, css=_CSS, js=_JS)
PNG_WIDTH = 1200  # pixels of the page; twice as many in the file


def svg_picker(t: Translator, svg: str, standalone: str, *, key: str, file_name: str) -> str | None:
    """Draw the SVG; returns the `data-layer` that was chosen last. `standalone` is what is saved."""
    _component(
        key=key,
        data={
            "svg": svg,
            "digest": str(hash(svg)),
            "standalone": standalone,
            "svgLabel": t("Save as SVG"),
            "png": t("Save as PNG"),
            "file": file_name,
            "width": PNG_WIDTH,
        },
        on_layer_change=lambda: None,
    )
    chosen = (st.session_state.get(key) or {}).get("layer")
    return chosen if isinstance(chosen, str) else None
