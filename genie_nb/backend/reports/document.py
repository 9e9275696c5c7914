"""The document: a report's Markdown as a small tree of values, from which every kind of file is made. Pure.

The first heading is the title. Of the headings after it the highest begin sections. A block ` ```chart ` is a chart (see
`charts`), a paragraph that begins with `Notes:` or `备注：` is for the speaker alone. A wrong chart becomes a sentence.

Above: `page`, `slides`, `plain`. Below: `charts`, `cjk_emphasis`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from genie_nb.backend.reports.charts import Chart, read_chart
from genie_nb.errors import ToolFailed

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token
    from markdown_it.tree import SyntaxTreeNode

__all__ = (
    "Block",
    "Code",
    "Document",
    "Heading",
    "Image",
    "Item",
    "Listing",
    "Notes",
    "Paragraph",
    "Section",
    "Table",
    "Text",
    "Words",
    "plain_text",
    "read_document",
    "without_fence",
)

MOST_CHARACTERS = 400_000
"""A longer text is no report."""
MOST_BLOCKS = 10_000
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_SOFT = re.compile("\x1f")
_CHINESE_SOFT = re.compile("(?<=[\u3000-\u9fff\uff00-\uffef])\x1f(?=[\u3000-\u9fff\uff00-\uffef])")
"""A line's end inside a paragraph, which is a blank, but none between Chinese characters."""
_LOOKS: dict[str, dict[str, Any]] = {"strong": {"bold": True}, "em": {"italic": True}, "s": {"struck": True}}
_NOTES = re.compile(r"\s*(?:(?:speaker )?notes?|(?:演讲者?)?备注|讲稿)\s*[:：]\s*", re.IGNORECASE)
_FENCED = re.compile(r"```(?:\s?(?:markdown|md|html)[ \t]*\n(.*?)|[ \t]*\n((?:(?!```).)*?))\n?```", re.DOTALL)
_WEB = ("http://", "https://", "mailto:")


@dataclass(frozen=True)
class Words:
    """A piece of text with one look; `link` leads to the web or is empty."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    struck: bool = False
    link: str = ""


Text = tuple[Words, ...]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, or words that are quoted."""

    text: Text
    quoted: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading within a section, from level 1."""

    text: Text
    level: int = 1


@dataclass(frozen=True)
class Item:
    """One entry of a list; `level` says how deep it stands, `number` is 0 where it has a bullet."""

    text: Text
    level: int = 0
    number: int = 0


@dataclass(frozen=True)
class Listing:
    """A list, with the lists inside it told by their levels."""

    items: tuple[Item, ...]


@dataclass(frozen=True)
class Table:
    """A table; `right` says which columns stand to the right."""

    head: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    right: tuple[bool, ...]


@dataclass(frozen=True)
class Code:
    """Lines of code."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Image:
    """A picture by its name in the run's folder."""

    source: str
    alt: str = ""


@dataclass(frozen=True)
class Notes:
    """What only the speaker sees."""

    text: str


