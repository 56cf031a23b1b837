"""Projector mode through Streamlit's own test harness; what it looks like is in tests/browser/test_people.py."""

import pytest

from tools.pages import open_page


def switch(app):
    return app.sidebar.toggle(key="projector_switch")


def large_type(app) -> bool:
    return any("--projector-type" in str(element.proto) for element in app.get("html"))


@pytest.mark.parametrize(("query", "on"), [({}, False), ({"screen": "projector"}, True), ({"screen": "cinema"}, False)])
def test_a_link_decides_from_page_to_page(query, on):
    app = open_page("compare", **query)
    for page in ("compare", "architecture"):
        app = app.switch_page(f"pages/{page}.py").run()
        assert not app.exception
        assert switch(app).value is on
        assert large_type(app) is on


def test_the_switch_writes_the_link_and_takes_it_back():
    app = open_page("compare")
    app = switch(app).set_value(True).run()
    assert app.query_params["screen"] == "projector"
    assert large_type(app)
    app = switch(app).set_value(False).run()
    assert "screen" not in app.query_params
    assert not large_type(app)
