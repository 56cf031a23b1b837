"""What the table of departures claims, against arithmetic and optimisers that are not ours."""

import re
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alexnet_viz.network.spec import walk
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.paper import departures
from alexnet_viz.paper.departures import CODE_2012, SOURCES, TORCHVISION, descend, fc6_inputs, group_counts, sizes

ALL = [*CODE_2012, *TORCHVISION]
BY_ID = {departure.id: departure for departure in ALL}


def test_every_item_of_the_facts_is_there():
    assert [d.id for d in CODE_2012] == (
        ["alpha", "order", "spatial", "pool5", "initial", "late", "biases", "bias_rate", "rounding", "color", "crops"]
    )
    assert [d.id for d in TORCHVISION] == ["channels", "padding", "group", "no_lrn", "dropout", "in_place", "mean"]
    assert len(BY_ID) == len(ALL)
    assert [departures for _, departures in SOURCES.values()] == [CODE_2012, TORCHVISION]


def test_sources_can_be_looked_up():
    assert {d.id: d.source for d in ALL if d.source} == {
        "alpha": "layer.py:1183",
        "bias_rate": "layer-params-145.cfg",
        "rounding": "layer.py:1004, layer.py:1164",
        "color": "convdata.py",
        "channels": "arXiv 1404.5997",
        "dropout": "pytorch/vision#549",
    }


@pytest.mark.parametrize("departure", ALL, ids=lambda d: d.id)
def test_each_one_says_what_where_and_so_what(departure):
    assert re.fullmatch(r"\d(\.\d)?", departure.section)
    for sentence in (departure.title, departure.paper, departure.code, departure.effect):
        assert sentence
        assert "{" not in sentence, "said without values"


def test_each_switch_exists_and_each_experiment_is_asked_for_or_is_pytorchs_own():
    from pages.ui.techniques.paper import SWITCHES

    asked = {departure.switch for departure in ALL if departure.switch}
    assert asked <= set(SWITCHES)
    assert set(SWITCHES) - asked == {"decay"}, "torch.optim.SGD is neither the 2012 code nor torchvision's network"


def test_numbers_in_the_sentences():
    layers = {name: {row.name: row for row in walk(MODELS[name].spec).rows} for name in MODELS}
    paper, theirs = layers["alexnet_2012"], layers["alexnet_torchvision"]
    convolutions = [f"conv{i}" for i in range(1, 6)]
    assert BY_ID["channels"].paper.startswith(", ".join(str(paper[c].shape[0]) for c in convolutions))
    assert BY_ID["channels"].code.startswith(", ".join(str(theirs[c].shape[0]) for c in convolutions))
    assert (theirs["conv2"].input[0], paper["conv2"].input[0] // 2) == (64, 48)
    assert paper["pool5"].shape[1] ** 2 == 36
    assert paper["pool5"].input[1] ** 2 == 169
    assert (33 * 33 * 2, 32 * 32 * 2) == (2178, 2048)
    assert 256 - 224 + 1 == 33


# ---- 224 or 227? ----------------------------------------------------------------------------------------------------


def test_224_under_both_rules():
    def sides(*given):
        return [size.side for size in sizes(*given) if size.name in ("conv1", "pool1", "pool2", "pool5")]

    assert sides(227, 0, "floor") == sides(224, 0, "ceil") == sides(224, 2, "floor") == [55, 27, 13, 6]
    assert sides(224, 0, "floor") == [54, 26, 12, 5]
    assert fc6_inputs(227, 0, "floor") == fc6_inputs(224, 0, "ceil") == departures.FC6_INPUTS == 9216
    assert fc6_inputs(224, 0, "floor") == 6400
    down, up = sizes(224, 0, "floor")[0], sizes(224, 0, "ceil")[0]
    assert (down.unread, down.added) == (1, 0)
    assert (up.unread, up.added) == (0, 3), "as padding 224 by 3 pixels on the right and bottom"
    assert down.sum == "floor((224 - 11) / 4) + 1 = 54"


SETTINGS = {"conv1": (11, 4, None), "pool1": (3, 2, 0), "conv2": (5, 1, 2), "pool2": (3, 2, 0)} | {
    "conv3": (3, 1, 1), "conv4": (3, 1, 1), "conv5": (3, 1, 1), "pool5": (3, 2, 0),
}  # fmt: skip


@given(st.integers(63, 300), st.integers(0, 3), st.sampled_from(["floor", "ceil"]))
def test_pixels_by_laying_window_after_window(side, padding, rounding):
    arriving = side
    for size in sizes(side, padding, rounding):
        kernel, stride, own = SETTINGS[size.name]
        own = padding if own is None else own
        right = arriving + (0 if size.name.startswith("pool") and rounding == "ceil" else own)
        starts, start = [], -own
        while start + kernel <= right:
            starts.append(start)
            start += stride
        if rounding == "ceil" and starts[-1] + kernel < right:
            starts.append(start)
        read = {pixel for first in starts for pixel in range(first, first + kernel)}
        assert size.side == len(starts)
        assert size.unread == len(set(range(arriving)) - read)
        assert size.added == len([pixel for pixel in read if pixel >= arriving + own])
        arriving = size.side
    assert fc6_inputs(side, padding, rounding) == 256 * arriving**2


# ---- Groups, scales -------------------------------------------------------------------------------------------------


def test_parameters_of_the_three_networks():
    *layers, total = group_counts()
    assert (total.paper, total.single, total.torchvision) == (60_965_224, 62_378_344, 61_100_840)
    assert sum(layer.paper for layer in layers) == total.paper
    grouped = {one.name: one.paper for one in layers if one.paper != one.single}
    assert grouped == {"conv2": 307_456, "conv4": 663_936, "conv5": 442_624}


def test_the_papers_input_is_57_to_58_times_as_large():
    ratios = departures.input_ratios()
    assert ratios == pytest.approx((255 * 0.229, 255 * 0.224, 255 * 0.225))
    assert {round(ratio) for ratio in ratios} == {57, 58}
    assert departures.mean_square(ratios) == pytest.approx(3321, abs=5)


# ---- SGD ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [5, 15, 80])
def test_pytorchs_rule_is_the_optimisers_and_the_papers_as_printed(cut):
    weight = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([weight], lr=0.01, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimiser, [cut], gamma=0.1)
    path = [0.0]
    for _ in range(departures.STEPS):
        optimiser.zero_grad()
        (0.5 * (weight - 1) ** 2).backward()
        optimiser.step()
        scheduler.step()
        path.append(weight.item())
    assert descend(cut).torch == pytest.approx(path, rel=1e-12)
    # Section 5, on the velocity alone: v is w's own last step, so no second variable is needed.
    before = 0.0
    for step, (now, after) in enumerate(pairwise(descend(cut).paper)):
        e = 0.01 if step < cut else 0.001
        assert after - now == pytest.approx(0.9 * (now - before) - 0.0005 * e * now - e * (now - 1), abs=1e-12)
        before = now


def test_the_rules_are_the_same_until_the_cut_and_part_after_it():
    assert max(descend(departures.STEPS).apart) < 1e-12
    found = descend(15)
    assert max(found.apart[:16]) < 1e-12
    assert found.apart[16] > 0.01
    assert found.widest > 16
    assert found.apart[found.widest] == max(found.apart)


def test_after_the_last_cut_biases_are_so_much_faster():
    """2012 code, layer-params-145.cfg: epsW 0.01, cut three times by 10; epsB 0.02, never cut."""
    assert round(0.02 / (0.01 / 10**3)) == 2000
    assert "2000 times" in BY_ID["bias_rate"].effect
