"""What in a picture speaks for a class, and what against it.

    answer = attribute(model, picture.image, "gradcam")                        # relu5, the top class
    answer = attribute(model, picture.image, "occlusion", target="truck", settings={"window": 20})
    answer.heat                         # (H, W) of the network's input, signed; rectified(answer.heat) to draw Grad-CAM

    for step in attribute_steps(model, picture.image, "integrated_gradients"):  # Progress, ..., then the Attribution
        ...                             # stop asking, or close() it, and nothing is left behind

Each call works on a view of its own, which shares the model's weights: any number of visitors at once get the answers
that each would get alone.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.activations import Floats
from alexnet_viz.inspection.attribution.algorithms import ClassScore, Outcome, Request, Value
from alexnet_viz.inspection.attribution.methods import METHODS, Method, Setting
from alexnet_viz.inspection.classify import softmax
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.network.build import view
from alexnet_viz.network.fields import check_layer
from alexnet_viz.network.spec import LRN, Activation, Conv, Spec, walk
from alexnet_viz.network.weights import Model
from alexnet_viz.network.zoo import preprocess_for
from alexnet_viz.pictures.images import Preprocess
from alexnet_viz.words.i18n import Message

Target = int | str | None  # index of a class, its id, or None for the top class


@dataclass(frozen=True)
class Completeness:
    """Whether a map adds up to what it explains: the logit's difference between the picture and the baseline."""

    total: float  # sum of the map
    difference: float  # logit of the picture minus logit of the baseline

    @property
    def error(self) -> float:
        """How far off, as a share of the difference: 0.01 is 1 %. Infinite where there is no difference to explain."""
        return abs(self.total - self.difference) / abs(self.difference) if self.difference else float("inf")


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """One method's answer about one class. Plain arrays, so that it can be cached."""

    method: str
    layer: str  # "" where the method asks for none
    target: int  # index of the class
    class_id: str
    probability: float  # of that class, for the picture itself
    logit: float
    heat: Floats  # (H, W) of the network's input, signed: colours added up, positive speaks for the class
    raw: Floats | None  # (h, w), what a CAM method found before enlarging
    completeness: Completeness | None  # of the methods that promise to add up
    settings: Mapping[str, Value]  # all of them, defaults too
    seconds: float  # from picture to heat, preprocessing included
    notes: tuple[Message, ...]  # what a reader should know about this very map


def attribute(model: Model, picture: Image.Image | Floats, method_id: str, **asked: Any) -> Attribution:
    """One method's answer; what may be asked, and what is raised, as of `attribute_steps`."""
    *_, answer = attribute_steps(model, picture, method_id, **asked)
    assert isinstance(answer, Attribution)
    return answer


def attribute_steps(
    model: Model,
    picture: Image.Image | Floats,
    method_id: str,
    *,
    layer: str = "",
    target: Target = None,
    settings: Mapping[str, Value] | None = None,
) -> Iterator[Progress | Attribution]:
    """`Progress` after each chunk of a slow method, the `Attribution` last.

    `picture` is an image, or the network's input (C, H, W); `layer` see `map_layer`. Raises `UserError`, at the first
    step, for a method, layer, class or setting that does not exist.
    """
    started = time.perf_counter()
    method = _method(method_id)
    request = Request(
        score=ClassScore(view(model.network), class_index(model, target)),
        picture=torch.from_numpy(input_array(model, picture))[None],
        layer=map_layer(model.network.spec, layer) if method.needs_layer else "",
        settings=_complete(method, settings or {}),
        preprocess=preprocess_of(model),
    )
    for step in method.run(request):
        yield _answer(model, method, request, step, started) if isinstance(step, Outcome) else step


def _answer(model: Model, method: Method, request: Request, outcome: Outcome, started: float) -> Attribution:
    score = request.score
    heat = outcome.heat.detach().sum(1)[0].numpy()
    raw = None if outcome.raw is None else outcome.raw[0, 0].numpy()
    completeness = _completeness(score, outcome, heat)
    return Attribution(
        method=method.id,
        layer=request.layer,
        target=score.target,
        class_id=model.classes[score.target],
        probability=float(softmax(score.logits.numpy())[score.target]),
        logit=float(score.logits[score.target]),
        heat=heat,
        raw=raw,
        completeness=completeness,
        settings=request.settings,
        seconds=time.perf_counter() - started,
        notes=(*_blank(heat, raw, request.layer), *_notes(model.network.spec, method, completeness)),
    )


def _completeness(score: ClassScore, outcome: Outcome, heat: Floats) -> Completeness | None:
    if outcome.baseline is None:
        return None
    with torch.no_grad():
        there = float(score(outcome.baseline)[0])
    return Completeness(float(heat.sum(dtype=np.float64)), float(score.logits[score.target]) - there)


def _blank(heat: Floats, raw: Floats | None, layer: str) -> Iterator[Message]:
    """Where there is nothing to see, as drawn or at all."""
    if not heat.any():
        yield Message("This map is blank: to this method, no pixel speaks for or against this class.")
    elif raw is not None and not raw.max() > 0:
        yield Message(
            "Drawn as in the paper this map is blank: at {layer} nothing speaks for this class, no value of the "
            "weighted sum is above 0. Look at the signed map.",
            layer=layer,
        )


