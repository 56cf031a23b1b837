"""What Streamlit says and does that no setting reaches: its English words, Korean line breaks, faint captions, and what
its menu, its code and its small charts are to a keyboard and to a screen reader."""

import json

import streamlit as st

from alexnet_viz.pictures.images import MAX_BYTES
from alexnet_viz.words.i18n import Translator
from pages.ui import server

# Captions at Streamlit's opacity of 60 % fall short of the contrast of 4.5 that WCAG asks for. The group of
# highlighted points in a metric's chart calls itself a picture without a name, and is empty until the mouse is there.
# White words on the dark theme's light blue would not be read, nor Streamlit's one palette for code in both themes.
_EVERYWHERE = """
<style>
[data-testid="stCaptionContainer"] { opacity: 0.78; }
[data-testid="stBaseButton-primary"], [data-testid="stMultiSelect"] span:has(> span[title]) {
  color: light-dark(#fff, #0f171c);
}
[data-testid="stCode"] .token:is(.keyword, .function, .class-name, .builtin) { color: light-dark(#0b5cad, #5aaef7); }
[data-testid="stCode"] .token:is(.string, .triple-quoted-string) { color: light-dark(#0a7a2e, #3dd56d); }
[data-testid="stCode"] .token:is(.number, .boolean) { color: light-dark(#00697f, #4fd1e0); }
[data-testid="stCode"] .token:is(.operator, .decorator) { color: light-dark(#a34a00, #ffb066); }
[data-testid="stCode"] .token:is(.comment, .punctuation) { color: light-dark(#5a636b, #a3acb3); }
[data-testid="stMarkdownContainer"]:has(table) { overflow-x: auto; }
.katex-display { padding-block: 0.3em; }
[data-testid="stMetricChart"] g[role="graphics-symbol"]:empty { display: none; }
</style>
"""

_KOREAN = """
<style>
[data-testid="stMarkdownContainer"] :is(p, li, td), h1, h2, h3 {{ word-break: keep-all; overflow-wrap: break-word; }}
[data-testid="stFileUploaderDropzone"] button p,
[data-testid="stFileUploaderDropzoneInstructions"] span {{ font-size: 0; }}
[data-testid="stFileUploaderDropzone"] button p::after {{ content: {upload}; font-size: 1rem; }}
[data-testid="stFileUploaderDropzoneInstructions"] span::after {{ content: {limit}; font-size: 0.875rem; }}
[class*="st-key-upload_"] [data-testid="stFileUploaderDropzoneInstructions"] span::after {{ content: {pictures}; }}
</style>
"""

# Streamlit puts the items of a menu's section into a div inside of its list, so a screen reader finds items without a
# list; and code, formulas and tables that are too large scroll, but not by keyboard. All are drawn anew at any time,
# and formulas grow when their fonts arrive. Formulas and tables scroll sideways only.
_MEND = """
export default function () {
  const scrolling = "[data-testid='stCode'] pre, .katex-display, [data-testid='stMarkdownContainer']:has(table)";
  const mend = () => {
    for (const section of document.querySelectorAll("[data-testid='stSidebarNavItems'] > div:not([role])")) {
      section.setAttribute("role", "list");
      section.parentElement.setAttribute("role", "presentation");
    }
    for (const box of document.querySelectorAll(scrolling)) {
      const tall = box.matches("pre") && box.scrollHeight > box.clientHeight;
      if (tall || box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    }
  };
  const observer = new MutationObserver(mend);
  observer.observe(document.querySelector("[data-testid='stApp']"), { childList: true, subtree: true });
  document.fonts.addEventListener("loadingdone", mend);
  mend();
  return () => {
    observer.disconnect();
    document.fonts.removeEventListener("loadingdone", mend);
  };
}
"""

_mend = st.components.v2.component("alexnet_viz_mend", js=_MEND)


def style(t: Translator) -> None:
    """Once a run, before the page."""
    st.html(_EVERYWHERE)
    with st.sidebar:
        _mend(key="mend")
    if t.language == "ko":
        words = {
            "upload": t("Upload"),
            "limit": t("up to {limit} MB", limit=server.upload_mebibytes()),
            "pictures": t("JPEG, PNG, HEIC, WebP, ... up to {limit} MB", limit=MAX_BYTES // 2**20),
        }
        # CSS strings are quoted as JSON's are, but know no \uXXXX.
        st.html(_KOREAN.format(**{name: json.dumps(word, ensure_ascii=False) for name, word in words.items()}))
