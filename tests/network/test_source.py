"""The text that a student pastes is the network that the app builds: same keys, same answers, and it runs."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_viz.network.build import Network, meta_network
from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.source import WIDTH, source, trainable_params
from alexnet_viz.network.spec import KINDS, LRN, Activation, BatchNorm, Conv, Linear, Pool, Spec, layer_names, walk
from alexnet_viz.network.zoo import MODELS
from tests.inspection.networks import filled, picture
from tests.network.networks import MADE_UP, narrowed
from tests.random_layers import CONVS, FUNCTIONS, INPUTS, OFTEN_WRONG, POOLS, specs

RUFF = Path(sys.executable).with_name("ruff")


def class_in(text, name="AlexNet"):
    """The class that the text defines, without running its main block."""
    namespace = {"__name__": "pasted"}
    exec(compile(text, "pasted", "exec"), namespace)
    return namespace[name]


def pasted(text, state, name="AlexNet"):
    """An instance with these weights, in evaluation mode and without a second copy of them."""
    with torch.device("meta"):
        model = class_in(text, name)()
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval().requires_grad_(False)


def assert_same_network(spec, batch=2):
    ours = filled(spec)
    theirs = pasted(source(spec), ours.state_dict())
    assert list(theirs.state_dict()) == list(ours.state_dict())
    x = picture(spec, batch=batch)
    with torch.inference_mode():
        assert torch.equal(theirs(x), ours(x))
    rates = [[m.p for m in network.modules() if isinstance(m, torch.nn.Dropout)] for network in (ours, theirs)]
    assert rates[0] == rates[1]  # an answer does not show them


def legal_part(spec):
    return replace(spec, layers=spec.layers[: len(walk(spec).rows)])


def mended(spec):
    """With channels for every group count, numbers that fit, and without the layers that still cannot be."""
    mended = Spec((6 * spec.input[0], *spec.input[1:]), (), spec.rounding)
    for layer in spec.layers:
        if isinstance(layer, Conv):
            layer = replace(layer, channels=6 * layer.channels)
        elif isinstance(layer, Pool):
            layer = replace(
                layer, padding=min(layer.padding, layer.kernel // 2), stride=min(layer.stride, layer.kernel)
            )
        elif isinstance(layer, Linear):
            layer = replace(layer, inputs=[mended.input, *(row.shape for row in walk(mended).rows)][-1][-1])
        longer = replace(mended, layers=(*mended.layers, layer))
        mended = mended if walk(longer).errors else longer
    return mended


ANY = st.one_of(specs(), specs("ceil"))
WINDOWS = st.lists(st.one_of(CONVS, POOLS, POOLS, FUNCTIONS), min_size=1, max_size=4).map(tuple)
SLIDING = st.builds(Spec, INPUTS, WINDOWS, st.sampled_from(["floor", "ceil"]))
LEGAL = st.one_of(ANY.map(legal_part), ANY.map(mended), SLIDING.map(mended))


# ---- the same network -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_id", MODELS)
def test_a_model_of_the_table_is_the_same_network(model_id):
    assert_same_network(narrowed(MODELS[model_id].spec), batch=1)


@pytest.mark.parametrize("name", MADE_UP)
def test_a_made_up_network_is_the_same(name):
    assert_same_network(MADE_UP[name])


def test_random_networks_are_the_same_and_reach_everything():
    """What was seen guards the generator: on networks that hold nothing the comparison would prove nothing."""
    seen, networks = set(), set()

    @given(LEGAL)
    @settings(OFTEN_WRONG, max_examples=600)
    def compare(spec):
        assert_same_network(spec)
        rows = walk(spec).rows
        if len(rows) > 1:
            networks.add(spec)
        seen.add(f"{min(sum(row.kind == 'flatten' for row in rows), 2)} flatten")
        for row in rows:
            seen.add(row.kind)
            match row.layer:
                case Conv(groups=groups) | LRN(groups=groups) if groups > 1:
                    seen.add((row.kind, "groups", spec.rounding))
                case Pool(mode=mode):
                    seen.add((mode, spec.rounding))
                case Activation(function=function):
                    seen.add(function)
                case BatchNorm():
                    seen.add("batch norm of maps" if len(row.input) == 3 else "batch norm of a vector")

    compare()
    assert len(networks) >= 200
    wanted = {*KINDS, "relu", "tanh", "sigmoid", "batch norm of maps", "batch norm of a vector"}
    wanted |= {"0 flatten", "1 flatten", "2 flatten"}
    wanted |= {(mode, rounding) for mode in ("max", "avg") for rounding in ("floor", "ceil")}
    wanted |= {(kind, "groups", rounding) for kind in ("conv", "lrn") for rounding in ("floor", "ceil")}
    assert wanted <= seen


def test_a_pasted_module_prints_as_the_built_one_where_pytorch_has_every_layer():
    spec = MODELS["alexnet_torchvision"].spec
    theirs = pasted(source(spec), meta_network(spec).state_dict())
    assert repr(theirs).splitlines()[1:] == repr(meta_network(spec)).splitlines()[1:]


# ---- how it reads ---------------------------------------------------------------------------------------------------


def test_each_layer_has_its_line_and_its_name():
    spec = MODELS["alexnet_2012"].spec
    text = source(spec)
    assert re.findall(r"  # ([a-z]+\d+|flatten)", text) == [
        *[name for name in layer_names(spec.layers) if name != "flatten"],
        "flatten",
    ]
    for line in (
        "            nn.Conv2d(3, 96, kernel_size=11, stride=4, padding=0),  # conv1 -> 96 x 55 x 55",
        "            nn.ReLU(),  # relu1",
        "            GroupedLRN(size=5, alpha=0.0001, beta=0.75, k=2.0, groups=2),  # norm1",
        "            nn.MaxPool2d(kernel_size=3, stride=2),  # pool1 -> 96 x 27 x 27",
        "            nn.Linear(256 * 6 * 6, 4096),  # fc6 -> 4096",
        "            nn.Linear(4096, num_classes),  # fc8 -> 1000",
        "        x = torch.flatten(x, 1)  # flatten -> 9216",
        '    """For an input of 3 x 227 x 227. The outputs are logits: nn.CrossEntropyLoss contains the softmax."""',
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize("name", ["CeilConv2d", "CeilMaxPool2d", "CeilAvgPool2d", "GroupedLRN"])
def test_a_helper_comes_along_only_where_it_is_needed(name):
    helper = f"class {name}("
    grouped = {"alexnet_2012", "alexnet_cifar_2gpu"} if name == "GroupedLRN" else {"alexnet_2012"}
    assert not any(helper in source(MODELS[model_id].spec) for model_id in MODELS if model_id not in grouped)
    assert helper in source(MADE_UP["everything, ceil"])
    assert "import torch.nn.functional as F" not in source(MODELS["alexnet_2012"].spec)


def test_the_number_of_classes_can_be_chosen():
    lenet = class_in(source(MODELS["lenet5"].spec, "LeNet5"), "LeNet5")
    assert lenet().classifier[-1].out_features == 10
    assert lenet(num_classes=26).eval()(torch.zeros(1, 1, 32, 32)).shape == (1, 26)


@pytest.mark.parametrize("name", ["no flatten", "no flatten, linear on rows", "everything, ceil", "nothing"])
def test_no_classes_where_the_network_does_not_end_in_them(name):
    assert "num_classes" not in source(MADE_UP[name])


def test_the_text_is_formatted_and_free_of_warnings(tmp_path):
    texts = [source(spec) for spec in MADE_UP.values()]
    texts += [source(entry.spec, frozen=entry.frozen) for entry in MODELS.values()]
    texts += [source(MODELS["lenet5"].spec, frozen=tuple(f"features.{i}." for i in range(n))) for n in (2, 9)]
    given(LEGAL)(settings(OFTEN_WRONG, max_examples=50)(lambda spec: texts.append(source(spec))))()
    for i, text in enumerate(texts):
        (tmp_path / f"network_{i}.py").write_text(text, encoding="utf-8")
    assert max(len(line) for text in texts for line in text.splitlines()) <= WIDTH
    for command in (
        ["format", "--check", "--isolated", "--no-cache", f"--config=line-length={WIDTH}"],
        ["check", "--isolated", "--no-cache", f"--config=line-length={WIDTH}", "--select=E,W,F,I,B,C4,SIM,RUF"],
    ):
        done = subprocess.run([RUFF, *command, tmp_path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


# ---- it runs --------------------------------------------------------------------------------------------------------


def run_main(text, capsys):
    exec(compile(text, "pasted", "exec"), {"__name__": "__main__"})
    return capsys.readouterr().out.splitlines()[-3:]


def test_it_runs_as_a_script(tmp_path):
    script = tmp_path / "lenet5.py"
    script.write_text(source(MODELS["lenet5"].spec, "LeNet5"), encoding="utf-8")
    command = [sys.executable, "-I", "-W", "error", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[0] == "LeNet5("
    assert "    (0): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))" in lines
    assert lines[-3:] == ["Total parameters: 61,706", "Trainable parameters: 61,706", "Output shape: (1, 10)"]
    assert done.stderr == ""


def test_frozen_weights_are_set_apart(capsys):
    entry = MODELS["alexnet_200"]
    assert run_main(source(entry.spec, frozen=entry.frozen), capsys) == [
        "Total parameters: 11,886,896",
        "Trainable parameters: 9,417,200",
        "Output shape: (1, 200)",
    ]
    assert "frozen" not in source(entry.spec)


@pytest.mark.parametrize("name", ["everything, floor", "everything, ceil", "no flatten", "nothing"])
def test_the_main_block_runs_for_a_made_up_network(name, capsys):
    spec = MADE_UP[name]
    shape = (1, *[spec.input, *(row.shape for row in walk(spec).rows)][-1])
    params = walk(spec).params
    assert run_main(source(spec), capsys) == [
        f"Total parameters: {params:,}",
        f"Trainable parameters: {params:,}",
        f"Output shape: {shape}",
    ]


# ---- trainable parameters -------------------------------------------------------------------------------------------


def counted(spec, frozen):
    with torch.device("meta"):
        network = Network(spec)
    return sum(p.numel() for name, p in network.named_parameters() if not name.startswith(frozen))


PREFIXES = ["", "features.", "classifier.", "features.0", "features.1.w", "features.1.b", "classifier.0.bias", "head."]


@given(LEGAL, st.lists(st.sampled_from(PREFIXES), max_size=3).map(tuple))
@settings(OFTEN_WRONG, max_examples=200)
def test_trainable_parameters_are_those_of_the_module(spec, frozen):
    assert trainable_params(spec, frozen) == counted(spec, frozen)


@pytest.mark.parametrize("name", MADE_UP)
@pytest.mark.parametrize("prefix", ["features.0.w", "features.0.b", "features.5.b", "classifier.1.w"])
def test_weights_and_biases_can_be_frozen_apart(name, prefix):
    assert trainable_params(MADE_UP[name], (prefix,)) == counted(MADE_UP[name], (prefix,))


@pytest.mark.parametrize(
    ("model_id", "trainable"),
    [("alexnet_200", 9_417_200), ("alexnet_2012", 60_965_224), ("alexnet_cifar", 6_976_842), ("lenet5", 61_706)],
)
def test_trainable_parameters_of_a_model_of_the_table(model_id, trainable):
    assert trainable_params(MODELS[model_id].spec, MODELS[model_id].frozen) == trainable


# ---- what is refused ------------------------------------------------------------------------------------------------

ILLEGAL = read_spec("3x8x8_conv4k3s1p0g1_flat_drop0.5_fc100-10")


@pytest.mark.parametrize("read", [source, trainable_params])
def test_a_network_that_cannot_be_is_refused(read):
    with pytest.raises(ValueError, match="fc2: It expects 100 inputs, but 144 arrive"):
        read(ILLEGAL)


@pytest.mark.parametrize("name", ["", "Alex Net", "2012", "class", "torch", "nn", "F", "GroupedLRN", "print", "x:\n#"])
def test_a_name_that_no_class_can_have_is_refused(name):
    with pytest.raises(ValueError, match="cannot be the name"):
        source(MODELS["lenet5"].spec, name)
