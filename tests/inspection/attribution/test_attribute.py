"""Attribution maps against independent arithmetic, and models left as they were."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, Occlusion
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import nn

from alexnet_viz.errors import UserError
from alexnet_viz.inspection.attribution import attribute as attribution
from alexnet_viz.inspection.attribution.attribute import METHODS, attribute, input_array
from alexnet_viz.inspection.attribution.baselines import BASELINES, baseline
from alexnet_viz.inspection.classify import classify
from alexnet_viz.network.build import view
from alexnet_viz.network.spec import Activation, Flatten, Linear, Pool, Spec, layer_names, walk
from alexnet_viz.network.weights import load_model
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.pictures.images import decode
from alexnet_viz.pictures.samples import SAMPLES, load_sample
from tests.inspection.attribution.attribution_models import SMALL, WITH_LRN, array_of, model_of, random_model
from tests.inspection.networks import condition

pytestmark = pytest.mark.filterwarnings("ignore:Setting (backward|forward):UserWarning")

FEW = {"integrated_gradients": {"steps": 24}, "smoothgrad": {"samples": 20}, "occlusion": {"window": 25}}
SLOW = tuple(FEW)


@pytest.fixture(scope="module")
def transfer():
    return load_model("alexnet_200")


def sample(name):
    return decode(load_sample(name)).image


def gradients(network, array, target, *, at=None):
    """Autograd over the layers one by one: (output of layer `at` or the input, the logit's gradient by it)."""
    values = leaf = torch.from_numpy(array)[None].clone().requires_grad_(True)
    for name, layer in zip(layer_names(network.spec.layers), network.layers(), strict=True):
        values = layer(values)
        if name == at:
            leaf = values
    return leaf.detach()[0].numpy(), torch.autograd.grad(values[0, target], leaf)[0][0].numpy()


def bilinear(small, height, width):
    """Enlarged with half-pixel centres, edges held: align_corners=False, by hand."""

    def weights(n, m):
        matrix = np.zeros((m, n))
        for i in range(m):
            at = min(max((i + 0.5) * n / m - 0.5, 0), n - 1)
            low = int(at)
            high = min(low + 1, n - 1)
            matrix[i, low] += 1 - (at - low)
            matrix[i, high] += at - low
        return matrix

    return weights(small.shape[0], height) @ small @ weights(small.shape[1], width).T


def close(actual, expected, tolerance=1e-5):
    """To `tolerance` of the largest magnitude."""
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("model_id", ["alexnet_200", "alexnet_cifar", "alexnet_cifar_2gpu", "lenet5"])
def test_gradcam_is_the_papers_formula_at_every_convolution(model_id, transfer):
    model = transfer if model_id == "alexnet_200" else random_model(model_id)
    array = input_array(model, sample("coffee_and_orange"))
    for row in walk(model.network.spec).rows:
        if row.kind != "conv":
            continue
        answer = attribute(model, array, "gradcam", layer=row.name, target=3)
        maps, slopes = gradients(model.network, array, 3, at=row.name)
        expected = np.tensordot(slopes.mean((1, 2), dtype=np.float64), maps.astype(np.float64), axes=1)
        close(answer.raw, expected)
        close(answer.heat, bilinear(expected, *array.shape[1:]))
        assert (answer.layer, answer.target, answer.class_id) == (row.name, 3, model.classes[3])


@pytest.mark.parametrize("layer", ["conv1", "conv3", "conv5", "relu5", "pool5"])
def test_gradcam_is_torchcams_up_to_its_normalisation(layer, transfer):
    from torchcam.methods import GradCAM

    array = input_array(transfer, sample("cat"))
    answer = attribute(transfer, array, "gradcam", layer=layer)
    network = view(transfer.network)
    number = layer_names(network.spec.layers).index(layer)
    with GradCAM(network, target_layer=network.layers()[number]) as extractor:
        logits = network(torch.from_numpy(array)[None].requires_grad_(True))
        theirs = extractor(answer.target, logits)[0][0].numpy()
    ours = attribution.rectified(answer.raw)
    close((ours - ours.min()) / (ours.max() - ours.min()), theirs, 1e-4)


def test_any_layer_with_maps_will_do():
    model = model_of(WITH_LRN)
    array = array_of(model)
    assert attribution.layers_with_maps(WITH_LRN) == ("conv1", "relu1", "norm1", "pool1", "conv2", "relu2", "pool2")
    for layer in attribution.layers_with_maps(WITH_LRN):
        maps, slopes = gradients(model.network, array, 2, at=layer)
        close(
            attribute(model, array, "gradcam", layer=layer, target=2).raw,
            np.tensordot(slopes.mean((1, 2)), maps, 1),
        )
        close(
            attribute(model, array, "layercam", layer=layer, target=2).raw,
            (np.maximum(slopes, 0) * maps).sum(0),
        )


class _GuidedReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return values.clamp(min=0)

    @staticmethod
    def backward(ctx, slopes):
        (values,) = ctx.saved_tensors
        return slopes * (values > 0) * (slopes > 0)


def guided(network, array, target):
    leaf = values = torch.from_numpy(array)[None].clone().requires_grad_(True)
    for layer in network.layers():
        values = _GuidedReLU.apply(values) if isinstance(layer, nn.ReLU) else layer(values)
    return torch.autograd.grad(values[0, target], leaf)[0][0].numpy()


def test_gradient_methods_are_what_they_say():
    model = model_of()
    array = array_of(model)
    _, slopes = gradients(model.network, array, 1)
    close(attribute(model, array, "saliency", target=1).heat, slopes.sum(0))
    close(attribute(model, array, "input_x_gradient", target=1).heat, (slopes * array).sum(0))
    lines = guided(model.network, array, 1)
    close(attribute(model, array, "guided_backprop", target=1).heat, lines.sum(0))
    cam = attribute(model, array, "gradcam", target=1).raw
    expected = (lines * bilinear(np.maximum(cam, 0), 16, 16)).sum(0)
    close(attribute(model, array, "guided_gradcam", target=1).heat, expected)


def logit(model, array, target):
    with torch.no_grad():
        return float(model.network(torch.from_numpy(array)[None])[0, target])


def ground(model, array, id):
    return baseline(id, torch.from_numpy(array)[None], model.entry.preprocess)[0].numpy()


MEAN_POOLED = replace(SMALL, layers=tuple(Pool(2, 2, mode="avg") if x == Pool(2, 2) else x for x in SMALL.layers))


@pytest.mark.parametrize("against", BASELINES)
def test_deeplift_adds_up_without_lrn_and_max_pooling(against):
    model = model_of(MEAN_POOLED)
    array = array_of(model)
    answer = attribute(model, array, "deeplift", target=1, settings={"baseline": against})
    difference = logit(model, array, 1) - logit(model, ground(model, array, against), 1)
    assert answer.completeness.difference == pytest.approx(difference, abs=1e-6)
    assert answer.completeness.total == pytest.approx(difference, rel=1e-3)
    assert answer.notes == ()


def test_deeplift_is_the_rescale_rule():
    spec = Spec((1, 2, 2), (Flatten(), Linear(4, 2), Activation(), Linear(2, 1)))
    weights = {
        "classifier.0.weight": torch.tensor([[1.0, 2, 0, 0], [0, 0, 1, -3]]),
        "classifier.0.bias": torch.tensor([-1.0, 1]),
        "classifier.2.weight": torch.tensor([[2.0, 5]]),
        "classifier.2.bias": torch.tensor([7.0]),
    }
    answer = attribute(
        model_of(spec, ("only",), state=weights), np.array([[[1, 1], [2, 1]]], np.float32), "deeplift", target=0
    )
    # Hidden values 2 and 0 (before the ReLU 2 and 0), at the grey baseline 0 and 1 (before it -1 and 1):
    # multipliers (2 - 0) / (2 + 1) = 2/3 and (0 - 1) / (0 - 1) = 1.
    assert answer.heat == pytest.approx(np.array([[2 * 2 / 3 * 1, 2 * 2 / 3 * 2], [5 * 2, 5 * -3]]), rel=1e-5)


def test_deeplift_warns_where_it_does_not_add_up(transfer):
    model = model_of(WITH_LRN)
    said = [str(note) for note in attribute(model, array_of(model), "deeplift").notes]
    assert "no rule for LRN" in said[0]
    answer = attribute(transfer, sample("cat"), "deeplift")
    assert answer.completeness.error > 0.01
    assert [str(note) for note in answer.notes] == [
        f"The map adds up to {answer.completeness.total:.2f}; the logit's difference from the baseline is "
        f"{answer.completeness.difference:.2f}."
    ]


def test_smoothgrad_is_the_mean_gradient_of_noisy_pictures():
    model = model_of()
    array = array_of(model)
    chosen = {"samples": 20, "noise": 10, "seed": 7}
    generator = torch.Generator().manual_seed(7)
    sigma = 0.1 * (array.max() - array.min())
    total = 0
    for count in (16, 4):
        for noise in torch.randn(count, *array.shape, generator=generator).numpy():
            total = total + gradients(model.network, array + np.float32(sigma) * noise, 1)[1].sum(0)
    close(attribute(model, array, "smoothgrad", target=1, settings=chosen).heat, total / 20, 1e-4)


def test_smoothgrad_needs_no_global_seed():
    model = model_of()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = attribute(model, array_of(model), "smoothgrad").heat
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert np.array_equal(attribute(model, array_of(model), "smoothgrad").heat, first)
    assert not np.array_equal(attribute(model, array_of(model), "smoothgrad", settings={"seed": 1}).heat, first)


@pytest.mark.parametrize(("window", "stride"), [(25, 50), (40, 100), (30, 25)])
@pytest.mark.parametrize("against", ["grey", "blur"])
def test_occlusion_equals_a_loop(window, stride, against):
    model = model_of()
    array = array_of(model)
    chosen = {"window": window, "stride": stride, "baseline": against}
    side, nothing = round(window / 100 * 16), ground(model, array, against)
    step = round(stride / 100 * side)
    total, windows = np.zeros((16, 16)), np.zeros((16, 16))
    starts = [0]
    while starts[-1] + side < 16:
        starts.append(starts[-1] + step)
    for top in starts:
        for left in starts:
            part = (slice(top, top + side), slice(left, left + side))
            occluded = array.copy()
            occluded[:, *part] = nothing[:, *part]
            total[part] += logit(model, array, 1) - logit(model, occluded, 1)
            windows[part] += 1
    heat = attribute(model, array, "occlusion", target=1, settings=chosen).heat
    close(heat, total / windows)
    theirs = Occlusion(view(model.network)).attribute(
        torch.from_numpy(array)[None],
        sliding_window_shapes=(3, side, side),
        strides=(3, step, step),
        baselines=torch.from_numpy(nothing)[None],
        target=1,
    )
    close(heat, theirs[0, 0].numpy())


@pytest.mark.parametrize("against", BASELINES)
def test_integrated_gradients_are_the_integral(against):
    model = model_of()
    array = array_of(model)
    nothing = ground(model, array, against)
    mean = np.zeros_like(array)
    for i in range(400):
        point = nothing + np.float32((i + 0.5) / 400) * (array - nothing)
        mean += gradients(model.network, point, 1)[1] / 400
    answer = attribute(model, array, "integrated_gradients", target=1, settings={"baseline": against, "steps": 256})
    close(answer.heat, (mean * (array - nothing)).sum(0), 0.02)
    theirs = IntegratedGradients(view(model.network)).attribute(
        torch.from_numpy(array)[None], torch.from_numpy(nothing)[None], target=1, n_steps=256
    )
    close(answer.heat, theirs[0].sum(0).numpy(), 0.02)
    difference = logit(model, array, 1) - logit(model, nothing, 1)
    assert answer.completeness.difference == pytest.approx(difference, abs=1e-5)
    assert answer.completeness.total == pytest.approx(difference, abs=0.002 * float(np.abs(answer.heat).sum()))


@pytest.mark.parametrize("name", ["cat", "coffee_and_orange"])
def test_integrated_gradients_complete_to_a_percent_at_64_steps(name, transfer):
    answer = attribute(transfer, sample(name), "integrated_gradients", settings={"steps": 64})
    assert answer.completeness.error < 0.01


def test_the_completeness_error_on_paper():
    assert attribution.Completeness(total=9.0, difference=10.0).error == pytest.approx(0.1)
    assert attribution.Completeness(total=-9.0, difference=-10.0).error == pytest.approx(0.1)
    assert attribution.Completeness(total=1.0, difference=0.0).error == float("inf")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model_id", ["small", "alexnet_cifar", "lenet5"])
def test_every_method_answers(method, model_id):
    model = model_of(WITH_LRN) if model_id == "small" else random_model(model_id)
    array = array_of(model)
    answer = attribute(model, array, method, settings=FEW.get(method))
    assert (answer.heat.shape, answer.heat.dtype) == (array.shape[1:], np.float32)
    assert np.isfinite(answer.heat).all()
    assert answer.heat.any() or method == "guided_gradcam", "a blank Grad-CAM leaves nothing of it"
    assert answer.layer == (attribution.map_layer(model.network.spec) if METHODS[method].needs_layer else "")
    assert sorted(answer.settings) == sorted(setting.name for setting in METHODS[method].settings)
    with torch.no_grad():
        logits = model.network(torch.from_numpy(array)[None])[0]
    assert answer.target == int(logits.argmax())
    assert answer.class_id == model.classes[answer.target]
    assert answer.logit == pytest.approx(float(logits.max()), abs=1e-5)
    assert answer.probability == pytest.approx(float(logits.softmax(0).max()), abs=1e-5)
    assert answer.seconds > 0


@pytest.mark.parametrize(
    ("model_id", "layer"),
    [("alexnet_200", "relu5"), ("alexnet_2012", "relu5"), ("alexnet_cifar", "relu5"), ("lenet5", "conv2")],
)
def test_maps_are_those_after_the_last_convolutions_relu(model_id, layer):
    """LeNet-5 has tanh, whose negative values the next layer does see."""
    assert attribution.map_layer(MODELS[model_id].spec) == layer


def test_an_image_is_preprocessed_as_for_classifying(transfer):
    image = sample("coffee_and_orange")
    answer, classified = attribute(transfer, image, "gradcam"), classify(transfer, image)
    assert [(answer.class_id, pytest.approx(answer.probability, abs=1e-5))] == classified.top(1)
    assert answer.layer == "relu5"
    assert np.array_equal(answer.heat, attribute(transfer, input_array(transfer, image), "gradcam").heat)


def test_a_class_by_id_and_by_index():
    model = model_of()
    array = array_of(model)
    by_id, by_index = (attribute(model, array, "saliency", target=target) for target in ("frog", 2))
    assert (by_id.target, by_id.class_id) == (2, "frog")
    assert np.array_equal(by_id.heat, by_index.heat)


def test_a_blank_map_is_explained():
    model = model_of()
    array = array_of(model)
    state = dict(model.network.state_dict())
    last = state["classifier.2.weight"].clone()
    last[0] = -last[0].abs()
    state |= {"classifier.2.weight": last, "classifier.0.weight": state["classifier.0.weight"].abs()}
    answer = attribute(model_of(state=state), array, "gradcam", layer="relu2", target=0)
    assert answer.raw.max() <= 0
    assert "this map is blank: at relu2 nothing speaks" in str(answer.notes[0])
    assert not attribute(model, array, "saliency").notes


def test_without_relus_guided_backpropagation_says_so():
    model = random_model("lenet5")
    answer = attribute(model, array_of(model), "guided_backprop")
    assert "no ReLU" in str(answer.notes[0])
    assert np.array_equal(answer.heat, attribute(model, array_of(model), "saliency").heat)


def test_the_table_is_whole():
    assert list(METHODS) == [
        *("gradcam", "guided_gradcam", "guided_backprop", "saliency", "input_x_gradient"),
        *("integrated_gradients", "smoothgrad", "deeplift", "occlusion", "layercam"),
    ]
    for id, method in METHODS.items():
        assert method.id == id
        assert all((method.title, method.summary, method.departs, method.cost))
        for setting in method.settings:
            assert setting.reason
            if setting.choices:
                assert setting.default in setting.choices
            else:
                assert setting.low <= setting.default <= setting.high


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"method_id": "lime"}, "no method named lime. Methods: gradcam, guided"),
        ({"layer": "conv9"}, "no layer named conv9. Layers: conv1, relu1, pool1, conv2"),
        ({"layer": "fc3"}, "no layer named fc3"),
        ({"target": "horse"}, "no class named horse. Classes: cat, dog, frog, ship."),
        ({"target": 4}, "no class 4. Classes go from 0 to 3"),
        ({"target": -1}, "no class -1"),
        ({"settings": {"steps": 3}}, "gradcam has no setting named steps"),
        ({"method_id": "smoothgrad", "settings": {"samples": 1}}, "samples is 1; it must be a whole number from 4 to"),
        ({"method_id": "smoothgrad", "settings": {"samples": "9"}}, "samples is 9; it must be a whole number"),
        ({"method_id": "deeplift", "settings": {"baseline": "red"}}, "baseline is red; it must be one of black, grey"),
    ],
)
def test_errors_name_the_thing_and_the_way_out(asked, message):
    model = model_of()
    before = condition(model.network)
    with pytest.raises(UserError, match=message):
        attribute(model, array_of(model), **{"method_id": "gradcam", **asked})
    assert condition(model.network) == before


