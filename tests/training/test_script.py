"""A run as a script: it compiles, it is the same network and the same rates, and it trains without this app."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from PIL import Image

from alexnet_viz.network.build import meta_network
from alexnet_viz.network.notation import write_spec
from alexnet_viz.network.spec import Activation, Conv, Dropout, Flatten, Linear, Pool, Spec
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.training.config import PRESETS, TrainConfig, rate_at, spec_of
from alexnet_viz.training.events import LearningRateChanged, to_line
from alexnet_viz.training.runs import new_run
from alexnet_viz.training.script import run_script, script
from tests.training.settings import SETTINGS

RUFF = Path(sys.executable).with_name("ruff")
SMALL = write_spec(
    Spec((3, 16, 16), (Conv(4, 3, stride=2), Activation(), Pool(2, 2), Flatten(), Dropout(), Linear(36, 3)))
)
CONFIGS = {
    **{f"preset {name}": TrainConfig.with_preset(name, data="cifar10") for name in PRESETS},
    **{f"model {name}": TrainConfig(data="cifar10", model=name) for name in MODELS},
    "shapes": TrainConfig(data="shapes", pca_colour=0.1, schedule="cosine", colour_jitter=0.2),
    "a zip": TrainConfig(data='/tmp/a "b".zip', net=SMALL, schedule="step", warmup=1.0, normalisation="lrn"),
    "frozen": TrainConfig(data="cifar10", model="alexnet_200", frozen=True, optimizer="adamw", schedule="constant"),
    "start": TrainConfig(
        data="shapes", start_from="20260101-000000-x/best.safetensors", precision="fp32", init="torch"
    ),
    "bf16": TrainConfig(
        data="cifar10", precision="bf16", device="cuda", rotation=15, warmup=0, normalisation="batch_norm"
    ),
}
CHANGES = (LearningRateChanged(step=7, lr=0.5), LearningRateChanged(step=20, lr=0.01))


def run_text(text: str, **constants) -> dict:
    """The script's names after its definitions have run; `main` has not."""
    namespace = {"__name__": "script"}
    exec(compile(text, "script.py", "exec"), namespace)
    return {**namespace, **constants}


