"""What programs print, as a terminal leaves it: progress bars that draw themselves anew, and colours. Pure.

A printed text is *settled* when each line stands as it was drawn last, with its own colour codes. Where the cursor does not
stand at the end, a settled text says so with two codes at its end, so that what is printed next can go on from there:
`settle(settle(a) + b) == settle(a + b)`.

Above: `transcript`, the interpreter, the widgets. Below: nothing.
"""

import re
from collections.abc import Iterator

__all__ = ("append", "plain", "runs_of", "settle")

_CODE = re.compile(r"\x1b(?:\[([0-?]*)[ -/]*([@-~]?)|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\-~]?)")
_TOKEN = re.compile(rf"{_CODE.pattern}|[\r\b\n]|[^\x1b\r\b\n]+")
_HALF = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b\n]*|[ -/]*)\Z")
_CURSOR = re.compile(r"(?:\x1b\[(\d+)A)?\x1b\[(\d+)G\Z")
_UP = re.compile(r"\x1b\[(\d*)[AF]")
MOST_UP = 100
"""So many lines a program may go back and draw anew."""
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_NAMED = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse"} | {
    first + number: f"{kind}{colour}"
    for first, kind in ((30, ""), (90, "bright-"), (40, "on-"), (100, "on-bright-"))
    for number, colour in enumerate(_COLOURS)
}
_KINDS: tuple[tuple[int, ...], ...] = (
    (*range(30, 40), *range(90, 98)),
    (*range(40, 50), *range(100, 108)),
    (1, 2, 22),
    (3, 23),
    (4, 24),
    (7, 27),
)
"""Numbers that take each other's place."""
MOST_COLUMNS = 1_000
"""So far to the right a program may go without a word."""
Cell = tuple[str, str]
"""A style (the numbers of its colour code, joined) and a character."""


def settle(text: str) -> str:
    """The text with its lines as they were drawn last; of codes only colours, the cursor's place and half a one are left."""
    if not any(mark in text for mark in "\r\b\x1b"):
        return text
    text = text.replace("\r\n", "\n")
    if not any(mark in text for mark in "\r\b\x1b"):
        return text
    half = _HALF.search(text)
    cut = half.start() if half else len(text)
    return _Screen().draw(text[:cut]) + text[cut:]


def append(before: str, text: str) -> str:
    """`settle(before + text)` where `before` is settled, without looking at lines that cannot change any more."""
    if half := _HALF.search(before):
        before, text = before[: half.start()], half[0] + text
    up = sum(min(int(found[1] or 1), MOST_UP) for found in _UP.finditer(text))
    if cursor := _CURSOR.search(before):
        up += int(cursor[1] or 0)
    cut = len(before)
    for _ in range(up + 1):
        cut = before.rfind("\n", 0, cut)
        if cut < 0:
            break
    return before[: cut + 1] + settle(before[cut + 1 :] + text)


def plain(text: str) -> str:
    """A settled text without colours."""
    return _CODE.sub("", text) if "\x1b" in text else text


