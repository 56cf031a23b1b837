"""Editing a network."""

from dataclasses import replace

import pytest

from alexnet_viz.network import editing
from alexnet_viz.network.spec import KINDS, Conv, Linear, layer_names, walk
from alexnet_viz.network.zoo import MODELS

PAPER = MODELS["alexnet_2012"].spec


def test_a_changed_kernel_moves_every_later_shape():
    edited = editing.replaced(PAPER, 0, replace(PAPER.layers[0], kernel=7))
    before, after = walk(PAPER), walk(edited)
    assert after.rows[0].shape == (96, 56, 56)
    assert after.rows[3].shape == (96, 27, 27)
    assert after.rows[4].receptive_field == before.rows[4].receptive_field - 4
    assert PAPER.layers[0].kernel == 11, "the old network is as it was"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("index", range(len(PAPER.layers)))
def test_a_new_layer_stands_where_it_was_put(kind, index):
    edited = editing.inserted(PAPER, index, kind)
    assert edited.layers[index].kind == kind
    assert edited.layers[:index] + edited.layers[index + 1 :] == PAPER.layers


@pytest.mark.parametrize("kind", ["conv", "lrn", "batch_norm", "activation", "dropout"])
def test_a_new_layer_of_these_kinds_fits_before_any_convolution(kind):
    for index, layer in enumerate(PAPER.layers):
        if isinstance(layer, Conv):
            assert not walk(editing.inserted(PAPER, index, kind)).errors
    assert not walk(editing.inserted(PAPER, len(PAPER.layers), "linear")).errors


def test_removing_and_moving():
    assert layer_names(editing.removed(PAPER, 1).layers)[:2] == ["conv1", "norm1"]
    assert editing.moved(PAPER, 0, -1) == PAPER
    assert editing.moved(PAPER, len(PAPER.layers) - 1, 1) == PAPER
    assert layer_names(editing.moved(PAPER, 1, 1).layers)[:3] == ["conv1", "norm1", "relu1"]
    alone = replace(PAPER, layers=PAPER.layers[:1])
    assert editing.removed(alone, 0) == alone


def test_a_changed_flatten_can_be_adapted_to():
    edited = PAPER.at_input(224)
    assert editing.can_adapt(walk(edited), edited)
    adapted = editing.adapted(edited)
    assert not walk(adapted).errors
    assert [layer.inputs for layer in adapted.layers if isinstance(layer, Linear)] == [6400, 4096, 4096]


def test_what_is_not_about_inputs_is_not_adapted():
    broken = editing.replaced(PAPER, 0, replace(PAPER.layers[0], kernel=64, padding=0)).at_input(32)
    assert walk(broken).errors
    assert not editing.can_adapt(walk(broken), broken)
    assert not editing.can_adapt(walk(PAPER), PAPER)
