"""What a server lets its visitors do, by its environment."""

import inspect

import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.serving.limits import CAP, MOST_WAITING, max_upload_mebibytes, max_uploaded_models, training_limit
from alexnet_viz.training.config import DATASETS
from alexnet_viz.training.shapes import shapes10


@pytest.fixture(autouse=True)
def no_limits(monkeypatch):
    for name in ("TRAINING", "TRAINING_CAP", "MAX_UPLOAD_MB"):
        monkeypatch.delenv(f"ALEXNET_VIZ_{name}", raising=False)


@pytest.mark.parametrize("value", ["", " on ", "on"])
def test_without_a_word_everything_is_allowed(value, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING", value)
    training_limit().check(epochs=1000, pictures=10**9, waiting=1000)
    training_limit().check(epochs=1, pictures=None, waiting=0)
    assert training_limit().most_epochs(50_000) is None
    assert max_upload_mebibytes() is None
    assert max_uploaded_models() == 4


@pytest.mark.parametrize("value", ["no", "OFF", "0", "cap"])
def test_a_misspelt_limit_is_no_free_pass(value, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING", value)
    with pytest.raises(UserError, match="on, off, capped"):
        training_limit()


@pytest.mark.parametrize("value", ["0", "-5", "many", "1.5", "1e3"])
@pytest.mark.parametrize("name", ["TRAINING_CAP", "MAX_UPLOAD_MB", "MAX_UPLOADED_MODELS"])
def test_a_misspelt_number_is_none_either(name, value, monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING", "capped")
    monkeypatch.setenv(f"ALEXNET_VIZ_{name}", value)
    with pytest.raises(UserError, match=name):
        training_limit(), max_upload_mebibytes(), max_uploaded_models()


def test_off_takes_nothing(monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING", "off")
    with pytest.raises(UserError, match="switched off"):
        training_limit().check(epochs=1, pictures=1, waiting=0)


def test_a_cap_is_epochs_times_pictures(monkeypatch):
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING", "capped")
    assert training_limit().most_epochs(50_000) == 4
    assert training_limit().most_epochs(CAP + 1) == 0
    training_limit().check(epochs=4, pictures=50_000, waiting=MOST_WAITING - 1)
    with pytest.raises(UserError, match=r"5 epochs of 50,000 pictures are more .* 200,000 in all"):
        training_limit().check(epochs=5, pictures=50_000, waiting=0)
    monkeypatch.setenv("ALEXNET_VIZ_TRAINING_CAP", "250000")
    training_limit().check(epochs=5, pictures=50_000, waiting=0)
    with pytest.raises(UserError, match="nothing else"):
        training_limit().check(epochs=1, pictures=None, waiting=0)
    with pytest.raises(UserError, match="5 runs are waiting"):
        training_limit().check(epochs=1, pictures=1, waiting=5)


def test_shapes_are_as_many_as_the_cap_counts():
    assert inspect.signature(shapes10).parameters["train"].default == DATASETS["shapes"].pictures
