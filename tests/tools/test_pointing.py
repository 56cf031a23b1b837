"""The grid pointing game on pictures so simple that the right answer is known."""

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.attribution.attribute import attribute
from alexnet_viz.network.fields import Box
from alexnet_viz.network.spec import Flatten, Linear, Spec
from tests.inspection.attribution.attribution_models import model_of
from tests.inspection.networks import condition
from tools.pointing import make_grids, play, share_inside

torch.set_num_threads(1)

# Red, green, blue and white, each with a little noise.
COLOURS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
# What each class likes: with black = -1 and full = +1, each colour scores 3 on its own class and at most 1 on others.
LIKES = 2 * COLOURS - 1


def colour_model(sharpness=1.0, side=8):
    spec = Spec((3, side, side), (Flatten(), Linear(3 * side**2, 4)))
    weights = torch.tensor(LIKES, dtype=torch.float32)[:, :, None].expand(4, 3, side**2).reshape(4, -1)
    state = {"classifier.0.weight": sharpness * weights / side**2, "classifier.0.bias": torch.zeros(4)}
    return model_of(spec, ("red", "green", "blue", "white"), state=state)


def pictures(count=40, seed=0):
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    noise = generator.integers(-20, 20, (count, 3, 4, 4))
    images = (COLOURS[labels][:, :, None, None] * 255 + noise).clip(0, 255).astype(np.uint8)
    return images, labels


def test_a_map_that_points_scores_one_and_a_map_that_does_not_a_quarter_or_nothing():
    images, labels = pictures()
    assert play(colour_model(), images, labels, "input_x_gradient", grids=5).min() > 0.5
    found = play(colour_model(), images, labels, "saliency", grids=5, asked=2)
    assert found.shape == (5, 2)
    # A linear model's gradient is the same everywhere; where its colours add up to less than nothing, as red's
    # 1 - 1 - 1 do, the map is blank.
    assert set(found.round(6).ravel()) == {0.0, 0.25}


def test_the_score_is_the_share_of_the_cell():
    images, labels = pictures()
    model = colour_model()
    (grid,) = make_grids(model, images, labels, 1, 3)
    (found,) = play(model, images, labels, "input_x_gradient", grids=1, seed=3)
    for target, box, score in zip(grid.targets, grid.boxes, found, strict=True):
        heat = attribute(model, grid.array, "input_x_gradient", target=target).heat
        total = inside = 0.0
        for (y, x), value in np.ndenumerate(heat):
            if value > 0:
                total += value
                inside += value * (box.top <= y < box.bottom and box.left <= x < box.right)
        assert score == pytest.approx(inside / total)


@pytest.mark.parametrize("side", [8, 9])
def test_grids_are_four_classes_each_in_its_cell(side):
    images, labels = pictures()
    model = colour_model(side=side)
    grids = list(make_grids(model, images, labels, 6, 0))
    for grid in grids:
        assert sorted(grid.targets) == [0, 1, 2, 3]
        assert [int(labels[index]) for index in grid.pictures] == list(grid.targets)
        assert grid.array.shape == (3, side, side)
        covered = np.zeros((side, side), int)
        for index, box in zip(grid.pictures, grid.boxes, strict=True):
            covered[box.top : box.bottom, box.left : box.right] += 1
            cell = Image.fromarray(images[index].transpose(1, 2, 0)).resize(
                (box.width, box.height), Image.Resampling.BILINEAR
            )
            expected = model.entry.preprocess.normalised(cell)
            assert np.array_equal(grid.array[:, box.top : box.bottom, box.left : box.right], expected)
        assert (covered == 1).all()
    assert len({grid.pictures for grid in grids}) > 1
    again = list(make_grids(model, images, labels, 6, 0))
    assert [grid.pictures for grid in again] == [grid.pictures for grid in grids]
    assert [grid.pictures for grid in make_grids(model, images, labels, 6, 1)] != [grid.pictures for grid in grids]


def test_only_pictures_that_the_network_gets_right_and_is_sure_of():
    images, labels = pictures()
    wrong = labels.copy()
    wrong[:20] = (wrong[:20] + 1) % 4
    for grid in make_grids(colour_model(), images, wrong, 8, 0):
        assert min(grid.pictures) >= 20
    with pytest.raises(UserError, match="sure above 90 % in 0 classes of these pictures; a grid needs four"):
        next(make_grids(colour_model(sharpness=0.1), images, labels, 8, 0))
    with pytest.raises(UserError, match="in 3 classes"):
        next(make_grids(colour_model(), images[labels < 3], labels[labels < 3], 8, 0))


def test_share_inside_on_paper():
    heat = np.array([[3, -9], [0, 1]], np.float32)
    assert share_inside(heat, Box(0, 0, 1, 1)) == 0.75
    assert share_inside(heat, Box(0, 1, 1, 2)) == 0
    assert share_inside(-np.abs(heat), Box(0, 0, 1, 1)) == 0


def test_the_model_stays_as_it_was():
    model = colour_model()
    before = condition(model.network)
    images, labels = pictures()
    play(model, images, labels, "saliency", grids=2)
    assert condition(model.network) == before
