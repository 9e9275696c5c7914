"""The deck's own look: 16:9, calm colours, fonts for Latin and for Chinese in the theme; or a person's own template.

python-pptx brings a 4:3 presentation with Office's layouts; it is measured and coloured anew here, so that every title, list
and number on a slide inherits its place and its look from the layouts, as in a deck made by hand.

Above: `deck`. Below: nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree
from pptx import Presentation
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.exc import PythonPptxError
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.presentation import Presentation as Deck
from pptx.slide import SlideLayout
from pptx.util import Inches, Pt

from genie_nb.errors import ToolFailed

__all__ = ("Layouts", "Rect", "open_deck")

COLOURS = {
    "dk1": "1D2430", "lt1": "FFFFFF", "dk2": "22344D", "lt2": "F4F6F9", "accent1": "2F6DB5", "accent2": "E0813A",
    "accent3": "3F9C79", "accent4": "8D63B3", "accent5": "C75B6C", "accent6": "7F8C3D", "hlink": "1F5FBF",
    "folHlink": "8D63B3",
}  # fmt: skip
LATIN, EAST = "Arial", "Microsoft YaHei"
SCRIPTS = {"Hans": "Microsoft YaHei", "Hant": "Microsoft JhengHei", "Jpan": "Yu Gothic", "Hang": "Malgun Gothic"}
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


@dataclass(frozen=True)
class Rect:
    """A place on a slide, in EMU."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Layouts:
    """The layouts that our slides use, and where content stands."""

    title: SlideLayout
    section: SlideLayout
    content: SlideLayout
    bare: SlideLayout
    field: Rect


def open_deck(template: Path | None) -> tuple[Deck, Layouts]:
    """An empty deck, in the look of the person's template or in our own.

    Raises:
        ToolFailed: The template is no presentation, or has no layout.
    """
    if template is None:
        deck = Presentation()
        _restyle(deck)
        return deck, _layouts(deck)
    try:
        deck = Presentation(str(template))
        for entry in list(deck.slides._sldIdLst):
            deck.part.drop_rel(entry.rId)
            deck.slides._sldIdLst.remove(entry)
        return deck, _layouts(deck)
    except (PythonPptxError, OSError, KeyError, ValueError, IndexError, etree.LxmlError) as error:
        raise ToolFailed(
            f"The slides' template {template.name} is no presentation with layouts. Correct the setting slides_template."
        ) from error


def _layouts(deck: Deck) -> Layouts:
    found = {str(layout._element.get("type")): layout for layout in reversed(list(deck.slide_layouts))}
    first = deck.slide_layouts[0]
    content = found.get("obj") or found.get("tx") or first
    bare = found.get("titleOnly") or content
    title = found.get("title") or first
    return Layouts(title, found.get("secHead") or title, content, bare, _field(deck, content))


