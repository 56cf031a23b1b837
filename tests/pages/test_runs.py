"""The runs page through Streamlit's own test harness."""

import pytest
from safetensors.torch import save_file

from alexnet_viz.network.build import random_state
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import Finished, to_line
from alexnet_viz.training.runs import new_run, runs, usable_weights
from pages.ui.runs import tabs as runs_tabs
from tests.pages.seen import button, fine, open_well, told_run
from tools.pages import open_page

pytestmark = pytest.mark.usefixtures("home")


def test_without_runs_it_says_where_to_begin():
    app = open_well("runs")
    assert any("Shapes-10" in message.value for message in app.info)


@pytest.mark.parametrize(("locale", "title"), [("en-US", "What was trained here?"), ("ko-KR", "무엇을 학습했을까요?")])
@pytest.mark.parametrize("tab", runs_tabs.TABS)
def test_every_tab_opens_in_both_languages(tab, locale, title):
    assert open_well("runs", locale=locale, run=told_run().id, tab=tab).title[0].value == title


def test_the_table_has_every_run_newest_first_and_a_damaged_one_is_named():
    whole, damaged = {told_run().id, told_run(epochs=1).id}, told_run()
    (damaged.path / "config.json").write_text("{")
    app = open_page("runs")
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["Run"]) == [run.id for run in runs()]
    assert whole == set(table["Run"])
    assert any(damaged.path.name.split("-")[-1] in error.value for error in app.error)


def test_a_run_is_deleted_only_after_a_yes(monkeypatch):
    monkeypatch.setattr("pages.ui.widgets.live_run.allowed", lambda run: True)
    run = told_run()
    app = open_page("runs", run=run.id, tab="delete")
    assert button(app, "Delete").disabled
    app = app.checkbox[0].check().run()
    app = fine(button(app, "Delete").click().run())
    assert run.id not in [one.id for one in runs()]


def test_the_teachers_token_is_entered_once_and_holds_on_runs_and_train(monkeypatch):
    """Nothing is replaced: who may do what is worked out as on a server with a teacher."""
    monkeypatch.setenv("ALEXNET_VIZ_TEACHER_TOKEN", "kept by the teacher")
    run = told_run(state="running")
    app = open_page("runs", run=run.id, tab="delete")
    assert not [one for one in app.button if one.label == "Delete"]
    app = app.text_input(key="teacher_token_box").set_value("a guess").run()
    assert [error.value for error in app.error] == ["This is not the teacher's token of this server\\."]
    app = app.text_input(key="teacher_token_box").set_value("kept by the teacher").run()
    for _ in range(3):  # the box is gone, and what was entered in it counts on
        assert not app.text_input
        assert [one for one in app.button if one.label == "Delete"]
        app = app.run()
    app = app.switch_page("pages/train.py").run()
    assert not any("Only who started a run" in caption.value for caption in app.caption)


def with_weights(run, model_id: str):
    save_file(random_state(MODELS[model_id].spec, seed=3), run.checkpoints / "last.safetensors")
    return run


@pytest.mark.parametrize("page", ["classify", "feature_maps", "filters", "attribution"])
def test_a_runs_checkpoint_can_be_looked_at_on_every_page(page):
    run = with_weights(told_run(state="finished", model="lenet5"), "lenet5")
    app = open_well(page, model=f"run:{run.id}")
    assert any(box.value == f"run:{run.id}" for box in app.selectbox)


def test_a_run_of_the_network_of_before_still_opens():
    config = TrainConfig.from_dict({"data": "cifar10", "model": "alexnet_transfer", "frozen": True})
    run = with_weights(new_run(config), "alexnet_transfer")
    app = open_well("classify", model=f"run:{run.id}")
    assert app.selectbox[0].value == f"run:{run.id}"
    assert not open_page("runs", run=run.id).exception


def test_a_run_with_other_activations_is_no_model_of_the_table():
    run = new_run(TrainConfig.with_preset("fast", data="shapes", activation="tanh"))
    (run.checkpoints / "last.safetensors").touch()
    assert usable_weights(run) is None


@pytest.mark.parametrize(("accuracy", "offered"), [(0.9, True), (0.1, False)])
def test_a_finished_run_that_learnt_something_is_tried_on_a_photo(accuracy, offered, monkeypatch):
    """The button leads to Classify, which looks at the run's network then."""
    run = with_weights(told_run(state="finished", model="lenet5"), "lenet5")
    verdict = "fine" if offered else "no_better"
    end = Finished(state="finished", test_accuracy=accuracy, test_loss=1.0, verdict=verdict, largest_class=0.1)
    with (run.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(to_line(end))
    gone = []
    monkeypatch.setattr("streamlit.switch_page", gone.append)
    app = open_page("train", run=run.id)
    found = [one for one in app.button if one.key == "live_try"]
    assert bool(found) == offered
    if found:
        app = found[0].click().run()
        assert gone == ["pages/classify.py"]
        assert app.session_state["model"] == f"run:{run.id}"
