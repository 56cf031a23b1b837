"""The filters page through Streamlit's own test harness."""

import re
from functools import partial

import pytest

from pages.ui.filters import tabs as filters_tabs
from tests.pages.seen import box, button, captions, fine, open_well, said

open_filters = partial(open_well, "filters")


def test_it_opens_with_the_first_layers_filters_as_colours():
    app = open_filters()
    assert app.title[0].value == "What do the filters look for?"
    assert "Filter 0 of conv1" in said(app)
    assert "3 x 11 x 11 weights" in said(app)
    assert box(app, "Drawn").value == "colours"


@pytest.mark.parametrize("tab", filters_tabs.TABS)
@pytest.mark.parametrize("layer", ["conv1", "conv4", "fc6"])
def test_every_tab_opens_on_every_kind_of_layer(tab, layer):
    app = open_filters(tab=tab, layer=layer, channel="5")
    assert f"Filter 5 of {layer}" in said(app)


@pytest.mark.parametrize(
    ("query", "blocks", "filters"), [({"model": "alexnet_2012"}, 2, 96), ({"group": "orientation"}, 5, 64)]
)
def test_each_group_is_a_block_and_counts_its_filters_once(query, blocks, filters):
    counts = re.findall(r"^\*\*.+\*\* · (\d+)$", said(open_filters(**query)), re.MULTILINE)
    assert len(counts) == blocks
    assert sum(map(int, counts)) == filters
    assert blocks > 2 or counts == ["48", "48"], "one block for each stream"


def test_one_input_channel_of_a_deeper_layer_and_a_wrong_number():
    for asked, shown in (("63", 63), ("64", 0)):
        assert open_filters(layer="conv2", draw="input", input=asked).number_input[0].value == shown


def test_colours_are_offered_only_where_there_are_red_green_and_blue():
    app = open_filters(layer="conv2", draw="colours")
    drawn = box(app, "Drawn")
    assert drawn.value == "norm"
    assert len(drawn.options) == 2


def test_the_picture_that_a_unit_wants_is_made_on_a_click(monkeypatch):
    from alexnet_viz.inspection import maximisation

    maximise = maximisation.maximise

    def quickly(*given, settings, **named):
        few = maximisation.Settings(steps=8, seed=settings.seed)
        return maximise(*given, settings=few, **named)

    monkeypatch.setattr(maximisation, "maximise", quickly)
    app = open_filters(model="alexnet_cifar", layer="conv2", tab="wants")
    app = fine(button(app, "Make the picture").click().run())
    assert any(caption.startswith("After 8 steps") for caption in captions(app))


def test_the_patches_that_excite_a_filter_are_found_among_the_samples():
    app = open_filters(model="alexnet_cifar", layer="conv3", tab="excites", channel="7")
    next(button for button in app.button if button.label.startswith("Search")).click()
    app = fine(app.run())
    assert sum(": " in caption for caption in captions(app)) == 9


def test_two_checkpoints_of_the_same_shape_are_correlated():
    app = open_filters(model="alexnet_2012", tab="two")
    app = box(app, "Compare with").set_value("alexnet_single").run()
    assert "mean cosine" in said(app)
