"""The table of networks that branch: counted again in torchvision's model, and by other people's arithmetic."""

import dataclasses
import json
import subprocess
import sys

import pytest
import torch
import torchvision

from alexnet_viz.network.references import REFERENCES
from alexnet_viz.network.spec import AdaptivePool, Pool, walk
from alexnet_viz.network.zoo import MODELS
from tools.catalogue import ROOT
from tools.count import count, follow

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def resnet18():
    return count("resnet18")


@pytest.mark.parametrize("name", REFERENCES)
def test_the_table_is_what_counting_gives(name):
    assert count(name) == REFERENCES[name]


def test_every_countable_number_is_counted_and_not_copied(monkeypatch, resnet18):
    """A table full of wrong numbers is corrected; only what cannot be counted is taken from it."""
    copied = {"id", "name", "title", "year", "paper", "input", "history", "dropout"}
    wrong = {field.name: -1 for field in dataclasses.fields(resnet18) if field.name not in copied}
    monkeypatch.setattr("tools.count.REFERENCES", {"resnet18": dataclasses.replace(resnet18, **wrong)})
    assert count("resnet18") == resnet18


def test_resnet18_is_as_its_paper_and_torchvision_publish_it(resnet18):
    meta = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.meta
    assert resnet18.params == meta["num_params"] == 11_689_512
    assert round(resnet18.macs / 1e9, 3) == meta["_ops"] == 1.814
    assert resnet18.input == (3, 224, 224)
    assert (resnet18.depth, resnet18.weight_layers) == (18, 21), "three more stand on its shortcuts"
    assert (resnet18.activation, resnet18.normalisation) == (("relu",), ("batch_norm",))
    assert resnet18.pooling == (Pool(kernel=3, stride=2, padding=1), AdaptivePool(1))


def test_the_parts_make_the_whole(resnet18):
    batch_norm = 2 * (64 * 5 + 128 * 5 + 256 * 5 + 512 * 5)  # a scale and a shift for each channel
    assert resnet18.conv_params + resnet18.fc_params + batch_norm == resnet18.params
    assert resnet18.conv_macs + resnet18.fc_macs == resnet18.macs
    assert (resnet18.fc_params, resnet18.fc_macs) == (512 * 1000 + 1000, 512 * 1000)


def test_the_receptive_field_is_the_extent_of_the_input_gradient(resnet18):
    """One value of the last map, with positive weights and mean pooling, so that no path is cancelled or lost."""
    network = torchvision.models.resnet18(weights=None).eval().double().requires_grad_(False)
    for weight in network.parameters():
        weight.fill_(1.0) if weight.dim() > 1 else None
    network.maxpool = torch.nn.AvgPool2d(3, 2, 1)
    width = 704
    strip = torch.ones(1, 3, 32, width, dtype=torch.double, requires_grad=True)
    features = torch.nn.Sequential(*list(network.children())[:-2])
    last = features(strip)
    last[0, 0, 0, last.shape[-1] // 2].backward()
    seen = strip.grad[0].sum(dim=(0, 1)).nonzero().flatten()
    assert seen.min() > 0
    assert seen.max() < width - 1, "no edge cut it off"
    assert seen.max() - seen.min() + 1 == resnet18.receptive_field == 435


def test_counting_agrees_with_walking_where_nothing_branches():
    """torchvision's AlexNet has a spec, so both ways can count it."""
    features = torchvision.models.alexnet(weights=None).features
    reach, used = follow(features)
    rows = walk(MODELS["alexnet_torchvision"].spec).rows
    assert (reach.size, reach.stride, reach.depth) == (195, 32, 5)
    assert reach.size == next(row.receptive_field for row in rows if row.name == "pool5")
    assert used["pooling"] == [Pool(kernel=3, stride=2)] * 3


def test_an_unknown_kind_of_module_is_not_passed_over():
    with pytest.raises(NotImplementedError, match="GELU"):
        follow(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.GELU()))


def run(*words):
    return subprocess.run([sys.executable, "-m", "tools.count", *words], capture_output=True, text=True, cwd=ROOT)


def test_the_tool_prints_what_is_counted_and_knows_its_names(resnet18):
    done = run("resnet18")
    assert json.loads(done.stdout)["params"] == resnet18.params == 11_689_512
    wrong = run("resnet19")
    assert wrong.returncode == 1
    assert "resnet19" in wrong.stderr
    assert "resnet18" in wrong.stderr


def test_ids_are_torchvisions_names_and_no_specs():
    assert set(REFERENCES) <= set(torchvision.models.list_models())
    assert not set(REFERENCES) & set(MODELS)
