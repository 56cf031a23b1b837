"""What the techniques page computes, kept: the caches around the core's experiments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexnet_viz.network.spec import LRN
from alexnet_viz.network.zoo import model_entry
from alexnet_viz.pictures import images, render
from alexnet_viz.pictures.samples import PHOTOS
from pages.ui.session import Picture
from pages.ui.store.networks import layers, outputs
from pages.ui.store.pictures import sample_bytes
from pages.ui.store.rules import computed

if TYPE_CHECKING:
    from torch import Tensor

    from alexnet_viz.inspection.techniques.augmentation import Colours, Recoloured, Variants
    from alexnet_viz.inspection.techniques.dropout import Spread, TrainingPass, WeightedSums
    from alexnet_viz.inspection.techniques.gpus import StreamColours
    from alexnet_viz.inspection.techniques.lrn import ByChannel, Change, Gap, LrnByChannel
    from alexnet_viz.inspection.techniques.paper import Dropped, InputScale
    from alexnet_viz.inspection.techniques.pooling import ShiftChanges, Winners
    from alexnet_viz.inspection.techniques.relu import Flow, Response, Silence
    from alexnet_viz.network.weights import Model
    from alexnet_viz.pictures.colour_pca import ColourPCA

Maps = Mapping[str, NDArray[np.float32]]  # by layer, (C, H, W)
Outputs = Mapping[str, "Tensor"]


def _batch(model: "Model", files: Sequence[bytes]) -> "Tensor":
    """Pictures as the model gets them, (B, C, H, W)."""
    import torch

    arrays = [model.entry.preprocess.to_array(images.decode(data).image) for data in files]
    return torch.from_numpy(np.stack(arrays))


def _photos() -> list[bytes]:
    return [sample_bytes(sample_id) for sample_id in PHOTOS]


# ---- ReLU -----------------------------------------------------------------------------------------------------------

RELU_REACH = 6.0  # the curves are drawn from -6 to 6
RELU_POINTS = 241


@computed(1)
def relu_curves() -> "dict[str, tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]":
    """Every activation function's x, value and derivative, (RELU_POINTS,) each."""
    from alexnet_viz.inspection.techniques.relu import FUNCTIONS, curve

    x = np.linspace(-RELU_REACH, RELU_REACH, RELU_POINTS)
    return {function: (x, *curve(function, x)) for function in FUNCTIONS}


@computed(256)
def relu_responses(x: float) -> "dict[str, Response]":
    """What every activation function makes of one number."""
    from alexnet_viz.inspection.techniques.relu import FUNCTIONS, respond

    return {function: respond(function, x) for function in FUNCTIONS}


@computed(128)
def relu_flows(initialisation: str, depth: int, width: int, seed: int) -> "dict[str, Flow]":
    """A random signal through random layers, and its gradient back, by activation function."""
    from alexnet_viz.inspection.techniques.relu import flows

    return flows(initialisation, depth, width, seed)


@computed(128)
def relu_silence(model: "Model", pictures: Sequence[Picture]) -> "dict[str, Silence]":
    """What every ReLU layer leaves at zero in some pictures."""
    from alexnet_viz.inspection.techniques.relu import silence

    return silence(model.network, _batch(model, [picture.data for picture in pictures]))


# ---- Dropout --------------------------------------------------------------------------------------------------------


@computed(64, given=outputs)
def training_pass(before: Outputs, model: "Model", picture: Picture, rate: float, seed: int) -> "TrainingPass":
    """A picture through the network as in training, with masks drawn from a seed."""
    from alexnet_viz.inspection.techniques.dropout import training_pass

    return training_pass(model.network, before, rate, seed)


@computed(128, given=outputs)
def spread(before: Outputs, model: "Model", picture: Picture, rate: float, count: int) -> "Spread":
    """The answers over so many masks."""
    from alexnet_viz.inspection.techniques.dropout import spread

    return spread(model.network, before, rate, count)


