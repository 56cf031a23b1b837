"""The training page through Streamlit's own test harness, with processes that only write what a run would write."""

import hashlib
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from alexnet_viz.network.notation import read_spec, write_spec
from alexnet_viz.network.spec import Conv
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.training.cifar10 import download_cifar10
from alexnet_viz.training.config import FIELDS
from alexnet_viz.training.events import Finished, to_line
from alexnet_viz.training.runs import runs
from alexnet_viz.training.snapshots import TEST, Snapshot, snapshot_bytes
from alexnet_viz.training.uploads import uploads
from pages.ui.train import data as train_data
from tests.files.site import serving
from tests.pages.seen import button, data_box, fine, open_well, told_run
from tests.training.small_cifar10 import ARCHIVE, RECORDS
from tools.class_folders import PLAIN, SPLIT, zipped
from tools.pages import open_page

pytestmark = pytest.mark.usefixtures("home")


def test_it_opens_with_a_form_that_explains_every_setting_and_says_where_to_begin():
    app = open_well("train")
    assert app.title[0].value == "Watch it learn"
    assert any("Shapes-10" in message.value for message in app.info)
    explained = {widget.help for widget in (*app.number_input, *app.toggle, *app.selectbox) if widget.help}
    expected = {field.help for name, field in FIELDS.items() if name not in ("data", "model", "preset", "net")}
    assert expected - explained <= {FIELDS["start_from"].help, FIELDS["frozen"].help}


def test_the_seed_preset_changes_the_numbers():
    app = open_page("train").segmented_control(key="train_preset_en").set_value("seed").run()
    assert app.number_input(key="train_epochs_seed_shapes_en").value == 50


def test_another_language_keeps_what_was_set():
    app = open_page("train")
    app.number_input(key="train_epochs_fast_shapes_en").set_value(7)
    app.selectbox(key="train_schedule_fast_shapes_en").set_value("cosine")
    app.toggle(key="train_flip_fast_shapes_en").set_value(False)
    app = fine(app.run().segmented_control(key="language_en").set_value("ko").run())
    assert app.number_input(key="train_epochs_fast_shapes_ko").value == 7
    assert app.selectbox(key="train_schedule_fast_shapes_ko").value == "cosine"
    assert not app.toggle(key="train_flip_fast_shapes_ko").value


@pytest.mark.parametrize("rate", [0.0, 1000.0])
def test_a_number_out_of_range_gets_a_sentence_and_starts_nothing(rate):
    app = open_page("train")
    app = app.number_input(key="train_learning_rate_fast_shapes_en").set_value(rate).run()
    assert f"Learning rate is {rate}; it must be a number from" in app.error[0].value.replace("\\", "")
    app = button(app, "Start").click().run()
    assert not app.exception
    assert app.error
    assert runs() == []


def test_start_makes_a_run_and_a_process_and_the_link_names_it(idle_jobs):
    app = open_page("train")
    app = fine(button(app, "Start").click().run())
    (made,) = runs()
    assert made.config().data == "shapes"
    assert idle_jobs.alive(made)
    assert app.query_params["run"] in (made.id, [made.id])
    assert any(made.id in text.value for text in app.markdown)


def test_a_run_shows_its_figures_and_can_be_resumed(idle_jobs, monkeypatch):
    monkeypatch.setattr("pages.ui.widgets.live_run.allowed", lambda run: True)
    run = told_run()
    app = open_well("train", run=run.id)
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Loss"] == "2.000"
    assert figures["Epoch"].startswith("2 / ")
    app = fine(button(app, "Resume").click().run())
    assert idle_jobs.alive(run)


@pytest.mark.parametrize("lr", [0.0001038961038961, 3e-9])
def test_another_rate_is_set_when_one_was_typed(idle_jobs, monkeypatch, lr):
    asked = []
    monkeypatch.setattr("pages.ui.widgets.live_run.allowed", lambda run: True)
    monkeypatch.setattr(idle_jobs, "set_learning_rate", lambda run, rate: asked.append((run.id, rate)))
    run = told_run(state="running", lr=lr)
    app = open_well("train", run=run.id)
    rate = app.number_input(key="live_rate")
    assert rate.value is None
    assert app.button(key="live_set").disabled
    rate.set_value(0.002).run()
    app.button(key="live_set").click().run()
    assert asked == [(run.id, 0.002)]


# ---- What to learn from ----------------------------------------------------------------------------------------------


def choose(app, data):
    return data_box(app).set_value(data).run()


def fetch(app):
    return button(app, "Download CIFAR-10 (163 MiB)").click().run()


def upload(app, name, data):
    app = choose(app, "upload")
    return app.file_uploader[0].upload(name, data, "application/zip").run()


