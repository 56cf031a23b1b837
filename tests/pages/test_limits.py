"""The pages keep to what the server allows its visitors."""

import pytest

from alexnet_viz.training.runs import runs
from tests.pages.experiments import opened
from tests.pages.seen import button, data_box, fine, open_well, told_run
from tools.pages import open_page

pytestmark = pytest.mark.usefixtures("home")


def test_a_server_without_training_shows_a_sentence_and_the_shipped_run(monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING", "off")
    app = open_well("train")
    assert any("switched off on this server" in info.value for info in app.info)
    assert "Start" not in [one.label for one in app.button]
    assert not app.selectbox


def test_a_capped_server_offers_so_many_epochs_and_no_more(monkeypatch, idle_jobs):
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING", "capped")
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING_CAP", "5400")
    app = open_page("train")
    epochs = next(box for box in app.number_input if box.label.startswith("Epochs"))
    assert epochs.value == 2
    assert any("at most 3 epochs" in caption.value for caption in app.caption)
    app = epochs.set_value(4).run()
    assert "Epochs is 4; it must be a whole number from 1 to 3" in app.error[0].value.replace("\\", "")
    app = button(app, "Start").click().run()
    assert runs() == []
    preset = next(control for control in app.segmented_control if control.label == "Preset")
    app = preset.set_value("seed").run()
    assert next(box for box in app.number_input if box.label.startswith("Epochs")).value == 3
    app = fine(button(app, "Start").click().run())
    assert [run.config().epochs for run in runs()] == [3]


def test_where_not_one_epoch_fits_start_says_so(monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING", "capped")
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING_CAP", "100")
    app = button(open_page("train"), "Start").click().run()
    assert "1 epochs of 1,800 pictures are more" in app.error[0].value
    assert not runs()


def test_nobody_goes_on_with_a_run_where_training_is_off(monkeypatch, idle_jobs):
    monkeypatch.setattr("pages.ui.widgets.live_run.allowed", lambda run: True)
    run = told_run()
    app = open_page("train", run=run.id)
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING", "off")
    app = button(app, "Resume").click().run()
    assert "switched off" in app.error[0].value
    assert not idle_jobs.alive(run)


def test_the_race_is_refused_as_a_whole_where_training_is_off(monkeypatch, idle_jobs):
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING", "off")
    app = button(opened("relu", "race"), "Start the race").click().run()
    assert any("switched off" in error.value for error in app.error)
    assert not runs()


def test_weights_above_the_limit_are_refused(monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_MAX_UPLOAD_MB", "1")
    app = open_page("classify", tab="about")
    app = app.file_uploader[-1].upload("big.safetensors", bytes(2**20 + 1), "application/octet-stream").run()
    assert not app.exception
    assert "big.safetensors has more than 1 MiB" in app.error[0].value.replace("\\", "")


@pytest.mark.parametrize(("value", "limit"), [("5", 5), ("5000", 300), ("", 300)])
def test_an_upload_is_as_large_as_the_smaller_of_two_limits(value, limit, monkeypatch):
    from pages.ui import server

    monkeypatch.setenv("ALEXNET_VIZ_MAX_UPLOAD_MB", value)
    monkeypatch.setattr("pages.ui.server.st.get_option", {"server.maxUploadSize": 300}.get)
    assert server.upload_limit() == limit * 2**20


@pytest.mark.parametrize(("headers", "here"), [({}, True), ({"X-Forwarded-For": "10.0.0.7"}, False)])
def test_whoever_comes_through_a_proxy_does_not_sit_at_the_server(headers, here, monkeypatch):
    """Behind nginx the app listens on 127.0.0.1 as well, but its visitors must not name folders of the server."""
    from streamlit.runtime.context import ContextProxy

    monkeypatch.setattr("pages.ui.server.st.get_option", {"server.address": "127.0.0.1", "server.maxUploadSize": 1}.get)
    monkeypatch.setattr(ContextProxy, "headers", headers)
    assert ("A folder or zip on this computer" in data_box(open_page("train")).options) == here
