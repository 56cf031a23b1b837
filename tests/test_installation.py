"""What the home page tells about this installation."""

import pytest

from alexnet_viz.installation import extras, installation


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for variable, folder in {"ALEXNET_VIZ_HOME": "home", "TORCH_HOME": "hub", "ALEXNET_VIZ_CIFAR10": "none"}.items():
        monkeypatch.setenv(variable, str(tmp_path / folder))
    return tmp_path / "home"


def test_the_facts_speak_of_this_installation(home):
    (home / "runs").mkdir(parents=True)
    (home / "runs" / "file").write_bytes(bytes(3_000_000))
    facts = {fact.label: fact for fact in installation()}
    assert facts["Own files"].value.values == {"size": 3}
    assert facts["Own files"].hint.values == {"folder": str(home)}
    assert facts["Trained networks"].value.values["count"] >= 2


@pytest.mark.parametrize(
    ("title", "file"),
    [
        ("CIFAR-10", "datasets/cifar10.zip"),
        ("ResNet-18", "weights/resnet18-f37072fd.pth"),
        ("ImageNet weights of torchvision's AlexNet", "weights/alexnet-owt-7be5be79.pth"),
    ],
)
def test_an_extra_is_here_once_its_file_is(home, title, file):
    def here() -> bool:
        return next(extra.is_here for extra in extras() if extra.title == title)

    assert not here()
    (home / file).parent.mkdir(parents=True)
    (home / file).write_bytes(b"x")
    assert here()
