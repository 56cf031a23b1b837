"""What does each layer see? Every channel behind every ReLU, as the page Feature maps draws them.

python -m examples.feature_maps out --photo assets/samples/cat.jpg
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a clone need not be installed

import torch

from alexnet_viz.inspection.activations import activations
from alexnet_viz.inspection.maps import limits, statistics
from alexnet_viz.network.weights import load_model
from alexnet_viz.pictures import images, render

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path, nargs="?", default=Path("out"), help="where the pictures go, one a layer")
parser.add_argument("--photo", type=Path, default=ROOT.joinpath("assets/samples/cat.jpg"))
parser.add_argument("--model", default="alexnet_200")
args = parser.parse_args()
args.folder.mkdir(parents=True, exist_ok=True)

model = load_model(args.model)
array = model.entry.preprocess.to_array(images.decode(args.photo.read_bytes()).image)
outputs = activations(model.network, torch.from_numpy(array)[None])
layers = {name: values[0].numpy() for name, values in outputs.items() if name.startswith("relu") and values.dim() == 4}
for name, maps in layers.items():
    found = statistics(maps, "relu")
    montage = render.montage(maps, limits(layers, name, "unit"))  # each channel in its own range of colours
    (args.folder / f"{name}.png").write_bytes(montage.png)
    size = "x".join(map(str, maps.shape))
    print(f"{name}: {size}, {found.sparsity.mean():.0%} zeros, {found.dead.sum()} channels silent for this photo")
