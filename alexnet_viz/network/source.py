"""A network as PyTorch source text, to be pasted and run as it is.

    print(source(MODELS["lenet5"].spec, "LeNet5"))
    print(source(spec, frozen=("features.",)))  # with the lines that keep the convolutions as they are

The text stands alone: it needs torch and nothing of this app. What PyTorch has no layer for (the ceil rule, LRN in
groups) comes along as a helper class, only where the network needs it. The class's `state_dict` keys are those of
`build.Network`, so weight files fit both. Raises `ValueError` for a spec in which `walk()` finds an error.
"""

import ast
import builtins
import keyword
import math
from json import dumps
from pathlib import Path
from typing import Any

from alexnet_viz.network.arithmetic import shape_text
from alexnet_viz.network.spec import (
    LRN,
    Activation,
    AdaptivePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Pool,
    Rounding,
    Row,
    Shape,
    Spec,
    module_keys,
    walk,
)

WIDTH = 110  # columns of the text
_KEEPS_SHAPE = (Activation, BatchNorm, Dropout, LRN)


# The text of each class that may come along.
_EXTRA_LAYERS = Path(__file__).with_name("extra_layers.py").read_text(encoding="utf-8")
_HELPERS = {
    node.name: f"{ast.get_source_segment(_EXTRA_LAYERS, node)}\n"
    for node in ast.parse(_EXTRA_LAYERS).body
    if isinstance(node, ast.ClassDef)
}
_TAKEN = {"torch", "nn", "F", *_HELPERS, *dir(builtins)}


def source(spec: Spec, class_name: str = "AlexNet", frozen: tuple[str, ...] = ()) -> str:
    """The network as Python source: imports, helpers where needed, the class, and a main block that tries it out.

    `frozen` are beginnings of parameter names, as in `ModelEntry.frozen`: the main block shuts those off from training.
    """
    if not class_name.isidentifier() or keyword.iskeyword(class_name) or class_name in _TAKEN:
        raise ValueError(f"{class_name!r} cannot be the name of the class; AlexNet can")
    rows = _rows(spec)
    network_class = _network_class(spec, rows, class_name)
    helpers = [text for name, text in _HELPERS.items() if f" {name}(" in network_class]
    imports = "import torch\nimport torch.nn as nn\n"
    if any("F." in helper for helper in helpers):
        imports += "import torch.nn.functional as F\n"
    main = _main_block(spec, rows, class_name, frozen)
    return "\n\n".join([imports, *helpers, network_class, main])


def trainable_params(spec: Spec, frozen: tuple[str, ...] = ()) -> int:
    """How many parameters training changes: all but those whose name (`features.0.weight`) begins as `frozen` says."""
    count = 0
    for row, key in zip(_rows(spec), module_keys(spec.layers), strict=True):
        biases = 0 if not row.params else row.shape[-1] if isinstance(row.layer, Linear) else row.shape[0]
        for name, size in (("weight", row.params - biases), ("bias", biases)):
            count += 0 if f"{key}.{name}".startswith(frozen) else size
    return count


def _rows(spec: Spec) -> tuple[Row, ...]:
    walked = walk(spec)
    for error in walked.errors:
        raise ValueError(f"{error.layer}: {error.text}")
    return walked.rows


# ---- the class ------------------------------------------------------------------------------------------------------


def _network_class(spec: Spec, rows: tuple[Row, ...], class_name: str) -> str:
    parts: dict[str, list[str]] = {"features": [], "classifier": []}
    flatten: Row | None = None  # the one that forward() does
    flattened: Shape = ()  # the maps that the next fully connected layer sees as one vector
    for row, key in zip(rows, module_keys(spec.layers), strict=True):
        if not key:
            flatten, flattened = row, row.input
            continue
        name, values, settings = module_call(row.layer, row.input, spec.rounding)
        arguments = [*map(_number, values), *(f"{setting}={_number(value)}" for setting, value in settings.items())]
        if isinstance(row.layer, Linear):
            if flattened:
                arguments[0] = " * ".join(map(str, flattened))  # 256 * 6 * 6 says where the 9216 come from
                flattened = ()
            if row is rows[-1] and _classifies(rows):
                arguments[1] = "num_classes"
        parts[key.split(".")[0]] += _line(name if name in _HELPERS else f"nn.{name}", arguments, _comment(row))

    has_classes = _classifies(rows)
    logits = " The outputs are logits: nn.CrossEntropyLoss contains the softmax." if has_classes else ""
    lines = [
        f"class {class_name}(nn.Module):",
        f'    """For an input of {shape_text(spec.input)}.{logits}"""',
        "",
        f"    def __init__(self, num_classes={rows[-1].shape[-1]}):" if has_classes else "    def __init__(self):",
        "        super().__init__()",
        "",
        *_sequential("features", parts["features"]),
    ]
    if flatten:
        lines += ["", *_sequential("classifier", parts["classifier"])]
    lines += ["", "    def forward(self, x):", "        x = self.features(x)"]
    if flatten:
        lines += [f"        x = torch.flatten(x, 1)  # {_comment(flatten)}", "        x = self.classifier(x)"]
    return "\n".join([*lines, "        return x", ""])


