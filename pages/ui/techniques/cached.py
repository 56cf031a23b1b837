"""What the techniques page computes, kept: the caches around the core's experiments.

The rules are those of `cache.py`: keyed by model, weights digest, picture digest and settings; numpy or bytes out.
"""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexnet_viz.network.spec import LRN
from alexnet_viz.network.zoo import model_entry
from alexnet_viz.pictures import images, render
from alexnet_viz.pictures.samples import PHOTOS
from alexnet_viz.serving.imports import ensure_ml
from pages.ui.store import networks as inspected
from pages.ui.store.rules import keep, keep_shared, line, sample

if TYPE_CHECKING:
    from torch import nn

    from alexnet_viz.inspection.classify import Answer
    from alexnet_viz.inspection.techniques.augmentation import Colours, Recoloured, Variants
    from alexnet_viz.inspection.techniques.dropout import Spread, TrainingPass, WeightedSums
    from alexnet_viz.inspection.techniques.gpus import StreamColours
    from alexnet_viz.inspection.techniques.normalisation import (
        ByChannel,
        Change,
        Dropped,
        Gap,
        InputScale,
        LrnByChannel,
    )
    from alexnet_viz.inspection.techniques.pooling import ShiftChanges, Winners
    from alexnet_viz.inspection.techniques.relu import Flow, Response, Silence
    from alexnet_viz.network.weights import Model
    from alexnet_viz.pictures.colour_pca import ColourPCA

# ---- ReLU -----------------------------------------------------------------------------------------------------------


RELU_REACH = 6.0  # the curves are drawn from -6 to 6
RELU_POINTS = 241


@keep(max_entries=1)
def relu_curves() -> "dict[str, tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]":
    """Every activation function's x, value and derivative, (RELU_POINTS,) each."""
    ensure_ml()
    from alexnet_viz.inspection.techniques.relu import FUNCTIONS, curve

    x = np.linspace(-RELU_REACH, RELU_REACH, RELU_POINTS)
    return {function: (x, *curve(function, x)) for function in FUNCTIONS}


@keep(max_entries=256)
def relu_responses(x: float) -> "dict[str, Response]":
    """What every activation function makes of one number."""
    ensure_ml()
    from alexnet_viz.inspection.techniques.relu import FUNCTIONS, respond

    return {function: respond(function, x) for function in FUNCTIONS}


@keep(max_entries=128)
def relu_flows(initialisation: str, layers: int, width: int, seed: int) -> "dict[str, Flow]":
    """A random signal through random layers, and its gradient back, by activation function."""
    ensure_ml()
    from alexnet_viz.inspection.techniques.relu import flows

    with line().turn():
        return flows(initialisation, layers, width, seed)


@keep(max_entries=128)
def relu_silence(model: "Model", digests: Sequence[str], _files: Sequence[bytes]) -> "dict[str, Silence]":
    """What every ReLU layer leaves at zero in some pictures."""
    ensure_ml()
    import torch

    from alexnet_viz.inspection.techniques.relu import silence

    arrays = [model.entry.preprocess.to_array(images.decode(data).image) for data in _files]
    with line().turn():
        return silence(model.network, torch.from_numpy(np.stack(arrays)))


# ---- Dropout --------------------------------------------------------------------------------------------------------


@keep(max_entries=64)
def training_pass(model: "Model", digest: str, _data: bytes, rate: float, seed: int) -> "TrainingPass":
    """A picture through the network as in training, with masks drawn from a seed."""
    outputs = inspected.outputs(model, digest, _data)
    from alexnet_viz.inspection.techniques.dropout import training_pass

    with line().turn():
        return training_pass(model.network, outputs, rate, seed)


@keep(max_entries=128)
def spread(model: "Model", digest: str, _data: bytes, rate: float, count: int) -> "Spread":
    """The answers over so many masks."""
    outputs = inspected.outputs(model, digest, _data)
    from alexnet_viz.inspection.techniques.dropout import spread

    with line().turn():
        return spread(model.network, outputs, rate, count)


@keep(max_entries=128)
def weighted_sums(model: "Model", digest: str, _data: bytes, rate: float, seed: int) -> "WeightedSums":
    """A few weighted sums behind dropout, by both ways to scale."""
    outputs = inspected.outputs(model, digest, _data)
    from alexnet_viz.inspection.techniques.dropout import weighted_sums

    with line().turn():
        return weighted_sums(model.network, outputs, rate, seed)


# ---- Pooling --------------------------------------------------------------------------------------------------------


@keep(max_entries=128)
def shift_changes(model: "Model", digest: str, _data: bytes, layer: str) -> "ShiftChanges":
    """How far a layer's maps change when they move, pooled and not."""
    maps = inspected.layers(model, digest, _data)[layer]
    from alexnet_viz.inspection.techniques.pooling import shift_changes

    with line().turn():
        return shift_changes(maps)


