"""Which ideas made AlexNet work? Four of those of the page Techniques, measured on one photo.

python -m examples.techniques out --masks 200
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a clone need not be installed

import torch

from alexnet_viz.inspection.activations import activations
from alexnet_viz.inspection.techniques import dropout, lrn, pooling, relu
from alexnet_viz.network.spec import LRN
from alexnet_viz.network.weights import load_model
from alexnet_viz.pictures import images, render

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path, nargs="?", default=Path("out"), help="where the pictures go")
parser.add_argument("--photo", type=Path, default=ROOT.joinpath("assets/samples/cat.jpg"))
parser.add_argument("--masks", type=int, default=100, help="how many dropout masks")
args = parser.parse_args()
args.folder.mkdir(parents=True, exist_ok=True)

model = load_model("alexnet_cifar")
array = model.entry.preprocess.to_array(images.decode(args.photo.read_bytes()).image)
outputs = activations(model.network, torch.from_numpy(array)[None])
maps = outputs["relu1"][0].numpy()

for function, flow in relu.flows("he", layers=20, width=128, seed=0).items():
    print(f"ReLU: 20 layers of {function} leave {flow.gradient_left:.1e} of the gradient")
changed = lrn.normalise(maps, LRN()).change
print(f"LRN: conv1's values shrink by {changed.median:.2%} (median), by {changed.largest:.2%} at most")
for name, pool in pooling.MAX_POOLINGS.items():
    small = pooling.pooled(maps, pool)
    (args.folder / f"{name}.png").write_bytes(render.montage(small, float(small.max())).png)
    shared = pooling.coverage(maps.shape[1:], pool).shared
    print(f"pooling, {name}: {maps.shape[1]}x{maps.shape[2]} to {small.shape[1]}x{small.shape[2]}, {shared:.0%} shared")
drawn = dropout.spread(model.network, outputs, rate=0.5, count=args.masks)
agreeing = (drawn.probabilities.argmax(1) == drawn.averaged.argmax()).mean()
print(f"dropout: {agreeing:.0%} of {args.masks} thinned networks give the answer of the whole one")