def _classifies(rows: tuple[Row, ...]) -> bool:
    """Whether the network ends in one fully connected layer's vector, so that its length is a choice of classes."""
    return bool(rows) and isinstance(rows[-1].layer, Linear) and len(rows[-1].shape) == 1


def _sequential(part: str, lines: list[str]) -> list[str]:
    if not lines:
        return [f"        self.{part} = nn.Sequential()"]
    return [f"        self.{part} = nn.Sequential(", *lines, "        )"]


def _line(name: str, arguments: list[str], comment: str) -> list[str]:
    """One layer, on one line with its comment if that fits."""
    call = f"            {name}({', '.join(arguments)}),"
    if len(f"{call}  # {comment}") <= WIDTH:
        return [f"{call}  # {comment}"]
    if len(call) <= WIDTH:
        return [f"            # {comment}", call]
    return [
        f"            # {comment}",
        f"            {name}(",
        *(f"                {argument}," for argument in arguments),
        "            ),",
    ]


def _comment(row: Row) -> str:
    """conv1 -> 96 x 55 x 55; the name alone where the shape never changes."""
    return row.name if isinstance(row.layer, _KEEPS_SHAPE) else f"{row.name} -> {shape_text(row.shape)}"


def module_call(layer: Layer, arriving: Shape, rounding: Rounding) -> tuple[str, list[Any], dict[str, Any]]:
    """A layer's class, by its name in `torch.nn` or `extra_layers`, and the arguments that make it."""
    up, maps = rounding == "ceil", len(arriving) == 3
    match layer:
        case Conv(channels, kernel, stride, padding, groups):
            settings = {"kernel_size": kernel, "stride": stride, "padding": padding}
            grouped = {"groups": groups} if groups > 1 else {}
            return "CeilConv2d" if up else "Conv2d", [arriving[0], channels], settings | grouped
        case Pool(kernel, stride, padding, mode):
            settings = {"kernel_size": kernel, "stride": stride} | ({"padding": padding} if padding else {})
            return "Ceil" * up + {"max": "MaxPool2d", "avg": "AvgPool2d"}[mode], [], settings
        case AdaptivePool(size):
            return "AdaptiveAvgPool2d", [(size, size)], {}
        case LRN(groups=1):
            return "LocalResponseNorm", [], {name: value for name, value in vars(layer).items() if name != "groups"}
        case LRN():
            return "GroupedLRN", [], vars(layer)
        case BatchNorm():
            return "BatchNorm2d" if maps else "BatchNorm1d", [arriving[0]], {}
        case Activation(function):
            return {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}[function], [], {}
        case Dropout(rate):
            return "Dropout", [rate], {}
        case Flatten():
            return "Flatten", [], {}  # a second one, which changes nothing
        case Linear(inputs, outputs):
            return "Linear", [inputs, outputs], {}


def _number(value: Any) -> str:
    return str(value) if isinstance(value, tuple) or math.isfinite(value) else f'float("{value}")'


# ---- the main block -------------------------------------------------------------------------------------------------


def _main_block(spec: Spec, rows: tuple[Row, ...], class_name: str, frozen: tuple[str, ...]) -> str:
    classes = f"num_classes={rows[-1].shape[-1]}" if _classifies(rows) else ""
    shape = ", ".join(map(str, (1, *spec.input)))
    rests = any(isinstance(row.layer, BatchNorm | Dropout) for row in rows)
    lines = [
        'if __name__ == "__main__":',
        f"    model = {class_name}({classes})",
        "    print(model)",
        "",
        *_freezing(frozen),
        "    total_params = sum(p.numel() for p in model.parameters())",
        "    trainable_params = sum(p.numel() for p in model.parameters() if p.requires_grad)",
        '    print(f"Total parameters: {total_params:,}")',
        '    print(f"Trainable parameters: {trainable_params:,}")',
        "",
        *(["    model.eval()  # for answers: dropout rests, batch norm uses what it has learnt"] if rests else []),
        f"    x = torch.randn({shape})",
        "    output = model(x)",
        '    print(f"Output shape: {tuple(output.shape)}")',
    ]
    return "\n".join([*lines, ""])


def _freezing(frozen: tuple[str, ...]) -> list[str]:
    if not frozen:
        return []
    prefixes = [dumps(prefix, ensure_ascii=False) for prefix in frozen]
    one_line = f"    frozen = ({', '.join(prefixes)}{',' * (len(prefixes) == 1)})"
    several = ["    frozen = (", *(f"        {prefix}," for prefix in prefixes), "    )"]
    return [
        "    # Frozen: training leaves these weights as they are.",
        *([one_line] if len(one_line) <= WIDTH else several),
        "    for name, parameter in model.named_parameters():",
        "        if name.startswith(frozen):",
        "            parameter.requires_grad = False",
        "",
    ]
