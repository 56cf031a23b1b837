"""The techniques page in Streamlit's test harness: its experiments opened, and what they say."""

from streamlit.testing.v1 import AppTest

from tests.pages.seen import fine
from tools.pages import open_page


def opened(technique: str, *sections: str, locale: str = "en-US") -> AppTest:
    """The tab of a technique, with some of its experiments unfolded; the first one always is."""
    app = fine(open_page("techniques", tab=technique, locale=locale))
    return unfolded(app, technique, *sections, locale=locale) if sections else app


def unfolded(app: AppTest, technique: str, *sections: str, locale: str = "en-US") -> AppTest:
    for section in sections:
        app.session_state[f"{technique}_{section}_{locale[:2]}"] = True
    return fine(app.run())


def sentence(app: AppTest, part: str) -> str:
    """The paragraph in which this stands."""
    return next(text.value for text in [*app.markdown, *app.caption] if part in text.value)


def alts(app: AppTest) -> list[str]:
    """Of all charts on the page."""
    return [chart.proto.alt for chart in app.get("plotly_chart")]
