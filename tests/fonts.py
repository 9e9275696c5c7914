"""A font with some Chinese characters, made for a test; and charts of a kernel without any other."""

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

__all__ = ("CHARACTERS", "DRAW", "write_font")

CHARACTERS = "销售额地区月份合计北南东西中文"
DRAW = "import matplotlib.pyplot as plt\nplt.title('{text}')\nplt.savefig('chart.png')\nplt.close()"
"""Python that draws a chart without showing it."""


def write_font(path: Path, family: str) -> Path:
    """Write a font of this family, in which every one of the characters is a square."""
    names = [".notdef", *(f"uni{ord(character):04X}" for character in CHARACTERS)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(character): f"uni{ord(character):04X}" for character in CHARACTERS})
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for corner in ((100, 800), (900, 800), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 100)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": family, "styleName": "Regular", "psName": family.replace(" ", "")})
    builder.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    builder.setupPost()
    path.parent.mkdir(parents=True, exist_ok=True)
    builder.save(path)
    return path
