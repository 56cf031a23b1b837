"""How did a training go? The runs that are here, one that comes with the app among them, as on the page Runs.

python -m examples.read_runs out
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a clone need not be installed

from alexnet_viz.pictures import render
from alexnet_viz.training.runs import history, metrics_csv, runs
from alexnet_viz.training.snapshots import read_snapshot, snapshot_files

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path, nargs="?", default=Path("out"), help="where tables and pictures go")
parser.add_argument("--most", type=int, default=5, help="how many runs, newest first")
args = parser.parse_args()
args.folder.mkdir(parents=True, exist_ok=True)

for run in runs()[: args.most]:
    told, config = history(run), run.config()
    print(f"{run.id}: {config.model} on {config.data}, {len(told.epochs)} epochs")
    if (best := told.best_epoch) and best.val_accuracy is not None:
        print(f"  best on the validation images after epoch {best.epoch}: {best.val_accuracy:.1%}")
    if told.finished and told.finished.test_accuracy is not None:
        print(f"  on the test images at the end: {told.finished.test_accuracy:.1%}")
    (args.folder / f"{run.id}.csv").write_text(metrics_csv(run), encoding="utf-8")
    if files := snapshot_files(run.path):
        confusion = read_snapshot(files[-1]).confusion  # rows: what it is; columns: what was said
        shares = confusion / confusion.sum(axis=1, keepdims=True).clip(min=1)
        (args.folder / f"{run.id}-confusion.png").write_bytes(render.diverging(shares, limit=1.0, side=24))
