"""Words from an address: edited networks, ids of runs and checkpoints, settings of a run, flags of the command line."""

import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alexnet_viz.cli import commands as cli
from alexnet_viz.errors import UserError
from alexnet_viz.network import arithmetic, diagram, editing, source, tables
from alexnet_viz.network.build import meta_network
from alexnet_viz.network.memory import training_memory
from alexnet_viz.network.notation import read_spec, write_spec
from alexnet_viz.network.spec import Spec, walk
from alexnet_viz.network.zoo import MODELS, preprocess_for
from alexnet_viz.training.config import FIELDS, PRESETS, TrainConfig, can_train, spec_of
from alexnet_viz.training.runs import checkpoint_path, run
from alexnet_viz.words.i18n import translator
from tools.fuzz import names
from tools.fuzz.watch import BAIT, Attack

T = translator("ko")
VIEWS = ("boxes", "flow", "bars")

# ---- Edited networks ------------------------------------------------------------------------------------------------

_EXTREMES = (0, 1, 2, 3, 7, 16, 63, 64, 65, 512, 513, 1024, 1025, 8192, 8193, 2_000_000, 2_000_001, 9_999_999)
_REALS = ("0", "1", "0.5", "999999.999999", "1e99", "1e-99", "1e309", "-1", "nan", "inf", "0.0001", "1e")


def edited(chance: random.Random) -> str:
    """A network of the table with words lost, doubled, swapped and changed."""
    text = write_spec(chance.choice(list(MODELS.values())).spec)
    words = text.split("_")
    for _ in range(chance.choice((1, 1, 2, 4))):
        at, other = chance.randrange(len(words)), chance.randrange(len(words))
        if chance.random() < 1 / 6:
            words[at], words[other] = words[other], words[at]
            continue
        digits = "".join(str(chance.choice(_EXTREMES)) if part.isdigit() else part for part in words[at])
        words[at : at + 1] = chance.choice(
            (
                chance.choice(([], [words[at]] * 70)),
                [_word(chance)],
                [digits],
                [words[at] + names.name(chance)[:20]],
                [_word(chance), words[at]],
            )
        )
        words = words or [""]
    return "_".join(words)


def grown(chance: random.Random) -> str:
    """A network of random words, as large as each may be."""
    shape = "x".join(str(chance.choice((1, 3, 224, *_EXTREMES))) for _ in range(3))
    return "_".join([shape, *(_word(chance) for _ in range(chance.choice((1, 3, 10, 64, 65))))])


def garbage(chance: random.Random) -> str:
    return chance.choice((names.name(chance), "_" * 5000, "3x224x224_" * 300, "conv" * 2000, "٣x٣x٣_relu", "ceil", ""))


def _word(chance: random.Random) -> str:
    n = [chance.choice(_EXTREMES) for _ in range(5)]
    r = [chance.choice(_REALS) for _ in range(3)]
    return chance.choice(
        (
            f"conv{n[0]}k{n[1]}s{n[2]}p{n[3]}g{n[4]}",
            f"conv8192k{chance.choice((1, 3, 64))}s1p0g1",
            f"{chance.choice(('max', 'avg'))}{n[0]}s{n[1]}p{n[2]}",
            f"adapt{n[0]}",
            f"lrn{n[0]}a{r[0]}b{r[1]}k{r[2]}g{n[1]}",
            *("bn", "relu", "tanh", "sigmoid", "flat", "flat", "ceil", "x"),
            f"drop{r[0]}",
            f"fc{n[0]}-{n[1]}",
        )
    )


def _network(text: str) -> None:
    """Read, and all that the architecture page does with it but running it."""
    spec = read_spec(text)
    try:
        again = read_spec(write_spec(spec))
    except UserError as problem:
        raise AssertionError("what the app writes it cannot read") from problem
    assert again == spec
    walked = walk(spec)
    for view in VIEWS:
        assert diagram.diagram(spec, view, T, selected="conv1", width=820)
    tables.layer_table(spec, MODELS["alexnet_2012"].spec, T)
    training_memory(walked, 128)
    can_train(spec)
    preprocess_for(MODELS["alexnet_2012"], spec)
    if editing.can_adapt(walked, spec):
        assert isinstance(editing.adapted(spec), Spec)
    if not walked.errors:
        source.source(spec)
        str(meta_network(spec))
        with contextlib.suppress(UserError):
            arithmetic.check_runnable(walked)
    with contextlib.suppress(UserError):
        spec_of(TrainConfig(data="shapes", net=text), 10)


