"""Plotly figures. Colours and fonts come from the app's theme; numbers are printed, never colour alone."""

from collections.abc import Sequence

import plotly.graph_objects as go

BAR_HEIGHT = 38  # pixels for one bar and its gap

# Okabe and Ito's palette, told apart by colour-blind readers: the answer, and everything else.
STRONG, MUTED = "#0072b2", "#9fb6c3"


def probability_bars(names: Sequence[str], probabilities: Sequence[float]) -> go.Figure:
    """Horizontal bars, most probable first, with the percentage beside each; the first bar stands out."""
    figure = go.Figure(
        go.Bar(
            x=list(probabilities),
            y=list(range(len(names))),
            orientation="h",
            marker_color=[STRONG, *[MUTED] * (len(names) - 1)],
            text=[percent(p) for p in probabilities],
            textposition="outside",
            cliponaxis=False,
            hovertext=[f"{name}: {p:.4%}" for name, p in zip(names, probabilities, strict=True)],
            hoverinfo="text",
        )
    )
    figure.update_layout(
        height=BAR_HEIGHT * len(names) + 24,
        margin={"l": 0, "r": 56, "t": 4, "b": 4},
        bargap=0.35,
        dragmode=False,
    )
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[f"{name}  " for name in names],
        autorange="reversed",
        automargin=True,
        fixedrange=True,
        tickfont_size=15,
    )
    return figure


def percent(share: float) -> str:
    """A probability as people read it: one decimal, and never a rounded 0 or 100 that is not exact."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{share:.1%}".replace("%", " %")
