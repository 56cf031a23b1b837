"""What a training run tells: small frozen records, one line of JSON each.

    line = to_line(StepDone(step=1, epoch=1, loss=2.3, ...))     # '{"event": "step", "step": 1, ...}\\n'
    event = from_line(line)

`metrics.jsonl` of a run and `--json` on the command line are such lines. Accuracies are shares, 0 to 1. `step`
counts the optimizer's steps that are done, so it is 1 after the first; epochs count from 1. No torch.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Started:
    """A process begins or goes on with a run."""

    run: str  # id; "" without a folder
    config: Mapping[str, Any]  # TrainConfig.to_dict()
    device: str = ""  # as a person would say it
    steps: int = 0  # of the whole run
    pictures: Mapping[str, int] = field(default_factory=dict)  # how many: "train", "validation" and "test"
    left_out: list[dict[str, Any]] = field(default_factory=list)  # files not among them: "class", "count", "reason"
    outside: list[str] = field(default_factory=list)  # names of what lies outside the class folders
    untested: list[str] = field(default_factory=list)  # classes without test pictures, where others have some


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """One step of the optimizer, measured on its own batch before the step."""

    step: int
    epoch: int  # the one that this step belongs to
    loss: float
    accuracy: float
    lr: float
    images_per_second: float  # of training steps only
    seconds: float  # of training so far, all processes of the run together
    memory: int = 0  # bytes in use: of the graphics card, or of the process


@dataclass(frozen=True, kw_only=True)
class EpochDone:
    """One pass over the training images."""

    epoch: int
    step: int
    train_loss: float  # mean over the epoch's steps, while the weights changed
    train_accuracy: float
    val_loss: float | None  # None without a validation split
    val_accuracy: float | None
    lr: float
    images_per_second: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A checkpoint is on disk."""

    step: int
    epoch: int  # whole epochs done
    file: str  # name in the run's `checkpoints` folder


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """The run goes on after this step; what was told of later steps happens again."""

    step: int
    epoch: int  # whole epochs done


@dataclass(frozen=True, kw_only=True)
class LearningRateChanged:
    """Somebody changed the learning rate by hand."""

    step: int
    lr: float


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The process ends. Only a run that came to its end has looked at the test images.

    Where the data has none, the figures of the validation images at the end take their place.
    """

    state: str  # finished, stopped, paused, failed or interrupted
    test_accuracy: float | None = None
    test_loss: float | None = None
    val_accuracy: float | None = None  # only of a run without test images
    val_loss: float | None = None
    seconds: float = 0.0
    message: str = ""  # why it failed, in English
    # Whether the result is worth anything: see `training.verdict`, which makes sentences of these.
    verdict: str = ""
    measured: int = 0
    largest_class: float | None = None
    only_answer: str = ""


Event = Started | StepDone | EpochDone | Saved | Resumed | LearningRateChanged | Finished

KINDS: Mapping[str, type[Event]] = {
    "started": Started,
    "step": StepDone,
    "epoch": EpochDone,
    "saved": Saved,
    "resumed": Resumed,
    "learning_rate": LearningRateChanged,
    "finished": Finished,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


def to_line(event: Event) -> str:
    """The event as a line of JSON with its newline. A number that is not finite becomes null, since JSON has no NaN."""
    record = {"event": _NAMES[type(event)], **asdict(event)}
    return json.dumps({name: _finite(value) for name, value in record.items()}, ensure_ascii=False) + "\n"


def from_line(line: str) -> Event:
    """The event of a line. Fields of a later version are left out; raises ValueError for what is no event."""
    record = json.loads(line)
    kind = KINDS.get(str(record.get("event"))) if isinstance(record, dict) else None
    if kind is None:
        raise ValueError(f"no event: {line[:80]!r}")
    values = {item.name: record[item.name] for item in fields(kind) if item.name in record}
    for item in fields(kind):
        if item.type is float and values.get(item.name, 0.0) is None:
            values[item.name] = math.nan  # a loss that ran away
    try:
        return kind(**values)
    except TypeError as problem:
        raise ValueError(f"{problem}: {line[:80]!r}") from problem


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_it_went(events: Iterable[Event]) -> list[Event]:
    """The events without those that happened again: a `Resumed` takes back what came after its step, and every end.

    The end of an epoch may happen again though no step does, since a checkpoint may lie between the two; the last one
    counts. Events already filtered may be filtered again, together with those that came since.
    """
    kept: list[Event] = []
    for event in events:
        if isinstance(event, Resumed):
            kept = [one for one in kept if not isinstance(one, Finished) and getattr(one, "step", 0) <= event.step]
        kept.append(event)
    last = {event.epoch: event for event in kept if isinstance(event, EpochDone)}
    return [event for event in kept if not isinstance(event, EpochDone) or event is last[event.epoch]]
