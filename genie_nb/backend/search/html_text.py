"""HTML to text: what a reader would read of a page, with its headings, and nothing that runs or hides. No library.

Above: `reading`, `pages`. Below: nothing.
"""

import re
from html.parser import HTMLParser

__all__ = ("html_text", "html_title")

_SILENT = {"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "head", "nav", "footer", "form"}
_BLOCKS = {
    *("p", "div", "section", "article", "main", "header", "aside", "ul", "ol", "li", "tr", "table", "blockquote", "pre"),
    *("br", "hr", "dd", "dt", "figure", "figcaption", "h1", "h2", "h3", "h4", "h5", "h6"),
}
_CLOSED_BY_OTHERS = {"p", "li", "td", "th", "tr", "dd", "dt", "option", "body", "html"}
_VOID = {"br", "hr", "img", "input", "meta", "link", "source", "wbr", "area", "base", "col", "embed", "track"}
_TITLE = re.compile(r"<title[^>]*>(.{0,2000}?)</title", re.IGNORECASE | re.DOTALL)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self._silent.clear()  # a head need not be closed
        hidden = tag not in _CLOSED_BY_OTHERS and any(name == "hidden" for name, _ in attrs)
        if tag not in _VOID and (self._silent or tag in _SILENT or hidden):
            self._silent.append(tag)
            return
        if tag in _BLOCKS:
            self.said.append("\n\n" if tag not in ("br", "li", "tr") else "\n")
        if re.fullmatch(r"h[1-6]", tag):
            self.said.append(f"{'#' * int(tag[1])} ")
        elif tag == "li":
            self.said.append("- ")
        elif tag in ("td", "th"):
            self.said.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:  # what was left open inside it ends with it
            while self._silent.pop() != tag:
                pass
        elif not self._silent and tag in _BLOCKS:
            self.said.append("\n\n" if tag != "li" else "\n")

    def _say(self, data: str) -> None:
        if not self._silent:
            self.said.append(re.sub(r"\s+", " ", data))

    handle_data = _say  # the parser's name for it


def html_text(html: str) -> str:
    """The words of a page, its headings marked with `#`."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [line.strip() for line in "".join(reader.said).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def html_title(html: str) -> str:
    """The page's title, or nothing."""
    found = _TITLE.search(html)
    return " ".join(html_text(f"<p>{found[1]}").split())[:200] if found else ""
