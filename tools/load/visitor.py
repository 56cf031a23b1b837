"""One visitor of the load: a tab that also fills in widgets, uploads files and fetches the pictures it is shown.

with visitor(server.url) as one:
    one.open("feature_maps")
    seconds = one.set("slider", "layer_", "conv3")

Like a browser it sends the state of every widget on the page, names the large messages that it still has, so that
they are not sent again, and fetches a picture once.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from google.protobuf.message import Message
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs, UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection

from tools.websocket import PATIENCE, Tab, connected


@contextmanager
def visitor(url: str) -> Iterator["Visitor"]:
    """A new session on the home page's address, with nothing opened yet."""
    with connected(url) as socket:
        yield Visitor(socket, url)


class Visitor(Tab):
    """A tab whose widgets can be set."""

    def __init__(self, socket: ClientConnection, url: str) -> None:
        super().__init__(socket, "", "")
        self._url, self._cookies = url, None
        self._cookies = self._request("GET", "/_stcore/health", 200).cookies
        self._set: dict[str, WidgetState] = {}  # what this visitor chose, by widget
        self._fetched: set[str] = set()
        self._places: list[FileURLs] = []  # for uploads

    def open(self, page: str) -> float:
        """Go to a page by the menu, which forgets the address's query."""
        self._page, self._page_hash, self._query = page, "", ""
        return self.rerun()

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
        headers = {"X-Xsrftoken": self._cookies["_streamlit_xsrf"]}
        self._request("PUT", place.upload_url, 204, files={"file": (name, data, "image/jpeg")}, headers=headers)
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

    def _ask(self, *clicked: WidgetState, fragment: str = "", by_timer: bool = False) -> None:
        here = {_id(one.new_element) for one in self.elements.values()}
        self._set = {id: state for id, state in self._set.items() if id in here}
        self._large = {hash: kept for hash, kept in self._large.items() if kept[0] >= self.runs - 1}
        super()._ask(*self._set.values(), *clicked, fragment=fragment, by_timer=by_timer)

    def _take(self, message: ForwardMsg) -> None:
        if message.WhichOneof("type") == "ref_hash":
            kept = self._large[message.ref_hash][1]
            kept.metadata.CopyFrom(message.metadata)
            message, kept.hash = kept, message.ref_hash
        if message.hash and message.metadata.cacheable:
            self._large[message.hash] = (self.runs, message)
        if message.WhichOneof("type") == "file_urls_response":
            self._places.extend(message.file_urls_response.file_urls)
        super()._take(message)

    def _request(self, method: str, url: str, expected: int, **sent: Any) -> requests.Response:
        """Over a connection of its own: the server closes idle ones."""
        answer = requests.request(method, self._url + url, cookies=self._cookies, timeout=PATIENCE, **sent)
        assert answer.status_code == expected, f"{method} {url}: {answer.status_code} {answer.text[:200]}"
        return answer


def _id(element: Message) -> str:
    """Of a widget; "" of anything else."""
    return getattr(getattr(element, element.WhichOneof("type") or "", None), "id", "")
