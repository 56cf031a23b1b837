"""Heads of one's own: opened as the network that their layers make, checked against torch's own answer; or refused."""

from collections import OrderedDict
from copy import copy

import pytest
import torch
from safetensors.torch import save as save_safetensors
from torch import nn
from torch.nn import Dropout, Linear, ReLU, Sequential

from alexnet_viz.errors import UserError
from alexnet_viz.network.build import Network, random_state, with_weights
from alexnet_viz.network.export import of_model, write
from alexnet_viz.network.spec import Activation, Spec
from alexnet_viz.network.weights import open_model, with_names
from alexnet_viz.network.zoo import MODELS
from tests.network.checkpoints import saved

torch.set_num_threads(1)
SPEC = MODELS[
    "alexnet_cifar"
].spec  # the small one: its head is Dropout, 1: 4096-1024, ReLU, Dropout, 4: -512, ReLU, 6: -10
X = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def base():
    return with_weights(SPEC, random_state(SPEC, seed=4))


def with_last(base, *last):
    """A network whose last layer is another module, as fine-tuning writes `model.classifier[6] = ...`."""
    return with_head(base, Sequential(*list(base.classifier)[:-1], *last))


def with_head(base, head):
    network = copy(base)
    network._modules = {"features": base.features, "classifier": head}
    return network.eval()


class Wrapped(nn.Module):
    """A network inside another one, with a layer behind it."""

    def __init__(self, inner):
        super().__init__()
        self.backbone, self.fc = inner, Linear(10, 3)

    def forward(self, x):
        return self.fc(torch.relu(self.backbone(x)))


HEADS = {
    # name: (how it is made, how many joints are assumed)
    "Sequential": (lambda b: with_last(b, Sequential(Linear(512, 64), ReLU(), Dropout(), Linear(64, 7))), 1),
    "deeper": (lambda b: with_last(b, Sequential(Linear(512, 64), ReLU(), Linear(64, 32), ReLU(), Linear(32, 7))), 2),
    "nothing between": (lambda b: with_last(b, Sequential(Linear(512, 64), Linear(64, 7))), 0),
    "Dropout first": (lambda b: with_last(b, Sequential(Dropout(), Linear(512, 7))), 0),
    "one layer": (lambda b: with_head(b, Linear(4096, 7)), 0),
    "named": (
        lambda b: with_head(b, Sequential(OrderedDict(fc1=Linear(4096, 50), relu=ReLU(), fc2=Linear(50, 7)))),
        1,
    ),
    "without bias": (lambda b: with_head(b, Sequential(Linear(4096, 50, bias=False), ReLU(), Linear(50, 7))), 1),
    "appended": (lambda b: with_head(b, Sequential(*b.classifier, ReLU(), Linear(10, 5))), 1),
    "appended at once": (lambda b: with_head(b, Sequential(*b.classifier, Linear(10, 5))), 0),
    "wrapped": (lambda b: Wrapped(b).eval(), 1),
    "ten layers": (
        lambda b: with_last(b, *(m for _ in range(10) for m in (ReLU(), Linear(512, 512))), Linear(512, 2)),
        10,
    ),
}


@pytest.mark.parametrize("write_file", [saved, save_safetensors], ids=["pth", "safetensors"])
@pytest.mark.parametrize("name", HEADS)
def test_a_head_of_linear_layers_is_opened_as_the_network_it_is(base, name, write_file):
    make, assumed = HEADS[name]
    theirs = make(base)
    model = open_model(write_file({key: tensor.contiguous() for key, tensor in theirs.state_dict().items()}), "mine")
    with torch.no_grad():
        assert torch.allclose(model.network(X), theirs(X), atol=1e-5)
    assert model.entry.id == "alexnet_cifar"
    said = [str(note) for note in model.notes if "is assumed" in str(note)]
    assert bool(said) == bool(assumed)
    assert all("ReLU is assumed" in note for note in said)


@pytest.mark.parametrize("format_id", ["pth", "safetensors"])
def test_what_is_exported_of_it_assumes_nothing_any_more(base, format_id):
    """The file says its layers and class names, so it opens as it was, without a word about assumptions."""
    theirs = HEADS["Sequential"][0](base)
    model = with_names(open_model(saved(theirs.state_dict()), "mine.pth"), [f"thing {i}" for i in range(7)])
    again = open_model(write(of_model(model), format_id), "again")
    assert again.network.spec == model.network.spec
    assert (again.classes, again.names, again.remarks) == (model.classes, "known", ())


def test_a_pth_that_says_its_layers_still_loads_in_torch(base):
    """load_state_dict ignores what stands beside the versions; torch's safe reader takes the file."""
    import io

    model = open_model(saved(base.state_dict()), "mine.pth")
    state = torch.load(io.BytesIO(write(of_model(model), "pth")), weights_only=True)
    Network(SPEC).load_state_dict(state, strict=True)


def test_the_function_between_is_that_of_the_network():
    spec: Spec = MODELS["lenet5"].spec
    state = random_state(spec) | {"classifier.4.weight": torch.zeros(20, 84), "classifier.4.bias": torch.zeros(20)}
    model = open_model(saved(state | {"classifier.6.weight": torch.zeros(3, 20), "classifier.6.bias": torch.zeros(3)}))
    assert model.network.spec.layers[-2] == Activation("tanh")
    assert "tanh is assumed" in str(model.notes[0])


REFUSED = {
    "batch norm": (
        Sequential(Linear(512, 64), nn.BatchNorm1d(64), ReLU(), Linear(64, 7)),
        ["BatchNorm", "classifier.6.1"],
    ),
    "layer norm": (Sequential(Linear(512, 64), nn.LayerNorm(64), ReLU(), Linear(64, 7)), ["classifier.6.1", "(64)"]),
    "PReLU": (Sequential(Linear(512, 64), nn.PReLU(), Linear(64, 7)), ["classifier.6.1.weight", "(1)"]),
    "no chain": (Sequential(Linear(500, 7)), ["classifier.6.0.weight takes 500 values, and 512"]),
    "gap": (Sequential(Linear(512, 64), ReLU(), Linear(63, 7)), ["classifier.6.2.weight takes 63 values, and 64"]),
    "convolution": (nn.Conv2d(512, 7, 1), ["classifier.6.weight", "(7x512x1x1)"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_any_other_head_is_refused_by_name(base, name):
    head, words = REFUSED[name]
    for data in (saved(with_last(base, head).state_dict()), save_safetensors(with_last(base, head).state_dict())):
        with pytest.raises(UserError) as raised:
            open_model(data, "mine.pth")
        assert all(word in str(raised.value) for word in ["mine.pth", *words]), str(raised.value)


def test_convolutions_alone_are_refused(base):
    with pytest.raises(UserError, match="no fully connected layer"):
        open_model(saved({f"features.{key}": value for key, value in base.features.state_dict().items()}), "half.pth")
