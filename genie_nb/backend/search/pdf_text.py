"""The text of a PDF, page by page, read in a process of its own: a hostile one can take neither time nor memory from here.

This file is also that process: it is run by its path and imports nothing of ours there.

Above: `reading`. Below: `errors`.
"""

import json
import resource
import subprocess
import sys

__all__ = ("PDF_SUFFIXES", "missing_pdf_library", "pdf_pages")

PDF_SUFFIXES = (".pdf",)
SECONDS = 20
MEMORY_BYTES = 1 << 30
MOST_PAGES = 300
MOST_CHARACTERS = 1_000_000


def pdf_pages(content: bytes) -> list[str]:
    """The text of each page; blank ones are empty.

    Raises:
        ValueError: It is no PDF, is locked, takes too long, or the library is missing; the message says which.
    """
    if not content.startswith(b"%PDF-"):
        raise ValueError("is no PDF")
    if lacking := missing_pdf_library():
        raise ValueError(f"is a PDF. {lacking}")
    command = [sys.executable, "-P", "-W", "ignore", __file__]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS, check=False)
        pages = json.loads(done.stdout) if done.returncode == 0 else None
    except subprocess.TimeoutExpired:
        raise ValueError(f"is a PDF that takes longer than {SECONDS} s to read") from None
    except ValueError:
        pages = None
    if not isinstance(pages, list):
        raise ValueError("is a PDF that cannot be read: it is broken or locked")
    return [str(page) for page in pages]


def missing_pdf_library() -> str:
    """What to install so that PDFs can be read; empty if they can."""
    from genie_nb.backend.extras import missing_extra  # not above: this file is also the process that reads

    return missing_extra("Reading PDFs", "reports", only=("pypdf",))


def _child() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    from io import BytesIO

    from pypdf import PdfReader  # only in the process that may be ended

    pages: list[str] = []
    left = MOST_CHARACTERS
    for page in PdfReader(BytesIO(sys.stdin.buffer.read())).pages:
        pages.append(page.extract_text()[:left].encode("utf-8", "replace").decode())
        left -= len(pages[-1])
        if left <= 0 or len(pages) == MOST_PAGES:
            break
    sys.stdout.write(json.dumps(pages))


if __name__ == "__main__":
    _child()
