"""The samples are there, can be decoded, and are what the table says."""

import hashlib

import numpy as np
import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.images import decode
from alexnet_viz.samples import PATTERN_SIDE, SAMPLE_DIR, SAMPLES, load_sample

pytestmark = pytest.mark.filterwarnings("error")

DRAWN = ["gratings", "color_wheel"]
FILES = ["cat", "airplane", "bird", "truck", "cat_and_truck", "coffee", "astronaut", "rocket", "galaxies"]
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


def test_four_samples_show_one_of_the_ten_classes() -> None:
    expected = {id: sample.class_id for id, sample in SAMPLES.items() if sample.class_id is not None}
    assert expected == {"cat": "cat", "airplane": "airplane", "bird": "bird", "truck": "truck"}


@pytest.mark.parametrize("id", ["", "dog", "../labels/imagenet.json", "cat.jpg"])
def test_an_unknown_sample_is_refused_with_the_known_ones(id: str) -> None:
    with pytest.raises(UserError) as caught:
        load_sample(id)
    assert str(caught.value) == f"There is no sample named {id}. Samples: {', '.join(ORDER)}."
