"""What the README and its neighbours say is true: figures, commands, links, variables, and the picture of the house."""

import argparse
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PIL import Image

from alexnet_viz.cli.commands import _parser
from alexnet_viz.inspection.attribution.methods import METHODS
from alexnet_viz.network.zoo import LISTED
from pages.ui.frame import tour
from pages.ui.frame.menu import PAGES
from pages.ui.techniques import tabs as techniques
from tests.test_house import IMPORT_ORDER
from tools.catalogue import ROOT
from tools.screenshots import FOLDER, SHOTS

READMES = ("README.md", "README.ko.md")
DOCUMENTS = (*READMES, "CONTRIBUTING.md", "deploy/README.md", "docs/environment.md")
SVG = "{http://www.w3.org/2000/svg}"
NUMBERS = {6: ("six", "여섯"), 7: ("seven", "일곱"), 10: ("ten", "열")}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands() -> set[str]:
    """The subcommands of the command line."""
    actions = _parser()._actions
    return set(next(one for one in actions if isinstance(one, argparse._SubParsersAction)).choices)


# ---- Links and commands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != "docs/environment.md"])  # it has none
def test_every_link_leads_to_a_file(name):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", read(name))
    assert links
    here = [link for link in links if "://" not in link]
    assert not [link for link in here if not (ROOT / name).parent.joinpath(link).exists()]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_target_exists(name):
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", read("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)(?:[A-Z]+=\S+ )*make ([a-z0-9-]+)", read(name), re.MULTILINE))
    assert named <= targets, named - targets


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_exists_and_its_flags_too(name):
    for command, rest in re.findall(r"python -m alexnet_viz ([a-z]+)([^\n#`]*)", read(name)):
        assert command in commands(), command
        help_text = subparser(command).format_help()
        for flag in re.findall(r"--[a-z-]+", rest):
            assert flag in help_text, (command, flag)


def subparser(command: str) -> argparse.ArgumentParser:
    return next(one for one in _parser()._actions if isinstance(one, argparse._SubParsersAction)).choices[command]


def test_the_readme_names_every_command():
    named = set(re.findall(r"python -m alexnet_viz ([a-z]+)|`([a-z]+) RUN`", read("README.md")))
    assert {command for pair in named for command in pair if command} == commands()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_in_backticks_exists(name):
    """Names with a slash; `network/zoo.py` may be short for one in alexnet_viz."""
    folders = r"alexnet_viz|pages|tests|assets|docs|deploy|inspection|training|\.streamlit"
    named = [one for one in re.findall(rf"`((?:{folders})/[\w./*-]+)`", read(name)) if "NAME" not in one]
    missing = [one for one in named if not any(list(base.glob(one)) for base in (ROOT, ROOT / "alexnet_viz"))]
    assert not missing


# ---- Figures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READMES)
def test_shares_are_those_of_the_credits(name):
    shares = re.findall(r"\d+\.\d+ ?%", read(name))
    assert len(shares) == 3
    credits = read("assets/CREDITS.md")
    assert not [share for share in shares if share not in credits]


def test_as_many_methods_networks_stops_and_tabs_as_it_says():
    english, korean = map(read, READMES)
    assert f"{len(METHODS)} methods" in english
    assert f"{len(METHODS)}가지 방법" in korean
    for count, word in (
        (sum(name.startswith("alexnet") for name in LISTED), "variants"),
        (len(tour.STOPS), "stops"),
        (len(techniques.TABS), "tabs"),
    ):
        assert f"{NUMBERS[count][0]} {word}" in english.lower(), word
    assert f"{NUMBERS[len(tour.STOPS)][1]} 곳" in korean
    assert f"탭 {NUMBERS[len(techniques.TABS)][1]} 개" in korean


@pytest.mark.parametrize("name", READMES)
def test_every_page_has_a_row_under_its_title(name):
    from alexnet_viz.words.i18n import translator

    t = translator("ko" if ".ko." in name else "en")
    rows = set(re.findall(r"^\| ([^|]+) \|", read(name), re.MULTILINE))
    assert {t(entry.title) for entry in PAGES.values()} <= rows


# ---- Screenshots ----------------------------------------------------------------------------------------------------


def test_the_screenshots_are_those_that_the_script_takes_and_small():
    files = {path.stem: path for path in FOLDER.glob("*.png")}
    assert set(files) == {shot.name for shot in SHOTS}
    assert sum(path.stat().st_size for path in files.values()) < 1_500_000
    for path in files.values():
        with Image.open(path) as picture:
            assert picture.size == (1280, 720)


