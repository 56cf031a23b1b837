"""The attribution page's controls: class, method, and the method's settings."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from alexnet_viz.pictures import render
from alexnet_viz.words.i18n import Translator
from pages.ui import session
from pages.ui.attribution.request import MapRequest, Settings
from pages.ui.choose.classes import best_first, pick_class
from pages.ui.session import Picture
from pages.ui.store import networks
from pages.ui.widgets import show
from pages.ui.widgets.layout import pick

if TYPE_CHECKING:
    from alexnet_viz.inspection.attribution.methods import Setting
    from alexnet_viz.network.weights import Model

METHOD = session.Choice("method", "gradcam")
CLASS = session.Choice("class", "")  # "" stands for the network's own answer
CAM_LAYER = session.Choice("cam_layer", "")  # "" stands for the last convolution's ReLU
FIRST_MAPS = 16  # shown of the chosen layer


def choose_class(t: Translator, model: "Model", picture: Picture) -> str:
    """The network's own answer until another class is chosen."""
    classes = best_first(networks.answer(model, picture))
    current = CLASS.current(classes) or classes[0]
    key = f"heat_class_{t.language}_{hash(tuple(classes))}"
    picked = pick_class(t, t("Class"), classes, classes.index(current), key=key)
    CLASS.remember(picked if picked != classes[0] else "")
    return picked


def choose_method(t: Translator) -> str:
    """The id of an attribution method."""
    return pick(t, t("Method"), method_titles(), METHOD, key="heat_method")


def method_titles() -> dict[str, str]:
    """All methods, by id; marked for translation."""
    from alexnet_viz.inspection.attribution.methods import METHODS

    return {method_id: method.title for method_id, method in METHODS.items()}


def layer_of(model: "Model") -> str:
    """The layer that was chosen in the method's settings."""
    from alexnet_viz.inspection.attribution.attribute import layers_with_maps, map_layer

    spec = model.network.spec
    return CAM_LAYER.current(layers_with_maps(spec)) or map_layer(spec)


def settings_of(method: str) -> Settings:
    """What this visitor set for the method, as far as it differs from the defaults."""
    return tuple(sorted(st.session_state.get(f"heat_settings_{method}", {}).items()))


def change_settings(t: Translator, request: MapRequest) -> None:
    """The method's settings, each with its unit and reason, and the layer it looks at, with its map as a thumbnail."""
    from alexnet_viz.inspection.attribution.methods import METHODS

    method = METHODS[request.method]
    if method.needs_layer:
        _change_layer(t, request)
    now = dict(request.settings)
    chosen = {one.name: value for one in method.settings if (value := _setting(t, method.id, one, now)) != one.default}
    st.session_state[f"heat_settings_{method.id}"] = chosen
    if settings_of(method.id) != request.settings:
        st.rerun()
    if not method.settings and not method.needs_layer:
        st.caption(t("This method has nothing to set."))


def _change_layer(t: Translator, request: MapRequest) -> None:
    from alexnet_viz.inspection.attribution.attribute import layers_with_maps, map_layer

    spec = request.model.network.spec
    names = layers_with_maps(spec)
    picked = st.select_slider(t("At the layer"), names, request.layer, key=f"heat_layer_{hash(names)}")
    CAM_LAYER.remember("" if picked == map_layer(spec) else picked)
    values = networks.layers(request.model, request.picture)[picked]
    first = values[:FIRST_MAPS]
    caption = t("The first maps of {layer}: {shape}", layer=picked, shape=" x ".join(map(str, values.shape)))
    sheet = render.montage(first, np.abs(first).max(axis=(1, 2)), 320)
    show.picture(sheet.png, t("Some maps of the layer"), caption, width=320)
    if picked != request.layer:
        st.rerun()


def _setting(t: Translator, method: str, setting: "Setting", now: dict[str, int | str]) -> int | str:
    """One setting's control, and what is set."""
    from alexnet_viz.inspection.attribution.baselines import BASELINES

    key = f"heat_set_{method}_{setting.name}"
    label, why, value = t(setting.title), t(setting.reason), now.get(setting.name, setting.default)
    if setting.choices:
        titles = {choice: BASELINES[choice].title for choice in setting.choices}
        return pick(t, label, titles, key=key, current=str(value), help=why)
    return st.number_input(label, setting.low, setting.high, int(value), key=f"{key}_{t.language}", help=why)