def _notes(spec: Spec, method: Method, completeness: Completeness | None) -> Iterator[Message]:
    if method.id.startswith("guided") and Activation("relu") not in spec.layers:
        yield Message("This network has no ReLU, so guided backpropagation is the plain gradient here.")
    if method.id == "deeplift" and any(isinstance(layer, LRN) for layer in spec.layers):
        yield Message("DeepLIFT has no rule for LRN and takes its gradient, so the map does not add up.")
    if completeness is not None and completeness.error > 0.01:
        yield Message(
            "The map adds up to {total}; the logit's difference from the baseline is {difference}.",
            total=f"{completeness.total:.2f}",
            difference=f"{completeness.difference:.2f}",
        )


def preprocess_of(model: Model) -> Preprocess:
    """The preprocessing that fits the model's input, also after an edit."""
    found = preprocess_for(model.entry, model.network.spec)
    if found is None:
        raise UserError(
            "This network's input is {shape}: no photograph fits it. Give it 1 or 3 channels, as high as wide.",
            shape=" x ".join(map(str, model.network.spec.input)),
        )
    return found


def input_array(model: Model, picture: Image.Image | Floats) -> Floats:
    """The network's input, (C, H, W): an image is preprocessed, an array is taken as it is."""
    return preprocess_of(model).to_array(picture) if isinstance(picture, Image.Image) else picture


def class_index(model: Model, target: Target) -> int | None:
    """The index of a class given by id or index; None stays None, the top class. Raises `UserError` for no class."""
    if target is None:
        return None
    if isinstance(target, str):
        if target not in model.classes:
            near = get_close_matches(target, model.classes, n=5) or model.classes[:10]
            shown = ", ".join(near) + (", ..." if len(near) < len(model.classes) else "")
            raise UserError("There is no class named {name}. Classes: {known}.", name=target, known=shown)
        return model.classes.index(target)
    if not 0 <= target < len(model.classes):
        raise UserError(
            "There is no class {index}. Classes go from 0 to {last}.", index=target, last=len(model.classes) - 1
        )
    return target


def layers_with_maps(spec: Spec) -> tuple[str, ...]:
    """Names of the layers that a CAM method can look at: those whose output has height and width."""
    return tuple(row.name for row in walk(spec).rows if len(row.shape) == 3)


def map_layer(spec: Spec, name: str = "") -> str:
    """The layer of that name; "" means the last convolution's maps, after its ReLU where one follows.

    After the ReLU as in Grad-CAM's own code (Selvaraju et al. 2017: relu5 of AlexNet): before it, a map's negative
    values, which nothing later sees, would speak for a class wherever its weight is negative. In the pointing game that
    is 58 % against 69 %. Raises `UserError` where the layer has no maps.
    """
    known = layers_with_maps(spec)
    if name:
        check_layer(name, known)
        return name
    rows = walk(spec).rows
    convolutions = [number for number, row in enumerate(rows) if isinstance(row.layer, Conv)]
    if not convolutions:
        raise UserError("This network has no convolution, so there are no maps to weigh. Choose another method.")
    convolution, *after = rows[convolutions[-1] :]
    return after[0].name if after and after[0].layer == Activation("relu") else convolution.name


def _method(method_id: str) -> Method:
    if method_id not in METHODS:
        raise UserError("There is no method named {name}. Methods: {known}.", name=method_id, known=", ".join(METHODS))
    return METHODS[method_id]


def _complete(method: Method, chosen: Mapping[str, Value]) -> dict[str, Value]:
    """The settings with their defaults. Raises `UserError` for one that the method has not, or out of its range."""
    own = {setting.name: setting for setting in method.settings}
    for name, value in chosen.items():
        if name not in own:
            known = ", ".join(own) or "-"
            raise UserError(
                "{method} has no setting named {name}. Settings: {known}.", method=method.id, name=name, known=known
            )
        _check_value(own[name], value)
    return {name: chosen.get(name, setting.default) for name, setting in own.items()}


def _check_value(setting: Setting, value: Value) -> None:
    if setting.choices and value not in setting.choices:
        known = ", ".join(setting.choices)
        raise UserError(
            "{setting} is {value}; it must be one of {known}.", setting=setting.name, value=value, known=known
        )
    if not setting.choices and not (isinstance(value, int) and setting.low <= value <= setting.high):
        raise UserError(
            "{setting} is {value}; it must be a whole number from {low} to {high}.",
            setting=setting.name,
            value=value,
            low=setting.low,
            high=setting.high,
        )


def importance(heat: Floats, method: str) -> Floats:
    """How much each value of a method's map (H, W) counts, the largest most.

    Evidence for the class counts by its sign. A gradient's sign says whether a pixel would have to become brighter or
    darker, so of a sensitivity the magnitude counts (as in Simonyan et al. 2014, section 3.1).
    """
    return np.abs(heat) if METHODS[method].sensitivity else heat


def left_share(heat: Floats) -> float:
    """The share, 0 to 1, of what is above zero in a map (H, W) that lies in its left half; 0.5 of a blank one."""
    above = rectified(heat)
    total = float(above.sum())
    return float(above[:, : heat.shape[1] // 2].sum()) / total if total else 0.5


def rectified(heat: Floats) -> Floats:
    """What speaks for the class: negative values become 0, as the papers of CAM methods draw their maps."""
    return np.maximum(heat, np.float32(0))


def most_important(heat: Floats, percent: float) -> NDArray[np.bool_]:
    """(H, W), True at the given share of pixels (0 to 100), those with the highest values; the first of equals."""
    count = round(percent / 100 * heat.size)
    mask = np.zeros(heat.size, np.bool_)
    mask[np.argsort(-heat, axis=None, kind="stable")[:count]] = True
    return mask.reshape(heat.shape)
