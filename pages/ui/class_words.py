"""Class names as the pages draw them. A class may be a folder of a stranger's zip, so its name may hold anything."""

from alexnet_viz.words.i18n import LANGUAGES, Translator
from alexnet_viz.words.labels import class_name
from pages.ui import messages


def class_words(class_id: str, t: Translator) -> str:
    """A class name for Markdown: captions, headings, sentences. Tables, selectboxes and `alt` take `class_name`."""
    return messages.escape(class_name(class_id, t.language))


def both_words(class_id: str, t: Translator) -> str:
    """A class name in the reader's language and then in the other one, so that a select box finds it by either."""
    own, other = (class_name(class_id, language) for language in sorted(LANGUAGES, key=lambda one: one != t.language))
    return own if own == other else f"{own} · {other}"


def tick_words(class_id: str, t: Translator) -> str:
    """A class name for Plotly, which takes "<b>" and "&lt;" for HTML."""
    return class_name(class_id, t.language).replace("&", "&amp;").replace("<", "&lt;")
