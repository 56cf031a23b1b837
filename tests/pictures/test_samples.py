"""The samples are there, can be decoded, and are what the table says."""

import hashlib

import numpy as np
import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.pictures.images import decode
from alexnet_viz.pictures.samples import FIRST_SAMPLE, PATTERN_SIDE, PHOTOS, SAMPLE_DIR, SAMPLES, load_sample
from alexnet_viz.words.labels import class_ids

pytestmark = pytest.mark.filterwarnings("error")

DRAWN = ["gratings", "color_wheel"]
FILES = [
    *("cat", "coffee", "elephant", "teddy", "penguin", "orange", "bear", "candle", "mushrooms", "lion"),
    *("coffee_and_orange", "lion_in_the_snow", "rocket", "galaxies"),
]
ORDER = FILES + DRAWN


def pixels(id: str) -> np.ndarray:
    return np.asarray(decode(load_sample(id)).image, np.int16)


def test_the_table_is_in_order_and_named_by_its_ids() -> None:
    assert list(SAMPLES) == ORDER
    assert [sample.id for sample in SAMPLES.values()] == ORDER
    assert len({sample.title for sample in SAMPLES.values()}) == len(ORDER)


@pytest.mark.parametrize("id", ORDER)
def test_every_sample_is_decoded_as_it_is(id: str) -> None:
    picture = decode(load_sample(id), id)
    assert picture.notes == ()
    assert min(picture.size) >= 224
    assert len({tuple(pixel) for row in pixels(id)[::20, ::20] for pixel in row}) > 5  # not one colour


@pytest.mark.parametrize("id", FILES)
def test_photographs_are_the_files_own_bytes(id: str) -> None:
    assert load_sample(id) == (SAMPLE_DIR / f"{id}.jpg").read_bytes()


def test_no_file_lies_there_unused() -> None:
    used = {sample.source for sample in SAMPLES.values() if isinstance(sample.source, str)}
    assert {path.name for path in SAMPLE_DIR.glob("*.jpg")} == used


@pytest.mark.parametrize("id", DRAWN)
def test_patterns_are_drawn_the_same_every_time(id: str) -> None:
    assert decode(load_sample(id)).size == (PATTERN_SIDE, PATTERN_SIDE)
    assert hashlib.sha256(load_sample(id)).digest() == hashlib.sha256(load_sample(id)).digest()


def test_gratings_have_the_orientations_and_wavelengths_they_claim() -> None:
    """The strongest frequency of each cell, from an independent Fourier transform."""
    gray = pixels("gratings")[..., 0] / 255
    for row, wavelength in enumerate((8, 12, 18, 27)):
        for column in range(8):
            cell = gray[112 * row : 112 * (row + 1), 56 * column : 56 * (column + 1)]
            spectrum = np.abs(np.fft.fft2(cell - cell.mean(), (448, 448)))
            down, across = np.unravel_index(spectrum[:224].argmax(), (224, 448))  # the other half mirrors this one
            down, across = down / 448, (across / 448 + 0.5) % 1 - 0.5
            assert 1 / np.hypot(down, across) == pytest.approx(wavelength, rel=0.05)
            apart = (np.degrees(np.arctan2(down, across)) - 22.5 * column + 90) % 180 - 90
            assert apart == pytest.approx(0, abs=4)


@pytest.mark.parametrize(
    ("degrees", "colour"),
    [(0, (255, 0, 0)), (60, (255, 255, 0)), (120, (0, 255, 0)), (180, (0, 255, 255)), (240, (0, 0, 255))],
)
def test_color_wheel_has_its_hues_at_their_angles(degrees: int, colour: tuple[int, int, int]) -> None:
    radius, angle = 0.41 * PATTERN_SIDE, np.radians(degrees)
    x, y = PATTERN_SIDE / 2 + radius * np.cos(angle), PATTERN_SIDE / 2 - radius * np.sin(angle)
    wheel = pixels("color_wheel")
    np.testing.assert_allclose(wheel[int(y), int(x)], colour, atol=12)
    assert wheel[223:225, 223:225].min() > 250  # white in the middle
    assert (wheel[0, 0] == 128).all()


@pytest.fixture(scope="module")
def answers() -> dict:
    """What the network that comes with the app says to every photograph."""
    from alexnet_viz.inspection.classify import classify
    from alexnet_viz.network.weights import load_model

    model = load_model("alexnet_200")
    return {id: classify(model, decode(load_sample(id)).image) for id in PHOTOS}


def test_what_samples_show_are_classes_of_the_network_in_the_box() -> None:
    shown = {class_id for sample in SAMPLES.values() for class_id in sample.classes}
    assert shown <= set(class_ids("tiny_imagenet"))


def test_the_first_ten_are_answered_right_and_the_very_first_one_surely(answers) -> None:
    for id in FILES[:10]:
        assert (answers[id].top(1)[0][0],) == SAMPLES[id].classes, id
    assert FILES[0] == FIRST_SAMPLE
    assert answers[FIRST_SAMPLE].top(1)[0][1] > 0.5


def test_both_things_of_the_picture_that_shows_two_are_seen(answers) -> None:
    best = [class_id for class_id, _ in answers["coffee_and_orange"].top(2)]
    assert set(best) == set(SAMPLES["coffee_and_orange"].classes)


def test_one_is_answered_wrong_because_of_its_background(answers) -> None:
    """The lesson says so: the same lion, and another answer."""
    assert answers["lion"].top(1)[0][0] == "lion"
    assert answers["lion_in_the_snow"].top(1)[0][0] != "lion"
    before, snow = (pixels(id) for id in ("lion", "lion_in_the_snow"))
    inside = np.s_[300:420, 460:520]  # of the animal; the JPEGs differ by their own noise
    assert np.abs(before[inside] - snow[inside]).mean() < 3


def test_what_it_never_learnt_is_no_class_of_its_and_galaxies_leave_it_unsure(answers) -> None:
    assert SAMPLES["rocket"].classes == SAMPLES["galaxies"].classes == ()
    assert answers["rocket"].top(3)[2][0] == "projectile", "as its lesson says"
    assert answers["galaxies"].unsure


@pytest.mark.parametrize("id", ["", "dog", "../labels/imagenet.json", "cat.jpg"])
def test_an_unknown_sample_is_refused_with_the_known_ones(id: str) -> None:
    with pytest.raises(UserError) as caught:
        load_sample(id)
    assert str(caught.value) == f"There is no sample named {id}. Samples: {', '.join(ORDER)}."
