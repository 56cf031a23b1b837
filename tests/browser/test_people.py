"""On a phone, by keyboard alone, from the last row of a classroom."""

import os
import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from pages.ui.frame.menu import PAGES
from pages.ui.techniques.tabs import TABS as TECHNIQUES
from tools.server import wait_for_run

EVERYTHING = bool(os.environ.get("AXE_EVERYTHING"))
minutes = pytest.mark.skipif(not EVERYTHING, reason="takes minutes: make axe")

PHONE = {"width": 390, "height": 844}
FEW = ["/", "/classify", "/architecture", "/compare"]
ALL = [
    *("/" if page == "home" else f"/{page}" for page in PAGES),
    *(f"/techniques?tab={tab}" for tab in list(TECHNIQUES)[1:]),
]
MOST_TABS = 60  # presses of the key until the page's main control has the focus; the menu alone takes a dozen

# Controls that a finger cannot get at: past an edge of the screen, and in nothing that scrolls sideways.
OUT_OF_REACH = """
() => {
  const inside = (root) =>
    [...root.querySelectorAll("*")].flatMap((el) => [el, ...(el.shadowRoot ? inside(el.shadowRoot) : [])]);
  const above = (el) => el.parentElement ?? el.getRootNode().host;
  const scrolls = (el) => el && (["auto", "scroll"].includes(getComputedStyle(el).overflowX) || scrolls(above(el)));
  const main = document.querySelector("[data-testid='stMainBlockContainer']");
  return inside(main).filter((el) => {
    if (!el.matches("a[href], button, input, select, textarea, [tabindex='0']") || !el.checkVisibility()) return false;
    const { left, right, width } = el.getBoundingClientRect();
    return width > 1 && (left < -1 || right > innerWidth + 1) && !scrolls(above(el));
  }).map((el) => el.outerHTML.slice(0, 200));
}
"""

HAS_FOCUS = """
(el) => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return el.contains(at);
}
"""


@pytest.mark.parametrize("address", ALL if EVERYTHING else FEW)
def test_a_phone_shows_everything(visit, page, address):
    page.set_viewport_size(PHONE)
    visit(address)
    page.get_by_test_id("stMain").locator("h1").wait_for()
    page.wait_for_timeout(1000)  # charts are drawn after the run
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.get_by_test_id("stMain").evaluate("el => el.scrollWidth") <= PHONE["width"]
    assert page.evaluate(OUT_OF_REACH) == []


@minutes
def test_the_menu_of_a_phone_leads_to_the_pages(visit, page):
    page.set_viewport_size(PHONE)
    visit("/")
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Compare").click()
    expect(page).to_have_url(re.compile("/compare"))
    expect(page.get_by_role("heading", name="What changed from LeNet to today?")).to_be_visible()


@dataclass(frozen=True)
class Control:
    """A page's main control, the keys that use it, and what the address then says."""

    selector: str
    keys: tuple[str, ...]
    address: str


CONTROLS = {
    "home": Control("button:has-text('Let it look at a photo')", ("Enter",), r"/classify"),
    "classify": Control("[role=radiogroup].strip", ("ArrowRight",), r"image=coffee"),
    "feature_maps": Control(".board[aria-label^='All 64 channels']", ("ArrowRight", "Enter"), r"channel=1\b"),
    "filters": Control(".board", ("ArrowRight", "Enter"), r"channel=1\b"),
    "attribution": Control(
        "[data-testid=stSelectbox]:has-text('Class')", ("ArrowDown", "ArrowDown", "Enter"), r"class="
    ),
    "architecture": Control("[data-layer=conv2]", ("Enter",), r"layer=conv2"),
    "techniques": Control("[role=tab]", ("ArrowRight", "Enter"), r"tab=dropout"),
    "compare": Control("[role=tab]", ("ArrowRight", "Enter"), r"tab="),
    "train": Control("button:has-text('Start')", ("Enter",), r"run="),
    "runs": Control("[role=tab]", ("ArrowRight", "Enter"), r"tab="),
}


def tab_to(page, selector: str) -> None:
    """Press Tab until this, or something in it, has the focus."""
    control = page.get_by_test_id("stMain").locator(selector).first
    control.wait_for()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if control.evaluate(HAS_FOCUS):
            return
    raise AssertionError(f"{MOST_TABS} presses of Tab do not reach {selector}")


def test_every_page_has_a_main_control():
    assert set(CONTROLS) == set(PAGES)


@minutes
@pytest.mark.parametrize("name", [name for name in CONTROLS if name != "train"])
def test_the_main_control_is_reached_and_used_by_keyboard(visit, page, name):
    control = CONTROLS[name]
    visit("/" if name == "home" else f"/{name}")
    tab_to(page, control.selector)
    for key in control.keys:
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile(control.address))


@minutes
def test_a_training_is_started_and_stopped_by_keyboard(visit, page):
    visit("/train")
    tab_to(page, CONTROLS["train"].selector)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(CONTROLS["train"].address))
    tab_to(page, "button:has-text('Stop')")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stMain").get_by_text(re.compile("stopp", re.IGNORECASE)).first).to_be_visible()


def type_size(page) -> float:
    """Pixels of the text that everything else is measured by."""
    return page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")


@minutes
def test_a_link_opens_in_projector_mode(visit):
    page = visit("/classify?screen=projector")
    expect(page.locator("h3").first).to_contain_text("tabby")
    assert type_size(page) >= 24
    expect(page.get_by_text("One of 10 classes, whatever the picture shows.")).to_be_hidden()
    expect(page.get_by_test_id("stFileUploader").first).to_be_visible()
    assert page.get_by_test_id("stMain").evaluate("el => el.scrollWidth") <= 1280


@minutes
def test_projector_mode_is_switched_on_kept_from_page_to_page_and_switched_off(visit):
    page = visit("/classify")
    sidebar = page.get_by_test_id("stSidebar")
    before = type_size(page)
    sidebar.get_by_text("Projector mode").click()
    expect(page).to_have_url(re.compile("screen=projector"))
    wait_for_run(page)
    page.get_by_test_id("stExpandSidebarButton").click()  # the menu has made room
    sidebar.get_by_role("link", name="Compare").click()
    expect(page).to_have_url(re.compile("/compare.*screen=projector"))
    assert type_size(page) > before
    sidebar.get_by_text("Projector mode").click()
    expect(page).not_to_have_url(re.compile("screen="))
    wait_for_run(page)
    assert type_size(page) == before
