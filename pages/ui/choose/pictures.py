"""Widgets that return plain values: language, model, the current picture, the open tab."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import streamlit as st

from alexnet_viz.errors import UserError
from alexnet_viz.network.sources import find_weights
from alexnet_viz.network.spec import Spec
from alexnet_viz.network.zoo import LISTED, MODELS, ModelEntry
from alexnet_viz.pictures import images
from alexnet_viz.pictures.samples import SAMPLES
from alexnet_viz.training.runs import runs, usable_weights
from alexnet_viz.words.i18n import LANGUAGES, Translator
from pages.ui import messages, server
from pages.ui import session as state
from pages.ui.store import rules as cache
from pages.ui.widgets.paste import paste_box
from pages.ui.widgets.strip import Thumbnail, strip

if TYPE_CHECKING:
    from alexnet_viz.network.weights import Model

EXTENSIONS = ["jpg", "jpeg", "png", "webp", "avif", "gif", "bmp", "tif", "tiff", "heic", "heif"]
RUN_PREFIX = "run:"  # of the ids of checkpoints in the model choice
MOST_RUNS = 12  # whose checkpoints are offered
MOST_OWN_PICTURES = 12  # per visitor; the oldest go first
MOST_OWN_BYTES = 40 * 2**20  # per visitor


@dataclass(frozen=True)
class Picture:
    """The current picture: encoded bytes and their digest, as kept in the session."""

    id: str
    name: str
    data: bytes
    digest: str


def language(t: Translator) -> None:
    """The language switch of the sidebar."""
    choice = state.language()
    if state.hidden("language"):
        choice.remember(t.language)
        return
    picked = st.segmented_control(
        t("Language"),
        list(LANGUAGES),
        format_func=lambda language: LANGUAGES[language],
        default=t.language,
        required=True,
        key=f"language_{t.language}",
        label_visibility="collapsed",
    )
    choice.remember(t.language)
    if picked and picked != t.language:
        choice.remember(picked)
        st.rerun()


@dataclass(frozen=True)
class OwnModel:
    """The visitor's own weights file: what they call it, and the network made from it."""

    name: str
    model: "Model"


@dataclass(frozen=True)
class ChosenModel:
    """A model that was picked, not yet loaded. `own` is the visitor's, seen by nobody else."""

    entry: ModelEntry
    own: OwnModel | None = None

    @property
    def spec(self) -> Spec:
        """The network's layers, before anything has to be loaded."""
        return self.own.model.network.spec if self.own else self.entry.spec

    def title(self, t: Translator) -> str:
        """What people call it; a file's name may hold anything."""
        return self.own.name if self.own else t(self.entry.title)

    def load(self) -> "Model":
        return self.own.model if self.own else cache.model(self.entry.id)


def model(t: Translator) -> ChosenModel:
    """The model that the whole app looks at: one of the table, or the visitor's own."""
    ids, choice = _model_ids(), state.model()
    say_what_took_its_place(t, choice.outdated())
    current = choice.current(ids)
    picked = current if state.hidden("model") else _model_box(t, t("Network"), ids, current, key="model")
    choice.remember(picked, linkable=picked in LISTED)
    return _chosen(picked)


def say_what_took_its_place(t: Translator, model_id: str) -> None:
    """A sentence about the network of an old link; nothing for ""."""
    if model_id:
        old, new = (t(MODELS[name].title) for name in (model_id, MODELS[model_id].replaced_by))
        st.info(
            t("This link names a network that is no longer here: {old}. {new} has taken its place.", old=old, new=new)
        )


def second_model(t: Translator, first: ChosenModel) -> ChosenModel:
    """Another model to hold beside the first."""
    ids = _model_ids()
    taken = state.OWN_MODEL_ID if first.own else first.entry.id
    others = [model_id for model_id in ids if model_id != taken]
    # A trained one to begin with: random weights answer nothing.
    other = next((one for one in others if one not in LISTED or find_weights(LISTED[one]).trained), others[0])
    return _chosen(_model_box(t, t("Compare with"), ids, other, key=f"second_model_{taken}"))


def _model_ids() -> list[str]:
    own = [state.OWN_MODEL_ID] if state.OWN_MODEL in st.session_state else []
    return [*own, *LISTED, *_trained_here()]