def test_an_input_that_no_photograph_fits():
    spec = Spec((3, 4, 6), (Flatten(), Linear(72, 4)))
    with pytest.raises(UserError, match="input is 3 x 4 x 6: no photograph fits it"):
        attribute(model_of(spec), array_of(model_of(spec)), "saliency")


def test_a_network_without_convolutions():
    spec = Spec((3, 4, 4), (Flatten(), Linear(48, 5), Activation(), Linear(5, 4)))
    model = model_of(spec)
    with pytest.raises(UserError, match="no convolution"):
        attribute(model, array_of(model), "gradcam")
    assert attribute(model, array_of(model), "saliency").heat.shape == (4, 4)


@pytest.fixture
def views(monkeypatch):
    """The views that attribution makes, kept so that they can be looked at afterwards."""
    made = []

    def kept(network):
        made.append(view(network))
        return made[-1]

    monkeypatch.setattr(attribution, "view", kept)
    return made


@pytest.mark.parametrize("method", METHODS)
def test_every_method_leaves_the_model_and_its_view_as_they_were(method, views, monkeypatch):
    model = model_of(WITH_LRN)
    array = array_of(model)
    original, before, fresh = array.copy(), condition(model.network), condition(view(model.network))
    attribute(model, array, method, settings=FEW.get(method))
    with pytest.raises(UserError):
        attribute(model, array, method, target="horse")

    def broken(self, batch):
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(nn.MaxPool2d, "forward", broken)
        with pytest.raises(RuntimeError, match="broken"):
            attribute(model, array, method)
    assert condition(model.network) == before
    assert np.array_equal(array, original)
    assert len(views) >= 2
    for private in views:  # Captum may leave an attribute on a view that is thrown away
        assert {**condition(private), "attributes": None} == {**fresh, "attributes": None}


