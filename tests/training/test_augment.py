"""Batches changed by chance: each change against one image at a time, worked out by other means."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional as torchvision

from alexnet_viz.pictures.colour_pca import ColourPCA, colour_pca
from alexnet_viz.pictures.images import Preprocess
from alexnet_viz.training.augment import Augment, Normalise
from alexnet_viz.training.config import TrainConfig

MEAN, STD = (0.49, 0.48, 0.45), (0.2, 0.21, 0.22)
OFF = {"flip": False, "shift": 0, "rotation": 0.0, "colour_jitter": 0.0, "pca_colour": 0.0}


def images(count=6, height=9, width=9, channels=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, channels, height, width), dtype=torch.uint8, generator=generator)


def chance(seed=3):
    return torch.Generator().manual_seed(seed)


def some(batch):
    """Which images are mirrored: about half of them."""
    return torch.rand(len(batch), generator=chance(4)) < 0.5


def changed(batch, pca=None, seed=3, **settings):
    """The batch after the changes, on a scale from 0 to 1, (B, C, H, W)."""
    channels = batch.shape[1]
    config = TrainConfig(data="shapes", **{**OFF, **settings})
    return Augment(config, (0.0,) * channels, (1.0,) * channels, pca)(batch, chance(seed), some(batch))


def pixels(batch):
    return batch.float() / 255


def uniform(generator, count, low, high):
    return low + torch.rand(count, generator=generator) * (high - low)


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (1, "L")])
def test_without_changes_it_is_the_models_preprocessing(channels, mode):
    batch = images(channels=channels)
    preprocess = Preprocess(9, 9, MEAN[:channels], STD[:channels])
    pictures = [Image.fromarray(one.permute(1, 2, 0).squeeze(-1).numpy(), mode) for one in batch]
    expected = torch.stack([torch.from_numpy(preprocess.to_array(picture)) for picture in pictures])
    got = Augment(TrainConfig(data="shapes", **OFF), MEAN[:channels], STD[:channels])(batch, chance(), some(batch))
    assert got.equal(expected)
    assert Normalise(MEAN[:channels], STD[:channels])(batch).equal(expected)
    assert got.is_contiguous(memory_format=torch.channels_last)


def test_a_seed_repeats_and_chance_goes_on():
    batch = images()
    augment = Augment(TrainConfig(data="shapes"), MEAN, STD)
    generator = chance()
    first, second = (augment(batch, generator, some(batch)) for _ in range(2))
    assert augment(batch, chance(), some(batch)).equal(first)
    assert not first.equal(second)


def test_the_batch_stays_as_it_is_and_so_does_global_chance():
    batch = images()
    before, state = batch.clone(), torch.get_rng_state()
    changed(batch, colour_pca(batch.numpy()), flip=True, shift=2, rotation=9.0, colour_jitter=0.3, pca_colour=0.1)
    assert batch.equal(before)
    assert torch.get_rng_state().equal(state)


def test_the_chosen_images_are_mirrored():
    batch = images(40)
    for one, image, mirrored in zip(changed(batch, flip=True), pixels(batch), some(batch), strict=True):
        array = image.permute(1, 2, 0).numpy()
        assert np.array_equal(one.permute(1, 2, 0).numpy(), np.fliplr(array) if mirrored else array)


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 9))
def test_shifted_images_are_windows_of_padded_ones(height, width, shift):
    batch = images(5, height, width)
    for one, image in zip(changed(batch, shift=shift), pixels(batch), strict=True):
        padded = np.pad(image.numpy(), ((0, 0), (shift, shift), (shift, shift)), mode="reflect")
        windows = [
            padded[:, top : top + height, left : left + width]
            for top, left in product(range(2 * shift + 1), range(2 * shift + 1))
        ]
        assert any(np.array_equal(one.numpy(), window) for window in windows)


def test_every_shift_comes_up():
    image = torch.arange(9 * 9, dtype=torch.uint8).view(1, 1, 9, 9).expand(600, 3, 9, 9)
    middles = {round(one[0, 4, 4].item() * 255) for one in changed(image, shift=2)}
    assert middles == {9 * row + column for row in range(2, 7) for column in range(2, 7)}


def test_turned_images_are_pillows():
    batch = images(60, 32, 32)
    angles = uniform(chance(), 60, -30.0, 30.0)
    for one, image, angle in zip(changed(batch, rotation=30.0), batch, angles.tolist(), strict=True):
        turned = Image.fromarray(image.permute(1, 2, 0).numpy()).rotate(angle)  # nearest pixel, black corners
        agree = (one.permute(1, 2, 0).numpy() * 255).round() == np.asarray(turned)
        assert agree.mean() > 0.99  # Pillow's fixed-point numbers see some borders of pixels otherwise


def test_moves_together_are_mirror_then_shift_then_turn():
    batch = images(200, 16, 16)
    together = changed(batch, flip=True, shift=3, rotation=20.0)
    generator = chance()
    angles = uniform(generator, 200, -20.0, 20.0).tolist()
    down, across = torch.randint(-3, 4, (2, 200, 1, 1), generator=generator).view(2, 200).tolist()
    mirrored = some(batch).tolist()
    for i, image in enumerate(batch):
        array = image.permute(1, 2, 0).numpy()
        array = array[:, ::-1] if mirrored[i] else array
        padded = np.pad(array, ((3, 3), (3, 3), (0, 0)), mode="reflect")
        window = padded[3 + down[i] : 19 + down[i], 3 + across[i] : 19 + across[i]]
        turned = np.asarray(Image.fromarray(np.ascontiguousarray(window)).rotate(angles[i]))
        assert ((together[i].permute(1, 2, 0).numpy() * 255).round() == turned).mean() > 0.99


@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_jittered_colours_are_torchvisions_in_a_fixed_order(strength):
    batch = images(20)
    generator = chance()
    factors = [uniform(generator, 20, 1 - strength, 1 + strength).tolist() for _ in range(3)]
    for i, one in enumerate(changed(batch, colour_jitter=strength)):
        expected = torchvision.adjust_brightness(pixels(batch)[i], factors[0][i])
        expected = torchvision.adjust_contrast(expected, factors[1][i])
        expected = torchvision.adjust_saturation(expected, factors[2][i])
        assert torch.allclose(one, expected, atol=1e-3)  # torchvision's red weighs 0.2989


def test_gray_images_get_brightness_and_contrast():
    batch = images(4, channels=1)
    generator = chance()
    bright, contrast = (uniform(generator, 4, 0.5, 1.5).tolist() for _ in range(2))
    for i, one in enumerate(changed(batch, colour_jitter=0.5, pca_colour=0.1)):
        expected = (pixels(batch)[i] * bright[i]).clamp(0, 1)
        expected = (contrast[i] * expected + (1 - contrast[i]) * expected.mean()).clamp(0, 1)
        assert torch.allclose(one, expected, atol=1e-6)


def test_the_papers_colours_are_shifted_along_the_eigenvectors():
    batch = images(5)
    pca = colour_pca(batch.numpy())
    alphas = 0.1 * torch.randn(5, 3, generator=chance())
    for i, one in enumerate(changed(batch, pca, pca_colour=0.1)):
        shift = sum(float(alphas[i, k]) * pca.values[k] * pca.vectors[:, k] for k in range(3))
        assert torch.allclose(one, pixels(batch)[i] + torch.from_numpy(shift)[:, None, None], atol=1e-6)


def test_colour_noise_without_a_pca_is_a_mistake_at_once():
    with pytest.raises(ValueError, match="pca"):
        Augment(TrainConfig(data="shapes", pca_colour=0.1), MEAN, STD)
    nothing = ColourPCA(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    assert math.isfinite(changed(images(), nothing, pca_colour=0.1).sum())
