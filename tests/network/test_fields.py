"""Receptive fields: the paper's numbers by hand, and the extent of the input gradient for networks at random."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_viz.errors import UserError
from alexnet_viz.network.build import random_state, with_weights
from alexnet_viz.network.fields import Box, visible_box, window_box
from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.spec import LRN, Activation, BatchNorm, Conv, Dropout, Pool, Spec, layer_names, walk
from alexnet_viz.network.zoo import MODELS
from tests.random_layers import OFTEN_WRONG

SAME_EVERY_RUN = settings(OFTEN_WRONG, max_examples=400)

PAPER = MODELS["alexnet_2012"].spec
ONE_TOWER = MODELS["alexnet_torchvision"].spec
CEIL_POOL = Spec((1, 6, 5), (Pool(kernel=3, stride=2, padding=1),), rounding="ceil")
TWO_AT_224 = replace(PAPER, layers=(Conv(4, kernel=11, stride=4), Conv(4, kernel=3, padding=1))).at_input(224)


def receptive_box(spec: Spec, layer: str, row: int = 0, column: int = 0) -> Box:
    """The field with its padding, whose sides `walk` counts; from adaptive pooling or Flatten on the whole input."""
    rows = walk(spec).rows
    rows = rows[: [one.name for one in rows].index(layer) + 1]
    if rows[-1].receptive_field is None:
        return Box(0, 0, *spec.input[1:])
    top, left, bottom, right = row, column, row + 1, column + 1
    for passed in reversed(rows):
        if isinstance(passed.layer, Conv | Pool):
            top, left, _, _ = window_box(passed.layer, top, left)
            _, _, bottom, right = window_box(passed.layer, bottom - 1, right - 1)
    return Box(top, left, bottom, right)


# ---- By hand --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "layer", "row", "column", "expected"),
    [
        (PAPER, "conv1", 0, 0, Box(0, 0, 11, 11)),
        (PAPER, "relu1", 54, 1, Box(216, 4, 227, 15)),
        (PAPER, "norm1", 0, 2, Box(0, 8, 11, 19)),
        (PAPER, "pool1", 26, 26, Box(208, 208, 227, 227)),
        (PAPER, "conv2", 0, 0, Box(-16, -16, 35, 35)),  # two pool1 outputs of padding, 8 pixels each
        (PAPER, "pool5", 0, 0, Box(-64, -64, 131, 131)),  # 2 * 8 + 3 * 16 pixels of padding; 195 wide
        (PAPER, "pool5", 5, 5, Box(96, 96, 291, 291)),  # 5 * 32 further
        (ONE_TOWER, "conv1", 0, 54, Box(-2, 214, 9, 225)),
        (ONE_TOWER, "pool5", 0, 0, Box(-66, -66, 129, 129)),
        (MODELS["lenet5"].spec, "pool2", 4, 0, Box(16, 0, 32, 16)),
        # The 2012 code reads past the edge of 224 pixels.
        (replace(PAPER.at_input(224), rounding="ceil"), "conv1", 54, 54, Box(216, 216, 227, 227)),
        # The ceil rule pads a pool on the left and top only.
        (CEIL_POOL, "pool0", 0, 0, Box(-1, -1, 2, 2)),
        (CEIL_POOL, "pool0", 2, 2, Box(3, 3, 6, 6)),
    ],
)
def test_fields_of_known_networks(spec, layer, row, column, expected):
    assert receptive_box(spec, layer, row, column) == expected
    assert visible_box(spec, layer, row, column) == expected.clipped(*spec.input[1:])


@pytest.mark.parametrize(
    ("spec", "row", "column", "box", "visible"),
    [
        # Floor leaves the last column of 224 unseen, even where padding reaches over it.
        (TWO_AT_224, 53, 53, Box(208, 208, 227, 227), Box(208, 208, 223, 223)),
        # A value made of padding alone sees nothing; beside it one sees a pixel.
        (Spec((1, 4, 4), (Conv(1, kernel=1, padding=1),)), 0, 2, Box(-1, 1, 0, 2), None),
        (Spec((1, 4, 4), (Conv(1, kernel=1, padding=1),)), 1, 2, Box(0, 1, 1, 2), Box(0, 1, 1, 2)),
        # A stride above the kernel leaves gaps.
        (Spec((1, 8, 8), (Conv(1, 1, stride=3, padding=1), Conv(1, 2))), 0, 0, Box(-1, -1, 3, 3), Box(2, 2, 3, 3)),
    ],
)
def test_less_may_be_visible_than_lies_in_the_field(spec, row, column, box, visible):
    last = layer_names(spec.layers)[-1]
    assert (receptive_box(spec, last, row, column), visible_box(spec, last, row, column)) == (box, visible)


@pytest.mark.parametrize("layer", ["avgpool5", "flatten", "drop5", "fc6", "relu7", "fc8"])
def test_from_adaptive_pooling_or_flatten_on_the_whole_input_is_seen(layer):
    assert receptive_box(ONE_TOWER, layer) == visible_box(ONE_TOWER, layer) == Box(0, 0, 224, 224)


def test_the_box_of_a_window_and_its_sides():
    box = window_box(Conv(1, kernel=5, stride=2, padding=2), row=0, column=3)
    assert box == Box(-2, 4, 3, 9)
    assert (box.height, box.width) == (5, 5)
    assert box.clipped(2, 8) == Box(0, 4, 2, 8)
    outside = Box(-3, 9, -1, 12).clipped(8, 8)
    assert (outside.height, outside.width) == (0, 0)


# ---- What does not exist --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "layer", "row", "column", "says"),
    [
        (PAPER, "conv9", 0, 0, r"no layer named conv9\. Layers: conv1, relu1, norm1"),
        *(
            (PAPER, "pool5", row, column, f"row {row}, column {column}. Its rows go from 0 to 5, its columns from 0 to")
            for row, column in ((-1, 0), (0, -1), (6, 0), (0, 6))
        ),
        (PAPER, "fc6", 1, 0, "Its rows go from 0 to 0"),  # a vector has one position
        (
            Spec((1, 4, 4), (Conv(1, 3), Conv(1, 9), Activation())),
            "relu2",
            0,
            0,
            r"Layers: conv1\.$",
        ),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(spec, layer, row, column, says):
    with pytest.raises(UserError, match=says):
        visible_box(spec, layer, row, column)


# ---- Against the input gradient -------------------------------------------------------------------------------------

PLACELESS = [Activation("relu"), Activation("tanh"), Activation("sigmoid"), LRN(3), LRN(3, groups=2), BatchNorm()]


@st.composite
def specs(draw, gaps=True):
    """Small networks that change nothing but places and sizes: averages instead of maxima."""

    def window(kind):
        kernel = draw(st.integers(1, 4))
        stride = draw(st.integers(1, 4 if gaps else kernel))
        padding = draw(st.integers(0, 2))
        if kind == "conv":
            return Conv(2, kernel, stride, padding, groups=draw(st.sampled_from([1, 2])))
        return Pool(kernel, stride, padding, mode="avg")

    kinds = draw(st.lists(st.sampled_from(["conv", "conv", "pool", "pool", "other"]), min_size=1, max_size=5))
    layers = tuple(
        window(kind) if kind != "other" else draw(st.sampled_from([*PLACELESS, Dropout()])) for kind in kinds
    )
    size = draw(st.integers(4, 16)), draw(st.integers(4, 16))
    spec = Spec((2, *size), layers, draw(st.sampled_from(["floor", "ceil"])))
    return replace(spec, layers=layers[: len(walk(spec).rows)])  # without what is impossible


def corners_and_centre(shape):
    _, height, width = shape
    return {(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1), (height // 2, width // 2)}


def gradient_box(network, position):
    """The extent of the input pixels that change one output, by torch."""
    picture = torch.full((1, *network.spec.input), 0.5, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(picture)[0, :, *position].sum(), picture)
    seen = (gradient[0] != 0).any(0).nonzero()
    if not len(seen):
        return None
    return Box(*seen.min(0).values.tolist(), *(seen.max(0).values + 1).tolist())


def positive_network(spec):
    state = random_state(spec)
    for key, tensor in state.items():
        if tensor.dim() == 4:
            state[key] = (tensor.abs() + 0.1) / tensor[0].numel()  # small sums: tanh must not be flat to the last bit
        elif key.endswith(".bias"):
            state[key] = tensor.abs()
    return with_weights(spec, state).double()


@SAME_EVERY_RUN
@given(specs())
def test_the_visible_box_is_the_extent_of_the_input_gradient(spec):
    if not spec.layers:
        return
    network = positive_network(spec)
    name = layer_names(spec.layers)[-1]
    for position in corners_and_centre(walk(spec).rows[-1].shape):
        assert visible_box(spec, name, *position) == gradient_box(network, position)


@SAME_EVERY_RUN
@given(specs(gaps=False))
def test_a_receptive_box_that_lies_inside_the_input_is_all_visible(spec):
    for row in walk(spec).rows:
        for position in corners_and_centre(row.shape):
            box = receptive_box(spec, row.name, *position)
            visible = visible_box(spec, row.name, *position)
            if box == box.clipped(*spec.input[1:]):
                assert visible == box
            elif visible is not None:
                assert visible == visible.clipped(*spec.input[1:])
                assert max(box.top, 0) == visible.top
                assert max(box.left, 0) == visible.left


@SAME_EVERY_RUN
@given(specs())
def test_boxes_have_the_side_and_the_distance_that_walk_counts(spec):
    for row in walk(spec).rows:
        first = receptive_box(spec, row.name)
        for down, across in corners_and_centre(row.shape):
            box = receptive_box(spec, row.name, down, across)
            assert box.height == box.width == row.receptive_field
            assert (box.top - first.top, box.left - first.left) == (down * row.stride, across * row.stride)


def test_adaptive_pooling_and_rows_of_maps_are_whole_too():
    spec = read_spec("1x6x5_conv2k3s1p0g1_adapt2_fc2-3_relu_flat_flat")
    assert not walk(spec).errors
    for row in walk(spec).rows[1:]:
        assert receptive_box(spec, row.name) == Box(0, 0, 6, 5)
