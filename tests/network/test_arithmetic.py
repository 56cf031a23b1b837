"""The sums as they are written out, each evaluated and compared with the walked number."""

import math
import re

import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.network.arithmetic import check_runnable, params_product, settings, shape_text, size_sum
from alexnet_viz.network.spec import LRN, Conv, Flatten, Linear, Pool, Spec, walk
from alexnet_viz.network.zoo import MODELS


def evaluated(sum_: str) -> tuple[int, int]:
    """Both sides of "(227 - 11) / 4 + 1 = 55"."""
    left, right = sum_.split(" = ")
    value = eval(left, {"floor": math.floor, "ceil": math.ceil})
    return int(value), int(right)


@pytest.mark.parametrize("name", MODELS)
def test_products_and_sums_give_the_numbers_beside_them_and_each_can_be_run(name):
    check_runnable(walk(MODELS[name].spec))
    for row in walk(MODELS[name].spec).rows:
        if product := params_product(row):
            assert eval(product.replace(" x ", " * ").replace(",", "")) == row.params
        else:
            assert row.params == 0
        if sum_ := size_sum(row, "floor"):
            left, right = evaluated(sum_)
            assert left == right == row.shape[1]
        assert bool(sum_) == isinstance(row.layer, Conv | Pool)


def test_the_papers_first_layer_reads_as_in_the_seed_document():
    row = walk(MODELS["alexnet_2012"].spec).rows[0]
    assert size_sum(row, "floor") == "(227 - 11) / 4 + 1 = 55"
    assert params_product(row) == "96 x 3 x 11 x 11 + 96"
    assert settings(row) == "11x11, 96, s4, p0"
    assert shape_text(row.shape) == "96 x 55 x 55"


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
@pytest.mark.parametrize("layer", [Conv(4, 11, 4), Conv(4, 5, 3, 2), Pool(3, 2), Pool(3, 2, 1)])
@pytest.mark.parametrize("side", [224, 32, 13])
def test_rounded_sums_say_how_they_are_rounded(layer, side, rounding):
    (row,) = walk(Spec((3, side, side), (layer,), rounding)).rows
    sum_ = size_sum(row, rounding)
    left, right = evaluated(sum_)
    assert left == right == row.shape[1]
    exact = re.sub("floor|ceil", "", sum_.split(" = ")[0])
    assert (rounding in sum_) == (eval(exact) % 1 != 0)


@pytest.mark.parametrize(
    "layers",
    [
        (Flatten(), Linear(3 * 224 * 224, 8192)),  # weights
        (Conv(8192, 1),),  # outputs
        (Conv(64, 1), Conv(300, 11, padding=5)),  # multiplications
        (Conv(512, 1), Pool(64, 1, 32)),  # comparisons
        (Conv(512, 1), LRN(8192)),  # sums over channels
    ],
    ids=["weights", "outputs", "conv", "pool", "lrn"],
)
def test_a_network_that_would_take_the_server_with_it_is_refused(layers):
    with pytest.raises(UserError, match="too large to be run here"):
        check_runnable(walk(Spec((3, 224, 224), layers)))
