"""Exported files: read by other programs, they give the same answers."""

import io
import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from safetensors.torch import save_file

from alexnet_viz.errors import UserError
from alexnet_viz.network import export
from alexnet_viz.network.build import with_weights
from alexnet_viz.network.export import Portable, of_edited, of_file, of_model, random_layers, write
from alexnet_viz.network.notation import write_spec
from alexnet_viz.network.source import source
from alexnet_viz.network.sources import RANDOM
from alexnet_viz.network.spec import LRN, Activation, AdaptivePool, BatchNorm, Conv, Flatten, Linear, Pool, Spec, walk
from alexnet_viz.network.weights import carried_over, load_model, open_model
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.words.labels import class_ids
from tests.inspection.networks import filled, specs
from tests.network.networks import MADE_UP, narrowed, seed_class
from tests.random_layers import OFTEN_WRONG

CLOSE = 1e-4
MANY = settings(OFTEN_WRONG, max_examples=150)

SMALL = MADE_UP["everything, floor"]


def portable_of(spec):
    return Portable(filled(spec), "", tuple(f"class {i}" for i in range(walk(spec).rows[-1].shape[0])), ())


def run_onnx(data, x):
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {export.INPUT: x.numpy()})
    return answer


def assert_same_answers(portable, batch=2):
    """onnxruntime's answers are the network's; checked with a batch that the file does not know of."""
    spec = portable.network.spec
    x = torch.randn(batch, *spec.input, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = portable.network(x).numpy()
    np.testing.assert_allclose(run_onnx(write(portable, "onnx"), x), expected, rtol=CLOSE, atol=CLOSE)


def written_shapes(model):
    """The shape that the file states for each tensor between nodes, batch included."""
    described = [*model.graph.value_info, *model.graph.output]
    return {item.name: [d.dim_param or d.dim_value for d in item.type.tensor_type.shape.dim] for item in described}


# ---- ONNX -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_id", MODELS)
def test_onnxruntime_answers_as_every_model_does(model_id):
    shipped = MODELS[model_id].shipped
    assert_same_answers(of_model(load_model(model_id)) if shipped else portable_of(narrowed(MODELS[model_id].spec)))


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
def test_onnxruntime_answers_as_an_edited_network_does(rounding):
    spec = replace(MODELS["alexnet_cifar_2gpu"].spec.at_input(33), rounding=rounding)
    layers = spec.layers
    at = layers.index(Flatten())
    spec = replace(spec, layers=(Conv(8, 5, 3, 2), BatchNorm(), *layers[:at], AdaptivePool(4), *layers[at:]))
    assert not walk(spec).errors
    assert_same_answers(of_edited(load_model("alexnet_cifar_2gpu"), spec))


@pytest.mark.parametrize("spec", [spec for spec in MADE_UP.values() if spec.layers])
def test_onnxruntime_answers_as_made_up_networks_do(spec):
    assert_same_answers(portable_of(spec))


@given(specs().filter(lambda spec: spec.layers))
@MANY
def test_onnxruntime_answers_as_small_random_networks_do(spec):
    assert_same_answers(portable_of(spec), batch=3)


@given(specs().filter(lambda spec: spec.layers))
@MANY
def test_every_shape_in_the_file_is_the_one_that_onnx_infers(spec):
    model = onnx.load_from_string(write(portable_of(spec), "onnx"))
    onnx.checker.check_model(model, full_check=True)
    stated = written_shapes(model)
    assert set(stated) == {name for node in model.graph.node for name in node.output}
    del model.graph.value_info[:]
    inferred = written_shapes(onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True))
    for name, shape in stated.items():
        assert inferred[name][1:] == shape[1:], name


@pytest.mark.parametrize(
    "layer",
    [
        LRN(size=4),  # ONNX's own operator takes odd sizes alone
        LRN(size=2, alpha=3.0, groups=2),
        LRN(size=5, alpha=0.0),
        LRN(size=5, alpha=2.0, beta=0.0, groups=4),
        LRN(size=3, alpha=2.0, k=1.0, groups=4),
        LRN(size=9, alpha=2.0),  # wider than the channels
        AdaptivePool(5),  # windows that overlap
        AdaptivePool(20),  # larger than what arrives
    ],
    ids=repr,
)
def test_settings_that_onnx_has_no_operator_for(layer):
    assert_same_answers(portable_of(Spec((8, 9, 7), (layer,))))


