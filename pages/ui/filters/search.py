"""What a filter wants to see, made by optimisation; and what excites it most, found among pictures."""

from collections.abc import Iterator, Sequence
from typing import Any

import streamlit as st
from PIL import Image

from alexnet_viz.files.paths import cifar10_path
from alexnet_viz.pictures import images, render
from alexnet_viz.words.i18n import Translator
from pages.ui import long_work, messages, server
from pages.ui.choose import pictures
from pages.ui.filters.view import FilterView, enlarged
from pages.ui.long_work import LongWork
from pages.ui.store import pictures as stored
from pages.ui.widgets import downloads, show
from pages.ui.widgets.layout import tiles

BEST = 9  # pictures shown
CIFAR_PICTURES = 500
SHOWN = 360  # pixels


def wants(t: Translator, view: FilterView) -> None:
    """Activation maximisation: gradient ascent from noise to a picture that this unit answers most to."""
    settings, picture = st.columns([2, 3], gap="large")
    with settings:
        st.markdown(
            t(
                "From noise, step by step to a picture that this unit answers to much more: gradient "
                "ascent on the picture instead of the weights (Olah et al. 2017)."
            )
        )
        objective = "unit"
        if view.convolution:
            names = {"channel": t("everywhere in the map"), "unit": t("at one place, in its field")}
            key = f"wants_how_{t.language}"
            objective = st.radio(t("The answer is counted"), list(names), format_func=names.__getitem__, key=key)
        steps = st.select_slider(t("Steps"), [32, 64, 128, 256, 512], 128, key="wants_steps")
        seed = st.number_input(t("Start from noise number"), 0, 999, 0, key="wants_seed")
    with picture:
        work = LongWork(
            ("maximise", view.model.digest, view.layer, view.filter, objective, steps, seed),
            t("Make the picture"),
            lambda: _maximise(view, objective, steps, seed),
            t("Some seconds; it can be stopped. The same settings give the same picture."),
        )
        done = long_work.run(t, work, lambda step: _made(t, step.reached))
        if done is not None:
            _made(t, done)
            name = f"{view.model.entry.id}-{view.layer}-{view.filter}-wants.png"
            png = images.encode(Image.fromarray(done.picture))
            downloads.save(t("Picture (PNG)"), png, name, "image/png")


def _made(t: Translator, step: Any) -> None:
    caption = t("After {count} steps its answer is {value:.4g}.", count=step.number, value=step.value)
    show.picture(step.picture, t("The picture that the unit answers most to so far"), caption, width=SHOWN)


def _maximise(view: FilterView, objective: str, steps: int, seed: int) -> Iterator[Any]:
    from alexnet_viz.inspection.maximisation import Settings, maximise

    preprocess, settings = view.model.entry.preprocess, Settings(steps=steps, seed=seed)
    made = maximise(view.model.network, preprocess, view.layer, view.filter, objective=objective, settings=settings)
    return long_work.ending_in_the_last(made)


def excites(t: Translator, view: FilterView) -> None:
    """The pictures of a set that a filter answers most to, cut to its receptive field."""
    cifar = cifar10_path()
    sets = {"samples": t("the samples and my own pictures")}
    if cifar:
        sets["cifar10"] = t("{count} of CIFAR-10's test pictures", count=CIFAR_PICTURES)
    which = st.segmented_control(
        t("Search in"),
        list(sets),
        default="samples",
        format_func=sets.__getitem__,
        required=True,
        key=f"excites_set_{t.language}_{len(sets)}",
    )
    if not cifar and server.at_this_computer():
        st.caption(
            t("With CIFAR-10 on this computer (ALEXNET_VIZ_CIFAR10 names its zip) its pictures are searched too.")
        )
    if which == "cifar10":
        searched, digests = stored.sample_pictures(cifar, CIFAR_PICTURES), ("cifar10",)
    else:
        own = pictures.all_pictures(t)
        searched, digests = [(one.name, one.data) for one in own], tuple(one.digest for one in own)
    work = LongWork(
        ("excite", view.model.digest, view.layer, digests),
        t("Search {count} pictures", count=len(searched)),
        lambda: _excite(view, [data for _, data in searched]),
        t("Once for the whole layer: then every filter of it answers at once."),
    )
    found = long_work.run(t, work)
    if found is not None:
        _best(t, view, found, searched)


def _best(t: Translator, view: FilterView, found: Any, searched: Sequence[tuple[str, bytes]]) -> None:
    from alexnet_viz.inspection.top_patches import patch, strongest

    best = strongest(found, view.filter, BEST)
    preprocess = view.model.entry.preprocess
    for place, hit in zip(tiles(len(best), 150), best, strict=True):
        name, data = searched[hit.picture]
        image = images.decode(data).image
        cut, box = patch(view.spec, preprocess, image, view.layer, hit.row, hit.column)
        seen = preprocess.from_array(preprocess.to_array(image))
        png = render.outlined(seen, (box.left, box.top, box.right, box.bottom))
        show.picture(png, t("{name}, with the place outlined that excites the filter", name=name), of=place)
        png, caption = images.encode(enlarged(cut, 120)), f"{messages.escape(name)}: {hit.value:.3g}"
        show.picture(png, t("What lies in the filter's field there"), caption, width=110, of=place)


class _Opened:
    """Encoded pictures, decoded one at a time."""

    def __init__(self, encoded: Sequence[bytes]) -> None:
        self._encoded = encoded

    def __len__(self) -> int:
        return len(self._encoded)

    def __getitem__(self, index: int) -> Image.Image:
        return images.decode(self._encoded[index]).image


def _excite(view: FilterView, encoded: Sequence[bytes]) -> Iterator[Any]:
    from alexnet_viz.inspection.top_patches import top_patches

    return top_patches(view.model.network, view.model.entry.preprocess, _Opened(encoded), view.layer)
