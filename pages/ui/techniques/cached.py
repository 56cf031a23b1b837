"""What the techniques page computes, kept: the caches around the core's experiments."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet_viz.inspection.activations import activations
from alexnet_viz.inspection.techniques import augmentation, dropout, gpus, lrn, paper, pooling, relu
from alexnet_viz.network.spec import LRN
from alexnet_viz.network.weights import Model
from alexnet_viz.network.zoo import model_entry
from alexnet_viz.pictures import images, render
from alexnet_viz.pictures.colour_pca import ColourPCA
from alexnet_viz.pictures.samples import PHOTOS
from pages.ui.session import Picture
from pages.ui.store.networks import layers, outputs
from pages.ui.store.pictures import sample_bytes
from pages.ui.store.rules import computed

Array = NDArray[np.float32]
Maps = Mapping[str, Array]  # by layer, (C, H, W)
Outputs = Mapping[str, Tensor]


def _batch(model: Model, files: Sequence[bytes]) -> Tensor:
    """Pictures as the model gets them, (B, C, H, W)."""
    return torch.from_numpy(np.stack([model.entry.preprocess.to_array(images.decode(data).image) for data in files]))


def _photos() -> list[bytes]:
    return [sample_bytes(sample_id) for sample_id in PHOTOS]


# ---- ReLU -----------------------------------------------------------------------------------------------------------

RELU_REACH = 6.0  # the curves are drawn from -6 to 6
RELU_POINTS = 241


@computed(1)
def relu_curves() -> dict[str, tuple[relu.Values, relu.Values, relu.Values]]:
    """Every activation function's x, value and derivative, (RELU_POINTS,) each."""
    x = np.linspace(-RELU_REACH, RELU_REACH, RELU_POINTS)
    return {function: (x, *relu.curve(function, x)) for function in relu.FUNCTIONS}


@computed(256)
def relu_responses(x: float) -> dict[str, relu.Response]:
    """What every activation function makes of one number."""
    return {function: relu.respond(function, x) for function in relu.FUNCTIONS}


relu_flows = computed(128)(relu.flows)


@computed(128)
def relu_silence(model: Model, pictures: Sequence[Picture]) -> dict[str, relu.Silence]:
    """What every ReLU layer leaves at zero in some pictures."""
    return relu.silence(model.network, _batch(model, [picture.data for picture in pictures]))


# ---- Dropout --------------------------------------------------------------------------------------------------------


@computed(64, given=outputs)
def training_pass(before: Outputs, model: Model, picture: Picture, rate: float, seed: int) -> dropout.TrainingPass:
    """A picture through the network as in training, with masks drawn from a seed."""
    return dropout.training_pass(model.network, before, rate, seed)


@computed(128, given=outputs)
def spread(before: Outputs, model: Model, picture: Picture, rate: float, count: int) -> dropout.Spread:
    """The answers over so many masks."""
    return dropout.spread(model.network, before, rate, count)


@computed(128, given=outputs)
def weighted_sums(before: Outputs, model: Model, picture: Picture, rate: float, seed: int) -> dropout.WeightedSums:
    """A few weighted sums behind dropout, by both ways to scale."""
    return dropout.weighted_sums(model.network, before, rate, seed)


# ---- Pooling --------------------------------------------------------------------------------------------------------


@computed(128, given=layers)
def shift_changes(maps: Maps, model: Model, picture: Picture, layer: str) -> pooling.ShiftChanges:
    """How far a layer's maps change when they move, pooled and not."""
    return pooling.shift_changes(maps[layer])


@computed(64, given=layers)
def winners(maps: Maps, model: Model, picture: Picture, layer: str, name: str) -> pooling.Winners:
    """Which values of a layer's maps get through a pooling of `pooling.MAX_POOLINGS`."""
    return pooling.winners(maps[layer], pooling.MAX_POOLINGS[name])


# ---- LRN, and paper against code ------------------------------------------------------------------------------------

LRN_SHOWN = 15  # maps, the strongest ones


@dataclass(frozen=True)
class TwoSheets:
    """The same maps, the strongest ones, in two ways and in one range of colours."""

    channels: list[int]
    limit: float  # where the colours are full
    sheets: list[tuple[bytes, float]]  # PNG; the highest value of all maps, those that are not shown too


def _two_sheets(first: Array, second: Array, by: Array) -> TwoSheets:
    """`by` says which maps are the strongest, and what colours stand for."""
    channels = lrn.strongest(by, LRN_SHOWN)
    limit = lrn.colour_limit(by[channels])
    sheets = [(render.montage(maps[channels], limit).png, float(maps.max())) for maps in (first, second)]
    return TwoSheets(channels, limit, sheets)


