"""Search engines of the web: plain JSON over HTTP with the person's own key. A key is told to its provider alone.

Above: `engines`. Below: `base`, `html_text`.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Any

import httpx

from genie_nb.backend.search.base import Document, Tell, is_web
from genie_nb.backend.search.html_text import html_text
from genie_nb.errors import ToolFailed
from genie_nb.url_secrets import split_credentials

__all__ = ("PROVIDERS", "Provider", "WebEngine", "trusted")

ANSWER_S = 15.0
"""Seconds that a provider has for one query."""
ANSWER_BYTES = 4 * 2**20
QUERY_CHARACTERS = 400
"""Providers refuse longer queries."""
SNIPPET_CHARACTERS = 2_000

Json = dict[str, Any]


@dataclass(frozen=True)
class Provider:
    """How one provider is asked, and how its answer is read.

    Attributes:
        url: Where it is asked, unless the settings name another place.
        key_header: The header that takes the key; `{}` stands for it in `key_form`.
        found: Where the list of results is in the answer.
        fields: What it calls title, address and text.
        post: Whether the query goes as a JSON body, else in the address.
    """

    url: str
    key_header: str
    key_form: str
    asked: Callable[[str, int], Json]
    found: tuple[str, ...]
    fields: tuple[str, str, str]
    post: bool = False


PROVIDERS: dict[str, Provider] = {
    # https://docs.tavily.com/documentation/api-reference/endpoint/search
    "tavily": Provider(
        "https://api.tavily.com/search", "Authorization", "Bearer {}",
        lambda query, k: {"query": query, "max_results": min(k, 20)}, ("results",), ("title", "url", "content"), post=True,
    ),
    # https://serper.dev/playground
    "serper": Provider(
        "https://google.serper.dev/search", "X-API-KEY", "{}",
        lambda query, k: {"q": query, "num": k}, ("organic",), ("title", "link", "snippet"), post=True,
    ),
    # https://api-dashboard.search.brave.com/app/documentation/web-search/get-started
    "brave": Provider(
        "https://api.search.brave.com/res/v1/web/search", "X-Subscription-Token", "{}",
        lambda query, k: {"q": query, "count": min(k, 20)}, ("web", "results"), ("title", "url", "description"),
    ),
    # The v7 format of Bing Web Search, which other services speak too
    "bing": Provider(
        "https://api.bing.microsoft.com/v7.0/search", "Ocp-Apim-Subscription-Key", "{}",
        lambda query, k: {"q": query, "count": k}, ("webPages", "value"), ("name", "url", "snippet"),
    ),
    # https://docs.searxng.org/dev/search_api.html
    "searxng": Provider(
        "", "Authorization", "Bearer {}",
        lambda query, k: {"q": query, "format": "json"}, ("results",), ("title", "url", "content"),
    ),
}  # fmt: skip


@cache
def _context() -> SSLContext:
    return httpx.create_ssl_context()


async def trusted() -> SSLContext:
    """Whom an https connection trusts; made once, in a thread, as it takes tens of milliseconds."""
    return await asyncio.to_thread(_context)


class WebEngine:
    """One provider, with a person's key."""

    def __init__(self, name: str, *, key: str = "", url: str = "") -> None:
        self.name = name
        self.scope = f"the web, by {name.capitalize()}"
        self._provider = PROVIDERS[name]
        self._key = key.strip()
        self._url, self._credentials = split_credentials(url or self._provider.url)
        if name == "searxng" and not self._url.rstrip("/").endswith("/search"):
            self._url = self._url.rstrip("/") + "/search"

    async def prepare(self, question: str, tell: Tell) -> None:
        """Nothing has to be made ready."""

    async def search(self, query: str, k: int) -> list[Document]:
        """The pages that the provider finds.

        Raises:
            ToolFailed: It could not be asked, or refused; the sentence never holds the key.
        """
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **self._credentials}
        if self._key:
            if not (self._key.isascii() and self._key.isprintable()):
                raise ToolFailed(
                    f"The key of {self.name} holds characters that no key has. Set search.{self.name}_key anew."
                )
            headers[self._provider.key_header] = self._provider.key_form.format(self._key)
        asked = self._provider.asked(query[:QUERY_CHARACTERS], k)
        try:
            async with asyncio.timeout(ANSWER_S):
                status, body = await self._ask(asked, headers)
        except TimeoutError:
            raise ToolFailed(f"{self.name} did not answer within {ANSWER_S:g} s.") from None
        except httpx.ConnectError:
            raise ToolFailed(f"{self.name} cannot be reached: the connection was refused, or its host is unknown.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # its words may hold a header, and so the key
            raise ToolFailed(f"{self.name} could not be asked ({type(error).__name__}).") from None
        self._check(status)
        return self._documents(body)[:k]

    async def _ask(self, asked: Json, headers: Mapping[str, str]) -> tuple[int, bytes]:
        method, sent = ("POST", {"json": asked}) if self._provider.post else ("GET", {"params": asked})
        async with (
            httpx.AsyncClient(verify=await trusted(), timeout=ANSWER_S) as client,
            client.stream(method, self._url, headers=headers, **sent) as answer,  # type: ignore[arg-type]
        ):
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > ANSWER_BYTES:
                    raise ToolFailed(f"The answer of {self.name} is larger than {ANSWER_BYTES >> 20} MiB and was not read.")
            return answer.status_code, bytes(body)

    def _check(self, status: int) -> None:
        if status in (401, 403):
            what = (
                "does not give JSON; allow `json` in its settings (search.formats)"
                if self.name == "searxng"
                else f"refused the key: set search.{self.name}_key"
            )
            raise ToolFailed(f"{self.name} {what} (status {status}).")
        if status in (402, 429, 432, 433):
            raise ToolFailed(
                f"{self.name} takes no more queries for now: the key's quota or rate is used up (status {status})."
            )
        if status != 200:
            raise ToolFailed(f"{self.name} answered with status {status} and no results.")

    def _documents(self, body: bytes) -> list[Document]:
        try:
            found = json.loads(body)
            for name in self._provider.found:
                found = found.get(name) or {}
            results = list(found)
        except (ValueError, AttributeError, TypeError, RecursionError):
            raise ToolFailed(f"{self.name} answered with something that is not its JSON.") from None
        title, address, text = self._provider.fields
        return [
            Document(_plain(one.get(title)) or str(one[address]), str(one[address]), _plain(one.get(text)))
            for one in results
            if isinstance(one, dict) and is_web(str(one.get(address, "")))
        ]


def _plain(text: object) -> str:
    """A title or a snippet without its marks: Brave and others put tags around what was found."""
    said = str(text or "")[:SNIPPET_CHARACTERS]
    return " ".join(html_text(said).split()) if "<" in said or "&" in said else " ".join(said.split())
