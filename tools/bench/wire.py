"""What an interaction costs on the wire: bytes to a real browser, over the websocket and as pictures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

from tools.bench.start import chromium
from tools.catalogue import ROOT
from tools.server import running, wait_for_run

SETTLE = 1500  # milliseconds after the run: pictures are fetched then
PATIENCE = 120_000  # milliseconds; the first visitor of a server waits for torch


@dataclass(frozen=True)
class Interaction:
    """Something that a visitor does on a page; opening the page is not counted where there is an `act`."""

    what: str
    address: str
    act: Callable | None = None  # gets Playwright's page


def _kernel(page) -> None:
    kernel = page.get_by_label("Kernel", exact=True)
    kernel.fill("9")
    kernel.press("Enter")


def _step(label: str, page) -> None:
    slider = page.get_by_test_id("stSlider").filter(has_text=label).locator("input[type=range]").first
    slider.press("ArrowRight")


INTERACTIONS = (
    Interaction("classify, opened", "/classify"),
    Interaction("feature maps, another layer", "/feature_maps?layer=conv1", partial(_step, "Layer")),
    Interaction("architecture, another kernel", "/architecture?layer=conv1", _kernel),
    Interaction("Grad-CAM, the opacity slider", "/attribution", partial(_step, "Opacity in %")),
    Interaction(
        "classify, the other language",
        "/classify",
        lambda page: page.get_by_test_id("stSidebar").get_by_text("한국어").click(),
    ),
)


def kilobytes(interaction: Interaction) -> float:
    """To the browser over the websocket, for one interaction."""
    return _all()[interaction]


@cache
def _all() -> Mapping[Interaction, float]:
    with running(ROOT / "app.py") as server, chromium() as browser:
        return {one: _measure(browser, server.url, one) for one in INTERACTIONS}


def _measure(browser, url: str, interaction: Interaction) -> float:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
    page = context.new_page()
    received, sent, pictures = [], [], []

    def listen(socket) -> None:
        socket.on("framereceived", lambda frame: received.append(len(frame)))
        socket.on("framesent", lambda frame: sent.append(len(frame)))

    page.on("websocket", listen)
    page.on("requestfinished", lambda request: pictures.append(request) if "/media/" in request.url else None)
    page.goto(url + interaction.address)
    page.get_by_test_id("stMain").locator("h1").wait_for(timeout=PATIENCE)
    wait_for_run(page, PATIENCE)
    page.wait_for_timeout(SETTLE)
    if interaction.act:
        for seen in (received, sent, pictures):
            seen.clear()
        interaction.act(page)
        wait_for_run(page, PATIENCE)
        page.wait_for_timeout(SETTLE)
    fetched = sum(request.sizes()["responseBodySize"] for request in pictures)
    context.close()
    print(
        f"  {interaction.what}: {sum(received) / 1000:.1f} kB in {len(received)} messages, {fetched / 1000:.1f} kB of "
        f"pictures; {sum(sent) / 1000:.1f} kB the other way"
    )
    return sum(received) / 1000
