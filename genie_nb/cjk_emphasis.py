"""CJK emphasis: Markdown whose `**` ends after a Chinese full stop, although no blank follows it. Pure.

CommonMark asks for a blank between a delimiter beside punctuation and the next letter; Chinese, Japanese and Korean write
none. The rule that mends it, and changes nothing for other letters: punctuation of these scripts counts as a letter, and a
letter of them beside the delimiter counts as a blank (https://github.com/tats-u/markdown-cjk-friendly, specification 2.0).

Above: `render`, `cli.terminal`. Below: nothing.
"""

from typing import Any
from unicodedata import category, east_asian_width

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token

__all__ = ("cjk_friendly",)


def cjk_friendly(parser: MarkdownIt) -> MarkdownIt:
    """The same parser, which from now on reads emphasis beside CJK text as people mean it."""
    inline = _Inline()
    vars(inline).update(vars(parser.inline))
    parser.inline = inline
    return parser


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        """As the parser's own, with our reading of delimiters."""
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _State(StateInline):
    def scanDelims(self, start: int, canSplitWord: object) -> Scanned:
        """Whether the delimiters at `start` can open or close emphasis, and how many they are."""
        end = start
        while end < self.posMax and self.src[end] == self.src[start]:
            end += 1
        before = self.src[start - 1] if start else " "
        after = self.src[end] if end < self.posMax else " "
        opens, closes = _may_stand(before, after), _may_stand(after, before)
        can_open = opens and bool(canSplitWord or not closes or _is_punctuation(before))
        can_close = closes and bool(canSplitWord or not opens or _is_punctuation(after))
        return Scanned(can_open, can_close, end - start)


def _may_stand(outside: str, inside: str) -> bool:
    """Whether a delimiter with these neighbours belongs to the text on its inner side."""
    if isWhiteSpace(ord(inside)):
        return False
    if not _is_punctuation(inside) or _is_cjk(inside):
        return True
    return isWhiteSpace(ord(outside)) or _is_punctuation(outside) or _is_cjk(outside)


def _is_punctuation(character: str) -> bool:
    return isMdAsciiPunct(ord(character)) or isPunctChar(character)


def _is_cjk(character: str) -> bool:
    """Whether it is a wide letter or sign, or Hangul; emoji are wide too, and are none."""
    if "\u1100" <= character <= "\u11ff":
        return True
    return east_asian_width(character) in "WFH" and (category(character) != "So" or "\u3000" <= character <= "\u33ff")
