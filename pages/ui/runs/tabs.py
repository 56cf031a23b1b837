"""The runs page: the table of all runs, and the lazy tabs of the one that is chosen."""

import time

import numpy as np
import streamlit as st

from alexnet_viz.charts import training as training_charts
from alexnet_viz.network import tables
from alexnet_viz.training.config import CHOICE_TITLES, FIELDS, TrainConfig
from alexnet_viz.training.runs import Run, classes_of, metrics_csv, runs, runs_and_damaged
from alexnet_viz.training.script import run_script
from alexnet_viz.training.snapshots import TEST, epoch_of, read_snapshot, snapshot_files
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.labels import class_name
from alexnet_viz.words.numbers import percent
from pages.ui import messages, server
from pages.ui.frame.menu import PAGES
from pages.ui.messages import class_words
from pages.ui.store import training
from pages.ui.widgets import downloads, live_run, show
from pages.ui.widgets.layout import Tabs, pick, tiles

MOST_COMPARED = 6


def table(t: Translator) -> Run | None:
    """All runs, newest first; returns the one that is looked at."""
    known, damaged_runs = runs_and_damaged()
    for damaged in damaged_runs:
        messages.error(
            t(
                "The run {name} is damaged and is not listed. Repair or delete its folder in ALEXNET_VIZ_HOME/runs.",
                name=damaged.id,
            )
        )
    if not known:
        st.info(t("Nothing has been trained here yet. Start with Shapes-10: it needs no download and a minute."))
        st.page_link(PAGES["train"].file, label=t("Train"), icon=":material/model_training:")
        return None
    st.dataframe([_row(t, one) for one in known], hide_index=True, height="content" if len(known) < 9 else 330)
    by_id = {one.id: one for one in known}
    key = f"runs_pick_{len(known)}_{known[0].id}"
    return by_id[pick(t, t("Look at"), {run_id: run_id for run_id in by_id}, live_run.RUN, key=key, say=str)]


def _row(t: Translator, one: Run) -> dict:
    told, config = training.overview(one), one.config()
    best = told.best_epoch
    right = told.finished.test_accuracy if told.finished else None
    return {
        t("Run"): one.id,
        t("State"): live_run.state(t, one),
        t("Test images"): percent(right) if right is not None else "",
        t("Validation"): percent(best.val_accuracy) if best and best.val_accuracy is not None else "",
        t("Best epoch"): str(best.epoch) if best else "",
        t("Epochs"): f"{len(told.epochs)} / {config.epochs}",
        t("Network"): config.model if not config.net else t("edited"),
        t("Data"): config.data.rsplit("/", 1)[-1],
        t("Preset"): t(CHOICE_TITLES[config.preset]),
    }


def _curves(t: Translator, chosen: Run) -> None:
    """Several runs on one chart."""
    known = runs()
    ids = [one.id for one in known]
    compared = st.multiselect(
        t("Runs on one chart"), ids, [chosen.id], max_selections=MOST_COMPARED, key=f"runs_compare_{chosen.id}"
    )
    right, loss = [], []
    for one in known:
        if one.id in compared:
            epochs = training.overview(one).epochs
            numbers = [epoch.epoch for epoch in epochs]
            checked = [epoch.val_accuracy if epoch.val_accuracy is not None else np.nan for epoch in epochs]
            if not all(np.isnan(checked)):
                right.append((f"{t('validation')}, {one.id}", numbers, [100 * share for share in checked]))
            right.append((f"{t('training')}, {one.id}", numbers, [100 * epoch.train_accuracy for epoch in epochs]))
            loss.append((one.id, numbers, [epoch.train_loss for epoch in epochs]))
    st.echarts_chart(
        training_charts.epoch_curves(right, t("Right answers, epoch by epoch"), percent=True),
        height=340,
        key="runs_right",
        alt=t("The share of right answers over the epochs"),
    )
    st.echarts_chart(
        training_charts.epoch_curves(loss, t("Training loss")), height=280, key="runs_loss", alt=t("Training loss")
    )


def _epochs(t: Translator, chosen: Run) -> None:
    """A slider over the epochs: filters and confusion matrix as they were."""
    files = snapshot_files(chosen.path)
    if not files:
        st.info(t("This run has kept no epoch yet."))
        return
    numbers = [epoch_of(file) for file in files]
    epoch = numbers[-1]
    if len(numbers) > 1:
        epoch = st.select_slider(t("After epoch"), numbers, numbers[-1], key=f"runs_epoch_{chosen.id}_{len(numbers)}")
    live_run.snapshot_picture(t, files[numbers.index(epoch)], chosen)


