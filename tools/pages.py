"""The pages in Streamlit's own test harness, without a server or a browser: for tests, `make bench`, the journeys."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from tools import ROOT


def open_page(page: str = "classify", *, locale: str = "en-US", root: Path = ROOT, **query: str) -> AppTest:
    """A page as a visitor sees it who follows a link to it."""
    app = AppTest.from_file(str(root / "app.py"), default_timeout=60)
    app.context = {"locale": locale}
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(f"pages/{page}.py").run()


@contextmanager
def visited_server() -> Iterator[None]:
    """Streamlit's test harness forgets before every run that st.navigation has run once in this process, so each run
    would be the cold deep link of `start_page` (a browser test has that), and clicks would get lost in it."""
    real = PagesManager.__init__

    def init(self, *args, **settings):
        PagesManager.uses_pages_directory = False
        real(self, *args, **settings)

    with patch.object(PagesManager, "__init__", init):
        yield
