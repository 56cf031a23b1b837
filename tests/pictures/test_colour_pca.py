"""The directions of colours, against NumPy's own covariance and against pictures made along a known line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from alexnet_viz.pictures.colour_pca import ColourPCA, colour_pca

pictures = hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.just(3), st.integers(1, 5), st.integers(1, 5)))


def covariance(images):
    values = images.transpose(0, 2, 3, 1).reshape(-1, 3) / 255
    return np.cov(values.T, bias=True)


def check(pca, images):
    assert pca.vectors.dtype == pca.values.dtype == np.float32
    assert np.allclose((pca.vectors * pca.values) @ pca.vectors.T, covariance(images), atol=1e-6)
    assert np.allclose(pca.vectors.T @ pca.vectors, np.eye(3), atol=1e-5)


@given(pictures)
def test_eigenvectors_times_eigenvalues_are_the_covariance(images):
    pca = colour_pca(images)
    check(pca, images)
    assert (np.diff(pca.values) >= 0).all()
    check(pca.largest_first(), images)


def test_more_pictures_than_are_taken_at_once():
    images = np.random.default_rng(0).integers(0, 256, (2300, 3, 3, 2), dtype=np.uint8)
    images[:, 2] = images[:, 0] // 2 + images[:, 2] // 4  # colours that vary together
    images[2000:] //= 3  # the last part differs: leaving it out would show
    check(colour_pca(images), images)
    assert np.allclose(colour_pca(images).values, np.linalg.eigvalsh(covariance(images)), atol=1e-7)


def test_one_colour_has_no_direction():
    assert colour_pca(np.full((2, 3, 4, 4), 77, np.uint8)).values == pytest.approx([0, 0, 0], abs=1e-12)


def test_the_shift_is_the_papers_sum():
    pca = ColourPCA(np.array([[0.6, 0, 0.8], [0.8, 0, -0.6], [0, 1, 0]], np.float32), np.float32([0.5, 0.2, 0.1]))
    assert pca.shift([0.1, 0, 0]) == pytest.approx([0.1 * 0.5 * 0.6, 0.1 * 0.5 * 0.8, 0])
    assert pca.shift([1, 2, -3]) == pytest.approx([0.3 - 0.24, 0.4 + 0.18, 0.4])
    both = pca.shift(np.float32([[0.1, 0, 0], [1, 2, -3]]))
    assert both == pytest.approx(np.stack([pca.shift([0.1, 0, 0]), pca.shift([1, 2, -3])]))


def test_values_up_to_255_would_make_the_change_255_times_too_strong():
    images = np.random.default_rng(1).integers(0, 256, (3, 3, 8, 8), dtype=np.uint8)
    pca = colour_pca(images)
    values, vectors = np.linalg.eigh(covariance(images) * 255**2)
    wrong = ColourPCA(vectors.astype(np.float32), values.astype(np.float32)).largest_first().shift([0.1, 0, 0]) / 255
    assert wrong == pytest.approx(255 * pca.largest_first().shift([0.1, 0, 0]), rel=1e-4)


@given(pictures)
def test_largest_first_is_the_other_way_round_with_signs_that_are_fixed(images):
    pca = colour_pca(images)
    ordered = pca.largest_first()
    assert ordered.values.tolist() == pca.values[::-1].tolist()
    for k in range(3):
        assert np.abs(ordered.vectors[:, k]).tolist() == np.abs(pca.vectors[:, 2 - k]).tolist()
        assert max(ordered.vectors[:, k], key=abs) > 0
    again = ordered.largest_first().largest_first()
    assert again.vectors.tolist() == ordered.vectors.tolist()
