"""The settings of a run as a form. Every widget is made from a field of `TrainConfig`; none is written here by hand."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from alexnet_viz.network.notation import write_spec
from alexnet_viz.network.zoo import LISTED, MODELS
from alexnet_viz.serving.limits import training_limit
from alexnet_viz.training.config import (
    CHOICE_TITLES,
    DATASETS,
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
from pages.ui import messages, session
from pages.ui.lab import Lab
from pages.ui.store import training
from pages.ui.train import data as train_data
from pages.ui.widgets import live_run
from pages.ui.widgets.layout import pick

EDITED = "edited"  # in the choice of networks: the one of the architecture page
SMALL = 32  # pixels; larger networks take a graphics card days
FIRST = ("epochs", "learning_rate")  # always in sight; everything else waits behind a button
MADE_ELSEWHERE = ("data", "model", "preset", "net", "start_from", "frozen")
_KEPT = "train_kept"  # session key: dict, what was set by the name of its widget


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
    model = _choose(t, FIELDS["model"], titles, f"model_{hash(tuple(titles))}", next(iter(titles)))
    if model != EDITED and MODELS[model].frozen:
        st.caption(
            t(
                "Transfer learning: the convolutions stay as they learnt on ImageNet's photos, and only a new head "
                "learns your classes. A few dozen pictures of each are enough."
            )
        )
    presets, explained = {name: t(CHOICE_TITLES[name]) for name in PRESETS}, t(FIELDS["preset"].help)
    preset = _choose(t, FIELDS["preset"], presets, "preset", "fast", segments=True, help=explained)
    starting = DEFAULTS | PRESETS[preset] | (FOR_DATA.get(data, {}) if preset == "fast" else {})
    of = f"{preset}_{data if data in FOR_DATA else 'own'}"
    count, fields = training.pictures(data), dict(FIELDS)
    most = limit.most_epochs(count) if count else None
    if most is not None:  # where not even one epoch fits, Start says so
        fields["epochs"] = replace(fields["epochs"], high=max(1, most))
    chosen = {name: _widget(t, fields[name], starting[name], of) for name in FIRST}
    if most:
        st.caption(t("This server trains at most {epochs} epochs of this data in one run.", epochs=most))
    with st.expander(t("All settings")):
        others = [name for name in fields if name not in (*FIRST, *MADE_ELSEWHERE)]
        chosen |= {name: _widget(t, fields[name], starting[name], of) for name in others}
    if lab and model == EDITED:
        chosen |= {"model": lab.preset, "net": write_spec(lab.spec), "frozen": False}
    else:
        chosen |= {"model": model, "frozen": bool(MODELS[model].frozen)}
    look = {"icon": ":material/play_arrow:", "type": "primary", "width": "stretch"}
    if st.button(t("Start"), disabled=not data, key="train_start", **look):
        with messages.shown(t):
            started = training.start(TrainConfig.with_preset(preset, **chosen, data=data))
            live_run.RUN.remember(started.id)
            st.rerun()


def _edited(t: Translator, data: str) -> Lab | None:
    """The network of the architecture page, if the visitor changed it and such pictures fit into it."""
    with messages.shown(t):  # a bad link is read, and complained of, once
        lab = lab_state.current()
        fits = can_train(lab.spec) and (data != "shapes" or lab.spec.input[1] == SMALL)
        return lab if lab.edited and fits else None


def _fitting(data: str) -> list[str]:
    """Networks for small pictures, and a fresh head on frozen convolutions where pictures can be enlarged for them.

    That one comes first for a visitor's own pictures: they are few, and a network that starts from nothing learns
    nothing from them.
    """
    small = [model_id for model_id, entry in LISTED.items() if entry.spec.input[1] == SMALL]
    frozen = [model_id for model_id, entry in LISTED.items() if entry.frozen]
    if data == "shapes":
        return small
    return [*small, *frozen] if not data or data in DATASETS else [*frozen, *small]


# Streamlit forgets a widget that the page does not draw, and choices go by their titles, which languages change. So
# every widget's value is kept under its name, for another language and for after a look at another page.


def _widget(t: Translator, field: Field, value: Any, of: str) -> Any:
    """One setting, which begins with `value`; its explanation is a question mark away. `of` tells its kinds of run."""
    name, explained = f"{field.name}_{of}", t(field.help)
    if field.kind == "choice":
        titles = {choice: t(CHOICE_TITLES[choice]) for choice in field.choices}
        return _choose(t, field, titles, name, value, help=explained)
    if field.kind != "bool":
        value = float(value) if field.kind == "float" else min(value, int(field.high))
    key, kept = f"train_{name}_{t.language}", session.get(_KEPT, {})
    st.session_state.setdefault(key, kept.get(name, value))
    kept[name] = st.session_state[key]
    label = f"{t(field.title)} ({t(field.unit)})" if field.unit else t(field.title)
    if field.kind == "bool":
        return st.toggle(label, key=key, help=explained)
    steps = {"step": 1} if field.kind == "int" else {"step": field.step_from(value), "format": "%g"}
    got = st.number_input(label, key=key, help=explained, **steps)
    # Here, not by the widget's own bounds: a browser keeps a number beyond those to itself, and says so in English.
    with messages.shown(t):
        field.check(got)
    return got


def _choose(t: Translator, field: Field, titles: Mapping[str, str], name: str, first: str, **settings: Any) -> str:
    """One choice of those titles."""
    kept = session.get(_KEPT, {})
    current = kept.get(name, first)
    kept[name] = pick(t, t(field.title), titles, key=f"train_{name}", current=current, say=str, **settings)
    return kept[name]