def _field(deck: Deck, content: SlideLayout) -> Rect:
    """Where the content layout has its text, or what a title leaves of the slide."""
    for shape in content.placeholders:
        if shape.placeholder_format.idx == 1 and shape.width and shape.height:
            return Rect(shape.left, shape.top, shape.width, shape.height)
    width, height = int(deck.slide_width or 0), int(deck.slide_height or 0)
    return Rect(width // 16, height // 4, width * 14 // 16, height * 10 // 16)


def _restyle(deck: Deck) -> None:
    deck.slide_width, deck.slide_height = Inches(13.333), Inches(7.5)
    _retheme(deck)
    master = deck.slide_master
    _place_all(master.placeholders)
    _text_styles(master)
    kept = {"title", "obj", "secHead", "titleOnly"}
    for layout in list(deck.slide_layouts):
        if layout._element.get("type") not in kept:
            deck.slide_layouts.remove(layout)
            continue
        _place_all(layout.placeholders)
        for shape in list(layout.placeholders):
            if shape.placeholder_format.idx in (10, 11):
                shape._element.getparent().remove(shape._element)
    layouts = {layout._element.get("type"): layout for layout in deck.slide_layouts}
    _cover(layouts["title"], (2.1, 1.8), (4.3, 1.6))
    _cover(layouts["secHead"], (2.9, 1.7), (2.2, 0.7))
    layouts["secHead"].background.fill.solid()
    layouts["secHead"].background.fill.fore_color.theme_color = MSO_THEME_COLOR.TEXT_2


def _retheme(deck: Deck) -> None:
    part = deck.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    theme = etree.fromstring(part.blob, etree.XMLParser(resolve_entities=False))
    theme.set("name", "genie_nb")
    for name, colour in COLOURS.items():
        slot = next(theme.iter(f"{_A}{name}"))
        for child in list(slot):
            slot.remove(child)
        etree.SubElement(slot, f"{_A}srgbClr", val=colour)
    for fonts in (next(theme.iter(f"{_A}majorFont")), next(theme.iter(f"{_A}minorFont"))):
        fonts.find(f"{_A}latin").set("typeface", LATIN)
        fonts.find(f"{_A}ea").set("typeface", EAST)
        for font in fonts.iter(f"{_A}font"):
            font.set("typeface", SCRIPTS.get(font.get("script"), font.get("typeface")))
    part._blob = etree.tostring(theme, xml_declaration=True, encoding="UTF-8", standalone=True)


_PLACES = {
    "title": (0.75, 0.5, 11.83, 0.95),
    "body": (0.75, 1.7, 11.83, 4.95),
    "ftr": (0.75, 6.9, 9.5, 0.35),
    "sldNum": (11.58, 6.9, 1.0, 0.35),
    "dt": (10.4, 6.9, 1.0, 0.35),
}
"""Left, top, width and height in inches, by the kind of placeholder."""


def _place_all(shapes: Any) -> None:
    for shape in shapes:
        kind = shape._element.ph.get("type", "body")
        kind = {"ctrTitle": "title", "subTitle": "body", "obj": "body"}.get(kind, kind)
        if kind in _PLACES:
            shape.left, shape.top, shape.width, shape.height = (Inches(inches) for inches in _PLACES[kind])


def _cover(layout: SlideLayout, title: tuple[float, float], below: tuple[float, float]) -> None:
    """A title slide or a section slide: its title and the words with it, to the left, with a short bar of colour."""
    dark = layout._element.get("type") == "secHead"
    for shape in layout.placeholders:
        index = shape.placeholder_format.idx
        if index not in (0, 1):
            continue
        top, height = title if index == 0 else below
        shape.left, shape.top, shape.width, shape.height = Inches(0.95), Inches(top), Inches(11.2), Inches(height)
        body = shape._element.txBody.find(qn("a:bodyPr"))
        body.set("anchor", "b" if (index == 0) is not dark else "t")
        colour = ("bg1" if index == 0 else "accent1 light") if dark else ("tx1" if index == 0 else "tx2")
        size = (36 if dark else 40) if index == 0 else (24 if dark else 18)
        _list_style(shape, size=size, colour=colour, bold=index == 0 or dark)
    if not dark:
        bar = layout.shapes._spTree
        bar.append(_bar(Rect(Inches(0.95), Inches(4.06), Inches(0.9), Pt(3))))


def _list_style(shape: Any, *, size: int, colour: str, bold: bool) -> None:
    style = shape._element.txBody.find(qn("a:lstStyle"))
    for child in list(style):
        style.remove(child)
    style.append(_level(1, (size, 0, colour), bold=bold, bullet=False))


def _level(number: int, look: tuple[int, float, str], *, bold: bool, bullet: bool) -> Any:
    """How paragraphs of a level look: size in points, indent in inches, colour."""
    size, indent, colour = look
    level = etree.Element(f"{_A}lvl{number}pPr", algn="l")
    level.set("marL", str(int(Inches(indent))))
    level.set("indent", str(-int(Inches(0.28))) if bullet else "0")
    spacing = etree.SubElement(etree.SubElement(level, f"{_A}lnSpc"), f"{_A}spcPct")
    spacing.set("val", "105000")
    etree.SubElement(etree.SubElement(level, f"{_A}spcBef"), f"{_A}spcPts", val="0")
    etree.SubElement(etree.SubElement(level, f"{_A}spcAft"), f"{_A}spcPts", val="700" if bullet else "0")
    if bullet:
        etree.SubElement(etree.SubElement(level, f"{_A}buClr"), f"{_A}schemeClr", val="accent1")
        etree.SubElement(level, f"{_A}buFont", typeface="Arial")
        etree.SubElement(level, f"{_A}buChar", char="•")
    else:
        etree.SubElement(level, f"{_A}buNone")
    words = etree.SubElement(level, f"{_A}defRPr", sz=str(size * 100), b="1" if bold else "0")
    filled = etree.SubElement(etree.SubElement(words, f"{_A}solidFill"), f"{_A}schemeClr", val=colour.split()[0])
    if colour.endswith(" light"):
        etree.SubElement(filled, f"{_A}lumMod", val="60000")
        etree.SubElement(filled, f"{_A}lumOff", val="40000")
    for tag, font in (("latin", "+mn-lt"), ("ea", "+mn-ea"), ("cs", "+mn-cs")):
        etree.SubElement(words, f"{_A}{tag}", typeface=font)
    return level


def _text_styles(master: Any) -> None:
    styles = master._element.find(qn("p:txStyles"))
    title, body = styles.find(qn("p:titleStyle")), styles.find(qn("p:bodyStyle"))
    _replace(title, [_level(1, (28, 0, "tx1"), bold=True, bullet=False)])
    sizes: Sequence[int] = (18, 16, 16, 16)
    _replace(body, [_level(n, (size, 0.3 * n, "tx1"), bold=False, bullet=True) for n, size in enumerate(sizes, 1)])
    for shape in master.placeholders:
        kind = shape._element.ph.get("type")
        anchor = {"title": "b", "body": "t"}.get(kind, "ctr")
        shape._element.txBody.find(qn("a:bodyPr")).set("anchor", anchor)
        if kind in ("ftr", "sldNum", "dt"):
            _list_style(shape, size=10, colour="tx1 light", bold=False)
            next(shape._element.iter(f"{_A}lvl1pPr")).set("algn", "r" if kind == "sldNum" else "l")


def _replace(style: Any, levels: Sequence[Any]) -> None:
    for level in levels:
        old = style.find(level.tag)
        if old is not None:
            style.replace(old, level)
        else:
            style.append(level)


def _bar(place: Rect) -> Any:
    """A filled rectangle without a border."""
    return parse_xml(
        f'<p:sp {nsdecls("p", "a")}><p:nvSpPr><p:cNvPr id="90" name="Bar"/><p:cNvSpPr/><p:nvPr userDrawn="1"/></p:nvSpPr>'
        f'<p:spPr><a:xfrm><a:off x="{place.left}" y="{place.top}"/><a:ext cx="{place.width}" cy="{place.height}"/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom><a:solidFill><a:schemeClr val="accent1"/></a:solidFill>'
        "<a:ln><a:noFill/></a:ln></p:spPr></p:sp>"
    )
