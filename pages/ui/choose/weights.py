"""A model's weights: where they come from, saving them, opening one's own file, downloading published ones."""

from pathlib import Path

import streamlit as st

from alexnet_viz.network.sources import SAVE_FROM_CHECKPOINT, download, find_weights
from alexnet_viz.network.zoo import ModelEntry
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import messages, server, session
from pages.ui.session import ChosenModel, OwnModel
from pages.ui.store import networks
from pages.ui.widgets.export import export_box
from pages.ui.widgets.progress import download_button

ORIGINS = {
    "shipped": N_("They come with this app."),
    "home": N_("They were found in this installation's weights folder."),
    "hub": N_("They were found in torch hub's cache."),
    "file": N_("They come from your own file. Only you see them, and only in this session."),
    "random": N_("They are random: this network has learnt nothing."),
}


def weights_box(t: Translator, chosen: ChosenModel) -> None:
    """Everything about the chosen model's weights."""
    st.markdown(f"**{t('Weights')}.** {t(ORIGINS[networks.load(chosen).origin])}")
    if chosen.entry.url and not find_weights(chosen.entry).trained:
        download_weights(t, chosen.entry, key="download_weights")
    st.markdown(f"**{t('Save this network for other programs')}**")
    export_box(t, networks.load(chosen), Path(chosen.own.name).stem if chosen.own else chosen.entry.id)
    _open_own(t)


def download_weights(t: Translator, entry: ModelEntry, *, key: str) -> None:
    """Offer a network's published weights; once they are here, the pages look at it."""
    st.caption(
        t("The published weights ({file}, 233 MiB) are not here. Nothing is downloaded unless you ask.", file=entry.hub)
    )
    if download_button(t, lambda: download(entry), key=key):
        session.model().remember(entry.id)
        st.session_state[session.WEIGHTS_ROUND] = session.get(session.WEIGHTS_ROUND, 0) + 1  # a new box, which shows it
        st.rerun()


def _open_own(t: Translator) -> None:
    round_ = session.get(session.WEIGHTS_ROUND, 0)
    file = st.file_uploader(
        t("Open a weights file of your own (.safetensors, .pth, .pt, .bin, .ckpt)"),
        ["safetensors", "pth", "pt", "bin", "ckpt", "pth.tar", "tar"],
        max_upload_size=server.upload_mebibytes(),
        key=f"weights_{round_}",
        help=t(
            "torchvision's AlexNet, also with a head of your own, the seed document's two classes, and whatever this "
            "app writes. Of a checkpoint the weights alone are enough: {code}",
            code=f"`{SAVE_FROM_CHECKPOINT}`".format(file="last.ckpt"),
        ),
    )
    if not file:
        return
    with messages.shown(t):
        before: OwnModel | None = st.session_state.get(session.OWN_MODEL)
        with st.spinner(t("Opening {file}", file=messages.escape(file.name))):
            server.check_size(file.name, file.size)
            replacing = before.model if before else None
            model = networks.own_models().hold(file.getvalue(), file.name, replacing=replacing)
        st.session_state[session.OWN_MODEL] = OwnModel(file.name, model)
        session.model().remember(session.OWN_MODEL_ID, linkable=False)
        st.session_state[session.WEIGHTS_ROUND] = round_ + 1
        server.forget(file)
        st.rerun()
