"""Links that somebody made up: whatever stands in an address, every page opens in both languages and goes on."""

import re
from itertools import cycle

import pytest
from streamlit.testing.v1 import AppTest

from alexnet_viz.network import arithmetic, notation
from alexnet_viz.network.build import random_state
from alexnet_viz.network.spec import walk
from alexnet_viz.words.i18n import LANGUAGES
from pages.ui.architecture import tabs as architecture_tabs
from pages.ui.frame.menu import PAGES
from tools.catalogue import ROOT
from tools.fuzz import names
from tools.pages import open_page

# Every parameter that a page reads, with a value that it understands.
PARAMETERS = {
    "lang": "ko",
    "screen": "projector",
    "hide": "menu,tabs,picture,model,layer,language",
    "model": "alexnet_cifar",
    "image": "penguin",
    "layer": "conv2",
    "channel": "1",
    "tab": "table",
    "preset": "lenet5",
    "net": "1x28x28_conv6k5s1p0g1_relu_flat_fc3456-10",
    "method": "saliency",
    "class": "cat",
    "style": "heat",
    "cam_layer": "conv1",
    "run": "20261124-124501-alexnet-cifar-3fa2c1",
    "view": "walk",
    "sort": "mean",
    "range": "layer",
    "draw": "norm",
    "filter_range": "layer",
    "filter_sort": "norm",
    "group": "none",
    "input": "1",
    "step": "conv1",
    "test": "curves",
    "temperature": "2.00",
}
UNKNOWN = ("stop", "tour", "nothing", "tab ", "__class__", "사진", "")

GARBAGE: dict[str, str | list[str]] = {
    "path": "../../etc/passwd",
    "absolute": "/etc/passwd%00.png",
    "control characters": "\0\a\b\t\n\r\x1b[31m\x7f\x85\u2028",
    "direction": "\u202e\u2066gnp.tac\u200f\ufeff",
    "markup": "<script>alert(1)</script>**x**$x^2$:red[x]![](http://x){0}{name}%s",
    "a long one": "a" * 100_000,
    "too high": "999999999999999999999999",
    "below zero": "-1",
    "other digits": "٣",
    "no number": "nan",
    "several": ["conv1", "../x", ""],
    "empty": "",
}
LARGE = "3x1024x1024_conv8192k64s1p32g1_conv8192k64s1p32g1_adapt1_flat_fc8192-8192"
# 4.9 GB of weights, and an input that is a photograph
HEAVY = "3x224x224_flat_fc150528-8192"
NETWORKS = {
    "large": LARGE,
    "heavy": HEAVY,
    "too large": "3x9999x9999_relu",
    "too long": "_".join(["3x224x224", *["relu"] * 65]),
    "longest": "_".join(["3x224x224", *["relu"] * notation.MAX_LAYERS]),
    "impossible": "3x8x8_conv1k64s1p0g1",
    "nothing": "3x224x224",
    "numbers": "3x224x224_lrn5a1e99b999999k0g1_drop999999_flat",
    "groups": "3x224x224_conv7k3s1p1g5_lrn5a1b1k1g3",
    "strides": "3x224x224_max64s64p64_avg1s0p0",
}


def visit(app: AppTest, link: dict[str, str | list[str]]) -> AppTest:
    """The same session, at another address of the page."""
    app.query_params.clear()
    for name, value in link.items():
        app.query_params[name] = value
    return app.run()


def read_in(room: str) -> set[str]:
    """The parameters that the code of a page's room reads."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pages" / "ui" / room).rglob("*.py"))
    read = set(re.findall(r'Choice\("(\w+)"', code))
    read |= set(re.findall(r'query_params(?:\.get|\.pop)?[(\[]"(\w+)"', code))
    return read | set(re.findall(r'^_?[A-Z]+ = "(\w+)"  # (?:in the URL|URL parameter)', code, re.MULTILINE))


def goes_on(app: AppTest, said: str) -> None:
    assert not app.exception, (said, app.exception)
    assert len(app.title) == 1, said


@pytest.mark.parametrize(("page_id", "language"), list(zip(PAGES, cycle(LANGUAGES), strict=False)))  # in turns
def test_every_page_goes_on_whatever_its_link_says(page_id, language):
    locale = {"en": "en-US", "ko": "ko-KR"}[language]
    app = open_page(page_id, locale=locale, **dict.fromkeys(PARAMETERS, "../../etc/passwd"))
    goes_on(app, "at first")
    title = app.title[0].value
    for said, value in GARBAGE.items():
        app = visit(app, dict.fromkeys([*PARAMETERS, *UNKNOWN], value))
        goes_on(app, said)
        assert app.title[0].value == title, said
        # Only a network can be wrong in a way that is worth a sentence; all else falls back to what was there.
        assert len(app.error) <= (page_id in ("architecture", "train")), (said, [error.value for error in app.error])
    app = visit(app, {})
    goes_on(app, "afterwards")
    assert not app.error


@pytest.mark.parametrize("page_id", PAGES)
def test_garbage_in_one_parameter_alone_leaves_the_others(page_id):
    """One at a time, among values that are understood: those that the page reads itself, and in turns those of all."""
    own, of_all = read_in(page_id), sorted(set(PARAMETERS) - set().union(*map(read_in, PAGES)))
    app = open_page(page_id)
    for number, name in enumerate([*sorted(own), *of_all[list(PAGES).index(page_id) % 3 :: 3]]):
        value = list(GARBAGE.values())[number % len(GARBAGE)]
        app = visit(app, {**PARAMETERS, "lang": "en", name: value})
        goes_on(app, name)


def test_a_run_that_is_none_shows_another_one():
    """One name in four: `make fuzz` tries them all."""
    app = open_page("runs")
    for asked in (*names.paths("/etc/passwd"), *names.TRICKS, "a" * 10_000, "\u202e", "-", "a" * 100)[::4]:
        app = visit(app, {"run": asked})
        goes_on(app, asked)
        assert not app.error, asked


# ---- Edited networks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", architecture_tabs.TABS)
def test_an_edited_network_of_any_size_can_be_looked_at(tab, monkeypatch):
    """None gets weights that is too large for it."""
    sizes = []

    def drawn(spec, seed=0):
        sizes.append(walk(spec).params)
        return random_state(spec, seed)

    monkeypatch.setattr("alexnet_viz.network.weights.random_state", drawn)
    app = open_page("architecture")
    for said, network in NETWORKS.items():
        app = visit(app, {"net": network, "tab": tab, "preset": "alexnet_2012"})
        goes_on(app, said)
    assert max(sizes, default=0) <= arithmetic.MOST_BYTES // 4


def test_a_network_that_is_too_large_to_run_is_said_to_be():
    app = open_page("architecture", net=HEAVY, tab="hand")
    goes_on(app, "heavy")
    assert "too large to be run here" in app.error[0].value
    assert "4,7" in app.error[0].value  # MB of it


# ---- All of them ----------------------------------------------------------------------------------------------------


def test_no_parameter_is_forgotten():
    assert read_in("..") == set(PARAMETERS)
