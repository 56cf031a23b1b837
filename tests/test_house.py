"""The house keeps its order: who may import whom, what loads without torch, and which words exist in both languages."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools.catalogue import ROOT, TRANSLATED, po_file, read_catalogue, source_strings, strings_in

# The one total order: a module imports only from modules before it, so a cycle cannot exist.
# A new module takes its place here.
IMPORT_ORDER = [
    # the ground floor
    *(
        "words.i18n",
        "words.numbers",
        "errors",
        "serving.qr",
        "serving.no_delay",
        "serving.addresses",
        "serving.limits",
        "files.paths",
    ),
    "files.download",
    *("words.labels", "words.lessons", "paper.milestones", "pictures.profiles", "pictures.heif"),
    *("pictures.file_kinds", "pictures.images", "files.zips"),
    *("pictures.colour_pca", "pictures.samples", "pictures.render", "charts.base", "charts.compare"),
    *("charts.inspection", "charts.training", "charts.techniques", "serving.imports", "serving.turns"),
    # network
    *("network.spec", "network.fields", "network.arithmetic", "network.memory", "network.source", "network.editing"),
    *("network.notation", "network.svg", "network.diagram_boxes", "network.diagram_flow", "network.diagram_bars"),
    *("network.diagram", "network.zoo", "network.references", "network.tables", "network.comparison"),
    *("paper.departures", "network.sources", "network.extra_layers", "network.build"),
    *("network.pth", "network.checkpoint", "network.fitting", "network.not_weights", "network.weights"),
    "network.export",
    # inspection
    *("inspection.progress", "inspection.activations", "inspection.classify", "inspection.reliability"),
    *("inspection.crops", "inspection.preprocessing", "inspection.resnet", "inspection.techniques.augmentation"),
    *("inspection.by_hand", "inspection.maps", "inspection.techniques.relu", "inspection.techniques.dropout"),
    *("inspection.techniques.pooling", "inspection.techniques.lrn", "inspection.techniques.paper"),
    *("inspection.filters", "inspection.maximisation", "inspection.ablation", "inspection.techniques.gpus"),
    *("inspection.top_patches", "inspection.attribution.baselines", "inspection.attribution.partial"),
    *("inspection.attribution.algorithms", "inspection.attribution.methods", "inspection.attribution.attribute"),
    *("inspection.attribution.gradcam_by_hand", "inspection.attribution.trust", "inspection.attribution.covering"),
    # training
    *("training.events", "training.archives", "training.left_out", "training.layout", "training.datasets"),
    *("training.cifar10", "training.config", "training.runs", "training.reading", "training.processes"),
    *("training.uploads", "training.worker", "training.script", "training.host_memory", "training.devices"),
    *("training.distributed", "training.measure", "training.snapshots", "training.verdict", "training.shapes"),
    *("training.augment", "training.data", "training.checkpoints", "training.forward", "training.initial"),
    "training.train",
    # quiz
    *("quiz.question", "quiz.relu", "quiz.dropout", "quiz.lrn", "quiz.augmentation", "quiz.pooling", "quiz.gpus"),
    *("quiz.paper", "quiz.architecture", "quiz.compare", "quiz.lessons"),
    # ways in
    *("installation", "cli.output", "cli.training", "cli.commands", "__main__"),
]

WITHOUT_TORCH = [
    *IMPORT_ORDER[: IMPORT_ORDER.index("network.extra_layers")],
    "inspection.preprocessing",
    *(
        "training.archives",
        "training.left_out",
        "training.layout",
        "training.config",
        "training.events",
        "training.runs",
        "training.reading",
        "training.processes",
        "training.uploads",
        "training.worker",
        "training.script",
    ),
    *(name for name in IMPORT_ORDER if name.startswith("quiz.")),
    *("installation", "cli.output", "cli.training", "cli.commands"),
]

CORE = ROOT / "alexnet_viz"


def _name(path: Path) -> str:
    return ".".join(path.relative_to(CORE).with_suffix("").parts)


def _modules() -> dict[str, Path]:
    return {_name(path): path for path in CORE.rglob("*.py") if path.name != "__init__.py"}


def _imports(path: Path) -> set[str]:
    """The core's modules that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("alexnet_viz"):
            package = node.module.removeprefix("alexnet_viz").removeprefix(".")
            found |= {package} if package in IMPORT_ORDER else {f"{package}.{n.name}".strip(".") for n in node.names}
        elif isinstance(node, ast.Import):
            found |= {n.name.removeprefix("alexnet_viz.") for n in node.names if n.name.startswith("alexnet_viz.")}
    return found - {"__version__"}  # of the package itself


def test_every_module_has_its_place():
    assert sorted(_modules()) == sorted(IMPORT_ORDER)


@pytest.mark.parametrize("module", IMPORT_ORDER)
def test_a_module_imports_only_from_modules_before_it(module):
    imported = _imports(_modules()[module])
    assert imported <= set(IMPORT_ORDER[: IMPORT_ORDER.index(module)]), module
    wing = module.split(".")[0]
    other = {"inspection": "training.", "training": "inspection."}.get(wing, "\0")
    assert not [name for name in imported if name.startswith(other)], "the two upper wings do not know each other"


