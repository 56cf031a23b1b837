"""The way of a value through a few files that are made here, and both journeys through the app itself."""

import importlib
import re
import subprocess
import sys

import pytest

from tools import ROOT
from tools.journeys import JOURNEYS, Watch, passed

FILES = {
    "app.py": """
from alexnet_viz import draw, make, other
def page(photo):
    other.look(), other.seen(photo)
    (array,) = make.steps(photo)
    draw.drawn(half, array)
def half(array):
    return array / 2
""",
    "alexnet_viz/__init__.py": "",
    "alexnet_viz/make.py": """
from alexnet_viz import errors, way
def steps(photo):
    errors.check(photo)
    yield way.array(photo)
""",
    "alexnet_viz/way.py": """
import numpy as np
def array(photo):
    return np.frombuffer(photo, np.uint8)
""",
    "alexnet_viz/draw.py": """
def drawn(change, array):
    image(change(array))
""",
    "alexnet_viz/other.py": """
import numpy as np
def look():
    return np.ones(3)
def seen(photo):
    return np.frombuffer(photo, np.uint8)
""",
    "alexnet_viz/errors.py": "def check(photo): return photo",
}


def image(array):
    """What draws, in a file that is none of theirs."""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A checkout of its own, imported in the place of ours."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "alexnet_viz"}
    yield tmp_path, importlib.import_module("app")
    for name in [name for name in sys.modules if name.split(".")[0] in ("alexnet_viz", "app")]:
        del sys.modules[name]
    sys.modules.update(ours)


def test_files_on_the_way_count_and_those_beside_it_do_not(toy):
    root, app = toy
    app.draw.image = image
    photo = bytes(range(100))

    def drawn(frame, event, what):
        return list(frame.f_locals.values()) if event == "call" and frame.f_code is image.__code__ else None

    with Watch(root, drawn) as watch:
        app.page(photo)
    found = passed(watch.notes, {("bytes", hash(photo))})
    assert {file.removeprefix("alexnet_viz/"): again for file, (_, again) in found.items()} == {
        "app.py": True,  # it is called back by what draws
        "make.py": False,
        "way.py": False,
        "draw.py": False,
    }


@pytest.mark.slow
def test_both_journeys_are_made_and_counted():
    command = [sys.executable, "-m", "tools.journeys"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600).stdout
    assert set(re.findall(r"^  (\w+) +app\.py", said, re.MULTILINE)) == {"page", "click"}
    for part, file in (("page", "inspection/attribution/algorithms.py"), ("process", "training/train.py")):
        assert re.search(rf"^  {part} +alexnet_viz/{file} ", said, re.MULTILINE)
    for title, most, _ in JOURNEYS.values():
        assert re.search(rf"^{title}: \d+ files, at most {most}; \d entered twice$", said, re.MULTILINE)