@pytest.fixture
def small_cifar10(monkeypatch):
    """A server with an archive of 120 pictures, which the page takes for the real one."""
    digest = hashlib.sha256(ARCHIVE).hexdigest()
    with serving(ARCHIVE) as site:
        small = partial(download_cifar10, url=site.url, sha256=digest, records=RECORDS)
        monkeypatch.setattr("pages.ui.train.data.download_cifar10", small)
        yield site


def test_without_cifar10_it_offers_the_download_and_nothing_can_start(monkeypatch):
    monkeypatch.setattr("pages.ui.server.at_this_computer", lambda: True)  # others need not know of variables
    app = choose(open_page("train"), "cifar10")
    assert any("is not on this computer" in message.value for message in app.info)
    assert "ALEXNET_VIZ_CIFAR10" in button(app, "Download CIFAR-10 (163 MiB)").help
    assert button(app, "Start").disabled


def test_after_the_download_the_form_goes_on(small_cifar10, home, idle_jobs):
    app = fetch(choose(open_page("train"), "cifar10"))
    assert not app.exception
    assert not app.error
    assert (home / "datasets" / "cifar10.zip").is_file()
    assert data_box(app).value == "cifar10"
    assert not any("CIFAR-10" in button.label for button in app.button)
    button(app, "Start").click().run()
    assert runs()[0].config().data == "cifar10"


def test_offline_it_says_what_to_put_where_and_the_form_stays(small_cifar10, home, monkeypatch):
    monkeypatch.setattr("pages.ui.server.at_this_computer", lambda: True)
    small_cifar10.stop_after = 1000
    app = fetch(choose(open_page("train"), "cifar10"))
    (said,) = [error.value.replace("\\", "") for error in app.error]
    assert small_cifar10.url in said
    assert f"put the file into {home / 'datasets'}" in said
    assert data_box(app).value == "cifar10"
    small_cifar10.stop_after = None
    app = fetch(app)
    assert not app.error
    assert small_cifar10.ranges == [None, "bytes=1000-"]


def test_an_archive_put_by_hand_is_only_unpacked(small_cifar10, home):
    (home / "datasets").mkdir()
    (home / "datasets" / "cifar-10-binary.tar.gz").write_bytes(ARCHIVE)
    app = choose(open_page("train"), "cifar10")
    app = button(app, "Unpack CIFAR-10").click().run()
    assert not app.error
    assert small_cifar10.ranges == []
    assert (home / "datasets" / "cifar10.zip").is_file()


def test_a_second_session_waits_for_the_download_of_the_first(small_cifar10):
    first = train_data.download_cifar10()
    next(first)
    app = fetch(choose(open_page("train"), "cifar10"))
    assert "is being downloaded already" in app.error[0].value.replace("\\", "")
    first.close()


def test_a_zip_that_is_uploaded_is_offered_and_trained_on(idle_jobs):
    app = upload(open_page("train"), "My pets.zip", zipped(PLAIN))
    assert not app.exception
    assert not app.error
    assert not app.file_uploader  # emptied and gone: the form goes on
    (kept,) = uploads()
    assert data_box(app).value == str(kept.path)
    assert data_box(app).options[2] == "My-pets.zip (2 classes, 20 pictures)"
    app = button(app, "Start").click().run()
    assert runs()[0].config().data == str(kept.path)
    app = app.segmented_control(key="language_en").set_value("ko").run()
    assert data_box(app).value == str(kept.path), "in another language too"


def test_own_pictures_begin_with_the_trained_network_and_a_fresh_head(idle_jobs):
    app = upload(open_page("train"), "My pets.zip", zipped(PLAIN))
    network = next(box for box in app.selectbox if box.label == "Network")
    assert MODELS[network.value].frozen
    assert any("Transfer learning" in caption.value for caption in app.caption)
    app = choose(app, "cifar10")
    network = next(box for box in app.selectbox if box.label == "Network")
    assert not MODELS[network.value].frozen
    assert not any("Transfer learning" in caption.value for caption in app.caption)


def test_uploads_are_offered_newest_first_to_everybody_and_the_same_one_is_chosen_again():
    app = upload(open_page("train"), "old.zip", zipped(PLAIN))
    app = upload(app, "new.zip", zipped(SPLIT))
    names = [label.split()[0] for label in data_box(app).options[2:4]]
    assert names == ["new.zip", "old.zip"]
    assert data_box(open_page("train")).options == data_box(app).options
    app = upload(app, "old again.zip", zipped(PLAIN))
    assert data_box(app).value == str(uploads()[1].path)


