"""The paper's ten crops."""

import io

import numpy as np
from PIL import Image, ImageOps

from alexnet_viz.inspection.classify import classify, softmax
from alexnet_viz.inspection.crops import ten_crops
from alexnet_viz.network.weights import load_model
from alexnet_viz.pictures.images import decode
from alexnet_viz.pictures.samples import load_sample


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)), dtype=int)


def test_ten_crops_are_four_corners_the_centre_and_their_mirror_images():
    model = load_model("alexnet_200")
    image = decode(load_sample("cat")).image
    crops = ten_crops(model, image)
    seen = [picture(png) for png in crops.encoded]
    assert len(seen) == 10
    assert {crop.shape for crop in seen} == {(224, 224, 3)}
    for plain, mirrored in zip(seen[:5], seen[5:], strict=True):
        assert np.array_equal(mirrored, plain[:, ::-1])
    # Independently: the central 256x256 of the picture whose shorter side is 256.
    width = int(256 * image.width / image.height)
    square = image.resize((width, 256), Image.Resampling.BILINEAR)
    left = round((width - 256) / 2)
    square = np.asarray(square.crop((left, 0, left + 256, 256)), dtype=int)
    for crop, (top, side) in zip(seen, [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)], strict=False):
        assert np.array_equal(crop, square[top : top + 224, side : side + 224])


def test_the_answer_is_the_mean_of_the_softmax_outputs():
    model = load_model("alexnet_200")
    crops = ten_crops(model, decode(load_sample("elephant")).image)
    assert crops.probabilities.shape == (10, 200)
    assert np.allclose(crops.probabilities.sum(axis=1), 1)
    assert np.allclose(crops.mean, sum(crops.probabilities) / 10)
    assert crops.top(1)[0][0] == "African elephant"


def test_each_crop_is_answered_as_if_it_were_alone():
    model = load_model("alexnet_cifar")
    crops = ten_crops(model, ImageOps.fit(decode(load_sample("penguin")).image, (64, 64)))
    for png, probabilities in zip(crops.encoded, crops.probabilities, strict=True):
        alone = classify(model, Image.open(io.BytesIO(png)))
        assert np.allclose(softmax(alone.logits), probabilities, atol=1e-5)
