"""An error inside of a tab stays there, on every page with tabs."""

import pytest

from alexnet_viz.errors import UserError
from pages.ui.architecture import tabs as architecture
from pages.ui.attribution import tabs as attribution
from pages.ui.classify import tabs as classify
from pages.ui.compare import tabs as compare
from pages.ui.feature_maps import tabs as feature_maps
from pages.ui.filters import tabs as filters
from pages.ui.runs import tabs as runs
from pages.ui.techniques import tabs as techniques
from tests.pages.seen import told_run
from tools.pages import open_page

ROOMS = {
    "architecture": architecture,
    "attribution": attribution,
    "classify": classify,
    "compare": compare,
    "feature_maps": feature_maps,
    "filters": filters,
    "runs": runs,
    "techniques": techniques,
}


def fails(*_: object) -> None:
    raise UserError("{file} has gone. Choose another one.", file="cat.png")


@pytest.mark.parametrize("page_id", ROOMS)
def test_an_error_in_a_tab_leaves_the_page_around_it(page_id, home, monkeypatch):
    run = {"run": told_run().id} if page_id == "runs" else {}
    whole = open_page(page_id, **run)
    tabs = ROOMS[page_id].TABS
    first, (title, _) = next(iter(tabs.items()))
    monkeypatch.setitem(tabs, first, (title, fails))
    app = open_page(page_id, **run)
    assert not app.exception
    assert [error.value.replace("\\", "") for error in app.error] == ["cat.png has gone. Choose another one."]
    assert [tab.label for tab in app.tabs] == [tab.label for tab in whole.tabs]
    assert any(app.tabs[0].error), "it stands inside of its tab"
