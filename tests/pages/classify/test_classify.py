"""The classify page through Streamlit's own test harness."""

import pytest
import streamlit as st
import torch

from alexnet_viz.files.download import DownloadProgress
from alexnet_viz.files.paths import weights_dir
from alexnet_viz.network.build import random_state
from alexnet_viz.network.zoo import MODELS
from tests.pages.seen import fine, headline, open_well, png
from tools.pages import open_page


@pytest.fixture
def forward_passes(monkeypatch):
    """Counts the forward passes of every network."""
    from alexnet_viz.network.build import Network

    passes = []
    forward = Network.forward

    def counted(self, x):
        passes.append(tuple(x.shape))
        return forward(self, x)

    monkeypatch.setattr(Network, "forward", counted)
    st.cache_data.clear()  # of what earlier tests computed
    return passes


def test_it_opens_in_the_browsers_language():
    app = open_page(locale="ko-KR")
    assert app.title[0].value == "AlexNet은 무엇을 볼까요?"
    assert headline(app).startswith("얼룩고양이 · ")


@pytest.mark.parametrize(
    ("link", "word", "picture"),
    [
        ({}, "tabby", "cat"),  # a photo is classified already
        ({"image": "elephant"}, "African elephant", "elephant"),
        ({"image": "penguin"}, "king penguin", "penguin"),
        ({"image": "../../etc/passwd", "model": "<script>", "lang": "xx", "tab": "nope"}, "tabby", "cat"),
    ],
)
def test_a_link_opens_a_sample_and_links_always_name_network_and_picture(link, word, picture):
    app = open_well(**link)
    assert headline(app).startswith(f"{word} · ")
    assert app.query_params["model"] == "alexnet_200"
    assert app.query_params["image"] == picture


def test_a_link_made_in_english_opens_the_same_view_in_korean():
    link = {"image": "penguin", "model": "alexnet_cifar"}
    english, korean = open_page(**link), open_page(**link, lang="ko")
    assert english.selectbox[0].value == korean.selectbox[0].value == "alexnet_cifar"
    assert english.title[0].value != korean.title[0].value
    assert korean.query_params["image"] == "penguin"


def test_switching_the_language_runs_no_network(forward_passes):
    app = open_page(image="gratings")
    passes = len(forward_passes)
    assert passes >= 1, "the counter counts"
    app.button_group(key="language_en").set_value("ko").run()
    assert app.title[0].value == "AlexNet은 무엇을 볼까요?"
    assert len(forward_passes) == passes


def test_an_uploaded_picture_becomes_the_current_one_and_stays_on_other_pages():
    app = open_page()
    app.file_uploader[0].upload("mine.png", png((200, 30, 30)), "image/png").run()
    assert app.session_state["image"] in app.session_state["own_pictures"]
    app.switch_page("pages/home.py").run()
    app.switch_page("pages/classify.py").run()
    assert app.session_state["own_pictures"][app.session_state["image"]].name == "mine.png"
    assert "image" not in app.query_params, "nobody else can open a visitor's own picture"


@pytest.mark.parametrize("name", ["IMG_0001.HEIC", "download.jfif", "scan.jpe"])
def test_photos_of_phones_and_browsers_names_are_taken(name):
    from tools.picture_files import heic, photo, saved

    data = heic(photo((64, 64))) if name.endswith("HEIC") else saved(photo((64, 64)), "JPEG")
    app = open_page()
    app.file_uploader[0].upload(name, data, "image/jpeg").run()
    assert not app.error
    assert [picture.name for picture in app.session_state["own_pictures"].values()] == [name]


def test_an_upload_that_was_read_is_not_held_twice(monkeypatch):
    """Streamlit keeps what was uploaded until the session ends, also when its uploader is gone."""
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

    gone = []
    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", lambda self, *ids: gone.append(ids))
    open_page().file_uploader[0].upload("mine.png", png((30, 200, 30)), "image/png").run()
    assert len(gone) == 1


def test_a_bad_file_gets_one_sentence_and_loses_nothing():
    app = open_page(image="penguin")
    app.file_uploader[0].upload("**notes** [a](javascript:1) <img src=x>.png", b"just text", "image/png").run()
    assert len(app.error) == 1
    assert "notes" in app.error[0].value
    assert "<img" not in app.error[0].value.replace("\\<", ""), "a hostile name stays text"
    assert headline(app).startswith("king penguin · ")
    app.run()
    assert not app.error, "it is said once"


