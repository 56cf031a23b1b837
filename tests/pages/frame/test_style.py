from tools.pages import open_page

"""Words that only CSS can put on Streamlit's own widgets."""


def test_the_uploader_speaks_korean_letters_not_escapes():
    app = open_page("home", locale="ko-KR")
    styles = "".join(element.proto.body for element in app.get("html"))
    assert 'content: "올리기"' in styles
    assert "\\u" not in styles
