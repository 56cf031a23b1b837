"""ReLU on the techniques page through Streamlit's own test harness; the race's processes only sleep."""

import sys
import time

import pytest

from alexnet_viz.training.events import Finished, StepDone, to_line
from alexnet_viz.training.processes import Processes
from alexnet_viz.training.runs import Status, delete_run, runs, write_status
from pages.ui.techniques.relu import SECTIONS
from tests.pages.seen import button, open_relu, said

LAZY = list(SECTIONS)[1:]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_tab_opens_in_both_languages_with_every_section(language):
    app = open_relu(*LAZY, language=language)
    assert len(app.get("plotly_chart")) >= 2 + 1 + 3 + 2  # curves, signal with histograms, dead twice
    assert [heading.proto.anchor for heading in app.subheader][:4] == [f"relu-{section}" for section in SECTIONS]


def test_x_moves_the_numbers():
    app = open_relu()
    rows = app.dataframe[0].value.set_index("Function")
    assert rows.loc["tanh", "f'(x)"] == "0.02659"
    assert list(rows["Largest slope"]) == ["1", "1", "0.25"]
    assert rows.loc["sigmoid", "Ten layers at best"] == "9.54e-07"
    app.slider(key="relu_x").set_value(-1.0).run()
    rows = app.dataframe[0].value.set_index("Function")
    assert list(rows.loc["ReLU", ["f(x)", "f'(x)"]]) == ["0", "0"]


def sentence(app) -> str:
    return next(text.value for text in app.markdown if "the gradient is" in text.value)


def test_the_gradient_vanishes_with_sigmoid_and_not_with_relu():
    app = open_relu("signal")
    assert sentence(app).startswith("**sigmoid: behind 20 layers the gradient is ")
    assert "e-11 times" in sentence(app)
    app.segmented_control(key="relu_function_en").set_value("relu").run()
    assert sentence(app).startswith("**ReLU: behind 20 layers the gradient is 0.")
    assert "e-" not in sentence(app)


def test_what_float32_cannot_hold_is_said():
    app = open_relu("signal")
    app.slider(key="relu_layers").set_value(50)
    app.slider(key="relu_width").set_value(16)
    app.selectbox(key="relu_init_en").set_value("paper").run()
    assert not app.exception
    assert "nothing is left of the gradient" in said(app)


def test_the_dead_units_are_those_of_the_network_above():
    app = open_relu("signal", "dead")
    assert "(20 layers of 128 units, He" in said(app)
    app.slider(key="relu_layers").set_value(5).run()
    assert "(5 layers of 128 units, He" in said(app)


def test_the_layer_chooses_what_is_counted():
    app = open_relu("dead")
    before = {metric.label: metric.value for metric in app.metric}
    assert before["All zero, this photo"].endswith(" of 1024")
    app.select_slider(key="relu_layer").set_value("relu1").run()
    after = {metric.label: metric.value for metric in app.metric}
    assert after["All zero, this photo"].endswith(" of 64")
    assert after["Zeros, this photo"] != before["Zeros, this photo"]


# ---- The race -------------------------------------------------------------------------------------------------------


@pytest.fixture
def idle_jobs(tmp_path, monkeypatch):
    """A home of its own, and processes that do nothing but sleep."""
    from pages.ui.store import training

    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    jobs = Processes([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(training, "jobs", lambda: jobs)
    yield jobs
    for handle in jobs.handles.values():
        handle.kill()
        handle.wait()


def made_runs() -> dict:
    return {one.config().activation: one for one in runs() if not one.shipped}


def tell(one, accuracies, state="finished"):
    """What a run's process would have written."""
    steps = [
        StepDone(step=i, epoch=1, loss=2.0, accuracy=right, lr=0.001, images_per_second=300.0, seconds=float(i))
        for i, right in enumerate(accuracies, 1)
    ]
    lines = [to_line(step) for step in steps] + [to_line(Finished(state=state))]
    (one.path / "metrics.jsonl").write_text("".join(lines), encoding="utf-8")
    write_status(one, Status(state=state, step=len(steps), heartbeat=time.time()))


def test_the_race_queues_three_runs_that_differ_in_their_function_only(idle_jobs):
    app = open_relu("race")
    app = button(app, "Start the race").click().run()
    assert not app.exception
    made = made_runs()
    assert set(made) == {"relu", "tanh", "sigmoid"}
    settings = [{**one.config().to_dict(), "activation": ""} for one in made.values()]
    assert settings[0] == settings[1] == settings[2]
    assert (settings[0]["data"], settings[0]["preset"], settings[0]["epochs"]) == ("shapes", "fast", 2)
    assert sorted(made, key=lambda function: made[function].status().queued_at) == ["relu", "tanh", "sigmoid"]
    assert all(idle_jobs.alive(one) for one in made.values())
    assert button(app, "Stop the race")
    assert list(app.dataframe[-1].value["State"]) == ["queued"] * 3


def test_stop_asks_all_three_to_stop(idle_jobs):
    from alexnet_viz.training.runs import Control

    app = open_relu("race")
    app = button(app, "Start the race").click().run()
    app = button(app, "Stop the race").click().run()
    assert not app.exception
    assert [Control(one).asked().end for one in made_runs().values()] == ["stopped"] * 3


def test_the_race_says_who_needed_how_many_steps(idle_jobs):
    app = open_relu("race")
    app = button(app, "Start the race").click().run()
    made = made_runs()
    tell(made["relu"], [0.1] * 20 + [1.0] * 20)  # 8 of 10 batches right, and 2 of which a tenth is: 28 steps
    tell(made["tanh"], [0.1] * 48 + [1.0] * 20)  # 28 steps later
    tell(made["sigmoid"], [0.1] * 70)
    app = app.run()
    assert not app.exception
    rows = app.dataframe[-1].value.set_index("Function")
    assert list(rows["25 % error after"]) == ["28 steps", "56 steps", "not yet"]
    assert list(rows["Times ReLU's steps"]) == ["1.0", "2.0", "-"]
    assert button(app, "Race again")


def test_a_run_that_was_deleted_leaves_the_race(idle_jobs):
    app = open_relu("race")
    app = button(app, "Start the race").click().run()
    made = made_runs()
    for one in made.values():
        tell(one, [0.1] * 12)
    delete_run(made["tanh"])
    app = app.run()
    assert not app.exception
    assert list(app.dataframe[-1].value["Function"]) == ["ReLU", "sigmoid"]
