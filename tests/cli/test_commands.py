"""The command line, as other programs call it."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet_viz.cli.commands import MOVED, main
from alexnet_viz.network.build import random_state
from alexnet_viz.network.notation import write_spec
from alexnet_viz.network.sources import search_path
from alexnet_viz.network.spec import KINDS
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.words.labels import class_ids
from tools.catalogue import ROOT

SAMPLES = ROOT / "assets" / "samples"


def run(capsys, *arguments: object) -> tuple[int, list[dict], str]:
    """Exit status, the JSON objects on stdout, and stderr."""
    status = main(["--language", "en", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], err


@pytest.mark.parametrize("name", MODELS)
def test_spec_prints_one_object_in_the_agreed_form(capsys, name):
    status, (spec,), _ = run(capsys, "spec", name, "--json")
    assert status == 0
    assert list(spec) == ["name", "input", "params", "macs", "layers", "errors", "notes"]
    assert spec["name"] == name
    assert spec["input"] == list(MODELS[name].spec.input)
    assert spec["params"] == sum(layer["params"] for layer in spec["layers"])
    assert spec["macs"] == sum(layer["macs"] for layer in spec["layers"])
    assert spec["errors"] == []
    for layer in spec["layers"]:
        assert list(layer) == ["name", "kind", "shape", "params", "macs", "receptive_field", "stride"]
        assert layer["kind"] in KINDS
        assert all(isinstance(size, int) for size in layer["shape"])
        assert len(layer["shape"]) in (1, 3)
    whole = next(i for i, layer in enumerate(spec["layers"]) if layer["kind"] in ("adaptive_pool", "flatten"))
    for i, layer in enumerate(spec["layers"]):
        assert (layer["receptive_field"] is None) == (layer["stride"] is None) == (i >= whole)


def test_spec_knows_the_papers_network(capsys):
    _, (spec,), _ = run(capsys, "spec", "alexnet_2012", "--json")
    assert (spec["params"], spec["macs"]) == (60_965_224, 724_406_816)
    layers = {layer["name"]: layer for layer in spec["layers"]}
    assert layers["pool5"]["shape"] == [256, 6, 6]
    assert (layers["pool5"]["receptive_field"], layers["pool5"]["stride"]) == (195, 32)
    assert layers["fc8"]["shape"] == [1000]


def test_an_impossible_network_is_printed_up_to_its_first_failing_layer(capsys):
    status, (spec,), _ = run(capsys, "spec", "alexnet_2012", "--input", "224", "--json")
    assert status == 1
    assert spec["layers"][-1]["name"] == "flatten"
    assert (spec["params"], spec["macs"]) == (None, None)
    assert spec["errors"][0]["layer"] == "fc6"
    assert any("54" in note["text"] and "55" in note["text"] for note in spec["notes"] if note["layer"] == "conv1")


def test_the_2012_rounding_makes_224_possible(capsys):
    status, (spec,), _ = run(capsys, "spec", "alexnet_2012", "--input", "224", "--rounding", "ceil", "--json")
    assert status == 0
    assert spec["layers"][0]["shape"] == [96, 55, 55]


def test_spec_as_a_table_has_a_line_a_layer(capsys):
    assert main(["--language", "en", "spec", "lenet5"]) == 0
    out = capsys.readouterr().out
    assert "61,706" in out
    assert "416,520" in out


def test_an_unknown_network_is_answered_with_the_known_ones(capsys):
    status, lines, err = run(capsys, "spec", "resnet", "--json")
    assert (status, lines) == (1, [])
    assert "alexnet_2012" in err


def test_predict_answers_every_sample(capsys):
    files = sorted(str(path) for path in SAMPLES.glob("*.jpg"))
    status, answers, _ = run(capsys, "predict", *files, "--json", "--top", "3")
    assert status == 0
    assert [answer["file"] for answer in answers] == files
    for answer in answers:
        assert list(answer) == ["file", "model", "seconds", "top", "notes"]
        assert answer["model"] == "alexnet_200"
        assert len(answer["top"]) == 3
        assert all(0 <= item["probability"] <= 1 for item in answer["top"])
        assert {item["class"] for item in answer["top"]} <= set(class_ids("tiny_imagenet"))
    best = {answer["file"].rsplit("/", 1)[-1]: answer["top"][0]["class"] for answer in answers}
    assert (best["coffee.jpg"], best["elephant.jpg"], best["teddy.jpg"]) == ("espresso", "African elephant", "teddy")


def test_labels_lists_a_networks_classes(capsys):
    status, (records,), _ = run(capsys, "labels", "alexnet_200", "--json")
    assert status == 0
    assert [record["id"] for record in records] == list(class_ids("tiny_imagenet"))
    assert {"id": "espresso", "wnid": "n07920052", "en": "espresso", "ko": "에스프레소"} in records
    status, (records,), _ = run(capsys, "labels", "alexnet_cifar", "--json")
    assert [record["wnid"] for record in records] == [None] * 10
    assert main(["labels", "lenet5"]) == 0
    assert capsys.readouterr().out.split() == [part for digit in "0123456789" for part in ("-", digit, digit)]
    status, lines, err = run(capsys, "labels", "resnet", "--json")
    assert (status, lines) == (1, [])
    assert "alexnet_200" in err


def test_predict_answers_the_others_when_some_files_fail(capsys, tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    files = [str(tmp_path / "missing.png"), str(SAMPLES / "cat.jpg"), str(text), "\0"]
    status, answers, _ = run(capsys, "predict", *files, "--json")
    assert status == 1
    assert [answer["file"] for answer in answers] == files
    assert [list(answer) for answer in answers] == [
        ["file", "error"],
        ["file", "model", "seconds", "top", "notes"],
        ["file", "error"],
        ["file", "error"],
    ]


def test_explain_draws_the_map_and_writes_its_numbers(capsys, tmp_path):
    file, out, npy = str(SAMPLES / "coffee_and_orange.jpg"), tmp_path / "over.png", tmp_path / "heat.npy"
    status, (answer,), _ = run(
        capsys, "explain", file, "--method", "gradcam", "--class", "espresso", "--out", out, "--npy", npy, "--json"
    )
    assert status == 0
    assert list(answer) == ["file", "model", "method", "layer", "class", "probability", "seconds", "notes"]
    assert (answer["file"], answer["model"], answer["method"]) == (file, "alexnet_200", "gradcam")
    assert (answer["layer"], answer["class"]) == ("relu5", "espresso")
    heat = np.load(npy)
    assert (heat.dtype, heat.shape) == (np.float32, (224, 224))
    assert heat.min() < 0 < heat.max(), "signed"
    left, right = np.maximum(heat[:, :112], 0).sum(), np.maximum(heat[:, 112:], 0).sum()
    assert left > 2 * right, "the coffee is on the left"
    with Image.open(out) as drawn:
        assert drawn.size == (224, 224)


def test_explain_takes_the_top_class_and_no_layer_where_there_is_none(capsys, tmp_path):
    status, (answer,), _ = run(
        capsys, "explain", str(SAMPLES / "cat.jpg"), "--method", "saliency", "--out", tmp_path / "a.png", "--json"
    )
    assert (status, answer["class"], answer["layer"]) == (0, "tabby", None)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (["--method", "magic"], "gradcam"),
        (["--method", "gradcam", "--layer", "conv9"], "conv1"),
        (["--method", "gradcam", "--class", "dragonfish"], "dragonfly"),
        (["--method", "occlusion", "--set", "window=1"], "8"),
        (["--method", "gradcam", "--model", "lenet5"], "--weights"),
        (["--method", "gradcam", "--out", "no/such/folder/a.png"], "no/such/folder"),
    ],
)
def test_explain_says_what_is_wrong(capsys, tmp_path, monkeypatch, wrong, says):
    monkeypatch.chdir(tmp_path)
    given = ["explain", str(SAMPLES / "cat.jpg"), "--out", "a.png", *wrong, "--json"]
    status, (answer,), _ = run(capsys, *given)
    assert status == 1
    assert list(answer) == ["file", "error"]
    assert says in answer["error"]


@pytest.mark.parametrize("name", [name for name, entry in MODELS.items() if not search_path(entry)[0].path.is_file()])
def test_a_network_without_weights_answers_with_an_error(capsys, name, tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    status, (answer,), _ = run(capsys, "predict", str(SAMPLES / "cat.jpg"), "--model", name, "--json")
    assert status == 1
    assert list(answer) == ["file", "error"]
    assert "--weights" in answer["error"]


@pytest.mark.parametrize("named", [[], ["--model", "lenet5"]])
def test_predict_takes_a_weights_file_of_ones_own(capsys, tmp_path, named):
    path = tmp_path / "mine.pth"
    torch.save(random_state(MODELS["lenet5"].spec, seed=3), path)
    Image.new("L", (40, 40), 200).save(tmp_path / "gray.png")
    status, (answer,), _ = run(capsys, "predict", str(tmp_path / "gray.png"), "--weights", str(path), *named, "--json")
    assert status == 0
    assert answer["model"] == "lenet5"
    assert answer["top"][0]["class"] in set("0123456789")


def test_a_weights_file_of_another_network_is_refused(capsys, tmp_path):
    path = tmp_path / "mine.pth"
    torch.save(random_state(MODELS["lenet5"].spec), path)
    status, lines, err = run(
        capsys, "predict", str(SAMPLES / "cat.jpg"), "--weights", str(path), "--model", "alexnet_cifar", "--json"
    )
    assert (status, lines) == (1, [])
    assert "features.0.weight" in err


def test_weights_lists_every_place_and_marks_what_is_used(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "home" / "weights").mkdir(parents=True)
    (tmp_path / "home" / "weights" / "lenet5.pth").write_bytes(b"12345")
    status, places, _ = run(capsys, "weights", "--json")
    assert status == 0
    assert {place["model"] for place in places} == set(MODELS)
    assert [(p["model"], p["origin"], p["bytes"]) for p in places if p["used"]][-1] == ("lenet5", "home", 5)
    assert any(place["file"].endswith("hub/checkpoints/alexnet-owt-7be5be79.pth") for place in places)


@pytest.mark.parametrize("format_id", ["onnx", "safetensors", "pth"])
def test_export_writes_a_network_for_other_programs(capsys, tmp_path, format_id):
    out = tmp_path / f"mine.{format_id}"
    status, (said,), _ = run(capsys, "export", "alexnet_cifar", "--format", format_id, "--out", out, "--json")
    assert status == 0
    assert said == {
        "file": str(out),
        "format": format_id,
        "bytes": out.stat().st_size,
        "classes": 10,
        "random_layers": [],
    }


def test_export_takes_a_file_and_an_edited_network(capsys, tmp_path):
    mine, edited, again = tmp_path / "mine.pth", tmp_path / "edited.safetensors", tmp_path / "again.pth"
    spec = MODELS["alexnet_cifar"].spec
    net = write_spec(replace(spec, layers=(replace(spec.layers[0], channels=32), *spec.layers[1:])))
    run(capsys, "export", "alexnet_cifar", "--format", "pth", "--out", mine, "--json")
    to_edited = ["--format", "safetensors", "--out", edited, "--net", net, "--json"]
    for what in ("alexnet_cifar", mine):
        status, (said,), _ = run(capsys, "export", what, *to_edited)
        assert (status, said["random_layers"]) == (0, ["conv1", "conv2"])
    # The file says which network it is of, so nobody has to.
    status, (said,), _ = run(capsys, "export", edited, "--format", "pth", "--out", again, "--json")
    assert (status, said["random_layers"]) == (0, [])
    assert torch.load(again)["features.0.weight"].shape == (32, 3, 3, 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["resnet", "--format", "pth"], "alexnet_2012"),
        (["lenet5", "--format", "pth", "--net", "nonsense"], "nonsense"),
        (["lenet5", "--format", "pth", "--out", "no/such/folder/a.pth"], "no/such/folder"),
    ],
)
def test_a_wrong_export_is_one_sentence(capsys, tmp_path, arguments, says):
    status, lines, err = run(capsys, "export", "--out", tmp_path / "a", *arguments)
    assert (status, lines) == (1, [])
    assert says in err


@pytest.mark.parametrize(("word", "becomes"), MOVED.items())
def test_a_command_that_became_a_tool_says_where_it_is(capsys, word, becomes):
    assert main([word, "--data", "tiny-imagenet.zip"]) == 2
    assert f"python -m {becomes}" in capsys.readouterr().err


def test_messages_come_in_korean_too(capsys):
    assert main(["--language", "ko", "spec", "resnet"]) == 1
    assert "모델은 없습니다" in capsys.readouterr().err


def test_help_and_spec_start_without_torch():
    for arguments in (["--help"], ["spec", "alexnet_2012"], ["weights"]):
        code = f"import sys, alexnet_viz.cli.commands as c\ntry: c.main({arguments!r})\nexcept SystemExit: pass\n"
        code += "print('torch' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        assert done.stdout.splitlines()[-1] == "False"


def test_the_module_runs():
    command = [sys.executable, "-m", "alexnet_viz", "spec", "lenet5", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout)["name"] == "lenet5"


def test_a_file_name_that_is_no_text_is_printed_all_the_same(tmp_path):
    """In a process of its own: a strict terminal is what fails."""
    command = [sys.executable, "-m", "alexnet_viz", "--language", "en", "predict", "--model", "lenet5", "--json"]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict", "ALEXNET_VIZ_HOME": str(tmp_path)}
    done = subprocess.run([*command, b"/tmp/\xff.png"], capture_output=True, cwd=ROOT, env=environment)
    assert done.stderr == b""
    assert json.loads(done.stdout)["file"] == "/tmp/\udcff.png"


def test_a_reader_that_has_seen_enough_is_no_error_to_speak_of():
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "alexnet_viz", "spec", "lenet5"]
    with open(writing, "wb") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (1, "")


# ---- What a file does not say ---------------------------------------------------------------------------------------


@pytest.fixture
def own_weights(tmp_path):
    """A file of ten classes that nobody has named, and a picture."""
    torch.save({"net": random_state(MODELS["lenet5"].spec, seed=3), "epoch": 1}, tmp_path / "mine.ckpt")
    Image.new("L", (40, 40), 200).save(tmp_path / "gray.png")
    return str(tmp_path / "gray.png"), "--weights", str(tmp_path / "mine.ckpt")


def test_predict_says_that_names_are_assumed(capsys, own_weights):
    _, (answer,), _ = run(capsys, "predict", *own_weights, "--json")
    assert list(answer) == ["file", "model", "seconds", "top", "notes"]
    assert "are assumed" in answer["notes"][0]
    main(["--language", "en", "predict", *own_weights])
    assert "are assumed" in capsys.readouterr().out


def test_predict_takes_names(capsys, own_weights, tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(f"것 {i}" for i in range(10)), encoding="utf-8")
    _, (answer,), _ = run(capsys, "predict", *own_weights, "--names", tmp_path / "names.txt", "--json")
    assert not any("assumed" in note for note in answer["notes"])
    assert answer["top"][0]["class"].startswith("것 ")
    (tmp_path / "few.json").write_text('["cat", "dog"]')
    status, lines, err = run(capsys, "predict", *own_weights, "--names", tmp_path / "few.json", "--json")
    assert (status, lines) == (1, [])
    assert "10 outputs, and these are 2" in err


@pytest.mark.parametrize("format_id", ["pth", "safetensors"])
def test_names_go_along_into_exports(capsys, own_weights, tmp_path, format_id):
    _, _, file = own_weights
    (tmp_path / "names.json").write_text(json.dumps({f"thing {i}": i for i in range(10)}))
    out = tmp_path / f"named.{format_id}"
    run(capsys, "export", file, "--format", format_id, "--names", tmp_path / "names.json", "--out", out, "--json")
    _, (answer,), _ = run(capsys, "predict", own_weights[0], "--weights", out, "--json")
    assert answer["top"][0]["class"].startswith("thing ")
    assert not any("assumed" in note for note in answer["notes"])


def photo_of_a_phone() -> bytes:
    """A square HEIC photo in Display P3."""
    from tools.icc import rgb_profile
    from tools.picture_files import heic, photo

    return heic(photo((300, 300)), icc_profile=rgb_profile("Display P3"))


def test_what_was_changed_in_a_picture_is_said(capsys, tmp_path):
    file = tmp_path / "IMG_1.HEIC"
    file.write_bytes(photo_of_a_phone())
    note = "Its colours were converted from its profile, Display P3, to sRGB."
    _, (answer,), _ = run(capsys, "predict", str(file), "--json")
    assert answer["notes"] == [note]
    assert main(["--language", "en", "predict", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [f"  {note}"]
    asked = ["explain", str(file), "--method", "saliency", "--out", str(tmp_path / "a.png")]
    _, (answer,), _ = run(capsys, *asked, "--json")
    assert answer["notes"] == [note]
    assert main(["--language", "en", *asked]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [f"  {note}"]


def test_a_blank_map_is_said_to_be_blank(capsys, tmp_path):
    """All weights are 0, so no pixel matters to any class."""
    state = random_state(MODELS["alexnet_cifar"].spec, seed=3)
    torch.save({key: value * 0 for key, value in state.items()}, tmp_path / "zero.pth")
    asked = [
        "explain",
        str(SAMPLES / "cat.jpg"),
        "--out",
        str(tmp_path / "a.png"),
        "--weights",
        str(tmp_path / "zero.pth"),
    ]
    for method in ("saliency", "gradcam", "occlusion"):
        _, (answer,), _ = run(capsys, *asked, "--method", method, "--json")
        assert any("map is blank" in note for note in answer["notes"]), method
        assert main(["--language", "en", *asked, "--method", method]) == 0
        assert "map is blank" in capsys.readouterr().out
