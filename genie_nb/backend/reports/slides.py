"""Slides: which slide holds what, so that nothing runs over an edge. Pure.

Each section is told in slides with at most one chart, table or picture; a short text stands beside it, a long one before it.
What does not fit goes on to the next slide under the same title. Widths are in ems of the text's own size.

Above: `deck`. Below: `document`, `charts`, `axes`.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal

from genie_nb.backend.reports.axes import words_width
from genie_nb.backend.reports.charts import Chart
from genie_nb.backend.reports.document import (
    Block,
    Code,
    Document,
    Heading,
    Image,
    Listing,
    Notes,
    Paragraph,
    Table,
    Text,
    Words,
    plain_text,
)
from genie_nb.errors import ToolFailed

__all__ = ("Line", "Slide", "TableSize", "column_shares", "plan_slides", "row_lines")

MOST_SLIDES = 300
TEXT_PT, SMALL_PT, CODE_PT, CELL_PT = 18, 16, 13, 13
LEADING, GAP_PT, CELL_GAP_PT = 1.28, 8, 8
FULL_PT, SIDE_PT = (850, 345), (285, 345)
"""The room for text in points, width and height: on a slide of its own, and beside something else."""
TABLE_PT = (850, 350)
MOST_COLUMNS = 8
MOST_CELL_LINES = 3

Look = Literal["plain", "bullet", "heading", "quote", "code"]


@dataclass(frozen=True)
class Line:
    """One paragraph on a slide."""

    text: Text
    look: Look = "plain"
    level: int = 0
    number: int = 0

    @property
    def size_pt(self) -> int:
        """The size of its letters."""
        return CODE_PT if self.look == "code" else SMALL_PT if self.level else TEXT_PT

    def height_pt(self, width_pt: float) -> float:
        """How high it stands in a column of that width."""
        ems = (width_pt - 22 * (self.level + (self.look == "bullet"))) / self.size_pt
        rows = sum(max(1, math.ceil(words_width(row) * 1.04 / ems)) for row in plain_text(self.text).split("\n"))
        return rows * self.size_pt * LEADING + (0 if self.look == "code" else GAP_PT)


@dataclass(frozen=True)
class Slide:
    """One slide.

    Attributes:
        number: Of a section: which it is.
        notes: What only the speaker sees.
    """

    kind: Literal["title", "contents", "section", "content"]
    title: str
    lines: tuple[Line, ...] = ()
    visual: Chart | Table | Image | None = None
    notes: str = ""
    number: int = 0


@dataclass(frozen=True)
class TableSize:
    """How wide each column of a table is, as a share of the whole."""

    shares: tuple[float, ...]


def plan_slides(document: Document, *, contents: str) -> list[Slide]:
    """The slides of a document; `contents` is the title of the list of its sections.

    Raises:
        ToolFailed: There would be too many.
    """
    first = [block for block in document.lead if isinstance(block, Paragraph)][:1]
    short = bool(first) and Line(first[0].text).height_pt(FULL_PT[0]) < 120
    slides = [Slide("title", document.title, (Line(first[0].text),) if short else (), notes=_notes(document.lead))]
    lead = [block for block in document.lead if not (isinstance(block, Notes) or (short and block is first[0]))]
    if lead:
        slides += _numbered(_Flow(document.title).slides(lead))
    if len(document.sections) > 2:
        entries = [Line((Words(section.title),), "bullet", 0, n) for n, section in enumerate(document.sections, 1)]
        slides += (Slide("contents", contents, tuple(page)) for page in _pages(entries, FULL_PT))
    for number, section in enumerate(document.sections, 1):
        told = _numbered(_Flow(section.title).slides(section.blocks))
        if len(told) != 1:
            slides.append(Slide("section", section.title, number=number))
        slides += told
    if len(slides) > MOST_SLIDES:
        raise ToolFailed(f"The report would take {len(slides)} slides; at most {MOST_SLIDES} are made. Write it shorter.")
    return slides


def _notes(blocks: Iterable[Block]) -> str:
    return "\n".join(block.text for block in blocks if isinstance(block, Notes))


def _numbered(slides: Sequence[Slide]) -> list[Slide]:
    """The slides; neighbours of one title say which of how many they are."""
    found: list[Slide] = []
    for title, group in groupby(slides, key=lambda slide: slide.title):
        same = list(group)
        several = len(same) > 1
        found += (replace(one, title=f"{title} ({n}/{len(same)})" if several else title) for n, one in enumerate(same, 1))
    return found


@dataclass
class _Flow:
    """Takes the blocks of a section one by one and puts them on slides."""

    title: str
    made: list[Slide] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def slides(self, blocks: Iterable[Block]) -> list[Slide]:
        """The slides of these blocks."""
        for block in blocks:
            match block:
                case Notes():
                    self._note(block.text)
                case Chart() | Image():
                    self._show(block)
                case Table():
                    for part in _table_pages(block):
                        self._show(part)
                case Heading():
                    self._flush()
                    self.title = plain_text(block.text).strip() or self.title
                case Paragraph() | Listing() | Code():
                    self.lines += _lines(block)
        self._flush()
        return self.made

    def _note(self, text: str) -> None:
        if self.lines or not self.made:
            self.notes.append(text)
        else:
            last = self.made[-1]
            self.made[-1] = replace(last, notes=f"{last.notes}\n{text}".strip())

    def _show(self, visual: Chart | Table | Image) -> None:
        """Put it on a slide, beside what was said before if that is short."""
        beside = self._beside(visual)
        if not beside:
            self._flush()
        self._add(self.lines if beside else [], visual)
        self.lines = []

    def _flush(self) -> None:
        """Put what was said on slides; a short word after a chart stands beside it."""
        last = self.made[-1] if self.made else None
        alone = last is not None and last.visual is not None and not last.lines and last.title == self.title
        if self.lines and last and last.visual and alone and self._beside(last.visual):
            notes = "\n".join(filter(None, (last.notes, *self.notes)))
            self.made[-1] = replace(last, lines=tuple(self.lines), notes=notes)
            self.notes = []
        elif self.lines:
            for page in _pages(self.lines, FULL_PT):
                self._add(page, None)
        self.lines = []

    def _beside(self, visual: Chart | Table | Image) -> bool:
        """Whether there is room beside it for what was said."""
        wide = isinstance(visual, Table) and len(visual.head) > 3
        code = any(line.look == "code" for line in self.lines)
        height = sum(line.height_pt(SIDE_PT[0]) for line in self.lines)
        return bool(self.lines) and not wide and not code and height <= SIDE_PT[1]

    def _add(self, lines: Sequence[Line], visual: Chart | Table | Image | None) -> None:
        notes, self.notes = "\n".join(self.notes), []
        self.made.append(Slide("content", self.title, tuple(lines), visual, notes))


def _lines(block: Paragraph | Listing | Code) -> Iterator[Line]:
    match block:
        case Paragraph():
            yield Line(block.text, "quote" if block.quoted else "plain")
        case Code():
            yield from (Line((Words(row or " ", code=True),), "code") for row in block.text.split("\n"))
        case Listing():
            yield from (Line(item.text, "bullet", min(item.level, 3), item.number) for item in block.items)


def _pages(lines: Sequence[Line], room: tuple[int, int]) -> Iterator[list[Line]]:
    """The lines on as many pages as they need."""
    page: list[Line] = []
    left = float(room[1])
    for line in (part for whole in lines for part in _cut(whole, room)):
        height = line.height_pt(room[0])
        if page and height > left:
            yield page
            page, left = [], float(room[1])
        page.append(line)
        left -= height
    if page:
        yield page


def _cut(line: Line, room: tuple[int, int]) -> Iterator[Line]:
    """A line as pieces of which each fits on a page."""
    while line.height_pt(room[0]) > room[1]:
        most = int(len(plain_text(line.text)) * room[1] / line.height_pt(room[0]) * 0.9)
        head, tail = _split(line.text, max(most, 20))
        yield replace(line, text=head)
        line = replace(line, text=tail, number=0)
    yield line


def _split(text: Text, most: int) -> tuple[Text, Text]:
    """The text in two, the first with at most so many characters, cut where a sentence or a word ends."""
    whole = plain_text(text)
    ends = (whole.rfind(mark, most // 2, most) + 1 for mark in ("。", ". ", "；", "，", " "))
    at = next((end for end in ends if end), most)
    head: list[Words] = []
    tail: list[Words] = []
    for words in text:
        head += [replace(words, text=words.text[:at])] if at > 0 else []
        tail += [replace(words, text=words.text[max(at, 0) :])] if len(words.text) > at else []
        at -= len(words.text)
    return tuple(head), tuple(tail)


def column_shares(table: Table) -> tuple[float, ...]:
    """How wide each column is, as a share of the whole."""
    rows = (table.head, *table.rows[:60])
    widths = [
        min(max((words_width(plain_text(row[at])) for row in rows if at < len(row)), default=1), 34)
        for at in range(len(table.head))
    ]
    padded = [width + 2.5 for width in widths]
    return tuple(width / sum(padded) for width in padded)


def row_lines(row: Sequence[Text], shares: Sequence[float], width_pt: float) -> int:
    """How many lines the highest cell of a row takes."""
    ems = [max(share * width_pt / CELL_PT - 1.2, 1.0) for share in shares]
    needed = [math.ceil(words_width(plain_text(cell)) * 1.05 / em) for cell, em in zip(row, ems, strict=False)]
    return min(max([1, *needed]), MOST_CELL_LINES)


def _table_pages(table: Table) -> Iterator[Table]:
    """The table in parts that each fit on a slide, each with its head; of a very wide one the first columns."""
    table = Table(table.head[:MOST_COLUMNS], tuple(row[:MOST_COLUMNS] for row in table.rows), table.right[:MOST_COLUMNS])
    shares = column_shares(table)
    page: list[tuple[Text, ...]] = []
    room = left = TABLE_PT[1] - _row_pt(table.head, shares)
    for row in table.rows:
        height = _row_pt(row, shares)
        if page and height > left:
            yield replace(table, rows=tuple(page))
            page, left = [], room
        page.append(row)
        left -= height
    yield replace(table, rows=tuple(page))


def _row_pt(row: Sequence[Text], shares: Sequence[float]) -> float:
    return row_lines(row, shares, TABLE_PT[0]) * CELL_PT * LEADING + CELL_GAP_PT
