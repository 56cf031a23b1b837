"""`make screenshots`: the README's pictures, taken from the running app by a browser.

python -m tools.screenshots              # all of them
python -m tools.screenshots train home   # these
"""

import io
import sys
from dataclasses import dataclass

from PIL import Image
from playwright.sync_api import Browser

from tools.bench.start import chromium
from tools.catalogue import ROOT
from tools.server import running, wait_for_run

FOLDER = ROOT / "docs" / "screenshots"
SIZE = (1280, 720)
COLOURS = 256  # a page has few, a photograph looks well with them; a third of the bytes
PATIENCE = 300_000  # milliseconds; somebody else may be using the processor
SETTLED = """() => document.querySelectorAll("[data-testid=stSkeleton], [data-testid=stSpinner]").length === 0
  && [...document.images].every((image) => image.complete && image.naturalWidth > 0)"""
DRAWING = 2_000  # milliseconds after the last picture: charts are drawn, and fade in


@dataclass(frozen=True)
class Shot:
    """One picture: its file, the address that it shows, and what must be there before it is taken."""

    name: str
    address: str
    expected: str  # a selector
    korean_dark: bool = False


SHOTS = (
    Shot("classify", "/classify?image=cat", "h3"),
    Shot("feature_maps", "/feature_maps?image=cat&layer=conv1", "[role=application]"),
    Shot("attribution", "/attribution?image=coffee_and_orange", "[data-testid=stImage] img"),
    Shot("architecture", "/architecture?layer=conv2", "[data-layer=conv2]"),
    Shot("techniques", "/techniques?tab=relu", ".js-plotly-plot"),
    Shot("train", "/train", "canvas"),
    Shot("home", "/", "[data-testid=stImage] img"),
    Shot("classify_ko_dark", "/classify?image=cat", "h3", korean_dark=True),
)


def main(names: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running(ROOT / "app.py") as server, chromium() as browser:
        for shot in SHOTS:
            if not names or shot.name in names:
                small = palette(take(browser, server.url, shot))
                (FOLDER / f"{shot.name}.png").write_bytes(small)
                print(f"{shot.name:<20} {len(small) / 1000:6.0f} kB", flush=True)


def take(browser: Browser, url: str, shot: Shot) -> bytes:
    """The page as PNG, once everything on it is drawn."""
    page = browser.new_page(
        viewport={"width": SIZE[0], "height": SIZE[1]},
        locale="ko-KR" if shot.korean_dark else "en-US",
        color_scheme="dark" if shot.korean_dark else "light",
        reduced_motion="reduce",
    )
    page.set_default_timeout(PATIENCE)
    page.goto(url + shot.address)
    wait_for_run(page, PATIENCE)
    page.locator(shot.expected).first.wait_for()
    page.wait_for_function(SETTLED)
    page.wait_for_timeout(DRAWING)
    png = page.screenshot()
    page.close()
    return png


def palette(png: bytes) -> bytes:
    """The same picture with few colours."""
    data = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(COLOURS).save(data, "PNG", optimize=True)
    return data.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
