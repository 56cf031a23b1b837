"""The settings of a run as a form. Every widget is made from a field of `TrainConfig`; none is written here by hand."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from alexnet_viz.errors import UserError
from alexnet_viz.network.notation import write_spec
from alexnet_viz.network.zoo import LISTED, MODELS
from alexnet_viz.serving.limits import training_limit
from alexnet_viz.training.config import (
    CHOICE_TITLES,
    DEFAULTS,
    FIELDS,
    FOR_DATA,
    PRESETS,
    Field,
    TrainConfig,
    can_train,
)
from alexnet_viz.words.i18n import Translator
from pages.ui import lab as lab_state
from pages.ui import messages
from pages.ui.lab import Lab
from pages.ui.store import training
from pages.ui.train import data as train_data
from pages.ui.widgets import live_run

EDITED = "edited"  # in the choice of networks: the one of the architecture page
SMALL = 32  # pixels; larger networks take a graphics card days
FIRST = ("epochs", "learning_rate")  # always in sight; everything else waits behind a button
MADE_ELSEWHERE = ("data", "model", "preset", "net", "start_from")


def form(t: Translator) -> None:
    """Data, network and recipe; then the start button. Only a sentence where the server's visitors may not train."""
    limit = training_limit()
    if not limit.allowed:
        st.info(t("Training is switched off on this server. It works in an installation of your own."))
        return
    data = train_data.data(t)
    lab = _edited(t, data)
    titles = {model_id: t(MODELS[model_id].title) for model_id in _fitting(data)}
    if lab:  # first, where its own page's link led here
        edited = {EDITED: t("Your edited network")}
        titles = {**edited, **titles} if "net" in st.query_params else {**titles, **edited}
    model = st.selectbox(
        t(FIELDS["model"].title),
        list(titles),
        format_func=titles.__getitem__,
        key=_kept(f"model_{hash(tuple(titles))}", next(iter(titles)), t.language),
    )
    preset = st.segmented_control(
        t(FIELDS["preset"].title),
        list(PRESETS),
        required=True,
        format_func=lambda preset: t(CHOICE_TITLES[preset]),
        key=_kept("preset", "fast", t.language),
        help=t(FIELDS["preset"].help),
    )
    starting = DEFAULTS | PRESETS[preset] | (FOR_DATA.get(data, {}) if preset == "fast" else {})
    of = f"{preset}_{data if data in FOR_DATA else 'own'}"
    count = training.pictures(data)
    most = limit.most_epochs(count) if count else None
    chosen = {name: _widget(t, _capped(FIELDS[name], most), starting[name], of) for name in FIRST}
    if most:
        st.caption(t("This server trains at most {epochs} epochs of this data in one run.", epochs=most))
    with st.expander(t("All settings")):
        chosen |= {
            name: _widget(t, field, starting[name], of)
            for name, field in FIELDS.items()
            if name not in (*FIRST, *MADE_ELSEWHERE, "frozen")
        }
    if lab and model == EDITED:
        chosen |= {"model": lab.preset, "net": write_spec(lab.spec), "frozen": False}
    else:
        chosen |= {"model": model, "frozen": bool(MODELS[model].frozen)}
    if st.button(
        t("Start"), icon=":material/play_arrow:", type="primary", width="stretch", disabled=not data, key="train_start"
    ):
        with messages.shown(t):
            _start(data, preset, chosen)


def _edited(t: Translator, data: str) -> Lab | None:
    """The network of the architecture page, if the visitor changed it and such pictures fit into it."""
    try:
        lab = lab_state.current()
    except UserError as problem:  # of a link; it is read, and complained of, once
        messages.error(t(problem.message))
        return None
    fits = can_train(lab.spec) and (data != "shapes" or lab.spec.input[1] == SMALL)
    return lab if lab.edited and fits else None


def _fitting(data: str) -> list[str]:
    """Networks for small pictures; a fresh head on frozen convolutions where pictures can be enlarged for them."""
    small = [model_id for model_id, entry in LISTED.items() if entry.spec.input[1] == SMALL]
    frozen = [model_id for model_id, entry in LISTED.items() if entry.frozen]
    return small if data == "shapes" else [*small, *frozen]


def _capped(field: Field, most_epochs: int | None) -> Field:
    """The field with the server's limit as its highest value; where not even one epoch fits, Start says so."""
    return replace(field, high=max(1, most_epochs)) if field.name == "epochs" and most_epochs is not None else field


def _widget(t: Translator, field: Field, value: Any, of: str) -> Any:
    """One setting, which begins with `value`; its explanation is a question mark away. `of` tells its kinds of run."""
    label = f"{t(field.title)} ({t(field.unit)})" if field.unit else t(field.title)
    value = min(value, int(field.high)) if field.kind == "int" else value
    key = _kept(f"{field.name}_{of}", float(value) if field.kind == "float" else value, t.language)
    named = {"key": key, "help": t(field.help)}
    match field.kind:
        case "bool":
            return st.toggle(label, **named)
        case "choice":
            names = {choice: t(CHOICE_TITLES[choice]) for choice in field.choices}
            return st.selectbox(label, list(names), format_func=names.__getitem__, **named)
        case "int":
            got = st.number_input(label, step=1, **named)
        case "float":
            got = st.number_input(label, step=field.step_from(value), format="%g", **named)
        case _:
            return st.text_input(label, **named)
    # Here, not by the widget's own bounds: a browser keeps a number beyond those to itself, and says so in English.
    with messages.shown(t):
        field.check(got)
    return got


def _kept(name: str, value: Any, language: str) -> str:
    """The key of a widget that keeps its value in another language and after a look at another page; at first `value`.

    Streamlit forgets a widget that a page does not draw, and choices go by their titles, which languages change.
    """
    key, kept = f"train_{name}_{language}", st.session_state.setdefault("train_kept", {})
    if key not in st.session_state:
        st.session_state[key] = kept.get(name, value)
    kept[name] = st.session_state[key]
    return key


def _start(data: str, preset: str, chosen: Mapping[str, Any]) -> None:
    config = TrainConfig.with_preset(preset, **{**chosen, "data": data})
    live_run.RUN.remember(training.start(config).id)
    st.rerun()
