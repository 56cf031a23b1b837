"""Variants of a photo: each kind against torchvision with the numbers that were drawn, and the code that is shown."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms
from torchvision.transforms import functional as torchvision

from alexnet_viz.inspection.classify import classify, softmax
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.inspection.techniques import augmentation
from alexnet_viz.inspection.techniques.augmentation import COUNT, KINDS, PAPER_FACTOR, STEPS
from alexnet_viz.network.weights import load_model
from alexnet_viz.pictures.colour_pca import ColourPCA
from alexnet_viz.pictures.images import decode, encode
from alexnet_viz.pictures.samples import PHOTOS, load_sample
from tests.inspection.networks import condition

PCA = ColourPCA(np.float32([[0.6, 0.8, 0], [0.8, -0.6, 0], [0, 0, 1]]), np.float32([0.2, 0.05, 0.01]))
TO_TENSOR = transforms.ToTensor()


@pytest.fixture(scope="module")
def model():
    return load_model("alexnet_cifar")


@pytest.fixture(scope="module")
def photo():
    return decode(load_sample("elephant")).image  # 560 x 480


def changed(model, image, kind, strength, seed=0, count=COUNT):
    """What the core gave the network, (count, C, H, W), and what it drew."""
    photo = augmentation._Photo(image, model.entry.preprocess, PCA)
    random = [np.random.default_rng((seed, i)) for i in range(count)]
    arrays, drawn = zip(*[KINDS[kind].change(photo, strength, one) for one in random], strict=True)
    return np.stack(arrays), drawn


def expected(model, picture, shift=(0, 0, 0)):
    preprocess = model.entry.preprocess
    pixels = TO_TENSOR(picture) + torch.tensor(shift).float().view(3, 1, 1)
    return torchvision.normalize(pixels, preprocess.mean, preprocess.std).numpy()


def seen(model, image, size=None):
    """The central square as torchvision makes it."""
    size = size or model.entry.preprocess.size
    return torchvision.center_crop(torchvision.resize(image, size), [size])


@pytest.mark.parametrize("kind", KINDS)
def test_strength_0_changes_nothing(model, photo, kind):
    arrays, _ = changed(model, photo, kind, 0)
    for array in arrays:
        assert np.array_equal(array, model.entry.preprocess.to_array(photo))


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_repeats_and_another_one_does_not(model, photo, kind):
    usual = KINDS[kind].strengths(32).usual
    first, again, other = (changed(model, photo, kind, usual, seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_mirrored_is_mirrored(model, photo):
    arrays, drawn = changed(model, photo, "mirror", 50, count=40)
    plain = seen(model, photo)
    for array, (mirrored,) in zip(arrays, drawn, strict=True):
        assert np.allclose(array, expected(model, torchvision.hflip(plain) if mirrored else plain), atol=1e-6)
    assert 10 < sum(mirrored for (mirrored,) in drawn) < 30
    assert {mirrored for (mirrored,) in changed(model, photo, "mirror", 100)[1]} == {1.0}


@settings(max_examples=12)
@given(margin=st.integers(0, 32))
def test_a_crop_is_a_window_of_the_larger_square(model, photo, margin):
    arrays, drawn = changed(model, photo, "crop", margin)
    square = seen(model, photo, 32 + margin)
    for array, (left, top) in zip(arrays, drawn, strict=True):
        assert 0 <= left <= margin
        assert 0 <= top <= margin
        assert np.allclose(array, expected(model, torchvision.crop(square, top, left, 32, 32)), atol=1e-6)


def test_every_window_comes_up(model, photo):
    _, drawn = changed(model, photo, "crop", 2, count=200)
    assert set(drawn) == {(left, top) for left in range(3) for top in range(3)}


def test_turned_is_torchvisions_rotation(model, photo):
    arrays, drawn = changed(model, photo, "rotation", 40)
    for array, (angle,) in zip(arrays, drawn, strict=True):
        assert -40 <= angle <= 40
        assert np.allclose(array, expected(model, torchvision.rotate(seen(model, photo), angle)), atol=1e-6)
    assert min(drawn) < (0,) < max(drawn)


def test_jitter_is_torchvisions_in_one_of_six_orders(model, photo):
    from itertools import permutations

    adjust = (torchvision.adjust_brightness, torchvision.adjust_contrast, torchvision.adjust_saturation)
    arrays, drawn = changed(model, photo, "jitter", 60)
    orders_seen = set()
    for array, factors in zip(arrays, drawn, strict=True):
        assert all(0.4 <= factor <= 1.6 for factor in factors)
        for order in permutations(range(3)):
            picture = seen(model, photo)
            for i in order:
                picture = adjust[i](picture, factors[i])
            if np.allclose(array, expected(model, picture), atol=1e-6):
                orders_seen.add(order)
                break
        else:
            pytest.fail("no order gives this picture")
    assert len(orders_seen) > 1


def test_pca_colour_is_the_papers_sum_and_is_not_clipped(model, photo):
    arrays, drawn = changed(model, photo, "pca", 2.0, count=30)
    for array, levels in zip(arrays, drawn, strict=True):
        assert np.allclose(array, expected(model, seen(model, photo), np.array(levels) / 255), atol=1e-4)
    # Along each eigenvector it varies by sigma times the eigenvalue.
    along = np.array(drawn) / 255 @ PCA.vectors
    assert np.allclose(along.std(0), 2.0 * PCA.values, rtol=0.35)


@pytest.mark.parametrize("kind", ["crop", "rotation", "jitter", "pca"])
def test_a_stronger_change_is_the_same_change_stronger(model, photo, kind):
    most = KINDS[kind].strengths(32).most
    half, whole = (np.array(changed(model, photo, kind, share * most)[1]) for share in (0.5, 1.0))
    middle = 1.0 if kind == "jitter" else 0.0
    assert np.allclose(2 * (half - middle), whole - middle, atol=1.5 if kind == "crop" else 1e-4)


def test_strengths_are_said_with_their_units_and_the_papers_margin_is_usual():
    assert [kind.said(kind.strengths(224).usual) for kind in KINDS.values()] == ["50 %", "32 px", "20°", "40 %", "0.5"]
    assert KINDS["crop"].strengths(32).usual == 4


def test_answers_are_those_to_each_variant_alone(model, photo):
    found = augmentation.variants(model, photo, "rotation", 90, PCA, seed=3)
    arrays, drawn = changed(model, photo, "rotation", 90, seed=3)
    assert found.drawn == drawn
    with torch.no_grad():
        alone = np.stack([softmax(model.network(torch.from_numpy(one)[None])[0].numpy()) for one in arrays])
    assert np.allclose(found.probabilities, alone, atol=1e-5)
    answer = classify(model, photo).top(1)[0][0]
    at = model.classes.index(answer)
    best = [model.classes[row.argmax()] for row in alone]
    assert [found.best(i)[0] for i in range(COUNT)] == best
    assert found.kept(answer) == best.count(answer) < COUNT  # upside down it is something else
    assert found.span(answer) == pytest.approx((alone[:, at].min(), alone[:, at].max()), abs=1e-5)


def test_pictures_are_what_the_network_saw(model, photo):
    found = augmentation.variants(model, photo, "crop", 8, PCA)
    arrays, _ = changed(model, photo, "crop", 8)
    for data, array in zip(found.encoded, arrays, strict=True):
        shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)
        enlarged = np.asarray(model.entry.preprocess.from_array(array), float).repeat(6, axis=0).repeat(6, axis=1)
        assert np.abs(shown - enlarged).mean() < 4  # JPEG


def test_stability_tries_everything_and_starts_at_the_answer(model, photo):
    *steps, found = augmentation.stability(model, photo, PCA, seed=2)
    assert steps == [Progress(i, len(KINDS) * STEPS) for i in range(1, len(KINDS) * STEPS + 1)]
    answer = classify(model, photo)
    assert (found.class_id, found.kinds) == (answer.top(1)[0][0], tuple(KINDS))
    assert found.mean[:, 0] == pytest.approx(answer.top(1)[0][1])
    assert found.strengths[:, 0].tolist() == [0] * len(KINDS)
    assert found.strengths[:, -1].tolist() == [kind.strengths(32).most for kind in KINDS.values()]
    for row, kind in enumerate(KINDS):
        for step in (2, STEPS):
            alone = augmentation.variants(model, photo, kind, found.strengths[row, step], PCA, seed=2)
            assert found.mean[row, step] == pytest.approx(np.mean(alone.of(found.class_id)))
            assert found.lowest[row, step] == pytest.approx(min(alone.of(found.class_id)))
            assert found.kept[row, step] == alone.kept(found.class_id)


def test_the_model_is_left_as_it_was(model, photo):
    before = condition(model.network)
    augmentation.variants(model, photo, "jitter", 40, PCA)
    augmentation.recoloured(model, photo, PCA, (1, 0, 0))
    with pytest.raises(KeyError):
        augmentation.variants(model, photo, "blur", 1, PCA)
    assert condition(model.network) == before


def test_the_samples_colours_are_mostly_light_and_dark():
    pictures = [load_sample(sample_id) for sample_id in PHOTOS]
    assert len(pictures) == 14
    *_, found = augmentation.colours(pictures)
    assert (found.pictures, found.side, found.some.shape[1]) == (14, 64, 3)
    assert len(found.some) <= augmentation.CLOUD
    assert found.shares.sum() == pytest.approx(1)
    assert found.shares[0] == pytest.approx(0.891, abs=5e-4)
    assert (found.pca.vectors[:, 0] > 0.4).all(), "all three colours together"
    # NumPy's own covariance, of the same squares made by torchvision
    squares = [torchvision.center_crop(torchvision.resize(decode(p).image, 64), [64]) for p in pictures]
    pixels = np.concatenate([np.asarray(square).reshape(-1, 3) for square in squares]) / 255
    assert found.mean == pytest.approx(pixels.mean(0), abs=1e-6)
    assert found.deviations**2 == pytest.approx(np.linalg.eigvalsh(np.cov(pixels.T))[::-1], rel=1e-3)
    ends = found.axis(1)
    assert ends.mean(0) == pytest.approx(found.mean, abs=1e-6)
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(2 * found.deviations[1])


def test_many_pictures_tell_how_far_they_are():
    picture = encode(Image.new("RGB", (32, 32), (10, 200, 30)))
    *steps, found = augmentation.colours([picture] * 120, side=32)
    assert steps == [Progress(50, 120), Progress(100, 120)]
    assert found.mean == pytest.approx([10 / 255, 200 / 255, 30 / 255])


def test_a_swatch_runs_from_one_side_of_grey_to_the_other():
    colours = augmentation.Colours(PCA, np.float32([0.5] * 3), np.zeros((1, 3), np.float32), 1, 1)
    swatch = np.asarray(Image.open(io.BytesIO(colours.swatch(0)))).astype(int)
    assert swatch.shape == (32, 9 * 32, 3)
    row = swatch[:1, 16::32]
    assert row.shape == (1, 9, 3)
    assert row[0, 4].tolist() == [128, 128, 128]
    assert row[0, 8] == pytest.approx(255 * (0.5 + 0.2**0.5 * np.array([0.6, 0.8, 0])), abs=1)
    assert row[0, 0] == pytest.approx(255 * (0.5 - 0.2**0.5 * np.array([0.6, 0.8, 0])), abs=1)


def test_recoloured_adds_factors_times_eigenvalues(model, photo):
    found = augmentation.recoloured(model, photo, PCA, (2, -1, 3))
    shift = 0.2 * 0.2 * PCA.vectors[:, 0] - 0.1 * 0.05 * PCA.vectors[:, 1] + 0.3 * 0.01 * PCA.vectors[:, 2]
    assert found.levels == pytest.approx(255 * shift, abs=1e-4)
    before, after = (
        np.asarray(Image.open(io.BytesIO(png)))[::6, ::6].astype(int) for png in (found.before, found.after)
    )
    assert np.array_equal(before, np.asarray(seen(model, photo)))
    assert np.array_equal(after, np.rint(before + 255 * shift).clip(0, 255))
    assert found.probabilities[0] == pytest.approx(classify(model, photo).probabilities, abs=1e-5)
    with torch.no_grad():
        again = model.network(torch.from_numpy(expected(model, seen(model, photo), shift))[None])[0].numpy()
    assert found.probabilities[1] == pytest.approx(softmax(again), abs=1e-4)


def test_the_best_classes_of_both_answers_are_shown():
    probabilities = np.array([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.1, 0.6]])
    found = augmentation.Recoloured(np.zeros(3), b"", b"", probabilities)
    assert found.shown(2) == [0, 1, 3]
    assert found.shown(4) == [0, 1, 2, 3]


def run(code):
    namespace = {}
    exec(compile(code, "shown", "exec"), namespace)
    return namespace


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model_id", ["alexnet_200", "alexnet_cifar"])
def test_the_code_runs_and_at_strength_0_is_the_models_preprocessing(kind, model_id, photo):
    preprocess = load_model(model_id).entry.preprocess
    usual = KINDS[kind].strengths(preprocess.crop).usual
    torch.manual_seed(0)
    transform = run(augmentation.transforms_code(kind, usual, preprocess, PCA))["transform"]
    results = [transform(photo) for _ in range(8)]
    assert {tuple(result.shape) for result in results} == {(3, preprocess.crop, preprocess.crop)}
    assert not all(result.equal(results[0]) for result in results)
    nothing = run(augmentation.transforms_code(kind, 0, preprocess, PCA))["transform"]
    assert np.allclose(nothing(photo).numpy(), preprocess.to_array(photo), atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "strength", "step"),
    [
        ("mirror", 30, transforms.RandomHorizontalFlip(0.3)),
        ("crop", 32, transforms.RandomCrop(224)),
        ("rotation", 15, transforms.RandomRotation(15)),
        ("jitter", 40, transforms.ColorJitter(0.4, 0.4, 0.4)),
    ],
)
def test_the_code_has_the_strength_that_was_chosen(kind, strength, step):
    preprocess = load_model("alexnet_200").entry.preprocess
    steps = run(augmentation.transforms_code(kind, strength, preprocess, PCA))["transform"].transforms
    assert str(steps[2]) == str(step)
    assert steps[0].size == (256 if kind == "crop" else 224)


def test_the_codes_colours_are_the_cores(photo):
    preprocess = load_model("alexnet_200").entry.preprocess
    shown = run(augmentation.transforms_code("pca", 0.5, preprocess, PCA))
    torch.manual_seed(4)
    shifted = shown["ColourShift"](0.5)(torch.zeros(3, 2, 2))
    torch.manual_seed(4)
    alphas = 0.5 * torch.randn(3).numpy()
    assert shifted[:, 0, 0].numpy() == pytest.approx(PCA.shift(alphas), abs=1e-6)
    assert shifted[:, 1, 1].equal(shifted[:, 0, 0])


def test_the_papers_recipe_and_its_numbers(photo):
    transform = run(augmentation.paper_code(PCA))["transform"]
    assert [type(step).__name__ for step in transform.transforms] == [
        *("Resize", "CenterCrop", "RandomCrop", "RandomHorizontalFlip", "ToTensor", "ColourShift", "Normalize")
    ]
    assert transform(photo).shape == (3, 224, 224)
    assert transform.transforms[5].sigma == 0.1
    margin = augmentation.PAPER_MARGIN
    square = torch.arange(256 * 256).view(256, 256)
    corners = {int(window[0, 0]) for row in square.unfold(0, 224, 1).unfold(1, 224, 1) for window in row}
    assert margin + 1 == 33
    assert augmentation.factor(margin) == 2 * len(corners) == 2178
    assert PAPER_FACTOR == 2048


def test_the_seed_documents_crop_raises_on_small_photos_and_the_corrected_one_does_not(photo):
    bare = transforms.RandomCrop(227, padding=4)
    least = augmentation.SEED_SMALLEST
    assert least == 219
    assert bare(Image.new("RGB", (least, least))).size == (227, 227)
    with pytest.raises(ValueError, match="larger than input image size"):
        bare(Image.new("RGB", (least - 1, 400)))
    transform = run(augmentation.seed_code())["transform"]
    for picture in (Image.new("RGB", (218, 400)), Image.new("RGB", (20, 20)), photo):
        assert transform(picture).shape == (3, 227, 227)
