"""A network in one line of text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_viz.errors import UserError
from alexnet_viz.network.notation import MAX_LAYERS, read_spec, write_spec
from alexnet_viz.network.spec import (
    LRN,
    Activation,
    AdaptivePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Linear,
    Pool,
    Spec,
)
from alexnet_viz.network.zoo import MODELS

small = st.integers(1, 64)
layers = st.one_of(
    st.builds(Conv, st.integers(1, 8192), small, small, st.integers(0, 64), st.integers(1, 8192)),
    st.builds(Pool, small, small, st.integers(0, 64), st.sampled_from(["max", "avg"])),
    st.builds(AdaptivePool, small),
    st.builds(LRN, small, *[st.integers(0, 9999).map(lambda n: n / 1000)] * 3, small),
    st.just(BatchNorm()),
    st.builds(Activation, st.sampled_from(["relu", "tanh", "sigmoid"])),
    st.builds(Dropout, st.integers(0, 100).map(lambda n: n / 100)),
    st.just(Flatten()),
    st.builds(Linear, st.integers(1, 2_000_000), st.integers(1, 8192)),
)
specs = st.builds(
    Spec,
    st.tuples(st.integers(1, 512), st.integers(1, 1024), st.integers(1, 1024)),
    st.lists(layers, min_size=1, max_size=20).map(tuple),
    st.sampled_from(["floor", "ceil"]),
)


@given(specs)
def test_what_is_written_is_read_back(spec):
    text = write_spec(spec)
    assert read_spec(text) == spec
    assert not set(text) - set("abcdefghijklmnopqrstuvwxyz0123456789.-_x"), "needs no escaping in a URL"


@pytest.mark.parametrize("name", MODELS)
def test_every_preset_fits_a_link(name):
    text = write_spec(MODELS[name].spec)
    assert read_spec(text) == MODELS[name].spec
    assert len(text) < 300


@given(st.text(max_size=60) | st.text("convmaxlrnfcflatdropsigmdreu0123456789.xkspgab-_", max_size=80))
def test_no_text_raises_anything_but_a_user_error(text):
    try:
        spec = read_spec(text)
    except UserError:
        return
    assert write_spec(spec)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3x227x227",
        "0x1x1_relu",
        "3x9999x9_relu",
        "3x8x8_conv0k3s1p1g1",
        "3x8x8_conv99999k3s1p1g1",
        "3x8x8_conv8k3s0p1g1",
        "3x8x8_lrn5a1e99b1k1g1x",
        "3x8x8_dropnan",
        "3x8x8_swish",
        "3x8x8_" + "relu_" * MAX_LAYERS + "relu",
        "3x8x8_" + "relu" * 2000,
        "3x8x8_conv８k3s1p1g1",
    ],
)
def test_what_is_out_of_bounds_is_refused(text):
    with pytest.raises(UserError, match="holds no network"):
        read_spec(text)


@pytest.mark.parametrize("number", ["999999.999999", "999999e99", "0.123456", "1e06", "123456.7", "1e-99"])
def test_every_number_that_can_be_read_is_written_so_that_it_can_be_read_again(number):
    spec = read_spec(f"3x8x8_lrn5a{number}b1k1g1_drop{number}")
    written = write_spec(spec)
    assert "+" not in written
    assert read_spec(written) == spec
