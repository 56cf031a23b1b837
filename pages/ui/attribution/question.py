"""What the attribution page asks: a model, a picture, a class, a method with its settings; and the answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from PIL import Image

from alexnet_viz.pictures import images, render
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import long_work, session
from pages.ui.choose import models, pictures
from pages.ui.long_work import LongWork
from pages.ui.messages import both_words
from pages.ui.session import ChosenModel, Picture
from pages.ui.store import networks

if TYPE_CHECKING:
    from alexnet_viz.inspection.attribution.attribute import Attribution
    from alexnet_viz.network.weights import Model

METHOD = session.Choice("method", "gradcam")
CLASS = session.Choice("class", "")  # "" stands for the network's own answer
STYLE = session.Choice("style", "overlay")
CAM_LAYER = session.Choice("cam_layer", "")  # "" stands for the last convolution's ReLU
STYLES: Mapping[str, str] = {
    "overlay": N_("over the photo"),
    "heat": N_("heat alone"),
    "contour": N_("contours"),
    "masked": N_("the most important part"),
}

STRONGEST = 99.5  # percentile of the magnitudes that gets the full colour

Settings = tuple[tuple[str, int | str], ...]


@dataclass(frozen=True)
class Question:
    """One question to one network. Two equal questions about the same picture have the same answer."""

    chosen: ChosenModel
    model: "Model"
    picture: Picture
    class_id: str  # the class asked for, the network's own answer by default
    method: str
    layer: str  # of the methods that look at a layer
    settings: Settings = ()

    @property
    def key(self) -> tuple:
        """Names the answer in the store of results."""
        layer = self.layer if self.needs_layer else ""
        return ("explain", self.model.digest, self.picture.digest, self.class_id, self.method, layer, self.settings)

    @property
    def needs_layer(self) -> bool:
        from alexnet_viz.inspection.attribution.methods import METHODS

        return METHODS[self.method].needs_layer

    @property
    def array(self) -> np.ndarray:
        """The network's input, (C, H, W)."""
        return networks.input_array(self.model, self.picture)

    @property
    def seen(self) -> Image.Image:
        """The same as a picture for people."""
        return self.chosen.entry.preprocess.from_array(self.array)

    def steps(self) -> Iterator[Any]:
        """The work, step by step."""
        from alexnet_viz.inspection.attribution.attribute import attribute_steps

        return attribute_steps(
            self.model,
            self.array,
            self.method,
            layer=self.layer if self.needs_layer else "",
            target=self.class_id,
            settings=dict(self.settings),
        )

    def asking(self, **changed: Any) -> "Question":
        """The same question with something else in it."""
        return replace(self, **changed)


def choose_question(t: Translator) -> Question:
    """The controls at the top of the page."""
    network, wanted, how, picture = st.columns([6, 7, 5, 5], vertical_alignment="bottom")
    with network:
        chosen = models.model(t)
    with picture:
        current = pictures.picture_popover(t)
    with st.skeleton(height=420):
        model = networks.load(chosen)
    answer = networks.answer(model, current)
    with wanted:
        class_id = _class(t, answer)
    with how:
        method = _method(t)
    return Question(chosen, model, current, class_id, method, _layer(model), settings_of(method))


def _class(t: Translator, answer) -> str:
    """A class, most probable first; the network's own answer until another one is chosen."""
    best_first = [class_id for class_id, _ in answer.top(len(answer.classes))]
    current = CLASS.current(best_first) or best_first[0]
    picked = st.selectbox(
        t("Class"),
        best_first,
        index=best_first.index(current),
        format_func=lambda class_id: both_words(class_id, t),
        key=f"heat_class_{t.language}_{hash(tuple(best_first))}",
    )
    CLASS.remember(picked if picked != best_first[0] else "")
    return picked


def _method(t: Translator) -> str:
    from alexnet_viz.inspection.attribution.methods import METHODS

    ids = list(METHODS)
    picked = st.selectbox(
        t("Method"),
        ids,
        index=ids.index(METHOD.current(ids)),
        format_func=lambda method_id: t(METHODS[method_id].title),
        key=f"heat_method_{t.language}",
    )
    METHOD.remember(picked)
    return picked


