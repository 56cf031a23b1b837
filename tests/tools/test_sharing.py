"""What several tests need stands in a module of its own, not in one of the tests; what tools need too, in tools."""

import re

import pytest

from tools import ROOT

STILL = {"tests/test_readme.py"}  # takes the order of the modules from tests/test_house.py


@pytest.mark.parametrize(("folder", "never"), [("tests", r"tests\.(?:\w+\.)*test_"), ("tools", r"tests\b")])
def test_nobody_imports_from_a_test(folder, never):
    wrong = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*.py")
        if re.search(rf"^ *(?:from|import) {never}", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert wrong <= STILL
