"""A picture on which a box is drawn: with the mouse or a finger, or moved and resized by the arrow keys."""

import base64

import streamlit as st

from alexnet_viz.network.fields import Box
from alexnet_viz.words.i18n import Translator

_HTML = """
<div class="board" tabindex="0" role="application"><img draggable="false"><div class="box"></div></div>
<div class="place" aria-live="polite"></div>
"""

_CSS = """
.board { position: relative; display: inline-block; max-width: 100%; line-height: 0; cursor: crosshair;
  touch-action: none; user-select: none; }
.board:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.board img { width: 100%; border-radius: 4px; }
.box { position: absolute; box-sizing: border-box; pointer-events: none;
  border: 2px solid #fff; outline: 2px solid #d55e00; background: rgb(213 94 0 / 0.15); }
.place { font: 0.875rem var(--st-font); color: var(--st-text-color); margin-top: 4px; min-height: 1.3em; }
"""

_JS = """
export default function ({ data, parentElement, setStateValue }) {
  const board = parentElement.querySelector(".board"), img = board.querySelector("img");
  const box = board.querySelector(".box"), place = parentElement.querySelector(".place");
  if (img.getAttribute("src") !== data.src) img.src = data.src;
  img.alt = data.label;
  board.setAttribute("aria-label", data.label + ". " + data.help);
  board.style.width = `calc(${data.width}px * var(--projector-zoom, 1))`;
  let [top, left, bottom, right] = data.box;
  const { rows, columns } = data;
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  const draw = () => {
    box.style.top = 100 * top / rows + "%";
    box.style.left = 100 * left / columns + "%";
    box.style.height = 100 * (bottom - top) / rows + "%";
    box.style.width = 100 * (right - left) / columns + "%";
    place.textContent = data.place.replace("{width}", right - left).replace("{height}", bottom - top)
      .replace("{row}", top).replace("{column}", left);
  };
  const choose = () => { draw(); setStateValue("box", [top, left, bottom, right]); };

  const at = (event) => {
    const area = img.getBoundingClientRect();
    return [clamp(Math.round((event.clientY - area.top) / area.height * rows), 0, rows),
            clamp(Math.round((event.clientX - area.left) / area.width * columns), 0, columns)];
  };
  let start = null;
  board.onpointerdown = (event) => { start = at(event); board.setPointerCapture(event.pointerId); };
  board.onpointermove = (event) => {
    if (!start) return;
    const end = at(event);
    [top, bottom] = [Math.min(start[0], end[0]), Math.max(start[0], end[0])];
    [left, right] = [Math.min(start[1], end[1]), Math.max(start[1], end[1])];
    draw();
  };
  board.onpointerup = () => {
    if (!start) return;
    start = null;
    if (bottom - top > 1 && right - left > 1) choose(); else { [top, left, bottom, right] = data.box; draw(); }
  };
  board.onkeydown = (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step) {
      event.preventDefault();
      const by = Math.max(1, Math.round(rows / 32));
      if (event.shiftKey) {
        bottom = clamp(bottom + by * step[0], top + 2, rows);
        right = clamp(right + by * step[1], left + 2, columns);
      } else {
        const down = clamp(by * step[0], -top, rows - bottom), across = clamp(by * step[1], -left, columns - right);
        top += down; bottom += down; left += across; right += across;
      }
      draw();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose();
    }
  };
  draw();
}
"""

_component = st.components.v2.component("alexnet_viz_box_picker", html=_HTML, css=_CSS, js=_JS)


def box_picker(t: Translator, label: str, png: bytes, rows: int, columns: int, *, key: str, width: int) -> Box:
    """Draw the picture `width` pixels wide; returns the box on it, in its `rows` x `columns` pixels.

    Before anything is drawn it is the middle quarter.
    """
    box = _within((st.session_state.get(key) or {}).get("box"), rows, columns)
    _component(
        key=key,
        data={
            "src": "data:image/png;base64," + base64.b64encode(png).decode(),
            "rows": rows,
            "columns": columns,
            "width": width,
            "label": label,
            "help": t("Arrow keys move the box, with Shift they change its size; Enter chooses."),
            "place": t(
                "{width} x {height} pixels at row {row}, column {column}",
                width="{width}",
                height="{height}",
                row="{row}",
                column="{column}",
            ),
            "box": list(box),
        },
        on_box_change=lambda: None,
    )
    return box


def _within(box, rows: int, columns: int) -> Box:
    """The box comes from the browser: anything but four integers around some pixels becomes the middle quarter."""
    try:
        found = Box(*(int(value) for value in box)).clipped(rows, columns)
    except (TypeError, ValueError, OverflowError):
        found = Box(0, 0, 0, 0)
    if found.height < 1 or found.width < 1:
        return Box(rows // 4, columns // 4, 3 * rows // 4, 3 * columns // 4)
    return found
