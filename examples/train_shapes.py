"""How does a network learn? A short training on shapes that are drawn here, as on the page Train.

python -m examples.train_shapes out --epochs 3
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a clone need not be installed

from alexnet_viz.pictures import render
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import EpochDone, Finished
from alexnet_viz.training.shapes import shapes10
from alexnet_viz.training.snapshots import read_snapshot, snapshot_files
from alexnet_viz.training.train import train

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path, nargs="?", default=Path("out"), help="where checkpoints and pictures go")
parser.add_argument("--model", default="alexnet_cifar")
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--pictures", type=int, default=2000, help="to learn from")
args = parser.parse_args()
args.folder.mkdir(parents=True, exist_ok=True)

config = TrainConfig(data="shapes", model=args.model, epochs=args.epochs)
dataset = shapes10(train=args.pictures, test=max(10, args.pictures // 8))
for event in train(config, args.folder, dataset=dataset):
    match event:
        case EpochDone():
            print(f"epoch {event.epoch}: loss {event.train_loss:.2f}, {event.train_accuracy:.0%} right while training")
        case Finished():
            print(
                f"of {len(dataset.test.labels)} pictures never seen before, {event.test_accuracy:.0%} are named right"
            )
for file in snapshot_files(args.folder):
    snapshot = read_snapshot(file)
    (args.folder / f"conv1-epoch-{snapshot.epoch}.png").write_bytes(render.kernels(snapshot.filters).png)
