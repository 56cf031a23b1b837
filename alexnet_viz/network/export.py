"""A network as a file for other programs: ONNX, safetensors, or PyTorch's `.pth`.

    data = write(of_model(model), "onnx")          # bytes; opens in Netron, runs in onnxruntime
    data = write(of_edited(model, spec), "pth")    # the edited network, with the weights that still fit
    data = write(of_file(Path("last.safetensors")), "safetensors")

The ONNX graph is one more reader of the spec, written node by node: layers and tensors have the names that people say,
every tensor has its shape, and the batch is open. torch's own exporters were tried (torch 2.14): the one that needs no
onnxscript will be removed, fails on adaptive pooling behind a grouped normalisation, and makes 221 nodes of the 23
layers of alexnet_cifar_2gpu; the other one needs two more packages and is many times slower. Neither keeps the names.

Torch is imported when something is written, so the command line knows the formats at once.
"""

import io
import json
from collections import OrderedDict
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alexnet_viz import __version__
from alexnet_viz.errors import UserError
from alexnet_viz.network.notation import read_spec, write_spec
from alexnet_viz.network.spec import (
    BYTES_PER_VALUE,
    LRN,
    Activation,
    AdaptivePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Linear,
    Pool,
    Rounding,
    Row,
    Shape,
    Spec,
    module_keys,
    walk,
)
from alexnet_viz.network.zoo import MODELS, preprocess_for
from alexnet_viz.words.labels import numbered

if TYPE_CHECKING:
    from torch import Tensor

    from alexnet_viz.network.build import Network
    from alexnet_viz.network.weights import Model

# Read by onnxruntime since 1.12 (2022) and by every Netron; nothing that is written here needs a newer one.
ONNX_OPSET = 17
ONNX_IR = 8
INPUT = "image"  # the graph's input
BATCH = "batch"  # the name of its open dimension


FORMATS = ("onnx", "safetensors", "pth")  # they are the names' suffixes too


@dataclass(frozen=True)
class Portable:
    """A network with what a file says about it."""

    network: "Network"
    model_id: str  # in MODELS: what it is, or what it was made from
    classes: tuple[str, ...]  # class ids in output order
    random: tuple[str, ...]  # layers whose weights have learnt nothing


def of_model(model: "Model") -> Portable:
    """The model as it is. Raises `UserError` where it is too large for a file."""
    check(model.network.spec)
    return Portable(model.network, model.entry.id, model.classes, random_layers(model, model.network.spec))


def of_edited(model: "Model", spec: Spec) -> Portable:
    """An edited network with the model's weights wherever they still fit.

    Raises `UserError` where it is impossible, or too large for a file.
    """
    from alexnet_viz.network.weights import carried_over

    check(spec)
    network, _ = carried_over(model, spec)
    return Portable(network, model.entry.id, _classes(model.classes, spec), random_layers(model, spec))


def of_file(file: Path, written: str = "", names: tuple[str, ...] = ()) -> Portable:
    """The network in a weights file: of the table, or the edited one that `written` or the file itself writes.

    `names` are those of its classes where the file does not name them.
    """
    from alexnet_viz.network.build import with_weights
    from alexnet_viz.network.checkpoint import names_in_metadata
    from alexnet_viz.network.fitting import differences
    from alexnet_viz.network.weights import read_state

    state, metadata = read_state(file)
    written = written or metadata.get("net", "")
    if not written:
        return of_model(_opened(file, names))
    spec = read_spec(written)
    check(spec)
    if differences(spec, {key: tuple(tensor.shape) for key, tensor in state.items()}):
        return of_edited(_opened(file, names), spec)
    network = with_weights(spec, {key: tensor.float() for key, tensor in state.items()})
    named = [names] if names else names_in_metadata(metadata)
    return Portable(network, metadata.get("model", ""), _classes(named[0] if named else (), spec), ())


def _opened(file: Path, names: tuple[str, ...]) -> "Model":
    from alexnet_viz.network.weights import open_model, with_names

    model = open_model(file)
    return with_names(model, names) if names else model


