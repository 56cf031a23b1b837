"""What a visitor waits for at the start, measured with a real server and a real Chromium."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tools.bench.clock import in_turns
from tools.catalogue import ROOT
from tools.machine import memory_mb
from tools.server import CHROMIUM, QUIET, running, wait_for_run

TRIES = 5  # of each app, in turn; the median counts
BARE = "import streamlit as st\nst.title('Hello')\n"


class MissingError(Exception):
    """A figure cannot be measured here; the message says why."""


@contextmanager
def chromium() -> Iterator:
    if not CHROMIUM:
        raise MissingError("no chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


def first_paint() -> float:
    """Seconds from process start until the title is on the screen, ours divided by a one-line app's."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        theirs, ours = in_turns(TRIES, *(partial(_seconds_to_title, browser, app) for app in (bare, ROOT / "app.py")))
    print(f"  first page painted after {ours:.2f} s, a bare app's after {theirs:.2f} s (medians of {TRIES})")
    return ours / theirs


def _seconds_to_title(browser, app: Path) -> float:
    context = browser.new_context()
    page = context.new_page()
    started = time.perf_counter()
    with running(app) as server:
        page.goto(server.url)
        page.locator("h1").first.wait_for(state="visible")
        seconds = time.perf_counter() - started
        context.close()
    return seconds


def memory() -> float:
    """Resident memory of the server in MB after every page was opened once."""
    from pages.ui.frame.menu import PAGES

    with chromium() as browser, running(ROOT / "app.py") as server:
        page = browser.new_page()
        for page_id in PAGES:
            page.goto(f"{server.url}/{'' if page_id == 'home' else page_id}")
            wait_for_run(page)
            page.wait_for_timeout(3000)
        return memory_mb(server.process.pid)
