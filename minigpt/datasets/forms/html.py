"""The text of a page of the web: no tags, no scripts, a line for each block."""

import re
from html.parser import HTMLParser

_SILENT = {"script", "style", "template", "noscript", "svg", "head"}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt"),
    *("figure", "figcaption", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table"),
    *("tbody", "thead", "tr", "ul"),
}


def html_text(page: str) -> str:
    r"""Return what a reader sees of a page.

    >>> html_text("<p>One &amp; <b>two</b></p><script>no</script><p>three")
    'One & two\n\nthree\n'

    Args:
        page: HTML, whole or in part.
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", "".join(reader.pieces))
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return text + "\n" if text else ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = ""
        self._as_it_stands = 0

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        if not self._silent and tag in _SILENT:
            self._silent = tag
        # A head that nobody closes ends where the body begins.
        if self._silent == "head" and tag == "body":
            self._silent = ""
        self._as_it_stands += tag == "pre"
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""
        self._as_it_stands = max(0, self._as_it_stands - (tag == "pre"))
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self.pieces.append(data if self._as_it_stands else re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        if self._silent:
            return
        if tag in ("td", "th"):
            self.pieces.append("\t")
        elif tag in _BLOCKS:
            self.pieces.append("\n" if tag in ("br", "li", "tr") else "\n\n")
