"""The deck: planned slides as a PowerPoint file with native charts, native tables, and notes for the speaker.

Above: `building`. Below: `slides`, `deck_theme`, `deck_charts`, `page` (its pictures).
"""

import io
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image as Bitmap
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.lang import MSO_LANGUAGE_ID
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.presentation import Presentation as Deck
from pptx.slide import Slide as DeckSlide
from pptx.slide import SlideLayout
from pptx.util import Emu, Pt

from genie_nb.backend.reports.axes import shortened, words_width
from genie_nb.backend.reports.charts import Chart
from genie_nb.backend.reports.deck_charts import add_chart
from genie_nb.backend.reports.deck_theme import Layouts, Rect, open_deck
from genie_nb.backend.reports.document import Block, Document, Image, Paragraph, Table, Text, Words, plain_text
from genie_nb.backend.reports.page import Picture, Pictures
from genie_nb.backend.reports.slides import CELL_GAP_PT, CELL_PT, LEADING, Line, Slide, column_shares, plan_slides, row_lines

__all__ = ("deck_bytes",)

SIDE, BETWEEN = 0.335, 0.03
"""The share of the width that words take beside a chart, and the gap after them."""
TITLE_EMS = 29.0
"""How many ems of a title fit on one line at its full size."""
CODE_FONT = "Consolas"


def deck_bytes(document: Document, pictures: Pictures, *, language: str, template: Path | None = None) -> bytes:
    """The PowerPoint file of a document.

    Args:
        document: What it says.
        pictures: The pictures that it names.
        language: `en` or `zh`: of the words that are not the document's.
        template: The person's own presentation, whose layouts are used.

    Raises:
        ToolFailed: The template cannot be used, or there would be too many slides.
    """
    deck, layouts = open_deck(template)
    writer = _Writer(deck, layouts, pictures, language)
    for slide in plan_slides(_with_pictures(document, pictures), contents="目录" if language == "zh" else "Contents"):
        writer.write(slide)
    deck.core_properties.title = document.title[:250]
    deck.core_properties.author = ""
    file = io.BytesIO()
    deck.save(file)
    return file.getvalue()


def _with_pictures(document: Document, pictures: Pictures) -> Document:
    """The document, where a picture that no slide can hold is a word about it."""

    def shown(blocks: Sequence[Block]) -> tuple[Block, ...]:
        return tuple(_said(b) if isinstance(b, Image) and not _fits(pictures.get(b.source)) else b for b in blocks)

    sections = tuple(replace(section, blocks=shown(section.blocks)) for section in document.sections)
    return replace(document, lead=shown(document.lead), sections=sections)


def _said(image: Image) -> Paragraph:
    return Paragraph((Words(f"[{image.alt or image.source[:80]}]", italic=True),))


def _fits(picture: Picture | None) -> bool:
    if picture is None or picture.media_type not in ("image/png", "image/jpeg", "image/gif"):
        return False
    try:
        width, height = Bitmap.open(io.BytesIO(picture.content)).size
    except (OSError, ValueError):
        return False
    return width > 0 and height > 0