@pytest.mark.parametrize("mode", ["max", "avg"])
@pytest.mark.parametrize("padding", [0, 1, 2, 3, 5, 6])
def test_the_2012_pools_windows_in_padding_alone_are_zero(mode, padding):
    # All values below 0, so that a maximum with such a window shows.
    spec = Spec((1, 5, 8), (Conv(1, 1), Pool(2, 2, padding, mode)), "ceil")
    state = {"features.0.weight": torch.zeros(1, 1, 1, 1), "features.0.bias": torch.tensor([-3.0])}
    network = with_weights(spec, state)
    x = torch.zeros(1, *spec.input)
    answer = run_onnx(write(Portable(network, "", (), ()), "onnx"), x)
    np.testing.assert_allclose(answer, network(x).numpy(), rtol=CLOSE)
    assert (answer == 0).any() == (padding >= 2)


def test_layers_and_tensors_have_the_names_that_people_say():
    portable = portable_of(SMALL)
    model = onnx.load_from_string(write(portable, "onnx"))
    names = [row.name for row in walk(SMALL).rows]
    assert [node.name for node in model.graph.node if node.name in names] == names
    assert set(names) <= {name for node in model.graph.node for name in node.output}
    assert all(node.name.split(".")[0] in names for node in model.graph.node)
    assert {item.name for item in model.graph.initializer} >= {
        key for key in portable.network.state_dict() if "num_batches" not in key
    }


def test_the_papers_two_groups_are_seen_side_by_side():
    model = onnx.load_from_string(write(portable_of(Spec((96, 3, 3), (LRN(groups=2),))), "onnx"))
    assert [node.op_type for node in model.graph.node] == ["Split", "LRN", "LRN", "Concat"]
    assert written_shapes(model)["norm0.group1"] == ["batch", 48, 3, 3]


def test_the_batch_is_open_and_the_file_tells_about_its_network():
    model = load_model("alexnet_cifar")
    read = onnx.load_from_string(write(of_model(model), "onnx"))
    (image,) = read.graph.input
    assert [d.dim_param or d.dim_value for d in image.type.tensor_type.shape.dim] == ["batch", 3, 32, 32]
    said = {item.key: item.value for item in read.metadata_props}
    assert said["model"] == "alexnet_cifar"
    assert said["net"] == write_spec(model.network.spec)
    assert json.loads(said["classes"]) == list(class_ids("cifar10"))
    assert json.loads(said["random_layers"]) == []
    own = MODELS["alexnet_cifar"].preprocess
    assert json.loads(said["preprocess"]) == {"size": 32, "crop": 32, "mean": list(own.mean), "std": list(own.std)}


def test_without_its_package_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    assert not export.onnx_is_here()
    with pytest.raises(UserError, match=r"pip install -r requirements-onnx\.txt"):
        write(portable_of(SMALL), "onnx")


