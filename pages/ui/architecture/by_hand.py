"""One value of the edited network, worked by hand on the current photo with the weights that are here."""

import streamlit as st

from alexnet_viz.network import arithmetic
from alexnet_viz.network.notation import write_spec
from alexnet_viz.network.zoo import MODELS, preprocess_for
from alexnet_viz.words.i18n import Translator
from pages.ui import lab as lab_state
from pages.ui.architecture import cached
from pages.ui.choose import pictures
from pages.ui.lab import Lab
from pages.ui.store import networks
from pages.ui.widgets.by_hand import at_position


def worked(t: Translator, lab: Lab) -> None:
    """Pick a channel and a position of the selected layer; see its field on the photo and its arithmetic."""
    walked = lab.walked()
    names = [row.name for row in walked.rows]
    name = lab_state.selected_name(lab)
    preprocess = preprocess_for(MODELS[lab.preset], lab.spec)
    if walked.errors or preprocess is None or name not in names:
        st.info(t("This needs a possible network whose input is a square photograph: 1 or 3 channels."))
        return
    arithmetic.check_runnable(walked)
    picture = pictures.current_picture(t)
    with st.skeleton(height=300):
        run = cached.edited_run(networks.model(lab.preset), write_spec(lab.spec), picture)
    st.caption(_whose_weights(t, lab, run))
    channels = walked.rows[names.index(name)].shape[0]
    channel = st.number_input(t("Channel"), 0, channels - 1, 0, key=f"hand_channel_{name}_{channels}")
    at_position(t, run.network, run.outputs, preprocess.from_array(run.array), name, channel)


def _whose_weights(t: Translator, lab: Lab, run: cached.EditedRun) -> str:
    if not run.trained:
        return t("Random weights: these numbers show how it is worked out, not what a trained network sees.")
    if run.random:
        return t("Trained weights; random in the layers that no longer fit: {layers}.", layers=", ".join(run.random))
    return t("Trained weights of {model}.", model=t(MODELS[lab.preset].title))
