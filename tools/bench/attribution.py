"""What attribution costs against the least that it can cost, side by side on one thread; and where maps point."""

import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from captum.attr import IntegratedGradients, Occlusion
from PIL import Image

from alexnet_viz.inspection.attribution.attribute import attribute, input_array
from alexnet_viz.network.weights import Model, load_model
from alexnet_viz.pictures.images import decode
from tools.bench.clock import in_turns, seconds
from tools.bench.start import MissingError
from tools.catalogue import ROOT
from tools.pointing import play

PAIRS = 12  # of a quick comparison; medians are compared
STEPS = 64
THREADS = torch.get_num_threads()
beside = ROOT.parent / "shared" / "data" / "tiny-imagenet.zip"
TINY_IMAGENET = Path(os.environ.get("ALEXNET_VIZ_TINY_IMAGENET", beside))
SLOW = ("integrated_gradients", "smoothgrad", "occlusion")  # asked about one class of each grid, not four


def gradcam_cost() -> float:
    """Grad-CAM end to end from the preprocessed picture, as a multiple of one raw forward and backward pass."""
    model, array, batch, _ = _question()
    batch.requires_grad_(True)

    def raw() -> None:
        torch.autograd.grad(model.network(batch)[0].max(), batch)

    return _ratio(lambda: attribute(model, array, "gradcam"), raw, PAIRS)


def integrated_gradients_cost() -> float:
    """Ours at 64 steps, as a multiple of Captum's default at 64 steps, which holds all steps in memory at once."""
    model, array, batch, target = _question()
    captum = IntegratedGradients(model.network)
    return _ratio(
        lambda: attribute(model, array, "integrated_gradients", target=target, settings={"steps": STEPS}),
        lambda: captum.attribute(batch, torch.zeros_like(batch), target=target, n_steps=STEPS),
        3,
    )


def occlusion_speed() -> float:
    """How many times as fast as Captum's default, which runs one window at a time; the same windows."""
    model, array, batch, target = _question()
    torch.set_num_threads(THREADS)
    side = array.shape[1]
    window = round(0.14 * side)
    stride = round(0.5 * window)
    captum = Occlusion(model.network)
    return 1 / _ratio(
        lambda: attribute(model, array, "occlusion", target=target),
        lambda: captum.attribute(
            batch, (3, window, window), (3, stride, stride), target=target, baselines=0, perturbations_per_eval=1
        ),
        3,
        clock=time.perf_counter,  # larger batches keep all cores busy: what counts is the time that one waits
    )


def pointing(method: str, grids: int = 200) -> float:
    """Percent of a method's positive attribution that lies in the right cell of the grid pointing game.

    Of Tiny ImageNet's test pictures those that the network gets right, however sure it is: few are stated above 90 %.
    """
    model, (images, labels) = load_model("alexnet_200"), _tiny_imagenet()
    asked = 1 if method in SLOW else 4
    return 100 * float(play(model, images, labels, method, grids=grids, sure=0.0, asked=asked).mean())


@cache
def _tiny_imagenet() -> tuple[np.ndarray, list[int]]:
    """The test pictures, (N, 3, 64, 64), and their class indices."""
    from alexnet_viz.training.datasets import sample_pictures
    from alexnet_viz.words.labels import class_ids, class_of_wnid

    if not TINY_IMAGENET.is_file():
        raise MissingError("Tiny ImageNet is not here: set ALEXNET_VIZ_TINY_IMAGENET to its zip of WordNet folders")
    order = {class_id: index for index, class_id in enumerate(class_ids("tiny_imagenet"))}
    pictures = sample_pictures(TINY_IMAGENET, 10_000)
    images = [np.asarray(decode(data).image).transpose(2, 0, 1) for _, data in pictures]
    return np.stack(images), [order[class_of_wnid(wnid)] for wnid, _ in pictures]


def _question() -> tuple[Model, np.ndarray, torch.Tensor, int]:
    """A model, its input for one picture, alone and as a batch, and its answer."""
    torch.set_num_threads(1)  # two threads that wait for each other are measured on a busy machine, not the work
    model = load_model("alexnet_200")
    array = input_array(model, Image.open(ROOT / "assets" / "samples" / "cat.jpg").convert("RGB"))
    batch = torch.from_numpy(array)[None].clone()
    with torch.inference_mode():
        return model, array, batch, int(model.network(batch).argmax())


def _ratio(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    pairs: int,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Median time of ours over theirs, taken in turns after one warm-up of each."""
    ours(), theirs()
    mine, others = in_turns(pairs, lambda: seconds(ours, clock), lambda: seconds(theirs, clock))
    return mine / others
