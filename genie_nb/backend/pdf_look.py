"""A look at a PDF document, in a process of its own: prints its pages and first words, or why it cannot be read, as JSON.

A document may be made to take any time and any memory; so this process has a limit of both.

Above: `documents`, which runs it. Below: nothing of genie_nb.
"""

import json
import logging
import resource
import sys

__all__ = ("look", "main")

CPU_S = 20
MEMORY_BYTES = 2 * 2**30
PAGES_READ = 5
"""So many pages are read until one has words."""
CHARACTERS = 300


def look(path: str) -> dict[str, object]:
    """What the document holds: `pages` and `begins`; or `why` it cannot be read."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

    try:
        reader = PdfReader(path)
        pages = len(reader.pages)
        words = ""
        for page in reader.pages[:PAGES_READ]:
            words = words or " ".join(page.extract_text().split())
    except (FileNotDecryptedError, DependencyError):
        return {"why": "is protected by a password. Give a copy without one."}
    except (PyPdfError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, OSError, MemoryError):
        return {"why": "is broken: its pages cannot be found. Save it again, or give its text."}
    if not pages:
        return {"why": "has no pages."}
    return {"pages": pages, "begins": words[:CHARACTERS]}


def main() -> None:
    """Look at the document that the command line names."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    logging.disable(logging.CRITICAL)
    sys.stdout.write(json.dumps(look(sys.argv[1])))


if __name__ == "__main__":
    main()
