"""The lazy tabs under the answer of the classify page: each explains one step of it."""

from typing import TYPE_CHECKING

import streamlit as st

from alexnet_viz.charts import base as charts
from alexnet_viz.pictures import images
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.labels import class_name
from alexnet_viz.words.numbers import percent, whole_percent
from pages.ui import messages
from pages.ui.choose import models, pictures
from pages.ui.choose.weights import weights_box
from pages.ui.classify import cached
from pages.ui.messages import class_words
from pages.ui.session import Choice, ChosenModel, Picture
from pages.ui.store import networks
from pages.ui.widgets import bars, downloads, show
from pages.ui.widgets.layout import Tabs, slide
from pages.ui.widgets.pixels import pixel_picker

if TYPE_CHECKING:
    from alexnet_viz.inspection.classify import Answer
    from alexnet_viz.inspection.crops import TenCrops
    from alexnet_viz.network.weights import Model

TEMPERATURES = [f"{step / 20:.2f}" for step in range(5, 101)]  # 0.25 to 5
TEMPERATURE = Choice("temperature", "1.00")
TERMS = 6  # of the softmax, written out
PICKER_WIDTH = 320  # pixels on the screen


def _softmax(t: Translator, chosen: ChosenModel, model: "Model", answer: "Answer", picture: Picture) -> None:
    from alexnet_viz.inspection.classify import softmax_terms

    if answer.one_output:
        _sigmoid(t, answer)
        return
    st.markdown(t("The last layer gives each class a number, its **logit**. Softmax turns them into probabilities:"))
    st.latex(r"p_i = \frac{e^{(z_i - z_{\max})/T}}{\sum_j e^{(z_j - z_{\max})/T}}")
    label = t("Temperature T: below 1 sharpens the answer, above 1 flattens it")
    temperature = float(slide(label, TEMPERATURES, TEMPERATURE, key="softmax_temperature"))
    terms, total = softmax_terms(answer, temperature, TERMS)
    st.dataframe(
        {
            t("Class"): [class_name(term.class_id, t.language) for term in terms],
            t("Logit z"): [term.logit for term in terms],
            "exp((z - z_max) / T)": [term.exponential for term in terms],
            t("Probability"): [term.probability for term in terms],
        },
        column_config={
            t("Logit z"): st.column_config.NumberColumn(format="%.3f"),
            "exp((z - z_max) / T)": st.column_config.NumberColumn(format="%.6f"),
            t("Probability"): downloads.PROBABILITY,
        },
        hide_index=True,
    )
    best = terms[0]
    values = {"total": total, "exponential": best.exponential, "share": percent(best.probability)}
    values |= {"count": len(answer.classes), "name": class_words(best.class_id, t)}
    st.markdown(
        t(
            "The sum over all {count} classes is {total:.6f}, so **{name}** gets {exponential:.6f} / {total:.6f}, "
            "which is **{share}**. Subtracting the largest logit changes nothing in the fraction and keeps the numbers "
            "small.",
            **values,
        )
    )


def _sigmoid(t: Translator, answer: "Answer") -> None:
    """A single output, worked out."""
    st.markdown(
        t(
            "This network has one output, a number z. Its sigmoid is a probability, that of {name}:",
            name=class_words(answer.classes[0], t),
        )
    )
    logit, share = float(answer.logits[0]), float(answer.probabilities[0])
    st.latex(rf"p = \frac{{1}}{{1 + e^{{-z}}}} = \frac{{1}}{{1 + e^{{{-logit:.3f}}}}} = {share:.4f}")
    st.markdown(
        t(
            "It is the softmax of two classes whose logits are z and 0: the other class has {rest}.",
            rest=percent(1 - share),
        )
    )


def _ten_crops(t: Translator, chosen: ChosenModel, model: "Model", answer: "Answer", picture: Picture) -> None:
    places = [t("top left"), t("top right"), t("bottom left"), t("bottom right"), t("centre")]
    places += [t("{place}, mirrored", place=place) for place in places]
    st.markdown(
        t(
            "At test time the paper's network looks at ten crops, four corners and the centre and their mirror images, "
            "and averages the ten answers (section 4.1). On ImageNet that took the top-5 error from 18.3 % to 17.0 %."
        )
    )
    with st.skeleton(height=400):
        crops = cached.ten_crops(model, picture)
    columns = [*st.columns(5), *st.columns(5)]
    for column, place, png, shares in zip(columns, places, crops.encoded, crops.probabilities, strict=True):
        class_id, share = crops.classes[shares.argmax()], percent(shares.max())
        alt = f"{place}: {class_name(class_id, t.language)} {share}"
        show.picture(png, alt, f"{place}: {class_words(class_id, t)} {share}", of=column)
    single, mean = st.columns(2)
    with single:
        _best(t, t("One view, as above"), answer, "single_bars")
    with mean:
        _best(t, t("Mean of the ten crops"), crops, "mean_bars")


def _best(t: Translator, title: str, answer: "Answer | TenCrops", key: str) -> None:
    st.markdown(f"**{title}**")
    bars.best(t, answer.top(5), key)


