"""A box that takes a picture from the clipboard, which Streamlit's uploader cannot."""

import base64
import binascii

import streamlit as st

from alexnet_viz.words.i18n import Translator

MAX_SIDE = 2048  # pixels; larger pictures are reduced in the browser

_HTML = '<div class="paste" tabindex="0" role="textbox" aria-readonly="true"></div>'

_CSS = """
.paste {
  border: 1px dashed var(--st-border-color); border-radius: var(--st-base-radius); padding: 1rem; text-align: center;
  color: var(--st-text-color); font: 0.875rem var(--st-font); cursor: copy;
}
.paste:focus-visible { outline: 2px solid var(--st-primary-color); }
"""

# Drawing on a canvas applies the EXIF orientation and leaves nothing but pixels.
_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".paste");
  box.textContent = data.label;
  box.setAttribute("aria-label", data.label);
  const send = async (file) => {
    try {
      const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
      const scale = Math.min(1, data.maxSide / Math.max(picture.width, picture.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(picture.width * scale));
      canvas.height = Math.max(1, Math.round(picture.height * scale));
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      setTriggerValue("picture", canvas.toDataURL("image/png").split(",")[1]);
    } catch {
      box.textContent = data.none;
    }
  };
  box.onpaste = (event) => {
    event.preventDefault();
    const item = [...event.clipboardData.items].find((item) => item.type.startsWith("image/"));
    send(item && item.getAsFile());
  };
}
"""

_component = st.components.v2.component("alexnet_viz_paste_box", html=_HTML, css=_CSS, js=_JS)


def paste_box(t: Translator, *, key: str) -> bytes | None:
    """Draw the box; returns the PNG that was just pasted, once."""
    result = _component(
        key=key,
        data={
            "label": t("Click here, then paste a picture with Ctrl+V"),
            "none": t("The clipboard holds no picture. Copy one first."),
            "maxSide": MAX_SIDE,
        },
        on_picture_change=lambda: None,
    )
    try:
        return base64.b64decode(result.picture, validate=True) if result.picture else None
    except (binascii.Error, ValueError, TypeError):
        return None