@keep(max_entries=64)
def winners(model: "Model", digest: str, _data: bytes, layer: str, pooling: str) -> "Winners":
    """Which values of a layer's maps get through a pooling of `pooling.MAX_POOLINGS`."""
    maps = inspected.layers(model, digest, _data)[layer]
    from alexnet_viz.inspection.techniques.pooling import MAX_POOLINGS, winners

    with line().turn():
        return winners(maps, MAX_POOLINGS[pooling])


# ---- LRN, and paper against code ------------------------------------------------------------------------------------

LRN_SHOWN = 15  # maps, the strongest ones


@dataclass(frozen=True)
class LrnMaps:
    """The strongest maps of relu1 before and after LRN, as pictures with one range of colours."""

    channels: list[int]
    before: bytes
    after: bytes
    highest: float  # of all maps, before
    highest_after: float
    limit: float  # where the colours are full
    change: "Change"
    neighbours: "Change"  # without the division by k ** beta


@keep(max_entries=64)
def lrn_maps(model: "Model", digest: str, _data: bytes, layer: LRN, *, printed: bool) -> LrnMaps:
    """LRN of a picture's relu1, by the code's formula or the printed one."""
    maps = inspected.layers(model, digest, _data)["relu1"]
    from alexnet_viz.inspection.techniques.normalisation import as_printed, colour_limit, normalise, strongest

    with line().turn():
        found = normalise(maps, as_printed(layer) if printed else layer)
    channels = strongest(maps, LRN_SHOWN)
    limit = colour_limit(found.before[channels])
    return LrnMaps(
        channels=channels,
        before=render.montage(found.before[channels], limit).png,
        after=render.montage(found.after[channels], limit).png,
        highest=float(found.before.max()),
        highest_after=float(found.after.max()),
        limit=limit,
        change=found.change,
        neighbours=found.neighbours,
    )


@keep(max_entries=1)
def lrn_uniform_gap() -> "Gap":
    """How far code and printed formula are from each other on values uniform in 0..50."""
    ensure_ml()
    from alexnet_viz.inspection.techniques.normalisation import uniform_gap

    return uniform_gap()


@keep(max_entries=64)
def lrn_on_samples(model: "Model", layer: LRN) -> "LrnByChannel":
    """LRN of relu1 of all sample photographs."""
    batch = _sample_maps(model)
    from alexnet_viz.inspection.techniques.normalisation import lrn_by_channel

    with line().turn():
        return lrn_by_channel(batch, layer)


@keep(max_entries=4)
def batch_norm_on_samples(model: "Model") -> "tuple[ByChannel, ByChannel]":
    """Relu1 of all sample photographs by channel, before batch normalisation and after it."""
    batch = _sample_maps(model)
    from alexnet_viz.inspection.techniques.normalisation import batch_normalised, by_channel

    with line().turn():
        return by_channel(batch), by_channel(batch_normalised(batch))


@keep_shared(max_entries=1)
def _sample_maps(model: "Model") -> NDArray[np.float32]:
    """Relu1 of all sample photographs, (B, C, H, W). Not to be changed."""
    ensure_ml()
    import torch

    photos = [images.decode(sample(sample_id)).image for sample_id in PHOTOS]
    batch = torch.from_numpy(np.stack([model.entry.preprocess.to_array(photo) for photo in photos]))
    convolution, activation, *_ = model.network.layers()
    with line().turn(), torch.inference_mode():
        return activation(convolution(batch)).numpy()


@dataclass(frozen=True)
class Sheets:
    """The strongest maps as the paper says and as the code does, with one range of colours."""

    channels: list[int]
    paper: bytes
    code: bytes
    highest_paper: float  # of all maps
    highest_code: float
    limit: float  # where the colours are full
    difference: float  # the largest one
    relative: "Change"


BOTH_WAYS: Mapping[str, tuple[str, str]] = {  # by experiment: the layer that it starts from, the core's function
    "alpha": ("relu1", "alpha_both_ways"),
    "order": ("conv1", "first_layer_both_ways"),
    "pool5": ("conv5", "fifth_layer_both_ways"),
}


@keep(max_entries=64)
def both_ways(model: "Model", digest: str, _data: bytes, experiment: str, layer: LRN | None) -> Sheets:
    """One of BOTH_WAYS on a picture; `layer` for those with LRN in them."""
    start, function = BOTH_WAYS[experiment]
    maps = inspected.layers(model, digest, _data)[start]
    from alexnet_viz.inspection.techniques import normalisation

    with line().turn():
        found = getattr(normalisation, function)(maps, *([layer] if layer else []))
    channels = normalisation.strongest(found.code, LRN_SHOWN)
    limit = normalisation.colour_limit(found.code[channels])
    return Sheets(
        channels=channels,
        paper=render.montage(found.paper[channels], limit).png,
        code=render.montage(found.code[channels], limit).png,
        highest_paper=float(found.paper.max()),
        highest_code=float(found.code.max()),
        limit=limit,
        difference=found.difference,
        relative=found.relative,
    )


