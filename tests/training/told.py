"""Events as runs tell them, for tests of those who read them."""

from alexnet_viz.training.events import EpochDone, StepDone


def step(number: int) -> StepDone:
    return StepDone(step=number, epoch=1, loss=1.0, accuracy=0.5, lr=0.1, images_per_second=9.0, seconds=1.0)


def epoch(number: int, at: int, accuracy: float | None = None) -> EpochDone:
    return EpochDone(
        **{"epoch": number, "step": at, "train_loss": 1.5, "train_accuracy": 0.5, "val_loss": accuracy},
        **{"val_accuracy": accuracy, "lr": 0.1, "images_per_second": 9.0, "seconds": 1.0},
    )