def _layer(model: "Model") -> str:
    from alexnet_viz.inspection.attribution.attribute import layers_with_maps, map_layer

    spec = model.network.spec
    return CAM_LAYER.current(layers_with_maps(spec)) or map_layer(spec)


def settings_of(method: str) -> Settings:
    """What this visitor set for the method, as far as it differs from the defaults."""
    return tuple(sorted(st.session_state.get(f"heat_settings_{method}", {}).items()))


def settings_and_layer(t: Translator, question: Question) -> None:
    """The method's settings, each with its unit and reason, and the layer it looks at, with its map as a thumbnail."""
    from alexnet_viz.inspection.attribution.attribute import layers_with_maps, map_layer
    from alexnet_viz.inspection.attribution.baselines import BASELINES
    from alexnet_viz.inspection.attribution.methods import METHODS

    method = METHODS[question.method]
    if method.needs_layer:
        names = layers_with_maps(question.model.network.spec)
        picked = st.select_slider(t("At the layer"), names, question.layer, key=f"heat_layer_{hash(names)}")
        CAM_LAYER.remember("" if picked == map_layer(question.model.network.spec) else picked)
        values = networks.layers(question.model, question.picture)[picked]
        st.image(
            render.montage(values[:16], np.abs(values[:16]).max(axis=(1, 2)), 320).png,
            caption=t("The first maps of {layer}: {shape}", layer=picked, shape=" x ".join(map(str, values.shape))),
            width=320,
            output_format="PNG",
            alt=t("Some maps of the layer"),
        )
        if picked != question.layer:
            st.rerun()
    chosen = {}
    now = dict(question.settings)
    for setting in method.settings:
        key = f"heat_set_{method.id}_{setting.name}_{t.language}"
        value = now.get(setting.name, setting.default)
        label, why = t(setting.title), t(setting.reason)
        if setting.choices:
            names = {choice: t(BASELINES[choice].title) for choice in setting.choices}
            index = setting.choices.index(str(value))
            got = st.selectbox(label, list(names), index=index, format_func=names.__getitem__, key=key, help=why)
        else:
            got = st.number_input(label, setting.low, setting.high, int(value), key=key, help=why)
        if got != setting.default:
            chosen[setting.name] = got
    st.session_state[f"heat_settings_{method.id}"] = chosen
    if tuple(sorted(chosen.items())) != question.settings:
        st.rerun()


def answer_now(t: Translator, question: Question) -> "Attribution | None":
    """The answer, with progress and a way to stop where it takes long; None while it was stopped."""
    from alexnet_viz.inspection.attribution.methods import METHODS

    title = t(METHODS[question.method].title)
    work = LongWork(key=question.key, start=t("Compute {method}", method=title), steps=question.steps)
    return long_work.run(t, work, at_once=True)


def limit(heat: np.ndarray) -> float:
    """The magnitude of the strongest colour: so few pixels are stronger that they would only darken all others."""
    magnitudes = np.abs(np.nan_to_num(heat))
    return float(np.percentile(magnitudes, STRONGEST)) or float(magnitudes.max(initial=0.0))


def over_photo(question: Question, heat: np.ndarray, extreme: float = 0.0, opacity: float = 0.75) -> bytes:
    """A map over what the network saw. Maps of single pixels are fine lines, drawn over a pale photo."""
    pale = not question.needs_layer
    return render.overlaid(question.seen, heat, extreme or limit(heat), opacity, pale=pale)


def drawn(question: Question, heat: np.ndarray, style: str, *, signed: bool, percent: int = 20, opacity: float = 0.75):
    """A map in one of the styles, as PNG."""
    from alexnet_viz.inspection.attribution.attribute import most_important, rectified

    shown = heat if signed else rectified(heat)
    if style == "heat":
        return render.diverging(shown, limit(shown), side=448)
    if style == "contour":
        return render.contoured(question.seen, shown)
    if style == "masked":
        return images.encode(render.masked(question.seen, most_important(heat, percent)))
    return over_photo(question, shown, opacity=opacity)
