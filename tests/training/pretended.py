"""A pretended training in processes of its own, for the tests of both their sides.

It takes a step every 10 ms, and after every tenth one ends an epoch and saves how far it is.
"""

import sys
from functools import partial

from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import Started
from alexnet_viz.training.runs import history, new_run
from tools import waiting

PATIENCE = 30  # seconds; a test that waits longer has failed
LONG = 600  # epochs of 0.1 s: longer than anybody's patience

PRETENDED = """
import json, os, sys, time
from alexnet_viz.training import runs, worker
from alexnet_viz.training.events import *

def train(config, *, run_dir, resume, control):
    steps, file = 10 * config.epochs, run_dir / "checkpoints" / "last.json"

    def save(step):
        fresh = file.with_suffix(".part")
        fresh.write_text(json.dumps(step))
        os.replace(fresh, file)
        return Saved(step=step, epoch=step // 10, file=file.name)

    yield Started(run=run_dir.name, config=config.to_dict(), device="pretended", steps=steps)
    time.sleep(float(os.environ.get("PRETEND_LOADING", "0")))
    done = json.loads(file.read_text()) if resume and file.exists() else 0
    if resume:
        yield Resumed(step=done, epoch=done // 10)
    rate, changes = config.learning_rate, 0
    for step in range(done + 1, steps + 1):
        asked = control()
        if asked.end:
            yield save(step - 1)
            yield Finished(state=asked.end)
            return
        if asked.changes > changes:
            rate, changes = asked.learning_rate, asked.changes
            yield LearningRateChanged(step=step - 1, lr=rate)
        time.sleep(0.01)
        if os.environ.get("PRETEND_BUG") == str(step):
            raise RuntimeError("a bug in step " + str(step))
        epoch = (step - 1) // 10 + 1
        yield StepDone(step=step, epoch=epoch, loss=1 / step, accuracy=0.5, lr=rate, images_per_second=1.0,
                       seconds=0.0, memory=7)
        if step % 10 == 0:
            yield EpochDone(epoch=epoch, step=step, train_loss=1.0, train_accuracy=0.5, val_loss=None,
                            val_accuracy=None, lr=rate, images_per_second=1.0, seconds=0.0)
            yield save(step)
    yield Finished(state="finished", test_accuracy=0.9, test_loss=0.1, seconds=1.0)

for event in worker.work(runs.run(sys.argv[1]), train):
    pass
"""
COMMAND = (sys.executable, "-c", PRETENDED)


until = partial(waiting.until, patience=PATIENCE)


def new(epochs=1, **settings):
    return new_run(TrainConfig(data="shapes", epochs=epochs, **settings))


def failing(error):
    def train(config, *, run_dir, resume, control):
        yield Started(run=run_dir.name, config={})
        raise error

    return train


def steps_told(run):
    return [event.step for event in history(run).steps]
