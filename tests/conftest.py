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
COUNTS = pytest.StashKey[tuple[int, ...]]()
EMPTY = Path(tempfile.mkdtemp(prefix="alexnet-viz-tests-"))


FEWER = 20  # examples of a test that draws them at random, at most, in `make quick`
SERVERS = {"hosted", "base_url", "fresh_server"}  # fixtures that start one


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="leave out what is marked slow, and draw fewer examples")


def pytest_configure():
    """No weights or runs of this machine, whose user may have some, change what the pages show here.

    Torch gets one thread: networks this small are slower with more, which wait for each other.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["TORCH_HOME"], os.environ["ALEXNET_VIZ_HOME"] = str(EMPTY / "torch"), str(EMPTY / "home")


def pytest_unconfigure():
    shutil.rmtree(EMPTY, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """What starts servers, browsers and processes comes first: others fill the time in which it waits."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    slow = [item for item in items if item.get_closest_marker("slow")]
    if config.option.quick:
        items[:] = [item for item in items if item not in set(slow)]
        config.hook.pytest_deselected(items=slow)
        for test in {item.obj for item in items if hasattr(item.obj, "hypothesis")}:
            drawn = test._hypothesis_internal_use_settings
            test._hypothesis_internal_use_settings = settings(drawn, max_examples=min(FEWER, drawn.max_examples))
        if hasattr(config, "workeroutput"):
            config.workeroutput["counts"] = (len(items), len(slow))
    first = {item.path for item in slow}
    items.sort(key=lambda item: item.path not in first)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash[COUNTS] = node.workeroutput.get("counts", ())


def pytest_terminal_summary(terminalreporter, config):
    """`make quick` says how much it did not try."""
    if counts := config.stash.get(COUNTS, ()):
        quick, slow = counts
        terminalreporter.write_line(
            f"{quick:,} of all {quick + slow:,} tests; `make test` has the {slow} slow ones too"
        )


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
