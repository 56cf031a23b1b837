"""The examples run, say what is true, and leave the files that they promise."""

import io
import re
import runpy
import subprocess
import sys
from dataclasses import dataclass

import pytest
from PIL import Image

from alexnet_viz.network.spec import walk
from alexnet_viz.network.zoo import MODELS
from tools.catalogue import ROOT

FOLDER = ROOT / "examples"


@dataclass(frozen=True)
class Expected:
    """What has to be printed (a regular expression), some of the files, and small settings."""

    says: str
    files: tuple[str, ...]
    arguments: tuple[str, ...] = ()


EXAMPLES = {
    "classify_photo": Expected(r"^tabby .*\n.*\n.*\n.*\n.*\n451x300 pixels came in, 224x224 went", ("seen.png",)),
    "feature_maps": Expected(r"relu1: 64x55x55, .*\n(.*\n)*relu5: 256x13x13", ("relu1.png", "relu5.png")),
    "filters": Expected(r"64 filters of 11x11 pixels and 3 colours", ("conv1.png",)),
    "gradcam": Expected(r"espresso, .*224x224", ("espresso.png", "orange.png")),
    "edit_network": Expected(
        r"conv1 +\(64, 56, 56\) +9,472 parameters +\(was \(64, 55, 55\), 23,296\)(.*\n)*.*random in conv1$",
        ("edited.svg", "edited.onnx"),
        ("--format", "onnx"),
    ),
    "compare_networks": Expected(r"AlexNet +60,965,224 parameters +724,406,816 MACs", ("comparison.md", "lenet5.svg")),
    "train_shapes": Expected(
        r"^epoch 1: loss .*\nof 20 pictures never seen before",
        ("conv1-epoch-1.png", "checkpoints/last.safetensors"),
        ("--model", "lenet5", "--epochs", "1", "--pictures", "160"),
    ),
    "read_runs": Expected(r"alexnet_cifar on cifar10, 22 epochs\n(.*\n)*.*test images at the end: 8\d\.\d%", ()),
    "techniques": Expected(
        r"overlapping: 32x32 to 15x15(.*\n)*pooling, apart: 32x32 to 16x16, 0% shared(.*\n)*.*of 10 thinned",
        ("overlapping.png", "apart.png"),
        ("--masks", "10"),
    ),
}


def test_every_example_is_here():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name, capsys, monkeypatch, tmp_path):
    expected = EXAMPLES[name]
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", [name, str(tmp_path / "out"), *expected.arguments])
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert re.search(expected.says, capsys.readouterr().out, re.MULTILINE)
    made = {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert made >= set(expected.files)
    assert made, "something to look at"
    for file in (tmp_path / "out").glob("*.png"):
        Image.open(io.BytesIO(file.read_bytes())).verify()


def test_they_run_from_the_repository_root_as_they_say(tmp_path):
    command = [sys.executable, "-m", "examples.compare_networks", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert f"{walk(MODELS['alexnet_2012'].spec).params:,}" in done.stdout
    for path in FOLDER.glob("*.py"):
        assert f"python -m examples.{path.stem} out" in path.read_text(encoding="utf-8")


def test_they_run_as_files_in_a_clone_that_is_not_installed(tmp_path):
    """From another folder and without an argument: the result lies in `out` there."""
    for path in FOLDER.glob("*.py"):
        before, _, _ = path.read_text(encoding="utf-8").partition("alexnet_viz")
        assert "sys.path.insert(0, str(ROOT))" in before, path.name
    command = [sys.executable, str(FOLDER / "compare_networks.py")]
    subprocess.run(command, check=True, cwd=tmp_path, stdout=subprocess.DEVNULL)
    assert (tmp_path / "out" / "comparison.md").is_file()