def runs_of(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """A settled text in pieces of one look: names such as `red`, `bright-red`, `on-blue`, `bold`, and the words."""
    style, at = "", 0
    for code in _CODE.finditer(text):
        if code.start() > at:
            yield _names(style), text[at : code.start()]
        style, at = _styled(style, code), code.end()
    if at < len(text):
        yield _names(style), text[at:]


class _Screen:
    def __init__(self) -> None:
        self._lines: list[list[Cell]] = [[]]
        self._row = self._column = 0
        self._style = ""

    def draw(self, text: str) -> str:
        for token in _TOKEN.finditer(text):
            word = token[0]
            match word[0]:
                case "\n":
                    self._move(self._row + 1, 0)
                case "\r":
                    self._column = 0
                case "\b":
                    self._column = max(self._column - 1, 0)
                case "\x1b":
                    self._obey(token)
                case _:
                    self._put(word)
        return self._settled()

    def _put(self, word: str) -> None:
        line, style = self._lines[self._row], self._style
        line += [("", " ")] * (self._column - len(line))
        line[self._column : self._column + len(word)] = [(style, character) for character in word]
        self._column += len(word)

    def _obey(self, token: re.Match[str]) -> None:
        given, kind = token[1] or "", token[2] or ""
        number = int(given) if given.isdigit() else 0
        step = min(number or 1, MOST_COLUMNS)
        match kind:
            case "m":
                self._style = _styled(self._style, token)
            case "A" | "F":
                self._move(max(self._row - min(step, MOST_UP), 0), self._column if kind == "A" else 0)
            case "B" | "E":
                self._move(min(self._row + step, len(self._lines) - 1), self._column if kind == "B" else 0)
            case "C":
                self._column = max(self._column, min(self._column + step, MOST_COLUMNS))
            case "D":
                self._column = max(self._column - step, 0)
            case "G":
                self._column = step - 1
            case "K":
                self._erase(number)

    def _erase(self, part: int) -> None:
        line = self._lines[self._row]
        if part == 0:
            del line[self._column :]
        elif part == 1:
            line[: self._column] = [("", " ")] * min(self._column, len(line))
        else:
            line.clear()

    def _move(self, row: int, column: int) -> None:
        self._row, self._column = row, column
        while len(self._lines) <= row:
            self._lines.append([])

    def _settled(self) -> str:
        texts = []
        for number, line in enumerate(self._lines):
            last = "" if number < len(self._lines) - 1 else self._style
            texts.append(_line(line, last))
        row, column = len(self._lines) - 1, len(self._lines[-1])
        if (self._row, self._column) == (row, column):
            return "\n".join(texts)
        up = f"\x1b[{row - self._row}A" if row > self._row else ""
        return "\n".join(texts) + f"{up}\x1b[{self._column + 1}G"


def _line(cells: list[Cell], last: str) -> str:
    pieces, style = [], ""
    for now, character in cells:
        if now != style:
            pieces.append(_switch(style, now))
            style = now
        pieces.append(character)
    if style != last:
        pieces.append(_switch(style, last))
    return "".join(pieces)


def _switch(before: str, style: str) -> str:
    reset = "\x1b[0m" if before else ""
    return f"{reset}\x1b[{style}m" if style else reset


def _styled(style: str, code: re.Match[str]) -> str:
    """The style after a colour code: the numbers that are in force, in order; of more colours than sixteen a near one."""
    if code[2] != "m" or not re.fullmatch(r"[\d;]*", code[1] or ""):
        return style
    kept = {int(number) for number in style.split(";") if number}
    given = [int(number or 0) for number in (code[1] or "0").split(";")]
    while given:
        number = given.pop(0)
        if number in (38, 48):
            number = _near(given, number - 8)
        replaced = next((kind for kind in _KINDS if number in kind), ())
        kept = kept.difference(replaced) if number else set()
        if number in _NAMED:
            kept.add(number)
    return ";".join(map(str, sorted(kept)))


def _near(given: list[int], base: int) -> int:
    """The one of sixteen colours that is near the one of many that is given (`5;n` or `2;r;g;b`), which is taken out."""
    kind = given.pop(0) if given else 0
    taken = given[: 1 if kind == 5 else 3]
    del given[: len(taken)]
    if kind == 5 and taken:
        number = taken[0]
        if number < 16:
            return base + number if number < 8 else base + 60 + number - 8
        cube = number - 16
        taken = [51 * (cube // step % 6) for step in (36, 6, 1)] if number < 232 else [8 + 10 * (number - 232)] * 3
    if len(taken) < 3:
        return base + 9
    bright = 60 * (max(taken) > 191)
    return base + bright + sum(1 << place for place, value in enumerate(taken) if value > max(taken) / 2 and value > 63)


def _names(style: str) -> tuple[str, ...]:
    return tuple(_NAMED[int(number)] for number in style.split(";") if number)
