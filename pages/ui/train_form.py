"""The settings of a run as a form. Every widget is made from a field of `TrainConfig`; none is written here by hand."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from alexnet_viz.home import cifar10_path
from alexnet_viz.i18n import Translator
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.training.config import DEFAULTS, FIELDS, FOR_DATA, PRESETS, Field, TrainConfig
from alexnet_viz.training.runs import new_run
from pages.ui import cache, live_run, messages, state

SMALL = 32  # pixels; larger networks take a graphics card days
FIRST = ("epochs", "learning_rate")  # always in sight; everything else waits behind a button
MADE_ELSEWHERE = ("data", "model", "preset", "net", "start_from")


def form(t: Translator) -> None:
    """Data, network and recipe; then the start button."""
    data = _data(t)
    fitting = _fitting(data)
    model = st.selectbox(
        t(FIELDS["model"].title),
        fitting,
        format_func=lambda model_id: t(MODELS[model_id].title),
        key=f"train_model_{t.language}_{len(fitting)}",
    )
    preset = st.segmented_control(
        t(FIELDS["preset"].title),
        list(PRESETS),
        default="fast",
        required=True,
        key="train_preset",
        help=t(FIELDS["preset"].help),
    )
    starting = DEFAULTS | PRESETS[preset] | (FOR_DATA.get(data, {}) if preset == "fast" else {})
    key = f"{preset}_{data if data in FOR_DATA else 'own'}_{t.language}"
    chosen = {name: _widget(t, FIELDS[name], starting[name], key) for name in FIRST}
    with st.expander(t("All settings")):
        chosen |= {
            name: _widget(t, field, starting[name], key)
            for name, field in FIELDS.items()
            if name not in (*FIRST, *MADE_ELSEWHERE, "frozen")
        }
    chosen["frozen"] = bool(MODELS[model].frozen)
    if st.button(
        t("Start"), icon=":material/play_arrow:", type="primary", width="stretch", disabled=not data, key="train_start"
    ):
        with messages.shown(t):
            _start(data, model, preset, chosen)


def _fitting(data: str) -> list[str]:
    """Networks for small pictures; a fresh head on frozen convolutions where pictures can be enlarged for them."""
    small = [model_id for model_id, entry in MODELS.items() if entry.spec.input[1] == SMALL]
    frozen = [model_id for model_id, entry in MODELS.items() if entry.frozen]
    return small if data == "shapes" else [*small, *frozen]


def _data(t: Translator) -> str:
    kinds = {"shapes": t("Shapes-10, drawn here"), "cifar10": "CIFAR-10", "path": t("A folder or zip of my own")}
    kind = st.selectbox(
        t(FIELDS["data"].title), list(kinds), format_func=kinds.__getitem__, key=f"train_data_{t.language}"
    )
    if kind == "path":
        return st.text_input(t("Where it is on the server"), key="train_path", help=t(FIELDS["data"].help)).strip()
    if kind == "cifar10" and not cifar10_path():
        st.info(
            t(
                "CIFAR-10 is not on this computer. Put it at {file}, a zip with one folder of pictures for each class, "
                "or name it with ALEXNET_VIZ_CIFAR10.",
                file="ALEXNET_VIZ_HOME/datasets/cifar10.zip",
            )
        )
        return ""
    return kind


def _widget(t: Translator, field: Field, value: Any, key: str) -> Any:
    """One setting; its explanation is a question mark away."""
    label = f"{t(field.title)} ({t(field.unit)})" if field.unit else t(field.title)
    named = {"key": f"train_{field.name}_{key}", "help": t(field.help)}
    match field.kind:
        case "bool":
            return st.toggle(label, value, **named)
        case "choice":
            names = {choice: choice or t("the network's own") for choice in field.choices}
            index = field.choices.index(value)
            return st.selectbox(label, list(names), index=index, format_func=names.__getitem__, **named)
        case "int":
            return st.number_input(label, int(field.low), int(field.high), int(value), **named)
        case "float":
            return st.number_input(label, float(field.low), float(field.high), float(value), format="%g", **named)
        case _:
            return st.text_input(label, value, **named)


def _start(data: str, model: str, preset: str, chosen: Mapping[str, Any]) -> None:
    config = TrainConfig.with_preset(preset, **{**chosen, "data": data, "model": model})
    run = new_run(config, owner=state.visitor())
    cache.jobs().start(run)
    live_run.watch(run.id)
    st.rerun()
