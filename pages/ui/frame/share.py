"""A link to this page as it is now, with some of its controls left out, and its QR code: for a class."""

from collections.abc import Collection, Mapping
from urllib.parse import quote, urlencode, urlsplit

import streamlit as st

from alexnet_viz.network.zoo import LISTED
from alexnet_viz.pictures.samples import SAMPLES
from alexnet_viz.serving.addresses import lan_addresses
from alexnet_viz.serving.qr import qr_svg
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import messages, server, session
from pages.ui.frame.menu import PAGES
from pages.ui.widgets.layout import popover

# What a link can leave out. `session.hidden(id)` is asked where the control is drawn.
TITLES: Mapping[str, str] = {
    "model": N_("Network"),
    "picture": N_("Pictures"),
    "layer": N_("Layer"),
    "tabs": N_("Tab bar"),
    "menu": N_("Menu"),
    "language": N_("Language"),
}
HIDEABLE = {page.id: (*page.controls, "menu", "language") for page in PAGES.values()}

QR_WIDTH, QR_LARGE = 240, 560  # pixels
_THIS_COMPUTER = frozenset({"localhost", "127.0.0.1", "::1"})


def share(t: Translator, page: str) -> None:
    """The button of the sidebar, and the way back for whoever opened a link that hides something."""
    if any(map(session.hidden, TITLES)):
        st.button(
            t("Show everything"),
            icon=":material/visibility:",
            type="tertiary",
            on_click=session.show_everything,
            key="show_everything",
        )
    # Drawn only when open: by then the address bar has what the page wrote into it.
    box = popover(t, f"share_{page}", t("Share this page"), ":material/share:", width="content")
    if box.open:
        with box, messages.shown(t):
            _offer(t, page)


def link(base: str, query: Mapping[str, str], hide: Collection[str], language: str) -> str:
    """The address that opens a page in this state and language without these controls."""
    kept = {name: value for name, value in query.items() if name not in (session.HIDE, "lang")}
    kept["lang"] = language
    if hide:
        kept[session.HIDE] = ",".join(hide)
    return f"{base}?{urlencode(kept, safe=',', quote_via=quote)}"


@st.fragment
def _offer(t: Translator, page: str) -> None:
    controls = HIDEABLE[page]
    st.markdown(
        t("This link opens the page as it is now. Of settings inside of a tab, it keeps those that the address shows.")
    )
    hide = st.pills(
        t("Leave out"),
        controls,
        selection_mode="multi",
        default=list(filter(session.hidden, controls)),
        format_func=lambda control: t(TITLES[control]),
        key=f"share_hide_{page}_{t.language}",
    )
    picture = t("Your own picture stays with you: the link opens with the first sample.")
    model = t("Your own network stays with you: the link opens with the one that comes with the app.")
    own = (("picture", session.IMAGE, SAMPLES, picture), ("model", session.model(), LISTED, model))
    for control, choice, listed, note in own:  # what was chosen on this page and nobody else can open
        if control in controls and st.session_state.get(choice.param, choice.default) not in listed:
            st.warning(note)
    base = st.context.url or ""
    leave_out = [control for control in controls if control in hide]
    address = link(base, st.query_params.to_dict(), leave_out, t.language)
    if urlsplit(base).hostname not in _THIS_COMPUTER:
        _show_link(t, address)
        return
    reachable = [] if server.bound_to_localhost() else lan_addresses()
    if reachable:
        _show_link(t, _at(address, reachable[0]))
        return
    st.code(address, None, wrap_lines=True)
    st.caption(
        t(
            "This address works on this computer only. For a class, start the app with HOST=0.0.0.0 and open it by "
            "this computer's address in the network."
        )
    )


def _at(address: str, host: str) -> str:
    """The same address by another name of this computer."""
    parts = urlsplit(address)
    return parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host).geturl()


def _show_link(t: Translator, address: str) -> None:
    """An address that a phone can open, as text and as a QR code, which can be read from the last row."""
    st.code(address, None, wrap_lines=True)
    large = st.toggle(t("Large QR code"), key="share_large")
    with messages.shown(t):
        st.image(qr_svg(address), width=QR_LARGE if large else QR_WIDTH, alt=t("QR code of {address}", address=address))
