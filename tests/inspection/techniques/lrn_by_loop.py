"""Maps drawn at random, and the paper's printed LRN as a loop."""

import numpy as np


def drawn(*shape, seed=0, scale=10.0):
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)


def rectified(*shape, **how):
    return np.maximum(drawn(*shape, **how), 0)


def printed_formula(maps, layer):
    """Section 3.3, value by value: b_i = a_i / (k + alpha * sum of a_j^2 from i - n/2 to i + n/2) ^ beta."""
    count, half = len(maps), layer.size // 2
    per_stream = count // layer.groups
    result = np.empty(maps.shape, np.float64)
    for i in range(count):
        first = i // per_stream * per_stream
        total = np.zeros(maps.shape[1:])
        for j in range(max(first, i - half), min(first + per_stream - 1, i + half) + 1):
            total += maps[j].astype(np.float64) ** 2
        result[i] = maps[i] / (layer.k + layer.alpha * total) ** layer.beta
    return result
