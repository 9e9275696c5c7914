"""The page reader: a web page as text, within limits of bytes, time, type and redirects, and never from a private address.

Above: `engines`. Below: `base`, `fetching`, `html_text`, `pdf_text`.
"""

import asyncio
import re
import zlib
from importlib import import_module
from importlib.util import find_spec

import httpx

from genie_nb.backend.fetching import FetchRules, guarded_transport
from genie_nb.backend.search.base import Page
from genie_nb.backend.search.html_text import html_text, html_title
from genie_nb.backend.search.pdf_text import pdf_pages
from genie_nb.backend.search.web import trusted
from genie_nb.errors import RequestError, ToolFailed
from genie_nb.text_encoding import encoding_of

__all__ = ("PageReader",)

PAGE_S = 15.0
"""Seconds that one page may take."""
PAGE_BYTES = 3 * 2**20
MOST_REDIRECTS = 5
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_PLAIN = ("text/plain", "text/markdown", "application/json")
_HTML = ("text/html", "application/xhtml+xml")


class PageReader:
    """Reads pages of the web."""

    def __init__(self, rules: FetchRules, *, page_s: float = PAGE_S, most_bytes: int = PAGE_BYTES) -> None:
        self._rules, self._page_s, self._most_bytes = rules, page_s, most_bytes

    async def read(self, url: str) -> Page:
        """The page at an address.

        Raises:
            ToolFailed: It is at a private address, too large, too slow, of a kind that is not read, or not there.
        """
        place = url[:120]
        try:
            async with asyncio.timeout(self._page_s):
                kind, head, body = await self._fetch(url)
                return await asyncio.to_thread(_page, kind, head, body)
        except TimeoutError:
            raise ToolFailed(f"{place} took longer than {self._page_s:g} s.") from None
        except RequestError as error:
            raise ToolFailed(str(error)) from None
        except zlib.error:
            raise ToolFailed(f"{place} cannot be unpacked: its bytes are not what it says.") from None
        except ValueError as error:
            raise ToolFailed(f"{place} {error}.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ToolFailed(f"{place} cannot be had: {str(error)[:200] or type(error).__name__}.") from None

    async def _fetch(self, url: str) -> tuple[str, bytes, bytes]:
        """The page's media type, the charset that it names, and its bytes."""
        client = httpx.AsyncClient(
            transport=guarded_transport(self._rules, verify=await trusted()),
            follow_redirects=True,
            max_redirects=MOST_REDIRECTS,
            trust_env=False,  # a proxy would look names up by itself
            headers={
                "User-Agent": "genie_nb",
                "Accept": "text/html, text/plain, application/pdf",
                "Accept-Encoding": "identity",
            },
        )
        async with client, client.stream("GET", url) as answer:
            if answer.status_code != 200:
                raise ValueError(f"answers with status {answer.status_code}")
            named = answer.headers.get("content-type", "text/html")
            kind = named.partition(";")[0].strip().lower()
            if kind not in (*_HTML, *_PLAIN, "application/pdf"):
                raise ValueError(f"is of the kind {kind[:60]!r}, which is not read")
            return kind, named.encode("ascii", "replace"), await self._body(answer)

    async def _body(self, answer: httpx.Response) -> bytes:
        """The bytes, unpacked here: what a packed answer grows to is only known when it has grown."""
        packed = answer.headers.get("content-encoding", "identity").lower()
        if packed not in ("identity", "gzip", "deflate"):
            raise ValueError(f"is packed as {packed[:20]!r}, which is not read")
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 32) if packed != "identity" else None
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += unpack.decompress(piece, self._most_bytes + 1) if unpack else piece
            if len(body) > self._most_bytes or (unpack and unpack.unconsumed_tail):
                raise ValueError(f"is larger than {self._most_bytes >> 20} MiB")
        return bytes(body)


def _page(kind: str, named: bytes, body: bytes) -> Page:
    if kind == "application/pdf":
        return Page("", "\n\n".join(f"# page {number}\n\n{text}" for number, text in enumerate(pdf_pages(body), 1)))
    text = body.decode(_encoding(named, body), "replace").replace("\0", " ")
    if kind in _PLAIN:
        return Page("", text)
    return Page(html_title(text), _readable(text))


def _encoding(named: bytes, body: bytes) -> str:
    for place in (named, body[:2048]):
        if found := _CHARSET.search(place):
            try:
                "".encode(found[1].decode("ascii"))
            except (LookupError, ValueError):
                continue  # a charset that nobody knows
            return found[1].decode("ascii")
    encoding = encoding_of(body)
    if encoding is None:
        raise ValueError("is no text, although it says so")
    return encoding


def _readable(html: str) -> str:
    """What a reader reads of a page: its main text where trafilatura is there to find it, else all of its words."""
    if find_spec("trafilatura") is not None:
        text = import_module("trafilatura").extract(html, output_format="markdown", include_comments=False)
        if text:
            return str(text)
    return html_text(html)
