"""Strangers' words on the pages: drawn as text, and no paths of the server for those who do not use it."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from safetensors.torch import save_file

from alexnet_viz.errors import UserError
from alexnet_viz.inspection import resnet
from alexnet_viz.network.build import random_state
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.runs import delete_run, new_run
from alexnet_viz.training.snapshots import TEST, Snapshot, snapshot_bytes, snapshot_file
from alexnet_viz.words.i18n import Message, translator
from pages.ui import messages
from pages.ui.classify import tabs as classify_tabs
from pages.ui.messages import class_words, tick_words
from pages.ui.runs import tabs as runs_tabs
from pages.ui.store import training
from pages.ui.widgets import live_run
from tests.pages.seen import button, fine, told_run
from tools.fuzz.names import TRICKS
from tools.pages import open_page

pytestmark = pytest.mark.usefixtures("home")

PICTURE = "![x](https:&#47;&#47;evil.example&#47;p.png)"
TEXTS = ("markdown", "caption", "title", "header", "subheader", "info", "warning", "error", "success")


def drawn(app) -> list[str]:
    """Everything that the browser takes for Markdown."""
    words = [element.value for kind in TEXTS for element in getattr(app, kind)]
    words += [image.caption for element in app.image for image in element.proto.imgs]
    return words + [text for metric in app.metric for text in (metric.label, metric.value)]


def check(app) -> None:
    """Some stranger's class is on the page, and as text."""
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    words = drawn(app)
    assert not [text for text in words if "![x]" in text]
    assert [text for text in words if "\\!\\[x\\]" in text]


def hostile_run():
    """A finished run whose classes are called like that."""
    run = told_run(state="finished", model="lenet5")
    names = [f"{PICTURE}<b>{i}" for i in range(10)]
    state = random_state(MODELS["lenet5"].spec, seed=3)
    save_file(state, run.checkpoints / "last.safetensors", {"classes": json.dumps(names)})
    return run


def test_class_names_are_text():
    t = translator("en")
    assert class_words("cat", t) == "cat"
    assert class_words("cat", translator("ko")) == "고양이"
    assert PICTURE in TRICKS
    escaped = class_words(PICTURE, t)
    assert escaped.startswith("\\!\\[x\\]\\(")
    assert "&#47;" not in escaped
    assert tick_words("<b>a & b</b>&lt;", t) == "&lt;b>a &amp; b&lt;/b>&amp;lt;"


@pytest.mark.parametrize(
    ("page_id", "tab"),
    [
        *(("classify", tab) for tab in classify_tabs.TABS),
        ("feature_maps", "off"),
        *(("attribution", tab) for tab in ("about", "classes", "recipe", "cover")),
        ("compare", "photo"),
    ],
)
def test_no_page_draws_a_strangers_class_as_markdown(page_id, tab):
    app = open_page(page_id, model=f"run:{hostile_run().id}", tab=tab)
    check(app)
    charts = [element.proto.spec for element in app.get("plotly_chart")]
    assert not [spec for spec in charts if f"{PICTURE}<b>" in spec]


def test_the_walk_draws_no_strangers_class_as_markdown():
    app = open_page("feature_maps", model=f"run:{hostile_run().id}", view="walk")
    check(app.select_slider[0].set_value("softmax").run())


@pytest.mark.parametrize(("page", "tab"), [("train", ""), ("runs", "epochs"), ("runs", "mistakes")])
def test_no_run_draws_a_strangers_class_as_markdown(page, tab):
    run = hostile_run()
    snapshot = Snapshot(
        epoch=1,
        filters=np.zeros((4, 3, 3, 3), np.float32),
        images=np.zeros((2, 3, 32, 32), np.uint8),
        labels=np.array([0, 1]),
        probabilities=np.full((2, 10), 0.1, np.float32),
        confusion=np.ones((10, 10), np.int64),
    )
    for file in (snapshot_file(run.path, 1), run.path / TEST):
        file.write_bytes(snapshot_bytes(snapshot))
    check(open_page(page, run=run.id, tab=tab))


# ---- Sentences of fragments and callbacks ---------------------------------------------------------------------------


def test_what_a_callback_could_not_do_is_said_once(idle_jobs, monkeypatch):
    def full(run):
        raise UserError("The disk is full: {name}.", name="*x*")

    monkeypatch.setattr("pages.ui.widgets.live_run.allowed", lambda run: True)
    monkeypatch.setattr(idle_jobs, "pause", full)
    run = told_run(state="running")
    app = open_page("train", run=run.id)
    app = fine(button(app, "Pause").click().run())
    assert [toast.value for toast in app.toast] == [messages.escape("The disk is full: *x*.")]
    assert not app.run().toast


def test_a_callback_hides_no_bug():
    with pytest.raises(ZeroDivisionError):
        messages.guarded(lambda: 1 / 0)()


def test_a_run_that_goes_while_it_is_watched_is_a_sentence(monkeypatch, idle_jobs):
    """The fragment alone, as a timer runs it."""
    from streamlit import error

    said = []
    monkeypatch.setattr("pages.ui.messages.st.error", lambda text, **settings: said.append(text) or error(text))
    ticks = []
    monkeypatch.setattr(
        "pages.ui.widgets.live_run.st.fragment", lambda draw, **timer: lambda *what: ticks.append(partial(draw, *what))
    )
    run = told_run(state="running")
    live_run.follow(translator("en"), [run], lambda told: None)
    delete_run(run)
    ticks[0]()
    assert len(said) == 1


# ---- Paths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("here", [True, False])
def test_paths_are_shown_to_those_who_sit_at_the_computer(here, monkeypatch, tmp_path):
    monkeypatch.setattr("pages.ui.server.at_this_computer", lambda: here)
    t = translator("en")
    path = tmp_path / "people" / "pets"
    sentence = messages.said(
        Message("Make room in {folder}, {count}: {reason}", folder=str(path), count=3, reason="/"), t
    )
    assert (str(tmp_path) in sentence) == here
    assert "pets, 3" in sentence

    run = new_run(replace(TrainConfig.with_preset("fast", data="shapes"), data=str(path)))
    pages = [open_page("runs", run=run.id, tab=tab) for tab in runs_tabs.TABS]
    pages += [open_page("train", run=run.id), open_page("compare", tab="photo"), open_page("home")]
    seen = []
    for app in pages:
        assert not app.exception
        seen += drawn(app) + [code.value for code in app.code] + [metric.help or "" for metric in app.metric]
        seen += [str(cell) for table in app.dataframe for cell in table.value.to_numpy().ravel()]
    seen = [text.replace("\\", "") for text in seen]
    assert any("pets" in text for text in seen)
    for place in (tmp_path, resnet.places()[1].parent):
        assert any(str(place) in text for text in seen) == here, place


def test_a_folder_of_the_server_is_nothing_to_train_on_from_elsewhere(monkeypatch, tmp_path, idle_jobs):
    monkeypatch.setattr("pages.ui.server.bound_to_localhost", lambda: False)
    with pytest.raises(UserError, match="not among the datasets"):
        training.start(replace(TrainConfig.with_preset("fast", data="shapes"), data=str(tmp_path)))