def check(spec: Spec) -> None:
    """Raise `UserError` for a network that no file can hold."""
    from alexnet_viz.network.weights import MAX_BYTES

    walked = walk(spec)
    for remark in walked.errors:
        raise UserError(
            "An impossible network cannot be exported. {layer}: {reason}", layer=remark.layer, reason=remark.text
        )
    size = walked.params * BYTES_PER_VALUE
    if size > MAX_BYTES:
        raise UserError(
            "This network's weights have {megabytes} MB; files of at most {limit} MB are written, since no larger one "
            "can be opened here again. Make its fully connected layers smaller.",
            megabytes=round(size / 2**20),
            limit=MAX_BYTES // 2**20,
        )


def random_layers(model: "Model", spec: Spec) -> tuple[str, ...]:
    """The layers that get random weights when a network is edited to `spec`: all of them from an untrained model."""
    from alexnet_viz.network.weights import changed_layers

    return changed_layers(model.network.spec if model.trained else replace(spec, layers=()), spec)


def onnx_is_here() -> bool:
    """Whether the optional package that ONNX files are written with is installed."""
    return find_spec("onnx") is not None


def write(portable: Portable, format_id: str) -> bytes:
    """The network as a file's bytes. Raises `UserError` for ONNX without its package."""
    if format_id == "onnx":
        return _onnx(portable)
    if format_id == "safetensors":
        import safetensors.torch

        data: bytes = safetensors.torch.save(_tensors(portable), {"format": "pt", **about(portable)})
        return data
    if format_id == "pth":
        import torch

        # What other formats say in their metadata stands where nn.Module writes its own, which load_state_dict ignores.
        state: OrderedDict[str, Any] = OrderedDict(_tensors(portable))
        vars(state)["_metadata"] = OrderedDict({"": {"version": 1, **about(portable)}})
        file = io.BytesIO()
        torch.save(state, file)
        return file.getvalue()
    raise UserError("There is no format {name}. Formats: {known}.", name=format_id, known=", ".join(FORMATS))


def about(portable: Portable) -> dict[str, str]:
    """What a file says about its network: names and JSON, as safetensors and ONNX want it."""
    spec = portable.network.spec
    said = {
        "model": portable.model_id,
        "net": write_spec(spec),
        "classes": json.dumps(portable.classes, ensure_ascii=False),
        "random_layers": json.dumps(portable.random),
    }
    entry = MODELS.get(portable.model_id)
    if entry and (own := preprocess_for(entry, spec)):
        # Shorter side to `size`, the middle `crop` pixels, RGB as 0..1, minus mean, divided by std.
        said["preprocess"] = json.dumps({"size": own.size, "crop": own.crop, "mean": own.mean, "std": own.std})
    return said


def _classes(names: tuple[str, ...], spec: Spec) -> tuple[str, ...]:
    """The names if there is one for each output, else "class 0" and so on."""
    count = walk(spec).rows[-1].shape[0]
    return names if len(names) == count else numbered(count)


# Tensors alone


def _tensors(portable: Portable) -> "dict[str, Tensor]":
    """Copies: safetensors refuses tensors that share memory, and torch.save would write all of what they share."""
    import torch

    state = portable.network.state_dict()
    return {key: tensor.clone(memory_format=torch.contiguous_format) for key, tensor in state.items()}


# ONNX


class _Graph:
    """Nodes, weights and shapes as they are collected. A node's last tensor has the node's name."""

    def __init__(self, state: "dict[str, Tensor]") -> None:
        self.state = state
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.shapes: dict[str, Shape] = {}  # of every tensor between nodes, without the batch

    def add(self, op: str, name: str, inputs: list[str], shape: Shape, **attributes: Any) -> str:
        """One node with one output."""
        return self.add_many(op, name, inputs, {name: shape}, **attributes)[0]

    def add_many(
        self, op: str, name: str, inputs: list[str], outputs: dict[str, Shape], **attributes: Any
    ) -> list[str]:
        from onnx import helper

        self.nodes.append(helper.make_node(op, inputs, list(outputs), name=name, **attributes))
        self.shapes |= outputs
        return list(outputs)

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def weight(self, key: str, *, turned: bool = False) -> str:
        """A tensor of the network, under its own key."""
        tensor = self.state[key]
        return self.constant(key, np.ascontiguousarray(tensor.T if turned else tensor))


