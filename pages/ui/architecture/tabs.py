"""The parts of the architecture page around the drawing: verdict, totals, and the lazy tabs below."""

from dataclasses import replace
from functools import partial

import streamlit as st

from alexnet_viz.network import diagram, editing, memory, notation, source, tables
from alexnet_viz.network.spec import walk
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.training.config import can_train
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import gibibytes
from pages.ui import lab as lab_state
from pages.ui import messages
from pages.ui.architecture import by_hand, cached
from pages.ui.frame.menu import PAGES
from pages.ui.lab import Lab
from pages.ui.store import networks
from pages.ui.widgets import downloads
from pages.ui.widgets.drawing import svg_picker
from pages.ui.widgets.export import export_box
from pages.ui.widgets.layout import Tabs

WIDTH = 820  # pixels that drawings are laid out for: the page beside an open menu at 1280
BATCHES = (1, 16, 32, 64, 128, 256, 512)


def input_and_rounding(t: Translator, lab: Lab) -> None:
    """The input's size and channels, and the rounding rule."""
    channels, height, _ = lab.spec.input
    suffix = f"{lab.preset}_{lab.generation}"
    side = st.number_input(t("Input side, in pixels"), 1, notation.MAX_SIDE, height, key=f"lab_side_{suffix}")
    depth = st.number_input(t("Input channels"), 1, notation.MAX_INPUT_CHANNELS, channels, key=f"lab_depth_{suffix}")
    rules = {"floor": t("down, as PyTorch does"), "ceil": t("up, as the 2012 code did")}
    ids, key = list(rules), f"lab_rounding_{suffix}_{t.language}"
    label, now = t("What does not divide is rounded"), ids.index(lab.spec.rounding)
    rounding = st.radio(label, ids, index=now, format_func=rules.__getitem__, key=key)
    st.caption(
        t(
            "The paper prints 224, but (224 - 11) / 4 + 1 = 54.25. The authors' code rounds up and gets 55; 227 gets "
            "55 without rounding; torchvision pads 224 by 2 on each side."
        )
    )
    changed = replace(lab.spec, input=(depth, side, side), rounding=rounding)
    if changed != lab.spec:
        lab_state.set_layer(changed)
        st.rerun()


def verdict(t: Translator, lab: Lab) -> None:
    """Why the network is impossible, with a way out; or what about it is surprising."""
    walked = lab.walked()
    for remark in walked.errors:
        messages.error(f"{remark.layer}: {t(remark.text)}")
        if editing.can_adapt(walked, lab.spec):
            adapted = editing.adapted(lab.spec)
            st.button(t("Adapt the fully connected layers"), on_click=lab_state.edit, args=(adapted,), key="lab_adapt")
    if walked.notes:
        first, *rest = [f"{remark.layer}: {t(remark.text)}" for remark in walked.notes]
        st.info(messages.escape(first), icon=":material/info:")
        if rest:
            with st.expander(t("{count} more notes", count=len(rest))):
                st.markdown("\n".join(f"- {messages.escape(text)}" for text in rest))


def totals(t: Translator, lab: Lab) -> None:
    """The sums, each with its distance from the preset's."""
    now, then = lab.walked(), walk(lab.original)
    fields = [max((row.receptive_field or 0 for row in walked.rows), default=0) for walked in (now, then)]
    figures = {
        t("Parameters"): (now.params, then.params),
        t("MACs for one picture"): (now.macs, then.macs),
        t("Widest receptive field"): fields,
        t("Layers with weights"): (tables.depth(now), tables.depth(then)),
    }
    for place, (label, (value, before)) in zip(st.columns(len(figures)), figures.items(), strict=True):
        delta = f"{value - before:+,}" if value != before and not now.errors else None
        place.metric(label, "-" if now.errors else f"{value:,}", delta, delta_color="off", border=True)


def training_link(t: Translator, lab: Lab) -> None:
    """To the training page with this network, where small pictures fit in."""
    if can_train(lab.spec):
        query = {"net": notation.write_spec(lab.spec), "preset": lab.preset} if lab.edited else {}
        page = PAGES["train"]
        st.page_link(page.file, label=t("Train this network"), icon=page.icon, query_params=query)


