"""Where things stand: lazy tabs, a box behind a button, tiles; and the one way to choose from a list."""

from collections.abc import Callable, Collection, Mapping
from types import SimpleNamespace
from typing import Any

import streamlit as st

from alexnet_viz.words.i18n import Translator
from pages.ui import messages, session
from pages.ui.session import Choice

Place = "st.delta_generator.DeltaGenerator"
Tabs = Mapping[str, tuple[str, Callable[..., None]]]  # by id: the title, marked for translation; what draws it


def draw_tabs(t: Translator, name: str, tabs: Tabs, *about: Any) -> None:
    """Lazy tabs: the open one is drawn, with `t` and what it is about, and its errors are sentences in its place."""
    for tab_id, tab in open_tabs(t, name, {tab_id: title for tab_id, (title, _) in tabs.items()}).items():
        if tab.open:
            with tab, messages.shown(t):
                tabs[tab_id][1](t, *about)


def open_tabs(t: Translator, name: str, titles: Mapping[str, str]) -> Mapping[str, Place]:
    """Tabs by id, of which only those whose `.open` is true are to be drawn into. The open one is linked and survives a
    language change, which gives the tabs other titles."""
    choice = Choice("tab", next(iter(titles)))
    linked = choice.linked(titles)
    current = choice.current(titles)
    if session.hidden("tabs"):  # the current tab's place alone; the others are closed for good
        choice.remember(current)
        place = st.container()
        place.open = True
        return {tab_id: place if tab_id == current else SimpleNamespace(open=False) for tab_id in titles}
    key, labels = f"{name}_{t.language}", [t(title) for title in titles.values()]
    # Not by `default`, which is a part of what Streamlit knows tabs by: new ones would not hear of the next click.
    if linked or key not in st.session_state:
        st.session_state[key] = t(titles[current])
    drawn = st.tabs(labels, key=key, on_change="rerun")
    by_id = dict(zip(titles, drawn, strict=True))
    choice.remember(next((tab_id for tab_id, tab in by_id.items() if tab.open), current))
    return by_id


def popover(t: Translator, name: str, label: str, icon: str | None = None, width: str = "stretch") -> Place:
    """A box behind a button; draw into it only if its `.open` is true, since what it holds is sent with every run."""
    return st.popover(label, icon=icon, width=width, on_change="rerun", key=f"{name}_{t.language}")


def tiles(count: int, width: int, *, even: bool = False) -> list[Place]:
    """So many places of a width in pixels, those of a row equally high if `even`.

    Columns would become one picture a row on a phone.
    """
    with st.container(horizontal=True):
        return [st.container(width=width, height="stretch" if even else "content") for _ in range(count)]


def pick(
    t: Translator,
    label: str,
    titles: Mapping[Any, str],
    choice: Choice | None = None,
    *,
    key: str,
    current: Any = None,
    say: Callable[[str], str] | None = None,
    segments: bool = False,
    of: Any = st,
    **settings: Any,
) -> Any:
    """One id of `titles`, whose titles are marked for translation, or said by `say`; from a select box or `segments`.

    It begins with `current`, else with what `choice` remembers, else with the first; `choice` is kept up to date.
    """
    ids = list(titles)
    key, linked = f"{key}_{t.language}", bool(choice and choice.linked(ids))
    if choice and (current is None or linked):
        current = choice.current(ids)
    if current not in titles:
        current = ids[0]

    def title(option: Any) -> str:
        return (say or t)(titles[option])

    if linked:  # a box that is drawn already would keep what it shows; and it must not be given a default as well
        st.session_state[key] = current
    if segments:
        settings = {"default": None if linked else current, "required": True} | settings
        picked = of.segmented_control(label, ids, format_func=title, key=key, **settings)
    else:
        picked = of.selectbox(label, ids, 0 if linked else ids.index(current), format_func=title, key=key, **settings)
    if choice:
        choice.remember(picked)
    return picked


def slide(
    label: str,
    ids: Collection[str],
    choice: Choice,
    *,
    key: str,
    say: Callable[[str], Any] = str,
    drawn: bool = True,
) -> str:
    """One of some ids in their order, by a slider; `choice` remembers it, in the link too. `drawn` False only looks."""
    linked, current, first = choice.linked(ids), choice.current(ids), next(iter(ids))
    if current not in ids:
        current = first
    if drawn:
        if linked:  # by the tour, or Back: a slider that is drawn already would keep what it shows
            st.session_state[key] = current
        settings = {} if linked else {"value": current}
        current = st.select_slider(label, list(ids), key=key, format_func=say, **settings)
    choice.remember(current)
    return current
