"""Layers drawn by hypothesis, for tests that run small random networks against independent arithmetic."""

from collections.abc import Callable

from hypothesis import strategies as st

from alexnet_viz.network.spec import LRN, Activation, AdaptivePool, BatchNorm, Conv, Dropout, Layer, Pool

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
