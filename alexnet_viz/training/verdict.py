"""Whether the result of a run is worth anything: a share of right answers alone does not say it. No torch.

    found = judge(confusion, losses=[last_train_loss, test_loss], classes=ids)   # by the process, at the end
    trouble(finished, config)                                                    # (what is wrong, what to try), or ()

54.55 % right is nothing where 54.55 % of the images are of one class, and a loss that ran away leaves a network that
says one class to everything.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexnet_viz.errors import UserError
from alexnet_viz.training.config import DATASETS, TrainConfig
from alexnet_viz.training.events import Finished
from alexnet_viz.training.snapshots import TEST, read_snapshot
from alexnet_viz.words.i18n import Message

FINE, EXPLODED, ONE_CLASS, ONE_TESTED = "fine", "exploded", "one_class", "one_tested"
NO_BETTER, MAY_BE_CHANCE = "no_better", "may_be_chance"

EXPLODED_FROM = 10  # times ln(classes), the loss of a network that gives all classes the same probability
LUCK = 0.05  # a result that luck alone reaches this often may be luck
SLOWER = 10  # a run whose loss ran away shall begin again with a learning rate smaller by this factor


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Fields of `Finished`."""

    verdict: str = ""  # one of the above; "" where nothing was measured
    measured: int = 0  # images
    largest_class: float | None = None  # share of the largest class among them: right for who always names it
    only_answer: str = ""  # id of the class that the network says to all of them


def judge(confusion: NDArray[np.int64] | None, losses: Sequence[float | None], classes: Sequence[str]) -> Verdict:
    """What is to be said of a run at its end.

    Args:
        confusion: (classes, classes) of the images measured at the end, rows: what it is; columns: what was said.
            None where the run was ended before.
        losses: of the last epoch and of those images, in nats; None for what is not known.
        classes: their ids.
    """
    ran_away = exploded(losses, len(classes))
    if confusion is None or not confusion.any():
        return Verdict(verdict=EXPLODED if ran_away else "")
    count = int(confusion.sum())
    of_class, answers = confusion.sum(1), confusion.sum(0)
    largest = float(of_class.max() / count)
    said = answers.nonzero()[0]
    kind = FINE
    if ran_away:
        kind = EXPLODED
    elif np.count_nonzero(of_class) == 1:
        kind = ONE_TESTED
    elif len(said) == 1:
        kind = ONE_CLASS
    elif (hits := int(confusion.trace())) <= of_class.max():
        kind = NO_BETTER
    elif _chance_of(hits, count, largest) > LUCK:
        kind = MAY_BE_CHANCE
    only = str(classes[said[0]]) if len(said) == 1 else ""
    return Verdict(verdict=kind, measured=count, largest_class=largest, only_answer=only)


def exploded(losses: Sequence[float | None], classes: int) -> bool:
    """Whether one of the losses is no number, or many times that of guessing, ln(classes)."""
    limit = EXPLODED_FROM * math.log(max(2, classes))
    return any(loss is not None and not loss <= limit for loss in losses)  # a NaN is not <= anything


def _chance_of(hits: int, count: int, share: float) -> float:
    """The probability of at least so many hits where each of `count` is one with probability `share` (binomial)."""
    # log C(n, k) p^k (1 - p)^(n - k)
    logs = (
        math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        + k * math.log(share) + (count - k) * math.log1p(-share)
        for k in range(hits, count + 1)
    )  # fmt: skip
    return sum(map(math.exp, logs))


def judged(finished: Finished, run_path: Path) -> Finished:
    """The end of a run of an earlier version with its verdict, as far as its kept images say one."""
    file = run_path / TEST
    if finished.verdict or finished.test_accuracy is None or not file.is_file():
        return finished
    try:
        confusion = read_snapshot(file).confusion
    except UserError:  # a damaged file is complained of where it is looked at
        return finished
    names = [str(number) for number in range(len(confusion))]
    return replace(finished, **asdict(judge(confusion, [finished.test_loss], names)))


def trouble(finished: Finished, config: TrainConfig, name: Callable[[str], str] = str) -> tuple[Message, ...]:
    """What is wrong with a result and what to try; () where nothing is. `name` gives a class's word for its id."""
    found = _wrong(finished, name)
    return (found, _to_try(finished.verdict, config)) if found else ()


def _wrong(finished: Finished, name: Callable[[str], str]) -> Message | None:
    match finished.verdict:
        case "exploded":
            return Message("The loss ran away: the steps were too long, and the network has learnt nothing.")
        case "one_tested":
            return Message(
                "All {count} images are of one class, so this figure does not say whether the network tells classes "
                "apart.",
                count=finished.measured,
            )
        case "one_class":
            return Message("The network says one class to every image: {name}.", name=name(finished.only_answer))
        case "no_better":
            return Message(
                "That is no better than always naming the largest class, which is right for {share:.2%} of them.",
                share=finished.largest_class,
            )
        case "may_be_chance":
            return Message(
                "That may be luck: of {count} images, always naming the largest class is right for {share:.2%}.",
                count=finished.measured,
                share=finished.largest_class,
            )
        case _:
            return None


def _to_try(verdict: str, config: TrainConfig) -> Message:
    if verdict == EXPLODED:
        rate = config.learning_rate / SLOWER
        return Message("Start again with a learning rate of {rate:g} or less.", rate=rate)
    if verdict == ONE_TESTED:
        return Message("Add test images of the other classes.")
    if config.data in DATASETS:
        return Message(
            "Try more epochs than {epochs}, or another learning rate than {rate:g}.",
            epochs=config.epochs,
            rate=config.learning_rate,
        )
    if config.frozen:
        return Message(
            "Look whether each folder holds what its name says; then try more pictures, more epochs than {epochs} or a "
            "lower learning rate than {rate:g}.",
            epochs=config.epochs,
            rate=config.learning_rate,
        )
    return Message(
        "Try transfer learning: the trained AlexNet with a fresh head learns from few pictures. Or try more pictures, "
        "more epochs than {epochs} or a lower learning rate than {rate:g}.",
        epochs=config.epochs,
        rate=config.learning_rate,
    )
