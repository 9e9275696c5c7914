"""The outline of a presentation: the titles of its slides, read from the file's own XML within limits. Pure.

Above: `previews`. Below: nothing.
"""

import html
import io
import re
import zipfile

__all__ = ("slide_titles",)

MOST_SLIDES = 100
SLIDE_BYTES = 500_000
"""No more of one slide is read, however large it says it is."""
_SLIDE = re.compile(r"ppt/slides/slide(\d{1,6})\.xml")
_SHAPE = re.compile(r"<p:sp>.*?</p:sp>", re.DOTALL)
_TITLE = re.compile(r'<p:ph[^>]*type="(?:title|ctrTitle)"')
_WORDS = re.compile(r"<a:t>([^<]*)</a:t>")


def slide_titles(content: bytes) -> list[str] | None:
    """The title of each slide, empty where it has none; None where the content is no presentation."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            numbers = sorted(int(found[1]) for name in file.namelist() if (found := _SLIDE.fullmatch(name)))
            return [_title(file, number) for number in numbers[:MOST_SLIDES]] or None
    except (zipfile.BadZipFile, OSError, KeyError, ValueError, RuntimeError, NotImplementedError, EOFError):
        return None


def _title(file: zipfile.ZipFile, number: int) -> str:
    with file.open(f"ppt/slides/slide{number}.xml") as slide:
        text = slide.read(SLIDE_BYTES).decode("utf-8", "replace")
    shapes = _SHAPE.findall(text)
    titled = next((shape for shape in shapes if _TITLE.search(shape)), "")
    return html.unescape("".join(_WORDS.findall(titled)))[:300]
