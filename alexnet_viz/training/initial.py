"""The network before its first step: random weights, those of a checkpoint, or ImageNet's convolutions."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn, optim

from alexnet_viz.errors import UserError
from alexnet_viz.network.build import Network, random_state, with_weights
from alexnet_viz.network.spec import Spec
from alexnet_viz.network.weights import load_model, read_state
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.runs import checkpoint_path

State = dict[str, Tensor]


def first_network(config: TrainConfig, spec: Spec) -> Network:
    """The network with the weights that training begins with. Frozen parameters need no gradient."""
    state = random_state(spec, config.seed)
    if config.init == "he":
        state = _he(state, config.seed)
    if config.start_from:
        state |= _from_checkpoint(config.start_from, state)
    frozen = MODELS[config.model].frozen if config.frozen else ()
    if frozen:
        # A network that was replaced has no weights of its own; its successor has the same convolutions.
        pretrained = load_model(MODELS[config.model].replaced_by or config.model).network.state_dict()
        state |= {key: tensor.clone() for key, tensor in pretrained.items() if key.startswith(frozen)}
    network = with_weights(spec, state)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not name.startswith(frozen) if frozen else True)
    return network


def _he(state: State, seed: int) -> State:
    """Weights of variance 2 / inputs, which keeps the size of values from layer to layer under ReLUs (He et al. 2015);
    biases 0. The last layer starts at 0, so all classes are as probable at first and no step is thrown away on
    unlearning chance. Vectors of batch norm stay as they are."""
    generator = torch.Generator().manual_seed(seed)
    layers = list(dict.fromkeys(key.rsplit(".", 1)[0] for key, tensor in state.items() if tensor.dim() > 1))
    drawn = {}
    for key, tensor in state.items():
        layer = key.rsplit(".", 1)[0]
        if layer not in layers:
            continue
        drawn[key] = torch.zeros(tensor.shape)
        if tensor.dim() > 1 and layer != layers[-1]:
            drawn[key].normal_(0, math.sqrt(2 / tensor.shape[1:].numel()), generator=generator)
    return state | drawn


def _from_checkpoint(name: str, state: State) -> State:
    """The checkpoint's tensors that fit; a last layer for other classes starts afresh."""
    found, _ = read_state(checkpoint_path(name))
    fitting = {
        key: tensor.to(state[key].dtype)
        for key, tensor in found.items()
        if key in state and tensor.shape == state[key].shape
    }
    if not any(tensor.dim() > 1 for tensor in fitting.values()):
        raise UserError(
            "No layer of the checkpoint {name} fits this network. Choose the network that it is of.", name=name
        )
    return fitting


def optimizer_of(config: TrainConfig, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """For the parameters that are trained. The learning rate is set before every step."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if config.optimizer == "adamw":
        betas = (config.momentum, 0.999)
        return optim.AdamW(trained, betas=betas, weight_decay=config.weight_decay, fused=True)
    return optim.SGD(
        trained,
        lr=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.nesterov and config.momentum > 0,
        fused=True,
    )
