"""The current picture, as every page chooses it: from the strip, dropped, pasted or photographed."""

from collections.abc import Sequence

import streamlit as st

from alexnet_viz.errors import UserError
from alexnet_viz.pictures import images
from alexnet_viz.pictures.file_kinds import EXTENSIONS
from alexnet_viz.pictures.samples import FIRST_SAMPLE, SAMPLES
from alexnet_viz.words.i18n import Translator
from pages.ui import messages, server, session
from pages.ui.session import Picture, own_pictures
from pages.ui.store import pictures as stored
from pages.ui.widgets.layout import popover
from pages.ui.widgets.paste import paste_box
from pages.ui.widgets.strip import strip

MOST_OWN_PICTURES = 12  # per visitor; the oldest go first
MOST_OWN_BYTES = 40 * 2**20  # per visitor


def picture(t: Translator) -> Picture:
    """The current picture: a strip of the samples and the visitor's own."""
    if not session.hidden("picture"):
        _strip(t)
    return _linked_picture(t)


def picture_popover(t: Translator) -> Picture:
    """The current picture, with the strip and the place to drop more behind a button."""
    if not session.hidden("picture"):
        box = popover(t, "another_picture", t("Another picture"), ":material/image:")
        if box.open:
            with box:
                _strip(t)
                drop_pictures(t)
    return _linked_picture(t)


def _strip(t: Translator) -> None:
    current = current_picture(t)
    strip(t("Pictures"), all_pictures(t), current.id, key="picture_strip", on_choose=_choose_picture)
    if current.id in own_pictures():
        label = t("Remove {name}", name=messages.escape(current.name))
        st.button(label, icon=":material/delete:", on_click=_remove, args=(current.id,), key="picture_remove")


def _remove(picture_id: str) -> None:
    """Forget one of the visitor's own pictures; the next newest takes its place, else the first sample."""
    own = own_pictures()
    own.pop(picture_id, None)
    _choose_picture(next(reversed(own), FIRST_SAMPLE))


def _linked_picture(t: Translator) -> Picture:
    """The current picture, kept in the link."""
    chosen = current_picture(t)
    _choose_picture(chosen.id)
    return chosen


def current_picture(t: Translator) -> Picture:
    """The picture that was chosen last, on whatever page."""
    own = own_pictures()
    current = session.IMAGE.current([*SAMPLES, *own])
    return own[current] if current in own else stored.sample(current, t)


def all_pictures(t: Translator) -> list[Picture]:
    """The visitor's own pictures, newest first, then the samples."""
    return [*reversed(own_pictures().values()), *(stored.sample(sample_id, t) for sample_id in SAMPLES)]


def drop_pictures(t: Translator) -> None:
    """A place to drop or choose pictures. The last good one becomes the current picture."""
    if session.hidden("picture"):
        return
    round_ = session.get(session.UPLOAD_ROUND, 0)
    files = st.file_uploader(
        t("Drop your own pictures here"),
        EXTENSIONS,
        accept_multiple_files=True,
        max_upload_size=images.MAX_BYTES // 2**20,
        key=f"upload_{round_}",
    )
    for problem in st.session_state.pop(session.UPLOAD_PROBLEMS, []):
        messages.error(t(problem))
    incoming = [(file.name, file.getvalue()) for file in files]
    server.forget(*files)
    _take(incoming)


def paste_or_photograph(t: Translator) -> None:
    """The other ways in, behind a button: the clipboard, and the camera behind a switch of its own."""
    if session.hidden("picture"):
        return
    round_ = session.get(session.UPLOAD_ROUND, 0)
    box = popover(t, f"ways_in_{round_}", t("Paste or camera"), ":material/photo_camera:")
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


def _choose_picture(picture_id: str) -> None:
    session.IMAGE.remember(picture_id, linkable=picture_id in SAMPLES)


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
        picture = Picture.own(name, data)
        own.pop(picture.id, None)
        own[picture.id] = picture
        _choose_picture(picture.id)
    while len(own) > MOST_OWN_PICTURES or sum(len(item.data) for item in own.values()) > MOST_OWN_BYTES:
        own.pop(next(iter(own)))
    st.session_state[session.UPLOAD_PROBLEMS] = problems
    st.session_state[session.UPLOAD_ROUND] += 1
    st.rerun()
