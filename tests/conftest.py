"""What tests of several modules share."""

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from streamlit.components.v2 import manifest_scanner

# The same examples in every run, and no time limit for one: a busy machine is no failure.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent
EMPTY = Path(tempfile.mkdtemp(prefix="alexnet-viz-tests-"))


def pytest_configure():
    """No weights or runs of this machine, whose user may have some, change what the pages show here."""
    os.environ["TORCH_HOME"], os.environ["ALEXNET_VIZ_HOME"] = str(EMPTY / "torch"), str(EMPTY / "home")


def pytest_unconfigure():
    shutil.rmtree(EMPTY, ignore_errors=True)


@pytest.fixture(scope="session")
def cifar10_zip() -> Path:
    """CIFAR-10 as a zip of class folders: named by ALEXNET_VIZ_CIFAR10, or beside the repository."""
    places = [os.environ.get("ALEXNET_VIZ_CIFAR10", ""), ROOT.parent / "shared" / "data" / "cifar10-jpeg.zip"]
    for place in places:
        if os.path.isfile(place):
            return Path(place)
    pytest.skip("CIFAR-10 is not here: set ALEXNET_VIZ_CIFAR10 to its zip of class folders")


@pytest.fixture(scope="session", autouse=True)
def scanned_once():
    """Before every run of a page, Streamlit's test harness reads what each installed package says of itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield
