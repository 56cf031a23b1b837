"""Layers drawn by hypothesis, for tests that run small random networks against independent arithmetic."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from alexnet_viz.network.spec import (
    LRN,
    Activation,
    AdaptivePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Pool,
    Spec,
    walk,
)

# For tests that draw many networks and leave out those that cannot be.
OFTEN_WRONG = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
)

MAP_LAYERS = ("conv", "max", "avg", "lrn", "adaptive", "other")  # kinds that take maps and give maps


def random_layer(draw, kind: str, window: Callable[[], tuple[int, int, int]], largest_adaptive: int) -> Layer:
    """One layer of a kind; `window()` draws kernel, stride and padding. Channels and groups fit each other."""
    groups = draw(st.sampled_from([1, 2, 4]))
    match kind:
        case "conv":
            return Conv(4 * draw(st.integers(1, 2)), *window(), groups=groups)
        case "lrn":
            return LRN(size=draw(st.integers(1, 6)), alpha=draw(st.floats(0, 5)), groups=groups)
        case "adaptive":
            return AdaptivePool(draw(st.integers(1, largest_adaptive)))
        case "other":
            functions = st.sampled_from(["relu", "tanh", "sigmoid"])
            return draw(st.sampled_from([BatchNorm(), Dropout(), Activation(draw(functions))]))
    return Pool(*window(), mode=kind)


INPUTS = st.tuples(st.integers(1, 8), st.integers(1, 20), st.integers(1, 20))
GROUPS = st.sampled_from([1, 1, 1, 2, 3])
CONVS = st.builds(Conv, st.integers(1, 8), st.integers(1, 7), st.integers(1, 4), st.integers(0, 3), GROUPS)
POOLS = st.builds(
    Pool, st.integers(1, 5), st.integers(1, 4), st.sampled_from([0, 0, 1, 2]), st.sampled_from(["max", "avg"])
)
FUNCTIONS = st.builds(Activation, st.sampled_from(["relu", "tanh", "sigmoid"]))
MAPS_ONLY = st.one_of(
    CONVS,
    POOLS,
    st.builds(AdaptivePool, st.integers(1, 7)),
    st.builds(LRN, size=st.integers(1, 6), groups=GROUPS),
)
ANYWHERE = st.one_of(
    FUNCTIONS, st.just(BatchNorm()), st.builds(Dropout, st.sampled_from([0.0, 0.5, 0.5, 1.0, 1.5, -0.1]))
)


@st.composite
def specs(draw, rounding="floor"):
    """Networks that are often right and often wrong: most mistakes are one setting away from something legal."""
    layers = draw(st.lists(st.one_of(MAPS_ONLY, MAPS_ONLY, ANYWHERE), max_size=4))
    if draw(st.booleans()):
        layers += [Flatten(), *draw(st.lists(st.one_of(ANYWHERE, st.just(Flatten())), max_size=1))]
        layers += draw(st.lists(MAPS_ONLY, max_size=1)) if draw(st.integers(0, 5)) == 0 else []
    spec = Spec(draw(INPUTS), tuple(layers), rounding)
    for _ in range(draw(st.integers(0, 2))):
        # Mostly as many inputs as arrive: before a flatten that is the maps' width.
        arriving = ([spec.input] + [layer.shape for layer in walk(spec).rows])[-1]
        inputs = arriving[-1] if draw(st.integers(0, 4)) else draw(st.integers(1, 60))
        spec = replace(spec, layers=(*spec.layers, Linear(inputs, draw(st.integers(1, 9)))))
        spec = replace(spec, layers=(*spec.layers, *draw(st.lists(st.one_of(ANYWHERE, MAPS_ONLY), max_size=1))))
    return spec
