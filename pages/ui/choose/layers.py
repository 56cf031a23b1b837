"""The layer that the whole app looks at."""

from collections.abc import Sequence

from alexnet_viz.words.i18n import Translator
from pages.ui import session
from pages.ui.widgets.layout import slide


def layer(t: Translator, names: Sequence[str], *, key: str = "layer", hideable: bool = True) -> str:
    """A layer by its name, from the first to the last; the whole app remembers it.

    A teacher's link may leave the control out, see `session.HIDE`, where it is `hideable`.
    """
    # A slider keeps its value under its key, so the key changes with the network whose layers it shows.
    drawn = not (hideable and session.hidden("layer"))
    return slide(t("Layer"), names, session.LAYER, key=f"{key}_{hash(tuple(names))}", drawn=drawn)
