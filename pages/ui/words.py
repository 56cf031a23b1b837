"""Class names as the pages draw them. A class may be a folder of a stranger's zip, so its name may hold anything."""

from alexnet_viz.i18n import Translator
from alexnet_viz.labels import class_name
from pages.ui import messages


def class_words(class_id: str, t: Translator) -> str:
    """A class name for Markdown: captions, headings, sentences. Tables, selectboxes and `alt` take `class_name`."""
    return messages.escape(class_name(class_id, t.language))


def tick_words(class_id: str, t: Translator) -> str:
    """A class name for Plotly, which takes "<b>" and "&lt;" for HTML."""
    return class_name(class_id, t.language).replace("&", "&amp;").replace("<", "&lt;")