def _onnx(portable: Portable) -> bytes:
    if not onnx_is_here():
        raise UserError(
            "ONNX needs packages that are not installed here. Get them with: {command}",
            command="pip install -r requirements-onnx.txt",
        )
    from onnx import TensorProto, helper

    def described(name: str, shape: Shape) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shape])

    spec = portable.network.spec
    graph = _Graph(portable.network.state_dict())
    last = INPUT
    for row, key in zip(walk(spec).rows, module_keys(spec.layers), strict=True):
        last = _layer(graph, row, key, last, spec.rounding)
    output = described(last, graph.shapes.pop(last))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            portable.model_id or "network",
            [described(INPUT, spec.input)],
            [output],
            graph.weights,
            value_info=[described(name, shape) for name, shape in graph.shapes.items()],
        ),
        opset_imports=[helper.make_opsetid("", ONNX_OPSET)],
        ir_version=ONNX_IR,
        producer_name="AlexNet Explorer",
        producer_version=__version__,
    )
    helper.set_model_props(model, about(portable))
    data: bytes = model.SerializeToString()
    return data


def _layer(graph: _Graph, row: Row, key: str, x: str, rounding: Rounding) -> str:
    """Write one layer. Returns the name of its output."""
    match row.layer:
        case Conv() as layer:
            return graph.add(
                "Conv",
                row.name,
                [x, graph.weight(f"{key}.weight"), graph.weight(f"{key}.bias")],
                row.shape,
                group=layer.groups,
                **_window(layer, row, rounding, layer.padding),
            )
        case Pool() as layer:
            return _pool(graph, row, layer, x, rounding)
        case AdaptivePool(size):
            return _adaptive_pool(graph, row, size, x)
        case LRN() as layer:
            # As float32, in which the file has them: a smaller number than that knows is 0 there.
            onnx_has_it = layer.size % 2 == 1 and np.float32(layer.alpha) > 0 and np.float32(layer.beta) > 0
            return _lrn(graph, row, layer, x) if onnx_has_it else _lrn_by_hand(graph, row, layer, x)
        case BatchNorm():
            parts = ("weight", "bias", "running_mean", "running_var")
            return graph.add(
                "BatchNormalization", row.name, [x, *(graph.weight(f"{key}.{part}") for part in parts)], row.shape
            )
        case Activation(function):
            return graph.add({"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}[function], row.name, [x], row.shape)
        case Dropout(rate):
            # Without training it does nothing; it stays to be seen. A rate of 1 is not ONNX's.
            share = graph.constant(f"{row.name}.rate", np.array(min(rate, 0.999), np.float32))
            return graph.add("Dropout", row.name, [x, share], row.shape)
        case Flatten():
            return graph.add("Flatten", row.name, [x], row.shape)
        case Linear():
            return _linear(graph, row, key, x)


def _window(layer: Conv | Pool, row: Row, rounding: Rounding, before: int) -> dict[str, Any]:
    """How a window moves. Under the ceil rule, what its last place lacks is added on the bottom and right."""
    k, s = layer.kernel, layer.stride
    after = [layer.padding, layer.padding]
    if rounding == "ceil":
        sides = zip(row.input[1:], row.shape[1:], strict=True)
        after = [(out - 1) * s + k - n - layer.padding for n, out in sides]
    return {"kernel_shape": [k, k], "strides": [s, s], "pads": [before, before, *after]}


def _pool(graph: _Graph, row: Row, layer: Pool, x: str, rounding: Rounding) -> str:
    op = {"max": "MaxPool", "avg": "AveragePool"}[layer.mode]
    # torch's mean counts padding as zeros, the 2012 code's only the pixels that are there.
    more = {"count_include_pad": int(rounding == "floor")} if layer.mode == "avg" else {}
    # Windows in padding alone, at the top and left, are 0 by the 2012 rule; ONNX has no such windows.
    empty = max(0, (layer.padding - layer.kernel) // layer.stride + 1)
    more |= _window(layer, row, rounding, layer.padding - empty * layer.stride)
    if not empty:
        return graph.add(op, row.name, [x], row.shape, **more)
    channels, height, width = row.shape
    inside = graph.add(op, f"{row.name}.inside", [x], (channels, height - empty, width - empty), **more)
    pads = graph.constant(f"{row.name}.pads", np.array([0, 0, empty, empty, 0, 0, 0, 0]))
    return graph.add("Pad", row.name, [inside, pads], row.shape)


def _adaptive_pool(graph: _Graph, row: Row, size: int, x: str) -> str:
    channels, height, width = row.input
    if height % size == 0 and width % size == 0:
        kernel = [height // size, width // size]
        return graph.add("AveragePool", row.name, [x], row.shape, kernel_shape=kernel, strides=kernel)
    # Windows of unequal sizes: means over rows, then over columns, each as one multiplication.
    rows = graph.constant(f"{row.name}.rows", _means(height, size))
    columns = graph.constant(f"{row.name}.columns", np.ascontiguousarray(_means(width, size).T))
    fewer = graph.add("MatMul", f"{row.name}.over_rows", [rows, x], (channels, size, width))
    return graph.add("MatMul", row.name, [fewer, columns], row.shape)


def _means(side: int, size: int) -> NDArray[np.float32]:
    """The matrix, (size, side), that takes means over the windows of adaptive pooling; they may overlap."""
    matrix = np.zeros((size, side), np.float32)
    for i in range(size):
        window = slice(i * side // size, -(-(i + 1) * side // size))
        matrix[i, window] = 1 / (window.stop - window.start)
    return matrix


def _lrn(graph: _Graph, row: Row, layer: LRN, x: str) -> str:
    """ONNX's own operator; with groups one for each, as on the paper's two GPUs."""
    settings = {"size": layer.size, "alpha": layer.alpha, "beta": layer.beta, "bias": layer.k}
    if layer.groups == 1:
        return graph.add("LRN", row.name, [x], row.shape, **settings)
    part = (row.shape[0] // layer.groups, *row.shape[1:])
    numbers = range(1, layer.groups + 1)
    apart = graph.add_many("Split", f"{row.name}.split", [x], {f"{row.name}.maps{i}": part for i in numbers}, axis=1)
    done = [
        graph.add("LRN", f"{row.name}.group{i}", [maps], part, **settings)
        for i, maps in zip(numbers, apart, strict=True)
    ]
    return graph.add("Concat", row.name, done, row.shape, axis=1)


def _lrn_by_hand(graph: _Graph, row: Row, layer: LRN, x: str) -> str:
    """The formula, x / (k + alpha * mean of squares)^beta, for settings that ONNX's operator does not take."""
    channels, height, width = row.shape
    apart = (layer.groups, channels // layer.groups, height * width)

    def step(op: str, name: str, inputs: list[str], shape: Shape, **attributes: Any) -> str:
        return graph.add(op, f"{row.name}.{name}", inputs, shape, **attributes)

    def number(name: str, value: float) -> str:
        return graph.constant(f"{row.name}.{name}", np.array(value, np.float32))

    def reshaped(name: str, tensor: str, shape: Shape) -> str:
        target = graph.constant(f"{row.name}.{name}_shape", np.array([-1, *shape]))
        return step("Reshape", name, [tensor, target], shape)

    # Groups lie where a convolution has channels, channels where it has rows: a window does not cross groups.
    squares = reshaped("apart", step("Mul", "squares", [x, x], row.shape), apart)
    means = step(
        "AveragePool",
        "means",
        [squares],
        apart,
        kernel_shape=[layer.size, 1],
        pads=[layer.size // 2, 0, (layer.size - 1) // 2, 0],
        count_include_pad=1,
    )
    scaled = step("Mul", "scaled", [reshaped("together", means, row.shape), number("alpha", layer.alpha)], row.shape)
    base = step("Add", "base", [scaled, number("k", layer.k)], row.shape)
    return graph.add(
        "Div", row.name, [x, step("Pow", "divisor", [base, number("beta", layer.beta)], row.shape)], row.shape
    )


def _linear(graph: _Graph, row: Row, key: str, x: str) -> str:
    bias = f"{key}.bias"
    if len(row.input) == 1:
        weights = [graph.weight(f"{key}.weight"), graph.weight(bias)]
        return graph.add("Gemm", row.name, [x, *weights], row.shape, transB=1)
    # Without a Flatten it is applied to each row of each map, which Gemm cannot.
    product = graph.add("MatMul", f"{row.name}.product", [x, graph.weight(f"{key}.weight", turned=True)], row.shape)
    return graph.add("Add", row.name, [product, graph.weight(bias)], row.shape)
