"""`python -m alexnet_viz`."""

import os
import sys

# Large pages for large tensors, where the system leaves that to the program, as Linux does: a few percent of training's
# speed. Torch reads this when it makes its first tensor.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

from alexnet_viz.cli.commands import main

try:
    status = main()
    sys.stdout.flush()
except BrokenPipeError:  # who reads it, `head` for example, has seen enough
    status = 1
sys.stderr.flush()
# Everything is written. Python's own end would take PyTorch apart for another second, in which a stopped run's process
# still holds its memory.
os._exit(status)
