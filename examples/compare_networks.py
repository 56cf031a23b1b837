"""What changed from LeNet to today? Every number of the page Compare, and where each network's work is.

python -m examples.compare_networks out
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a clone need not be installed

from alexnet_viz.network import diagram
from alexnet_viz.network.comparison import comparison, markdown_table
from alexnet_viz.network.zoo import LISTED
from alexnet_viz.words.i18n import translator
from alexnet_viz.words.numbers import percent

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path, nargs="?", default=Path("out"), help="where the table and the drawings go")
parser.add_argument("--language", default="en")
args = parser.parse_args()
args.folder.mkdir(parents=True, exist_ok=True)

t = translator(args.language)
rows = comparison()
for row in rows:
    share = percent(row.conv_macs / row.macs)
    print(f"{row.year} {row.name:<22} {row.params:>12,} parameters {row.macs:>14,} MACs, {share} in convolutions")
(args.folder / "comparison.md").write_text(markdown_table(rows, t), encoding="utf-8")
for entry in LISTED.values():
    bars = diagram.diagram(entry.spec, "bars", t)
    (args.folder / f"{entry.id}.svg").write_text(diagram.standalone(bars, "light"), encoding="utf-8")
