"""A picture on which a box is drawn: with the mouse or a finger, or moved and resized by the arrow keys."""

import streamlit as st

from alexnet_viz.network.fields import Box
from alexnet_viz.words.i18n import Translator
from pages.ui.widgets.pixels import KEPT, board, board_component

_component = board_component(
    "box",
    """
.board { touch-action: none; user-select: none; }
.box { background: rgb(213 94 0 / 0.15); }
""",
    """
  let [top, left, bottom, right] = data.box;
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
  keys((down, across, far) => {
    const by = Math.max(1, Math.round(rows / 32));
    if (far) {
      bottom = clamp(bottom + by * down, top + 2, rows);
      right = clamp(right + by * across, left + 2, columns);
    } else {
      const downwards = clamp(by * down, -top, rows - bottom), aside = clamp(by * across, -left, columns - right);
      top += downwards; bottom += downwards; left += aside; right += aside;
    }
  }, choose);
""",
)


def box_picker(t: Translator, label: str, png: bytes, rows: int, columns: int, *, key: str, width: int) -> Box:
    """Draw the picture `width` pixels wide; returns the box on it, in its `rows` x `columns` pixels.

    Before anything is drawn it is the middle quarter.
    """
    box = chosen_box((st.session_state.get(key) or {}).get("box"), rows, columns)
    help = t("Arrow keys move the box, with Shift they change its size; Enter chooses.")
    place = t("{width} x {height} pixels at row {row}, column {column}", **KEPT)
    data = board(label, png, rows, columns, width, help, place) | {"box": list(box)}
    _component(key=key, data=data, on_box_change=lambda: None)
    return box


def chosen_box(box, rows: int, columns: int) -> Box:
    """The box comes from the browser: anything but four integers around some pixels becomes the middle quarter."""
    try:
        found = Box(*(int(value) for value in box)).clipped(rows, columns)
    except (TypeError, ValueError, OverflowError):
        found = Box(0, 0, 0, 0)
    if found.height < 1 or found.width < 1:
        return Box(rows // 4, columns // 4, 3 * rows // 4, 3 * columns // 4)
    return found
