"""Small models and pictures that the tests of attribution share."""

from functools import cache

from alexnet_viz.network.build import random_state, with_weights
from alexnet_viz.network.spec import LRN, Activation, Conv, Flatten, Linear, Pool, Spec
from alexnet_viz.network.weights import Model
from alexnet_viz.network.zoo import MODELS, ModelEntry
from alexnet_viz.pictures.images import Preprocess
from tests.inspection.networks import picture

SMALL = Spec(
    (3, 16, 16),
    (
        *(Conv(6, kernel=3, padding=1), Activation(), Pool(2, 2)),
        *(Conv(8, kernel=3, padding=1), Activation(), Pool(2, 2)),
        *(Flatten(), Linear(128, 12), Activation(), Linear(12, 4)),
    ),
)
WITH_LRN = Spec((3, 16, 16), (*SMALL.layers[:2], LRN(alpha=5.0), *SMALL.layers[2:]))
CLASSES = ("cat", "dog", "frog", "ship")


def model_of(spec=SMALL, classes=CLASSES, seed=0, state=None):
    entry = ModelEntry(
        id="small",
        title="Small",
        summary="",
        year=2012,
        spec=spec,
        preprocess=Preprocess(spec.input[1], spec.input[1], (0.5,) * spec.input[0], (0.25,) * spec.input[0]),
        labels="cifar10",
    )
    network = with_weights(spec, random_state(spec, seed) if state is None else state)
    return Model(entry, network, classes, "random", f"random-{seed}", {})


@cache
def random_model(model_id):
    """A whole network of the app with seeded random weights."""
    entry = MODELS[model_id]
    classes = tuple(f"class {i}" for i in range(entry.spec.layers[-1].outputs))
    return Model(entry, with_weights(entry.spec, random_state(entry.spec)), classes, "random", "random-0", {})


def array_of(model, seed=1):
    return picture(model.network.spec, seed)[0].numpy()
