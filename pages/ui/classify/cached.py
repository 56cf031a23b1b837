"""What the classify page makes of a picture, kept."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alexnet_viz.inspection import preprocessing
from alexnet_viz.network.zoo import model_entry
from alexnet_viz.pictures import images
from alexnet_viz.words.i18n import Message
from pages.ui.session import Picture
from pages.ui.store.rules import computed, keep

if TYPE_CHECKING:
    from alexnet_viz.inspection.crops import TenCrops
    from alexnet_viz.network.weights import Model


@dataclass(frozen=True)
class Views:
    """A picture as people see it and as the network does, encoded for the browser."""

    size: tuple[int, int]  # of the picture, width and height in pixels
    notes: tuple[Message, ...]  # what decoding changed
    cropped: bytes  # JPEG: the picture with the network's part outlined
    seen: bytes  # PNG: the preprocessed array turned back into a picture


@keep(max_entries=128)
def views(model_id: str, picture: Picture) -> Views:
    """The picture with the crop drawn, and what the network really sees of it."""
    decoded = images.decode(picture.data)
    preprocess = model_entry(model_id).preprocess
    array = preprocess.to_array(decoded.image)
    return Views(
        size=decoded.size,
        notes=decoded.notes,
        cropped=images.encode(images.draw_crop(decoded.image, preprocess.crop_box(decoded.image.size)), "JPEG"),
        seen=images.encode(preprocess.from_array(array)),
    )


@keep(max_entries=32)
def steps(model_id: str, picture: Picture) -> preprocessing.Steps:
    """The pictures between a photo and the network's input."""
    return preprocessing.steps(model_entry(model_id).preprocess, images.decode(picture.data).image)


@computed(32)
def ten_crops(model: "Model", picture: Picture) -> "TenCrops":
    """The paper's ten crops of a picture."""
    from alexnet_viz.inspection.crops import ten_crops

    return ten_crops(model, images.decode(picture.data).image)
