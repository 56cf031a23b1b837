"""The built module: the same numbers as PyTorch's own networks, the seed's classes and the 2012 formulas."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from alexnet_viz.network.build import Network, meta_network, random_state, view, with_weights
from alexnet_viz.network.extra_layers import CeilAvgPool2d, CeilConv2d, CeilMaxPool2d, GroupedLRN
from alexnet_viz.network.spec import (
    LRN,
    Activation,
    AdaptivePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Linear,
    Pool,
    Spec,
    walk,
)
from alexnet_viz.network.zoo import MODELS
from tests.inspection.networks import filled, picture
from tests.network.networks import MADE_UP, seed_class
from tests.random_layers import OFTEN_WRONG

SAME_EVERY_RUN = settings(OFTEN_WRONG, max_examples=300)

SMALL = MADE_UP["everything, floor"]


def same_weights(module, seed=0):
    """Seeded weights in a module of somebody else's, without drawing from the global generator."""
    generator = torch.Generator().manual_seed(seed)
    state = {
        key: torch.randn(tensor.shape, generator=generator) * tensor[0].numel() ** -0.5
        for key, tensor in module.state_dict().items()
    }
    module.load_state_dict(state, assign=True)
    return module.eval()


# ---- local response normalisation -----------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [2, 3])
def test_grouped_lrn_is_lrn_on_each_group(groups):
    maps = 50 * torch.rand(2, 6 * groups, 4, 3, generator=torch.Generator().manual_seed(0))
    plain = nn.LocalResponseNorm(5, 1e-4, 0.75, 2.0)
    apart = torch.cat([plain(part) for part in maps.chunk(groups, dim=1)], dim=1)
    grouped = GroupedLRN(5, 1e-4, 0.75, 2.0, groups)
    assert torch.equal(grouped(maps), apart)
    assert not torch.allclose(plain(maps), apart, rtol=1e-4)  # over all channels it leaks across the border