@computed(128, given=outputs)
def weighted_sums(before: Outputs, model: "Model", picture: Picture, rate: float, seed: int) -> "WeightedSums":
    """A few weighted sums behind dropout, by both ways to scale."""
    from alexnet_viz.inspection.techniques.dropout import weighted_sums

    return weighted_sums(model.network, before, rate, seed)


# ---- Pooling --------------------------------------------------------------------------------------------------------


@computed(128, given=layers)
def shift_changes(maps: Maps, model: "Model", picture: Picture, layer: str) -> "ShiftChanges":
    """How far a layer's maps change when they move, pooled and not."""
    from alexnet_viz.inspection.techniques.pooling import shift_changes

    return shift_changes(maps[layer])


@computed(64, given=layers)
def winners(maps: Maps, model: "Model", picture: Picture, layer: str, pooling: str) -> "Winners":
    """Which values of a layer's maps get through a pooling of `pooling.MAX_POOLINGS`."""
    from alexnet_viz.inspection.techniques.pooling import MAX_POOLINGS, winners

    return winners(maps[layer], MAX_POOLINGS[pooling])


# ---- LRN, and paper against code ------------------------------------------------------------------------------------

LRN_SHOWN = 15  # maps, the strongest ones


@dataclass(frozen=True)
class Sheet:
    """Maps as one picture."""

    png: bytes
    highest: float  # of all maps, those that are not shown too


@dataclass(frozen=True)
class TwoSheets:
    """The same maps, the strongest ones, in two ways and in one range of colours."""

    channels: list[int]
    first: Sheet
    second: Sheet
    limit: float  # where the colours are full


def _two_sheets(first: NDArray[np.float32], second: NDArray[np.float32], by: NDArray[np.float32]) -> TwoSheets:
    """`by` says which maps are the strongest, and what colours stand for."""
    from alexnet_viz.inspection.techniques.lrn import colour_limit, strongest

    channels = strongest(by, LRN_SHOWN)
    limit = colour_limit(by[channels])
    sheets = [Sheet(render.montage(maps[channels], limit).png, float(maps.max())) for maps in (first, second)]
    return TwoSheets(channels, *sheets, limit)


@computed(64, given=layers)
def lrn_maps(
    maps: Maps, model: "Model", picture: Picture, layer: LRN, printed: bool
) -> "tuple[TwoSheets, Change, Change]":
    """Relu1 before and after LRN, by the code's formula or the printed one; and how much changed, in all and by the
    neighbours alone, without the division by k ** beta."""
    from alexnet_viz.inspection.techniques.lrn import as_printed, normalise

    found = normalise(maps["relu1"], as_printed(layer) if printed else layer)
    return _two_sheets(found.before, found.after, by=found.before), found.change, found.neighbours


@computed(1)
def lrn_uniform_gap() -> "Gap":
    """How far code and printed formula are from each other on values uniform in 0..50."""
    from alexnet_viz.inspection.techniques.lrn import uniform_gap

    return uniform_gap()


@computed(1, shared=True)
def _sample_maps(model: "Model") -> NDArray[np.float32]:
    """Relu1 of all sample photographs, (B, C, H, W). Not to be changed."""
    import torch

    convolution, activation, *_ = model.network.layers()
    with torch.inference_mode():
        return activation(convolution(_batch(model, _photos()))).numpy()


@computed(64, given=lambda model, *_: _sample_maps(model))
def lrn_on_samples(batch: NDArray[np.float32], model: "Model", layer: LRN) -> "LrnByChannel":
    """LRN of relu1 of all sample photographs."""
    from alexnet_viz.inspection.techniques.lrn import lrn_by_channel

    return lrn_by_channel(batch, layer)


@computed(4, given=_sample_maps)
def batch_norm_on_samples(batch: NDArray[np.float32], model: "Model") -> "tuple[ByChannel, ByChannel]":
    """Relu1 of all sample photographs by channel, before batch normalisation and after it."""
    from alexnet_viz.inspection.techniques.lrn import batch_normalised, by_channel

    return by_channel(batch), by_channel(batch_normalised(batch))


