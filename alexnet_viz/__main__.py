"""`python -m alexnet_viz`."""

import os

# Large pages for large tensors, where the system leaves that to the program, as Linux does: a few percent of training's
# speed. Torch reads this when it makes its first tensor.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

from alexnet_viz.cli import main

raise SystemExit(main())
