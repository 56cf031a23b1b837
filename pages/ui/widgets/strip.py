"""A strip of thumbnails, one of which is chosen: by click, or by Tab and the arrow keys."""

import base64
from collections.abc import Callable, Sequence

import streamlit as st

from pages.ui.session import Picture
from pages.ui.store.pictures import thumbnail

_HTML = '<div class="strip" role="radiogroup"></div>'

_CSS = """
.strip { display: flex; gap: 0.5rem; overflow-x: auto; padding: 3px; scrollbar-width: thin; }
.strip button {
  flex: 0 0 auto; width: 4.8rem; padding: 3px; cursor: pointer; text-align: center;
  border: 2px solid transparent; border-radius: var(--st-base-radius);
  background: transparent; color: var(--st-text-color); font: 0.75rem/1.25 var(--st-font);
}
.strip button:hover { background: var(--st-secondary-background-color); }
.strip button[aria-checked="true"] { border-color: var(--st-primary-color); font-weight: 600; }
.strip button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
.strip img { display: block; width: 100%; aspect-ratio: 1; border-radius: calc(var(--st-base-radius) - 4px); }
.strip span { display: block; margin-top: 2px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
"""

# Buttons are kept and changed in place: a button that is made anew loses the keyboard focus.
_JS = """
export default function ({ data, parentElement, setStateValue }) {
  const strip = parentElement.querySelector(".strip");
  strip.setAttribute("aria-label", data.label);
  while (strip.children.length > data.items.length) strip.lastChild.remove();
  data.items.forEach((item, i) => {
    let button = strip.children[i];
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.setAttribute("role", "radio");
      const img = document.createElement("img");
      img.alt = "";
      button.append(img, document.createElement("span"));
      strip.append(button);
    }
    const [img, text] = button.children;
    if (img.getAttribute("src") !== item.src) img.src = item.src;
    text.textContent = button.title = item.label;
    const chosen = item.id === data.chosen;
    button.setAttribute("aria-checked", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
    if (chosen && strip.dataset.seen !== item.id) {
      strip.dataset.seen = item.id;  // once: afterwards people scroll where they like
      const middle = button.offsetLeft - strip.offsetLeft - strip.clientWidth / 2 + button.clientWidth / 2;
      requestAnimationFrame(() => { strip.scrollLeft = middle; });
    }
    button.onclick = () => setStateValue("choice", item.id);
  });
  strip.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = [...strip.children].indexOf(parentElement.activeElement ?? event.target);
    if (!step || at < 0) return;
    event.preventDefault();
    const next = strip.children[(at + step + strip.children.length) % strip.children.length];
    next.focus();
    next.click();
  };
}
"""

_component = st.components.v2.component("alexnet_viz_strip", html=_HTML, css=_CSS, js=_JS)


def strip(label: str, pictures: Sequence[Picture], chosen: str, *, key: str, on_choose: Callable[[str], None]) -> None:
    """Draw the strip; `on_choose(id)` is called, before the page runs again, when another picture is chosen."""

    def choose() -> None:
        picked = st.session_state[key]["choice"]
        if picked in {picture.id for picture in pictures}:  # it comes from the browser
            on_choose(picked)

    items = [{"id": picture.id, "label": picture.name, "src": _address(picture)} for picture in pictures]
    _component(key=key, data={"label": label, "items": items, "chosen": chosen}, on_choice_change=choose)


def _address(picture: Picture) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(thumbnail(picture)).decode()
