"""Changing training images by chance, a whole batch at once and on its device: uint8 in, the network's input out.

    augment = Augment(config, preprocess.mean, preprocess.std, colour_pca(images.numpy()))
    batch = augment(images, generator, mirrored)     # uint8 (B, C, H, W) -> float (B, C, H, W), channels_last

Mirroring, shifting and turning only move pixels, so they are worked out on coordinates and done by one look-up. Colours
follow, on values from 0 to 1, and the network's normalisation comes last. What is drawn comes from the generator alone,
on the processor, so a graphics card sees the same images.

Which images are mirrored is not drawn anew: each is in every other epoch. Coins would show many of them the same way
round several times in a row; taking turns ends higher after as many epochs (Jordan 2024, "94% on CIFAR-10 in 3.29
seconds on a single GPU").
"""

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from alexnet_viz.pictures.colour_pca import ColourPCA
from alexnet_viz.training.config import TrainConfig

GREY = (0.299, 0.587, 0.114)  # a pixel's brightness, of red, green and blue (ITU-R BT.601)


class Normalise:
    """uint8 images (B, C, H, W) as the network's input: to 0..1, minus the mean, divided by the std, channels_last."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self._mean, self._std = torch.tensor(mean), torch.tensor(std)

    def __call__(self, images: Tensor) -> Tensor:
        return self.values(images.movedim(1, -1).float() / 255)

    def values(self, pixels: Tensor) -> Tensor:
        """The same for values from 0 to 1 with the channels last, (B, H, W, C) -> (B, C, H, W)."""
        mean, std = self._mean.to(pixels.device), self._std.to(pixels.device)
        return ((pixels - mean) / std).movedim(-1, 1).contiguous(memory_format=torch.channels_last)


class Augment:
    """The changes that a config asks for, drawn anew at every call."""

    def __init__(
        self, config: TrainConfig, mean: Sequence[float], std: Sequence[float], pca: ColourPCA | None = None
    ) -> None:
        if config.pca_colour and len(mean) == 3 and pca is None:
            raise ValueError("`pca` is needed: colour_pca(images.numpy())")
        self._config, self._normalise, self._pca = config, Normalise(mean, std), pca

    def __call__(self, images: Tensor, generator: Generator, mirrored: Tensor) -> Tensor:
        """The batch as the network shall see it, these (B,) images mirrored where the config asks for mirroring.

        Of the colour changes, gray images get brightness and contrast.
        """
        pixels = self._moved(images.movedim(1, -1), generator, mirrored).float() / 255  # (B, H, W, C)
        if self._config.colour_jitter:
            pixels = _jittered(pixels, self._config.colour_jitter, generator)
        if self._config.pca_colour and self._pca and images.shape[1] == 3:
            alphas = self._config.pca_colour * torch.randn(len(images), 3, generator=generator)
            shift = torch.from_numpy(self._pca.shift(alphas.numpy()))  # (B, 3)
            pixels = pixels + shift.to(pixels.device)[:, None, None]
        return self._normalise.values(pixels)

    def _moved(self, images: Tensor, generator: Generator, mirrored: Tensor) -> Tensor:  # (B, H, W, C)
        """Mirrored, then shifted with reflected borders, then turned with black corners; the nearest pixel is taken."""
        batch, height, width, _ = images.shape
        config = self._config
        if not (config.flip or config.shift or config.rotation):
            return images
        rows, columns = torch.arange(height)[None, :, None], torch.arange(width)[None, None, :]
        inside = None
        if config.rotation:
            angle = _uniform(batch, -config.rotation, config.rotation, generator) * (math.pi / 180)
            rows, columns = _turned(angle, height, width)
            inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        if config.shift:
            down, across = torch.randint(-config.shift, config.shift + 1, (2, batch, 1, 1), generator=generator)
            rows, columns = rows + down, columns + across
        rows, columns = _reflected(rows, height), _reflected(columns, width)
        if config.flip:
            columns = torch.where(mirrored[:, None, None], width - 1 - columns, columns)
        places = (torch.arange(batch)[:, None, None] * height + rows) * width + columns  # (B, H, W), of all pixels
        places = places.to(images.device, non_blocking=True)
        moved = images.reshape(-1, images.shape[-1])[places.flatten()].view(images.shape)
        return moved if inside is None else moved * inside.to(images.device)[..., None]


def _uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    return low + torch.rand(count, generator=generator) * (high - low)


def _turned(angle: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Where each pixel of images turned counter-clockwise comes from, (B, H, W): row and column, perhaps outside."""
    x = torch.arange(width)[None, None, :] + 0.5 - width / 2  # of the pixel's centre, from the image's centre
    y = torch.arange(height)[None, :, None] + 0.5 - height / 2
    sine, cosine = torch.sin(angle)[:, None, None], torch.cos(angle)[:, None, None]
    rows = (sine * x + cosine * y + height / 2).floor().long()
    columns = (cosine * x - sine * y + width / 2).floor().long()
    return rows, columns


def _reflected(at: Tensor, size: int) -> Tensor:
    """Positions outside an axis, mirrored at its first and last pixel, which are not repeated: -1 is 1."""
    if size == 1:
        return torch.zeros_like(at)
    period = 2 * (size - 1)
    at = at.abs() % period
    return torch.minimum(at, period - at)


def _jittered(pixels: Tensor, strength: float, generator: Generator) -> Tensor:  # (B, H, W, C)
    """Brightness, contrast and saturation, in this order, each times 1 +- strength and cut to 0..1."""

    def blended(pixels: Tensor, other: Tensor | float) -> Tensor:
        factor = _uniform(len(pixels), max(0.0, 1 - strength), 1 + strength, generator).to(pixels.device)
        factor = factor[:, None, None, None]
        return (factor * pixels + (1 - factor) * other).clamp(0, 1)

    pixels = blended(pixels, 0.0)
    pixels = blended(pixels, _grey(pixels).mean((1, 2, 3), keepdim=True))
    return blended(pixels, _grey(pixels)) if pixels.shape[-1] == 3 else pixels


def _grey(pixels: Tensor) -> Tensor:  # (B, H, W, 1)
    if pixels.shape[-1] == 1:
        return pixels
    return (pixels * torch.tensor(GREY, device=pixels.device)).sum(-1, keepdim=True)
