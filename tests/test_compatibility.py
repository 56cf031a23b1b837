"""What the app wrote before its rooms were rearranged (commit b06608d) opens as it did: links, runs, weights, commands.

tests/data holds what that commit wrote itself: the queries of its pages, a run of two epochs on Shapes-10, LeNet-5's
layers with weights of a pattern exported by it, its account of LeNet-5, and the flags of its command line.
"""

import gzip
import json
import shutil

import pytest
import torch

from alexnet_viz.cli.commands import main
from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.weights import open_model
from alexnet_viz.training.checkpoints import read_checkpoint
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.runs import history, run, runs
from tools import ROOT
from tools.pages import open_page, visited_server

DATA = ROOT / "tests" / "data"
BEFORE = json.loads((DATA / "before.json").read_text(encoding="utf-8"))
RUN = "20261130-195437-edited-022aa9"
NET = "3x32x32_conv2k5s4p1g1_relu_max2s2p0_flat_fc32-10"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_HOME", str(tmp_path))
    shutil.copytree(DATA / RUN, tmp_path / "runs" / RUN)
    return tmp_path


# ---- Links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("page_id", "query", "written"), BEFORE["links"])
def test_a_link_opens_what_it_names(page_id, query, written):
    """The page writes the same into its address as that of before did: it understood every word."""
    with visited_server():
        app = open_page(page_id, **query)
    assert not app.exception
    assert not app.error
    assert {name: "".join(value) for name, value in app.query_params.items()} == written


# ---- Runs -----------------------------------------------------------------------------------------------------------


def test_a_run_is_what_it_was(home):
    old = run(RUN)
    assert old in runs()
    assert old.config() == TrainConfig.with_preset(
        "fast", data="shapes", net=NET, epochs=2, batch=128, learning_rate=0.02, precision="fp32", device="cpu",
        snapshot_every=100,
    )  # fmt: skip
    told = history(old)
    assert [step.step for step in told.steps] == list(range(1, 25))
    assert [round(epoch.val_accuracy, 4) for epoch in told.epochs] == [0.5815, 0.7]
    assert (told.finished.state, told.finished.test_accuracy) == ("finished", 0.715)
    assert (old.status().state, old.status().steps) == ("finished", 24)


def test_a_runs_checkpoint_is_read(home):
    found = read_checkpoint(run(RUN).path, torch.device("cpu"))
    assert found.position.step == 24


def test_a_runs_page_shows_it(home):
    with visited_server():
        app = open_page("runs", run=RUN)
    assert not app.exception
    assert not app.error
    assert RUN in set(app.dataframe[0].value["Run"])


# ---- Weights, networks, commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "names"), [("pth", "{}"), ("safetensors", "digit {}")])
def test_exported_weights_open(suffix, names, tmp_path):
    file = tmp_path / f"mine.{suffix}"
    file.write_bytes(gzip.decompress((DATA / f"before.{suffix}.gz").read_bytes()))
    model = open_model(file)
    assert model.entry.id == "lenet5"
    assert model.classes == tuple(names.format(number) for number in range(10))
    for tensor in model.network.state_dict().values():
        assert torch.equal(tensor.flatten(), (torch.arange(tensor.numel()) % 7 - 3).float() / 50)


def test_a_network_in_words_is_the_same_network():
    conv, relu, pool, _, last = read_spec(NET).layers
    assert (conv.channels, conv.kernel, conv.stride, conv.padding) == (2, 5, 4, 1)
    assert (relu.function, pool.kernel, pool.mode, last.inputs, last.outputs) == ("relu", 2, "max", 32, 10)


def test_the_account_of_a_network_as_json(capsys):
    assert main(["spec", "lenet5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == BEFORE["lenet5"]


@pytest.mark.parametrize("command", BEFORE["commands"])
def test_a_command_knows_its_flags(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    words = set(capsys.readouterr().out.replace(",", " ").replace("[", " ").replace("]", " ").split())
    assert set(BEFORE["commands"][command]) <= words
