"""The pages in Streamlit's own test harness, without a server or a browser: for tests and `make bench`."""

from streamlit.testing.v1 import AppTest

from tools.catalogue import ROOT


def open_page(page: str = "classify", *, locale: str = "en-US", **query: str) -> AppTest:
    """A page as a visitor sees it who follows a link to it."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.context = {"locale": locale}
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(f"pages/{page}.py").run()
