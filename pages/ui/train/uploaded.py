"""A zip that was uploaded and is chosen: what is in it, what of it is left out, and taking it away again."""

import streamlit as st

from alexnet_viz.training.left_out import notes
from alexnet_viz.training.uploads import Upload, remove, uploads
from alexnet_viz.words.i18n import Translator
from alexnet_viz.words.labels import class_name
from pages.ui import messages
from pages.ui.widgets import left_out, live_run

AGAIN = "train_upload_again"  # session key: the path of a zip that was uploaded though its bytes were here, said once
MOST_NAMED = 10  # classes


def about(t: Translator, data: str) -> bool:
    """What is known of the zip at this path, if it is one that was uploaded; whether it has just been removed."""
    found = next((one for one in uploads() if str(one.path) == data), None)
    if not found:
        return False
    if st.session_state.pop(AGAIN, "") == data:
        st.info(
            t("These very bytes are here already, as {name}; they are kept once.", name=messages.escape(found.name))
        )
    if found.names:
        named = [class_name(name, t.language) for name in found.names[:MOST_NAMED]]
        more = ", ..." if len(found.names) > MOST_NAMED else ""
        st.caption(t("Classes: {names}", names=messages.escape(", ".join(named) + more)))
    left_out.show(t, notes(found.left_out, found.outside, found.untested, tested=found.tested))
    return _removed(t, found)


def _removed(t: Translator, upload: Upload) -> bool:
    """A button for whoever uploaded the zip, who gives the teacher's token, or everybody on a server of one's own."""
    if not live_run.allowed(upload):  # an upload has an owner as a run has
        return False
    label = t("Remove {name} from the server", name=messages.escape(upload.name))
    if st.button(label, icon=":material/delete:", key=f"train_remove_{upload.path.stem}"):
        with messages.shown(t):
            remove(upload)
            return True
    return False
