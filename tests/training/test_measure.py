"""Accuracy, loss, confusion matrix and worst mistakes, against loops."""

import math
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alexnet_viz.network.build import Network
from alexnet_viz.network.spec import Conv, Dropout, Flatten, Linear, Spec
from alexnet_viz.training import measure

SPEC = Spec((3, 4, 4), (Conv(2, 3), Flatten(), Dropout(), Linear(8, 3)))


@st.composite
def answers(draw):
    count, classes = draw(st.integers(1, 30)), draw(st.integers(2, 5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    logits = torch.randn(count, classes, generator=generator) * draw(st.sampled_from([0.1, 3, 80]))
    return logits, torch.randint(0, classes, (count,), generator=generator)


@given(answers())
def test_against_loops(answered):
    logits, labels = answered
    classes = logits.shape[1]
    matrix = np.zeros((classes, classes), int)
    losses = []
    for row, label in zip(logits.double().tolist(), labels.tolist(), strict=True):
        matrix[label, row.index(max(row))] += 1
        losses.append(math.log(sum(math.exp(value - max(row)) for value in row)) - (row[label] - max(row)))
    assert np.array_equal(measure.confusion_matrix(logits, labels), matrix)
    assert measure.accuracy(logits, labels) == pytest.approx(np.trace(matrix) / len(labels))
    assert measure.loss(logits, labels) == pytest.approx(np.mean(losses), rel=1e-4, abs=1e-6)


@given(answers(), st.integers(0, 12))
def test_the_worst_mistakes_come_first(answered, count):
    logits, labels = answered
    found = measure.worst_mistakes(logits, labels, count)
    probabilities = logits.double().softmax(1)
    wrong = [i for i in range(len(labels)) if logits[i].argmax() != labels[i]]
    expected = sorted(wrong, key=lambda i: probabilities[i, labels[i]].item())[:count]
    assert found.tolist() == expected


def test_logits_are_the_networks_in_evaluation_mode_and_modes_come_back():
    network = Network(SPEC).train()
    network.features.eval()
    images = torch.randint(0, 256, (7, 3, 4, 4), dtype=torch.uint8)
    seen = measure.logits_of(network, images, lambda batch: batch.float() / 255, batch=3)
    assert [network.training, network.features.training, network.classifier.training] == [True, False, True]
    assert not seen.requires_grad
    with torch.no_grad():
        assert torch.allclose(seen, network.eval()(images.float() / 255), atol=1e-6)


def test_modes_come_back_when_it_is_cut_short():
    network = Network(SPEC).train()
    calls = []

    def before_each():
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure.logits_of(
            network, torch.zeros(9, 3, 4, 4, dtype=torch.uint8), torch.Tensor.float, batch=3, before_each=before_each
        )
    assert all(module.training for module in network.modules())


def test_the_context_surrounds_every_batch():
    entered = []

    @contextmanager
    def context():
        entered.append(1)
        with torch.autocast("cpu", torch.bfloat16):
            yield

    images = torch.zeros(5, 3, 4, 4, dtype=torch.uint8)
    seen = measure.logits_of(Network(SPEC), images, torch.Tensor.float, batch=2, context=context)
    assert len(entered) == 3
    assert seen.dtype == torch.float32


def test_no_images_have_no_answers():
    assert measure.logits_of(Network(SPEC), torch.zeros(0, 3, 4, 4, dtype=torch.uint8), torch.Tensor.float).shape == (
        0,
        3,
    )


def test_filters_are_the_first_convolutions():
    network = Network(SPEC)
    assert np.array_equal(measure.filters_of(network), network.features[0].weight.detach().numpy())
    assert measure.filters_of(Network(Spec((4,), (Linear(4, 2),)))).shape == (0,)