@keep(max_entries=64)
def dropout_draw(model_id: str, seed: int) -> "list[Dropped]":
    """Where a network's dropout stands, and what one draw makes zero there."""
    ensure_ml()
    from alexnet_viz.inspection.techniques.normalisation import dropout_places

    return dropout_places(model_entry(model_id).spec, seed)


def zeros_of_pool5(model: "Model", digest: str, data: bytes) -> int:
    """How many values of pool5 are zero for a picture."""
    maps = inspected.layers(model, digest, data)["pool5"]
    from alexnet_viz.inspection.techniques.normalisation import already_zero

    return already_zero(maps)


@keep(max_entries=32)
def input_scales(model_id: str, cropped_as: str, digest: str, _data: bytes) -> "list[InputScale]":
    """A picture, cropped as one model wants it, in the numbers that another one gets."""
    ensure_ml()
    from alexnet_viz.inspection.techniques.normalisation import input_scales

    crop = model_entry(cropped_as).preprocess
    return input_scales(model_entry(model_id).preprocess, crop.cropped(crop.resized(images.decode(_data).image)))


# ---- Two GPUs -------------------------------------------------------------------------------------------------------


@keep(max_entries=4)
def stream_colours(model: "Model") -> "StreamColours":
    """How much colour conv1's filters have, by stream."""
    from alexnet_viz.inspection.techniques.gpus import colours

    with line().turn():
        return colours(model.network)


@keep(max_entries=4)
def photos_kept(model: "Model", layers: Sequence[str]) -> dict[tuple[str, int], list[str]]:
    """The sample photos whose answer stays when a stream is switched off, by layer and stream."""
    import torch

    from alexnet_viz.inspection.by_hand import activations
    from alexnet_viz.inspection.techniques.gpus import STREAMS, silenced

    pictures = [images.decode(sample(sample_id)).image for sample_id in PHOTOS]
    batch = np.stack([model.entry.preprocess.to_array(picture) for picture in pictures])
    kept = {}
    with line().turn():
        outputs = activations(model.network, torch.from_numpy(batch))
        for layer in layers:
            for stream in range(STREAMS):
                found = silenced(model.network, outputs, layer, stream).kept
                kept[layer, stream] = [sample_id for sample_id, stays in zip(PHOTOS, found, strict=True) if stays]
    return kept


# ---- Augmentation ---------------------------------------------------------------------------------------------------


@keep(max_entries=1)
def photo_colours() -> "Colours":
    """The directions in which the colours of the sample photos vary."""
    ensure_ml()
    from alexnet_viz.inspection.techniques.augmentation import colours

    *_, found = colours([sample(sample_id) for sample_id in PHOTOS])
    return found


@keep(max_entries=256)
def variants(model: "Model", digest: str, _data: bytes, kind: str, strength: float, seed: int) -> "Variants":
    """A photo changed by chance several times, and the answers."""
    from alexnet_viz.inspection.techniques.augmentation import variants

    picture, pca = images.decode(_data), photo_colours().pca
    with line().turn():
        return variants(model, picture.image, kind, strength, pca, seed)


@keep(max_entries=128)
def recoloured(
    model: "Model", digest: str, _data: bytes, pca: "ColourPCA", deviations: tuple[float, ...], sigma: float
) -> "Recoloured":
    """A photo with the paper's change of colour, and the answers before and after."""
    from alexnet_viz.inspection.techniques.augmentation import recoloured

    picture = images.decode(_data)
    with line().turn():
        return recoloured(model, picture.image, pca, deviations, sigma)


# ---- ResNet-18, on the compare page ---------------------------------------------------------------------------------


def resnet_answer(path: Path, digest: str, data: bytes) -> "Answer":
    """What ResNet-18 with the weights of a file says about a picture. The first call imports torchvision."""
    return _resnet_answer(path, path.stat().st_mtime_ns, digest, data)


@keep(max_entries=64)
def _resnet_answer(path: Path, changed: int, digest: str, _data: bytes) -> "Answer":
    network = _resnet(path, changed)
    from alexnet_viz.inspection.resnet import classify

    picture = images.decode(_data)
    with line().turn():
        return classify(network, picture.image)


@keep_shared(max_entries=1)
def _resnet(path: Path, changed: int) -> "nn.Module":
    ensure_ml()
    from alexnet_viz.inspection.resnet import load

    network = load(path)
    gc.freeze()  # torchvision's objects too are left out of the collection after every rerun, see `ensure_ml`
    return network
