"""Weights as people save them, and what they take for weights: bytes by what they are called."""

import io
import zipfile
from argparse import Namespace
from collections import OrderedDict, defaultdict
from datetime import datetime

import numpy as np
import torch
from safetensors.torch import save as save_safetensors
from torch import nn

from alexnet_viz.network.build import random_state
from alexnet_viz.network.zoo import MODELS

STATE = random_state(MODELS["lenet5"].spec, seed=11)


def saved(content, **how):
    data = io.BytesIO()
    torch.save(content, data, **how)
    return data.getvalue()


def prefixed(prefix, state=STATE):
    return {f"{prefix}{key}": tensor for key, tensor in state.items()}


OPTIMIZER = {
    "state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.zeros(3, 2)}},
    "param_groups": [{"lr": 0.1, "betas": (0.9, 0.99), "params": [0]}],
}
LIGHTNING = {
    "epoch": 3,
    "pytorch-lightning_version": "2.5.0",
    "state_dict": prefixed("model.")
    | {"criterion.weight": torch.ones(10), "train_acc.tp": torch.zeros(10, dtype=torch.long)},
    "callbacks": {"ModelCheckpoint{'monitor': 'val'}": {"best_model_score": torch.tensor(0.3)}},
    "optimizer_states": [OPTIMIZER],
    "hyper_parameters": Namespace(lr=0.1),
}
AROUND = {
    "model": STATE,
    "optimizer": OPTIMIZER,
    0.5: "a float",
    (1, 2): "a tuple",
    "when": datetime(2026, 1, 1),
    "loss": np.float64(0.5),
    "curve": np.zeros(3),
}
# What holds STATE, and nothing else that could be meant.
HOLDERS = {
    "plain": STATE,
    "OrderedDict": OrderedDict(STATE),
    "parameters": {key: nn.Parameter(tensor) for key, tensor in STATE.items()},
    **{f"prefix {prefix}": prefixed(prefix) for prefix in ("module.", "_orig_mod.", "model.", "net.", "backbone.")},
    **{
        f"prefix {prefix}": prefixed(prefix)
        for prefix in ("module._orig_mod.", "module.module.", "features.", "a.b.c.")
    },
    "DataParallel of the convolutions": {
        key.replace("features.", "features.module."): tensor for key, tensor in STATE.items()
    },
    "SWA": {"n_averaged": torch.tensor(3)} | prefixed("module."),
    "Lightning": LIGHTNING,
    **{f"under {key}": {key: STATE, "epoch": 3} for key in ("model_state_dict", "net", "ema", "weights", "어떤 이름")},
    "deep": {"checkpoint": {"student": {"weights": prefixed("module.")}}},
    "around": AROUND,
    "a pair": (STATE, 3),
    "a list": [1, STATE],
    "defaultdict": defaultdict(dict, {"best": STATE}),
    "beside": STATE | {"epoch": 3, "loss": 0.5, 7: torch.zeros(2)},
}


def zipped(**members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def torchscript():
    data = io.BytesIO()
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), data)
    return data.getvalue()


def numpy_file(write, *arrays):
    data = io.BytesIO()
    write(data, *arrays)
    return data.getvalue()


WHOLE = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
# What is no weights file, and words that the sentence about it must have.
NO_WEIGHTS = {
    "whole model": (lambda: saved(WHOLE), ["whole model", "Sequential", "state_dict()"]),
    "whole model, before 1.6": (lambda: saved(WHOLE, _use_new_zipfile_serialization=False), ["whole model"]),
    "whole model in a checkpoint": (lambda: saved({"model": WHOLE, "optimizer": OPTIMIZER}), ["whole model"]),
    "TorchScript": (torchscript, ["TorchScript", "state_dict()"]),
    "optimizer": (lambda: saved(OPTIMIZER), ["optimizer alone"]),
    "optimizer in a checkpoint": (lambda: saved({"optimizer": OPTIMIZER, "epoch": 1}), ["optimizer, epoch"]),
    "nothing": (lambda: saved({}), ["no named tensors"]),
    "Git LFS": (
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        ["Git LFS pointer", "git lfs pull"],
    ),
    "web page": (lambda: b"\xef\xbb\xbf\n<!DOCTYPE html><html><title>Drive</title>", ["web page"]),
    "message": (lambda: b'{"message": "Not Found"}', ["a text", "Not Found"]),
    "empty": (lambda: b"", ["empty"]),
    "cut zip": (lambda: saved(STATE)[:-1000], ["cut off"]),
    "cut old file": (lambda: saved(STATE, _use_new_zipfile_serialization=False)[:-1000], ["cut off"]),
    "cut safetensors": (lambda: save_safetensors(STATE)[:-1000], ["cut off"]),
    "cut header": (lambda: save_safetensors(STATE)[:100], ["cut off"]),
    "zip of a weights file": (lambda: zipped(**{"best.pth": saved(STATE)}), ["packed (zip)", "Unpack"]),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(100), ["packed (gzip)"]),
    "NumPy": (lambda: numpy_file(np.save, np.zeros(3)), ["NumPy"]),
    "NumPy archive": (lambda: numpy_file(np.savez, np.zeros(3)), ["NumPy"]),
    "Keras": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(100), ["Keras"]),
    "photo": (lambda: b"\xff\xd8\xff\xe0" + bytes(100), ["JPEG"]),
    "pickle": (lambda: b"\x80\x04}.", ["pickle that torch.save did not write"]),
}
