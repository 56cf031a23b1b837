"""A visitor who comes back within the hour finds pictures, training form and runs again.

The key lies in a cookie, which the browser sends with its connection: so what was there is there in the first run, and
nothing has to be drawn twice. It is made by the server, holds nothing but chance, and goes to no other site.
"""

import re
import secrets

import streamlit as st

from pages.ui import session
from pages.ui.store.returns import HOUR, returns

COOKIE = "alexnet_viz_key"
_KEY = "returning_key"  # session key
_KEPT = ("own_pictures", "train_kept", "visitor")  # session keys
_VALID = re.compile("[0-9a-f]{32}")

_JS = """
export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${data.name}=${data.key}; Max-Age=${data.seconds}; Path=/; SameSite=Strict${secure}`;
}
"""

_component = st.components.v2.component("alexnet_viz_returning", js=_JS)


def browsers_key() -> str:
    """What the browser sent with its connection, whatever it is; "" for nothing."""
    return st.context.cookies.get(COOKIE, "")


def come_back() -> None:
    """At the beginning of a session's first run: take up what the last one left."""
    if _KEY in st.session_state:
        return
    given = browsers_key()
    key = given if isinstance(given, str) and _VALID.fullmatch(given) else secrets.token_hex(16)
    st.session_state[_KEY] = key
    for name, value in returns().find(key).items():
        # A copy: two tabs of one browser go their own ways.
        st.session_state.setdefault(name, dict(value) if isinstance(value, dict) else value)


def stay_known() -> None:
    """In every run, before the page, which may end it early: what is there may be found again for another hour."""
    kept = {name: value for name in _KEPT if (value := st.session_state.get(name))}
    own = session.own_pictures()
    chosen = st.session_state.get(session.IMAGE.param)
    if chosen in own:
        kept[session.IMAGE.param] = chosen
    returns().keep(st.session_state[_KEY], kept, sum(len(picture.data) for picture in own.values()))
    with st.sidebar:
        _component(key="returning", data={"name": COOKIE, "key": st.session_state[_KEY], "seconds": int(HOUR)})
