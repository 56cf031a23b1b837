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

# Field: its name for people, the range that the widget takes, and how it writes a real number. In the page's order.
_NUMBERS = {
    "kernel": (N_("Kernel"), 1, notation.MAX_KERNEL, None),
    "channels": (N_("Channels"), 1, notation.MAX_CHANNELS, None),
    "stride": (N_("Stride"), 1, notation.MAX_KERNEL, None),
    "padding": (N_("Padding"), 0, notation.MAX_KERNEL, None),
    "groups": (N_("Groups"), 1, notation.MAX_CHANNELS, None),
    "size": (N_("Size"), 1, notation.MAX_KERNEL, None),
    "inputs": (N_("Inputs"), 1, notation.MAX_UNITS, None),
    "outputs": (N_("Units"), 1, notation.MAX_CHANNELS, None),
    "alpha": (N_("alpha"), 0, 10.0, "%g"),
    "beta": (N_("beta"), 0, 5.0, "%.2f"),
    "k": (N_("k"), 0, 100.0, "%.2f"),
    "rate": (N_("Rate"), 0, 1.0, "%.2f"),
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
    fields = [name for name in (*_NUMBERS, *_CHOICES) if name in layer.__match_args__]
    chooser, *places, more = st.columns([2, *[1] * len(fields), 2], vertical_alignment="bottom")
    label = f"{t('Layer')}: {t(KIND_NAMES[layer.kind])}"
    picked = chooser.selectbox(label, names, index=index, key=f"lab_layer_{lab.generation}_{index}")
    session.LAYER.remember(picked)
    if picked != names[index]:
        st.rerun()
    values, of = {}, f"{index}_{lab.preset}_{lab.generation}"
    for place, name in zip(places, fields, strict=True):
        with place:
            values[name] = _widget(t, name, getattr(layer, name), f"lab_{name}_{of}")
    # Out of range, a field leaves what the network has; it leaves what a network came with, even where that is more.
    for name in (name for name in fields if name in _NUMBERS):
        title, low, high, _ = _NUMBERS[name]
        if values[name] != getattr(layer, name) and not low <= values[name] <= high:
            text = N_("{name} is {value}; this editor takes {low} to {high}. The network keeps its value until then.")
            messages.error(t(text, name=t(title), value=values.pop(name), low=low, high=high))
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
    if name in _CHOICES:
        label, options = _CHOICES[name]
        return st.selectbox(t(label), list(options), list(options).index(value), lambda o: t(options[o]), key=key)
    label, _, _, pattern = _NUMBERS[name]
    if pattern:
        return st.number_input(t(label), value=float(value), format=pattern, key=key)
    return st.number_input(t(label), value=value, step=1, key=key)


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
