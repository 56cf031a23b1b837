"""The techniques page: every tab with all its experiments and its lesson."""

import pytest

from alexnet_viz.words import lessons
from alexnet_viz.words.i18n import translator
from pages.ui.techniques.tabs import TABS, experiments
from tests.pages.experiments import alts, opened, unfolded

# How many charts and tables there are when all experiments are open.
DRAWN = {
    "relu": (10, 1),
    "dropout": (2, 3),
    "lrn": (2, 2),
    "augmentation": (2, 1),
    "pooling": (1, 1),
    "gpus": (3, 3),
    "paper": (0, 2),
}


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
@pytest.mark.parametrize("technique", TABS)
def test_every_experiment_opens_under_its_heading(technique, locale):
    sections, label = experiments()[technique], translator(locale[:2])("Open the experiment")
    app = opened(technique, locale=locale)
    assert not [box for box in app.expander if box.children and box.label == label], "closed ones compute nothing"
    app = unfolded(app, technique, *sections, locale=locale)
    anchors = [heading.proto.anchor for heading in app.subheader]
    assert anchors[: len(sections)] == [f"{technique}-{section}" for section in sections]
    assert lessons.lesson(f"techniques-{technique}", locale[:2]).strip() in [text.value for text in app.markdown]
    assert (len(alts(app)), len(app.dataframe) + len(app.table)) == DRAWN[technique]
    boxes = [box for box in app.expander if box.label == label]
    assert [bool(box.children) for box in boxes] == [True] * (len(sections) - 1)
