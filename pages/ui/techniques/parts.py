"""What several experiments have in common."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from alexnet_viz.network.weights import Model
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import session
from pages.ui.store import networks
from pages.ui.techniques.cached import TwoSheets
from pages.ui.widgets import show
from pages.ui.widgets.layout import Place, Tabs, pick

RANDOM = N_("Random weights: these numbers show how it is worked out, not what a trained network sees.")


def network(t: Translator, model_id: str, say: Callable[[str], Any] = st.caption, random: str = RANDOM) -> Model:
    """A network of the table; where its weights are random, that is said."""
    model = networks.model(model_id)
    if not model.trained:
        say(t(random))
    return model


def seed(label: str, name: str, *, first: int = 0, of: Place = st, **button: Any) -> int:
    """A button that draws by chance once more; the seed counts its clicks."""
    key = f"{name}_seed"
    session.get(key, first)
    of.button(label, icon=":material/casino:", on_click=_count_up, args=(key,), **button)
    return st.session_state[key]


def _count_up(key: str) -> None:
    st.session_state[key] += 1


def one_of(t: Translator, label: str, options: Tabs, key: str, **settings: Any) -> None:
    """A choice among some experiments, of which the chosen one is drawn. The label is marked for translation."""
    titles = {option: title for option, (title, _) in options.items()}
    options[pick(t, t(label), titles, key=key, **settings)][1](t)


def two_sheets(t: Translator, found: TwoSheets, first: str, second: str, caption: str) -> None:
    """The strongest maps in two ways, side by side; the caption is marked for translation."""
    count = len(found.channels)
    for place, title, (png, highest) in zip(st.columns(2, gap="medium"), (first, second), found.sheets, strict=True):
        alt = t("{title}, the {count} strongest maps", title=title, count=count)
        show.picture(png, alt, t("{title}: 0 ... {highest:.3f}", title=title, highest=highest), of=place)
    st.caption(t(caption, count=count, limit=found.limit, channels=", ".join(map(str, found.channels))))
