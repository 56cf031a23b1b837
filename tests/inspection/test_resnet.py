"""ResNet-18 from a file: found, read safely, and answering as torchvision's own network does."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.inspection import resnet
from tests.inspection.resnet_file import home as home  # a fixture
from tests.inspection.resnet_file import write_random
from tools.catalogue import ROOT


def test_it_is_looked_for_in_the_weights_folder_then_in_the_hubs_cache(home):
    in_home, in_hub = resnet.places()
    assert in_home == home / "home" / "weights" / "resnet18-f37072fd.pth"
    assert in_hub == home / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    assert resnet.find() is None
    for path in (in_hub, in_home):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
        assert resnet.find() == path


def test_it_answers_as_torchvisions_network_and_preprocessing_do(tmp_path):
    from torchvision.models import ResNet18_Weights

    theirs = write_random(tmp_path / resnet.FILE)
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    network = resnet.load(tmp_path / resnet.FILE)
    answer = resnet.classify(network, image)
    with torch.inference_mode():
        expected = theirs(ResNet18_Weights.IMAGENET1K_V1.transforms()(image)[None])[0]
    np.testing.assert_allclose(answer.logits, expected.numpy(), rtol=1e-4, atol=1e-4)
    assert len(answer.classes) == 1000
    assert answer.probabilities.sum() == pytest.approx(1)
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_published_file_is_torchvisions_own():
    from torchvision.models import ResNet18_Weights

    assert ResNet18_Weights.IMAGENET1K_V1.url == resnet.URL
    assert resnet.FILE.removesuffix(".pth").split("-")[1] == "f37072fd"


def test_an_old_file_without_batch_norms_counters_loads(tmp_path):
    network = write_random(tmp_path / resnet.FILE)
    state = {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / resnet.FILE)
    assert not any(tensor.is_meta for tensor in resnet.load(tmp_path / resnet.FILE).state_dict().values())


def test_another_networks_file_is_refused_with_the_way_out(tmp_path):
    torch.save({"fc.weight": torch.zeros(10, 512)}, tmp_path / resnet.FILE)
    with pytest.raises(UserError, match=r"does not hold ResNet-18's weights.*download\.pytorch\.org"):
        resnet.load(tmp_path / resnet.FILE)


def test_a_file_that_is_no_weights_file_is_refused(tmp_path):
    (tmp_path / resnet.FILE).write_bytes(b"<html>not found</html>")
    with pytest.raises(UserError, match="not a weights file"):
        resnet.load(tmp_path / resnet.FILE)


def test_torchvision_waits_until_a_network_is_loaded():
    code = "import sys; import alexnet_viz.inspection.resnet as r; r.find(); print('torchvision' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"
