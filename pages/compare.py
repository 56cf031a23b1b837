"""Networks side by side: what changed from LeNet-5 to ResNet-18."""

import streamlit as st

from alexnet_viz import lessons, plots_compare
from alexnet_viz.i18n import N_
from alexnet_viz.network.comparison import comparison, csv_table, headline, markdown_table, notes, table
from alexnet_viz.plots import percent
from pages.ui import pickers
from pages.ui.frame import start_page

TABS = {
    "shares": N_("Where parameters and work live"),
    "work": N_("Parameters against work"),
    "story": N_("What changed, and why"),
    "notes": N_("How it was counted"),
}
ROW_HEIGHT = 28  # pixels: all of the table is on the first screen
REUSE = (1, 10, 100)
FIXED = {"displayModeBar": False}

t = start_page()
st.title(t("What changed from LeNet to today?"), anchor=False)
rows = comparison()
names = [t(row.name) for row in rows]
st.markdown(t(headline(rows)))
st.dataframe(
    table(rows, t),
    column_config={"": st.column_config.TextColumn(pinned=True)}
    | {name: st.column_config.TextColumn(help=t(row.title)) for name, row in zip(names, rows, strict=True)},
    hide_index=True,
    height="content",
    row_height=ROW_HEIGHT,
)
files = [
    (t("CSV"), csv_table(rows), "alexnet-comparison.csv", "text/csv"),
    (t("Markdown"), markdown_table(rows, t), "alexnet-comparison.md", "text/markdown"),
]
with st.container(horizontal=True):
    for label, text, file, mime in files:
        st.download_button(label, text, file, mime, on_click="ignore", icon=":material/download:")

tabs = pickers.tabs(t, "compare_tabs", TABS)
if tabs["shares"].open:
    with tabs["shares"]:
        st.markdown(t("A convolution uses each weight at every place, a fully connected layer uses it once."))
        st.plotly_chart(
            plots_compare.share_bars(
                names,
                {
                    t("Parameters"): [(row.conv_params, row.fc_params, row.params) for row in rows],
                    t("MACs for one image"): [(row.conv_macs, row.fc_macs, row.macs) for row in rows],
                },
                t("convolutions"),
                t("fully connected layers"),
            ),
            config=FIXED,
            key="share_bars",
            alt=t("Share of the convolutions, for each network:")
            + " "
            + "; ".join(
                t(
                    "{name}: {params} of the parameters, {macs} of the MACs",
                    name=t(row.name),
                    params=percent(row.conv_params / row.params),
                    macs=percent(row.conv_macs / row.macs),
                )
                for row in rows
            ),
        )
if tabs["work"].open:
    with tabs["work"]:
        st.markdown(t("Each grid line is ten times the one before. Dotted: each parameter is used 1, 10 or 100 times."))
        st.plotly_chart(
            plots_compare.work_scatter(
                names,
                [row.params for row in rows],
                [row.macs for row in rows],
                t("Parameters"),
                t("MACs for one image"),
                REUSE,
            ),
            config=FIXED,
            key="work_scatter",
            alt="; ".join(
                t("{name}: {params:,} parameters, {macs:,} MACs", name=t(row.name), params=row.params, macs=row.macs)
                for row in rows
            ),
        )
if tabs["story"].open:
    tabs["story"].markdown(lessons.lesson("compare", t.language))
if tabs["notes"].open:
    with tabs["notes"]:
        st.markdown(t("A MAC is one multiplication and one addition; biases are not counted. 1 MAC = 2 FLOPs."))
        st.markdown("\n".join(f"- **{t(row.name)}**: {t(text)}" for row, text in notes(rows)))
        sources = [f"- **{t(row.name)}**: {row.history.source}" for row in rows if row.history]
        st.markdown(t("How a network was trained is what its paper says:") + "\n" + "\n".join(sources))
