"""What several tests need stands in a module of its own, not in one of the tests."""

import re

from tools import ROOT

STILL = {"tests/test_readme.py"}  # takes the order of the modules from tests/test_house.py


def test_nobody_imports_from_a_test():
    files = [path for folder in ("tests", "tools") for path in (ROOT / folder).rglob("*.py")]
    wrong = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if re.search(r"^ *(?:from|import) tests\.(?:\w+\.)*test_", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert wrong <= STILL
