"""From a picture to an answer: preprocessing, one forward pass, softmax.

answer = classify(model, picture.image)
answer.top(5)              # [("cat", 0.98), ...]
"""

import csv
import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from alexnet_viz.network.weights import Model
from alexnet_viz.pictures.images import Preprocess

UNSURE_BELOW = 0.5  # when the best class gets less than this, more speaks against it than for it


@dataclass(frozen=True)
class Answer:
    """What a network said about one picture. Plain arrays, so that it can be cached."""

    classes: tuple[str, ...]  # class ids
    logits: NDArray[np.float32]  # (classes,)
    seconds: float  # preprocessing and forward pass

    @property
    def probabilities(self) -> NDArray[np.float64]:  # (classes,)
        return softmax(self.logits)

    def top(self, count: int) -> list[tuple[str, float]]:
        """The most probable classes, as `best_classes` lists them."""
        return best_classes(self.classes, self.probabilities, count)

    @property
    def one_output(self) -> bool:
        """Whether the network has a single output: then what its class does not get is that of the other class."""
        return len(self.classes) == 1

    @property
    def unsure(self) -> bool:
        """No class is likely."""
        return not self.one_output and float(self.probabilities.max()) < UNSURE_BELOW


def softmax(logits: NDArray[np.floating[Any]], temperature: float = 1.0) -> NDArray[np.float64]:
    """exp(z_i / T) / sum_j exp(z_j / T), j along the last axis, in double precision.

    The largest logit is subtracted first, so that no exponential overflows. A logit alone, (..., 1), is that of a
    network with two classes and one output: its sigmoid 1 / (1 + exp(-z / T)), which is the softmax of z and 0.
    """
    scaled = logits.astype(np.float64) / temperature
    if scaled.shape[-1] == 1:
        return np.exp(-np.logaddexp(0.0, -scaled))
    exponentials = np.exp(scaled - scaled.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)  # type: ignore[no-any-return]


def best_classes(classes: Sequence[str], probabilities: NDArray[np.float64], count: int) -> list[tuple[str, float]]:
    """The most probable classes with their probabilities (0..1), best first; ties in class order."""
    order = np.argsort(-probabilities, kind="stable")[:count]
    return [(classes[i], float(probabilities[i])) for i in order]


def probabilities_of(model: Model, batch: NDArray[np.float32]) -> NDArray[np.float64]:
    """(B, classes), of network inputs (B, C, H, W) in one pass."""
    with torch.inference_mode():
        return softmax(model.network(torch.from_numpy(batch)).numpy())


def classify(model: Model, image: Image.Image) -> Answer:
    """Run the network once on an RGB picture, preprocessed as the model's entry says."""
    return run_once(model.network, model.classes, model.entry.preprocess, image)


def run_once(network: nn.Module, classes: tuple[str, ...], preprocess: Preprocess, image: Image.Image) -> Answer:
    """Any network's answer to an RGB picture, with its classes and preprocessing."""
    started = time.perf_counter()
    array = preprocess.to_array(image)  # (C, H, W)
    with torch.inference_mode():
        logits = network(torch.from_numpy(array)[None])[0]
    return Answer(classes, logits.numpy(), time.perf_counter() - started)


def answers_csv(answers: Iterable[tuple[str, Answer]], top: int = 5) -> str:
    """One line a picture and class: file, rank, class, probability; lines end as RFC 4180 says."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["file", "rank", "class", "probability"])
    for name, answer in answers:
        for rank, (class_id, probability) in enumerate(answer.top(top), start=1):
            writer.writerow([_no_formula(name), rank, _no_formula(class_id), f"{probability:.6f}"])
    return table.getvalue()


def _no_formula(text: str) -> str:
    """A spreadsheet would run a file name that starts like a formula."""
    return f"'{text}" if text[:1] in set("=+-@\t\r") else text


def answer_record(file: str, model_id: str, answer: Answer, top: int, notes: Sequence[str] = ()) -> dict[str, object]:
    """The JSON object of one answer, the same on the command line and in the page's download.

    `notes` are sentences on what was assumed, and on what was changed in the picture.
    """
    return {
        "file": file,
        "model": model_id,
        "seconds": round(answer.seconds, 4),
        "top": [{"class": class_id, "probability": round(p, 6)} for class_id, p in answer.top(top)],
        "notes": list(notes),
    }


@dataclass(frozen=True)
class Term:
    """One class's share of a softmax, worked out."""

    class_id: str
    logit: float
    exponential: float  # exp((logit - largest logit) / temperature): the largest is 1, so none overflows
    probability: float


def softmax_terms(answer: Answer, temperature: float, count: int) -> tuple[list[Term], float]:
    """The `count` largest terms of the softmax, best first, and the sum of the exponentials of all classes.

    With one output the other class's logit is 0, and its exponential is in the sum.
    """
    logits = answer.logits.astype(np.float64)
    largest = max(logits.max(), 0.0) if answer.one_output else logits.max()
    exponentials = np.exp((logits - largest) / temperature)
    total = exponentials.sum() + (np.exp(-largest / temperature) if answer.one_output else 0.0)
    order = np.argsort(-answer.logits, kind="stable")[:count]
    columns = (logits[order], exponentials[order], exponentials[order] / total)
    rows = zip(order, *(column.tolist() for column in columns), strict=True)
    return [Term(answer.classes[i], *numbers) for i, *numbers in rows], float(total)
