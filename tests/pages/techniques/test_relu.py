"""The experiments with ReLU answer their controls; the race's processes only sleep."""

import time

from alexnet_viz.training.events import Finished, StepDone, to_line
from alexnet_viz.training.runs import Control, Status, delete_run, runs, write_status
from tests.pages.experiments import opened, sentence
from tests.pages.seen import fine, said


def test_x_moves_the_numbers():
    app = opened("relu")
    rows = app.dataframe[0].value.set_index("Function")
    assert rows.loc["tanh", "f'(x)"] == "0.02659"
    assert list(rows["Largest slope"]) == ["1", "1", "0.25"]
    assert rows.loc["sigmoid", "Ten layers at best"] == "9.54e-07"
    app.slider(key="relu_x").set_value(-1.0).run()
    rows = app.dataframe[0].value.set_index("Function")
    assert list(rows.loc["ReLU", ["f(x)", "f'(x)"]]) == ["0", "0"]


def test_the_gradient_vanishes_with_sigmoid_and_not_with_relu_and_what_float32_cannot_hold_is_said():
    app = opened("relu", "signal")
    sigmoid = sentence(app, "the gradient is")
    assert sigmoid.startswith("**sigmoid: behind 20 layers the gradient is ")
    assert "e-11 times" in sigmoid
    app.segmented_control(key="relu_function_en").set_value("relu").run()
    relu = sentence(app, "the gradient is")
    assert relu.startswith("**ReLU: behind 20 layers the gradient is 0.")
    assert "e-" not in relu
    app.slider(key="relu_layers").set_value(50)
    app.slider(key="relu_width").set_value(16)
    fine(app.selectbox(key="relu_init_en").set_value("paper").run())
    assert "nothing is left of the gradient" in said(app)


def test_the_dead_units_are_those_of_the_network_above():
    app = opened("relu", "signal", "dead")
    assert "(20 layers of 128 units, He" in said(app)
    app.slider(key="relu_layers").set_value(5).run()
    assert "(5 layers of 128 units, He" in said(app)


def test_the_layer_chooses_what_is_counted():
    app = opened("relu", "dead")
    before = {metric.label: metric.value for metric in app.metric}
    assert before["All zero, this photo"].endswith(" of 1024")
    app.select_slider(key="relu_layer").set_value("relu1").run()
    after = {metric.label: metric.value for metric in app.metric}
    assert after["All zero, this photo"].endswith(" of 64")
    assert after["Zeros, this photo"] != before["Zeros, this photo"]


# ---- The race -------------------------------------------------------------------------------------------------------


def made_runs() -> dict:
    return {one.config().activation: one for one in runs()}


def tell(one, accuracies, state="finished"):
    """What a run's process would have written."""
    steps = [
        StepDone(step=i, epoch=1, loss=2.0, accuracy=right, lr=0.001, images_per_second=300.0, seconds=float(i))
        for i, right in enumerate(accuracies, 1)
    ]
    lines = [to_line(step) for step in steps] + [to_line(Finished(state=state))]
    (one.path / "metrics.jsonl").write_text("".join(lines), encoding="utf-8")
    write_status(one, Status(state=state, step=len(steps), heartbeat=time.time()))


def started():
    return fine(opened("relu", "race").button(key="relu_race_start").click().run())


def test_the_race_queues_three_runs_that_differ_in_their_function_only(home, idle_jobs):
    app = started()
    made = made_runs()
    assert set(made) == {"relu", "tanh", "sigmoid"}
    settings = [{**one.config().to_dict(), "activation": ""} for one in made.values()]
    assert settings[0] == settings[1] == settings[2]
    assert (settings[0]["data"], settings[0]["preset"], settings[0]["epochs"]) == ("shapes", "fast", 2)
    assert sorted(made, key=lambda function: made[function].status().queued_at) == ["relu", "tanh", "sigmoid"]
    assert all(idle_jobs.alive(one) for one in made.values())
    assert list(app.dataframe[-1].value["State"]) == ["queued"] * 3


def test_stop_asks_all_three_to_stop(home, idle_jobs):
    fine(started().button(key="relu_race_stop").click().run())
    assert [Control(one).asked().end for one in made_runs().values()] == ["stopped"] * 3


def test_the_race_says_who_needed_how_many_steps(home, idle_jobs):
    app = started()
    made = made_runs()
    tell(made["relu"], [0.1] * 20 + [1.0] * 20)  # 8 of 10 batches right, and 2 of which a tenth is: 28 steps
    tell(made["tanh"], [0.1] * 48 + [1.0] * 20)  # 28 steps later
    tell(made["sigmoid"], [0.1] * 70)
    app = fine(app.run())
    rows = app.dataframe[-1].value.set_index("Function")
    assert list(rows["25 % error after"]) == ["28 steps", "56 steps", "not yet"]
    assert list(rows["Times ReLU's steps"]) == ["1.0", "2.0", "-"]
    assert app.button(key="relu_race_start").label == "Race again"


def test_a_run_that_was_deleted_leaves_the_race(home, idle_jobs):
    app = started()
    made = made_runs()
    for one in made.values():
        tell(one, [0.1] * 12)
    delete_run(made["tanh"])
    app = fine(app.run())
    assert list(app.dataframe[-1].value["Function"]) == ["ReLU", "sigmoid"]