# ---- tensors alone --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "model_id"), [("AlexNet", "alexnet_single"), ("AlexNetCIFAR", "alexnet_cifar")])
def test_the_seeds_classes_load_the_pth_strictly(name, model_id):
    portable = of_model(load_model(model_id))
    with torch.device("meta"):
        theirs = seed_class(name)()
    # Activations have no weights, so an edited network that has others loads too.
    spec = portable.network.spec
    tanh = replace(spec, layers=tuple(Activation("tanh") if isinstance(a, Activation) else a for a in spec.layers))
    for exported in (of_edited(load_model(model_id), tanh), portable):
        theirs.load_state_dict(torch.load(io.BytesIO(write(exported, "pth"))), strict=True, assign=True)
    x = torch.randn(1, *portable.network.spec.input, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.allclose(theirs.eval()(x), portable.network(x), atol=1e-5)


def test_the_code_that_the_page_shows_loads_the_pth_of_an_edited_network():
    names = {}
    exec(source(SMALL), names)  # what a student pastes
    network = names["AlexNet"]().eval()
    portable = portable_of(SMALL)
    network.load_state_dict(torch.load(io.BytesIO(write(portable, "pth"))), strict=True)
    x = torch.randn(2, *SMALL.input, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.allclose(network(x), portable.network(x), atol=1e-5)


@pytest.mark.parametrize("format_id", ["pth", "safetensors"])
def test_what_is_written_opens_here_again(tmp_path, format_id):
    model = load_model("alexnet_cifar")
    file = tmp_path / f"mine.{format_id}"
    file.write_bytes(write(of_model(model), format_id))
    again = open_model(file)
    assert (again.entry, again.classes) == (model.entry, model.classes)
    for key, tensor in model.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[key], tensor)
    if format_id == "safetensors":
        assert again.metadata["format"] == "pt"
        assert again.metadata["net"] == write_spec(model.network.spec)


def test_a_slice_of_a_large_tensor_is_written_alone():
    large = torch.zeros(1000, 4)
    network = with_weights(
        Spec((4,), (Linear(4, 2),)), {"features.0.weight": large[:2], "features.0.bias": large[2, :2]}
    )
    assert len(write(Portable(network, "", ("a", "b"), ()), "pth")) < 4000
    assert len(write(Portable(network, "", ("a", "b"), ()), "safetensors")) < 1000


# ---- what is exported -----------------------------------------------------------------------------------------------


def test_layers_with_random_weights_are_named():
    model = load_model("alexnet_cifar")
    layers = list(model.network.spec.layers)
    layers[0] = replace(layers[0], channels=32)
    spec = replace(model.network.spec, layers=tuple(layers))
    assert random_layers(model, spec) == ("conv1", "conv2") == carried_over(model, spec)[1]
    said = onnx.load_from_string(write(of_edited(model, spec), "onnx")).metadata_props
    assert {item.key: item.value for item in said}["random_layers"] == '["conv1", "conv2"]'
    assert random_layers(model, model.network.spec) == ()
    assert of_model(load_model("lenet5", RANDOM)).random == ("conv1", "conv2", "fc3", "fc4", "fc5"), "untrained: all"


def test_other_outputs_have_numbers_for_names():
    model = load_model("alexnet_cifar")
    spec = model.network.spec
    fewer = replace(spec, layers=(*spec.layers[:-1], Linear(512, 3)))
    assert of_edited(model, fewer).classes == ("class 0", "class 1", "class 2")
    assert of_edited(model, spec).classes == model.classes


def test_a_file_of_an_edited_network_says_of_which_or_is_told(tmp_path):
    state = filled(SMALL).state_dict()
    file = tmp_path / "last.safetensors"
    save_file(state, file, {"net": write_spec(SMALL), "classes": json.dumps(["a", "b", "c", "d"]), "model": "lenet5"})
    portable = of_file(file)
    assert (portable.network.spec, portable.classes, portable.random) == (SMALL, ("a", "b", "c", "d"), ())
    assert torch.equal(portable.network.state_dict()["features.0.weight"], state["features.0.weight"])
    torch.save(state, tmp_path / "mine.pth")
    assert of_file(tmp_path / "mine.pth", write_spec(SMALL)).network.spec == SMALL
    with pytest.raises(UserError, match="does not fit"):
        of_file(tmp_path / "mine.pth")


def test_a_file_of_the_table_is_edited_where_it_does_not_fit_what_is_told(tmp_path):
    file = tmp_path / "mine.pth"
    file.write_bytes(write(of_model(load_model("alexnet_cifar")), "pth"))
    assert of_file(file).model_id == "alexnet_cifar"
    spec = MODELS["alexnet_cifar"].spec
    wider = replace(spec, layers=(Conv(64, 5, padding=2), *spec.layers[1:]))
    assert of_file(file, write_spec(wider)).random == ("conv1",)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (MODELS["alexnet_cifar"].spec.at_input(40), r"fc6.*4,096.*6,400"),
        # Refused before memory is taken.
        (Spec((3, 32, 32), (Flatten(), Linear(3072, 2_000_000), Linear(2_000_000, 8192))), "300 MB"),
    ],
    ids=["impossible", "too large"],
)
def test_a_network_that_no_file_can_hold_is_refused(spec, says):
    with pytest.raises(UserError, match=says):
        of_edited(load_model("alexnet_cifar"), spec)


def test_an_unknown_format_is_answered_with_the_known_ones():
    with pytest.raises(UserError, match="onnx, safetensors, pth"):
        write(portable_of(SMALL), "caffe")