@pytest.mark.parametrize("changes", [(), CHANGES], ids=["as planned", "changed by hand"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_script_is_clean(config, changes):
    text = script(config, changes=changes)
    done = subprocess.run(
        [RUFF, "check", "--isolated", "--select", "E,F,I,B", "--line-length", "130", "-"],
        input=text,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "alexnet_viz" not in text


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        (("train", "test"), "test"),
        (("Training", "Testing"), "Testing"),
        (("seg_train", "val", "test"), "test"),
        (("data/train", "data/validation"), "data/validation"),
        (("a/b/TRAIN", "a/b/valid", "a/b/Test"), "a/b/Test"),
    ],
)
def test_the_script_finds_the_parts_of_a_dataset(tmp_path, parts, shown):
    """And its labels are the network's where a class has no test pictures: dog stays the third."""
    for part in parts:
        for label in ("ant", "cat", "dog"):
            if (part, label) != (shown, "ant"):
                (tmp_path / part / label / "deeper").mkdir(parents=True)
                Image.new("RGB", (8, 8)).save(tmp_path / part / label / "deeper" / "0.png")
    (tmp_path / "__MACOSX").mkdir()
    training, test = run_text(script(TrainConfig(data=str(tmp_path), net=SMALL), 3))["load"]()
    assert training.classes == ["ant", "cat", "dog"]
    assert [label for _, label in training.samples] == [0, 1, 2]
    assert [label for _, label in test.samples] == [1, 2]
    assert all(path.startswith(str(tmp_path / shown)) for path, _ in test.samples)


@given(SETTINGS)
@settings(max_examples=60)
def test_any_settings_make_a_script(chosen):
    config = TrainConfig.from_dict({**chosen, "net": SMALL})
    ast.parse(script(config, 3))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_network_is_ours(config):
    text = script(config, 5)
    name = re.search(r"class (AlexNet|LeNet5)\(nn.Module\)", text)[1]
    ours = meta_network(spec_of(config, 5)).state_dict()
    with torch.device("meta"):
        theirs = run_text(text)[name](num_classes=5).state_dict()
    assert {key: value.shape for key, value in theirs.items()} == {key: value.shape for key, value in ours.items()}


@pytest.mark.parametrize("schedule", ["step", "cosine", "linear", "constant"])
@pytest.mark.parametrize("warmup", [0.0, 1.5])
def test_the_rates_are_ours(schedule, warmup):
    config = TrainConfig(data="cifar10", schedule=schedule, warmup=warmup, epochs=6, step_epochs=2)
    text = script(config)
    if schedule == "step" and not warmup:
        assert "StepLR(optimizer, step_size=2, gamma=0.1)" in text  # as in the seed document
        return
    factor = run_text(text)["rate_factor"]
    for step in range(6 * 7):
        assert config.learning_rate * factor(step, 7) == pytest.approx(rate_at(config, step, 7))


def test_rates_changed_by_hand_scale_the_rest():
    config = TrainConfig(data="cifar10", epochs=6)
    factor = run_text(script(config, changes=CHANGES))["changed_factor"]
    for step in range(6 * 7):
        rate = rate_at(config, step, 7)
        if step >= 20:
            rate *= 0.01 / rate_at(config, 20, 7)
        elif step >= 7:
            rate *= 0.5 / rate_at(config, 7, 7)
        assert config.learning_rate * factor(step, 7) == pytest.approx(rate)


def test_the_seed_preset_is_the_seeds_program():
    text = script(TrainConfig.with_preset("seed", data="cifar10"))
    for line in (
        "EPOCHS = 50",
        "BATCH = 128",
        "            transforms.RandomHorizontalFlip(),\n            transforms.RandomRotation(10),\n",
        "torch.optim.SGD(trained, lr=LEARNING_RATE, momentum=0.9, weight_decay=0.0005)",
        "torch.optim.lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.1)",
        "criterion = nn.CrossEntropyLoss()",
    ):
        assert line in text
    assert "kaiming" not in text


def test_the_shapes_are_drawn_as_ours_are():
    from alexnet_viz.training.shapes import shapes10

    training, test = run_text(script(TrainConfig(data="shapes")))["load"]()
    ours = shapes10()
    for theirs, split in ((training, ours.train), (test, ours.test)):
        assert np.array_equal(theirs.images.transpose(0, 3, 1, 2), split.images.numpy())
        assert np.array_equal(theirs.labels, split.labels.numpy())
    assert tuple(training.classes) == ours.classes


def pictures(folder: Path, each: int) -> None:
    random = np.random.default_rng(0)
    for number, label in enumerate(("dark", "light", "middle")):
        (folder / label).mkdir(parents=True)
        for i in range(each):
            values = random.integers(0, 60, (20, 24, 3)) + (0, 190, 95)[number]
            Image.fromarray(values.astype(np.uint8)).save(folder / label / f"{i}.png")


@pytest.mark.parametrize("layout", ["split", "plain"])
def test_it_trains(tmp_path, monkeypatch, capsys, layout):
    monkeypatch.chdir(tmp_path)
    for part in ("train", "test") if layout == "split" else ("",):
        pictures(tmp_path / "pets" / part, 20)
    config = TrainConfig(
        data=str(tmp_path / "pets"), net=SMALL, epochs=12, batch=8, shift=2, colour_jitter=0.05, pca_colour=0.01,
        validation=0.2, device="cpu", precision="fp32", learning_rate=0.02,
    )  # fmt: skip
    text = script(config, 3).replace("WORKERS = 2", "WORKERS = 0")
    run_text(text)["main"]()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13
    assert "validation" in lines[0]
    accuracy = float(re.fullmatch(r"Test: loss [\d.]+, accuracy ([\d.]+)%", lines[-1])[1])
    assert accuracy > 90
    assert torch.load("last.pth", weights_only=True).keys() == meta_network(spec_of(config, 3)).state_dict().keys()


def test_a_runs_script_has_the_rates_that_were_set_by_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    run = new_run(TrainConfig(data="cifar10"))
    (run.path / "metrics.jsonl").write_text("".join(map(to_line, CHANGES)))
    text = run_script(run)
    assert "CHANGED = {7: 0.5, 20: 0.01}" in text
    assert run.id in text
