"""What changes when you change AlexNet? Another first kernel: its arithmetic, its picture, and its weights in a file.

python -m examples.edit_network out --kernel 7 --format onnx
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a clone need not be installed

from dataclasses import replace
from pathlib import Path

from alexnet_viz.network import diagram, editing, export
from alexnet_viz.network.spec import walk
from alexnet_viz.network.weights import load_model
from alexnet_viz.words.i18n import translator

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path, nargs="?", default=Path("out"), help="where the drawing and the network go")
parser.add_argument("--model", default="alexnet_200")
parser.add_argument("--kernel", type=int, default=7, help="side of conv1's kernels")
parser.add_argument("--format", choices=export.FORMATS, default="pth")
args = parser.parse_args()
args.folder.mkdir(parents=True, exist_ok=True)

model = load_model(args.model)
before = model.network.spec
changed = editing.replaced(before, 0, replace(before.layers[0], kernel=args.kernel))
spec = editing.adapted(changed)  # fully connected layers take what arrives there now
for old, new in zip(walk(before).rows, walk(spec).rows, strict=True):
    mark = "" if old.shape == new.shape and old.params == new.params else f"   (was {old.shape}, {old.params:,})"
    print(f"{new.name:<8} {new.shape!s:<16} {new.params:>12,} parameters{mark}")

t = translator("en")
drawn = diagram.standalone(diagram.diagram(spec, "boxes", t), "light")
(args.folder / "edited.svg").write_text(drawn, encoding="utf-8")
portable = export.of_edited(model, spec)
file = args.folder / f"edited.{args.format}"
file.write_bytes(export.write(portable, args.format))
print(f"{file.name}: weights are random in {', '.join(portable.random) or 'no layer'}")
