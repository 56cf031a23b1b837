"""Pages run inside their frame, as on a server that has been visited before."""

import sys

import pytest
from streamlit.runtime.pages_manager import PagesManager

from alexnet_viz.training.processes import Processes


@pytest.fixture(autouse=True)
def visited_server(monkeypatch):
    """Streamlit's test harness forgets before every run that st.navigation has run once in this process, so each run
    would be the cold deep link of design.md section 10 (a browser test has that), and clicks would get lost in it."""
    real = PagesManager.__init__

    def init(self, *args, **settings):
        PagesManager.uses_pages_directory = False
        real(self, *args, **settings)

    monkeypatch.setattr(PagesManager, "__init__", init)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder for runs that has none yet."""
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    monkeypatch.delenv("ALEXNET_VIZ_CIFAR10", raising=False)
    monkeypatch.setattr("alexnet_viz.training.runs.SHIPPED_DIR", tmp_path / "none")
    return tmp_path


@pytest.fixture
def idle_jobs(monkeypatch):
    """Processes that do nothing but sleep."""
    from pages.ui.store import training

    jobs = Processes([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(training, "jobs", lambda: jobs)
    yield jobs
    for handle in jobs.handles.values():
        handle.kill()
        handle.wait()
