"""The filters page: all filters of a layer, the chosen one, and the lazy tabs below."""

from collections.abc import Mapping

import numpy as np
import streamlit as st
from PIL import Image

from alexnet_viz.charts import inspection as inspection_charts
from alexnet_viz.network import tables
from alexnet_viz.network.spec import kernel_layers
from alexnet_viz.pictures import images, render
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import messages
from pages.ui.choose import models
from pages.ui.filters import search
from pages.ui.filters.view import ORDER, ORDERS, FilterView, choose_filter, enlarged, how_to_draw, pick_filter
from pages.ui.store import networks
from pages.ui.widgets import downloads, show
from pages.ui.widgets.layout import Tabs, pick
from pages.ui.widgets.pixels import map_picker

ENLARGED = 264  # pixels of the enlarged filter

MEASURES: Mapping[str, str] = {
    "norm": N_("Norm"),
    "orientation": N_("Direction of the stripes (degrees)"),
    "frequency": N_("Frequency (cycles per pixel)"),
    "selectivity": N_("Selectivity for the direction"),
    "colour": N_("Share of colour"),
    "mean": N_("Mean of the weights"),
}


def filters(t: Translator, view: FilterView) -> None:
    """All filters of the layer, one of which is chosen by a click."""
    pick_filter(t, view)
    how_to_draw(t, view)
    if not view.model.trained:
        st.warning(t("These weights are random: there is nothing to see in them but noise."))


def chosen(t: Translator, view: FilterView) -> None:
    """The chosen filter, enlarged, and what was measured of it."""
    number, found = view.filter, view.statistics
    st.markdown(f"#### {t('Filter {number} of {layer}', number=number, layer=view.layer)}")
    if view.convolution:
        show.picture(_enlarged(view), t("The chosen filter, enlarged"), width=ENLARGED)
    shape = " x ".join(map(str, view.kernels.shape[1:]))
    lines = [t("{shape} weights, norm {norm:.3g}", shape=shape, norm=found.norm[number])]
    if not np.isnan(angle := found.orientation[number]):
        text = N_("stripes at {angle:.0f} degrees, {frequency:.2f} cycles per pixel")
        lines.append(t(text, angle=angle, frequency=found.frequency[number]))
    if not np.isnan(found.colour[number]):
        lines.append(t("{share:.0%} of it is colour, not grey", share=found.colour[number]))
    if found.dead[number]:
        lines.append(t("dead: hardly any weight"))
    if (twin := int(found.duplicate_of[number])) >= 0:
        lines.append(t("nearly the same as filter {number}", number=twin))
    st.markdown("\n".join(f"- {line}" for line in lines))
    dead, duplicates = int(found.dead.sum()), int((found.duplicate_of >= 0).sum())
    text = N_("{count} filters: {dead} dead, {duplicates} nearly the same as another.")
    st.caption(t(text, count=len(view.kernels), dead=dead, duplicates=duplicates))


def _enlarged(view: FilterView) -> bytes:
    """The chosen filter as it is drawn in the montage, every weight a square."""
    from alexnet_viz.inspection.filters import rgb_tiles

    if view.drawn == "colours":
        return images.encode(enlarged(Image.fromarray(rgb_tiles(view.kernels[[view.filter]])[0]), ENLARGED))
    return render.diverging(view.planes()[view.filter], side=ENLARGED)


def _numbers(t: Translator, view: FilterView) -> None:
    """The exact weights, one input channel at a time."""
    kernel = view.kernels[view.filter]
    name = f"{view.model.entry.id}-{view.layer}-{view.filter}"
    if not view.convolution:
        sheet = render.vector(kernel, float(np.abs(kernel).max(initial=0.0)))
        caption = t("Its {count:,} weights, row by row", count=kernel.size)
        show.picture(sheet.png, t("The unit's weights as a picture"), caption)
        downloads.save(t("Weights (CSV)"), lambda: downloads.grid_csv(kernel), f"{name}.csv", "text/csv")
        return
    picture, table = st.columns([2, 3], gap="medium")
    with picture:
        names = [t("Red"), t("Green"), t("Blue")] if view.rgb else [str(i) for i in range(len(kernel))]
        key = f"numbers_input_{view.layer}_{t.language}"
        at = st.selectbox(t("Input channel"), range(len(kernel)), view.input, format_func=names.__getitem__, key=key)
        plane, limit = kernel[at], float(np.abs(kernel).max())
        label = t("Filter {number}, input channel {channel}", number=view.filter, channel=names[at])
        map_picker(t, label, plane, key=f"numbers_{view.layer}", width=300, limit=limit, digits=".5f")
    with table:
        st.markdown(f"**{t('The exact weights')}**")
        st.dataframe(np.round(plane.astype(np.float64), 5), hide_index=True)
        low, high = float(plane.min()), float(plane.max())
        st.caption(t("From {low:.5f} to {high:.5f}; orange above zero, blue below.", low=low, high=high))
        downloads.save(t("Weights (CSV)"), lambda: downloads.grid_csv(plane), f"{name}-{at}.csv", "text/csv")