@pytest.mark.parametrize("method", SLOW)
def test_a_slow_method_reports_and_stops_between_chunks(method):
    model = model_of()
    before = condition(model.network)
    steps = attribution.attribute_steps(model, array_of(model), method)
    first = next(steps)
    assert isinstance(first, attribution.Progress)
    assert 0 < first.done < first.of
    assert torch.is_grad_enabled(), "a waiting generator holds no switch of the caller's"
    private = weakref.ref(steps.gi_frame.f_locals["request"].score)
    steps.close()
    gc.collect()
    assert private() is None
    assert condition(model.network) == before


@pytest.mark.parametrize("method", SLOW)
def test_progress_goes_up_to_the_end(method):
    model = model_of()
    *seen, answer = attribution.attribute_steps(model, array_of(model), method, settings=FEW[method])
    assert isinstance(answer, attribution.Attribution)
    assert [step.done for step in seen] == sorted({step.done for step in seen})
    assert seen[-1].done == seen[-1].of


def test_a_callers_no_grad_does_not_matter():
    model = model_of()
    array = array_of(model)
    for method in METHODS:
        expected = attribute(model, array, method, settings=FEW.get(method)).heat
        with torch.no_grad():
            assert np.array_equal(attribute(model, array, method, settings=FEW.get(method)).heat, expected), method
            assert not torch.is_grad_enabled()


