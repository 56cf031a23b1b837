"""Every network of the table on each page that looks at one."""

import pytest

from alexnet_viz.network.sources import find_weights
from alexnet_viz.network.spec import kernel_layers, layer_names, walk
from alexnet_viz.network.zoo import LISTED, MODELS
from tests.pages.seen import open_well, said


@pytest.mark.parametrize("model_id", LISTED)
def test_every_page_shows_every_network(model_id):
    entry = MODELS[model_id]
    random = [warning for warning in open_well("classify", model=model_id).warning if "random" in warning.value]
    assert bool(random) == (not find_weights(entry).trained)
    last = layer_names(entry.spec.layers)[-1]
    (slider,) = open_well("feature_maps", model=model_id, layer=last).select_slider
    assert slider.value == last
    last = kernel_layers(entry.spec)[-1]
    assert f"Filter 0 of {last}" in said(open_well("filters", model=model_id, layer=last))
    open_well("attribution", model=model_id)
    assert open_well("architecture", preset=model_id).metric[0].value == f"{walk(entry.spec).params:,}"