def _statistics(t: Translator, view: FilterView) -> None:
    """Two measures against each other; a point opens its filter."""
    possible = {name: title for name, title in MEASURES.items() if not np.isnan(getattr(view.statistics, name)).all()}
    x, y = list(possible)[:2]
    if len(possible) > 2:
        across, up = st.columns(2)
        x = pick(t, t("Across"), possible, key="scatter_x", current="frequency", of=across)
        y = pick(t, t("Up"), possible, key="scatter_y", current="colour" if "colour" in possible else "norm", of=up)
    titles, values = (t(MEASURES[x]), t(MEASURES[y])), (getattr(view.statistics, x), getattr(view.statistics, y))
    groups = [(view.group_title(t, group), members) for group, members in view.groups()]
    event = show.chart(
        inspection_charts.scatter(*values, titles, groups, view.filter),
        t("Every filter as a point: {x} against {y}", x=titles[0], y=titles[1]),
        f"scatter_{view.layer}_{view.model.digest[:8]}",
        on_select="rerun",
        selection_mode="points",
    )
    points = (event or {}).get("selection", {}).get("points", [])
    if points and (picked := int(points[0]["customdata"][0])) != view.filter and _is_news(picked):
        choose_filter(picked)
        st.rerun()
    st.caption(t("Choose a point: the filter opens above. The ring marks the one that is open."))
    rows = _rows(t, view, possible)
    st.dataframe(rows, hide_index=True, height=300, placeholder="")
    name = f"{view.model.entry.id}-{view.layer}"
    with st.container(horizontal=True):
        _, members = max(view.groups(), key=lambda group: len(group[1]))
        sheet = view.montage(members)
        downloads.save(t("Picture (PNG)"), sheet.png, f"{name}-filters.png", "image/png")
        downloads.save(t("Table (CSV)"), tables.as_csv(rows), f"{name}-filters.csv", "text/csv")
        downloads.save(
            t("All weights (NPZ)"), lambda: downloads.npz({view.layer: view.kernels}), f"{name}.npz", "application/zip"
        )


def _is_news(picked: int) -> bool:
    """A selection stays in the chart; it counts once, so that another filter can be chosen elsewhere."""
    news = st.session_state.get("scatter_picked") != picked
    st.session_state["scatter_picked"] = picked
    return news


def _rows(t: Translator, view: FilterView, measures: Mapping[str, str]) -> list[dict]:
    from alexnet_viz.inspection.filters import order

    found = view.statistics
    return [
        {
            t("Filter"): int(i),
            **{t(title): _rounded(getattr(found, name)[i]) for name, title in measures.items()},
            t("Stream"): int(found.group[i]) + 1,
            t("State"): t(_state(view, i)),
        }
        for i in order(found, ORDER.current(ORDERS))
    ]


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _state(view: FilterView, i: int) -> str:
    if view.statistics.dead[i]:
        return N_("dead")
    return N_("duplicate") if view.statistics.duplicate_of[i] >= 0 else ""


def _two(t: Translator, view: FilterView) -> None:
    """The same layer of two networks or checkpoints, in matched colours."""
    from alexnet_viz.inspection.filters import cosine, matched_limit

    second = models.second_model(t, view.chosen)
    with st.skeleton(height=200):
        model = networks.load(second)
    if view.layer not in kernel_layers(model.network.spec):
        st.info(t("That network has no layer {layer}.", layer=view.layer))
        return
    other = FilterView(second, model, view.layer)
    limit = matched_limit(view.kernels, other.kernels) if view.drawn != "norm" else 0.0
    for place, side in zip(st.columns(2, gap="medium"), (view, other), strict=True):
        count = len(side.kernels)
        place.markdown(f"**{messages.escape(side.chosen.title(t))}** · {count}")
        if not side.model.trained:
            place.caption(t("Random weights: there is nothing to see in them but noise."))
        alt = t("{count} filters of {layer}", count=count, layer=view.layer)
        show.picture(side.montage(np.arange(count), limit).png, alt, of=place)
    if limit:
        st.caption(t("The same colours on both sides: the strongest stands for {limit:.4g}.", limit=limit))
    if view.kernels.shape == other.kernels.shape:
        alike = cosine(view.kernels, other.kernels)
        mean, this = float(np.nanmean(alike)), float(alike[view.filter])
        text = N_("Filters of the same number: mean cosine {mean:.3f}; filter {number}: {this:.3f}.")
        st.markdown(t(text, mean=mean, number=view.filter, this=this))


TABS: Tabs = {
    "wants": (N_("What it wants to see"), search.wants),
    "excites": (N_("What excites it"), search.excites),
    "numbers": (N_("Exact weights"), _numbers),
    "measures": (N_("Measured"), _statistics),
    "two": (N_("Two networks"), _two),
}
