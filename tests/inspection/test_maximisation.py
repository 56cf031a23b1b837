"""Pictures made by optimisation: they match the kernels, repeat, rise or fall, and leave the network as it was."""

import gc
import random
from dataclasses import FrozenInstanceError, replace
from math import cos, hypot, isnan, pi, radians

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.inspection import maximisation
from alexnet_viz.inspection.activations import activations
from alexnet_viz.inspection.by_hand import work
from alexnet_viz.inspection.maximisation import Settings, invert, maximise
from alexnet_viz.network.build import random_state, with_weights
from alexnet_viz.network.fields import Box, visible_box
from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.spec import LRN, Activation, Conv, Dropout, Flatten, Linear, Pool, Spec, walk
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.pictures.images import Preprocess
from alexnet_viz.pictures.samples import SAMPLE_DIR
from tests.inspection.networks import condition

COLOR = Preprocess(32, 32, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
BYTES = replace(COLOR, std=(1 / 255,) * 3)  # values in 0..255 units, as the 2012 network takes them
GRAY = Preprocess(32, 32, (0.1307,), (0.3081,))
FEW = Settings(steps=12)

EVERY_KIND = read_spec(
    "3x19x23_conv8k5s2p1g1_relu_lrn5a0.5b0.75k2g2_max3s2p0_conv6k3s1p1g2_bn_tanh_avg2s1p1_adapt3"
    "_flat_drop0.5_fc54-24_bn_relu_fc24-4"
)
LAYERS = [row.name for row in walk(EVERY_KIND).rows]


def ready(spec, seed=0):
    return with_weights(spec, random_state(spec, seed))


def last(steps):
    return list(steps)[-1]


def seen(picture, preprocess):
    """What a network gets of a picture (H, W, 3)."""
    image = Image.fromarray(picture)
    return torch.from_numpy(preprocess.normalised(image.convert("L") if len(preprocess.mean) == 1 else image))[None]


def correlation(a, b):
    return float(np.corrcoef(np.ravel(a), np.ravel(b))[0, 1])


def gabor(side, wavelength, degrees, colors):
    """A kernel as conv1 learns them: a wave under a Gaussian, (C, side, side)."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    along = x * np.cos(np.radians(degrees)) + y * np.sin(np.radians(degrees))
    wave = np.cos(2 * pi * along / wavelength) * np.exp(-(x**2 + y**2) / (2 * (side / 4) ** 2))
    return torch.tensor(np.multiply.outer(colors, wave - wave.mean()), dtype=torch.float32)


def one_conv(kernel, *after, bias=0.0, size=32):
    """A network whose conv1 has this kernel as its second channel."""
    spec = Spec((len(kernel), size, size), (Conv(2, kernel.shape[-1]), *after))
    state = random_state(spec)
    state["features.0.weight"][1] = kernel
    state["features.0.bias"][1] = bias
    return with_weights(spec, state)


@pytest.mark.parametrize(
    ("preprocess", "colors", "degrees"),
    [
        *((COLOR, (1, 1, 1), 0), (COLOR, (1, 1, 1), 30), (COLOR, (1, 0, -1), 90), (COLOR, (-1, 2, -1), 135)),
        *((BYTES, (1, 1, 1), 60), (GRAY, (1,), 0), (GRAY, (1,), 150)),
    ],
)
def test_a_unit_of_a_convolution_wants_to_see_its_kernel(preprocess, colors, degrees):
    kernel = gabor(9, 6, degrees, colors)
    step = last(maximise(one_conv(kernel), preprocess, "conv1", 1, objective="unit", settings=Settings(steps=64)))
    assert step.picture.shape == (9, 9, 3)
    assert correlation(seen(step.picture, preprocess)[0], kernel) > 0.8
    assert step.picture.std() > 20, "strong enough to be seen"
    assert np.mean((step.picture < 3) | (step.picture > 252)) < 0.1, "and not cut off"


@pytest.mark.parametrize("degrees", [0, 45, 120])
def test_a_channel_of_a_convolution_wants_to_see_its_grating(degrees):
    network = one_conv(gabor(9, 6, degrees, (1, 1, 1)), size=48)
    picture = last(maximise(network, COLOR, "conv1", 1, settings=Settings(steps=64))).picture
    light = picture.mean(axis=2)[6:-6, 6:-6]
    assert light.std() > 40
    spectrum = np.abs(np.fft.fft2(light - light.mean()))
    down, across = np.unravel_index(spectrum.argmax(), spectrum.shape)
    frequency = np.fft.fftfreq(len(light))
    direction = np.array([frequency[across], frequency[down]])
    assert 4.5 < 1 / np.hypot(*direction) < 8.5, "six pixels; a map prefers waves a little longer than its kernel's"
    wanted = np.array([np.cos(radians(degrees)), np.sin(radians(degrees))])
    assert abs(direction @ wanted) / np.hypot(*direction) > 0.9


@pytest.mark.parametrize(
    ("objective", "of_map"),
    [
        ("channel", lambda values: np.where(values > 0, values, maximisation.LEAK * values).mean()),
        ("unit", lambda values: values[values.shape[0] // 2, values.shape[1] // 2]),
    ],
)
@pytest.mark.parametrize("layer", ["conv1", "conv2", "bn2", "tanh2", "pool2", "avgpool2", "flatten", "fc3", "fc4"])
def test_the_value_is_that_of_the_picture_as_it_is(layer, objective, of_map):
    network = ready(EVERY_KIND)
    steps = list(maximise(network, COLOR, layer, 2, objective=objective, settings=FEW))
    values = [step.value for step in steps]
    assert len(values) == 2
    assert values[0] < values[1]
    whole = np.full((19, 23, 3), 99, np.uint8)  # what a unit does not see may be anything
    shape = (*walk(EVERY_KIND).rows[LAYERS.index(layer)].shape, 1, 1)[:3]
    box = visible_box(EVERY_KIND, layer, shape[1] // 2, shape[2] // 2) if objective == "unit" else Box(0, 0, 19, 23)
    whole[box.top : box.bottom, box.left : box.right] = steps[-1].picture
    output = activations(network, seen(whole, COLOR))[layer][0, 2].numpy()
    expected = of_map(output) if output.ndim else output
    assert steps[-1].value == pytest.approx(float(expected), abs=0.02 * max(1, abs(steps[-1].value)))


@pytest.mark.parametrize("preprocess", [COLOR, BYTES])
def test_the_logit_is_the_networks_own(preprocess):
    spec = Spec((3, 16, 16), (Conv(4, 3), Activation(), Pool(2, 2), Flatten(), Linear(196, 3)))
    network = ready(spec)
    step = last(maximise(network, preprocess, "fc2", 2, settings=FEW))
    logit = float(network(seen(step.picture, preprocess))[0, 2])
    assert step.value == pytest.approx(logit, rel=0.02)


def test_a_network_that_sees_gray_gets_a_gray_picture():
    spec = Spec((1, 16, 16), (Conv(4, 3), Activation("tanh"), Flatten(), Linear(784, 3)))
    for layer in ("conv1", "tanh1", "fc2"):
        picture = last(maximise(ready(spec), GRAY, layer, 1, settings=FEW)).picture
        assert picture.shape == (16, 16, 3)
        assert (picture == picture[..., :1]).all()
        assert picture.std() > 5


@pytest.mark.parametrize("layer", ["relu1", "norm1", "pool1", "drop1", "flatten"])
def test_silent_units_are_woken(layer):
    """A bias so low that no picture makes the unit fire: everything after its ReLU is 0, and so is the gradient."""
    kernel = gabor(9, 6, 45, (1, 1, 1))
    network = one_conv(kernel, Activation(), LRN(), Pool(2, 2), Dropout(), Flatten(), bias=-1e4)
    assert not activations(network, torch.randn(1, 3, 32, 32))["relu1"][0, 1].any()
    channel = 144 + 6 * 12 + 6 if layer == "flatten" else 1
    steps = list(maximise(network, COLOR, layer, channel, objective="unit", settings=Settings(steps=24)))
    assert steps[0].value < steps[-1].value < 0
    assert steps[-1].picture.std() > 10


def test_a_relu_gets_the_picture_of_the_layer_before_it():
    network = ready(EVERY_KIND)
    before, after = (last(maximise(network, COLOR, layer, 3, settings=FEW)) for layer in ("conv1", "relu1"))
    assert before.value == after.value
    assert np.array_equal(before.picture, after.picture)


def test_layers_after_the_one_in_question_are_not_run():
    network = ready(Spec((3, 16, 16), (Conv(2, 3), Flatten(), Linear(5, 2))))  # 392 values arrive there, not 5
    assert last(maximise(network, COLOR, "conv1", 0, settings=FEW)).number == 12
    with pytest.raises(UserError, match=r"no layer named fc2\. Layers: conv1, flatten"):
        maximise(network, COLOR, "fc2", 0)


@pytest.mark.parametrize("model_id", ["alexnet_cifar", "lenet5"])
def test_every_layer_of_a_real_network_can_be_asked(model_id):
    entry = MODELS[model_id]
    network = ready(entry.spec)
    for row in walk(entry.spec).rows:
        step = last(maximise(network, entry.preprocess, row.name, 0, settings=Settings(steps=1)))
        assert step.picture.shape == (32, 32, 3)
        assert not isnan(step.value)


def photo(shape=(3, 24, 24)):
    """A cat of this size, (1, C, H, W), normalised."""
    preprocess = COLOR if shape[0] == 3 else GRAY
    with Image.open(SAMPLE_DIR / "cat.jpg") as image:
        return seen(np.asarray(image.convert("RGB").resize(shape[:0:-1])), preprocess)


@pytest.mark.parametrize("shape", [(3, 24, 24), (1, 24, 18)], ids=["color", "gray, not square"])
def test_an_invertible_convolution_gives_the_picture_back(shape):
    spec = Spec(shape, (Conv(6, 3, padding=1),))
    batch = photo(shape)
    preprocess = COLOR if shape[0] == 3 else GRAY
    steps = list(invert(ready(spec), preprocess, "conv1", batch))
    assert steps[-1].value < min(0.01, steps[0].value)
    assert correlation(seen(steps[-1].picture, preprocess), batch) > 0.98


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_can_be_inverted(layer):
    network = ready(EVERY_KIND)
    batch = photo(EVERY_KIND.input)
    steps = list(invert(network, COLOR, layer, batch, settings=replace(maximisation.INVERSION, steps=40)))
    assert steps[-1].value < min(steps[0].value, 0.3)
    found, target = (activations(network, x)[layer].double() for x in (seen(steps[-1].picture, COLOR), batch))
    distance = float((found - target).square().sum() / target.square().sum())
    assert steps[-1].value == pytest.approx(distance, abs=0.01)


def test_only_the_layers_output_is_used_of_the_photo():
    """Two photos that a layer cannot tell apart give one picture."""
    network = ready(Spec((3, 16, 16), (Pool(2, 2), Conv(4, 3))))
    batch = photo((3, 16, 16))
    other = torch.nn.functional.max_pool2d(batch, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    one, two = (
        last(invert(network, COLOR, "conv1", x, settings=replace(maximisation.INVERSION, steps=8)))
        for x in (batch, other)
    )
    assert np.array_equal(one.picture, two.picture)
    assert not torch.equal(batch, other)


def test_smoothness_smooths():
    network = ready(Spec((3, 24, 24), (Conv(4, 3, stride=2),)))
    rough, smooth = (
        last(
            invert(network, COLOR, "conv1", photo(), settings=replace(maximisation.INVERSION, smoothness=weight))
        ).picture
        for weight in (0.0, 100.0)
    )
    assert np.abs(np.diff(smooth.astype(float), axis=0)).mean() < np.abs(np.diff(rough.astype(float), axis=0)).mean()


def test_a_silent_layer_cannot_be_inverted():
    network = one_conv(gabor(9, 6, 0, (1, 1, 1)), Activation())
    state = network.state_dict() | {"features.0.bias": torch.full((2,), -1e4)}
    before = condition(network)
    with pytest.raises(UserError, match="relu1 is silent for this picture"):
        invert(with_weights(network.spec, state), COLOR, "relu1", torch.randn(1, 3, 32, 32))
    assert condition(network) == before


@pytest.mark.parametrize(
    ("steps", "every", "numbers"),
    [(12, 8, [8, 12]), (16, 8, [8, 16]), (3, 8, [3]), (3, 1, [1, 2, 3])],
)
def test_a_picture_comes_every_so_often_and_at_the_end(steps, every, numbers):
    network = ready(EVERY_KIND)
    for made in (
        maximise(network, COLOR, "conv1", 0, settings=Settings(steps=steps), every=every),
        invert(
            network,
            COLOR,
            "conv1",
            photo((3, 19, 23)),
            settings=replace(maximisation.INVERSION, steps=steps),
            every=every,
        ),
    ):
        found = list(made)
        assert [step.number for step in found] == numbers
        assert {step.of for step in found} == {steps}
        assert {step.picture.dtype for step in found} == {np.dtype(np.uint8)}
        with pytest.raises(FrozenInstanceError):
            found[0].value = 0.0


def test_the_seed_alone_decides():
    network = ready(EVERY_KIND)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    first = last(maximise(network, COLOR, "conv2", 0, settings=FEW))
    last(invert(network, COLOR, "conv2", photo((3, 19, 23)), settings=replace(maximisation.INVERSION, steps=2)))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.array_equal(np.random.get_state()[1], states[2])
    torch.manual_seed(99)
    again = last(maximise(network, COLOR, "conv2", 0, settings=FEW))
    other = last(maximise(network, COLOR, "conv2", 0, settings=replace(FEW, seed=1)))
    assert np.array_equal(first.picture, again.picture)
    assert not np.array_equal(first.picture, other.picture)


def test_pictures_are_the_callers_own():
    steps = maximise(ready(EVERY_KIND), COLOR, "conv1", 0, settings=Settings(steps=2), every=1)
    first = next(steps).picture
    kept = first.copy()
    second = next(steps).picture
    second[...] = 0
    assert np.array_equal(first, kept)


@pytest.mark.parametrize(
    ("layer", "channel"), [("conv9", 0), ("input", 0), ("conv1", 8), ("conv1", -1), ("fc4", 4), ("flatten", 54)]
)
def test_what_does_not_exist_is_refused_at_once_in_the_words_of_by_hand(layer, channel):
    network = ready(EVERY_KIND)
    with pytest.raises(UserError) as by_hand:
        work(network, activations(network, photo(EVERY_KIND.input)), layer, channel)
    with pytest.raises(UserError) as problem:
        maximise(network, COLOR, layer, channel)
    assert str(problem.value) == str(by_hand.value)
    assert problem.value.message.text == by_hand.value.message.text


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 1e25], ids=str)
def test_weights_out_of_range_are_said_to_be(factor):
    network = ready(EVERY_KIND)
    state = {key: tensor * factor if "weight" in key else tensor for key, tensor in network.state_dict().items()}
    network = with_weights(EVERY_KIND, state)
    before = condition(network)
    with pytest.raises(UserError, match="drive the values of fc4 out of range"):
        list(maximise(network, COLOR, "fc4", 0, settings=FEW))
    with pytest.raises(UserError, match="drive the values of fc4 out of range"):
        list(invert(network, COLOR, "fc4", photo(EVERY_KIND.input)))
    assert condition(network) == before


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_the_model_is_as_before_to_the_end_and_closed_early(gradients, training):
    network = ready(EVERY_KIND).requires_grad_(gradients).train(training)
    batch = photo(EVERY_KIND.input)
    before, pixels = condition(network), batch.clone()
    for start in (
        lambda: maximise(network, COLOR, "fc4", 0, settings=FEW),
        lambda: invert(network, COLOR, "fc4", batch, settings=replace(maximisation.INVERSION, steps=12)),
    ):
        assert len(list(start())) == 2
        assert condition(network) == before
        steps = start()
        next(steps)
        assert condition(network) == before
        steps.close()
        assert condition(network) == before
        start().close()
    assert torch.equal(batch, pixels)
    assert batch.grad is None


def test_closing_early_leaves_nothing_behind():
    def tensors():
        gc.collect()
        return sum(type(thing) in (torch.Tensor, torch.nn.Parameter) for thing in gc.get_objects())

    network = ready(EVERY_KIND)
    before = tensors()
    steps = maximise(network, COLOR, "fc4", 0, every=1)
    next(steps)
    assert tensors() > before
    steps.close()
    del steps
    assert tensors() == before


@pytest.mark.parametrize("enabled", [False, True])
def test_the_callers_gradient_mode_is_the_callers(enabled):
    with torch.set_grad_enabled(enabled):
        for step in maximise(ready(EVERY_KIND), COLOR, "fc4", 0, settings=FEW):
            assert torch.is_grad_enabled() == enabled
            assert step.value != 0
        assert torch.is_grad_enabled() == enabled


@given(st.floats(-0.3, 0.3), st.floats(0.8, 1.2), st.floats(-2, 2), st.floats(-2, 2))
def test_a_move_of_a_slope_is_its_formula(angle, size, down, across):
    """Interpolation between pixels is exact on a slope, so every place can be worked out; not square on purpose."""
    height, width = 40, 60
    y, x = torch.meshgrid(torch.arange(height) - 19.5, torch.arange(width) - 29.5, indexing="ij")
    moved = maximisation._moved((0.3 * x + 0.7 * y)[None, None], angle, size, down, across)[0, 0]
    from_x = size * (np.cos(angle) * x - np.sin(angle) * y) + across
    from_y = size * (np.sin(angle) * x + np.cos(angle) * y) + down
    middle = slice(15, 25), slice(20, 40)
    assert torch.allclose(moved[middle], (0.3 * from_x + 0.7 * from_y)[middle].float(), atol=1e-3)


@pytest.mark.parametrize("decay", [0.0, 0.75])
def test_for_one_coefficient_it_is_the_papers_adam_with_adamws_decay(decay):
    """Algorithm 1 of Kingma and Ba 2015; line 12 of algorithm 2 of Loshchilov and Hutter 2019, the schedule at 1."""
    theta, m, v, adam, ours = (
        0.3,
        0.0,
        0.0,
        maximisation._Adam(Settings(learning_rate=0.1, decay=decay)),
        torch.tensor([0.3]),
    )
    for t, g in enumerate((0.5, -2.0, 30.0, 0.0, 1e-3, 0.7), start=1):
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.999 * v + (1 - 0.999) * g**2
        m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
        theta -= 0.1 * (m_hat / v_hat**0.5 + decay * theta)
        ours = adam.step(ours, torch.tensor([g]))
        assert float(ours) == pytest.approx(theta, rel=1e-4)


def test_a_step_keeps_the_gradients_proportions():
    gradient = torch.tensor([1.0, 10.0, -100.0])
    step = maximisation._Adam(Settings(decay=0.0)).step(torch.zeros(3), gradient)
    assert torch.allclose(step / step[0], gradient)
    length = float(step.square().mean().sqrt())
    assert length == pytest.approx(Settings().learning_rate), "the root mean square of the first step"


@pytest.mark.parametrize(("down", "across"), [(0, 1), (1, 0), (2, 3), (5, 2)])
def test_a_coefficient_is_a_wave_of_one_over_its_frequency(down, across):
    height, width, longest = 6, 8, 5
    canvas = maximisation._Canvas(height, width, GRAY, longest=longest, contrast=0.5)
    coefficients = torch.zeros(1, height, width // 2 + 1, 2)
    coefficients[0, down, across, 0] = 0.8
    cycles_down = (down if down <= height // 2 else down - height) / height
    amplitude = 0.8 * 0.5 * (height * width) ** 0.5 / 4 * min(1 / hypot(cycles_down, across / width), longest)
    both = 1 if across == 0 else 2  # irfft2 adds the mirrored coefficient, where it is not stored itself
    for y, x in np.ndindex(height, width):
        wave = both * amplitude * cos(2 * pi * (cycles_down * y + across / width * x)) / (height * width)
        assert float(canvas.picture(coefficients)[0, y, x]) == pytest.approx(1 / (1 + np.exp(-wave)), abs=1e-5)


def test_no_coefficients_are_gray_and_seen_as_the_preprocessing_sees_gray():
    for preprocess in (COLOR, BYTES, GRAY):
        canvas = maximisation._Canvas(6, 8, preprocess, longest=8, contrast=1.0)
        gray = canvas.picture(torch.zeros(len(preprocess.mean), 6, 5, 2))
        assert (gray == 0.5).all()
        expected = seen(np.full((6, 8, 3), 51, np.uint8), preprocess)
        assert torch.allclose(canvas.normalised(torch.full_like(gray, 0.2)), expected, rtol=1e-5)


def test_the_colors_vary_together_as_they_do_in_photographs():
    """Published values: these few photographs need not have the same covariance, but must have nearly its axes."""
    files = sorted(SAMPLE_DIR.glob("*.jpg"))
    pixels = [np.asarray(Image.open(file).convert("RGB").resize((64, 64))).reshape(-1, 3) for file in files]
    _, found = np.linalg.eigh(np.cov(np.concatenate(pixels).T))
    _, published = np.linalg.eigh(np.array(maximisation.COLOR_ROOT) @ np.array(maximisation.COLOR_ROOT).T)
    assert np.abs(np.diag(found.T @ published)).min() > 0.97
