"""Which network the app looks at: one of the table, of a run, or the visitor's own."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import streamlit as st

from alexnet_viz.errors import UserError
from alexnet_viz.network.sources import find_weights
from alexnet_viz.network.zoo import LISTED, MODELS
from alexnet_viz.training.runs import runs, usable_weights
from alexnet_viz.words.i18n import Translator
from pages.ui import session
from pages.ui.choose import class_names
from pages.ui.session import ChosenModel, OwnModel
from pages.ui.store import networks

MOST_RUNS = 12  # whose checkpoints are offered


def model(t: Translator) -> ChosenModel:
    """The model that the whole app looks at."""
    ids, choice = _ids(), session.model()
    say_what_took_its_place(t, choice.outdated())
    current = choice.current(ids)
    picked = current if session.hidden("model") else _box(t, t("Network"), ids, current, key="model")
    choice.remember(picked, linkable=picked in LISTED)
    chosen = _chosen(picked)
    class_names.say_and_ask(t, chosen)
    return chosen


def say_what_took_its_place(t: Translator, model_id: str) -> None:
    """A sentence about the network of an old link; nothing for ""."""
    if model_id:
        old, new = (t(MODELS[name].title) for name in (model_id, MODELS[model_id].replaced_by))
        st.info(
            t("This link names a network that is no longer here: {old}. {new} has taken its place.", old=old, new=new)
        )


def second_model(t: Translator, first: ChosenModel) -> ChosenModel:
    """Another model to hold beside the first."""
    taken = session.OWN_MODEL_ID if first.own else first.entry.id
    others = [model_id for model_id in _ids() if model_id != taken]
    # A trained one to begin with: random weights answer nothing.
    other = next((one for one in others if one not in LISTED or find_weights(LISTED[one]).trained), others[0])
    second = _chosen(_box(t, t("Compare with"), others, other, key=f"second_model_{taken}"))
    class_names.say(t, second)
    return second


def _ids() -> list[str]:
    own = [session.OWN_MODEL_ID] if session.OWN_MODEL in st.session_state else []
    return [*own, *LISTED, *_trained_here()]


def _trained_here() -> dict[str, Path]:
    """Checkpoints of the newest runs, by their id in the choice."""
    found = {}
    for one in runs()[:MOST_RUNS]:
        with suppress(UserError):  # a damaged run is no model
            if weights := usable_weights(one):
                found[f"{session.RUN_PREFIX}{one.id}"] = weights
    return found


def _chosen(model_id: str) -> ChosenModel:
    if model_id in MODELS:
        return ChosenModel(MODELS[model_id])
    if model_id.startswith(session.RUN_PREFIX):
        loaded = networks.run_model(_trained_here()[model_id])
        return ChosenModel(loaded.entry, OwnModel(model_id.removeprefix(session.RUN_PREFIX), loaded))
    own: OwnModel = st.session_state[session.OWN_MODEL]
    return ChosenModel(own.model.entry, own)


def _title(t: Translator, model_id: str) -> str:
    if model_id in LISTED:
        title = t(LISTED[model_id].title)
        return title if find_weights(LISTED[model_id]).trained else t("{network} (random weights)", network=title)
    if model_id.startswith(session.RUN_PREFIX):
        return t("Trained here: {run}", run=model_id.removeprefix(session.RUN_PREFIX))
    return t("My own: {file}", file=st.session_state[session.OWN_MODEL].name)


def _box(t: Translator, label: str, ids: Sequence[str], current: str, *, key: str) -> str:
    # The key changes with what the titles and the list depend on; the choice itself is kept in the session.
    key = f"{key}_{t.language}_{len(ids)}_{current in LISTED}_{session.get(session.WEIGHTS_ROUND, 0)}"
    titles = {model_id: _title(t, model_id) for model_id in ids}
    return st.selectbox(label, ids, ids.index(current), format_func=titles.__getitem__, key=key)