def test_a_bad_zip_leaves_the_form_as_it_was():
    app = choose(open_page("train"), "upload")
    app = app.number_input(key="train_epochs_fast_own_en").set_value(7).run()
    app = app.file_uploader[0].upload("pets.zip", zipped({"cat/0.png": b""}), "application/zip").run()
    assert not app.exception
    assert "has only 1 class" in app.error[0].value
    assert data_box(app).value == "upload"
    assert app.number_input(key="train_epochs_fast_own_en").value == 7
    assert button(app, "Start").disabled
    assert uploads() == []
    assert not app.run().error  # said once


def test_a_zip_above_the_servers_limit_is_refused(monkeypatch):
    monkeypatch.setattr("pages.ui.server.upload_limit", lambda: 1000)
    app = upload(open_page("train"), "pets.zip", zipped(PLAIN))
    assert "has more than" in app.error[0].value


@pytest.mark.parametrize(
    ("address", "here"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), (None, False)]
)
def test_only_who_sits_at_the_server_may_name_a_folder_on_it(address, here, monkeypatch, idle_jobs):
    monkeypatch.setattr("pages.ui.server.st.get_option", {"server.address": address, "server.maxUploadSize": 1}.get)
    app = open_page("train")
    assert ("A folder or zip on this computer" in data_box(app).options) == here
    app = choose(app, "upload")
    assert any("must not read its files" in caption.value for caption in app.caption) == (not here)
    if here:
        app = choose(app, "path").text_input(key="train_path").set_value("/data").run()
        button(app, "Start").click().run()
        assert runs()[0].config().data == "/data"


@pytest.mark.parametrize("forged", ["path", "/etc"])
def test_a_choice_that_is_not_offered_chooses_nothing(forged, monkeypatch):
    monkeypatch.setattr("pages.ui.server.bound_to_localhost", lambda: False)
    app = open_page("train")
    app.session_state["train_data"] = forged
    app = fine(app.run())
    assert data_box(app).value == "shapes"


@pytest.mark.parametrize("data", ["cifar10", "upload", "path"])
def test_every_choice_opens_in_korean(data, monkeypatch):
    monkeypatch.setattr("pages.ui.server.bound_to_localhost", lambda: True)
    app = choose(open_page("train", locale="ko-KR"), data)
    assert not app.exception
    assert not app.error
    assert data_box(app).value == data


def test_an_edited_network_can_be_trained(idle_jobs):
    """Opened by the link of the architecture page."""
    spec = MODELS["alexnet_cifar"].spec
    changed = replace(spec, layers=(Conv(64, kernel=5, padding=2), *spec.layers[1:]))
    app = open_page("train", preset="alexnet_cifar", net=write_spec(changed))
    assert app.selectbox[1].options[0] == "Your edited network"
    button(app, "Start").click().run()
    (run,) = runs()
    assert read_spec(run.config().net) == changed
    assert run.config().model == "alexnet_cifar"


def test_an_edited_network_for_large_pictures_is_not_offered():
    large = replace(MODELS["alexnet_2012"].spec, input=(3, 224, 224))
    app = open_page("train", preset="alexnet_2012", net=write_spec(large))
    assert "Your edited network" not in app.selectbox[1].options


def test_a_bad_link_gets_a_sentence_and_the_page_goes_on():
    app = open_page("train", net="nonsense")
    assert app.error
    assert button(app, "Start")


def ended_run(**end):
    run = told_run(state="finished")
    with (run.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(to_line(Finished(state="finished", test_loss=1.0, **end)))
    return run


@pytest.mark.parametrize("kind", ["exploded", "one_class", "one_tested", "no_better", "may_be_chance"])
@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_a_result_that_is_worth_nothing_is_never_green(kind, locale):
    told = {"verdict": kind, "measured": 44, "largest_class": 24 / 44, "only_answer": "triangle"}
    app = open_page("train", run=ended_run(test_accuracy=24 / 44, **told).id, locale=locale)
    assert not app.exception
    assert not app.success
    assert "54.55" in app.warning[0].value


def test_a_good_result_is_green_and_says_no_more():
    app = open_page("train", run=ended_run(test_accuracy=0.9, verdict="fine", measured=44, largest_class=0.1).id)
    assert "90.00" in app.success[0].value
    assert not app.warning


def test_the_end_of_an_earlier_version_is_not_green_either_where_its_images_say_so():
    run = ended_run(test_accuracy=24 / 44)
    one_class = np.zeros((10, 10), np.int64)
    one_class[:3, 0] = 24, 10, 10
    nothing = np.zeros((0, 3, 32, 32), np.uint8)
    kept = Snapshot(
        **{"epoch": 2, "filters": np.zeros(0, np.float32), "images": nothing, "labels": np.zeros(0, np.int64)},
        **{"probabilities": np.zeros((0, 10), np.float32), "confusion": one_class},
    )
    (run.path / TEST).write_bytes(snapshot_bytes(kept))
    app = open_page("train", run=run.id)
    assert not app.success
    assert app.warning
