"""The training commands: `train`, `resume` and `runs`. Their flags are made from the fields of `TrainConfig`.

    train --data cifar10|shapes|PATH [--model NAME] [--preset fast|seed] [--FIELD VALUE] [--json]
    train --run ID      what the page starts: a run whose folder is there already
    resume RUN          go on from its last checkpoint
    runs                what there is

Under `torchrun` every process trains; the first one also keeps the run's folder and prints.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from alexnet_viz.cli.output import Commands, add_command, say
from alexnet_viz.training.config import FIELDS, Field, TrainConfig
from alexnet_viz.training.events import EpochDone, Event, Finished, Started, StepDone, to_line
from alexnet_viz.training.left_out import started_notes
from alexnet_viz.training.processes import SERVER_VARIABLE, Processes
from alexnet_viz.training.runs import STATES, Asked, Run, history, new_run, run, runs
from alexnet_viz.training.verdict import trouble
from alexnet_viz.training.worker import work
from alexnet_viz.words.i18n import Translator
from alexnet_viz.words.labels import class_name

_TYPES: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "text": str, "choice": str}
_GOOD_ENDS = {"finished", "stopped", "paused"}


def add_commands(commands: Commands) -> None:
    """Add the three commands to the parser."""
    train = add_command(commands, "train", _train, "train a network and keep the run in a folder")
    for field in FIELDS.values():
        _add_flag(train, field)
    train.add_argument("--run", metavar="ID", help="work on a run that is waiting; all other settings are its own")

    resume = add_command(commands, "resume", _resume, "go on with a run from its last checkpoint")
    resume.add_argument("run", metavar="RUN")

    add_command(commands, "runs", _runs, "list the runs, newest first")


def _add_flag(parser: argparse.ArgumentParser, field: Field) -> None:
    flag = f"--{field.name.replace('_', '-')}"
    text = field.help.replace("%", "%%")
    # No defaults here: what is not given comes from the preset.
    if field.kind == "bool":
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
    else:
        metavar = "|".join(choice or '""' for choice in field.choices) or field.unit.upper() or "VALUE"
        parser.add_argument(flag, type=_TYPES[field.kind], default=None, metavar=metavar, help=text)


def _train(args: argparse.Namespace, t: Translator) -> int:
    given = {name: getattr(args, name) for name in FIELDS if getattr(args, name) is not None}
    if args.run:
        return _work(run(args.run), args.json, t)
    config = TrainConfig.with_preset(given.pop("preset", "fast"), **given)
    if _follows():
        return _follow(config, None)
    return _work(new_run(config), args.json, t)


def _resume(args: argparse.Namespace, t: Translator) -> int:
    waiting = run(args.run)
    if _follows():
        return _follow(waiting.config(), waiting)
    Processes().claim(waiting)
    return _work(waiting, args.json, t)


def _follows() -> bool:
    """Whether this is another process of torchrun than the first."""
    return int(os.environ.get("RANK", "0")) > 0


def _follow(config: TrainConfig, resumed: Run | None) -> int:
    """Take one's share of every batch; the first process keeps the folder and tells."""
    from alexnet_viz.training.train import train

    for _ in train(config, resumed.path if resumed else None, resume=resumed is not None):
        pass
    return 0


def _work(waiting: Run, as_json: bool, t: Translator) -> int:
    state = ""
    for event in work(waiting, _training):
        text = to_line(event).rstrip("\n") if as_json else _text(event, waiting, t)
        if text:
            print(text, flush=True)
        if isinstance(event, Finished):
            state = event.state
    return int(state not in _GOOD_ENDS)


def _training(config: TrainConfig, *, run_dir: Any, resume: bool, control: Callable[[], Asked]) -> Iterator[Event]:
    """Torch is imported here, once the run has the device."""
    from alexnet_viz.training.train import train

    return train(config, run_dir, resume, control)


def _text(event: Event, waiting: Run, t: Translator) -> str:
    match event:
        case StepDone():
            return ""
        case Started():
            # What a page started writes into the run's log, where these lines are already.
            lines = [] if SERVER_VARIABLE in os.environ else map(str, started_notes(event))
            return "\n".join((to_line(event).rstrip("\n"), *lines))
        case EpochDone():
            checked = "" if event.val_accuracy is None else f", validation {event.val_accuracy:.1%}"
            return (
                f"epoch {event.epoch}: loss {event.train_loss:.3f}, training {event.train_accuracy:.1%}{checked}, "
                f"{event.images_per_second:.0f} images/s"
            )
        case Finished():
            tested = "" if event.test_accuracy is None else f", test images right: {event.test_accuracy:.2%}"
            if event.val_accuracy is not None:
                tested = f", validation images right: {event.val_accuracy:.2%} (there are no test images)"
            wrong = trouble(event, waiting.config(), partial(class_name, language=t.language))
            return "\n".join((f"{waiting.id}: {event.state}{tested}", *map(t, wrong)))
        case _:
            return to_line(event).rstrip("\n")


def _runs(args: argparse.Namespace, t: Translator) -> int:
    processes = Processes()
    for one in runs():
        state, told = processes.state(one), history(one)
        config = one.config()
        best = told.best_epoch
        record = {
            "run": one.id,
            "state": state,
            "model": config.model,
            "data": config.data,
            "epochs": len(told.epochs),
            "best_epoch": best.epoch if best else None,
            "val_accuracy": best.val_accuracy if best else None,
            "test_accuracy": told.finished.test_accuracy if told.finished else None,
            "verdict": told.finished.verdict if told.finished else "",
            "path": str(one.path),
        }
        right = "-" if record["test_accuracy"] is None else f"{record['test_accuracy']:.2%}"
        text = f"{one.id:<48} {t(STATES[state]):<12} {config.model:<20} {len(told.epochs):>4} {right:>8}"
        say(args, record, text)
    return 0
