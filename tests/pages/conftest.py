"""Pages run inside their frame, as on a server that has been visited before."""

import sys

import pytest

from alexnet_viz.training.processes import Processes
from tools.pages import visited_server


@pytest.fixture(scope="package", autouse=True)
def visited():
    with visited_server():
        yield


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
