"""The one error that a person sees.

    UserError         a fact and the way out, shown as one sentence in the reader's language

Anything else that is raised is a bug: logged with its traceback, answered with a short apology, raised under pytest.
"""

from typing import Any

from alexnet_viz.words.i18n import Message


class UserError(Exception):
    """Bad input or a missing file, in words that a person can act on. `message` can be translated.

    Example:
        raise UserError("There is no model named {name}. Models: {known}.", name=name, known=", ".join(MODELS))
    """

    def __init__(self, text: str, /, **values: Any) -> None:
        self.message = Message(text, **values)
        super().__init__(str(self.message))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its parts: made again from the finished sentence, braces in it would be taken for values."""
        return _remade, (self.message.text, self.message.values)


def _remade(text: str, values: dict[str, Any]) -> UserError:
    return UserError(text, **values)
