"""What must be known of a file's network before its answers are believed, and the names of its classes.

The sentences stand under the choice of the network on every page. A visitor may name the classes of a file: the names
stay with the network on all pages, and go along into what is exported.
"""

import streamlit as st

from alexnet_viz.errors import UserError
from alexnet_viz.words.i18n import Translator
from alexnet_viz.words.labels import parse_names, read_names
from pages.ui import messages, session
from pages.ui.session import ChosenModel, OwnModel
from pages.ui.store import networks

MOST_BYTES = 2**20  # of a file of names; ImageNet's have 21 kB


def say_and_ask(t: Translator, chosen: ChosenModel) -> None:
    """What was assumed about the chosen file, and, where it is the visitor's own upload, a box for its class names."""
    say(t, chosen)
    if chosen.own and chosen.own is st.session_state.get(session.OWN_MODEL) and _may_be_named(chosen.own):
        _ask(t, chosen.own)


def say(t: Translator, chosen: ChosenModel) -> None:
    """What was assumed when the chosen file was opened, and what its single output means."""
    if chosen.own:
        for remark in chosen.own.model.remarks:
            st.caption(messages.escape(t(remark)))


def _may_be_named(own: OwnModel) -> bool:
    """Names that the file itself holds stay; those that a visitor gave may be given anew."""
    return own.model.names != "known" or own.named


def _ask(t: Translator, own: OwnModel) -> None:
    box = st.expander(t("Name the classes"), icon=":material/label:")
    with box, st.form(f"class_names_form_{own.model.digest[:16]}", border=False):
        typed = st.text_area(
            t("One name a line, in the order of the outputs"),
            "\n".join(own.model.classes) if own.named else "",
            placeholder="cat\ndog",
            key=f"class_names_text_{own.model.digest[:16]}",
            help=t("Or a JSON list, or what torchvision's `dataset.class_to_idx` prints as JSON."),
        )
        file = st.file_uploader(
            t("Or a file with them"), ["txt", "json", "csv"], max_upload_size=1, key="class_names_file"
        )
        if not st.form_submit_button(t("Use these names"), key="class_names_use"):
            return
        with messages.shown(t):
            if file and file.size > MOST_BYTES:
                raise UserError("{file} has more than 1 MiB; class names need less.", file=file.name)
            names = read_names(file.getvalue()) if file else parse_names(typed)
            model = networks.own_models().named(own.model, names)
            st.session_state[session.OWN_MODEL] = OwnModel(own.name, model, named=True)
            st.rerun()