def test_lrn_is_the_2012_code_with_alpha_divided_by_n():
    maps = 50 * torch.rand(1, 7, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (lrn, *_) = Network(Spec((7, 2, 2), (LRN(),))).layers()
    by_hand = torch.empty_like(maps)
    for channel in range(7):
        near = maps[:, max(0, channel - 2) : channel + 3]
        by_hand[:, channel] = maps[:, channel] / (2 + 1e-4 / 5 * near.square().sum(1)) ** 0.75
    assert torch.allclose(lrn(maps), by_hand, rtol=1e-12)


# ---- two streams ----------------------------------------------------------------------------------------------------


def test_two_streams_equal_one_stream_with_block_diagonal_weights():
    layers = MODELS["alexnet_2012"].spec.layers
    two = Spec((3, 99, 99), layers[: layers.index(Flatten())])
    one = replace(two, layers=tuple(replace(a, groups=1) if isinstance(a, Conv) else a for a in two.layers))
    state = random_state(two)
    dense = {}
    for layer, (key, weight) in zip(
        (a for a in two.layers if isinstance(a, Conv)),
        ((key, tensor) for key, tensor in state.items() if key.endswith("weight")),
        strict=True,
    ):
        out_each, in_each = weight.shape[0] // layer.groups, weight.shape[1]
        dense[key] = torch.zeros(weight.shape[0], in_each * layer.groups, *weight.shape[2:])
        for group in range(layer.groups):
            rows = slice(group * out_each, (group + 1) * out_each)
            dense[key][rows, group * in_each : (group + 1) * in_each] = weight[rows]
        dense[key.replace("weight", "bias")] = state[key.replace("weight", "bias")]
    x = 30 * picture(two)
    expected = with_weights(one, dense)(x)
    assert expected.abs().max() > 0.01
    assert torch.allclose(with_weights(two, state)(x), expected, atol=1e-5, rtol=1e-5)


def test_the_two_streams_of_the_paper_first_meet_in_conv3():
    layers = MODELS["alexnet_2012"].spec.layers
    network = filled(Spec((3, 67, 67), layers[: layers.index(Flatten())]))
    pool1, *after = network.layers()[3:9]
    assert (type(pool1), [type(module) for module in after]) == (
        nn.MaxPool2d,
        [nn.Conv2d, nn.ReLU, GroupedLRN, nn.MaxPool2d, nn.Conv2d],
    )
    maps = network.features[:4](30 * picture(network.spec))
    silenced = maps.clone()
    silenced[:, 48:] = 0  # the second stream
    reached = []
    for module in after:
        maps, silenced = module(maps), module(silenced)
        first_stream = slice(0, maps.shape[1] // 2)
        reached.append(not torch.equal(maps[:, first_stream], silenced[:, first_stream]))
    assert reached == [False, False, False, False, True]


# ---- other people's networks ----------------------------------------------------------------------------------------


def test_torchvision_weights_fit_and_give_the_same_answers():
    with torch.device("meta"):
        theirs = torchvision.models.alexnet(weights=None)
    same_weights(theirs)
    spec = MODELS["alexnet_torchvision"].spec
    ours = with_weights(spec, theirs.state_dict())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = picture(spec)
    with torch.inference_mode():
        expected = theirs(x)
        assert expected.std() > 0.01
        assert torch.allclose(ours(x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "model_id", "params"),
    [("AlexNet", "alexnet_single", 62_378_344), ("AlexNetCIFAR", "alexnet_cifar", 6_976_842)],
)
def test_seed_weights_fit_both_ways_and_give_the_same_answers(name, model_id, params):
    spec = MODELS[model_id].spec
    with torch.device("meta"):
        theirs = seed_class(name)()
    same_weights(theirs)
    assert sum(p.numel() for p in theirs.parameters()) == params
    ours = meta_network(spec)
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    x = picture(spec)
    with torch.inference_mode():
        first, same = theirs(x), ours(x)
        for network in (theirs, ours):
            network.load_state_dict(random_state(spec, seed=7), strict=True, assign=True)
        other, same_again = theirs(x), ours(x)
    assert torch.allclose(first, same, atol=1e-5)
    assert torch.allclose(other, same_again, atol=1e-5)
    assert not torch.allclose(first, other, atol=1e-3)


# ---- the module is the spec -----------------------------------------------------------------------------------------


def test_layers_run_one_by_one_are_forward_bit_for_bit():
    network = filled(SMALL)
    x = picture(SMALL, batch=2)
    one_by_one = x
    for module in network.layers():
        one_by_one = module(one_by_one)
    assert torch.equal(one_by_one, network(x))


@pytest.mark.parametrize("model_id", MODELS)
def test_layers_of_every_model_have_the_shapes_and_parameters_of_the_spec(model_id):
    spec = MODELS[model_id].spec
    network = meta_network(spec)
    x = torch.empty(2, *spec.input, device="meta")
    rows, modules = walk(spec).rows, network.layers()
    assert not any(getattr(module, "inplace", False) for module in modules), "no ReLU works in place"
    assert len({id(module) for module in modules}) == len(modules), "and none is used twice"
    for row, module in zip(rows, modules, strict=True):
        x = module(x)
        assert tuple(x.shape[1:]) == row.shape
        assert sum(p.numel() for p in module.parameters()) == row.params
    assert sum(p.numel() for p in network.parameters()) == walk(spec).params


def test_modules_have_the_settings_of_their_records():
    kinds = [
        (Conv(6, 5, 2, 1, 3), nn.Conv2d(3, 6, 5, 2, 1, groups=3)),
        (Pool(3, 2, 1), nn.MaxPool2d(3, 2, 1)),
        (Pool(3, 2, 1, "avg"), nn.AvgPool2d(3, 2, 1)),
        (AdaptivePool(4), nn.AdaptiveAvgPool2d((4, 4))),
        (LRN(3, 0.5, 0.6, 0.7), nn.LocalResponseNorm(3, 0.5, 0.6, 0.7)),
        (LRN(3, 0.5, 0.6, 0.7, 3), GroupedLRN(3, 0.5, 0.6, 0.7, 3)),
        (BatchNorm(), nn.BatchNorm2d(3)),
        (Activation("relu"), nn.ReLU()),
        (Activation("tanh"), nn.Tanh()),
        (Activation("sigmoid"), nn.Sigmoid()),
        (Dropout(0.3), nn.Dropout(0.3)),
    ]
    network = [Network(Spec((3, 9, 9), (record,))).layers()[0] for record, _ in kinds]
    assert [repr(module) for module in network] == [repr(module) for _, module in kinds]
    after_flatten = Network(Spec((3, 2, 2), (Flatten(), BatchNorm(), Linear(12, 5)))).layers()[1:]
    assert [repr(module) for module in after_flatten] == [repr(nn.BatchNorm1d(12)), repr(nn.Linear(12, 5))]


def test_what_is_captured_before_a_relu_keeps_its_negative_values():
    network = filled(SMALL)
    conv, relu = network.layers()[:2]
    maps = conv(picture(SMALL))
    kept = maps.clone()
    relu(maps)
    assert torch.equal(maps, kept)
    assert maps.min() < 0


LAYERS = st.one_of(
    st.builds(
        Conv, st.integers(1, 6), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.sampled_from([1, 2])
    ),
    st.builds(Pool, st.integers(1, 4), st.integers(1, 3), st.integers(0, 1), st.sampled_from(["max", "avg"])),
    st.builds(LRN, groups=st.sampled_from([1, 2])),
    st.sampled_from([AdaptivePool(2), BatchNorm(), Activation(), Dropout(1.5), Flatten(), Linear(6, 3)]),
)


@given(st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)), st.lists(LAYERS, max_size=4).map(tuple))
@SAME_EVERY_RUN
def test_building_or_running_raises_exactly_where_walk_has_an_error(shape, layers):
    result = walk(Spec(shape, layers))
    for upto in range(len(layers) + 1):
        spec = Spec(shape, layers[:upto])
        raised = True
        with contextlib.suppress(RuntimeError, ValueError, IndexError):
            out = meta_network(spec)(torch.empty(2, *shape, device="meta"))
            raised = False
            assert tuple(out.shape[1:]) == (shape, *(row.shape for row in result.rows))[upto]
        assert raised == (upto > len(result.rows))


