"""A real server and a real browser. Without a Chromium these tests are skipped, with the reason."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tools.catalogue import ROOT
from tools.server import CHROMIUM, QUIET, running, wait_for_run

expect.set_options(timeout=30_000)  # milliseconds; the first answer of a server waits for torch


def pytest_collection_modifyitems(items):
    if not CHROMIUM:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="no chromium here; CHROMIUM=/path/to/it names one"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": QUIET}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return {**browser_context_args, "viewport": {"width": 1280, "height": 720}, "locale": "en-US"}


@pytest.fixture(scope="session")
def base_url():
    """One warm server for the session."""
    with running(ROOT / "app.py") as server:
        yield server.url


@pytest.fixture
def fresh_server():
    """A server that nobody has visited."""
    with running(ROOT / "app.py") as server:
        yield server.url


@pytest.fixture
def visit(page, base_url):
    """Open an address of the app; fails on exceptions in the page and on uncaught errors in the browser."""
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def goto(path: str = "/"):
        page.goto(path if path.startswith("http") else base_url + path)
        wait_for_run(page)
        assert page.get_by_test_id("stException").count() == 0, page.get_by_test_id("stException").all_inner_texts()
        return page

    yield goto
    assert not errors, errors