def _mistakes(t: Translator, chosen: Run) -> None:
    """The test images that the finished network was most sure of and wrong about."""
    file = chosen.path / TEST
    if not file.is_file():
        ended = training.overview(chosen).finished
        untested = ended is not None and ended.val_accuracy is not None
        said = N_("This run's data has no test images.") if untested else None
        st.info(t(said or N_("Only a finished run has looked at the test images.")))
        return
    found = read_snapshot(file)
    classes = classes_of(chosen) or [str(i) for i in range(found.probabilities.shape[1])]
    text = N_("{truth}, said {answer} ({share:.0%})")
    places = tiles(len(found.labels), 130)
    for place, image, label, shares in zip(places, found.pictures, found.labels, found.probabilities, strict=True):
        truth, answer, share = classes[label], classes[int(shares.argmax())], float(shares.max())
        alt = t(text, truth=class_name(truth, t.language), answer=class_name(answer, t.language), share=share)
        caption = t(text, truth=class_words(truth, t), answer=class_words(answer, t), share=share)
        show.picture(image, alt, caption, of=place)


def _settings(t: Translator, chosen: Run) -> None:
    """Every setting, what may be taken home, and going on from a checkpoint."""
    config = chosen.config().to_dict()
    shown = config | {"data": server.shown_path(config["data"])}
    rows = [{t("Setting"): t(FIELDS[name].title), t("Value"): str(value)} for name, value in shown.items()]
    st.dataframe(rows, hide_index=True, height=300)
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(chosen.created()))
    st.caption(t("Made on {date}.", date=made))
    checkpoints = sorted(chosen.checkpoints.glob("*.safetensors"))
    with st.container(horizontal=True):
        downloads.save(t("Metrics (CSV)"), lambda: metrics_csv(chosen), f"{chosen.id}.csv", "text/csv")
        downloads.save(t("Settings (CSV)"), lambda: tables.as_csv(rows), f"{chosen.id}-settings.csv", "text/csv")
    if not checkpoints:
        return
    names = [file.name for file in checkpoints]
    picked = st.selectbox(t("Checkpoint"), names, len(names) - 1, key=f"runs_checkpoint_{chosen.id}")
    with st.container(horizontal=True):
        file = checkpoints[names.index(picked)]
        downloads.save(t("Weights"), file.read_bytes, f"{chosen.id}-{picked}", "application/octet-stream")
        if st.button(t("Train on from here, as a new run"), key="runs_continue"):
            settings = config | {"start_from": f"{chosen.id}/{picked}"}
            further = training.start(TrainConfig.from_dict(settings))
            live_run.RUN.remember(further.id)
            st.switch_page(PAGES["train"].file)


def _script(t: Translator, chosen: Run) -> None:
    """The run as one script that repeats it without this app."""
    text = run_script(chosen, data=server.shown_path(chosen.config().data))
    st.markdown(
        t("Everything this run did as one PyTorch script; it needs torch and torchvision, and none of our code.")
    )
    downloads.save(t("Save as a Python file"), text, f"{chosen.id}.py", "text/x-python")
    st.code(text, "python", height=420)


def _delete(t: Translator, chosen: Run) -> None:
    if chosen.shipped:
        st.info(t("This run comes with the app and stays."))
        return
    if not live_run.allowed(chosen):
        st.info(t("Only who started a run may delete it, or who enters the teacher's token."))
        live_run.ask_for_token(t, chosen)
        return
    sure = st.checkbox(t("Yes, remove {run} with everything it made", run=chosen.id), key=f"runs_sure_{chosen.id}")
    if st.button(t("Delete"), icon=":material/delete:", disabled=not sure, key="runs_delete"):
        training.jobs().delete(chosen)
        live_run.RUN.remember("")
        st.rerun()


TABS: Tabs = {
    "curves": (N_("Curves"), _curves),
    "epochs": (N_("Epoch by epoch"), _epochs),
    "mistakes": (N_("Worst mistakes"), _mistakes),
    "settings": (N_("Settings and files"), _settings),
    "script": (N_("As one script"), _script),
    "delete": (N_("Delete"), _delete),
}
