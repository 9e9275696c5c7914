"""How much a server may send over HTTP: each excess is one sentence, and little memory."""

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import psutil
import pytest

from genie_nb.backend.mcp import bounds
from genie_nb.backend.mcp.peers import McpPatience
from genie_nb.backend.mcp.sessions import McpServer, McpSessions
from genie_nb.errors import LinkError
from tests.backend.mcp_http import http_server, result, say

PIECE = b" " * 2**20
EVENTS = "text/event-stream"


def spaces_without_end(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    say(handler, b"")
    for _ in range(400):
        handler.wfile.write(PIECE)


def a_compressed_answer(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    say(handler, gzip.compress(PIECE * 400), Content_Encoding="gzip")


def one_event_without_end(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    say(handler, b"data: ", EVENTS)
    for _ in range(400):
        handler.wfile.write(PIECE)


def events_without_end(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}
    say(handler, b"", EVENTS)
    for _ in range(5_000):
        handler.wfile.write(f"data: {json.dumps(note)}\n\n".encode() * 100)


def pages_without_end(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    tool = {"name": "t", "description": "x" * 2**20, "inputSchema": {"type": "object"}}
    say(handler, result(asked, tools=[tool], nextCursor=str(id(asked))))


def another_kind(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    say(handler, b"<html>", "text/html")


TOO_MUCH: dict[Callable[..., None], str] = {
    spaces_without_end: "sent a message of more than 8 MiB, so its connection was closed.",
    a_compressed_answer: "compresses its answers although it was told not to.",
    one_event_without_end: "sent a message that is too large.",
    events_without_end: "floods: it sent more than a call may bring, so its connection was closed.",
    pages_without_end: "lists more than 500 tools or 4 MiB of them, so none is used.",
    another_kind: "refused: Unexpected content type: text/html",
}


@pytest.fixture(params=TOO_MUCH, ids=lambda answer: answer.__name__)
def hostile(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    with http_server(request.param) as url:
        yield url, TOO_MUCH[request.param]


def test_what_is_too_much_over_http_is_one_sentence(hostile: tuple[str, str]) -> None:
    url, words = hostile

    async def work() -> None:
        sessions = McpSessions()
        server = McpServer(url, name="far")
        try:
            with pytest.raises(LinkError) as told:
                await sessions.list_tools(server, McpPatience(read_s=30.0))
            assert str(told.value) == f"The MCP server far {words}"
        finally:
            await sessions.close()

    async def bounded() -> None:
        async with asyncio.timeout(120):
            await work()

    before = psutil.Process().memory_info().rss
    asyncio.run(bounded())
    assert psutil.Process().memory_info().rss - before < 150 * 2**20


def test_what_was_counted_is_forgotten_with_the_next_question() -> None:
    told: list[str] = []
    counting = bounds.Bounds("It", told.append)
    for _ in range(3):
        counting.asked()
        counting.take(bounds.FLOOD_BYTES)
    with pytest.raises(LinkError, match="It floods"):
        counting.take(1)
    assert len(told) == 1
