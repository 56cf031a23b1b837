"""The frame around every page: the menu, and the first line that every page calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from alexnet_viz.words.i18n import N_, Translator
from pages.ui import session

ROOT = Path(__file__).resolve().parents[3]
ICON = ROOT / "assets" / "icon.png"
LOGO = ROOT / "assets" / "logo.svg"


@dataclass(frozen=True)
class PageEntry:
    """One page of the menu. Its id is its file name and its address."""

    id: str
    title: str  # marked for translation
    icon: str
    section: str  # marked for translation
    controls: tuple[str, ...] = ()  # what a link to it may leave out, besides the frame's; titles in share.TITLES

    @property
    def file(self) -> str:
        return f"pages/{self.id}.py"


_LOOK, _UNDERSTAND, _LEARN = N_("Look inside"), N_("Understand"), N_("Learn")
_ENTRIES = (
    PageEntry("home", N_("Home"), ":material/home:", _LOOK),
    PageEntry("classify", N_("Classify"), ":material/image_search:", _LOOK, ("model", "picture", "tabs")),
    PageEntry("feature_maps", N_("Feature maps"), ":material/layers:", _LOOK, ("model", "picture", "layer", "tabs")),
    PageEntry("filters", N_("Filters"), ":material/grid_on:", _LOOK, ("model", "tabs")),
    PageEntry("attribution", N_("Attribution"), ":material/flare:", _LOOK, ("model", "picture", "tabs")),
    PageEntry("architecture", N_("Architecture"), ":material/account_tree:", _UNDERSTAND, ("tabs",)),
    PageEntry("techniques", N_("Techniques"), ":material/science:", _UNDERSTAND, ("tabs",)),
    PageEntry("compare", N_("Compare"), ":material/compare_arrows:", _UNDERSTAND, ("tabs",)),
    PageEntry("train", N_("Train"), ":material/model_training:", _LEARN),
    PageEntry("runs", N_("Runs"), ":material/history:", _LEARN, ("tabs",)),
)

PAGES: Mapping[str, PageEntry] = {entry.id: entry for entry in _ENTRIES}


def navigation(t: Translator):
    """Declare the menu in the visitor's language; returns the page to run."""
    sections: dict[str, list] = {}
    for entry in PAGES.values():
        looks = {"title": t(entry.title), "icon": entry.icon}
        page = st.Page(ROOT / entry.file, url_path=entry.id, default=entry.id == "home", **looks)
        sections.setdefault(t(entry.section), []).append(page)
    st.logo(str(LOGO), size="large", icon_image=str(ICON))
    return st.navigation(sections, position="hidden" if session.hidden("menu") else "sidebar")


def start_page() -> Translator:
    """The first line of every page: the visitor's translator, after making sure that the frame is there.

    On a fresh server the first visitor who opens a page's address directly gets the page file alone, without
    app.py: Streamlit takes the folder for an old-style multipage app until st.navigation has run once.
    Declaring the menu and starting over heals this.
    """
    t = session.translator()
    if not st.session_state.pop(session.FRAME_RAN, False):
        navigation(t)
        st.rerun()
    return t
