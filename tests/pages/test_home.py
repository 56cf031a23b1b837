"""The home page."""

import pytest

from tests.pages.test_classify import open_page


@pytest.mark.parametrize(
    ("locale", "title"), [("en-US", "See how AlexNet works"), ("ko", "AlexNet의 속을 들여다봅시다")]
)
def test_home_opens_in_both_languages(locale, title):
    app = open_page("home", locale=locale)
    assert not app.exception
    assert app.title[0].value == title
    assert len(app.metric) == 4
