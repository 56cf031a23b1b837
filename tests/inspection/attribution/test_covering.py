"""Covered pictures: the box changes as said, the rest not at all."""

import numpy as np
import pytest
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.attribution.covering import COVERS, covered
from alexnet_viz.network.fields import Box
from alexnet_viz.pictures.images import Preprocess

COLOUR = Preprocess(8, 8, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
GRAY = Preprocess(8, 8, (0.2,), (0.3,))


def picture(width=30, height=20):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("how", COVERS)
@pytest.mark.parametrize("box", [Box(4, 5, 10, 17), Box(-3, 20, 7, 99)])
def test_only_the_box_changes(how, box):
    image = picture()
    before, after = np.asarray(image).copy(), np.asarray(covered(image, box, how, COLOUR))
    inside = np.zeros(before.shape[:2], bool)
    inside[max(box.top, 0) : box.bottom, max(box.left, 0) : box.right] = True
    assert np.array_equal(after[~inside], before[~inside])
    assert (after[inside] != before[inside]).mean() > 0.9
    assert np.array_equal(np.asarray(image), before), "a copy"


def test_grey_is_what_the_network_sees_as_nothing():
    after = covered(picture(), Box(0, 0, 2, 2), "grey", COLOUR)
    assert after.getpixel((1, 1)) == (102, 128, 153)
    assert np.abs(COLOUR.normalised(after)[:, 0, 0]).max() < 0.01
    assert covered(picture(), Box(0, 0, 2, 2), "grey", GRAY).getpixel((1, 1)) == (51, 51, 51)


def test_mean_is_the_boxs_own():
    image, box = picture(), Box(4, 5, 10, 17)
    expected = np.asarray(image)[4:10, 5:17].astype(float).mean((0, 1))
    assert np.abs(np.asarray(covered(image, box, "mean", COLOUR))[7, 7] - expected).max() <= 0.5


def test_blur_takes_colours_from_around_the_box():
    pixels = np.full((40, 40, 3), 200, np.uint8)
    pixels[18:22, 18:22] = 0
    after = np.asarray(covered(Image.fromarray(pixels), Box(18, 18, 22, 22), "blur", COLOUR))
    assert 0 < after[19, 19].min() < 200
    even = Image.new("RGB", (40, 40), (9, 99, 199))
    assert np.array_equal(np.asarray(covered(even, Box(3, 3, 9, 9), "blur", COLOUR)), np.asarray(even))


def test_gray_pictures_become_rgb():
    assert covered(picture().convert("L"), Box(0, 0, 2, 2), "mean", COLOUR).mode == "RGB"


def test_what_cannot_be_done():
    with pytest.raises(UserError, match=r"no cover named ink\. Covers: grey, blur, mean"):
        covered(picture(), Box(0, 0, 2, 2), "ink", COLOUR)
    for box in (Box(0, 30, 5, 40), Box(5, 5, 5, 9), Box(-9, 0, 0, 3)):
        with pytest.raises(UserError, match="outside the picture, which is 30 x 20 pixels"):
            covered(picture(), box, "grey", COLOUR)
