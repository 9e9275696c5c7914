"""Prompt texts: sections, and long texts cut in the middle.

Sections keep the person's words, the files and the results of tools apart. A section is `<name>`, its text, `</name>`,
each on lines of its own. A text cannot end its own section: a closing tag inside it gets a zero-width space. Models that
are rules (`analyst`) read the same sections that other models are shown.

Above: the agents and the offline analyst. Below: nothing.
"""

import re
from bisect import bisect_left

__all__ = ("cut_middle", "read_sections", "section")

_TAG = re.compile(r"<(/?)([a-z_]+)>")


def section(name: str, text: str) -> str:
    """The text as a section of that name."""
    harmless = text.replace(f"</{name}>", f"<\u200b/{name}>")
    return f"<{name}>\n{harmless}\n</{name}>"


def read_sections(prompt: str) -> dict[str, str]:
    """The sections of a prompt by name; of two with one name the later counts."""
    lines = prompt.split("\n")
    tags = [(at, tag[2], bool(tag[1])) for at, line in enumerate(lines) if (tag := _TAG.fullmatch(line))]
    closings: dict[str, list[int]] = {}
    for at, name, closing in tags:
        if closing:
            closings.setdefault(name, []).append(at)
    sections, free = {}, 0
    for at, name, closing in tags:
        ends = closings.get(name, [])
        end = bisect_left(ends, at + 2)
        if at >= free and not closing and end < len(ends):
            sections[name] = "\n".join(lines[at + 1 : ends[end]])
            free = ends[end] + 1
    return sections


def cut_middle(text: str, limit: int) -> str:
    """The text, or its two ends with a word about what is left out between them."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[len(text) - half :]}"
