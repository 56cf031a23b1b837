"""Links for a class: made by a button, opened with some controls left out."""

import re
from itertools import cycle
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
from streamlit.testing.v1 import AppTest

from alexnet_viz.errors import UserError
from alexnet_viz.serving.qr import QUIET_ZONE, qr_svg
from alexnet_viz.words.i18n import LANGUAGES
from pages.ui.frame import share
from tests.pages.seen import fine, headline, open_well, png
from tools.catalogue import ROOT
from tools.pages import open_page

BASE = "http://school.example:8501/classify"


def offer(app: AppTest, page: str = "classify", language: str = "en", base: str = BASE, hide=()) -> str:
    """Open the button and choose what is left out; the link."""
    app.context = {**app.context, "url": base}
    app.session_state[f"share_{page}_{language}"] = True
    app.run()
    if hide:
        app.button_group(key=f"share_hide_{page}_{language}").set_value(list(hide)).run()
    return fine(app).code[0].value


def open_link(address: str) -> AppTest:
    parts = urlsplit(address)
    return open_page(parts.path.strip("/") or "home", **dict(parse_qsl(parts.query)))


def labels(app: AppTest) -> set[str]:
    return {element.label for kind in (app.selectbox, app.select_slider, app.tabs) for element in kind}


def test_a_link_opens_the_same_page_without_what_it_leaves_out():
    teacher = open_page(model="alexnet_cifar", image="penguin")
    address = offer(teacher, hide=("model", "picture"))
    assert address.startswith(f"{BASE}?")
    assert dict(parse_qsl(urlsplit(address).query)) == {
        "model": "alexnet_cifar",
        "image": "penguin",
        "lang": "en",
        "hide": "model,picture",
    }
    pupil = open_link(address)
    assert not pupil.exception
    assert headline(pupil) == headline(teacher)
    assert pupil.session_state["model"] == "alexnet_cifar"
    assert pupil.session_state["image"] == "penguin"
    assert not pupil.selectbox
    assert not pupil.file_uploader
    assert teacher.selectbox
    assert teacher.file_uploader


@pytest.mark.parametrize(("page_id", "language"), list(zip(share.HIDEABLE, cycle(LANGUAGES), strict=False)))  # in turns
def test_every_page_offers_its_link_and_opens_with_everything_hidden(page_id, language):
    controls = share.HIDEABLE[page_id]
    teacher = open_page(page_id, lang=language)
    address = offer(teacher, page_id, language, f"http://school.example/{page_id}", controls)
    assert f"hide={','.join(controls)}" in address
    pupil = open_link(address)
    assert not pupil.exception
    assert not pupil.error
    assert not [group for group in pupil.button_group if (group.key or "").startswith("language_")]
    assert pupil.title[0].value == teacher.title[0].value, "in the teacher's language"
    if "tabs" in controls:
        assert not pupil.tabs


def test_every_control_of_the_table_is_asked_for_where_it_is_drawn():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pages" / "ui").rglob("*.py"))
    asked = set(re.findall(r'session\.hidden\("(\w+)"\)', source))
    assert asked == {control for controls in share.HIDEABLE.values() for control in controls} == set(share.TITLES)


@pytest.mark.parametrize(("link", "shown"), [({"tab": "notes"}, True), ({}, False)])
def test_without_the_tab_bar_the_linked_tab_is_there(link, shown):
    app = open_well("compare", hide="tabs", **link)
    assert not app.tabs
    assert any(text.value.startswith("A MAC is one multiplication") for text in app.markdown) == shown


def test_what_is_hidden_stays_so_on_other_pages_until_everything_is_shown():
    app = open_page(image="penguin", hide="model,menu")
    assert not app.selectbox
    app.switch_page("pages/attribution.py").run()
    assert app.query_params["hide"] == "model,menu"
    assert "Network" not in labels(app)
    app.button(key="show_everything").click().run()
    assert "hide" not in app.query_params
    assert "Network" in labels(app)
    assert not [button for button in app.button if button.key == "show_everything"]
    app.run()
    assert "hide" not in app.query_params


