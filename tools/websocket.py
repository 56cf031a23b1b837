"""A visitor without a browser: the websocket that a tab holds, spoken to in Streamlit's own messages.

with visit(server.url, "train", f"run={run.id}") as tab:
    tab.click("Resume")
    tab.stay(20)                     # as an open tab does: what has a timer runs again when it is due
with visit(server.url) as tab:
    tab.open("feature_maps")
    seconds = tab.set("slider", "layer_", "conv3")     # from asking until the script was through

Like a browser it sends the state of every widget on the page, names the large messages that it still has, so that
they are not sent again, and fetches a picture once.
"""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from google.protobuf.message import Message
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs, UploadedFileInfo
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
def visit(url: str, page: str = "", query: str = "") -> Iterator["Tab"]:
    """A new session. Opens the page and waits until it is there, if one is named."""
    with connected(url) as socket:
        tab = Tab(socket, url)
        if page:
            tab.open(page, query)
        yield tab


class Tab:
    """What the server told a tab, and what the tab asks."""

    def __init__(self, socket: ClientConnection, url: str) -> None:
        self.elements: dict[tuple[int, ...], Delta] = {}  # by place on the page
        self.runs = 0  # of the script, whole or one fragment, that came to their end
        self._socket, self._url = socket, url
        self._page, self._page_hash, self._query = "", "", ""
        self._set: dict[str, WidgetState] = {}  # what this visitor chose, by widget
        self._fetched: set[str] = set()  # pictures
        self._places: list[FileURLs] = []  # for uploads
        self._large: dict[str, tuple[int, ForwardMsg]] = {}  # kept messages by hash, and in which run they last came
        self._timers: dict[str, list[float]] = {}  # of fragments: seconds between two runs, when the next is due

    def open(self, page: str, query: str = "") -> float:
        """Go to a page, by the menu if it is not the first one; that forgets the address's query."""
        self._page, self._page_hash, self._query = page, "", query
        return self.rerun()

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

    def set(self, kind: str, key: str, value: object) -> float:
        """Give the widget whose key begins with `key` a value, and wait for the page."""
        state = WidgetState(id=self.widget(kind, key).id)
        match kind:
            case "slider" | "button_group":
                state.string_array_value.data.append(value)
            case "selectbox":
                state.string_value = value
            case "number_input":
                state.double_value = value
            case "bidi_component":
                state.json_value = json.dumps(value)
        self._set[state.id] = state
        return self.rerun()

    def upload(self, key: str, name: str, data: bytes) -> float:
        """Drop a file into a box, as a browser does: ask where to, put it there, say so."""
        box = self.widget("file_uploader", key)
        asked = BackMsg()
        asked.file_urls_request.request_id = secrets.token_hex(8)
        asked.file_urls_request.file_names.append(name)
        self._socket.send(asked.SerializeToString())
        while not self._places:
            self._hear(PATIENCE)
        place = self._places.pop()
        cookies = self._request("GET", "/_stcore/health", 200).cookies
        sent = {"cookies": cookies, "headers": {"X-Xsrftoken": cookies["_streamlit_xsrf"]}}
        self._request("PUT", place.upload_url, 204, files={"file": (name, data, "image/jpeg")}, **sent)
        state = WidgetState(id=box.id)
        state.file_uploader_state_value.uploaded_file_info.append(
            UploadedFileInfo(name=name, size=len(data), file_id=place.file_id, file_urls=place)
        )
        return self.rerun(state)

    def widget(self, kind: str, key: str) -> Message:
        """The widget of a kind whose key begins so."""
        return next(one for one in self.widgets(kind) if f"-{key}" in one.id)

    def widgets(self, kind: str) -> list[Message]:
        """All of a kind on the page."""
        elements = (one.new_element for one in self.elements.values())
        return [getattr(one, kind) for one in elements if one.WhichOneof("type") == kind]

    def complaints(self) -> list[str]:
        """What the page says in red."""
        return [one.body for one in self.widgets("alert") if one.format == Alert.ERROR]

    def fetch_pictures(self) -> None:
        """Those on the page that were not there before."""
        for images in self.widgets("imgs"):
            for url in {image.url for image in images.imgs} - self._fetched:
                if url.startswith("/"):
                    self._fetched.add(url)
                    self._request("GET", url, 200)

    # ---- On the wire --------------------------------------------------------------------------------------------

    def _ask(self, *clicked: WidgetState, fragment: str = "", by_timer: bool = False) -> None:
        here = {_id(one.new_element) for one in self.elements.values()}
        self._set = {id: state for id, state in self._set.items() if id in here}
        self._large = {hash: kept for hash, kept in self._large.items() if kept[0] >= self.runs - 1}
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.fragment_id, asked.is_auto_rerun = self._query, fragment, by_timer
        asked.page_script_hash, asked.page_name = self._page_hash, "" if self._page_hash else self._page
        asked.widget_states.widgets.extend((*self._set.values(), *clicked))
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
        if message.WhichOneof("type") == "ref_hash":
            kept = self._large[message.ref_hash][1]
            kept.metadata.CopyFrom(message.metadata)
            message, kept.hash = kept, message.ref_hash
        if message.hash and message.metadata.cacheable:
            self._large[message.hash] = (self.runs, message)
        match message.WhichOneof("type"):
            case "file_urls_response":
                self._places.extend(message.file_urls_response.file_urls)
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

    def _request(self, method: str, url: str, expected: int, **sent: Any) -> requests.Response:
        """Over a connection of its own: the server closes idle ones."""
        answer = requests.request(method, self._url + url, timeout=PATIENCE, **sent)
        assert answer.status_code == expected, f"{method} {url}: {answer.status_code} {answer.text[:200]}"
        return answer


def _id(element: Message) -> str:
    """Of a widget; "" of anything else."""
    return getattr(getattr(element, element.WhichOneof("type") or "", None), "id", "")