@pytest.mark.parametrize("layer", [LRN(groups=2), Conv(4, 1, groups=2)])
def test_a_group_count_that_does_not_divide_is_a_value_error(layer):
    with pytest.raises(ValueError, match="channels"):
        meta_network(Spec((3, 4, 4), (layer,)))


# ---- the 2012 code's rounding, window by window ---------------------------------------------------------------------


def conv_2012(maps, weight, bias, stride, padding, groups):
    """Each output by hand; whatever lies outside the maps counts as zero."""
    _, height, width = maps.shape
    filters, each, kernel, _ = weight.shape
    rows, columns = (1 + -(-(n + 2 * padding - kernel) // stride) for n in (height, width))
    out = np.zeros((filters, rows, columns))
    for f, row, column in np.ndindex(out.shape):
        first = f // (filters // groups) * each
        out[f, row, column] = bias[f]
        for c, dy, dx in np.ndindex(each, kernel, kernel):
            y, x = row * stride - padding + dy, column * stride - padding + dx
            if 0 <= y < height and 0 <= x < width:
                out[f, row, column] += weight[f, c, dy, dx] * maps[first + c, y, x]
    return out


def pool_2012(maps, kernel, stride, padding, mode):
    """Each window by hand, cut off at every edge of the maps; one that holds no pixel gives 0."""
    channels, height, width = maps.shape
    rows, columns = (1 + -(-(n + padding - kernel) // stride) for n in (height, width))
    out = np.zeros((channels, rows, columns))
    for c, row, column in np.ndindex(out.shape):
        top, left = row * stride - padding, column * stride - padding
        window = maps[c, max(top, 0) : max(top + kernel, 0), max(left, 0) : max(left + kernel, 0)]
        if window.size:
            out[c, row, column] = window.max() if mode == "max" else window.mean()
    return out


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    padding=st.integers(0, 2),
    groups=st.sampled_from([1, 2]),
)
@SAME_EVERY_RUN
def test_ceil_convolution_against_windows_by_hand(height, width, kernel, stride, padding, groups):
    spec = Spec((2, height, width), (Conv(4, kernel, stride, padding, groups),), "ceil")
    result = walk(spec)
    if result.errors:
        return
    random = np.random.default_rng(0)
    maps = random.standard_normal(spec.input)
    weight, bias = random.standard_normal((4, 2 // groups, kernel, kernel)), random.standard_normal(4)
    (conv,) = Network(spec).layers()
    assert isinstance(conv, CeilConv2d)
    conv.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)}, assign=True)
    out = conv(torch.from_numpy(maps)[None])[0].detach().numpy()
    assert out.shape == result.rows[0].shape
    np.testing.assert_allclose(out, conv_2012(maps, weight, bias, stride, padding, groups), atol=1e-12)


@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 5),
    padding=st.integers(0, 4),
    mode=st.sampled_from(["max", "avg"]),
)
@SAME_EVERY_RUN
def test_ceil_pooling_against_windows_by_hand(height, width, kernel, stride, padding, mode):
    spec = Spec((2, height, width), (Pool(kernel, stride, padding, mode),), "ceil")
    result = walk(spec)
    if result.errors:
        return
    maps = np.random.default_rng(0).standard_normal(spec.input) - 3  # below zero: a padded zero would win a maximum
    (pool,) = Network(spec).layers()
    assert isinstance(pool, CeilMaxPool2d if mode == "max" else CeilAvgPool2d)
    out = pool(torch.from_numpy(maps)[None])[0].numpy()
    assert out.shape == result.rows[0].shape
    np.testing.assert_allclose(out, pool_2012(maps, kernel, stride, padding, mode), atol=1e-12)