def test_own_pictures_are_bounded():
    from pages.ui.choose.pictures import MOST_OWN_PICTURES

    app = open_page()
    for i in range(MOST_OWN_PICTURES + 2):
        app.file_uploader[0].upload(f"{i}.png", png((i, 2 * i, 3 * i), 16), "image/png").run()
    names = [picture.name for picture in app.session_state["own_pictures"].values()]
    assert names == [f"{i}.png" for i in range(2, MOST_OWN_PICTURES + 2)]


def test_an_unlikely_answer_says_that_it_is_not_sure_and_what_comes_next():
    app = open_page(image="galaxies")
    assert headline(app).startswith("Not sure: ")
    assert any("No class gets half" in text.value for text in app.markdown)
    assert any("never learnt galaxies" in info.value for info in app.info)


def test_a_percentage_says_what_it_was_worth():
    from alexnet_viz.inspection.reliability import reliability
    from alexnet_viz.network.weights import load_model

    app = open_page(image="elephant")
    band = reliability(load_model("alexnet_200")).near(1.0)
    said = " ".join(caption.value for caption in app.caption)
    assert f"it said 90 % to 100 % for {band.count} of them, and **{band.right} of these were right**" in said
    assert f"it said 90 % or more for {band.others}." in said
    other = open_page(image="elephant", model="alexnet_cifar")
    assert "of these were right" not in " ".join(caption.value for caption in other.caption), "nobody measured that one"


def test_what_it_does_not_know_is_offered_beside_the_answer():
    app = open_page()
    app.session_state["more_classes_en"] = True
    fine(app.run())
    assert any("People, horses" in text.value for text in app.markdown)
    assert [button for button in app.button if button.key == "more_classes_download"]
    assert "more_classes_en" not in open_page(model="alexnet_cifar").session_state


def save_lenet5() -> None:
    weights_dir().mkdir(parents=True)
    torch.save(random_state(MODELS["lenet5"].spec), weights_dir() / "lenet5.pth")


def test_pages_begin_with_the_network_that_knows_most_once_it_is_here(monkeypatch, tmp_path):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    monkeypatch.setattr("alexnet_viz.network.sources.BEST_MODEL", "lenet5")  # a small one in its place
    before = open_page()
    assert before.selectbox[0].value == "alexnet_200"
    save_lenet5()
    assert open_page().selectbox[0].value == "lenet5"
    before.run()
    assert before.selectbox[0].value == "alexnet_200", "nobody's page changes under their hands"


def test_a_link_to_the_network_of_before_opens_its_successor_and_says_so():
    app = open_well(model="alexnet_transfer", image="elephant")
    assert app.selectbox[0].value == app.query_params["model"] == "alexnet_200"
    assert "alexnet_transfer" not in app.selectbox[0].options
    (said,) = [info.value for info in app.info if "no longer here" in info.value]
    assert "ten everyday classes" in said
    assert headline(app).startswith("African elephant · ")
    app.run()
    assert not [info for info in app.info if "no longer here" in info.value], "it is said once"


def test_improbable_classes_are_left_out_of_the_bars_and_the_table():
    app = open_page(image="coffee", tab="classes")
    shown = app.dataframe[0].value["Probability"]
    assert len(shown) < 200
    assert shown.min() >= 0.001


def test_the_tab_of_all_pictures_has_a_row_each_and_downloads():
    from alexnet_viz.pictures.samples import SAMPLES

    app = open_page(tab="pictures")
    assert len(app.dataframe[0].value) == len(SAMPLES)
    assert len(app.get("download_button")) == 2


def test_after_the_download_the_pages_look_at_the_network_that_came(monkeypatch, tmp_path):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    for module in ("alexnet_viz.network.sources", "pages.ui.classify.answer"):
        monkeypatch.setattr(f"{module}.BEST_MODEL", "lenet5")  # a small one in its place

    def arrives(entry):
        yield DownloadProgress(1, 2)
        save_lenet5()

    monkeypatch.setattr("pages.ui.choose.weights.download", arrives)
    app = open_page()
    app.session_state["more_classes_en"] = True
    app.run()
    fine(app.button(key="more_classes_download").click().run())
    assert app.selectbox[0].value == app.query_params["model"] == "lenet5"
    app.run()
    assert app.selectbox[0].value == "lenet5"
