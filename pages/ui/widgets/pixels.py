"""A picture made of cells, one of which is chosen: by click, or by the arrow keys and Enter.

One picker serves pixels of an image, channels of a montage and units of a map alike. Plotly's heat maps emit no
clicks and `st.image` has none either, so this is a small component of our own.
"""

import base64
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from alexnet_viz.pictures import render
from alexnet_viz.words.i18n import Translator

Cell = tuple[int, int]  # row, column

_HTML = """
<div class="grid" tabindex="0" role="application">
  <img draggable="false"><div class="box"></div>
</div>
<div class="place" aria-live="polite"></div>
"""

_CSS = """
.grid { position: relative; display: inline-block; max-width: 100%; line-height: 0; cursor: crosshair; }
.grid:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.grid img { width: 100%; image-rendering: pixelated; border-radius: 4px; }
.box {
  position: absolute; box-sizing: border-box; pointer-events: none; display: none; min-width: 9px; min-height: 9px;
  translate: -50% -50%; border: 2px solid #fff; outline: 2px solid #d55e00;
}
.place { font: 0.875rem var(--st-font); color: var(--st-text-color); margin-top: 4px; min-height: 1.3em; }
"""

_JS = """
export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid"), img = grid.querySelector("img");
  const box = grid.querySelector(".box"), place = parentElement.querySelector(".place");
  const { rows, columns } = data;
  if (img.getAttribute("src") !== data.src) img.src = data.src;
  img.alt = data.label;
  grid.setAttribute("aria-label", data.label + ". " + data.help);
  grid.style.width = `calc(${data.width}px * var(--projector-zoom, 1))`;
  const [row, column] = data.chosen ?? [0, 0];
  const cursor = { row, column, shown: Boolean(data.chosen) };

  const clamp = (value, count) => Math.min(count - 1, Math.max(0, value));
  const draw = () => {
    box.style.display = cursor.shown ? "block" : "none";
    box.style.left = 100 * (cursor.column + 0.5) / columns + "%";
    box.style.top = 100 * (cursor.row + 0.5) / rows + "%";
    box.style.width = 100 / columns + "%";
    box.style.height = 100 / rows + "%";
    if (cursor.shown) tell(cursor.row, cursor.column); else place.textContent = "";
  };
  const tell = (row, column) => {
    place.textContent = data.place.replace("{row}", row).replace("{column}", column)
      .replace("{value}", data.values?.[row * columns + column] ?? "");
  };
  const under = (event) => {
    const area = img.getBoundingClientRect();
    return [clamp(Math.floor((event.clientY - area.top) / area.height * rows), rows),
            clamp(Math.floor((event.clientX - area.left) / area.width * columns), columns)];
  };
  const choose = () => {
    cursor.shown = true;
    draw();
    const cell = [cursor.row, cursor.column];
    if (data.clicks) setTriggerValue("clicked", cell); else setStateValue("cell", cell);
  };
  grid.onclick = (event) => {
    [cursor.row, cursor.column] = under(event);
    choose();
  };
  grid.onmousemove = (event) => tell(...under(event));
  grid.onmouseleave = draw;
  grid.onkeydown = (event) => {
    const far = event.shiftKey ? 10 : 1;
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step) {
      event.preventDefault();
      cursor.row = clamp(cursor.row + far * step[0], rows);
      cursor.column = clamp(cursor.column + far * step[1], columns);
      cursor.shown = true;
      draw();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose();
    }
  };
  draw();
}
"""

_component = st.components.v2.component("alexnet_viz_pixel_picker", html=_HTML, css=_CSS, js=_JS)


def pixel_picker(
    t: Translator,
    label: str,
    png: bytes,
    rows: int,
    columns: int,
    *,
    key: str,
    width: int,
    default: Cell = (0, 0),
    place: str = "",
    values: Sequence[object] = (),
) -> Cell:
    """Draw the picture `width` pixels wide and return the chosen cell as (row, column), within its bounds.

    Below it stands what is under the mouse or the cursor: `place` with {row}, {column} and, from the row-major
    `values`, {value}.
    """
    chosen = _within((st.session_state.get(key) or {}).get("cell") or default, rows, columns)
    data = _data(t, label, png, rows, columns, width, place, values) | {"chosen": chosen}
    _component(key=key, data=data, on_cell_change=lambda: None)
    return chosen


def map_picker(
    t: Translator,
    label: str,
    values: np.ndarray,
    *,
    key: str,
    width: int,
    limit: float | None = None,
    default: Cell = (0, 0),
    digits: str = ".4g",
) -> Cell:
    """A map, (H, W), each value a cell that says its number; colours run from -limit to limit."""
    rows, columns = values.shape
    return pixel_picker(
        t,
        label,
        render.diverging(values, limit),
        rows,
        columns,
        key=key,
        width=width,
        default=default,
        place=t("row {row}, column {column}: {value}", row="{row}", column="{column}", value="{value}"),
        values=[f"{value:{digits}}" for value in values.ravel()],
    )


def click_picker(
    t: Translator,
    label: str,
    png: bytes,
    rows: int,
    columns: int,
    *,
    key: str,
    width: int,
    at: Cell | None,
    on_click: Callable[[Cell], None],
    place: str = "",
    values: Sequence[object] = (),
) -> None:
    """The same picture as a board of buttons: `on_click(cell)` is called before the page runs again, at every click.

    The mark stands at `at`, whatever was clicked; nowhere if that is None.
    """

    def clicked() -> None:
        on_click(_within(st.session_state[key]["clicked"], rows, columns))

    data = _data(t, label, png, rows, columns, width, place, values) | {"chosen": at, "clicks": True}
    _component(key=key, data=data, on_clicked_change=clicked)


def _data(
    t: Translator, label: str, png: bytes, rows: int, columns: int, width: int, place: str, values: Sequence[object]
) -> dict[str, object]:
    return {
        "src": "data:image/png;base64," + base64.b64encode(png).decode(),
        "rows": rows,
        "columns": columns,
        "width": width,
        "label": label,
        "help": t("Arrow keys move, with Shift by ten; Enter chooses."),
        "place": place or t("row {row}, column {column}", row="{row}", column="{column}"),
        "values": list(values),
    }


def _within(cell, rows: int, columns: int) -> Cell:
    """The cell comes from the browser: anything but two integers in range becomes the nearest that is."""
    try:
        row, column = (int(value) for value in cell)
    except (TypeError, ValueError):
        row, column = 0, 0
    return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
