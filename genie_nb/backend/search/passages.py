"""Passages: a text cut under its headings into pieces of about 1,000 characters.

Above: `reading`, `pages`. Below: nothing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ("PASSAGE_CHARACTERS", "Passage", "cut_code", "cut_plain", "cut_text")

PASSAGE_CHARACTERS = 1_000
HEADING_CHARACTERS = 120
_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,}|~{3,}|\^{3,})\s*$")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n")
_NAMED = re.compile(
    r"(?:export\s+|pub\s+|public\s+|static\s+|default\s+)*(?:async\s+)?"
    r"(?:def|class|function|interface|struct|enum|trait|fn|func|type)\s+([\w$]+)"
)


@dataclass(frozen=True)
class Passage:
    """A piece of a text.

    Attributes:
        heading: The heading it stands under, or nothing.
        path: All headings above it, the outermost first.
    """

    heading: str
    text: str
    path: str = ""


def cut_text(text: str) -> Iterator[Passage]:
    """The passages of a text with Markdown or underlined headings, or none."""
    levels: list[tuple[int, str]] = []
    for level, heading, body in _sections(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
        if level:
            while levels and levels[-1][0] >= level:
                levels.pop()
            levels.append((level, heading))
        path = " > ".join(name for _, name in levels)
        for piece in cut_plain(body):
            yield Passage(heading, piece, path)


def _sections(lines: list[str]) -> Iterator[tuple[int, str, str]]:
    """Each heading's level, its words and the text below it; level 0 is what stands before the first."""
    level, heading = 0, ""
    body: list[str] = []
    fenced = False
    for at, line in enumerate(lines):
        if _FENCE.match(line):
            fenced = not fenced
        found = None if fenced else _heading(line, lines[at + 1] if at + 1 < len(lines) else "")
        if found is None:
            if not (body == [] and heading and _UNDERLINE.match(line)):
                body.append(line)
            continue
        yield level, heading, "\n".join(body)
        level, heading = found
        body = []
    yield level, heading, "\n".join(body)


def _heading(line: str, below: str) -> tuple[int, str] | None:
    if marked := _HEADING.match(line):
        return len(marked[1]), marked[2][:HEADING_CHARACTERS]
    words = line.strip()
    if _UNDERLINE.match(below) and 0 < len(words) <= len(below.strip()) + 2 and not _UNDERLINE.match(line):
        return (1 if below[0] == "=" else 2), words[:HEADING_CHARACTERS]
    return None


def cut_code(text: str) -> Iterator[Passage]:
    """The passages of source code, each under the name that is defined there."""
    name, body = "", list[str]()
    for line in text.splitlines():
        defined = _NAMED.match(line)
        if defined:
            yield from (Passage(name, piece, name) for piece in cut_plain("\n".join(body)))
            name, body = defined[1], []
        body.append(line)
    yield from (Passage(name, piece, name) for piece in cut_plain("\n".join(body)))


def cut_plain(text: str, most: int = PASSAGE_CHARACTERS) -> Iterator[str]:
    """The text in pieces of at most so many characters, whatever headings are in it: paragraphs that fit together."""
    waiting = ""
    for paragraph in _fitting(_PARAGRAPH.split(text), most):
        if waiting and len(waiting) + len(paragraph) + 2 > most:
            yield waiting
            waiting = ""
        waiting = f"{waiting}\n\n{paragraph}" if waiting else paragraph
    if waiting:
        yield waiting


def _fitting(paragraphs: Iterable[str], most: int) -> Iterator[str]:
    """The paragraphs that are no blank space; a long one sentence by sentence, and a sentence without end in cuts."""
    for paragraph in paragraphs:
        paragraph = paragraph.strip("\n")
        if not paragraph.strip():
            continue
        if len(paragraph) <= most:
            yield paragraph
            continue
        piece = ""
        for sentence in _SENTENCE.split(paragraph):
            if piece and len(piece) + len(sentence) + 1 > most:
                yield piece
                piece = ""
            piece = f"{piece} {sentence}".strip() if piece else sentence
            while len(piece) > most:
                yield piece[:most]
                piece = piece[most:]
        if piece.strip():
            yield piece
