"""What is run by hand and not by users: measuring, breaking, picturing, translating."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
