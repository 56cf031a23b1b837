"""How a map is drawn: over the photo, alone, as contours, or as the part of the photo that counts most."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from alexnet_viz.pictures import images, render
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.labels import class_name
from alexnet_viz.words.numbers import percent
from pages.ui import messages, session
from pages.ui.attribution.request import MapRequest
from pages.ui.store import networks
from pages.ui.widgets import show
from pages.ui.widgets.layout import pick

if TYPE_CHECKING:
    from alexnet_viz.inspection.attribution.attribute import Attribution

STYLE = session.Choice("style", "overlay")
STYLES: Mapping[str, str] = {
    "overlay": N_("over the photo"),
    "heat": N_("heat alone"),
    "contour": N_("contours"),
    "masked": N_("the most important part"),
}
STRONGEST = 99.5  # percentile of the magnitudes that gets the full colour


def signed() -> bool:
    """Whether what speaks against the class is drawn too."""
    return bool(st.session_state.get("heat_signed", False))


def limit(heat: np.ndarray) -> float:
    """The magnitude of the strongest colour: so few pixels are stronger that they would only darken all others."""
    magnitudes = np.abs(np.nan_to_num(heat))
    return float(np.percentile(magnitudes, STRONGEST)) or float(magnitudes.max(initial=0.0))


def over_photo(request: MapRequest, heat: np.ndarray, extreme: float = 0.0, opacity: float = 0.75) -> bytes:
    """A map over what the network saw. Maps of single pixels are fine lines, drawn over a pale photo."""
    pale = not request.needs_layer
    return render.overlaid(
        networks.seen(request.model, request.picture), heat, extreme or limit(heat), opacity, pale=pale
    )


def as_signed(request: MapRequest, heat: np.ndarray) -> np.ndarray:
    """The values to draw: with their sign where the page is set so, else what counts for the class, from zero on."""
    from alexnet_viz.inspection.attribution.attribute import importance, rectified

    return heat if signed() else rectified(importance(heat, request.method))


def as_set(request: MapRequest, heat: np.ndarray) -> bytes:
    """A map as the page's settings say, as PNG."""
    from alexnet_viz.inspection.attribution.attribute import importance, most_important

    shown = as_signed(request, heat)
    match STYLE.current(STYLES):
        case "heat":
            return render.diverging(shown, limit(shown), side=448)
        case "contour":
            return render.contoured(networks.seen(request.model, request.picture), shown)
        case "masked":
            kept = most_important(importance(heat, request.method), st.session_state.get("heat_percent", 20))
            return images.encode(render.masked(networks.seen(request.model, request.picture), kept))
        case _:
            return over_photo(request, shown, opacity=st.session_state.get("heat_opacity", 75) / 100)


# ---- The first row of the page: the photo, one map of it, and what the map says -------------------------------------


def photo(t: Translator, request: MapRequest) -> None:
    """What the network saw."""
    caption = t("What the network saw of {name}", name=messages.escape(request.picture.name))
    show.picture(images.encode(networks.seen(request.model, request.picture)), t("What the network saw"), caption)


def heat(t: Translator, request: MapRequest, found: "Attribution") -> None:
    """The map as the settings say: what counts for the class as in the papers, or with its sign."""
    values = as_signed(request, found.heat)
    text = _CAPTIONS[_is_sensitivity(found.method), signed()]
    caption = t(text, low=float(values.min()), high=float(values.max()))
    show.picture(as_set(request, found.heat), speaks_for(t, found), caption)


def speaks_for(t: Translator, found: "Attribution") -> str:
    """The alternative text of a map over the photo."""
    text = N_("What speaks for {name}, drawn over the photo")
    if _is_sensitivity(found.method):
        text = N_("How strongly {name} would react to each pixel, drawn over the photo")
    return t(text, name=class_name(found.class_id, t.language))


def _is_sensitivity(method: str) -> bool:
    from alexnet_viz.inspection.attribution.methods import METHODS

    return METHODS[method].sensitivity


_CAPTIONS = {  # by whether the method's map is a sensitivity, and whether it is drawn with its sign
    (False, False): N_("What speaks for it, up to {high:.3g}."),
    (False, True): N_("Orange speaks for it, blue against; from {low:.3g} to {high:.3g}."),
    (True, False): N_("How strongly its logit would react to each pixel, up to {high:.3g}; not what speaks for it."),
    (True, True): N_(
        "Its logit would rise if the picture became brighter where it is orange and darker where it is blue; from "
        "{low:.3g} to {high:.3g}."
    ),
}


def words(t: Translator, request: MapRequest, found: "Attribution | None") -> None:
    """How the map is drawn, and what it says."""
    before = STYLE.current(STYLES)
    style = pick(t, t("Drawn"), STYLES, STYLE, key="heat_style")
    st.toggle(t("Signed"), key="heat_signed", help=t("Also what lies below zero, in blue"))
    if style == "overlay":
        st.slider(t("Opacity in %"), 20, 100, 75, key="heat_opacity")
    elif style == "masked":
        st.slider(t("How many % of the pixels"), 1, 100, 20, key="heat_percent")
    if style != before:
        st.rerun()
    if found is None:
        return
    st.markdown(f"**{messages.class_words(found.class_id, t)}** · {percent(found.probability)}")
    milliseconds = round(1000 * found.seconds)
    st.caption(t("Logit {logit:.3f}. Computed in {milliseconds} ms.", logit=found.logit, milliseconds=milliseconds))
    for note in found.notes:
        st.info(messages.escape(t(note)))
    if not request.model.trained:
        st.warning(t("These weights are random: the map means nothing."))
