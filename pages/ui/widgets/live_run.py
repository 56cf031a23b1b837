"""Runs, live: one with figures, curves, filters and predictions, and what one may ask of it; or some side by side.

The page reads only what the run's process wrote, and only what is new since the last look.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from alexnet_viz.charts import training as training_charts
from alexnet_viz.pictures import render
from alexnet_viz.training.events import Finished
from alexnet_viz.training.processes import queue
from alexnet_viz.training.reading import Reading
from alexnet_viz.training.runs import (
    STATES,
    History,
    Run,
    classes_of,
    may_control,
    runs,
    usable_weights,
)
from alexnet_viz.training.snapshots import read_snapshot, snapshot_files
from alexnet_viz.training.verdict import judged, trouble
from alexnet_viz.words.i18n import Translator
from alexnet_viz.words.labels import class_name
from pages.ui import messages, server, session
from pages.ui.messages import class_words
from pages.ui.store import training
from pages.ui.widgets import left_out
from pages.ui.widgets.layout import tiles
from pages.ui.widgets.show import picture

RUN = session.Choice("run", "")  # the one that is looked at, on the pages of training and of runs
ACTIVE = ("queued", "running")
EVERY = 1.0  # seconds between two looks
SMOOTHING = 0.95
PREDICTIONS = 8  # of the fixed images, shown after every epoch
_SEEN = "live_seen"  # session key: run id -> Reading, of the runs that were drawn last
_TOKEN = "teacher_token"  # session key: what was entered as the teacher's token


def any_active(some: Iterable[Run]) -> bool:
    """Whether one of them waits or is at work."""
    return any(training.jobs().state(one) in ACTIVE for one in some)


def state(t: Translator, one: Run) -> str:
    """What a run does now, in words."""
    return t(STATES[training.jobs().state(one)])


def say_problem(t: Translator, one: Run) -> None:
    """What a run failed of, if it did."""
    if problem := one.status().problem:
        messages.error(messages.said(problem, t))


def say_result(t: Translator, one: Run, finished: Finished) -> None:
    """How many images are right. Where that is worth nothing: what is wrong, what to try, and never in green."""
    finished = judged(finished, one.path)
    right = []
    if finished.test_accuracy is not None:
        right = [t("{share:.2%} of the test images are right.", share=finished.test_accuracy)]
    if finished.val_accuracy is not None:
        share = finished.val_accuracy
        right = [t("{share:.2%} of the validation images are right. There were no test images.", share=share)]
    wrong = trouble(finished, one.config(), lambda class_id: class_words(class_id, t))
    if wrong:
        st.warning(" ".join([*right, *map(t, wrong)]), icon=":material/report:")
    elif right:
        (st.success if finished.val_accuracy is None else st.info)(right[0])
        if usable_weights(one) and st.button(t("Try it on a photo"), icon=":material/image_search:", key="live_try"):
            session.model().remember(f"{session.RUN_PREFIX}{one.id}", linkable=False)
            st.switch_page("pages/classify.py")


def follow(t: Translator, watched: Sequence[Run], draw: Callable[..., None]) -> None:
    """Draw some runs now, and each second while one of them is active: `draw` gets what is known of each."""
    active = any_active(watched)
    st.fragment(_follow, run_every=EVERY if active else None)(t, watched, draw, active)


def _follow(t: Translator, watched: Sequence[Run], draw: Callable[..., None], was_active: bool) -> None:
    with messages.shown(t):
        if was_active and not any_active(watched):
            st.rerun()  # once more as a whole, which ends the timer
        before = st.session_state.get(_SEEN, {})
        seen = st.session_state[_SEEN] = {one.id: before.get(one.id) or Reading() for one in watched}
        draw(*(seen[one.id].catch_up(one) for one in watched))


def chosen() -> Run | None:
    """The run of the link, else the one that is active now, else the newest of all."""
    known = {one.id: one for one in runs()}
    if asked := RUN.current(known):
        return known[asked]
    active = (one for one in known.values() if training.jobs().state(one) in ACTIVE)
    return next(active, next(iter(known.values()), None))


def show(t: Translator, watched: Run | None) -> None:
    """The run, redrawn each second while it is active."""
    if watched is None:
        st.info(t("Nothing has been trained here yet. Start with Shapes-10: it needs no download and a minute."))
        return
    RUN.remember(watched.id)
    follow(t, [watched], partial(_draw, t, watched))


def _draw(t: Translator, watched: Run, told: History) -> None:
    now = training.jobs().state(watched)
    _headline(t, watched, now, told)
    _controls(t, watched, now, told)
    if told.steps:
        _curves(t, told)
    files = snapshot_files(watched.path)
    if files:
        snapshot_picture(t, files[-1], watched)


def _headline(t: Translator, watched: Run, now: str, told: History) -> None:
    status, config = watched.status(), watched.config()
    st.markdown(f"**{watched.id}** · {t(STATES[now])}")
    if now == "queued":  # only then, since it takes a look at every run there is
        waiting = [one.id for one in queue()]
        if watched.id in waiting:
            st.info(t("{count} before it in the queue.", count=waiting.index(watched.id)))
    say_problem(t, watched)
    if told.finished:
        say_result(t, watched, told.finished)
    left_out.show_started(t, told.started)
    last = told.steps[-1] if told.steps else None
    figures = [
        (t("Epoch"), f"{len(told.epochs)} / {config.epochs}"),
        (t("Loss"), f"{last.loss:.3f}" if last else "-"),
        (t("Learning rate"), f"{last.lr:.2g}" if last else "-"),
        (t("Images per second"), f"{last.images_per_second:,.0f}" if last else "-"),
        (t("Time left"), _time_left(last, status.steps) if last and now == "running" else "-"),
        (t("Memory"), f"{last.memory / 2**20:,.0f} MiB" if last else "-"),
    ]
    for place, (label, value) in zip(tiles(len(figures), 150), figures, strict=True):
        place.metric(label, value)
    if status.steps:
        st.progress(min(1.0, status.step / status.steps), t("Step {done} of {of}", done=status.step, of=status.steps))
    if status.device:
        st.caption(status.device)


def _time_left(last: Any, steps: int) -> str:
    seconds = int(last.seconds / max(1, last.step) * (steps - last.step))
    return f"{seconds // 60}:{seconds % 60:02d}"


def _controls(t: Translator, watched: Run, now: str, told: History) -> None:
    if watched.shipped:
        return
    if not allowed(watched):
        if now in ACTIVE:
            st.caption(t("Only who started a run may pause or stop it, or who enters the teacher's token under Runs."))
        return
    jobs = training.jobs()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if now in ACTIVE:
            pause, stop, set_rate = map(messages.guarded, (jobs.pause, jobs.stop, jobs.set_learning_rate))
            st.button(t("Pause"), icon=":material/pause:", on_click=pause, args=(watched,), key="live_pause")
            st.button(t("Stop"), icon=":material/stop:", on_click=stop, args=(watched,), key="live_stop")
            if now == "running" and told.steps:
                # Empty at first: a field holds what it began with, while the schedule goes on.
                rate = st.number_input(t("New learning rate"), 1e-6, 10.0, None, format="%g", key="live_rate")
                st.button(t("Set"), on_click=set_rate, args=(watched, rate), key="live_set", disabled=rate is None)
        elif now in ("paused", "stopped", "interrupted", "failed") and st.button(
            t("Resume"), icon=":material/play_arrow:", key="live_resume"
        ):
            with messages.shown(t):
                training.resume(watched)
                st.rerun()


def ask_for_token(t: Translator, watched: Run) -> None:
    """A box for the teacher's token. What was entered is kept for the session, not only while the box is drawn."""
    entered = st.text_input(t("Teacher's token"), type="password", key="teacher_token_box")
    if not entered:
        return
    st.session_state[_TOKEN] = entered
    if allowed(watched):
        st.rerun()
    messages.error(t("This is not the teacher's token of this server."))