@pytest.mark.parametrize("mode", ["max", "avg"])
def test_ceil_pooling_with_padding_as_large_as_its_window_is_finite(mode):
    # The 2012 parser allows it. The first window then holds no pixel: without care -inf, or 0 / 0.
    spec = Spec((1, 6, 6), (Pool(2, 2, padding=2, mode=mode),), "ceil")
    assert not walk(spec).errors
    out = Network(spec)(torch.ones(1, 1, 6, 6))[0, 0]
    assert out[0].tolist() == out[:, 0].tolist() == [0, 0, 0, 0]
    assert torch.equal(out[1:, 1:], torch.ones(3, 3))


def test_a_network_under_the_ceil_rule_equals_padding_224_to_227_by_hand():
    layers = MODELS["alexnet_2012"].spec.layers[:8]
    floor, ceil = Spec((3, 227, 227), layers), Spec((3, 224, 224), layers, "ceil")
    state = random_state(floor)
    x = picture(ceil)
    by_hand = with_weights(floor, state)(nn.functional.pad(x, (0, 3, 0, 3)))
    assert torch.equal(with_weights(ceil, state)(x), by_hand)


@pytest.mark.parametrize("model_id", MODELS)
def test_the_rounding_rule_does_not_change_the_keys(model_id):
    spec = MODELS[model_id].spec
    shapes = [
        {key: tensor.shape for key, tensor in meta_network(replace(spec, rounding=rounding)).state_dict().items()}
        for rounding in ("floor", "ceil")
    ]
    assert shapes[0] == shapes[1]


# ---- views ----------------------------------------------------------------------------------------------------------


def hooks(module):
    return sum(
        len(part._forward_hooks) + len(part._forward_pre_hooks) + len(part._backward_hooks) for part in module.modules()
    )


def test_a_view_shares_its_weights_and_nothing_else():
    network = filled(SMALL)
    private = view(network)
    ours, theirs = network.state_dict(), private.state_dict()
    assert {key: tensor.data_ptr() for key, tensor in ours.items()} == {k: t.data_ptr() for k, t in theirs.items()}
    assert not {id(module) for module in network.modules()} & {id(module) for module in private.modules()}
    assert not {id(p) for p in network.parameters()} & {id(p) for p in private.parameters()}
    x = picture(SMALL)
    assert torch.equal(private(x), network(x))
    private = view(Network(SMALL).train())
    assert not any(module.training for module in private.modules())
    assert not any(parameter.requires_grad for parameter in private.parameters())
    assert all(parameter.device.type == "cpu" for parameter in private.parameters())