@pytest.mark.parametrize(
    ("page", "link"),
    [("feature_maps", {"layer": "conv3"}), ("classify", {"model": "lenet5", "image": "penguin", "tab": "input"})],
)
def test_a_hidden_control_changes_nothing(page, link):
    app = open_page(page, hide="model,picture,layer,tabs", **link)
    assert not labels(app) & {"Network", "Layer"}
    for name, value in link.items():
        assert app.query_params[name] == value
    app.button(key="show_everything").click().run()
    for name, value in link.items():
        assert app.session_state[name] == value
    assert labels(app) & {"Network", "Layer"}


@pytest.mark.parametrize("hide", ["nonsense", "", ",,,", "<script>", "MODEL", "model_"])
def test_unknown_ids_hide_nothing(hide):
    app = open_well(hide=hide)
    assert app.selectbox
    assert app.file_uploader
    assert not [button for button in app.button if button.key == "show_everything"]


def test_own_pictures_do_not_travel():
    app = open_page()
    app.file_uploader[0].upload("mine.png", png((200, 30, 30)), "image/png").run()
    address = offer(app)
    assert "image=" not in address
    assert any("Your own picture" in warning.value for warning in app.warning)


def test_the_button_offers_nothing_until_it_is_opened():
    assert not open_page().code


def test_a_link_keeps_what_stands_in_the_address_and_says_each_thing_once():
    address = share.link("http://a/b", {"net": "3x8x8_conv4k3", "hide": "menu", "lang": "ko", "x": "a&b=c d"}, (), "en")
    assert address == "http://a/b?net=3x8x8_conv4k3&x=a%26b%3Dc%20d&lang=en"


# The code itself


def modules(svg: str) -> tuple[ElementTree.Element, int]:
    root = ElementTree.fromstring(svg)
    left, top, width, height = map(int, root.attrib["viewBox"].split())
    assert (left, top, width) == (0, 0, height)
    return root, width


def test_the_code_is_black_on_white_with_its_quiet_zone():
    root, side = modules(qr_svg("http://school.example:8501/classify?hide=model,picture"))
    light, dark = root
    assert light.attrib["fill"] == "#fff"
    assert re.fullmatch(rf"M0 0h{side}v{side}h-{side}z", light.attrib["d"]), "white from edge to edge"
    assert dark.attrib["stroke"] == "#000"
    assert dark.attrib["d"].startswith(f"M{QUIET_ZONE} {QUIET_ZONE}.5h7"), "the first corner's square"
    assert (side - 2 * QUIET_ZONE - 17) % 4 == 0, "a size that the standard has"


def test_longer_addresses_take_larger_codes_until_none_fits():
    sizes = [modules(qr_svg("a" * length))[1] for length in (20, 200, 2000)]
    assert sizes == sorted(set(sizes))
    with pytest.raises(UserError, match="3,000 characters"):
        qr_svg("a" * 3000)


@pytest.mark.parametrize(
    ("bound", "addresses", "code"),
    [
        (False, ["192.168.0.7"], "http://192.168.0.7:8501/classify?"),
        (False, [], "http://localhost:8501/classify?"),
        (True, ["192.168.0.7"], "http://localhost:8501/classify?"),
    ],
)
def test_a_qr_code_is_only_made_of_an_address_that_a_phone_can_open(bound, addresses, code, monkeypatch):
    monkeypatch.setattr("pages.ui.server.bound_to_localhost", lambda: bound)
    monkeypatch.setattr(share, "lan_addresses", lambda: addresses)
    app = open_page("classify")
    address = offer(app, base="http://localhost:8501/classify")
    assert address.startswith(code)
    assert any(toggle.key == "share_large" for toggle in app.toggle) == ("localhost" not in address), "its QR code"
    assert any("HOST=0.0.0.0" in caption.value for caption in app.caption) == ("localhost" in address)


@pytest.mark.parametrize(
    ("page_id", "query"),
    [
        ("feature_maps", {"view": "walk", "step": "relu3"}),
        ("attribution", {"tab": "trust", "test": "noise"}),
        ("classify", {"temperature": "0.50"}),
    ],
)
def test_what_is_set_inside_of_a_page_goes_along(page_id, query):
    app = open_page(page_id, **query)
    assert query.items() <= dict(parse_qsl(urlsplit(offer(app, page_id)).query)).items()
