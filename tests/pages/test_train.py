"""The training page through Streamlit's own test harness, with processes that only write what a run would write."""

import sys
import time

import pytest

from alexnet_viz.training.config import FIELDS
from alexnet_viz.training.events import EpochDone, StepDone, to_line
from alexnet_viz.training.jobs import Jobs
from alexnet_viz.training.runs import Status, new_run, runs, write_status
from tests.pages.test_classify import open_page
from tests.pages.test_feature_maps import button


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    monkeypatch.delenv("ALEXNET_VIZ_CIFAR10", raising=False)
    monkeypatch.setattr("alexnet_viz.training.runs.SHIPPED_DIR", tmp_path / "none")
    return tmp_path


@pytest.fixture
def idle_jobs(monkeypatch):
    """Processes that do nothing but sleep."""
    from pages.ui import cache

    jobs = Jobs([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(cache, "jobs", lambda: jobs)
    yield jobs
    for handle in jobs._handles.values():
        handle.kill()
        handle.wait()


def told_run(steps: int = 30, epochs: int = 2, state: str = "stopped"):
    """A run that told of some steps and epochs."""
    from alexnet_viz.training.config import TrainConfig

    run = new_run(TrainConfig.with_preset("fast", data="shapes"))
    common = {"lr": 0.05, "images_per_second": 300.0}
    lines = [
        to_line(StepDone(step=i, epoch=1, loss=2.3 - 0.01 * i, accuracy=0.1, seconds=float(i), memory=2**20, **common))
        for i in range(1, steps + 1)
    ]
    lines += [
        to_line(
            EpochDone(
                epoch=i, step=15 * i, train_loss=2.0, train_accuracy=0.3, val_loss=1.9, val_accuracy=0.25 + i / 10,
                seconds=9.0, **common,
            )
        )
        for i in range(1, epochs + 1)
    ]  # fmt: skip
    (run.path / "metrics.jsonl").write_text("".join(lines), encoding="utf-8")
    write_status(run, Status(state=state, step=steps, steps=90, heartbeat=time.time()))
    return run


def test_it_opens_with_a_form_and_says_where_to_begin():
    app = open_page("train")
    assert not app.exception
    assert app.title[0].value == "Watch it learn"
    assert any("Shapes-10" in message.value for message in app.info)


def test_every_setting_has_a_widget_with_its_explanation():
    app = open_page("train")
    widgets = [*app.number_input, *app.toggle, *app.selectbox]
    explained = {widget.help for widget in widgets if widget.help}
    expected = {field.help for name, field in FIELDS.items() if name not in ("data", "model", "preset", "net")}
    assert expected - explained <= {FIELDS["start_from"].help, FIELDS["frozen"].help}


def test_the_seed_preset_changes_the_numbers():
    app = open_page("train")
    preset = next(control for control in app.segmented_control if control.label == "Preset")
    app = preset.set_value("seed").run()
    epochs = next(box for box in app.number_input if box.label.startswith("Epochs"))
    assert epochs.value == 50


def test_start_makes_a_run_and_a_process_and_the_link_names_it(idle_jobs):
    app = open_page("train")
    app = button(app, "Start").click().run()
    assert not app.exception
    (made,) = runs()
    assert made.config().data == "shapes"
    assert idle_jobs.alive(made)
    assert app.query_params["run"] in (made.id, [made.id])
    assert any(made.id in text.value for text in app.markdown)


def test_a_run_shows_its_figures_and_can_be_resumed(idle_jobs, monkeypatch):
    monkeypatch.setattr("pages.ui.live_run.allowed", lambda run: True)
    run = told_run()
    app = open_page("train", run=run.id)
    assert not app.exception
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Loss"] == "2.000"
    assert figures["Epoch"].startswith("2 / ")
    app = button(app, "Resume").click().run()
    assert not app.exception
    assert idle_jobs.alive(run)


@pytest.mark.parametrize("wrong", ["nothing", "../../etc", "A B", "x" * 500])
def test_a_run_that_is_not_there_is_no_error(wrong):
    app = open_page("train", run=wrong)
    assert not app.exception


def test_without_cifar10_it_says_where_to_put_it():
    app = open_page("train")
    data = next(box for box in app.selectbox if box.label == "Data")
    app = data.set_value("cifar10").run()
    assert any("ALEXNET_VIZ_CIFAR10" in message.value for message in app.info)
    assert button(app, "Start").disabled