@computed(64, given=layers)
def lrn_maps(
    maps: Maps, model: Model, picture: Picture, layer: LRN, printed: bool
) -> tuple[TwoSheets, lrn.Change, lrn.Change]:
    """Relu1 before and after LRN, by the code's formula or the printed one; and how much changed, in all and by the
    neighbours alone, without the division by k ** beta."""
    found = lrn.normalise(maps["relu1"], lrn.as_printed(layer) if printed else layer)
    return _two_sheets(found.before, found.after, by=found.before), found.change, found.neighbours


lrn_uniform_gap = computed(1)(lrn.uniform_gap)


@computed(1, shared=True)
def _sample_maps(model: Model) -> Array:
    """Relu1 of all sample photographs, (B, C, H, W). Not to be changed."""
    convolution, activation, *_ = model.network.layers()
    with torch.inference_mode():
        return activation(convolution(_batch(model, _photos()))).numpy()


@computed(64, given=lambda model, *_: _sample_maps(model))
def lrn_on_samples(batch: Array, model: Model, layer: LRN) -> lrn.LrnByChannel:
    """LRN of relu1 of all sample photographs."""
    return lrn.lrn_by_channel(batch, layer)


@computed(4, given=_sample_maps)
def batch_norm_on_samples(batch: Array, model: Model) -> tuple[lrn.ByChannel, lrn.ByChannel]:
    """Relu1 of all sample photographs by channel, before batch normalisation and after it."""
    return lrn.by_channel(batch), lrn.by_channel(lrn.batch_normalised(batch))


BOTH_WAYS: Mapping[str, tuple[str, Callable[..., paper.TwoWays]]] = {  # by experiment: the layer it starts from
    "alpha": ("relu1", paper.alpha_both_ways),
    "order": ("conv1", paper.first_layer_both_ways),
    "pool5": ("conv5", paper.fifth_layer_both_ways),
}


@computed(64, given=layers)
def both_ways(
    maps: Maps, model: Model, picture: Picture, experiment: str, layer: LRN | None
) -> tuple[TwoSheets, float, lrn.Change]:
    """One of BOTH_WAYS on a picture, first the paper's, then the code's; the largest difference, and how much changed.
    `layer` is for those with LRN in them."""
    start, function = BOTH_WAYS[experiment]
    found = function(maps[start], *([layer] if layer else []))
    return _two_sheets(found.paper, found.code, by=found.code), found.difference, found.relative


@computed(64)
def dropout_draw(model_id: str, seed: int) -> list[paper.Dropped]:
    """Where a network's dropout stands, and what one draw makes zero there."""
    return paper.dropout_places(model_entry(model_id).spec, seed)


@computed(32)
def input_scales(model_id: str, cropped_as: str, picture: Picture) -> list[paper.InputScale]:
    """A picture, cropped as one model wants it, in the numbers that another one gets."""
    crop = model_entry(cropped_as).preprocess
    cropped = crop.cropped(crop.resized(images.decode(picture.data).image))
    return paper.input_scales(model_entry(model_id).preprocess, cropped)


# ---- Two GPUs -------------------------------------------------------------------------------------------------------


@computed(4)
def stream_colours(model: Model) -> gpus.StreamColours:
    """How much colour conv1's filters have, by stream."""
    return gpus.colours(model.network)


@computed(4)
def photos_kept(model: Model, names: Sequence[str]) -> dict[tuple[str, int], list[str]]:
    """The sample photos whose answer stays when a stream is switched off, by layer and stream."""
    before = activations(model.network, _batch(model, _photos()))
    return {
        (layer, stream): list(compress(PHOTOS, gpus.kept(model.network, before, layer, stream)))
        for layer in names
        for stream in range(gpus.STREAMS)
    }


# ---- Augmentation ---------------------------------------------------------------------------------------------------


@computed(1)
def photo_colours() -> augmentation.Colours:
    """The directions in which the colours of the sample photos vary."""
    *_, found = augmentation.colours(_photos())
    return found


@computed(256, given=lambda *_: photo_colours().pca)
def variants(
    pca: ColourPCA, model: Model, picture: Picture, kind: str, strength: float, seed: int
) -> augmentation.Variants:
    """A photo changed by chance several times, and the answers."""
    return augmentation.variants(model, images.decode(picture.data).image, kind, strength, pca, seed)


@computed(128)
def recoloured(
    model: Model, picture: Picture, pca: ColourPCA, deviations: tuple[float, ...], sigma: float
) -> augmentation.Recoloured:
    """A photo with the paper's change of colour, and the answers before and after."""
    return augmentation.recoloured(model, images.decode(picture.data).image, pca, deviations, sigma)
