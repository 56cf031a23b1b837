"""Pictures of arrays: every value in its place, in its colour."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alexnet_viz.pictures import render


def pixels(png: bytes) -> np.ndarray:
    """RGBA of a PNG."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def middle(sheet: np.ndarray, montage: render.Montage, number: int) -> tuple[int, ...]:
    """The colour in the middle of a tile."""
    row, column = montage.place(number)
    high, wide = sheet.shape[0] / montage.rows, sheet.shape[1] / montage.columns
    return tuple(int(value) for value in sheet[int((row + 0.5) * high), int((column + 0.5) * wide)])


def test_the_diverging_colours_are_blue_white_and_orange():
    colours = pixels(render.diverging(np.array([[-2, 0, 2]], np.float32)))[0]
    assert colours[0].tolist() == [0, 90, 160, 255]
    assert colours[1].tolist() == [255, 255, 255, 255]
    assert colours[2].tolist() == [200, 80, 0, 255]


def test_every_value_is_one_square_of_whole_pixels():
    colours = pixels(render.diverging(np.array([[1, -1], [-1, 1]], np.float32), side=20))
    assert colours.shape[:2] == (20, 20)
    assert len(np.unique(colours[:10, :10].reshape(-1, 4), axis=0)) == 1


def test_what_is_no_number_is_drawn_as_zero():
    assert pixels(render.diverging(np.array([[np.nan, 1]], np.float32)))[0, 0].tolist() == [255, 255, 255, 255]


@given(count=st.integers(1, 400), side=st.sampled_from([1, 3, 6, 13, 27, 55]), width=st.sampled_from([560, 720, 1460]))
def test_a_montage_has_a_tile_for_each_map_and_keeps_to_the_width(count, side, width):
    montage = render.montage(np.zeros((count, side, side), np.float32), 1.0, width)
    assert montage.rows * montage.columns >= count > (montage.rows - 1) * montage.columns
    sheet = Image.open(io.BytesIO(montage.png))
    assert sheet.width == montage.width
    assert sheet.width % montage.columns == 0
    assert sheet.height % montage.rows == 0
    assert sheet.width <= max(width, montage.columns * (side + 2))
    for number in (0, count // 2, count - 1):
        assert montage.number(montage.place(number), count) == number
    assert montage.number((montage.rows - 1, montage.columns - 1), count) == count - 1


def test_tiles_stand_in_order_each_in_its_own_colour_range():
    maps = np.array([1, -3, 0, 2], np.float32)[:, None, None] * np.ones((4, 5, 5), np.float32)
    montage = render.montage(maps, np.array([1, 6, 1, 2], np.float32))
    sheet = pixels(montage.png)
    assert middle(sheet, montage, 0) == (200, 80, 0, 255)
    red, green, blue, _ = middle(sheet, montage, 1)
    assert (red, green, blue) == pytest.approx((127, 172, 207), abs=2), "half way to blue"
    assert middle(sheet, montage, 2) == (255, 255, 255, 255)
    assert middle(sheet, montage, 3) == (200, 80, 0, 255)


def test_between_the_tiles_and_behind_a_short_last_row_the_sheet_is_clear():
    montage = render.montage(np.ones((5, 4, 4), np.float32), 1.0)
    sheet = pixels(montage.png)
    assert sheet[0, 0, 3] == 0
    assert middle(sheet, montage, montage.rows * montage.columns - 1)[3] == 0
    assert middle(sheet, montage, 4)[3] == 255


def test_a_range_of_nothing_draws_white():
    montage = render.montage(np.zeros((2, 3, 3), np.float32), np.zeros(2, np.float32))
    assert middle(pixels(montage.png), montage, 0) == (255, 255, 255, 255)


def test_small_pictures_keep_their_colours():
    tiles = np.zeros((3, 2, 2, 3), np.uint8)
    tiles[1] = (10, 200, 30)
    montage = render.picture_montage(tiles)
    sheet = pixels(montage.png)
    assert middle(sheet, montage, 1) == (10, 200, 30, 255)
    assert sheet[0, 0, 3] == 0


@pytest.mark.parametrize(("count", "shape"), [(4096, (64, 64)), (1000, (25, 40)), (10, (2, 5)), (512, (16, 32))])
def test_a_vector_is_a_rectangle_of_exactly_its_units(count, shape):
    montage = render.vector(np.arange(count, dtype=np.float32), float(count))
    assert (montage.rows, montage.columns) == shape


def test_a_vector_of_a_prime_number_of_units_has_a_short_last_row():
    montage = render.vector(np.ones(97, np.float32), 1.0)
    assert montage.rows > 1
    assert montage.rows * montage.columns > 97
    assert montage.number((montage.rows - 1, montage.columns - 1), 97) == 96


def test_heat_over_a_picture_colours_both_signs_and_leaves_zero_alone():
    photo = Image.new("RGB", (40, 40), (100, 100, 100))
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0], heat[3, 3] = 1, -1
    mixed = pixels(render.overlaid(photo, heat, 1.0))
    assert mixed.shape == (40, 40, 4)
    assert mixed[2, 2, 0] > 130, "orange"
    assert mixed[37, 37, 2] > 120, "blue"
    assert mixed[2, 37].tolist() == [100, 100, 100, 255]


