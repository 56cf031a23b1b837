"""What visitors may ask of this server: read from the environment, because whoever hosts it decides.

docs/environment.md describes the variables. The command line has no limits: who can use it could change them. A value
that is none of those allowed raises, so that a misspelt limit is never no limit.
"""

import os
from dataclasses import dataclass

from alexnet_viz.errors import UserError

TRAINING, TRAINING_CAP = "ALEXNET_VIZ_TRAINING", "ALEXNET_VIZ_TRAINING_CAP"
MAX_UPLOAD = "ALEXNET_VIZ_MAX_UPLOAD_MB"
MAX_MODELS = "ALEXNET_VIZ_MAX_UPLOADED_MODELS"

CAP = 200_000  # pictures; four epochs of CIFAR-10, five to ten minutes on two cores
UPLOADED_MODELS = 4  # of visitors, in memory at a time; a quarter of a gigabyte each
MOST_WAITING = 5  # runs in the queue of a capped server; the race on the techniques page queues three


@dataclass(frozen=True)
class TrainingLimit:
    """What the pages may train. `cap` is epochs x pictures of one run; None without a limit."""

    allowed: bool
    cap: int | None

    def most_epochs(self, pictures: int) -> int | None:
        """Epochs of a run on so many pictures, at most; 0 where one would be too much already."""
        return None if self.cap is None else self.cap // max(1, pictures)

    def check(self, *, epochs: int, pictures: int | None, waiting: int) -> None:
        """Raise `UserError` for a run that this server does not take.

        `pictures` is None where nobody has counted them; `waiting` counts the runs in the queue.
        """
        if not self.allowed:
            raise UserError("Training is switched off on this server. It works in an installation of your own.")
        if self.cap is None:
            return
        if pictures is None:
            raise UserError("This server trains on CIFAR-10, on Shapes-10 and on uploaded zips, and on nothing else.")
        if epochs * pictures > self.cap:
            raise UserError(
                "{epochs} epochs of {pictures} pictures are more than this server trains in one run: {cap} in all. "
                "Choose fewer epochs or fewer pictures.",
                epochs=epochs,
                pictures=f"{pictures:,}",
                cap=f"{self.cap:,}",
            )
        if waiting >= MOST_WAITING:
            raise UserError(
                "{count} runs are waiting already, and this server queues no more. Try again when some are over.",
                count=waiting,
            )


def training_limit() -> TrainingLimit:
    """What the environment says about training."""
    choices = {
        "on": TrainingLimit(allowed=True, cap=None),
        "off": TrainingLimit(allowed=False, cap=None),
        "capped": TrainingLimit(allowed=True, cap=_number(TRAINING_CAP) or CAP),
    }
    value = os.environ.get(TRAINING, "").strip() or "on"
    if value not in choices:
        raise UserError(
            "{variable} is {value}; it must be one of: {choices}.",
            variable=TRAINING,
            value=repr(value),
            choices=", ".join(choices),
        )
    return choices[value]


def max_upload_mebibytes() -> int | None:
    """The largest weights file or zip that visitors may upload; None without a limit."""
    return _number(MAX_UPLOAD)


def max_uploaded_models() -> int:
    """Networks from visitors' own files that this server holds at a time."""
    return _number(MAX_MODELS) or UPLOADED_MODELS


def _number(variable: str) -> int | None:
    value = os.environ.get(variable, "").strip()
    if not value:
        return None
    if not value.isdecimal() or not int(value):
        raise UserError(
            "{variable} is {value}; it must be a whole number, 1 or more.", variable=variable, value=repr(value)
        )
    return int(value)
