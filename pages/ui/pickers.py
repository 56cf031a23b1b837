"""Widgets that return plain values: language, model, the current picture, the open tab."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from alexnet_viz import images
from alexnet_viz.errors import UserError
from alexnet_viz.i18n import LANGUAGES, Translator
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.samples import SAMPLES
from pages.ui import cache, messages, state
from pages.ui.strip import Thumbnail, strip

EXTENSIONS = ["jpg", "jpeg", "png", "webp", "avif", "gif", "bmp", "tif", "tiff", "heic", "heif"]
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


def model(t: Translator) -> str:
    """The id of the chosen model."""
    current = state.MODEL.current(MODELS)
    ids = list(MODELS)
    picked = st.selectbox(
        t("Network"),
        ids,
        index=ids.index(current),
        format_func=lambda model_id: t(MODELS[model_id].title),
        key=f"model_{t.language}",
    )
    state.MODEL.remember(picked)
    return picked


def picture(t: Translator) -> Picture:
    """The current picture: a strip of the samples and the visitor's own, and a place to drop more."""
    own = own_pictures()
    current = state.IMAGE.current([*SAMPLES, *own])
    thumbnails = [Thumbnail(item.id, item.name, cache.thumbnail(item.digest, item.data)) for item in all_pictures(t)]
    strip(t("Pictures"), thumbnails, current, key="picture_strip", on_choose=_choose_picture)
    _choose_picture(current)
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
    return Picture(sample_id, t(SAMPLES[sample_id].title), data, cache.digest(data))


def upload(t: Translator) -> None:
    """A place to drop pictures; the last good one becomes the current picture, bad ones get a sentence each."""
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
    if files:
        _take(files)
        st.session_state[state.UPLOAD_ROUND] = round_ + 1  # an empty uploader for the next pictures
        st.rerun()


def tabs(t: Translator, name: str, titles: Mapping[str, str]) -> Mapping[str, "st.delta_generator.DeltaGenerator"]:
    """Lazy tabs by id; draw only into those whose `.open` is true. The open one is linked and survives a language
    change, which gives the tabs other titles."""
    choice = state.Choice("tab", next(iter(titles)))
    current = choice.current(titles)
    labels = [t(title) for title in titles.values()]
    drawn = st.tabs(labels, default=t(titles[current]), key=f"{name}_{t.language}", on_change="rerun")
    by_id = dict(zip(titles, drawn, strict=True))
    choice.remember(next((tab_id for tab_id, tab in by_id.items() if tab.open), current))
    return by_id


def _choose_picture(picture_id: str) -> None:
    state.IMAGE.remember(picture_id, linkable=picture_id in SAMPLES)


def _take(files: Sequence) -> None:
    """Add uploaded files to the visitor's pictures."""
    own, problems = own_pictures(), []
    for file in files:
        data = file.getvalue()
        try:
            images.decode(data, file.name)
        except UserError as problem:
            problems.append(problem.message)
            continue
        picture = Picture(cache.digest(data)[:12], file.name, data, cache.digest(data))
        own.pop(picture.id, None)
        own[picture.id] = picture
        _choose_picture(picture.id)
    while len(own) > MOST_OWN_PICTURES or sum(len(item.data) for item in own.values()) > MOST_OWN_BYTES:
        own.pop(next(iter(own)))
    st.session_state[state.UPLOAD_PROBLEMS] = problems
