"""Numbers as people read them."""

from math import ceil


def percent(share: float) -> str:
    """A probability as people read it: one decimal, and never a rounded 0 or 100 that is not exact."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{share:.1%}".replace("%", " %")


def whole_percent(share: float) -> str:
    """A share known to a percent or worse."""
    return f"{share:.0%}".replace("%", " %")


def short_number(number: int) -> str:
    """A count in three figures: 2.33M, 58.6M, 1.81G, 156."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def mebibytes(size: int) -> float:
    """Bytes in MiB, rounded up to a tenth: one byte too many must not read "10.0 of 10.0"."""
    return ceil(size * 10 / 2**20) / 10


def gibibytes(size: int) -> str:
    """Bytes as "1.60 GiB"."""
    return f"{size / 2**30:.2f} GiB"
