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
KEPT = {name: f"{{{name}}}" for name in ("row", "column", "value", "width", "height")}  # filled in by the browser

_HTML = """
<div class="board" tabindex="0" role="application"><img draggable="false"><div class="box"></div></div>
<div class="place" aria-live="polite"></div>
"""

_CSS = """
.board { position: relative; display: inline-block; max-width: 100%; line-height: 0; cursor: crosshair; }
.board:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.board img { width: 100%; border-radius: 4px; }
.box { position: absolute; box-sizing: border-box; pointer-events: none;
  border: 2px solid #fff; outline: 2px solid #d55e00; }
.place { font: 0.875rem var(--st-font); color: var(--st-text-color); margin-top: 4px; min-height: 1.3em; }
"""

# What every board begins with: the picture, and `keys`, which calls `move(down, across, far)` for an arrow key, with
# Shift if `far`, and `choose()` for Enter.
_JS = """
export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const board = parentElement.querySelector(".board"), img = board.querySelector("img");
  const box = board.querySelector(".box"), place = parentElement.querySelector(".place");
  const { rows, columns } = data;
  if (img.getAttribute("src") !== data.src) img.src = data.src;
  img.alt = data.label;
  board.setAttribute("aria-label", data.label + ". " + data.help);
  board.style.width = `calc(${data.width}px * var(--projector-zoom, 1))`;
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const keys = (move, choose) => {
    board.onkeydown = (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step && event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      if (step) { move(...step, event.shiftKey); draw(); } else choose();
    };
  };
"""


def board_component(name: str, css: str, js: str) -> Callable[..., object]:
    """A picture of `rows` x `columns` cells with a box on it; `js` defines `draw()` and says what mouse and keys do."""
    js = f"{_JS}{js}  draw();\n}}\n"
    return st.components.v2.component(f"alexnet_viz_{name}_picker", html=_HTML, css=_CSS + css, js=js)


_component = board_component(
    "pixel",
    """
.board img { image-rendering: pixelated; }
.box { display: none; min-width: 9px; min-height: 9px; translate: -50% -50%; }
""",
    """
  const [row, column] = data.chosen ?? [0, 0];
  const cursor = { row, column, shown: Boolean(data.chosen) };
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
    return [clamp(Math.floor((event.clientY - area.top) / area.height * rows), 0, rows - 1),
            clamp(Math.floor((event.clientX - area.left) / area.width * columns), 0, columns - 1)];
  };
  const choose = () => {
    cursor.shown = true;
    draw();
    const cell = [cursor.row, cursor.column];
    if (data.clicks) setTriggerValue("clicked", cell); else setStateValue("cell", cell);
  };
  board.onclick = (event) => {
    [cursor.row, cursor.column] = under(event);
    choose();
  };
  board.onmousemove = (event) => tell(...under(event));
  board.onmouseleave = draw;
  keys((down, across, far) => {
    cursor.row = clamp(cursor.row + (far ? 10 : 1) * down, 0, rows - 1);
    cursor.column = clamp(cursor.column + (far ? 10 : 1) * across, 0, columns - 1);
    cursor.shown = true;
  }, choose);
""",
)


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
    at: Cell | None = None,
    on_click: Callable[[Cell], None] | None = None,
) -> Cell | None:
    """Draw the picture `width` pixels wide and return the chosen cell as (row, column), within its bounds.

    Below it stands what is under the mouse or the cursor: `place` with {row}, {column} and, from the row-major
    `values`, {value}. With `on_click` the picture is a board of buttons: `on_click(cell)` is called before the page
    runs again, at every click, and the mark stands at `at`, whatever was clicked; nowhere if that is None.
    """
    help = t("Arrow keys move, with Shift by ten; Enter chooses.")
    place = place or t("row {row}, column {column}", **KEPT)
    data = board(label, png, rows, columns, width, help, place) | {"values": list(values)}
    if on_click:
        _component(
            key=key,
            data=data | {"chosen": at, "clicks": True},
            on_clicked_change=lambda: on_click(_within(st.session_state[key]["clicked"], rows, columns)),
        )
        return at
    chosen = _within((st.session_state.get(key) or {}).get("cell") or default, rows, columns)
    _component(key=key, data=data | {"chosen": chosen}, on_cell_change=lambda: None)
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
    png, place = render.diverging(values, limit), t("row {row}, column {column}: {value}", **KEPT)
    said = [f"{value:{digits}}" for value in values.ravel()]
    return pixel_picker(t, label, png, *values.shape, key=key, width=width, default=default, place=place, values=said)


def tile_picker(
    t: Translator,
    label: str,
    sheet: render.Montage,
    said: Sequence[str],
    on_click: Callable[[int], None],
    *,
    key: str,
    at: int | None,
    width: int = 720,
) -> None:
    """A montage whose tiles are buttons: `on_click(number)` gets the tile's number, `said` is shown under the mouse."""
    pixel_picker(
        t,
        label,
        sheet.png,
        sheet.rows,
        sheet.columns,
        key=key,
        width=min(sheet.width, width),
        at=None if at is None else sheet.place(at),
        on_click=lambda cell: on_click(sheet.number(cell, len(said))),
        place="{value}",
        values=said,
    )


def board(label: str, png: bytes, rows: int, columns: int, width: int, help: str, place: str) -> dict[str, object]:
    """What a component that draws a picture of `rows` x `columns` cells has to know."""
    src = "data:image/png;base64," + base64.b64encode(png).decode()
    size = {"rows": rows, "columns": columns, "width": width}
    return {"src": src, "label": label, "help": help, "place": place, **size}


def _within(cell, rows: int, columns: int) -> Cell:
    """The cell comes from the browser: anything but two integers in range becomes the nearest that is."""
    try:
        row, column = (int(value) for value in cell)
    except (TypeError, ValueError):
        row, column = 0, 0
    return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
