"""The experiments with pooling answer their controls."""

from pages.ui.techniques import pooling as technique_pooling
from tests.pages.experiments import alts, opened
from tests.pages.seen import captions, fine, said


def at_layer(app, section: str, layer: str):
    return fine(app.segmented_control(key=f"{section}_layer_en").set_value(layer).run())


def test_it_opens_with_one_map_pooled_three_ways_whose_sizes_and_shares_are_alexnets():
    app = opened("pooling")
    assert sum(caption.startswith("55 x 55") for caption in captions(app)) == 3
    assert len(app.latex) == 3
    assert not alts(app), "closed experiments compute nothing"
    assert said(app).count("55 x 55 becomes 27 x 27") == 3
    assert "In more than one window: 72.2 % of the values. In none, at the edge: 0." in said(app)
    assert said(app).count("In more than one window: 0.0 % of the values. In none, at the edge: 109.") == 2
    assert said(at_layer(app, "windows", "relu5")).count("13 x 13 becomes 6 x 6") == 3


def test_another_position_shows_another_window_and_the_nearest_where_smaller_maps_lack_it():
    app = opened("pooling")
    before = [formula.value for formula in app.latex]
    app.session_state["pooling_at"] = (0, 0)
    after = [formula.value for formula in app.run().latex]
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert [formula.count(r"\boxed") for formula in after] == [1, 1, 0]
    assert [formula.count(r"\\") for formula in after] == [2, 1, 1]
    app.session_state["pooling_at"] = (26, 26)
    assert len(at_layer(app.run(), "windows", "relu5").latex) == 3


def test_windows_that_overlap_change_less_when_the_map_moves():
    app = opened("pooling", "shift")
    for layer in technique_pooling.LAYERS:
        app = at_layer(app, "shift", layer)
        shares = [float(part.rsplit(": ", 1)[1].split(" %")[0]) for part in alts(app)[0].split("; ")]
        overlapping, apart, _, unpooled = shares
        assert overlapping < apart < unpooled, layer


def test_only_windows_that_overlap_share_their_winners():
    app = opened("pooling", "wins")
    table = app.dataframe[0].value
    assert table.shape == (4, 6)
    shares = table["winner shared with a neighbour"].tolist()
    assert [share == "0.0 %" for share in shares] == [False, True, False, True]
    assert table["Windows"].tolist() == [27 * 27, 27 * 27, 64 * 27 * 27, 64 * 27 * 27]
    other = at_layer(app, "wins", "relu2").dataframe[0].value
    assert other["Values that get through"].tolist() != table["Values that get through"].tolist()
