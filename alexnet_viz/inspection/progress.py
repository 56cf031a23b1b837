"""How far a long computation is, as those of this wing yield it before their result."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a long computation has come."""

    done: int
    of: int