@dataclass(frozen=True)
class _Writer:
    """Writes slide after slide into a deck."""

    deck: Deck
    layouts: Layouts
    pictures: Pictures
    language: str

    def write(self, slide: Slide) -> None:
        match slide.kind:
            case "title":
                made = self._new(self.layouts.title, slide.title, 40)
                self._fill(made, slide.lines)
            case "section":
                made = self._new(self.layouts.section, slide.title, 36)
                self._fill(made, (Line((Words(f"{slide.number:02}"),)),))
            case "contents" | "content" if slide.visual is None:
                made = self._new(self.layouts.content, slide.title, 28)
                self._fill(made, slide.lines)
                self._number(made, self.layouts.content)
            case _:
                made = self._new(self.layouts.bare, slide.title, 28)
                self._show(made, slide)
                self._number(made, self.layouts.bare)
        if slide.notes:
            frame = made.notes_slide.notes_text_frame
            if frame is not None:
                frame.text = slide.notes

    def _new(self, layout: SlideLayout, title: str, size: int) -> DeckSlide:
        """A slide with its title; a long one in smaller letters, a very long one cut."""
        made = self.deck.slides.add_slide(layout)
        ems = TITLE_EMS * 28 / size
        lines = words_width(title) / ems
        title = shortened(title, ems * 3.2)
        shape = made.shapes.title
        if shape is None:
            field = self.layouts.field
            shape = made.shapes.add_textbox(Emu(field.left), Emu(field.top // 4), Emu(field.width), Emu(field.top // 2))
        shape.text_frame.text = title
        for run in shape.text_frame.paragraphs[0].runs:
            self._speak(run)
            if lines > (1 if size == 28 else 2):
                run.font.size = Pt(round(size * (0.75 if lines <= 2 else 0.64)))
        return made

    def _fill(self, made: DeckSlide, lines: Sequence[Line]) -> None:
        """Write the lines into the slide's own field for text, or take the field away."""
        body = next((shape for shape in made.placeholders if shape.placeholder_format.idx == 1), None)
        if body is None and lines:
            field = self.layouts.field
            frame = made.shapes.add_textbox(Emu(field.left), Emu(field.top), Emu(field.width), Emu(field.height)).text_frame
            frame.word_wrap = True
            self._write_lines(frame, lines)
        elif body is not None and lines:
            self._write_lines(body.text_frame, lines)
        elif body is not None:
            body._element.getparent().remove(body._element)

    def _write_lines(self, frame: Any, lines: Sequence[Line]) -> None:
        frame.auto_size = MSO_AUTO_SIZE.NONE
        for number, line in enumerate(lines):
            paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
            paragraph.level = line.level
            _mark(paragraph, line)
            self._write_text(paragraph, line.text, line)

    def _write_text(self, paragraph: Any, text: Text, line: Line | None = None) -> None:
        for words in text:
            for number, row in enumerate(words.text.split("\n")):
                if number:
                    paragraph.add_line_break()
                if row:
                    self._write_run(paragraph, row, words, line)

    def _write_run(self, paragraph: Any, text: str, words: Words, line: Line | None) -> None:
        run = paragraph.add_run()
        run.text = text
        self._speak(run)
        if words.bold or (line and line.look == "heading"):
            run.font.bold = True
        if words.italic or (line and line.look == "quote"):
            run.font.italic = True
        if words.code:
            run.font.name = CODE_FONT
        if line and line.look == "code":
            run.font.size = Pt(line.size_pt)
        if words.link:
            run.hyperlink.address = words.link

    def _speak(self, run: Any) -> None:
        """Say which language a run is in: the fonts for Chinese are chosen by it."""
        chinese = self.language == "zh"
        run.font.language_id = MSO_LANGUAGE_ID.SIMPLIFIED_CHINESE if chinese else MSO_LANGUAGE_ID.ENGLISH_US

    def _show(self, made: DeckSlide, slide: Slide) -> None:
        """A chart, a table or a picture, with words beside it if there are some."""
        place = self.layouts.field
        if body := next((shape for shape in made.placeholders if shape.placeholder_format.idx == 1), None):
            body._element.getparent().remove(body._element)
        if slide.lines:
            width = int(place.width * SIDE)
            box = made.shapes.add_textbox(Emu(place.left), Emu(place.top), Emu(width), Emu(place.height))
            frame = box.text_frame
            frame.word_wrap = True
            self._write_lines(frame, slide.lines)
            for paragraph, line in zip(frame.paragraphs, slide.lines, strict=True):
                _beside(paragraph, line)
            left = width + int(place.width * BETWEEN)
            place = Rect(place.left + left, place.top, place.width - left, place.height)
        match slide.visual:
            case Chart():
                add_chart(made, slide.visual, place, said=slide.title)
            case Table():
                self._table(made, slide.visual, place)
            case Image():
                self._picture(made, slide.visual, place)

    def _table(self, made: DeckSlide, table: Table, place: Rect) -> None:
        shares = column_shares(table)
        rows = (table.head, *table.rows)
        width_pt = Emu(place.width).pt
        heights = [Pt(row_lines(row, shares, width_pt) * CELL_PT * LEADING + CELL_GAP_PT) for row in rows]
        size = (Emu(place.left), Emu(place.top), Emu(place.width), Emu(sum(heights)))
        frame = made.shapes.add_table(len(rows), len(table.head), *size)
        grid = frame.table
        _plain_table(grid)
        for at, share in enumerate(shares):
            grid.columns[at].width = Emu(int(place.width * share))
        for number, (row, height) in enumerate(zip(rows, heights, strict=True)):
            grid.rows[number].height = height
            for at, cell in enumerate(row[: len(shares)]):
                room = (shares[at] * width_pt / CELL_PT - 1.2) * 2.9
                self._cell(grid.cell(number, at), _cut(cell, room), head=number == 0, right=table.right[at])

    def _cell(self, cell: Any, text: Text, *, head: bool, right: bool) -> None:
        paragraph = cell.text_frame.paragraphs[0]
        paragraph.alignment = PP_ALIGN.RIGHT if right else PP_ALIGN.LEFT
        self._write_text(paragraph, text)
        for run in paragraph.runs:
            run.font.size = Pt(CELL_PT)
            run.font.bold = True if head else run.font.bold
            run.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
        cell.vertical_anchor = MSO_ANCHOR.MIDDLE
        cell.margin_top = cell.margin_bottom = Pt(2)
        cell.margin_left = cell.margin_right = Pt(7)
        _border(cell, 1.25 if head else 0.5, "TEXT_1" if head else "line")

    def _picture(self, made: DeckSlide, image: Image, place: Rect) -> None:
        content = io.BytesIO(self.pictures[image.source].content)
        width, height = Bitmap.open(content).size
        scale = min(place.width / width, place.height / height)
        size = (int(width * scale), int(height * scale))
        left, top = place.left + (place.width - size[0]) // 2, place.top + (place.height - size[1]) // 2
        shape = made.shapes.add_picture(content, Emu(left), Emu(top), Emu(size[0]), Emu(size[1]))
        shape._element.nvPicPr.cNvPr.set("descr", image.alt or image.source)

    def _number(self, made: DeckSlide, layout: SlideLayout) -> None:
        """The slide's number, where its layout has a place for it."""
        for shape in layout.placeholders:
            if shape._element.ph.get("type") == "sldNum":
                made.shapes._spTree.append(deepcopy(shape._element))


def _cut(text: Text, ems: float) -> Text:
    """The text of a cell; a very long one loses its looks and its end."""
    whole = plain_text(text)
    return text if words_width(whole) <= ems else (Words(shortened(whole, ems)),)


def _mark(paragraph: Any, line: Line) -> None:
    """A number instead of the bullet, or neither."""
    properties = paragraph._p.get_or_add_pPr()
    if line.look == "bullet" and line.number:
        properties.append(_element("a:buFont", typeface="+mj-lt"))
        properties.append(_element("a:buAutoNum", type="arabicPeriod", startAt=str(line.number)))
    elif line.look != "bullet":
        properties.set("marL", "0")
        properties.set("indent", "0")
        if line.look == "code":
            _after(properties, 0)
        properties.append(_element("a:buNone"))


def _beside(paragraph: Any, line: Line) -> None:
    """A text box does not inherit the look of lists: say it here."""
    properties = paragraph._p.get_or_add_pPr()
    if line.look == "bullet":
        indent = Pt(16)
        properties.set("marL", str(int(indent * (line.level + 1))))
        properties.set("indent", str(-int(indent)))
        if not line.number:
            properties.append(_element("a:buFont", typeface="Arial"))
            properties.append(_element("a:buChar", char="•"))
    _after(properties, 700)
    for run in paragraph.runs:
        run.font.size = Pt(line.size_pt)


def _after(properties: Any, hundredths_pt: int) -> None:
    """The space below a paragraph; it must stand before the bullet in the paragraph's properties."""
    space = _element("a:spcAft")
    space.append(_element("a:spcPts", val=str(hundredths_pt)))
    properties.insert(0, space)


def _element(tag: str, **attributes: str) -> Any:
    element = parse_xml(f"<{tag} {nsdecls('a')}/>")
    for name, value in attributes.items():
        element.set(name, value)
    return element


def _plain_table(grid: Any) -> None:
    """No bands and no fills: lines alone."""
    properties = grid._tbl.tblPr
    for name in ("firstRow", "bandRow"):
        properties.set(name, "1" if name == "firstRow" else "0")
    style = properties.find(qn("a:tableStyleId"))
    if style is not None:
        style.text = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"  # "No Style, No Grid"


def _border(cell: Any, width_pt: float, colour: str) -> None:
    properties = cell._tc.get_or_add_tcPr()
    line = _element("a:lnB", w=str(int(Pt(width_pt))), cap="flat", cmpd="sng", algn="ctr")
    fill = _element("a:solidFill")
    fill.append(_element("a:schemeClr", val="tx1") if colour == "TEXT_1" else _element("a:srgbClr", val="DDE2E8"))
    line.append(fill)
    properties.insert(0, line)