def allowed(watched: Run) -> bool:
    """Whether this visitor may stop, change or delete the run."""
    return may_control(
        watched.owner(),
        session.visitor(),
        token=os.environ.get("ALEXNET_VIZ_TEACHER_TOKEN", ""),
        given=st.session_state.get(_TOKEN, ""),
        bound_to_localhost=server.bound_to_localhost(),
    )


def _curves(t: Translator, told: History) -> None:
    steps = [step.step for step in told.steps]
    loss, right = st.columns(2)
    with loss:
        losses, title = [step.loss for step in told.steps], t("Training loss, step by step")
        option = training_charts.step_curve(t("loss"), steps, losses, SMOOTHING, title)
        st.echarts_chart(option, height=260, key="live_loss", alt=t("The training loss over the steps"))
    with right:
        epochs = [epoch.epoch for epoch in told.epochs]
        lines = [(t("training"), epochs, [100 * epoch.train_accuracy for epoch in told.epochs])]
        if any(epoch.val_accuracy is not None for epoch in told.epochs):
            shares = [100 * epoch.val_accuracy if epoch.val_accuracy is not None else np.nan for epoch in told.epochs]
            lines.append((t("validation"), epochs, shares))
        option = training_charts.epoch_curves(lines, t("Right answers, epoch by epoch"), percent=True)
        st.echarts_chart(option, height=260, key="live_right", alt=t("The share of right answers over the epochs"))


def snapshot_picture(t: Translator, file: Any, watched: Run) -> None:
    """The filters, some predictions and the confusion matrix of one epoch."""
    snapshot = read_snapshot(file)
    classes = classes_of(watched) or list(map(str, range(len(snapshot.confusion))))
    filters, confusion = st.columns(2, gap="medium")
    with filters:
        st.markdown(f"**{t('conv1 after epoch {epoch}', epoch=snapshot.epoch)}**")
        if snapshot.filters.ndim == 4:
            picture(render.kernels(snapshot.filters, 560).png, t("The first layer's filters"))
    with confusion:
        st.markdown(f"**{t('What was said (columns) of what it is (rows)')}**")
        if snapshot.confusion.any():
            names = [class_name(name, t.language) for name in classes]
            option = training_charts.confusion_matrix(snapshot.confusion, names)
            alt = t("Confusion matrix; its diagonal are the right answers")
            st.echarts_chart(option, height=320, key="live_confusion", alt=alt)
        else:
            st.caption(t("This run keeps no images for validation: only its end was measured."))
    kept = list(zip(snapshot.pictures, snapshot.labels, snapshot.probabilities, strict=True))[:PREDICTIONS]
    for place, (image, label, said) in zip(tiles(len(kept), 76), kept, strict=True):
        best = int(said.argmax())
        mark, name = "✓" if best == label else "✗", classes[best]
        picture(image, f"{mark} {class_name(name, t.language)}", f"{mark} {class_words(name, t)}", of=place)
