"""The results that the home page shows, against the paper's section 6."""

from alexnet_viz.paper.milestones import ILSVRC_2012


def test_the_results_are_the_papers():
    assert [result.top5_error for result in ILSVRC_2012] == [26.2, 18.2, 16.4, 15.3]
    assert [result.is_alexnet for result in ILSVRC_2012] == [False, True, True, True]
