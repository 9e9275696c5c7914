"""Building: a report's Markdown and the pictures of the run's folder as the file that was asked for.

Everything here may take a second: call it from a worker thread. The writers are loaded with the first report, because a run
that writes none should not wait for them.

Above: `tools/report`. Below: `document`, `page`, `deck`, `plain`, `workspace`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from genie_nb.backend.extras import require_extra
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import RequestError, ToolFailed

if TYPE_CHECKING:
    from genie_nb.backend.reports.document import Document
    from genie_nb.backend.reports.page import Pictures

__all__ = ("SUFFIXES", "Order", "ReportFormat", "build", "check_format", "format_named", "report_name")

ReportFormat = Literal["html", "markdown", "pptx"]
SUFFIXES: dict[ReportFormat, str] = {"html": ".html", "markdown": ".md", "pptx": ".pptx"}
_NAMES: dict[str, ReportFormat] = {"html": "html", "htm": "html", "markdown": "markdown", "md": "markdown"}
_NAMES |= {"pptx": "pptx", "ppt": "pptx", "powerpoint": "pptx", "slides": "pptx"}
PICTURE_BYTES, ALL_PICTURES_BYTES = 5_000_000, 20_000_000
"""Larger pictures, and those beyond so much in all, are left out."""
_PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
LONGEST_NAME = 120
_BAD = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Order:
    """What file is wanted.

    Attributes:
        title: The report's title, where it has none of its own.
        foot: What stands at the end of a page.
        html_templates: The person's own templates for pages.
        slides_template: The person's own presentation.
    """

    format: ReportFormat
    language: str = "en"
    title: str = ""
    foot: str = ""
    dashboard: bool = False
    html_templates: Path | None = None
    slides_template: Path | None = None


def format_named(name: object) -> ReportFormat:
    """The format of that name; JDGenie's `ppt` is `pptx`.

    Raises:
        ToolFailed: There is none.
    """
    found = _NAMES.get(name.strip().lower().lstrip(".")) if isinstance(name, str) else None
    if found is None:
        raise ToolFailed(f"A report's format is html, markdown or pptx, not {str(name)[:40]!r}.")
    return found


def check_format(wanted: ReportFormat) -> None:
    """Make sure that files of this format can be made here.

    Raises:
        ToolFailed: A library for it is missing.
    """
    if wanted == "pptx":
        require_extra("A report as slides", "reports", only=("lxml", "pillow", "python-pptx"), error=ToolFailed)


def report_name(name: object, wanted: ReportFormat) -> str:
    """The name of the report's file, with its ending.

    Raises:
        ToolFailed: It is no plain name that every system takes.
    """
    if not isinstance(name, str):
        raise ToolFailed(f"The file name must be text, not {type(name).__name__}. Give a plain name such as report.")
    plain = name.strip().rstrip(".")
    shown = plain[:40] + "…" * (len(plain) > 40)
    if not plain or _BAD.search(plain) or plain.startswith(".") or ".." in plain:
        raise ToolFailed(f"The file name {shown!r} cannot be used. Give a plain name without folders, such as report.")
    if _RESERVED.match(plain) or plain != plain.encode("utf-8", "replace").decode():
        raise ToolFailed(f"No system takes the file name {shown!r}. Give another one, such as report.")
    stem = re.sub(r"\.(?:html?|md|markdown|pptx?)$", "", plain, flags=re.IGNORECASE) or "report"
    if len(stem.encode()) > LONGEST_NAME:
        raise ToolFailed(f"The file name {shown!r} is too long. Give one of at most {LONGEST_NAME} bytes.")
    return stem + SUFFIXES[wanted]


def build(text: str, order: Order, workspace: Workspace) -> bytes:
    """The file's content.

    Raises:
        ToolFailed: The text is no report, a template cannot be used, or a library for the format is missing.
    """
    from genie_nb.backend.reports.document import read_document
    from genie_nb.backend.reports.plain import plain_markdown

    check_format(order.format)
    document = read_document(text, title=order.title)
    match order.format:
        case "markdown":
            return plain_markdown(text).encode()
        case "html":
            from genie_nb.backend.reports.page import Look, page_html

            look = Look(order.language, order.foot, order.dashboard, order.html_templates)
            return page_html(document, _pictures(document, workspace), look).encode()
        case "pptx":
            from genie_nb.backend.reports.deck import deck_bytes

            pictures = _pictures(document, workspace)
            return deck_bytes(document, pictures, language=order.language, template=order.slides_template)


def _pictures(document: "Document", workspace: Workspace) -> "Pictures":
    """The pictures that the document names and that lie in the run's folder."""
    from genie_nb.backend.reports.document import Image
    from genie_nb.backend.reports.page import Picture

    found: dict[str, Picture] = {}
    left = ALL_PICTURES_BYTES
    for image in (block for block in document.blocks if isinstance(block, Image)):
        media_type = _PICTURES.get(Path(image.source).suffix.lower())
        if media_type is None or image.source in found:
            continue
        try:
            content = workspace.read(image.source, PICTURE_BYTES + 1)
        except RequestError:  # not there, or outside the run's folder
            continue
        if len(content) <= min(PICTURE_BYTES, left):
            left -= len(content)
            found[image.source] = Picture(content, media_type)
    return found
