"""Answers as bars: the best classes of one, and the same classes of two."""

from collections.abc import Sequence

import numpy as np

from alexnet_viz.charts import base as charts
from alexnet_viz.charts import inspection as inspection_charts
from alexnet_viz.words.i18n import Translator
from alexnet_viz.words.labels import class_name
from alexnet_viz.words.numbers import percent
from pages.ui import session
from pages.ui.messages import tick_words
from pages.ui.widgets import show

LEAST = 0.001  # probability of a class that is worth showing: with 200 classes most have less


def best(t: Translator, top: Sequence[tuple[str, float]], key: str) -> None:
    """The most probable classes, (class id, probability), best first, without the next to impossible ones."""
    top = [item for i, item in enumerate(top) if not i or item[1] >= LEAST]
    ticks, shares = [tick_words(class_id, t) for class_id, _ in top], [share for _, share in top]
    alt = ", ".join(f"{class_name(class_id, t.language)} {percent(share)}" for class_id, share in top)
    show.chart(charts.probability_bars(ticks, shares, zoom=session.zoom()), alt, key)


def contested(before: np.ndarray, after: np.ndarray, count: int, *others: int) -> list[int]:
    """Class indices worth showing of two answers: the first one's best `count`, others, the second one's best."""
    return list(dict.fromkeys([*map(int, before.argsort()[::-1][:count]), *others, int(after.argmax())]))


def before_and_after(
    t: Translator,
    classes: Sequence[str],
    before: np.ndarray,
    after: np.ndarray,
    shown: Sequence[int],
    titles: tuple[str, str],
    key: str,
) -> None:
    """Probabilities, (classes,), of the `shown` class indices, twice."""
    ticks = [tick_words(classes[i], t) for i in shown]
    said = [f"{class_name(classes[i], t.language)}: {before[i]:.0%}, {after[i]:.0%}" for i in shown]
    show.chart(inspection_charts.before_and_after(ticks, before[shown], after[shown], titles), "; ".join(said), key)
