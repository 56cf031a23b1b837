"""The work that makes a map, step by step."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from alexnet_viz.words.i18n import Translator
from pages.ui.attribution.choose import method_titles
from pages.ui.attribution.request import MapRequest
from pages.ui.long_work import LongWork
from pages.ui.store import networks


def map_key(request: MapRequest) -> tuple:
    """Names a map in the store of results."""
    model, picture = request.model.digest, request.picture.digest
    return ("explain", model, picture, request.class_id, request.method, request.layer_used, request.settings)


def map_work(t: Translator, request: MapRequest) -> LongWork:
    """The work whose result is the `Attribution`."""
    title = t(method_titles()[request.method])
    return LongWork(map_key(request), t("Compute {method}", method=title), partial(_map_steps, request))


def _map_steps(request: MapRequest) -> Iterator[Any]:
    from alexnet_viz.inspection.attribution.attribute import attribute_steps

    return attribute_steps(
        request.model,
        networks.input_array(request.model, request.picture),
        request.method,
        layer=request.layer_used,
        target=request.class_id,
        settings=dict(request.settings),
    )