def test_an_outline_goes_around_its_pixels():
    photo = Image.new("RGB", (224, 224), (0, 0, 0))
    drawn = pixels(render.outlined(photo, (50, 60, 90, 100)))
    scale = drawn.shape[0] // 224
    assert drawn[60 * scale - 1, 70 * scale, :3].tolist() == [255, 255, 255]
    assert drawn[70 * scale, 70 * scale, :3].tolist() == [0, 0, 0]


def test_a_thumbnail_is_a_small_square():
    small = Image.open(io.BytesIO(render.thumbnail(Image.new("RGB", (500, 300), (255, 0, 0)))))
    assert small.size == (render.THUMBNAIL_SIDE, render.THUMBNAIL_SIDE)


def test_kernels_are_coloured_around_mid_grey_or_drawn_by_their_only_channel():
    weights = np.zeros((2, 3, 1, 1), np.float32)
    weights[0, :, 0, 0] = (2, -2, 0)
    montage = render.kernels(weights)
    sheet = pixels(montage.png)
    assert middle(sheet, montage, 0) == (255, 0, 128, 255)
    assert middle(sheet, montage, 1) == (128, 128, 128, 255)
    grey = render.kernels(weights[:, :1])
    assert middle(pixels(grey.png), grey, 0) == (200, 80, 0, 255)


def test_a_mask_keeps_its_pixels_and_pales_the_others():
    photo = Image.new("RGB", (4, 4), (200, 10, 60))
    kept = np.zeros((4, 4), bool)
    kept[1, 2] = True
    pixels_after = np.asarray(render.masked(photo, kept))
    assert pixels_after[1, 2].tolist() == [200, 10, 60]
    red, green, blue = pixels_after[0, 0].tolist()
    assert red == green == blue
    assert red > 200


def test_contours_go_around_what_is_hot_on_either_side_of_zero():
    photo = Image.new("RGB", (40, 40), (0, 0, 0))
    heat = np.zeros((40, 40), np.float32)
    heat[10:20, 10:20], heat[30:36, 30:36] = 1.0, -1.0
    drawn = pixels(render.contoured(photo, heat))[..., :3]
    assert drawn[10, 15].tolist() == [200, 80, 0], "orange along the hot square"
    assert drawn[15, 15].tolist() == [0, 0, 0], "nothing inside"
    assert drawn[30, 33].tolist() == [0, 90, 160], "blue along the cold one"
    assert drawn[9, 15].tolist() == [255, 255, 255], "a white rim"
    assert drawn[2, 2].tolist() == [0, 0, 0]


def test_nothing_hot_has_no_contour():
    photo = Image.new("RGB", (8, 8), (9, 9, 9))
    assert (pixels(render.contoured(photo, np.zeros((8, 8), np.float32)))[..., :3] == 9).all()


def test_a_pale_photo_has_no_colours_but_the_heat_has():
    photo = Image.new("RGB", (8, 8), (255, 0, 0))
    heat = np.zeros((8, 8), np.float32)
    heat[0, 0] = 1
    drawn = pixels(render.overlaid(photo, heat, 1.0, pale=True))
    red, green, blue, _ = drawn[7, 7].tolist()
    assert red == green == blue
    assert drawn[0, 0, 0] > drawn[0, 0, 2]
