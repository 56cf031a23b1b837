"""Long prose, one Markdown file a page and language: `assets/lessons/<page>.<language>.md`."""

from functools import cache
from pathlib import Path

LESSONS_DIR = Path(__file__).resolve().parent.parent.parent / "assets" / "lessons"


@cache
def lesson(page: str, language: str) -> str:
    """The prose of a page as Markdown."""
    return (LESSONS_DIR / f"{page}.{language}.md").read_text(encoding="utf-8")
