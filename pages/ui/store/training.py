"""Runs that pages start or go on with, as far as this server allows its visitors to train."""

import streamlit as st

from alexnet_viz.errors import UserError
from alexnet_viz.serving.limits import training_limit
from alexnet_viz.training.config import DATASETS, TrainConfig
from alexnet_viz.training.processes import Processes, queue
from alexnet_viz.training.reading import Overviews
from alexnet_viz.training.runs import History, Run, new_run
from alexnet_viz.training.uploads import uploads
from pages.ui import server, session


@st.cache_resource
def jobs() -> Processes:
    """The training processes that this server started; it holds no visitor's data."""
    return Processes()


@st.cache_resource
def _overviews() -> Overviews:
    """What was read of the runs so far; those of all visitors are listed for all."""
    return Overviews()


def overview(one: Run) -> History:
    """What a run told so far, without its steps; what was read before is not read again."""
    return _overviews().of(one)


def start(config: TrainConfig) -> Run:
    """A new run of this visitor, and its process. Raises `UserError` where the server does not allow it."""
    check(config)
    if pictures(config.data) is None and not server.bound_to_localhost():  # a path: others must not read its files
        raise UserError("{data} is not among the datasets of this server. Choose one of those.", data=config.data)
    made = new_run(config, owner=session.visitor())
    jobs().start(made)
    return made


def resume(one: Run) -> None:
    """Go on with a run. Raises `UserError` where the server does not allow it."""
    check(one.config())
    jobs().resume(one)


def check(config: TrainConfig) -> None:
    """Raise `UserError` for a run that this server does not take from its visitors."""
    training_limit().check(epochs=config.epochs, pictures=pictures(config.data), waiting=len(queue()))


def pictures(data: str) -> int | None:
    """How many pictures there are to learn from, of an uploaded zip all; None for what nobody has counted."""
    if data in DATASETS:
        return DATASETS[data].pictures
    return next((upload.pictures for upload in uploads() if str(upload.path) == data), None)
