"""What stated probabilities were worth: bands counted by hand, intervals against an independent computation."""

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_viz.inspection.reliability import BOUNDS, Reliability, as_bins, reliability, wilson_interval
from alexnet_viz.network.weights import load_model

ANSWERS = ((0.1, False), (0.3, True), (0.3, False), (0.5, True), (0.95, True), (1.0, True))
MEASURED = Reliability(ANSWERS, (0.2, 0.4, 0.6, 0.95), (), 0, 0.0, 0.9)


def test_bands_by_hand():
    sure = MEASURED.near(0.97)
    assert (sure.low, sure.high, sure.count, sure.right, sure.others) == (0.9, 1.0, 2, 2, 1)
    unsure = MEASURED.near(0.25)
    assert (unsure.low, unsure.count, unsure.right, unsure.others) == (0.25, 2, 1, 3)
    assert unsure.stated == pytest.approx(0.3)
    assert MEASURED.near(0.8).count == 0, "a band can be empty"
    assert MEASURED.near(1.0) == sure
    assert [band.low for band in MEASURED.bands()] == [0.0, 0.25, 0.5, 0.9]


def test_shares_by_hand():
    assert MEASURED.top1 == pytest.approx(4 / 6)
    assert MEASURED.others_above(0.5) == 2
    assert MEASURED.others_above(0.95) == 0


@given(st.floats(0, 1))
def test_every_answer_falls_into_the_band_that_holds_it(stated):
    band = MEASURED.near(stated)
    assert band.low <= stated <= band.high
    assert (band.low, band.high) in itertools.pairwise(BOUNDS)


@given(st.integers(0, 200), st.integers(1, 200))
def test_the_interval_holds_the_shares_that_a_score_test_does_not_reject(hits, extra):
    """Wilson's bounds are where (share - p)^2 = z^2 p (1 - p) / n: Wilson 1927, by its definition."""
    count = hits + extra
    share = hits / count
    for bound in wilson_interval(hits, count):
        assert (share - bound) ** 2 == pytest.approx(1.959964**2 * bound * (1 - bound) / count, abs=1e-9)
    low, high = wilson_interval(hits, count)
    assert 0 <= low <= share <= high <= 1


def test_nothing_measured_says_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_bins_carry_their_intervals():
    for item, band in zip(as_bins(MEASURED.bands()), MEASURED.bands(), strict=True):
        assert (item["low"], item["high"]) == band.interval
        assert item["low"] <= item["hit_rate"] <= item["high"]


def test_the_shipped_network_carries_what_was_measured():
    measured = reliability(load_model("alexnet_200"))
    assert len(measured.answers) == 100
    assert len(measured.others) == 200
    assert sum(item["count"] for item in measured.small) == measured.small_count
    assert sum(band.count for band in measured.bands()) == 100


def test_a_strangers_figures_are_not_believed():
    shipped = load_model("alexnet_200")
    assert json.loads(shipped.metadata["figures"])["photographs"]
    assert reliability(replace(shipped, origin="file")) is None
    assert reliability(load_model("alexnet_cifar")) is None
