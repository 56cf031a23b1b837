"""One process of a run of two, as a script of one's own has it: it trains and then ends as Python ends.

Prints the run's events as lines, and at last the threads that the process still has (nothing where no /proc says it).
"""

import sys
from pathlib import Path

from alexnet_viz.training.events import to_line
from alexnet_viz.training.train import train
from tools.small_runs import OFF, PLAIN_NET, config, dataset

sys.setswitchinterval(100)  # seconds: a thread that waits for the interpreter still waits when Python ends
for event in train(config(net=PLAIN_NET, epochs=2, batch=12, **{**OFF, "validation": 0.2}), dataset=dataset(75)):
    sys.stdout.write(to_line(event))
threads = sorted(file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm"))
sys.stdout.write(f"threads: {' '.join(threads)}\n")