Block = Paragraph | Heading | Listing | Table | Code | Image | Notes | Chart


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole report; `lead` stands between its title and its first section."""

    title: str
    lead: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()

    @property
    def blocks(self) -> Iterator[Block]:
        """Every block, in order."""
        yield from self.lead
        for section in self.sections:
            yield from section.blocks


@cache
def _parser() -> "MarkdownIt":
    """The parser, loaded with the first report."""
    from markdown_it import MarkdownIt

    from genie_nb.cjk_emphasis import cjk_friendly

    return cjk_friendly(MarkdownIt("commonmark", {"html": False})).enable(["table", "strikethrough"])


def plain_text(text: Iterable[Words]) -> str:
    """The words alone."""
    return "".join(words.text for words in text)


def without_fence(text: str) -> str:
    """The text without the one code block that some models put around all of it."""
    found = _FENCED.fullmatch(text.strip())
    return (found[1] or found[2] or "") if found else text.strip()


def read_document(text: str, *, title: str = "") -> Document:
    """The document that a Markdown text is.

    Args:
        text: The Markdown; HTML in it is text.
        title: Its title, where it has none of its own.

    Raises:
        ToolFailed: The text is empty, or far too long.
    """
    if len(text) > MOST_CHARACTERS:
        raise ToolFailed(f"The report has {len(text):,} characters; at most {MOST_CHARACTERS:,} are made into a file.")
    text = _NO_XML.sub("", without_fence(text))
    blocks = [block for node in _tree(text).children for block in _blocks(node)]
    if not blocks:
        raise ToolFailed("The report is empty: no text was written.")
    if len(blocks) > MOST_BLOCKS:
        raise ToolFailed(f"The report has {len(blocks):,} blocks; at most {MOST_BLOCKS:,} are made into a file.")
    if isinstance(blocks[0], Heading):
        title = plain_text(blocks[0].text).strip() or title
        blocks = blocks[1:]
    return _in_sections(title or "Report", blocks)


def _tree(text: str) -> "SyntaxTreeNode":
    """The blocks as a tree; inline tokens stay flat, because their nesting has no bound."""
    from markdown_it.tree import SyntaxTreeNode

    tokens = _parser().parse(text)
    for token in tokens:
        token.meta["inline"], token.children = token.children or [], None
    return SyntaxTreeNode(tokens)


def _in_sections(title: str, blocks: Sequence[Block]) -> Document:
    top = min((block.level for block in blocks if isinstance(block, Heading)), default=0)
    lead: list[Block] = []
    sections: list[tuple[str, list[Block]]] = []
    for block in blocks:
        into = sections[-1][1] if sections else lead
        if not isinstance(block, Heading):
            into.append(block)
        elif block.level == top:
            sections.append((plain_text(block.text).strip(), []))
        else:
            into.append(replace(block, level=block.level - top))
    return Document(title, tuple(lead), tuple(Section(name, tuple(inside)) for name, inside in sections))


def _blocks(node: "SyntaxTreeNode") -> Iterator[Block]:
    """What a block of the Markdown is."""
    match node.type:
        case "heading":
            yield Heading(_text(node), int(node.tag[1:]))
        case "paragraph":
            yield from _paragraph(node)
        case "bullet_list" | "ordered_list":
            yield Listing(tuple(_items(node, 0)))
        case "table":
            yield _table(node)
        case "fence" if node.info.strip().split(" ")[0].lower() == "chart":
            yield _chart(node.content)
        case "fence" | "code_block":
            yield Code(node.content.rstrip("\n"), node.info.strip().split(" ")[0][:40])
        case "blockquote":
            for inner in node.children:
                for block in _blocks(inner):
                    yield replace(block, quoted=True) if isinstance(block, Paragraph) else block
        case "hr":
            pass
        case _:
            if text := _text(node):
                yield Paragraph(text)


def _chart(spec: str) -> Block:
    try:
        return read_chart(spec)
    except ToolFailed as failed:
        return Paragraph((Words(f"A chart cannot be drawn: {failed}.", italic=True),))


def _paragraph(node: "SyntaxTreeNode") -> Iterator[Block]:
    """A paragraph; the pictures in it stand below it, and notes are none."""
    text = _text(node)
    if found := _NOTES.match(plain_text(text)):
        yield Notes(plain_text(text)[found.end() :])
        return
    if plain_text(text).strip():
        yield Paragraph(text)
    for token in _inline(node):
        if token.type == "image":
            source = _NO_XML.sub("", unquote(str(token.attrs.get("src", ""))))
            yield Image(source, " ".join(token.content.split())[:300])


def _items(node: "SyntaxTreeNode", level: int) -> Iterator[Item]:
    numbered = node.type == "ordered_list"
    for number, entry in enumerate(node.children, int(node.attrs.get("start", 1)) if numbered else 0):
        said: list[Words] = []
        below: list[Item] = []
        for inner in entry.children:
            if inner.type in ("bullet_list", "ordered_list"):
                below += _items(inner, level + 1)
            else:
                said += [Words("\n")] if said else []
                said += _text(inner) or (Words(inner.content.rstrip("\n"), code=True),)
        yield Item(tuple(said), level, max(number, 1) if numbered else 0)
        yield from below


def _table(node: "SyntaxTreeNode") -> Table:
    rows = [row for part in node.children for row in part.children]
    cells = [tuple(_text(cell) for cell in row.children) for row in rows]
    right = tuple("right" in str(cell.attrs.get("style", "")) for cell in rows[0].children)
    return Table(cells[0], tuple(cells[1:]), right)


def _inline(node: "SyntaxTreeNode") -> "Iterator[Token]":
    """The inline tokens of a block, flat."""
    for inner in node.children:
        yield from inner.meta.get("inline", [])


def _text(node: "SyntaxTreeNode") -> Text:
    """The words of a block, neighbours of one look joined; pictures are left out."""
    joined: list[Words] = []
    for words in _words(_inline(node)):
        if joined and replace(joined[-1], text="") == replace(words, text=""):
            joined[-1] = replace(words, text=joined[-1].text + words.text)
        else:
            joined.append(words)
    return tuple(replace(words, text=_SOFT.sub(" ", _CHINESE_SOFT.sub("", words.text))) for words in joined if words.text)


def _words(tokens: "Iterable[Token]") -> Iterator[Words]:
    looks = [Words("")]
    for token in tokens:
        if token.nesting == 1:
            looks.append(replace(looks[-1], **_LOOKS.get(token.tag, {}), **_linked(token)))
        elif token.nesting == -1:
            looks.pop()
        elif token.type == "code_inline":
            yield replace(looks[-1], text=token.content, code=True)
        else:
            text = {"softbreak": "\x1f", "hardbreak": "\n", "image": ""}.get(token.type, token.content)
            yield replace(looks[-1], text=text)


def _linked(token: "Token") -> dict[str, Any]:
    return {"link": _web(str(token.attrs.get("href", "")))} if token.tag == "a" else {}


def _web(link: str) -> str:
    """The address, if it leads to the web."""
    return link if link.lower().startswith(_WEB) and len(link) <= 2_000 else ""
