"""A visitor without a browser: the websocket that a tab holds, spoken to in Streamlit's own messages.

with visit(server.url, "train", f"run={run.id}") as tab:
    tab.click("Resume")
    tab.stay(20)                     # as an open tab does: what has a timer runs again when it is due
with visit(server.url, "classify") as tab:
    seconds = tab.rerun()            # from asking until the script was through
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

PATIENCE = 600  # seconds; the first visitor of a server waits for torch, and the machine may be busy


def connected(url: str, **settings: Any) -> ClientConnection:
    """The websocket of a new session."""
    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    return connect(address, subprotocols=["streamlit"], max_size=None, ping_interval=None, **settings)


@contextmanager
def visit(url: str, page: str, query: str = "") -> Iterator["Tab"]:
    """Open a page and wait until it is there."""
    with connected(url) as socket:
        tab = Tab(socket, page, query)
        tab.rerun()
        yield tab


class Tab:
    """What the server told a tab, and what the tab asks."""

    def __init__(self, socket: ClientConnection, page: str, query: str) -> None:
        self.elements: dict[tuple[int, ...], Delta] = {}  # by place on the page
        self.runs = 0  # of the script, whole or one fragment, that came to their end
        self._socket = socket
        self._page, self._page_hash, self._query = page, "", query
        self._large: dict[str, tuple[int, ForwardMsg]] = {}  # kept messages by hash, and in which run they last came
        self._timers: dict[str, list[float]] = {}  # of fragments: seconds between two runs, when the next is due

    def rerun(self, *clicked: WidgetState, fragment: str = "") -> float:
        """Ask for a run of the script and wait for its end. Seconds that it took, without a browser's drawing."""
        before, started = self.runs, time.perf_counter()
        self._ask(*clicked, fragment=fragment)
        while self.runs == before:
            self._hear(PATIENCE)
        seconds = time.perf_counter() - started
        problems = [
            one.new_element.exception for one in self.elements.values() if one.new_element.HasField("exception")
        ]
        assert not problems, problems
        return seconds

    def click(self, label: str) -> None:
        """Press the button with this label, and wait for what it does."""
        found = next(one for one in self.elements.values() if one.new_element.button.label == label)
        clicked = WidgetState(id=found.new_element.button.id, trigger_value=True)
        self.rerun(clicked, fragment=found.fragment_id)

    def stay(self, seconds: float) -> None:
        """Keep the page open and ask for nothing but what its timers ask for."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            for fragment, timer in self._timers.items():
                if timer[1] <= now:
                    timer[1] = now + timer[0]
                    self._ask(fragment=fragment, by_timer=True)
            due = min((timer[1] for timer in self._timers.values()), default=end)
            self._hear(max(0.0, min(due, end) - now))

    def labels(self) -> list[str]:
        """Of the buttons on the page."""
        buttons = (one.new_element.button.label for one in self.elements.values())
        return [label for label in buttons if label]

    def _ask(self, *clicked: WidgetState, fragment: str = "", by_timer: bool = False) -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.fragment_id, asked.is_auto_rerun = self._query, fragment, by_timer
        asked.page_script_hash, asked.page_name = self._page_hash, "" if self._page_hash else self._page
        asked.widget_states.widgets.extend(clicked)
        asked.cached_message_hashes.extend(self._large)
        asked.context_info.locale = "en-US"
        self._socket.send(message.SerializeToString())

    def _hear(self, seconds: float) -> None:
        """The next message, if one comes in time."""
        try:
            data = self._socket.recv(seconds)
        except TimeoutError:
            if seconds == PATIENCE:
                raise
            return
        self._take(ForwardMsg.FromString(data))

    def _take(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session" if not message.metadata.run.fragment_ids:
                self.elements, self._timers = {}, {}
            case "navigation":  # only now does the server know which page the address's name means
                self._page_hash = message.navigation.page_script_hash
            case "delta":
                self.elements[tuple(message.metadata.delta_path)] = message.delta
            case "page_info_changed":
                self._query = message.page_info_changed.query_string
            case "auto_rerun":
                timer = message.auto_rerun
                self._timers[timer.fragment_id] = [timer.interval, time.monotonic() + timer.interval]
            case "stop_auto_rerun":
                for fragment in message.stop_auto_rerun.fragment_ids:
                    self._timers.pop(fragment, None)
            case "script_finished":
                self.runs += message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
