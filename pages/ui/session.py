"""What a session remembers, by name, and its mirror in the address bar.

A `Choice` is one thing a visitor chose: kept in the session from page to page, written to the URL where a link is
worth sharing, and read from it when a link is opened. URLs hold language-neutral ids, never labels, so a link made
in English opens the same view in Korean.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import streamlit as st

from alexnet_viz.network.sources import default_model
from alexnet_viz.network.spec import Spec
from alexnet_viz.network.zoo import MODELS, ModelEntry
from alexnet_viz.pictures.samples import FIRST_SAMPLE
from alexnet_viz.words import i18n

if TYPE_CHECKING:
    from alexnet_viz.network.weights import Model

_RUN_NUMBER = "run_number"
FRAME_RAN = "frame_ran"  # app.py runs, and this page inside it; see frame.start_page
OWN_MODEL = "own_model"  # OwnModel: the one weights file that the visitor opened
RUN_PREFIX = "run:"  # of the ids of runs' checkpoints in the model choice
OWN_MODEL_ID = "own"  # its id in the model choice
UPLOAD_ROUND = "upload_round"  # counts emptied uploaders; part of the uploader's key
UPLOAD_PROBLEMS = "upload_problems"  # sentences about files that could not be opened, shown once
HIDE = "hide"  # in the URL and here: ids of the controls that a teacher's link leaves out; see share.HIDEABLE
WEIGHTS_ROUND = "weights_round"  # counts weights that came: part of the keys of their uploader and of the network's box


@dataclass(frozen=True)
class Choice:
    """One remembered choice among ids. `param` names it in the session and in the URL."""

    param: str
    default: str
    always: bool = False  # whether the URL names even the default, which may be another one elsewhere
    successors: Mapping[str, str] = field(default_factory=dict)  # what old links name, and what took its place

    def current(self, allowed: Collection[str]) -> str:
        """The id chosen: by a link that was just opened, else earlier in this session, else the default."""
        if self.linked(allowed):
            st.session_state[self._written] = st.session_state[self.param] = self._asked()
        chosen = st.session_state.get(self.param, self.default)
        return chosen if chosen in allowed else self.default

    def linked(self, allowed: Collection[str]) -> bool:
        """Whether a link that asks for one of these was just opened: `current` has not taken it up yet."""
        asked = self._asked()
        return asked in allowed and asked != st.session_state.get(self._written)

    def outdated(self) -> str:
        """What the link that was just opened asks for, if something else has taken its place; else ""."""
        asked = st.query_params.get(self.param, "")
        return asked if asked in self.successors else ""

    def remember(self, value: str, *, linkable: bool = True) -> None:
        """Keep an id, and put it in the URL unless it goes without saying or means nothing to others."""
        st.session_state[self.param] = value
        in_url = value if linkable and (self.always or value != self.default) else None
        st.session_state[self._written] = in_url
        if st.query_params.get(self.param) != in_url:
            if in_url is None:
                st.query_params.pop(self.param, None)
            else:
                st.query_params[self.param] = in_url

    def _asked(self) -> str | None:
        asked = st.query_params.get(self.param)
        return self.successors.get(asked, asked) if asked else asked

    @property
    def _written(self) -> str:
        """Session key of what this session itself put in the URL; anything else there is a link."""
        return f"{self.param}_in_url"


REPLACED_MODELS = {entry.id: entry.replaced_by for entry in MODELS.values() if entry.replaced_by}
IMAGE = Choice("image", FIRST_SAMPLE, always=True)
LAYER = Choice("layer", "conv1")
CHANNEL = Choice("channel", "0")


def model() -> Choice:
    """The choice of the network; its default is the best one that has weights here, so links always name it."""
    return Choice("model", default_model(), always=True, successors=REPLACED_MODELS)


def visitor() -> str:
    """A secret of this session: whoever has it started its runs."""
    return get("visitor", secrets.token_hex(16))


def begin_run() -> None:
    """Called by app.py at the start of every run."""
    st.session_state[FRAME_RAN] = True
    st.session_state[_RUN_NUMBER] = run_number() + 1
    # From the link into the session; and back into the URL, which going to another page empties.
    if linked := st.query_params.get(HIDE):
        st.session_state[HIDE] = linked
    elif kept := st.session_state.get(HIDE):
        st.query_params[HIDE] = kept


def run_number() -> int:
    """How many runs of whole pages this session has begun; a fragment's run is none of its own."""
    return st.session_state.get(_RUN_NUMBER, 0)


def hidden(control: str) -> bool:
    """Whether the link that was opened leaves this control out. It stays so for the session."""
    return control in st.session_state.get(HIDE, "").split(",")


def show_everything() -> None:
    """Forget what a link has left out."""
    st.session_state.pop(HIDE, None)
    st.query_params.pop(HIDE, None)


def language() -> Choice:
    """The language choice; its default is the browser's, so only another one stands in the URL."""
    return Choice("lang", i18n.best_language([st.context.locale]))


def translator() -> i18n.Translator:
    """The translator for this visitor's language."""
    return i18n.translator(language().current(i18n.LANGUAGES))


def get(key: str, default: Any) -> Any:
    """A session value, set to `default` when it is not there yet."""
    return st.session_state.setdefault(key, default)


@dataclass(frozen=True)
class Picture:
    """A picture to look at: encoded bytes, and their sha256, the key of the picture in every cache."""

    id: str
    name: str
    data: bytes
    digest: str

    @classmethod
    def own(cls, name: str, data: bytes) -> "Picture":
        """A visitor's own: its id is the beginning of its digest."""
        digest = sha256(data).hexdigest()
        return cls(digest[:12], name, data, digest)


def own_pictures() -> dict[str, Picture]:
    """The visitor's own pictures by id, oldest first."""
    return get("own_pictures", {})


@dataclass(frozen=True)
class OwnModel:
    """The visitor's own weights file: what they call it, and the network made from it."""

    name: str
    model: "Model"
    named: bool = False  # whether the visitor gave its classes their names


@dataclass(frozen=True)
class ChosenModel:
    """A model that was chosen; `store.networks.load` loads it. `own` is the visitor's, seen by nobody else."""

    entry: ModelEntry
    own: OwnModel | None = None

    @property
    def spec(self) -> Spec:
        """The network's layers, before anything has to be loaded."""
        return self.own.model.network.spec if self.own else self.entry.spec

    def title(self, t: i18n.Translator) -> str:
        """What people call it; a file's name may hold anything."""
        return self.own.name if self.own else t(self.entry.title)


PROJECTOR, DESK = "projector", "desk"
SCREEN = Choice("screen", DESK)


def projected() -> bool:
    """Whether this visitor's pages are for a class to read from the wall."""
    return SCREEN.current((PROJECTOR, DESK)) == PROJECTOR


def zoom() -> float:
    """How much larger than at a desk what is measured in pixels is to be drawn."""
    return 1.5 if projected() else 1.0
