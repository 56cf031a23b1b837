"""The experiments with augmentation answer their controls; its code and that of its lesson run."""

import pytest
from torchvision import transforms

from alexnet_viz.files import paths
from alexnet_viz.words import lessons
from pages.ui.techniques import augmentation as technique_augmentation
from tests.pages.experiments import opened, sentence
from tests.pages.seen import fine


def with_small_network(*sections: str):
    app = opened("augmentation", *sections)
    return fine(app.selectbox(key="augmentation_network_en").set_value("alexnet_cifar").run())


def clicked(app, label: str):
    return fine(next(button for button in app.button if button.label == label).click().run())


def test_it_opens_with_the_papers_crop():
    app = opened("augmentation")
    assert app.slider(key="augmentation_crop_224").value == 32
    assert "of 8** keep the answer tabby" in sentence(app, "keep the answer")
    assert "margin of 32 pixels" in sentence(app, "The paper resizes")


def test_drawing_again_and_another_network_give_other_answers():
    app = with_small_network()
    assert app.slider(key="augmentation_crop_32").value == 4
    first = sentence(app, "keep the answer")
    app = fine(app.button(key="augmentation_again").click().run())
    assert sentence(app, "keep the answer") != first


def test_every_kind_has_a_strength_of_its_own():
    app = with_small_network()
    for kind in ("mirror", "rotation", "jitter", "pca"):
        app = fine(app.segmented_control(key="augmentation_kind_en").set_value(kind).run())
        slider = app.slider(key=f"augmentation_{kind}_32")
        app = fine(slider.set_value(0 * slider.value).run())
        assert sentence(app, "keep the answer").startswith("**8 of 8** keep"), "strength 0 changes nothing"


def test_the_photo_moves_along_the_directions():
    app = opened("augmentation", "pca")
    assert list(app.dataframe[0].value["Direction"]) == ["p1", "p2", "p3"]
    assert app.dataframe[0].value["Share of the variance"].iloc[0] == "89.1 %"
    before = sentence(app, "Every pixel gets")
    app = fine(app.slider(key="augmentation_alpha_0").set_value(-2.0).run())
    assert sentence(app, "Every pixel gets") == before.replace("+", "-")
    app = fine(app.slider(key="augmentation_alpha_0").set_value(0.0).run())
    assert "red +0.0, green +0.0, blue +0.0" in sentence(app, "Every pixel gets")


def test_the_directions_of_cifar10_are_computed_when_it_is_here(monkeypatch, cifar10_zip):
    monkeypatch.setenv(paths.CIFAR10_VARIABLE, str(cifar10_zip))
    monkeypatch.setattr(technique_augmentation, "CIFAR_COUNT", 200)
    app = opened("augmentation", "pca")
    photos = app.dataframe[0].value["λ"].tolist()
    app = fine(app.segmented_control(key="augmentation_source_en").set_value("cifar10").run())
    assert not app.dataframe, "it waits for the button"
    app = clicked(app, "Compute the directions")
    assert app.dataframe[0].value["λ"].tolist() != photos
    assert "200 pictures of 32 x 32" in sentence(app, "From 200")


def test_the_answer_is_held_against_all_changes():
    app = clicked(with_small_network("stability"), "Try all changes")
    table = app.dataframe[0].value
    assert list(table["Strongest"]) == ["100 %", "32 px", "90°", "100 %", "2.0"]
    assert all(kept.endswith("of 8") for kept in table["Answers kept"])


def test_the_code_follows_what_is_set_and_runs():
    app = opened("augmentation", "code")
    assert "transforms.RandomCrop(224)" in app.code[0].value
    app = fine(app.segmented_control(key="augmentation_kind_en").set_value("rotation").run())
    app = fine(app.slider(key="augmentation_rotation_224").set_value(35).run())
    assert "transforms.RandomRotation(35)" in app.code[0].value
    app = fine(app.segmented_control(key="augmentation_recipe_en").set_value("paper").run())
    assert "33 x 33 x 2 = **2178**" in sentence(app, "different pictures")
    assert "2048 = 32 x 32 x 2" in sentence(app, "different pictures")
    app = fine(app.segmented_control(key="augmentation_recipe_en").set_value("seed").run())
    assert "RandomCrop(227, padding=4)" in sentence(app, "fewer than 219 pixels")
    names = {}
    exec(app.code[0].value, names)
    assert isinstance(names["transform"], transforms.Compose)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_lesson_links_to_every_experiment_and_its_code_runs(language):
    lesson = lessons.lesson("techniques-augmentation", language)
    assert all(f"](#augmentation-{experiment})" in lesson for experiment in technique_augmentation.EXPERIMENTS)
    for block in lesson.split("```python\n")[1:]:
        exec(block.split("```")[0], {})
