"""What a run learns from: shapes, CIFAR-10, a zip that was uploaded, or a folder of this computer."""

from collections.abc import Callable, Mapping
from contextlib import closing

import streamlit as st

from alexnet_viz.errors import UserError
from alexnet_viz.files.paths import cifar10_path
from alexnet_viz.training.cifar10 import ARCHIVE_MIB, archive_path, download_cifar10
from alexnet_viz.training.config import DATASETS, FIELDS
from alexnet_viz.training.uploads import keep, uploads
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import messages, server, session
from pages.ui.train import uploaded
from pages.ui.widgets.layout import pick
from pages.ui.widgets.progress import progress_bar

_CHOSEN = "train_data"  # session key: what was chosen, shapes, cifar10, upload, path, or the path of an uploaded zip
_ROUND = "train_upload_round"  # session key: counts emptied uploaders
_PROBLEM = "train_upload_problem"  # session key: a sentence about a zip that was not kept, shown once


def data(t: Translator) -> str:
    """The choice, as `TrainConfig.data` has it; "" while there is nothing to learn from."""
    titles = _titles(t)
    # The key changes with what the titles depend on and with every upload; the choice itself is kept in the session.
    key = f"train_data_{hash(tuple(titles))}_{session.get(_ROUND, 0)}"
    current = st.session_state.get(_CHOSEN)
    picked = pick(t, t(FIELDS["data"].title), titles, key=key, current=current, say=str)
    st.session_state[_CHOSEN] = picked
    if picked in _ASKING:
        return _ASKING[picked](t)
    if uploaded.about(t, picked):
        st.session_state[_ROUND] += 1
        st.rerun()
    return picked


def _titles(t: Translator) -> Mapping[str, str]:
    """The choices by id; zips that were uploaded have their path as id."""
    text = N_("{name} ({classes} classes, {pictures} pictures)")
    kept = {
        str(one.path): t(text, name=one.name, classes=one.classes, pictures=f"{one.pictures:,}") for one in uploads()
    }
    named = {name: t(dataset.title) for name, dataset in DATASETS.items()}
    titles = {**named, **kept, "upload": t("A zip of my own")}
    return titles | {"path": t("A folder or zip on this computer")} if server.bound_to_localhost() else titles


# ---- CIFAR-10 -------------------------------------------------------------------------------------------------------


def _cifar10(t: Translator) -> str:
    if cifar10_path():
        return "cifar10"
    if archive_path().is_file():
        st.info(t("The archive of CIFAR-10 is on this computer, but not unpacked yet. That takes about half a minute."))
        label = t("Unpack CIFAR-10")
    else:
        st.info(
            t(
                "CIFAR-10 is not on this computer: 50,000 photos of ten classes to learn from and 10,000 to test. It "
                "is downloaded only if you ask."
            )
        )
        label = t("Download CIFAR-10 ({size} MiB)", size=ARCHIVE_MIB)
    by_hand = (
        None
        if not server.at_this_computer()
        else t(
            "CIFAR-10 is not on this computer. Put it at {file}, a zip with one folder of pictures for each class, "
            "or name it with ALEXNET_VIZ_CIFAR10.",
            file="ALEXNET_VIZ_HOME/datasets/cifar10.zip",
        )
    )
    if st.button(label, icon=":material/download:", help=by_hand, width="stretch", key="cifar10_download"):
        with messages.shown(t), closing(download_cifar10()) as steps:
            st.button(t("Stop"), icon=":material/stop:", key="cifar10_stop")  # any click ends this run of the page
            progress_bar(t, steps)
            st.rerun()
    return ""


# ---- One's own ------------------------------------------------------------------------------------------------------


def _upload(t: Translator) -> str:
    round_ = session.get(_ROUND, 0)
    file = st.file_uploader(
        t("A zip with a folder of pictures for each class"),
        ["zip"],
        max_upload_size=server.upload_mebibytes(),
        key=f"train_upload_{round_}",
        help=t("Or with the folders train, val and test, and in each of them a folder for each class."),
    )
    st.caption(t("It is kept on the server, where everybody who opens this page can train on it."))
    if not server.bound_to_localhost():
        st.caption(
            t(
                "A folder on the server can be named only where the app listens on its own computer alone "
                "(server.address 127.0.0.1), since others must not read its files."
            )
        )
    if problem := st.session_state.pop(_PROBLEM, None):
        messages.error(messages.said(problem, t))
    if not file:
        return ""
    try:
        with st.spinner(t("Opening {file}", file=messages.escape(file.name))):
            upload = keep(file.name, file, most=server.upload_limit(), owner=session.visitor())
            st.session_state[_CHOSEN] = str(upload.path)
            if upload.again:
                st.session_state[uploaded.AGAIN] = str(upload.path)
    except UserError as problem:
        st.session_state[_PROBLEM] = problem.message
    st.session_state[_ROUND] = round_ + 1
    server.forget(file)
    st.rerun()


def _path(t: Translator) -> str:
    return st.text_input(t("Where it is on the server"), key="train_path", help=t(FIELDS["data"].help)).strip()


_ASKING: Mapping[str, Callable[[Translator], str]] = {"cifar10": _cifar10, "upload": _upload, "path": _path}
