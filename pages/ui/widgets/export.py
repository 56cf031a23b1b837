"""Taking a network home: three buttons, each of which makes its file only when it is pressed."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import streamlit as st

from alexnet_viz.network import export
from alexnet_viz.network.spec import Spec
from alexnet_viz.words.i18n import N_, Translator
from pages.ui import messages
from pages.ui.store import rules
from pages.ui.widgets import downloads

if TYPE_CHECKING:
    from alexnet_viz.network.weights import Model

# Names of formats, and what each is good for.
BUTTONS: Mapping[str, tuple[str, str]] = {
    "onnx": ("ONNX", N_("The whole network with names and shapes: for Netron, onnxruntime and most other programs.")),
    "safetensors": ("safetensors", N_("The weights and a note about their network. Such a file cannot run code.")),
    "pth": ("PyTorch (.pth)", N_("The weights as torch.save writes them; load_state_dict reads them.")),
}


def export_box(t: Translator, model: "Model", name: str, spec: Spec | None = None) -> None:
    """Save the model, or the network that it was edited to, for other programs. `name` begins the files' names."""
    with messages.shown(t):
        export.check(spec or model.network.spec)
        if spec and (random := export.random_layers(model, spec)):
            st.caption(t("Layers with random weights: {layers}.", layers=", ".join(random)))
        missing = not export.onnx_is_here()
        with st.container(horizontal=True):
            for format_id, (label, use) in BUTTONS.items():
                file_name, off = f"{name}.{format_id}", missing and format_id == "onnx"
                settings = {"help": t(use), "disabled": off, "key": f"export_{format_id}"}
                maker = _maker(model, spec, format_id)
                downloads.save(label, maker, file_name, "application/octet-stream", **settings)
        if missing:
            install = "`pip install -r requirements-onnx.txt`"
            st.caption(t("ONNX needs packages that are not installed here. Get them with: {command}", command=install))


def _maker(model: "Model", spec: Spec | None, format_id: str) -> Callable[[], bytes]:
    """Called by a thread of the server when the button is pressed, so the line is asked for here."""
    line = rules.line()

    def make() -> bytes:
        with line.turn():
            portable = export.of_edited(model, spec) if spec else export.of_model(model)
            return export.write(portable, format_id)

    return make
