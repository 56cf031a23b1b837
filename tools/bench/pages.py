"""What the pages cost the server, measured in this process with Streamlit's own test harness."""

import tempfile
import time
from collections.abc import Iterator
from itertools import cycle

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import NumberInput, Selectbox, SelectSlider, Slider, Widget

from alexnet_viz.serving.imports import ensure_ml
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import EpochDone, Finished, StepDone, to_line
from alexnet_viz.training.runs import Status, new_run, write_status
from pages.ui.techniques.tabs import experiments
from tools.bench.clock import median_ms, seconds
from tools.pages import open_page

RERUNS = 30
RUNS, EPOCHS, STEPS = 10, 20, 800  # as ten runs of CIFAR-10 are: 16,000 steps each
NEW_VALUES = 2  # of each control; the first is not counted, since it may load what all later ones use


def warm_rerun() -> float:
    """Milliseconds of one run of the classify page's script with everything cached; the median."""
    app = open_page()
    app.run()
    return median_ms(app.run, RERUNS)


def architecture_edit() -> float:
    """Milliseconds of one edit on the architecture page: a kernel changes, everything is drawn and counted anew."""
    app = open_page("architecture", layer="conv1")

    kernels = cycle((7, 9))

    def edit() -> None:
        next(box for box in app.number_input if box.label == "Kernel").set_value(next(kernels)).run()

    return median_ms(edit, RERUNS)


def slowest_control() -> float:
    """Milliseconds from the slowest control's new value until the script is through, with the whole tab drawn anew.

    Nothing is cached for a new value.
    """
    found: dict[str, float] = {}
    for technique, sections in experiments().items():
        for number, section in enumerate(sections):
            app = opened(technique, section)
            known = {widget.key for widget in controls(opened(technique, ""))} if number else set()
            for key in [widget.key for widget in controls(app) if widget.key not in known]:
                for milliseconds in times(app, key)[-1:]:
                    found[f"{technique}, {section}: {key}"] = milliseconds
    slowest = max(found, key=found.__getitem__)
    print(f"  {len(found)} controls; the slowest is {slowest}")
    return found[slowest]


def opened(technique: str, section: str) -> AppTest:
    """The page at a tab, with one more of its experiments open than the first."""
    app = open_page("techniques", tab=technique)
    if section:
        app.session_state[f"{technique}_{section}_en"] = True
        app.run()
    assert not app.exception, (technique, section, app.exception)
    return app


def controls(app: AppTest) -> Iterator:
    """Those that the test harness can move without knowing what their options stand for."""
    for kind in (app.slider, app.select_slider, app.selectbox, app.number_input, app.toggle, app.checkbox):
        for widget in kind:
            if widget.key and not widget.disabled and not widget.key.startswith("quiz_"):
                yield widget


def moved(widget: Widget, turn: int) -> bool:
    """Give a control another value, and yet another one at the next turn. False where it has too few."""
    match widget:
        case Slider() | NumberInput():
            low, high = widget.min if widget.min is not None else 0, widget.max if widget.max is not None else 100
            steps = round((high - low) / widget.step)
            share = (0.55, 0.97)[turn]  # most of the work is at the high end
            value = low + round(share * steps) * widget.step
            if value == widget.value or not low <= value <= high:
                return False
            widget.set_value(value)
        case Selectbox() | SelectSlider():
            options = [option for option in widget.options if option != widget.format_func(widget.value)]
            if len(options) <= turn:
                return False
            widget.set_value(type(widget.value)(options[turn]))
        case _:
            widget.set_value(not widget.value)
    return True


def times(app: AppTest, key: str) -> list[float]:
    """Milliseconds for each of some new values of one control; none for a value that has no second one."""
    taken = []
    for turn in range(NEW_VALUES):
        widget = next((widget for widget in controls(app) if widget.key == key), None)
        if widget is None or not moved(widget, turn):
            break
        taken.append(1000 * seconds(app.run))
        assert not app.exception, (key, app.exception)
    return taken


def runs_rerun(page: str) -> float:
    """Milliseconds of one run of a page's script where ten long runs are listed."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALEXNET_VIZ_HOME", home)
        for _ in range(RUNS):
            long_run()
        ensure_ml()  # which a page's first rerun would start in the background
        app = open_page(page)
        app.run()
        return median_ms(app.run, RERUNS)


def long_run() -> None:
    run = new_run(TrainConfig(data="cifar10"))
    common = {"lr": 0.1, "images_per_second": 300.0}
    lines = []
    for epoch in range(1, EPOCHS + 1):
        steps = range((epoch - 1) * STEPS + 1, epoch * STEPS + 1)
        lines += [to_line(StepDone(step=i, epoch=epoch, loss=1.0, accuracy=0.5, seconds=i, **common)) for i in steps]
        shares = {"train_accuracy": 0.5, "val_accuracy": 0.5, "train_loss": 1.0, "val_loss": 1.0}
        lines.append(to_line(EpochDone(epoch=epoch, step=steps[-1], seconds=steps[-1], **shares, **common)))
    lines.append(to_line(Finished(state="finished", test_accuracy=0.5, test_loss=1.0)))
    (run.path / "metrics.jsonl").write_text("".join(lines), encoding="utf-8")
    write_status(run, Status(state="finished", step=EPOCHS * STEPS, steps=EPOCHS * STEPS, heartbeat=time.time()))
