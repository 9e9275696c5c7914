"""Who is asked, how long it may take, and who wants to watch a call.

Above: `sessions`. Below: `mcp_entry`.
"""

from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from genie_nb.backend.mcp_entry import McpEntry
from genie_nb.url_secrets import split_credentials

__all__ = ("McpPatience", "McpServer", "Watch")


@dataclass(frozen=True)
class McpServer:
    """A server, and as whom it is asked: another header, another session.

    Attributes:
        url: Its address, or
        command: the program that it is, with its arguments.
        headers: Names in small letters and values, sorted.
        env: Variables for the program.
        name: What the person calls it.
    """

    url: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    command: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    name: str = ""

    @property
    def host(self) -> str:
        """Its host and port, without a password."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def there(self) -> str:
        """How a sentence about it begins."""
        return f"The MCP server {self.name}" if self.name else f"The MCP server at {self.host}"

    @classmethod
    def of(cls, entry: McpEntry, name: str) -> "McpServer":
        """The server that an entry of the settings names."""
        url, credentials = split_credentials(entry.url or "")
        given = credentials | {name: value.get_secret_value() for name, value in entry.headers.items()}
        headers = sorted({name.lower(): value for name, value in given.items()}.items())
        env = sorted((name, value.get_secret_value()) for name, value in entry.env.items())
        command = (entry.command, *entry.args) if entry.command else ()
        return cls(url, tuple(headers), command, tuple(env), name)


@dataclass(frozen=True)
class McpPatience:
    """How long a server may take.

    Attributes:
        connect_s: Seconds to be reached; the whole opening with its handshake may take three times as long.
        read_s: Seconds to answer one question.
    """

    connect_s: float = 5.0
    read_s: float = 300.0


class Watch(Protocol):
    """Who looks on while a call is at work."""

    def progress(self, done: float, total: float, message: str) -> None:
        """How far it has come; `total` is 0 where nobody knows it."""
        ...

    def log(self, text: str) -> None:
        """A line that the server wrote."""
        ...
