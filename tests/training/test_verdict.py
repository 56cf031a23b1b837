"""Whether a result is worth anything: by confusion matrices worked on paper, and at the end of real small runs."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from alexnet_viz.cli import commands
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.datasets import Dataset, Split
from alexnet_viz.training.events import Finished, to_line
from alexnet_viz.training.runs import Asked
from alexnet_viz.training.verdict import exploded, judge, judged, trouble
from tools.small_runs import OFF, config, run, stripes

GUESS = math.log(3)
NAMES = ("cat", "dog", "hen")


def verdict(rows, losses=(1.0, 1.0), names=NAMES):
    return judge(np.array(rows), losses, names)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([[30, 0, 0], [0, 30, 0], [0, 0, 30]], "fine"),
        ([[20, 5, 5], [5, 20, 5], [5, 5, 20]], "fine"),
        # 24 of 44 are cats: 54.55 % right by saying cat
        ([[24, 0, 0], [10, 0, 0], [10, 0, 0]], "one_class"),
        ([[0, 30, 0], [0, 20, 0], [0, 10, 0]], "one_class"),
        # several answers, no more right than the largest class has
        ([[20, 4, 0], [10, 3, 0], [10, 0, 0]], "no_better"),
        ([[20, 4, 0], [6, 4, 0], [10, 0, 0]], "no_better"),  # exactly as many
        # 34 of 90 where 30 are of each class: more luck than that has three in ten; 41 has one in a hundred
        ([[12, 9, 9], [9, 11, 10], [10, 9, 11]], "may_be_chance"),
        ([[14, 8, 8], [8, 14, 8], [8, 9, 13]], "fine"),
        # a handful: 4 of 5 right where 3 are of one class is no proof
        ([[3, 0, 0], [0, 1, 0], [1, 0, 0]], "may_be_chance"),
        # images of one class only say nothing about the others, also where all are right
        ([[0, 0, 0], [0, 9, 0], [0, 0, 0]], "one_tested"),
        ([[0, 0, 0], [3, 6, 0], [0, 0, 0]], "one_tested"),
    ],
)
def test_the_verdict_follows_from_the_confusion_matrix(rows, kind):
    found = verdict(rows)
    assert found.verdict == kind
    assert found.measured == np.sum(rows)
    assert found.largest_class == pytest.approx(np.sum(rows, 1).max() / np.sum(rows))
    assert found.only_answer == (NAMES[np.sum(rows, 0).argmax()] if np.count_nonzero(np.sum(rows, 0)) == 1 else "")


def test_chance_of_many_classes_is_seen_as_such():
    """1,000 of 10,000 right in ten equal classes is guessing; 1,200 is not."""
    ten = np.full((10, 10), 100)
    assert judge(ten, (2.3,), range(10)).verdict == "no_better"
    assert judge(ten + np.diag([3] * 10) - 3 / 9 * (1 - np.eye(10)), (2.3,), range(10)).verdict == "may_be_chance"
    better = (ten + np.diag([27] * 10) - 3 * (1 - np.eye(10))).astype(int)
    assert judge(better, (2.3,), range(10)).verdict == "fine"


@pytest.mark.parametrize("loss", [math.nan, math.inf, 10.1 * GUESS, 4.5e14])
@pytest.mark.parametrize("place", [0, 1])
def test_a_loss_that_ran_away_is_one_whatever_is_right(loss, place):
    losses = [0.1, 0.1]
    losses[place] = loss
    assert verdict([[30, 0, 0], [0, 30, 0], [0, 0, 30]], losses).verdict == "exploded"
    assert judge(None, losses, NAMES).verdict == "exploded"  # of a run that was stopped


def test_a_loss_that_is_merely_bad_or_unknown_is_none():
    assert not exploded([9.9 * GUESS, None], 3)
    assert judge(None, [None, None], NAMES).verdict == ""
    assert not exploded([5.0], 1)  # one class: ln 1 is no measure


def test_every_verdict_but_a_good_one_says_what_to_try():
    own = TrainConfig(data="folder", epochs=7, learning_rate=0.03)
    for kind in ("exploded", "one_class", "one_tested", "no_better", "may_be_chance"):
        end = Finished(state="finished", verdict=kind, measured=44, largest_class=24 / 44, only_answer="cat")
        for chosen in (own, replace(own, model="alexnet_200", frozen=True), replace(own, data="shapes")):
            assert len([str(said) for said in trouble(end, chosen)]) == 2
    for kind in ("", "fine"):
        assert trouble(Finished(state="finished", verdict=kind), own) == ()


def test_a_run_away_rate_is_answered_by_a_tenth_of_it():
    _, advice = trouble(Finished(state="finished", verdict="exploded"), TrainConfig(data="shapes", learning_rate=2.0))
    assert "0.2 " in str(advice)


def uneven(count=90, share=0.6):
    """Noise alone, of which `share` is of the first class: nothing can be learnt from it but that."""
    rng = np.random.default_rng(0)
    images, labels = stripes(count, noise=250).images, stripes(count).labels.clone()
    labels[:] = 1
    labels[: int(share * count)] = 0
    labels[-3:] = 2
    order = rng.permutation(count)
    return Split(images[order], labels[order])


def test_a_run_that_can_learn_nothing_is_not_praised():
    data = Dataset("noise", ("across", "down", "none"), uneven(), uneven(60))
    chosen = config(net="3x8x8_flat_fc192-3", epochs=2, learning_rate=1e-6, warmup=0.0, **{**OFF, "validation": 0.2})
    end = run(chosen, dataset=data)[-1]
    assert end.verdict in ("one_class", "no_better", "may_be_chance")
    assert end.measured == 60
    assert end.largest_class == pytest.approx(0.6)
    untested = run(chosen, dataset=replace(data, test=Split(data.test.images[:0], data.test.labels[:0])))[-1]
    assert untested.test_accuracy is None
    assert untested.verdict in ("one_class", "no_better", "may_be_chance")
    assert untested.measured == 16  # a fifth of 54, of 33 and of 3, rounded down, is kept for validation


def test_a_run_that_learns_is_fine():
    end = run(config(epochs=12, **{**OFF, "validation": 0.2}))[-1]
    assert end.test_accuracy > 0.8
    assert end.verdict == "fine"


def test_a_rate_of_ten_is_told_to_be_too_high_also_where_the_run_is_stopped():
    chosen = config(net="3x8x8_flat_fc192-64_relu_fc64-3", epochs=3, learning_rate=10, warmup=0.0, precision="fp32")
    assert run(chosen)[-1].verdict == "exploded"
    steps = iter(range(10**6))
    asked = run(chosen, control=lambda: Asked(end="stopped" if next(steps) > 12 else ""))[-1]
    assert asked.state == "stopped"
    assert asked.verdict == "exploded"


def test_the_end_of_an_earlier_version_is_judged_by_what_it_kept(tmp_path):
    chosen = config(epochs=12, **{**OFF, "validation": 0.2})
    end = run(chosen, tmp_path)[-1]
    earlier = Finished(state="finished", test_accuracy=end.test_accuracy, test_loss=end.test_loss)
    assert judged(earlier, tmp_path).verdict == "fine"
    assert judged(replace(earlier, test_loss=1e6), tmp_path).verdict == "exploded"
    assert judged(end, tmp_path) is end
    assert judged(earlier, tmp_path / "nowhere") == earlier


def test_the_command_line_says_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "home"))
    kept = {"verdict": "one_class", "measured": 44, "largest_class": 24 / 44, "only_answer": "cat"}

    def pretended(run, train):
        yield Finished(state="finished", test_accuracy=24 / 44, **kept)

    monkeypatch.setattr("alexnet_viz.cli.training.work", pretended)
    given = ["train", "--data", "shapes", "--epochs", "3"]
    assert commands.main(given) == 0
    first, *wrong = capsys.readouterr().out.splitlines()
    assert "54.55%" in first
    assert "cat" in wrong[0]
    assert "3" in wrong[1]
    assert commands.main([*given, "--json"]) == 0
    assert '"verdict": "one_class"' in capsys.readouterr().out


def test_the_verdict_stands_in_the_line_of_the_end():
    found = verdict([[24, 0, 0], [10, 0, 0], [10, 0, 0]])
    line = to_line(Finished(state="finished", **asdict(found)))
    assert '"verdict": "one_class"' in line
    assert '"only_answer": "cat"' in line