def test_hooking_and_differentiating_a_view_leaves_the_network_as_it_was():
    network = filled(SMALL)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    private = view(network).train().requires_grad_(True)
    handle = private.layers()[0].register_forward_hook(lambda *_: None)
    private(picture(SMALL, batch=2)).sum().backward()
    assert private.layers()[0].weight.grad is not None
    assert hooks(private) == 1
    assert hooks(network) == 0
    assert not any(module.training for module in network.modules())
    assert all(p.grad is None and not p.requires_grad for p in network.parameters())
    # Batch norm's running averages are shared buffers: training mode is what a view must not be put in.
    unchanged = [key for key in before if torch.equal(before[key], network.state_dict()[key])]
    assert set(before) - set(unchanged) <= {key for key in before if "running" in key or "tracked" in key}
    handle.remove()


def test_eight_threads_hook_their_own_views_at_once():
    network = filled(SMALL)
    pictures = [picture(SMALL, seed) for seed in range(8)]
    expected = [network.layers()[0](x) for x in pictures]
    start = threading.Barrier(8)

    def visit(i):
        start.wait()
        for _ in range(10):
            private, seen = view(network), []
            private.features[0].register_forward_hook(lambda module, args, out, seen=seen: seen.append(out))
            private(pictures[i])
            assert len(seen) == 1
            assert torch.equal(seen[0], expected[i])
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(visit, range(8)))
    assert hooks(network) == 0
    assert torch.empty(0).device.type == "cpu"  # building on the meta device is each thread's own affair


def test_with_weights_uses_the_tensors_themselves_and_takes_no_state_that_does_not_fit():
    state = random_state(SMALL)
    used = with_weights(SMALL, state).state_dict()
    assert all(used[key].data_ptr() == tensor.data_ptr() for key, tensor in state.items())
    with pytest.raises(RuntimeError, match="Missing key"):
        with_weights(SMALL, {key: state[key] for key in list(state)[1:]})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        with_weights(SMALL, state | {"features.99.weight": torch.zeros(1)})


# ---- random weights -------------------------------------------------------------------------------------------------


def test_random_weights_depend_on_the_seed_alone_and_leave_the_global_generator_alone():
    torch.manual_seed(1)
    first = random_state(SMALL, seed=3)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second, other = random_state(SMALL, seed=3), random_state(SMALL, seed=4)
    view(with_weights(SMALL, second))
    assert torch.equal(torch.get_rng_state(), before)
    assert list(first) == list(Network(SMALL).state_dict())
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["features.0.weight"], other["features.0.weight"])


def test_random_weights_are_drawn_as_pytorch_draws_them():
    spec = Spec((4, 5, 5), (Conv(64, 3, groups=2), BatchNorm(), Flatten(), Linear(576, 200)))
    ours, theirs = random_state(spec), Network(spec).state_dict()
    for key, tensor in ours.items():
        assert tensor.shape == theirs[key].shape
        assert tensor.dtype == theirs[key].dtype
    for key, fan_in in (("features.0", 2 * 9), ("classifier.0", 576)):
        for name in ("weight", "bias"):
            bound = fan_in**-0.5
            for state in (ours, theirs):
                assert state[f"{key}.{name}"].abs().max() <= bound
                assert state[f"{key}.{name}"].abs().max() > 0.9 * bound
                assert state[f"{key}.{name}"].mean().abs() < 0.2 * bound
    for key in theirs:
        if key.startswith("features.1."):
            assert torch.equal(ours[key], theirs[key])


@pytest.mark.parametrize("model_id", MODELS)
def test_every_model_has_finite_activations_with_random_weights(model_id):
    spec = MODELS[model_id].spec
    network = filled(spec)
    std = min(MODELS[model_id].preprocess.std)
    x = (torch.rand(1, *spec.input, generator=torch.Generator().manual_seed(0)) - 0.5) / std
    with torch.inference_mode():
        for module in network.layers():
            x = module(x)
            assert x.isfinite().all()
            assert x.std() > 0
    assert x.shape == (1, walk(spec).rows[-1].shape[0])
