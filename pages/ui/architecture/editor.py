"""The selected layer's settings as widgets. Each change is one edit; the widgets never hold the network themselves."""

from dataclasses import replace

import streamlit as st

from alexnet_viz.network import editing, notation
from alexnet_viz.network.spec import KINDS, layer_names
from alexnet_viz.network.tables import KIND_NAMES
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import lab as lab_state
from pages.ui import messages, session
from pages.ui.lab import Lab
from pages.ui.widgets.layout import popover

# Field: its name for people, and its largest value in the widget. The order is the order on the page.
_NUMBERS = {
    "kernel": (N_("Kernel"), notation.MAX_KERNEL),
    "channels": (N_("Channels"), notation.MAX_CHANNELS),
    "stride": (N_("Stride"), notation.MAX_KERNEL),
    "padding": (N_("Padding"), notation.MAX_KERNEL),
    "groups": (N_("Groups"), notation.MAX_CHANNELS),
    "size": (N_("Size"), notation.MAX_KERNEL),
    "inputs": (N_("Inputs"), notation.MAX_UNITS),
    "outputs": (N_("Units"), notation.MAX_CHANNELS),
}
_REALS = {
    "alpha": (N_("alpha"), 10.0, "%g"),
    "beta": (N_("beta"), 5.0, "%.2f"),
    "k": (N_("k"), 100.0, "%.2f"),
    "rate": (N_("Rate"), 1.0, "%.2f"),
}
_CHOICES = {
    "mode": (N_("Takes the"), {"max": N_("maximum"), "avg": N_("mean")}),
    "function": (N_("Function"), {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}),
}


def layer_editor(t: Translator, lab: Lab) -> None:
    """Choose a layer, change its settings, move or remove it, add one before it."""
    names = layer_names(lab.spec.layers)
    index = names.index(lab_state.selected_name(lab))
    layer = lab.spec.layers[index]
    fields = [name for name in (*_NUMBERS, *_REALS, *_CHOICES) if name in layer.__match_args__]
    chooser, *places, more = st.columns([2, *[1] * len(fields), 2], vertical_alignment="bottom")
    with chooser:
        picked = st.selectbox(
            f"{t('Layer')}: {t(KIND_NAMES[layer.kind])}", names, index=index, key=f"lab_layer_{lab.generation}_{index}"
        )
    session.LAYER.remember(picked)
    if picked != names[index]:
        st.rerun()
    values = {}
    for place, name in zip(places, fields, strict=True):
        with place:
            values[name] = _widget(t, name, getattr(layer, name), f"lab_{name}_{index}_{lab.preset}_{lab.generation}")
    for name in (name for name in fields if not _within(name, values[name], getattr(layer, name))):
        messages.error(_out_of_range(t, name, values.pop(name)))
    changed = replace(layer, **values)
    if changed != layer:
        lab_state.set_layer(editing.replaced(lab.spec, index, changed))
        st.rerun()
    with more:
        box = popover(t, "lab_structure", t("Add, move or remove"))
    if box.open:
        with box:
            _structure(t, lab, index)


def _widget(t: Translator, name: str, value, key: str):
    """A field without bounds: a browser keeps a number beyond those to itself, and says so in English."""
    if name in _NUMBERS:
        return st.number_input(t(_NUMBERS[name][0]), value=value, step=1, key=key)
    if name in _REALS:
        label, _, pattern = _REALS[name]
        return st.number_input(t(label), value=float(value), format=pattern, key=key)
    label, options = _CHOICES[name]
    return st.selectbox(t(label), list(options), list(options).index(value), lambda o: t(options[o]), key=key)


def _within(name: str, value, now) -> bool:
    """Whether the editor takes this value. It leaves what a network came with, even where that is more."""
    if name in _CHOICES or value == now:
        return True
    lowest, most = _bounds(name)
    return lowest <= value <= most


def _bounds(name: str) -> tuple[float, float]:
    if name in _REALS:
        return 0, _REALS[name][1]
    return 0 if name == "padding" else 1, _NUMBERS[name][1]


def _out_of_range(t: Translator, name: str, value) -> str:
    label, *_ = (_NUMBERS | _REALS)[name]
    low, high = _bounds(name)
    return t(
        "{name} is {value}; this editor takes {low} to {high}. The network keeps its value until then.",
        name=t(label),
        value=value,
        low=low,
        high=high,
    )


def _structure(t: Translator, lab: Lab, index: int) -> None:
    kind = st.selectbox(t("New layer"), KINDS, format_func=lambda kind: t(KIND_NAMES[kind]), key="lab_new_kind")
    for label, icon, spec, then in (
        (t("Add it before this layer"), "add", editing.inserted(lab.spec, index, kind), index),
        (t("Move earlier"), "arrow_upward", editing.moved(lab.spec, index, -1), index - 1),
        (t("Move later"), "arrow_downward", editing.moved(lab.spec, index, +1), index + 1),
        (t("Remove this layer"), "delete", editing.removed(lab.spec, index), index),
    ):
        full = len(spec.layers) > notation.MAX_LAYERS
        nothing = spec == lab.spec or full
        if st.button(label, icon=f":material/{icon}:", disabled=nothing, key=f"lab_{icon}", width="stretch"):
            lab_state.edit(spec)
            names = layer_names(spec.layers)
            session.LAYER.remember(names[min(max(then, 0), len(names) - 1)])
            st.rerun()
