"""The directions in which pictures vary in colour, and the paper's change of colour along them (section 4.1).

    pca = colour_pca(images)              # uint8 (N, 3, H, W)
    pca.shift([0.1, -0.05, 0.2])          # (3,): what is added to red, green and blue of every pixel

Everything is on the scale from 0 to 1. The unit matters: eigenvalues are variances, so on a scale from 0 to 255 they
are 255 squared times as large while the colours are only 255 times as large, and the same change is 255 times too
strong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_AT_ONCE = 1000  # pictures: as doubles all of them would take eight times their memory


@dataclass(frozen=True)
class ColourPCA:
    """Eigenvectors and eigenvalues of the covariance of RGB values from 0 to 1."""

    vectors: Floats  # (3, 3), one eigenvector a column, rows are red, green, blue
    values: Floats  # (3,), their eigenvalues: the variances along them, smallest first

    def shift(self, alphas: Sequence[float] | NDArray[np.floating[Any]]) -> Floats:
        """[p1 p2 p3] [a1 l1, a2 l2, a3 l3]^T: alphas (..., 3) to what is added to red, green, blue, (..., 3)."""
        return ((np.asarray(alphas) * self.values) @ self.vectors.T).astype(np.float32)

    def largest_first(self) -> "ColourPCA":
        """The same directions as people list them. Their signs mean nothing; here the largest component is positive."""
        vectors = self.vectors[:, ::-1]
        largest = np.abs(vectors).argmax(0)
        return ColourPCA(vectors * np.sign(vectors[largest, range(3)]), self.values[::-1].copy())


def colour_pca(images: NDArray[np.uint8]) -> ColourPCA:
    """Of all pixels of uint8 images, (N, 3, H, W), on the scale from 0 to 1."""
    count, total, products = 0, np.zeros(3), np.zeros((3, 3))
    for start in range(0, len(images), _AT_ONCE):
        pixels = np.moveaxis(images[start : start + _AT_ONCE], 1, -1).reshape(-1, 3) / 255  # (pixels, 3)
        count += len(pixels)
        total += pixels.sum(0)
        products += pixels.T @ pixels
    mean = total / count
    values, vectors = np.linalg.eigh(products / count - np.outer(mean, mean))
    return ColourPCA(vectors.astype(np.float32), values.clip(min=0).astype(np.float32))