BOTH_WAYS: Mapping[str, tuple[str, str]] = {  # by experiment: the layer that it starts from, the core's function
    "alpha": ("relu1", "alpha_both_ways"),
    "order": ("conv1", "first_layer_both_ways"),
    "pool5": ("conv5", "fifth_layer_both_ways"),
}


@computed(64, given=layers)
def both_ways(
    maps: Maps, model: "Model", picture: Picture, experiment: str, layer: LRN | None
) -> "tuple[TwoSheets, float, Change]":
    """One of BOTH_WAYS on a picture, first the paper's, then the code's; the largest difference, and how much changed.
    `layer` is for those with LRN in them."""
    from alexnet_viz.inspection.techniques import paper

    start, function = BOTH_WAYS[experiment]
    found = getattr(paper, function)(maps[start], *([layer] if layer else []))
    return _two_sheets(found.paper, found.code, by=found.code), found.difference, found.relative


@computed(64)
def dropout_draw(model_id: str, seed: int) -> "list[Dropped]":
    """Where a network's dropout stands, and what one draw makes zero there."""
    from alexnet_viz.inspection.techniques.paper import dropout_places

    return dropout_places(model_entry(model_id).spec, seed)


def zeros_of_pool5(model: "Model", picture: Picture) -> int:
    """How many values of pool5 are zero for a picture."""
    return int((layers(model, picture)["pool5"] == 0).sum())


@computed(32)
def input_scales(model_id: str, cropped_as: str, picture: Picture) -> "list[InputScale]":
    """A picture, cropped as one model wants it, in the numbers that another one gets."""
    from alexnet_viz.inspection.techniques.paper import input_scales

    crop = model_entry(cropped_as).preprocess
    cropped = crop.cropped(crop.resized(images.decode(picture.data).image))
    return input_scales(model_entry(model_id).preprocess, cropped)


# ---- Two GPUs -------------------------------------------------------------------------------------------------------


@computed(4)
def stream_colours(model: "Model") -> "StreamColours":
    """How much colour conv1's filters have, by stream."""
    from alexnet_viz.inspection.techniques.gpus import colours

    return colours(model.network)


@computed(4)
def photos_kept(model: "Model", names: Sequence[str]) -> dict[tuple[str, int], list[str]]:
    """The sample photos whose answer stays when a stream is switched off, by layer and stream."""
    from alexnet_viz.inspection.activations import activations
    from alexnet_viz.inspection.techniques.gpus import STREAMS, kept

    before = activations(model.network, _batch(model, _photos()))
    return {
        (layer, stream): [
            sample_id
            for sample_id, stays in zip(PHOTOS, kept(model.network, before, layer, stream), strict=True)
            if stays
        ]
        for layer in names
        for stream in range(STREAMS)
    }


# ---- Augmentation ---------------------------------------------------------------------------------------------------


@computed(1)
def photo_colours() -> "Colours":
    """The directions in which the colours of the sample photos vary."""
    from alexnet_viz.inspection.techniques.augmentation import colours

    *_, found = colours(_photos())
    return found


@computed(256, given=lambda *_: photo_colours().pca)
def variants(pca: "ColourPCA", model: "Model", picture: Picture, kind: str, strength: float, seed: int) -> "Variants":
    """A photo changed by chance several times, and the answers."""
    from alexnet_viz.inspection.techniques.augmentation import variants

    return variants(model, images.decode(picture.data).image, kind, strength, pca, seed)


@computed(128)
def recoloured(
    model: "Model", picture: Picture, pca: "ColourPCA", deviations: tuple[float, ...], sigma: float
) -> "Recoloured":
    """A photo with the paper's change of colour, and the answers before and after."""
    from alexnet_viz.inspection.techniques.augmentation import recoloured

    return recoloured(model, images.decode(picture.data).image, pca, deviations, sigma)
