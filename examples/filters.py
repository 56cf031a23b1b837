"""What do the filters look for? The kernels of the first layer, as in the paper's figure 3.

python -m examples.filters out --model alexnet_cifar
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a clone need not be installed

from alexnet_viz.inspection.filters import grouped, kernels, order, rgb_tiles, statistics
from alexnet_viz.network.weights import load_model
from alexnet_viz.pictures import render

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path, nargs="?", default=Path("out"), help="where the picture goes")
parser.add_argument("--model", default="alexnet_200")
args = parser.parse_args()
args.folder.mkdir(parents=True, exist_ok=True)

network = load_model(args.model).network
weights = kernels(network, "conv1")  # (filters, 3, k, k), a copy
measured = statistics(weights, rgb=True)
by_frequency = order(measured, "frequency")
(args.folder / "conv1.png").write_bytes(render.picture_montage(rgb_tiles(weights)[by_frequency]).png)

count, channels, side, _ = weights.shape
print(f"conv1 has {count} filters of {side}x{side} pixels and {channels} colours; coarse gratings are drawn first")
for group, numbers in grouped(measured, "colour"):
    print(f"{group}: {len(numbers)} filters")
print(f"filter {order(measured, 'norm')[0]} has the largest weights, {measured.dead.sum()} filters do nothing")
