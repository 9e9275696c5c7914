"""Control characters as symbols: what cannot be seen, or turns the order of what can, is shown where it stands. Pure.

For code, arguments and names: what a person allows or opens must read as it runs. Prose is left alone, where Arabic, Hebrew
and emoji need such characters (Boucher and Anderson, "Trojan Source", https://trojansource.codes, 2021).

Above: `widgets`, `cli`. Below: nothing.
"""

import re

__all__ = ("CONTROLS", "controls_in", "show_controls", "show_line", "symbol_of")

CONTROLS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)"  # C0 but tab and newline, DEL, C1
    r"|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # marks of direction
    r"|[\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff]"  # no width
    r"|[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u2028\u2029\u3164\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"  # others
)
"""A character that cannot be seen in code, or that changes what is seen."""
_PICTURES, _DELETE = 0x2400, 0x7F
_IN_LINES = re.compile(r"[\t\n\r]")


def symbol_of(character: str) -> str:
    """What stands for a character: the control picture of an ASCII one (`␛`), the number of any other (`⟨U+202E⟩`)."""
    code = ord(character)
    if code == _DELETE:
        return "␡"
    return chr(_PICTURES + code) if code < ord(" ") else f"⟨U+{code:04X}⟩"


def show_controls(text: str) -> str:
    """The text with a symbol for each control character; tabs and the ends of lines stay."""
    return CONTROLS.sub(lambda found: symbol_of(found[0]), text)


def show_line(text: str) -> str:
    """A name with a symbol for each control character, also for what would begin a new line."""
    return _IN_LINES.sub(lambda found: symbol_of(found[0]), show_controls(text))


def controls_in(text: str) -> list[str]:
    """The symbols of the control characters in the text, each once, in the order in which they appear."""
    return list(dict.fromkeys(symbol_of(character) for character in CONTROLS.findall(text)))