# ---- Runs -----------------------------------------------------------------------------------------------------------


_ENDS = ("/", "\n", "/../..")


def run_id(chance: random.Random, given: Path) -> str:
    known = "20261124-124501-alexnet-cifar-3fa2c1"
    bait = str(given.parent / BAIT / "secret.txt")
    tricks = (known.upper(), known * 9, "a" * 100, "a" * 101, "-", "--", "a--b", *(known + end for end in _ENDS))
    return chance.choice((names.name(chance), chance.choice(names.paths(bait)), chance.choice(tricks)))


# ---- Settings -------------------------------------------------------------------------------------------------------

VALUES: Sequence[Any] = (
    *(None, True, False, -1, 0, 1, 2**31, 2**63, 10**400, -1.0, -0.5, 0.0, 1e-320, 1e308, float("nan"), float("inf")),
    *("", "0", "1", "true", "nan", "sgd", "cuda", "../../etc/passwd", "a\nb", "a\0b", "\u202e", "x" * 5000, [], {}),
    *((), b"x"),
    *([1] * 9, {"a": 1}, {"epochs"}, object),
)


def settings(chance: random.Random) -> dict[Any, Any]:
    found: dict[Any, Any] = {"data": "shapes"} if chance.random() < 0.8 else {}
    for _ in range(chance.choice((1, 2, 5))):
        found[chance.choice((*FIELDS, "nothing", "__class__", ""))] = chance.choice(VALUES)
    return found


def _settings(found: Mapping[str, Any], preset: str) -> None:
    config = TrainConfig.from_dict(found)
    assert TrainConfig.from_dict(config.to_dict()) == config
    with contextlib.suppress(UserError):
        spec_of(config, 10)
    TrainConfig.with_preset(preset, **found)


# ---- Command line ---------------------------------------------------------------------------------------------------


def words(chance: random.Random) -> list[str]:
    """Commands that look something up; those that would train or download are left out."""
    hostile = [names.name(chance), str(chance.choice((*_EXTREMES, *_REALS))), "9" * 5000, "-1", "--", "", "٣"]
    return chance.choice(
        (
            ["spec", chance.choice((*MODELS, *hostile)), "--input", chance.choice(hostile)],
            ["spec", "alexnet_2012", "--json", "--input", chance.choice(hostile)],
            ["resume", chance.choice(hostile)],
            ["train", "--run", chance.choice(hostile)],
            ["train", "--data", "shapes", f"--{chance.choice(list(FIELDS))}", "x\0", "--epochs", "0"],
            ["runs", chance.choice(hostile)],
            ["--language", chance.choice(hostile), "weights"],
            [chance.choice(hostile)],
        )
    )


def _command(given: Sequence[str]) -> None:
    try:
        with names.strict_terminal():
            assert cli.main(given) in (0, 1)
    except SystemExit as ended:  # what the command line's own parser refuses, it says on stderr
        raise UserError("code {code}", code=ended.code) from ended


# ---- All ------------------------------------------------------------------------------------------------------------

NETWORKS: Sequence[Callable[[random.Random], str]] = (edited, edited, grown, garbage)


def attack(chance: random.Random, number: int, given: Path) -> Attack:
    match number % 8:
        case 0 | 1 | 2 | 3:
            text = NETWORKS[number % 4](chance)
            return Attack(f"network {text[:100]!r}", lambda: _network(text))
        case 4:
            asked = run_id(chance, given)
            return Attack(f"run {asked[:60]!r}", lambda: run(asked))
        case 5:
            asked = f"{run_id(chance, given)}/{run_id(chance, given)}"
            return Attack(f"checkpoint {asked[:60]!r}", lambda: checkpoint_path(asked))
        case 6:
            found, preset = settings(chance), chance.choice((*PRESETS, "nothing"))
            return Attack(f"settings {str(found)[:100]}", lambda: _settings(found, preset))
        case _:
            line = words(chance)
            return Attack(f"command {str(line)[:100]}", lambda: _command(line))


def sound(given: Path) -> Sequence[Attack]:
    texts = [write_spec(entry.spec) for entry in MODELS.values()]
    return [Attack(text, lambda text=text: _network(text)) for text in texts] + [
        Attack("settings", lambda: _settings({"data": "shapes", "epochs": 1}, "fast")),
        Attack("command", lambda: _command(["spec", "alexnet_2012", "--input", "224"])),
    ]