def test_eight_threads_at_once_get_the_answers_of_one():
    model = model_of(WITH_LRN)
    array = array_of(model)
    asked = [(method, target) for method in METHODS for target in (0, 3)]

    def ask(question):
        method, target = question
        return attribute(model, array, method, target=target, settings=FEW.get(method))

    alone = [ask(question) for question in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(ask, asked * 3))
    for one, other in zip(alone * 3, together, strict=True):
        assert np.array_equal(one.heat, other.heat), (one.method, one.class_id)
        assert (one.target, one.logit, one.notes) == (other.target, other.logit, other.notes)


HEATS = arrays.arrays(
    np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(-3, 3).map(float)
)


@given(HEATS, st.floats(0, 100))
def test_most_important_is_exactly_so_many_and_none_left_out_is_higher(heat, percent):
    mask = attribution.most_important(heat, percent)
    assert mask.shape == heat.shape
    assert mask.sum() == round(percent / 100 * heat.size)
    if mask.any() and not mask.all():
        assert heat[mask].min() >= heat[~mask].max()
        border = heat.ravel()[mask.ravel()].min()
        tied = mask.ravel()[heat.ravel() == border]
        assert np.array_equal(tied, np.sort(tied)[::-1]), "of equals the first"


@pytest.mark.parametrize("method", METHODS)
def test_what_counts_for_a_class_is_evidence_by_its_sign_and_sensitivity_by_its_magnitude(method):
    heat = np.array([[-3.0, 1.0], [2.0, 0.0]], np.float32)
    sensitivities = {
        "saliency",
        "smoothgrad",
        "guided_backprop",
        "guided_gradcam",
    }  # gradients, not multiplied by input
    counted = np.abs(heat) if method in sensitivities else heat
    assert np.array_equal(attribution.importance(heat, method), counted)


def test_the_share_of_the_left_half():
    assert attribution.left_share(np.array([[3.0, -9.0, 0.0, 1.0]], np.float32)) == 0.75
    assert attribution.left_share(np.zeros((4, 4), np.float32)) == 0.5


def test_gradcam_finds_the_two_things_of_the_sample_in_their_halves():
    """Coffee on the left and an orange on the right: what the page says of this sample, measured."""
    model, picture = load_model("alexnet_200"), decode(load_sample("coffee_and_orange")).image
    shares = {
        name: attribution.left_share(
            attribution.attribute(model, input_array(model, picture), "gradcam", target=name).heat
        )
        for name in SAMPLES["coffee_and_orange"].classes
    }
    first, second = shares.values()
    assert first > 0.75
    assert second < 0.35