def _table(t: Translator, lab: Lab) -> None:
    rows = tables.layer_table(lab.spec, lab.original, t)
    widths = {name: st.column_config.Column(width=width) for name, width in tables.widths(rows).items()}
    st.dataframe(rows, hide_index=True, height="content", column_config=widths)
    st.caption(t("A number in brackets is the preset's, where yours differs."))
    with st.container(horizontal=True):
        downloads.save(t("CSV"), lambda: tables.as_csv(rows), f"{lab.preset}.csv", "text/csv")
        downloads.save(t("Markdown"), lambda: tables.as_markdown(rows), f"{lab.preset}.md", "text/markdown")


def _memory(t: Translator, lab: Lab) -> None:
    if lab.walked().errors:
        st.info(t("An impossible network cannot be trained. Mend the layer that fails first."))
        return
    batch = st.select_slider(t("Pictures in a batch"), BATCHES, 128, key="lab_batch")
    needed = memory.training_memory(lab.walked(), batch)
    parts = t("weights, gradients, momentum"), t("outputs")
    st.latex(
        rf"\underbrace{{3 \cdot 4 \cdot {lab.walked().params:,}}}_{{\text{{{parts[0]}}}}}"
        rf" + \underbrace{{{batch} \cdot {needed.outputs // batch:,}}}_{{\text{{{parts[1]}}}}}"
        rf" = {gibibytes(needed.lowest)}"
    )
    low, high, card = st.columns(3)
    low.metric(t("At least"), gibibytes(needed.lowest), border=True)
    high.metric(t("With the outputs' gradients"), gibibytes(needed.highest), border=True)
    card.metric(t("One GTX 580 (November 2010)"), gibibytes(memory.GTX_580_BYTES), border=True)
    share = min(1.0, needed.highest / memory.GTX_580_BYTES)
    st.progress(share, t("Share of one GTX 580, with the outputs' gradients"))
    st.markdown(
        t(
            "fp32, before any buffer of the framework's own. The paper's network was trained with batches of 128 on "
            "two such cards, half of the filters on each: close to full; a batch of 256 crosses 3 GB."
        )
    )


def drawing(t: Translator, lab: Lab, view: str) -> None:
    """One of `diagram.VIEWS`; a click selects the layer."""
    file_name, settings = ("alexnet", {}) if view == "boxes" else (f"alexnet-{view}", {"width": WIDTH})
    drawn = diagram.diagram(lab.spec, view, t, selected=lab_state.selected_name(lab), **settings)
    clicked = svg_picker(t, drawn, diagram.standalone(drawn, "light"), key=f"lab_{view}", file_name=file_name)
    if clicked and lab_state.clicked(clicked):
        st.rerun()


def _code(t: Translator, lab: Lab) -> None:
    if lab.walked().errors:
        st.info(t("An impossible network has no code. Mend the layer that fails first."))
        return
    frozen = MODELS[lab.preset].frozen
    total, trainable = lab.walked().params, source.trainable_params(lab.spec, frozen)
    st.markdown(t("{total:,} parameters, {trainable:,} of them trained here.", total=total, trainable=trainable))
    text = source.source(lab.spec, frozen=frozen)
    st.code(text, "python")
    downloads.save(t("Save as a Python file"), text, "alexnet.py", "text/x-python")
    if st.toggle(t("Show what it prints"), key="lab_prints"):
        st.code(cached.printed(notation.write_spec(lab.spec)), None)
        shape = ", ".join(map(str, (1, *lab.walked().rows[-1].shape)))
        st.markdown(t("Output for a random input: {shape}", shape=f"({shape})"))
    if st.toggle(t("Save it with its weights, for other programs"), key="lab_export"):
        with st.skeleton(height=60):
            model = networks.model(lab.preset)
        export_box(t, model, f"{lab.preset}-edited" if lab.edited else lab.preset, lab.spec)


TABS: Tabs = {
    "table": (N_("Table"), _table),
    "flow": (diagram.VIEWS["flow"], partial(drawing, view="flow")),
    "bars": (diagram.VIEWS["bars"], partial(drawing, view="bars")),
    "memory": (N_("Training memory"), _memory),
    "hand": (N_("One unit, worked by hand"), by_hand.worked),
    "code": (N_("Code"), _code),
}
