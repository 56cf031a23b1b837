import pytest

from alexnet_viz.words.numbers import gibibytes, mebibytes, percent, short_number, whole_percent


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0.0 %"), (0.0004, "< 0.1 %"), (0.123, "12.3 %"), (0.9995, "> 99.9 %"), (1, "100.0 %")],
)
def test_a_rounded_0_or_100_is_never_shown(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("number", "text"), [(156, "156"), (2_572, "2.57k"), (2_334_080, "2.33M"), (1_813_561_344, "1.81G"), (0, "0")]
)
def test_short_numbers(number, text):
    assert short_number(number) == text


def test_whole_percents_and_bytes():
    assert whole_percent(0.567) == "57 %"
    assert gibibytes(3 * 2**30) == "3.00 GiB"
    assert (mebibytes(10 * 2**20), mebibytes(10 * 2**20 + 1)) == (10.0, 10.1)