def test_the_order_sees_a_forbidden_import(tmp_path):
    file = tmp_path / "example.py"
    file.write_text("def f():\n    from alexnet_viz.network.build import view\n    import alexnet_viz.cli.commands\n")
    assert _imports(file) == {"network.build", "cli.commands"}


def test_the_menu_and_the_help_need_neither_torch_nor_streamlit():
    """In a fresh interpreter, because this one has long imported both."""
    imports = "\n".join(f"import alexnet_viz.{module}" for module in WITHOUT_TORCH)
    heavy = "{'torch', 'torchvision', 'streamlit', 'captum'}"
    code = f"{imports}\nimport sys\nprint(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


# What pages share, from the ground up: a room imports only from rooms before it. Every other folder of pages/ui is the
# room of one page, which imports from these and from itself.
SHARED_ROOMS = ["server", "session", "lab", "store", "messages", "long_work", "widgets", "choose", "frame"]
PAGE_FILES = sorted((ROOT / "pages").rglob("*.py"))


def _room(path: Path) -> str:
    """The room that a file of pages/ belongs to; a page's own file belongs to the page's room."""
    first, *rest = path.relative_to(ROOT / "pages").with_suffix("").parts
    return rest[0] if rest else first


def _rooms_imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pages.ui"):
            _, _, *inner = node.module.split(".")
            found |= {inner[0]} if inner else {name.name for name in node.names}
    return found - {_room(path)}


@pytest.mark.parametrize("path", PAGE_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_from_shared_rooms_before_it(path):
    room = _room(path)
    allowed = SHARED_ROOMS[: SHARED_ROOMS.index(room)] if room in SHARED_ROOMS else SHARED_ROOMS
    assert _rooms_imported(path) <= set(allowed), f"{room} may import {allowed}"


def test_the_rooms_are_those_of_the_pages_and_the_shared_ones():
    from pages.ui.frame.menu import PAGES

    assert {_room(path) for path in PAGE_FILES} == {*SHARED_ROOMS, *PAGES}


def test_the_rule_of_rooms_sees_a_forbidden_import(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    file = tmp_path / "pages" / "ui" / "home" / "parts.py"
    file.parent.mkdir(parents=True)
    file.write_text("from pages.ui import session\ndef f():\n    from pages.ui.train.form import form\n")
    assert _rooms_imported(file) == {"session", "train"}


def test_only_the_store_and_cached_files_use_streamlits_caches():
    marks = ("st.cache_", "@keep(", "@keep_shared(", "@computed(")
    users = [path for path in PAGE_FILES if any(mark in path.read_text(encoding="utf-8") for mark in marks)]
    assert users
    assert not [path for path in users if _room(path) != "store" and path.name != "cached.py"]


def test_strings_are_found_inside_of_others():
    source = 'x = f"**{t(\'One\')}**"; t("Two " "halves"); N_("Three"); raise UserError("Four {n}", n=1); t(name)'
    assert sorted(strings_in(source)) == ["Four {n}", "One", "Three", "Two halves"]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_string_is_translated(language):
    catalogue = read_catalogue(language)
    missing = {text for text, _ in source_strings() if text not in catalogue or not catalogue[text].string}
    assert not missing, "run `make i18n`, then translate"
    stale = {m.id for m in catalogue if m.id} - {text for text, _ in source_strings()}
    assert not stale, "run `make i18n`"


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_their_placeholders(language):
    import string

    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for message in read_catalogue(language):
        if message.id:
            assert names(message.id) == names(message.string), message.id


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_is_fresh(language):
    from gettext import GNUTranslations

    with po_file(language).with_suffix(".mo").open("rb") as file:
        compiled = GNUTranslations(file)
    # Texts, not bytes: the header names the release of Babel that wrote it.
    for message in read_catalogue(language):
        if message.id:
            assert compiled.gettext(message.id) == message.string, "run `make i18n`"


def test_every_lesson_exists_in_every_language():
    from alexnet_viz.words.i18n import LANGUAGES
    from alexnet_viz.words.lessons import LESSONS_DIR

    pages = {path.name.split(".")[0] for path in LESSONS_DIR.glob("*.md")}
    assert pages
    assert {path.name for path in LESSONS_DIR.glob("*.md")} == {f"{p}.{lang}.md" for p in pages for lang in LANGUAGES}


def test_every_page_is_in_the_menu():
    from pages.ui.frame.menu import PAGES

    assert {path.stem for path in (ROOT / "pages").glob("*.py")} == set(PAGES)


def test_every_asset_has_a_credit():
    credits = (ROOT / "assets" / "CREDITS.md").read_text(encoding="utf-8")
    for folder in ("samples", "weights", "labels"):
        for path in (ROOT / "assets" / folder).iterdir():
            assert f"`{folder}/{path.name}`" in credits, path