def _trained_here() -> dict[str, Path]:
    """Checkpoints of the newest runs, by their id in the model choice."""
    found = {}
    for one in runs()[:MOST_RUNS]:
        with suppress(UserError):  # a damaged run is no model
            if weights := usable_weights(one):
                found[f"{RUN_PREFIX}{one.id}"] = weights
    return found


def _chosen(model_id: str) -> ChosenModel:
    if model_id in MODELS:
        return ChosenModel(MODELS[model_id])
    if model_id.startswith(RUN_PREFIX):
        loaded = cache.run_model(_trained_here()[model_id])
        return ChosenModel(loaded.entry, OwnModel(model_id.removeprefix(RUN_PREFIX), loaded))
    own: OwnModel = st.session_state[state.OWN_MODEL]
    return ChosenModel(own.model.entry, own)


def _model_box(t: Translator, label: str, ids: Sequence[str], current: str, *, key: str) -> str:
    titles = {model_id: t(entry.title) for model_id, entry in LISTED.items()}
    titles |= {
        name: t("Trained here: {run}", run=name.removeprefix(RUN_PREFIX)) for name in ids if name[:4] == RUN_PREFIX
    }
    if state.OWN_MODEL in st.session_state:
        titles[state.OWN_MODEL_ID] = t("My own: {file}", file=st.session_state[state.OWN_MODEL].name)
    # The key changes with what the titles and the list depend on; the choice itself is kept in the session.
    key = f"{key}_{t.language}_{len(ids)}_{current in LISTED}_{state.get(state.WEIGHTS_ROUND, 0)}"
    return st.selectbox(label, ids, index=ids.index(current), format_func=titles.__getitem__, key=key)


def picture(t: Translator) -> Picture:
    """The current picture: a strip of the samples and the visitor's own."""
    if not state.hidden("picture"):
        _strip(t)
    return _linked_picture(t)


def picture_popover(t: Translator) -> Picture:
    """The current picture, with the strip and the place to drop more behind a button."""
    if not state.hidden("picture"):
        box = popover(t, "another_picture", t("Another picture"), ":material/image:")
        if box.open:
            with box:
                _strip(t)
                drop_pictures(t)
    return _linked_picture(t)


def _strip(t: Translator) -> None:
    thumbnails = [Thumbnail(one.id, one.name, cache.thumbnail(one.digest, one.data)) for one in all_pictures(t)]
    strip(t("Pictures"), thumbnails, current_picture(t).id, key="picture_strip", on_choose=_choose_picture)


def _linked_picture(t: Translator) -> Picture:
    """The current picture, kept in the link."""
    chosen = current_picture(t)
    _choose_picture(chosen.id)
    return chosen


def layer(t: Translator, names: Sequence[str]) -> str:
    """A layer by its name, from the first to the last; the whole app remembers it."""
    current = state.LAYER.current(names)
    if current not in names:
        current = names[0]
    if not state.hidden("layer"):
        # A slider keeps its value under its key, so the key changes with the network whose layers it shows.
        current = st.select_slider(t("Layer"), names, current, key=f"layer_{hash(tuple(names))}")
    state.LAYER.remember(current)
    return current


def current_picture(t: Translator) -> Picture:
    """The picture that was chosen last, on whatever page."""
    own = own_pictures()
    current = state.IMAGE.current([*SAMPLES, *own])
    return own[current] if current in own else sample_picture(current, t)


def all_pictures(t: Translator) -> list[Picture]:
    """The visitor's own pictures, newest first, then the samples."""
    return [*reversed(own_pictures().values()), *(sample_picture(sample_id, t) for sample_id in SAMPLES)]


def own_pictures() -> dict[str, Picture]:
    """The visitor's own pictures by id, oldest first."""
    return state.get(state.OWN_PICTURES, {})


def sample_picture(sample_id: str, t: Translator) -> Picture:
    """A sample as the current picture."""
    data = cache.sample(sample_id)
    return Picture(sample_id, t(SAMPLES[sample_id].title), data, cache.sample_digest(sample_id))