def _preprocessing(t: Translator, chosen: ChosenModel, model: "Model", answer: "Answer", picture: Picture) -> None:
    preprocess = chosen.entry.preprocess
    steps = cached.steps(chosen.entry.id, picture)
    side, (width, height) = preprocess.crop, steps.resized.size
    first, second, third = st.columns(3)
    with first:
        st.markdown(f"**1. {t('Resize')}**")
        text = N_("The shorter side to {size}: {width} x {height}")
        caption = t(text, size=preprocess.size, width=width, height=height)
        show.picture(images.encode(steps.resized), t("The picture, resized"), caption)
    with second:
        st.markdown(f"**2. {t('Crop')}**")
        row, column = pixel_picker(
            t,
            t("The square in the centre, {side} x {side}. Choose a pixel", side=side),
            images.encode(steps.cropped),
            side,
            side,
            key=f"pixel_{side}",
            width=PICKER_WIDTH,
            default=(side // 2, side // 2),
        )
    with third:
        names = [t("Red"), t("Green"), t("Blue")] if len(preprocess.mean) == 3 else [t("Gray")]
        st.markdown(f"**3. {t('Scale and normalise this pixel')}**")
        for name, value in zip(names, steps.pixel(row, column), strict=True):
            st.markdown(
                f"{name}: {value.byte} / 255 = {value.scaled:.3f}\n\n"
                rf"$({value.scaled:.3f} - {value.mean:.3f}) \,/\, {value.std:.3f} = \mathbf{{{value.normalised:.3f}}}$"
            )


def _two_models(t: Translator, chosen: ChosenModel, model: "Model", answer: "Answer", picture: Picture) -> None:
    second = models.second_model(t, chosen)
    with st.skeleton(height=260):
        other = networks.load(second)
        other_answer = networks.answer(other, picture)
    sides = [("first_bars", chosen, model, answer), ("second_bars", second, other, other_answer)]
    for place, (key, which, loaded, said) in zip(st.columns(2), sides, strict=True):
        with place:
            _best(t, messages.escape(which.title(t)), said, key)
            if not loaded.trained:
                st.caption(t("Random weights: this answer means nothing."))


def _classes(t: Translator, chosen: ChosenModel, model: "Model", answer: "Answer", picture: Picture) -> None:
    label = t("Search the {count} classes", count=len(model.classes))
    wanted = st.text_input(label, key="class_search", icon=":material/search:")
    rows = downloads.class_rows(answer, wanted)
    if not wanted.strip():
        shown = [row for row in rows if row[-1] >= bars.LEAST] or rows[:1]
        if len(shown) < len(rows):
            text = N_("{count} classes with less than 0.1 % are not listed; the search finds them.")
            st.caption(t(text, count=len(rows) - len(shown)))
        rows = shown
    if not rows:
        st.info(t("This network has no such class. Whatever the picture shows, it answers with one that it has."))
        return
    downloads.class_table(t, rows)


def _pictures(t: Translator, chosen: ChosenModel, model: "Model", answer: "Answer", picture: Picture) -> None:
    downloads.answers(t, model, pictures.all_pictures(t))


def _about(t: Translator, chosen: ChosenModel, model: "Model", answer: "Answer", picture: Picture) -> None:
    st.markdown(t(chosen.entry.summary))
    weights_box(t, chosen)
    if model.trained:
        st.caption(t("sha256 of the weights: {digest}", digest=model.digest[:16]))
    _reliability(t, model)


def _reliability(t: Translator, model: "Model") -> None:
    """What the percentages were worth on photographs, on small test pictures, and on things it never learnt."""
    from alexnet_viz.inspection.reliability import as_bins, reliability

    measured = reliability(model)
    if measured is None:
        return
    st.markdown(f"#### {t('Can its percentages be believed?')}")
    st.markdown(
        t(
            "Of {count} photographs of its classes it names the right class in {top1}, and in {top5} it is among the "
            "best five. When it says 60 %, it should be right in 60 of 100 cases: then the points lie on the diagonal.",
            count=len(measured.answers),
            top1=whole_percent(measured.top1),
            top5=whole_percent(measured.top5),
        )
    )
    photographs = t("{count} photographs, with 95 % intervals", count=len(measured.answers))
    small = t("{count} pictures of 64 x 64 pixels", count=f"{measured.small_count:,}")
    curves = {photographs: as_bins(measured.bands()), small: measured.small}
    show.chart(
        charts.reliability_diagram(curves, t("Stated probability"), t("Right"), t("perfect")),
        t(
            "Stated probability against the share of right answers. The photographs' points lie near the diagonal, "
            "those of the small pictures above it."
        ),
        "reliability",
    )
    st.markdown(
        t(
            "The small pictures are Tiny ImageNet's test pictures, of which {top1} are right. They are enlarged to the "
            "network's input and so blurred: the features of a blurred picture are weaker, and the answer sounds less "
            "sure than it should. The percentages are set for photographs, which are sharp.",
            top1=percent(measured.small_top1),
        )
    )
    st.markdown(f"#### {t('And things that it never learnt?')}")
    st.markdown(
        t(
            "It has to name one of its classes, whatever it sees. Of {count} photographs of other things, {half} got "
            "more than 50 % and {most} more than 90 %; the mean was {mean}. Some of these things are near relatives of "
            "its classes, such as a tusker, which is an elephant.",
            count=len(measured.others),
            half=measured.others_above(0.5),
            most=measured.others_above(0.9),
            mean=whole_percent(sum(measured.others) / len(measured.others)),
        )
    )


TABS: Tabs = {
    "softmax": (N_("Softmax"), _softmax),
    "crops": (N_("Ten crops"), _ten_crops),
    "input": (N_("From photo to numbers"), _preprocessing),
    "two": (N_("Two networks"), _two_models),
    "classes": (N_("All classes"), _classes),
    "pictures": (N_("All pictures"), _pictures),
    "about": (N_("About this model"), _about),
}