@pytest.mark.parametrize("name", READMES)
def test_every_picture_has_a_text(name):
    assert not re.findall(r"!\[\]", read(name))


# ---- Environment variables ------------------------------------------------------------------------------------------


def test_every_variable_of_the_code_is_in_the_table_and_the_other_way_round():
    table = set(re.findall(r"ALEXNET_VIZ_[A-Z0-9_]+", read("docs/environment.md")))
    sources = [ROOT / "app.py", *(path for name in ("alexnet_viz", "pages") for path in (ROOT / name).rglob("*.py"))]
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    used = set(re.findall(r"ALEXNET_VIZ_[A-Z0-9_]+", code))
    assert used == table


def test_what_the_documents_name_is_in_the_table():
    table = read("docs/environment.md")
    named = set(re.findall(r"(?:ALEXNET_VIZ|STREAMLIT)_[A-Z0-9_]+", "".join(map(read, DOCUMENTS))))
    assert not [name for name in named - {"STREAMLIT_SECTION_OPTION"} if f"`{name}`" not in table]


def test_every_streamlit_variable_is_an_option():
    from streamlit import config

    words = (re.sub("([A-Z])", r"_\1", key).replace(".", "_").upper() for key in config.get_config_options())
    options = {f"STREAMLIT_{word}" for word in words}
    named = set(re.findall(r"`(STREAMLIT_[A-Z0-9_]+)`", read("docs/environment.md"))) - {"STREAMLIT_SECTION_OPTION"}
    assert named
    assert named <= options


# ---- Names of files --------------------------------------------------------------------------------------------------

NAMED = re.compile(r"(?<![\w./-])(?:alexnet_viz|pages|tools|tests|assets|docs|deploy|examples)/[\w./*-]+\.[a-z]\w*")
NOT_OURS = ("design.md", "house.md", "facts.md", "style.md", "peers.md")


def test_every_file_that_is_named_is_here():
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT).stdout.split()
    if not listed:
        pytest.skip("this is no clone, so what belongs to it is not known")
    missing = {}
    for name in listed:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".yml") and path.is_file() and not name.startswith("tests/"):
            text = path.read_text(encoding="utf-8")
            named = {one for one in NAMED.findall(text) if not list(ROOT.glob(one.replace("NAME", "*")))}
            if unknown := named | {one for one in NOT_OURS if one in text}:
                missing[name] = unknown
    assert not missing


# ---- The house ------------------------------------------------------------------------------------------------------


def drawn() -> ElementTree.Element:
    return ElementTree.parse(ROOT / "docs" / "house.svg").getroot()


def test_the_picture_of_the_house_shows_every_page():
    assert [span.text for span in drawn().iter(f"{SVG}tspan") if span.get("class") == "page"] == list(PAGES)


def test_the_picture_of_the_house_shows_modules_in_their_order():
    floors = [group for group in drawn().iter(f"{SVG}g") if group.get("class") == "floor"]
    assert {group.get("data-wing") for group in floors} == {"inspection", "training", "network", ""}
    for group in floors:
        wing = group.get("data-wing")
        names = " ".join(text.text for text in group).split()
        places = [place_of(f"{wing}.{name}" if wing else name) for name in names]
        assert places == sorted(places), wing


def place_of(name: str) -> int:
    """Of a module, or of a package's first one."""
    return next(i for i, module in enumerate(IMPORT_ORDER) if module == name or module.startswith(f"{name}."))


def test_the_floors_stand_on_each_other_as_the_order_has_them():
    floors = [name.split(".")[0] if "." in name else "" for name in IMPORT_ORDER]
    assert floors.index("network") < floors.index("inspection") < floors.index("training")
    names = (text for text in drawn().iter(f"{SVG}text") if text.get("class") == "name")
    top = {text.text: float(text.get("y")) for text in names}
    assert top["pages"] < top["inspection"] == top["training"] < top["network"] < top["ground floor"]


@pytest.mark.parametrize("name", ["LICENSE", "Dockerfile", ".dockerignore", "deploy/nginx.conf"])
def test_what_is_promised_is_shipped(name):
    assert (ROOT / Path(name)).stat().st_size


def test_the_licence_is_mit_as_the_package_says():
    assert read("LICENSE").startswith("MIT License")
    assert 'license = "MIT"' in read("pyproject.toml")
