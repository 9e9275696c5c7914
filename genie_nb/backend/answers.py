"""Answers of a server over HTTP: read within bounds, and understood or refused in words; nothing of them is trusted.

Above: `client`. Below: `errors`.
"""

import json
import re
from typing import Any

import httpx

from genie_nb.errors import LinkError

__all__ = ("MOST_FILE_BYTES", "read_bytes", "read_object", "refusal", "seconds_in", "word_in")

MOST_OBJECT_BYTES = 2**20
MOST_REFUSAL_BYTES = 64 * 1024
MOST_FILE_BYTES = 2**30


async def read_bytes(answer: httpx.Response, most_bytes: int) -> bytes:
    """The body of an answer, or no more than the first bytes of it; the rest is never read."""
    body = bytearray()
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) >= most_bytes:
            break
    return bytes(body[:most_bytes])


async def read_object(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object that an answer is.

    Raises:
        LinkError: It is something else, or too large.
    """
    body = await read_bytes(answer, MOST_OBJECT_BYTES + 1)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        kind = answer.headers.get("content-type", "")[:60] or "no type"
        size = f"more than {MOST_OBJECT_BYTES:,}" if len(body) > MOST_OBJECT_BYTES else f"{len(body):,}"
        raise LinkError(
            f"The server {answer.url.host} answered something else than genie_nb ({kind}, {size} bytes). "
            "Look whether the address is right, and whether a proxy answers in its place.",
            status=answer.status_code,
        )
    return found


def word_in(answer: dict[str, Any], name: str) -> str:
    """What an answer gives under this name.

    Raises:
        LinkError: It gives nothing.
    """
    found = answer.get(name)
    if not isinstance(found, str) or not found:
        raise LinkError(
            f"The server's answer lacks {name!r}, so it is no server of genie_nb, or not of this version.", status=200
        )
    return found


async def refusal(answer: httpx.Response) -> LinkError:
    """Why a server refused, in its own words where it has some."""
    body = await read_bytes(answer, MOST_REFUSAL_BYTES)
    try:
        message = str(json.loads(body)["error"]["message"])[:2000]
    except (ValueError, KeyError, TypeError, RecursionError):
        message = body.decode(errors="replace")[:200].strip() or answer.reason_phrase
    return LinkError(
        f"The server {answer.url.host} answered {answer.status_code}: {message}",
        status=answer.status_code,
        retry_after_s=seconds_in(answer.headers.get("retry-after")),
    )


def seconds_in(value: str | None) -> float:
    """A number of seconds in a header; 0 for none."""
    return float(value) if value and re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", value) else 0.0
