"""One MCP server as a person names it: an address, a command line, or a mapping of both with more.

Above: `settings`, `mcp`. Below: `url_secrets`.
"""

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from genie_nb.url_secrets import without_passwords

__all__ = ("McpEntry", "entries_in", "labelled")

_RUNNERS = re.compile("bash|bun|bunx|deno|dlx|docker|exec|node|npx|pipx|pnpm|run|sh|tsx|uv|uvx|yarn")
"""Programs that start others, and their words: a server is not called like one of these."""
_UNTELLING = re.compile("|bin|build|dist|index|lib|main|server|src")
_PYTHON = re.compile(r"(python|pypy)[\d.]*(\.exe)?")


class McpEntry(BaseModel):
    """One MCP server, over streamable HTTP or SSE (`url`), or over stdio (`command`).

    Attributes:
        name: What its tools' names begin with; made of the address or the command where none is given.
        url: Its address; one that ends in `/sse` is asked over SSE.
        command: The program to start.
        args: What the program is given.
        env: Variables for the program, beside a few harmless ones; nothing else of this process's reaches it.
        headers: Sent with each request.
        timeout_s: Seconds that one call may take, where it is not `tool_timeout_s`.
        asks: Whether a person is asked before each call.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="", max_length=40)
    url: str | None = None
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, SecretStr] = {}
    headers: dict[str, SecretStr] = {}
    timeout_s: float | None = Field(default=None, gt=0)
    asks: bool = False

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What is shown of the entry: no passwords of addresses."""
        for name, value in super().__repr_args__():
            if isinstance(value, str):
                yield name, without_passwords(value)
            else:
                yield name, tuple(map(without_passwords, value)) if name == "args" else value

    @model_validator(mode="before")
    @classmethod
    def _written_short(cls, given: Any) -> Any:
        """An address or a command line, as text or as a list of words; in a mapping too."""
        if isinstance(given, str) and re.match(r"\s*\w+://", given):
            return {"url": given.strip()}
        if isinstance(given, str | list | tuple):
            given = {"command": given}
        if not isinstance(given, dict) or "args" in given:
            return given
        command = given.get("command")
        words = shlex.split(command) if isinstance(command, str) else command
        if not isinstance(words, list | tuple) or not words:
            return given
        return given | {"command": words[0], "args": tuple(words[1:])}

    @field_validator("url")
    @classmethod
    def _an_address(cls, url: str | None) -> str | None:
        if url is not None and not (_is_url(url) and urlsplit(url).hostname):
            raise ValueError("an address of an MCP server begins with http:// or https://")
        return url

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise ValueError("an MCP server is named by its url or by its command, one of the two")
        return self

    @property
    def label(self) -> str:
        """Its name, or one made of the address or the command: letters, digits, `-` and `_`."""
        return (
            _slug(self.name) or _slug(_host(self.url) if self.url else _program((self.command or "", *self.args))) or "mcp"
        )


def entries_in(given: Any) -> Any:
    """Entries from what stands in a setting: a list, one entry, or JDGenie's comma list in a variable.

    Raises:
        ValueError: A text begins like JSON and is none.
    """
    if isinstance(given, str):
        if given.lstrip().startswith(("[", "{")):
            try:
                return entries_in(json.loads(given))
            except (ValueError, RecursionError):
                raise ValueError(
                    "a list is written with commas, or as a JSON list; this begins like JSON and is none"
                ) from None
        return [part.strip() for part in given.split(",") if part.strip()]
    return [given] if isinstance(given, dict | McpEntry) else given


def labelled(entries: Iterable[McpEntry]) -> list[tuple[str, McpEntry]]:
    """The entries with the names that their tools' names begin with; of entries with one label, the later are numbered."""
    taken: Counter[str] = Counter()
    named = []
    for entry in entries:
        taken[entry.label] += 1
        named.append((entry.label if taken[entry.label] == 1 else f"{entry.label}-{taken[entry.label]}", entry))
    return named


def _is_url(text: str) -> bool:
    return text.strip().lower().startswith(("http://", "https://"))


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")[:40]


def _host(url: str) -> str:
    """A host's telling part: `weather` of `https://mcp.weather.example/mcp`; an address in numbers stays whole."""
    host = (urlsplit(url).hostname or "").removeprefix("www.").removeprefix("mcp.")
    return host if re.fullmatch(r"[\d.:]+", host) else host.split(".")[0]


def _program(words: tuple[str, ...]) -> str:
    """The telling word of a command: `weather` of `python -u /home/me/weather.py`."""
    for word in words:
        path = re.sub(r"(?<=.)@[^/@]*$", "", word.replace("\\", "/").rstrip("/")).split("/")
        stems = [re.sub(r"\.(py|js|mjs|ts|sh|exe)$", "", part) for part in reversed(path)]
        if not word.startswith("-") and not _RUNNERS.fullmatch(stems[0]) and not _PYTHON.fullmatch(stems[0]):
            return next((stem for stem in stems if not _UNTELLING.fullmatch(stem)), stems[0])
    return words[0].rsplit("/", 1)[-1]
