"""Pages run inside their frame, as on a server that has been visited before."""

import pytest
from streamlit.runtime.pages_manager import PagesManager


@pytest.fixture(autouse=True)
def visited_server(monkeypatch):
    """Streamlit's test harness forgets before every run that st.navigation has run once in this process, so each run
    would be the cold deep link of design.md section 10 (a browser test has that), and clicks would get lost in it."""
    real = PagesManager.__init__

    def init(self, *args, **settings):
        PagesManager.uses_pages_directory = False
        real(self, *args, **settings)

    monkeypatch.setattr(PagesManager, "__init__", init)
