"""Nothing that axe calls serious or critical: on any page, in both themes, in both languages.

`make test` looks at every page once, the four combinations taking turns; `make axe` at every tab in all four.
"""

import os
from collections.abc import Iterator
from importlib import import_module
from itertools import cycle, product

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from alexnet_viz.words.i18n import LANGUAGES
from pages.ui.frame.menu import PAGES
from tools.server import wait_for_run

EVERYTHING = bool(os.environ.get("AXE_EVERYTHING"))
THEMES = ("light", "dark")
TABBED = ("classify", "feature_maps", "filters", "attribution", "architecture", "techniques", "compare", "runs")
TABS = {page: import_module(f"pages.ui.{page}.tabs").TABS for page in TABBED}
SETTLE = 1500  # milliseconds after the run: charts are fetched and drawn


# Nothing is excused: what Streamlit itself does wrong, pages/ui/frame/style.py mends.
LOOK = """
async () => {
  const { violations } = await axe.run({ resultTypes: ["violations"] });
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical").flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 300)} ${node.failureSummary}`)
  );
}
"""


def addresses() -> Iterator[str]:
    """Every page, and with `make axe` every tab that is not the first."""
    for page in PAGES:
        yield "/" if page == "home" else f"/{page}"
        if EVERYTHING:
            yield from (f"/{page}?tab={tab}" for tab in list(TABS.get(page, ()))[1:])


def looks() -> list[tuple[str, str, str]]:
    """What is looked at: address, theme, language."""
    views = list(product(THEMES, LANGUAGES))
    if EVERYTHING:
        return [(address, *view) for address in addresses() for view in views]
    return [(address, *view) for address, view in zip(addresses(), cycle(views), strict=False)]


@pytest.fixture(scope="module")
def pages(browser, base_url):
    """One tab for each theme. A page of its own for each look would cost more than axe."""
    opened = {}
    for theme in THEMES:
        context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US", color_scheme=theme)
        opened[theme] = context.new_page()
    yield opened
    for page in opened.values():
        page.context.close()


def complaints(page) -> list[str]:
    """What axe calls serious or critical on the page as it is."""
    page.evaluate(Axe().axe_script)
    return page.evaluate(LOOK)


@pytest.mark.parametrize(("address", "theme", "language"), looks())
def test_axe_finds_nothing_serious(pages, base_url, address, theme, language):
    page = pages[theme]
    page.goto(f"{base_url}{address}{'&' if '?' in address else '?'}lang={language}")
    wait_for_run(page)
    page.wait_for_timeout(SETTLE)
    wait_for_run(page)
    expect(page.get_by_test_id("stMain").locator("h1")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavItems").get_by_role("list")).not_to_have_count(
        0
    )  # see pages/ui/frame/style.py
    found = complaints(page)
    assert not found, "\n".join(found)


def test_axe_sees_what_is_wrong(pages, base_url):
    page = pages["light"]
    page.goto(base_url)
    wait_for_run(page)
    page.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<img src=\"/none.png\">')")
    assert any(complaint.startswith("image-alt") for complaint in complaints(page))
