"""The doors, and how many attacks each has to stand."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tools.fuzz.watch import Attack, Maker


@dataclass(frozen=True)
class Door:
    """A module of this package with `attack` and `sound`. It is imported when asked for: some need torch."""

    name: str
    attacks: int  # of `make fuzz`
    sample: int  # of `make test`

    @property
    def _module(self) -> ModuleType:
        return importlib.import_module(f"tools.fuzz.{self.name}")

    @property
    def attack(self) -> Maker:
        return self._module.attack

    def sound(self, given: Path) -> Sequence[Attack]:
        """Input that must be accepted, or nothing is proven by refusing the rest."""
        return self._module.sound(given)


_ENTRIES = (
    Door("images", attacks=20000, sample=300),
    Door("checkpoints", attacks=1560, sample=52),
    Door("archives", attacks=630, sample=28),
    Door("links", attacks=12000, sample=240),
    Door("names", attacks=4200, sample=90),
)

DOORS: Mapping[str, Door] = {door.name: door for door in _ENTRIES}
