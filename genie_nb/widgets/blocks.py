"""Blocks: a Markdown text that streams, cut into blocks that are rendered once. Pure.

Only the last block of a text can still change. It is rendered again while that is cheap; past that, and always inside an
open code block, its words are appended plain and rendered when the block closes. A finished text ends exactly as
`render.markdown_blocks` of the whole.

Above: `patches`. Below: `render`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markdown_it.token import Token

from genie_nb.widgets.render import markdown_blocks, markdown_tokens

__all__ = ("Block", "TextFlow")

CHEAP_CHARACTERS = 1_200
"""Up to this length the open block is rendered again with every look at it: under 3 ms."""
GROWTH = 1.3
"""A longer open block is rendered again when it has grown by this factor: in all that costs a few times its length."""

_BOUNDARY = re.compile(r"^ {0,3}(?:$|```|~~~|#{1,6} )", re.MULTILINE)
_BLANK_END = re.compile(r"\n[ \t]*\n\Z")
_ENDED_BY_BLANK = ("paragraph_open", "heading_open", "hr", "fence", "table_open", "blockquote_open")
# A last line that may yet become a heading's underline, a bullet, a fence: shown when more of it is there.
_UNDECIDED = re.compile(r"(?=.)[ >]*(?:[-=+*_~`#|:][-=+*_~`#|: ]*|\d{1,9}[.)]? ?)?")


@dataclass(frozen=True)
class Block:
    """One block: safe HTML, or the plain words of an open code block, and plain words after it; open while it may change."""

    index: int
    html: str = ""
    code: str | None = None
    tail: str = ""
    open: bool = False


class TextFlow:
    """A text on its way: `feed` it, `finish` it, and take the blocks that changed."""

    def __init__(self, citations: Mapping[int, str] | None = None) -> None:
        """`citations`: where numbers in brackets lead to."""
        self._citations = citations
        self._told: list[str] = []
        self._references: dict[str, Any] = {}
        self._closed = 0
        self._open = ""
        self._carry = ""
        self._looked = 0
        self._html = ""
        self._rendered = 0
        self._fence: re.Pattern[str] | None = None
        self._fence_body = 0

    def feed(self, words: str) -> None:
        """Take the next words."""
        self._told.append(words)
        words = self._carry + words
        self._carry = "\r" if words.endswith("\r") else ""
        self._open += words.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")

    def changed(self) -> Iterator[Block]:
        """Look at what has come.

        Yields:
            The blocks that are new or different, in order; the last one is open.
        """
        lines_end = self._open.rfind("\n") + 1
        if lines_end > self._looked:
            if self._fence:
                yield from self._close_fence(lines_end)
                lines_end = self._open.rfind("\n") + 1
            if not self._fence and self._worth_a_look(lines_end):
                yield from self._close_all_but_last(lines_end)
            self._looked = self._open.rfind("\n") + 1
        if self._open.strip():
            yield self._open_block()

    def finish(self, text: str) -> Iterator[Block]:
        """End the text.

        Args:
            text: All of it; overrules what was fed.

        Yields:
            The blocks that are new or different, closed.
        """
        if "".join(self._told) == text:
            rest = self._rendered_blocks(self._open + self._carry, self._references)
            self._open = self._carry = ""
            if not self._references:
                yield from self._close(rest)
                return
        # A link's definition may stand after its use, and an overruled text may differ anywhere.
        self._closed = 0
        yield from self._close(self._rendered_blocks(text, {}))

    @property
    def count(self) -> int:
        """How many blocks are closed."""
        return self._closed

    def _rendered_blocks(self, text: str, references: dict[str, Any]) -> list[str]:
        return markdown_blocks(text, references, self._citations)

    def _close(self, blocks: list[str]) -> Iterator[Block]:
        for html in blocks:
            yield Block(self._closed, html)
            self._closed += 1
        self._html, self._rendered = "", 0

    def _worth_a_look(self, lines_end: int) -> bool:
        if lines_end <= CHEAP_CHARACTERS:
            return True
        grown = lines_end - self._looked
        return grown * 20 > lines_end and _BOUNDARY.search(self._open, self._looked, lines_end) is not None

    def _close_all_but_last(self, lines_end: int) -> Iterator[Block]:
        tokens = markdown_tokens(self._open[:lines_end], dict(self._references))
        tops = [token for token in tokens if token.level == 0 and token.nesting != -1 and token.map]
        if not tops:
            return
        last = tops[-1]
        open_fence = last.type == "fence" and not _is_closed(last)
        if last.type in _ENDED_BY_BLANK and not open_fence and _BLANK_END.search(self._open, 0, lines_end):
            cut = lines_end
        else:
            cut = _line_start(self._open, last.map[0] if last.map else 0)
        if cut:
            yield from self._close(self._rendered_blocks(self._open[:cut], self._references))
            self._open = self._open[cut:]
        if open_fence:
            mark = f"{re.escape(last.markup[0])}{{{len(last.markup)},}}"
            self._fence = re.compile(rf"^ {{0,3}}{mark}[ \t]*$", re.MULTILINE)
            self._fence_body = self._open.index("\n") + 1

    def _close_fence(self, lines_end: int) -> Iterator[Block]:
        assert self._fence
        closing = self._fence.search(self._open, max(self._looked, self._fence_body), lines_end)
        if closing:
            end = min(closing.end() + 1, len(self._open))
            yield from self._close(self._rendered_blocks(self._open[:end], self._references))
            self._open = self._open[end:]
            self._fence = None
            self._looked = 0

    def _open_block(self) -> Block:
        start = self._open.rfind("\n") + 1
        if self._fence:
            shown = self._open if not _UNDECIDED.fullmatch(self._open, start) else self._open[:start]
            return Block(self._closed, code=shown[self._fence_body :], open=True)
        end = start if _UNDECIDED.fullmatch(self._open, start) else len(self._open)
        if end <= CHEAP_CHARACTERS or end > self._rendered * GROWTH:
            self._html = "".join(self._rendered_blocks(self._open[:end], dict(self._references)))
            self._rendered = end
        return Block(self._closed, self._html, tail=self._open[self._rendered : end], open=True)


def _line_start(text: str, line: int) -> int:
    at = 0
    for _ in range(line):
        at = text.index("\n", at) + 1
    return at


def _is_closed(fence: Token) -> bool:
    """Whether the code block's closing line has come: it takes two lines more than its content."""
    assert fence.map
    return fence.map[1] - fence.map[0] >= fence.content.count("\n") + 2
