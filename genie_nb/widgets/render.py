"""Rendering: Markdown, code and tables to HTML that is safe in any page. Pure.

Citations become buttons after the gate: all that is set in is digits and the id of an element of the page.
Markdown is rendered block by block, in the live view as in the record, so that both say the same.

Above: `blocks`, `nodes`, `record`. Below: `gate`, `cjk_emphasis`, `controls`, `parts`, `printed`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import fence
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.util import ClassNotFound  # type: ignore[import-untyped]

from genie_nb.cjk_emphasis import cjk_friendly
from genie_nb.controls import CONTROLS, symbol_of
from genie_nb.parts import CITATION, TablePart
from genie_nb.printed import runs_of
from genie_nb.widgets.gate import clean

__all__ = ("code_html", "markdown_blocks", "markdown_html", "markdown_tokens", "printed_html", "table_html")

HIGHLIGHT_CHARACTERS = 30_000
"""Longer code is shown without colours: a second of work would be spent on them."""

Citations = Mapping[int, str]
"""The ids of the elements that numbers in brackets lead to."""
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARKED = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_PRIVATE = str.maketrans({_OPEN: "\ufffd", _CLOSE: "\ufffd", "\0": "\ufffd"})

_formatter = HtmlFormatter(nowrap=True)


class _Renderer(RendererHTML):
    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """A remote image is a link that names its host: to look at it is the reader's choice."""
        source = str(tokens[idx].attrs.get("src", ""))
        alt = self.renderInlineAsText(tokens[idx].children or [], options, env)
        host = _host(source)
        if not host:
            return escape(alt or source[:80])
        return f'<a href="{escape(source)}">{escape(alt or "image")} <span class="gnb-host">({escape(host)})</span></a>'

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """A code block in colours."""
        words = tokens[idx].info.split()
        return _code(tokens[idx].content, words[0] if words else "")

    def code_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """An indented code block, which names no language."""
        return _code(tokens[idx].content, "")

    def code_inline(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Code within a line."""
        return f"<code>{_with_controls(escape(tokens[idx].content))}</code>"

    def citation(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Numbers that are cited, marked for `_linked`."""
        return "".join(f"{_OPEN}{number}{_CLOSE}" for number in tokens[idx].meta["numbers"])

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """A wide table scrolls in a box of its own."""
        return '<div class="gnb-wide"><table>'

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """The end of such a table."""
        return "</table></div>"


_markdown = cjk_friendly(MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer))
_markdown.enable(["table", "strikethrough"])
# A line that opens a code block is no row of a table, whatever follows: what streams must not turn out to be another thing.
_markdown.block.ruler.before("table", "fence_before_table", fence, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def _cite(state: StateInline, silent: object) -> bool:
    """The inline rule: numbers in brackets, all of which are sources; what stands around them is no link then."""
    citations: Citations = state.env.get("citations") or {}
    found = CITATION.match(state.src, state.pos) if citations and state.src[state.pos] == "[" else None
    if found is None or state.linkLevel:
        return False
    numbers = [int(number) for number in re.findall(r"\d+", found[1])]
    if not all(number in citations for number in numbers):
        return False
    if not silent:
        state.push("citation", "", 0).meta = {"numbers": numbers}
    state.pos = found.end()
    return True


_markdown.inline.ruler.before("link", "citation", _cite)


def _linked(html: str, citations: Citations) -> str:
    """The safe HTML with its marked numbers as buttons that open their passage, which takes no script."""
    return _MARKED.sub(
        lambda mark: (
            f'<button type="button" class="gnb-cite" popovertarget="{citations[int(mark[1])]}">[{mark[1]}]</button>'
        ),
        html,
    )


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.netloc if parts.scheme in ("http", "https") else ""


def _code(code: str, language: str) -> str:
    inner = escape(code, quote=False)
    if language and len(code) <= HIGHLIGHT_CHARACTERS:
        try:
            lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
        except ClassNotFound:
            return f'<pre class="gnb-code"><code>{_with_controls(inner)}</code></pre>'
        inner = highlight(code, lexer, _formatter)
    return f'<pre class="gnb-code"><code>{_with_controls(inner)}</code></pre>'


def _with_controls(html: str) -> str:
    """The HTML of code, with a symbol for each control character: it reads as it runs."""
    return CONTROLS.sub(lambda found: f'<span class="gnb-control">{symbol_of(found[0])}</span>', html)


def code_html(code: str, language: str) -> str:
    """Code in colours; plain where the language is unknown or the code is very long."""
    return clean(_code(code, language))


def printed_html(text: str) -> str:
    """Printed text (settled) with its colours."""
    pieces = []
    for names, words in runs_of(text):
        look = " ".join(f"gnb-ansi-{name.replace('bright-', '')}" for name in names)
        pieces.append(f'<span class="{look}">{escape(words)}</span>' if look else escape(words))
    return "".join(pieces)


def markdown_tokens(text: str, references: dict[str, Any]) -> list[Token]:
    """The Markdown as blocks of tokens, links not looked into; `references` gets the link definitions it holds."""
    tokens: list[Token] = []
    _markdown.block.parse(text.translate(_PRIVATE), _markdown, {"references": references}, tokens)
    return tokens


def _top_level(tokens: list[Token]) -> Iterator[list[Token]]:
    block: list[Token] = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting != 1:
            yield block
            block = []


def markdown_blocks(text: str, references: dict[str, Any] | None = None, citations: Citations | None = None) -> list[str]:
    """The Markdown's top-level blocks as safe HTML.

    Args:
        text: Markdown; HTML in it is shown as text.
        references: Link definitions that stand elsewhere in the same document; new ones are added.
        citations: Where numbers in brackets lead to; others are text.
    """
    cites = citations or {}
    env: dict[str, Any] = {"references": {} if references is None else references, "citations": cites}
    tokens = _markdown.parse(text.translate(_PRIVATE), env)
    html = (clean(_markdown.renderer.render(block, _markdown.options, env)) for block in _top_level(tokens))
    return [_linked(block, cites) for block in html]


def markdown_html(text: str) -> str:
    """The Markdown as safe HTML."""
    return "".join(markdown_blocks(text))


def table_html(table: TablePart, size: str) -> str:
    """The head of a table; `size` is the line below it."""
    numeric = [dtype.lower().startswith(("int", "uint", "float", "decimal")) for dtype in table.dtypes]
    numeric += [False] * (len(table.columns) - len(numeric))
    types = list(table.dtypes) + [""] * (len(table.columns) - len(table.dtypes))
    head = "".join(
        f'<th{_class(is_number=number)} title="{escape(dtype)}">{escape(name)}</th>'
        for name, dtype, number in zip(table.columns, types, numeric, strict=False)
    )
    rows = "".join(
        "<tr>"
        + "".join(f"<td{_class(is_number=n)}>{escape(cell)}</td>" for cell, n in zip(row, numeric, strict=False))
        + "</tr>"
        for row in table.rows
    )
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return clean(f'<div class="gnb-wide">{body}</div><p class="gnb-muted">{escape(size)}</p>')


def _class(*, is_number: bool) -> str:
    return ' class="gnb-number"' if is_number else ""
