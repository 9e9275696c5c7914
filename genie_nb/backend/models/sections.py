"""Sections: how a prompt keeps the person's words, the files and the results of tools apart.

A section is `<name>`, its text, `</name>`, each on lines of its own. A text cannot end its own section: a closing tag inside
it is written with a zero-width space. Models that are rules (`analyst`) read the same sections that other models are shown.

Above: the agents and the offline analyst. Below: nothing.
"""

import re

__all__ = ("read_sections", "section")

_SECTION = re.compile(r"^<([a-z_]+)>\n(.*?)\n</\1>$", re.DOTALL | re.MULTILINE)


def section(name: str, text: str) -> str:
    """The text as a section of that name."""
    closing = f"</{name}>"
    return f"<{name}>\n{text.replace(closing, f'<\u200b/{name}>')}\n{closing}"


def read_sections(prompt: str) -> dict[str, str]:
    """The sections of a prompt by name; of two with one name the later counts."""
    return {match[1]: match[2] for match in _SECTION.finditer(prompt)}