def drop_pictures(t: Translator) -> None:
    """A place to drop or choose pictures. The last good one becomes the current picture."""
    if state.hidden("picture"):
        return
    round_ = state.get(state.UPLOAD_ROUND, 0)
    files = st.file_uploader(
        t("Drop your own pictures here"),
        EXTENSIONS,
        accept_multiple_files=True,
        max_upload_size=images.MAX_BYTES // 2**20,
        key=f"upload_{round_}",
    )
    for problem in st.session_state.pop(state.UPLOAD_PROBLEMS, []):
        messages.error(t(problem))
    incoming = [(file.name, file.getvalue()) for file in files]
    server.forget(*files)
    _take(incoming)


def paste_or_photograph(t: Translator) -> None:
    """The other ways in, behind a button: the clipboard, and the camera behind a switch of its own."""
    if state.hidden("picture"):
        return
    round_ = state.get(state.UPLOAD_ROUND, 0)
    box = popover(t, f"aside_paste_{round_}", t("Paste or camera"), ":material/photo_camera:")
    if not box.open:
        return
    with box:
        if pasted := paste_box(t, key=f"paste_{round_}"):
            _take([(t("Pasted picture"), pasted)])
        st.caption(t("Browsers allow the camera on HTTPS addresses and on this computer (localhost) only."))
        if st.toggle(t("Use the camera"), key=f"camera_on_{round_}") and (
            photo := st.camera_input(t("Take a photo"), key=f"camera_{round_}")
        ):
            server.forget(photo)
            _take([(t("Camera photo"), photo.getvalue())])


def tabs(t: Translator, name: str, titles: Mapping[str, str]) -> Mapping[str, "st.delta_generator.DeltaGenerator"]:
    """Lazy tabs by id; draw only into those whose `.open` is true. The open one is linked and survives a language
    change, which gives the tabs other titles."""
    choice = state.Choice("tab", next(iter(titles)))
    linked = choice.linked(titles)
    current = choice.current(titles)
    if state.hidden("tabs"):
        choice.remember(current)
        return _without_bar(titles, current)
    key, labels = f"{name}_{t.language}", [t(title) for title in titles.values()]
    # Not by `default`, which is a part of what Streamlit knows tabs by: new ones would not hear of the next click.
    if linked or key not in st.session_state:
        st.session_state[key] = t(titles[current])
    drawn = st.tabs(labels, key=key, on_change="rerun")
    by_id = dict(zip(titles, drawn, strict=True))
    choice.remember(next((tab_id for tab_id, tab in by_id.items() if tab.open), current))
    return by_id


def popover(
    t: Translator, name: str, label: str, icon: str | None = None, width: str = "stretch"
) -> "st.delta_generator.DeltaGenerator":
    """A box behind a button; draw into it only if its `.open` is true, since what it holds is sent with every run."""
    return st.popover(label, icon=icon, width=width, on_change="rerun", key=f"{name}_{t.language}")


def _without_bar(titles: Mapping[str, str], current: str) -> Mapping[str, "st.delta_generator.DeltaGenerator"]:
    """The current tab's place alone; the others are closed for good."""
    place = st.container()
    place.open = True
    return {tab_id: place if tab_id == current else SimpleNamespace(open=False) for tab_id in titles}


def _choose_picture(picture_id: str) -> None:
    state.IMAGE.remember(picture_id, linkable=picture_id in SAMPLES)


def _take(incoming: Sequence[tuple[str, bytes]]) -> None:
    """Add files, (name, bytes), to the visitor's pictures, and start over with empty boxes.

    Bad files get a sentence each, shown by the next run, and lose nothing.
    """
    if not incoming:
        return
    own, problems = own_pictures(), []
    for name, data in incoming:
        try:
            images.decode(data, name)
        except UserError as problem:
            problems.append(problem.message)
            continue
        picture = Picture(cache.digest(data)[:12], name, data, cache.digest(data))
        own.pop(picture.id, None)
        own[picture.id] = picture
        _choose_picture(picture.id)
    while len(own) > MOST_OWN_PICTURES or sum(len(item.data) for item in own.values()) > MOST_OWN_BYTES:
        own.pop(next(iter(own)))
    st.session_state[state.UPLOAD_PROBLEMS] = problems
    st.session_state[state.UPLOAD_ROUND] += 1
    st.rerun()
