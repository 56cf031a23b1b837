"""The answer of the classify page in plain words: how sure, what the percentage is worth, and what is not known."""

from typing import TYPE_CHECKING

import streamlit as st

from alexnet_viz.network.sources import find_weights
from alexnet_viz.network.zoo import BEST_MODEL, DEFAULT_MODEL, MODELS
from alexnet_viz.pictures.samples import SAMPLES
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import percent, whole_percent
from pages.ui.choose import weights as weights_box
from pages.ui.messages import class_words, escape
from pages.ui.session import ChosenModel, Picture
from pages.ui.widgets import bars
from pages.ui.widgets.layout import popover

if TYPE_CHECKING:
    from alexnet_viz.inspection.classify import Answer
    from alexnet_viz.inspection.reliability import Reliability
    from alexnet_viz.network.weights import Model

TOP = 5


def show_answer(t: Translator, chosen: ChosenModel, model: "Model", answer: "Answer", picture: Picture) -> None:
    """The best class or "not sure", the best five as bars, and what their percentages mean."""
    from alexnet_viz.inspection.reliability import reliability

    in_the_box = chosen.entry.id == DEFAULT_MODEL and not chosen.own
    lesson = SAMPLES[picture.id].lesson if in_the_box and picture.id in SAMPLES else ""
    (first, share), *others = answer.top(TOP)
    name = class_words(first, t)
    unsure = answer.unsure and model.trained
    headline = N_("Not sure: {name} · {share}") if unsure else N_("{name} · {share}")
    if not model.trained:
        st.warning(t("These weights are random: this network has learnt nothing, so its answer means nothing."))
    st.subheader(t(headline, name=name, share=percent(share)), anchor=False)
    bars.best(t, answer.top(TOP), "top_bars")
    if unsure and others:
        _runner_up(t, name, *others[0], lesson)
    if lesson:
        st.info(t(lesson), icon=":material/school:")
    if model.trained and not chosen.own:  # of a visitor's own file they stand under its choice
        for remark in model.remarks:
            st.caption(escape(t(remark)))
    if measured := reliability(model):
        st.caption(_worth(t, measured, share))
    text = N_("One of {count} classes, whatever the picture shows. Computed in {milliseconds} ms.")
    st.caption(t(text, count=len(model.classes), milliseconds=round(1000 * answer.seconds)))
    if in_the_box and not find_weights(MODELS[BEST_MODEL]).trained:
        _offer_more(t)


def _runner_up(t: Translator, name: str, second: str, share: float, lesson: str) -> None:
    """What the network would say next, and, where nothing else tells why, a guess at the reason."""
    text = N_("No class gets half. After {name} comes {second} with {runner_up}.")
    said = t(text, name=name, second=class_words(second, t), runner_up=percent(share))
    guess = t("Perhaps the picture shows something that it never learnt, or something that it takes for another.")
    st.markdown(said if lesson else f"{said} {guess}")


def _worth(t: Translator, measured: "Reliability", share: float) -> str:
    """What a percentage like this one was worth on photographs."""
    band = measured.near(share)
    values = {
        "low": whole_percent(band.low),
        "high": whole_percent(band.high),
        "count": band.count,
        "right": band.right,
        "all": len(measured.answers),
        "others": band.others,
        "all_others": len(measured.others),
    }
    if not band.count:
        return t("It said {low} to {high} for none of the {all} photographs that it was tested on.", **values)
    least, most = (whole_percent(bound) for bound in band.interval)
    text = N_(
        "What that is worth: tested on {all} photographs of its classes, it said {low} to {high} for {count} of them, "
        "and **{right} of these were right** (95 % interval {least} to {most}). Of {all_others} photographs of things "
        "that it never learnt, it said {low} or more for {others}."
    )
    if not band.low:  # everything is stated that high
        text = N_(
            "What that is worth: tested on {all} photographs of its classes, it said less than {high} for {count} of "
            "them, and **{right} of these were right** (95 % interval {least} to {most})."
        )
    return t(text, **values, least=least, most=most)


def _offer_more(t: Translator) -> None:
    """What this network does not know, and the network that knows more, which is downloaded only when asked for."""
    box = popover(t, "more_classes", t("What it does not know, and 1000 classes"), ":material/add_circle:")
    if box.open:
        with box:
            st.markdown(
                t(
                    "This network knows 200 things. People, horses, flowers, guitars, cups, ships and airplanes are "
                    "not among them, so it answers with the most similar thing it knows. torchvision's AlexNet knows "
                    "1000 of ImageNet's classes; once its weights are here, all pages begin with it."
                )
            )
            weights_box.download_weights(t, MODELS[BEST_MODEL], key="more_classes_download")
