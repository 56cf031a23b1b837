"""Training memory: the range that may be claimed, sums over real tensors, and the paper's smaller network."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alexnet_viz.inspection.activations import activations
from alexnet_viz.network.build import random_state, with_weights
from alexnet_viz.network.memory import GTX_580_BYTES, half_as_wide, largest_batch, received_values, training_memory
from alexnet_viz.network.spec import LRN, Activation, Conv, Flatten, Linear, Pool, Spec, layer_names, walk
from alexnet_viz.network.zoo import MODELS

GIB = 2**30
PAPER = walk(MODELS["alexnet_2012"].spec)


@pytest.mark.parametrize("in_place", [False, True])
def test_the_papers_network_at_its_batch_is_in_the_range_that_may_be_claimed(in_place):
    memory = training_memory(PAPER, 128, in_place=in_place)
    assert memory.parameters == 3 * 4 * 60_965_224
    assert memory.parameters / GIB == pytest.approx(0.68, abs=0.005)
    assert 1.1 < memory.lowest / GIB < 1.7
    assert 1.6 < memory.highest / GIB < 2.7
    assert memory.highest < GTX_580_BYTES < training_memory(PAPER, 256, in_place=in_place).highest
    assert training_memory(PAPER, 256, cards=2).highest < GTX_580_BYTES, "on two cards it would fit"


@pytest.mark.parametrize("in_place", [False, True])
def test_it_is_the_sum_over_real_tensors_and_a_half_is_their_halves(in_place):
    spec = MODELS["alexnet_cifar_2gpu"].spec
    state = random_state(spec)
    outputs = activations(with_weights(spec, state), torch.zeros(3, *spec.input))
    kept = {
        name: values
        for name, values in outputs.items()
        if name not in ("input", "flatten") and not (in_place and name.startswith("relu"))
    }
    whole, half = (training_memory(walk(spec), 3, in_place=in_place, cards=cards) for cards in (1, 2))
    assert whole.parameters == 3 * sum(tensor.nbytes for tensor in state.values())
    assert whole.outputs == sum(values.nbytes for values in kept.values())
    assert half.parameters == 3 * sum(4 * tensor[: len(tensor) // 2].numel() for tensor in state.values())
    assert half.outputs == sum(4 * values[:, : values.shape[1] // 2].numel() for values in kept.values())


def test_what_crosses_between_the_cards():
    # Half of what conv3, fc6, fc7 and fc8 read, by the shapes of the paper's figure 2.
    assert received_values(PAPER) == 256 * 13 * 13 // 2 + 9216 // 2 + 4096 // 2 + 4096 // 2 == 30_336
    memory = training_memory(PAPER, 128, cards=2)
    assert memory.received == 4 * 128 * 30_336
    assert memory.gradients == memory.outputs + memory.received
    # Without groups conv2, conv4 and conv5 read over the border too, and each LRN two maps of it.
    single = 96 * 27 * 27 // 2 + 2 * (384 * 13 * 13 // 2) + 2 * 55 * 55 + 2 * 27 * 27
    assert received_values(walk(MODELS["alexnet_single"].spec)) == 30_336 + single


def test_a_layer_before_the_first_weights_and_what_does_not_divide():
    spec = Spec((3, 8, 8), (Pool(2, 2), Conv(3, 3), Activation(), LRN(), Flatten(), Linear(12, 5)))
    walked = walk(spec)
    half = training_memory(walked, 1, cards=2)
    assert half.parameters == 3 * 4 * (2 * (3 * 9 + 1) + 3 * (12 + 1)), "two of three filters, three of five units"
    assert half.outputs == 4 * (2 * 16 + 3 * (2 * 4) + 3)
    assert received_values(walked) == 1 * 4 + 6, "one map of the other's for LRN, half of the vector"


@given(st.sampled_from(list(MODELS)), st.integers(1, 8 * GIB), st.booleans(), st.sampled_from([1, 2]))
def test_the_largest_batch_fits_and_one_picture_more_does_not(model_id, budget, in_place, cards):
    walked = walk(MODELS[model_id].spec)
    how = {"in_place": in_place, "cards": cards}
    most = largest_batch(walked, budget, **how)
    assert most == 0 or training_memory(walked, most, **how).highest <= budget
    assert training_memory(walked, most + 1, **how).highest > budget


def test_the_papers_one_gpu_network_is_nearly_as_large():
    spec = half_as_wide(MODELS["alexnet_2012"].spec)
    walked = walk(spec)
    convolutions = [layer for layer in spec.layers if isinstance(layer, Conv)]
    assert [layer.channels for layer in convolutions] == [48, 128, 192, 192, 256], "footnote 2: the last one is whole"
    assert {layer.groups for layer in spec.layers if isinstance(layer, Conv | LRN)} == {1}
    fully_connected = 37_752_832 + 16_781_312 + 4_097_000
    assert walked.params == 48 * 364 + 128 * 1201 + 192 * 1153 + 192 * 1729 + 256 * 1729 + fully_connected
    assert not walked.errors
    assert layer_names(spec.layers) == layer_names(MODELS["alexnet_2012"].spec.layers)
    assert replace(spec, layers=()) == replace(MODELS["alexnet_2012"].spec, layers=())
