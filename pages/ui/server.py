"""What the pages know about the server that they run on: who sits at it, what it takes, and its line of visitors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from alexnet_viz.errors import UserError
from alexnet_viz.serving.limits import max_upload_mebibytes
from alexnet_viz.serving.turns import Places, TicketLine

MOMENT = 0.5  # seconds; a shorter wait is not worth a word
NOTICE = "waiting_notice"  # session key: the frame's `waiting.Notice` of this run


def bound_to_localhost() -> bool:
    """Whether the server listens on this computer alone, so that every visitor is a user of this computer.

    Behind a proxy on the same computer it does too, but its visitors come from anywhere: proxies say so in a header.
    """
    alone = st.get_option("server.address") in ("127.0.0.1", "localhost", "::1")
    return alone and "X-Forwarded-For" not in st.context.headers


def at_this_computer() -> bool:
    """Whether this visitor sits at this computer, though the server may listen to the network too, as for a class.

    Streamlit gives no address for such a visitor.
    """
    return st.context.ip_address is None and "X-Forwarded-For" not in st.context.headers


def shown_path(path: str | Path) -> str:
    """A path for those who sit at this computer; for all others only its last part, since folders tell of people."""
    return str(path) if at_this_computer() else Path(path).name


def upload_mebibytes() -> int:
    """MiB of an uploaded weights file or zip, at most."""
    most = st.get_option("server.maxUploadSize")
    return min(most, max_upload_mebibytes() or most)


def upload_limit() -> int:
    """The same in bytes."""
    return upload_mebibytes() * 2**20


def check_size(name: str, size: int) -> None:
    """Raise `UserError` for an uploaded file of more bytes: a browser may ignore what its widget says."""
    if size > upload_limit():
        raise UserError(
            "{file} has more than {limit} MiB, and this server takes no more. Choose a smaller file.",
            file=name,
            limit=upload_mebibytes(),
        )


def forget(*files: UploadedFile) -> None:
    """Free uploads that have been read: Streamlit would keep them until the session ends, with no uploader left too."""
    run = get_script_run_ctx()
    for file in files:
        run.uploaded_file_mgr.remove_file(run.session_id, file.file_id)


class VisibleLine(TicketLine):
    """A line whose turns tell the visitor, unless told otherwise. Who comes gives up the place among `places`."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self._places = places

    @contextmanager
    def turn(self, on_wait: Callable[[int], None] | None = None, every: float = MOMENT) -> Iterator[None]:
        told: list[Any] = []

        def tell(ahead: int) -> None:
            if notice := st.session_state.get(NOTICE):
                told.append(notice)
                notice.say(ahead)

        self._places.leave()
        with super().turn(on_wait or tell, every):
            if told:
                told[-1].clear()
            yield
