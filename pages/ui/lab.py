"""The network that a visitor edits on the architecture page: kept in the session, written into the link."""

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from alexnet_viz.network.notation import read_spec, write_spec
from alexnet_viz.network.spec import Spec, Walk, layer_names, walk
from alexnet_viz.network.zoo import LISTED, MODELS
from pages.ui import session

_KEY = "lab"
PRESET = session.Choice("preset", "alexnet_2012", successors=session.REPLACED_MODELS)
_NET = session.Choice("net", "")  # an edited network as a link writes it; "" for one as the table has it
MOST_UNDO = 50


@dataclass(frozen=True)
class Lab:
    """A network and how it came about."""

    preset: str  # id in MODELS that changes are marked against
    spec: Spec
    before: tuple[Spec, ...] = ()  # newest last
    generation: int = 0  # counts changes that did not come from a setting's own widget; part of the widgets' keys

    @property
    def original(self) -> Spec:
        return MODELS[self.preset].spec

    @property
    def edited(self) -> bool:
        return self.spec != self.original

    def walked(self) -> Walk:
        return walk(self.spec)


def current() -> Lab:
    """The visitor's network: from a link that was just opened, else from the session. A bad link raises UserError."""
    preset = PRESET.current(LISTED)
    lab: Lab = st.session_state.get(_KEY) or Lab(preset, MODELS[preset].spec)
    if lab.preset != preset:
        lab = Lab(preset, MODELS[preset].spec)
    linked = st.query_params.get(_NET.param, "")
    if linked and _NET.linked([linked]):
        written = _NET.current([linked])  # taken up, so that a bad one is complained of once
        lab = Lab(preset, read_spec(written), generation=lab.generation + 1)
    st.session_state[_KEY] = lab
    return lab


def choose_preset(preset: str) -> None:
    """Start from another network of the table."""
    _change(preset=preset, spec=MODELS[preset].spec, before=())


def set_layer(spec: Spec, generations: int = 0) -> None:
    """Put a network in the place of the current one, changed by a widget that shows the new value already."""
    lab = st.session_state[_KEY]
    before = lab.before if spec == lab.spec else (*lab.before, lab.spec)[-MOST_UNDO:]
    _change(generations, spec=spec, before=before)


def edit(spec: Spec) -> None:
    """Put a network in the place of the current one, whatever the widgets show; it can be undone."""
    set_layer(spec, 1)


def undo() -> None:
    """Take the last change back."""
    if before := st.session_state[_KEY].before:
        _change(spec=before[-1], before=before[:-1])


def reset() -> None:
    """Back to the network of the table; that too can be undone."""
    edit(st.session_state[_KEY].original)


def selected_name(lab: Lab) -> str:
    """The selected layer; the first one if the name is gone."""
    names = layer_names(lab.spec.layers)
    chosen = session.LAYER.current(names)
    return chosen if chosen in names else names[0]


def clicked(name: str) -> bool:
    """Select a layer that was clicked in the drawing; whether that is news."""
    if name == st.session_state.get("lab_clicked"):
        return False
    st.session_state["lab_clicked"] = name
    session.LAYER.remember(name)
    return True


def write_link(lab: Lab) -> None:
    """The edited network into the address bar; an unedited one is named by its preset alone."""
    PRESET.remember(lab.preset)
    _NET.remember(write_spec(lab.spec) if lab.edited else "")


def _change(generations: int = 1, **changes: Any) -> None:
    lab = st.session_state[_KEY]
    st.session_state[_KEY] = lab = replace(lab, generation=lab.generation + generations, **changes)
    write_link(lab)
