"""Requests that are refused for want of room, over real HTTP: each is counted once, by what is full."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.client import Client

import genie_nb as gn
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.log.sqlite import SqliteStore
from genie_nb.backend.mcp.sessions import McpSessions
from genie_nb.backend.server import agent_routes
from genie_nb.backend.server.serving import Server
from genie_nb.errors import AdmissionRefused
from tests.fakes import BOUND_S

Serve = Callable[..., Server]
ASKED = {"query": "?"}


def waiting(serve: Serve, **options: Any) -> Server:
    """A server whose model never comes to its end."""
    return serve(gn.ScriptedModel([gn.Say(["x"] * 2, pace_s=3600)] * 3), **options)


def post(server: Server, path: str, **options: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {server.host.token}"}
    return httpx.post(server.address + path, headers=headers, timeout=BOUND_S, **options)


def refused(server: Server) -> dict[str, float]:
    """The counter as `/metrics` shows it."""
    headers = {"authorization": f"Bearer {server.host.token}"}
    page = httpx.get(f"{server.address}/metrics", headers=headers, timeout=BOUND_S).text
    lines = [line for line in page.splitlines() if line.startswith("genie_refused_requests_total")]
    return {
        line.partition('why="')[2].partition('"')[0]: float(line.rpartition(" ")[2])
        for line in lines
        if not line.endswith(" 0.0")
    }


def test_a_server_that_has_room_refuses_nothing(serve: Serve) -> None:
    server = waiting(serve)
    assert post(server, "/v1/runs?follow=false", json=ASKED).status_code == 202
    assert post(server, "/v1/runs", json={}).status_code == 422
    assert httpx.get(f"{server.address}/v1/runs", timeout=BOUND_S).status_code == 401
    assert refused(server) == {}


def test_a_run_beyond_the_queue_is_counted(serve: Serve) -> None:
    server = waiting(serve, max_runs=1, max_queue=1)
    answers = [post(server, "/v1/runs?follow=false", json=ASKED).status_code for _ in range(4)]
    assert answers == [202, 202, 429, 429]
    assert refused(server) == {"runs": 2}


def test_a_run_that_another_assistant_asks_for_is_counted_too(serve: Serve) -> None:
    server = waiting(serve, max_runs=1, max_queue=0)
    post(server, "/v1/runs?follow=false", json=ASKED)

    async def ask() -> bool:
        async with asyncio.timeout(BOUND_S), Client(server.url.replace("/?", "/mcp?")) as client:
            return bool((await client.call_tool("run_agent", {"question": "?"})).is_error)

    assert asyncio.run(ask())
    assert refused(server) == {"runs": 1}


def test_a_stream_beyond_the_limit_is_counted(serve: Serve) -> None:
    server = waiting(serve, max_links=1)
    path = post(server, "/v1/runs?follow=false", json=ASKED).headers["location"]
    with httpx.stream("GET", f"{server.url.replace('/?', f'{path}/events?')}", timeout=BOUND_S) as first:
        pieces = first.iter_bytes()  # to let it go would close the stream
        next(pieces)
        assert httpx.get(server.url.replace("/?", f"{path}/events?"), timeout=BOUND_S).status_code == 503
        assert refused(server) == {"links": 1}


def test_a_connection_beyond_the_limit_is_counted(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]), max_links=1, max_requests=2)
    with httpx.Client(headers={"authorization": f"Bearer {server.host.token}"}, timeout=BOUND_S) as kept:
        kept.get(f"{server.address}/metrics")
        place = ("127.0.0.1", int(server.address.rpartition(":")[2]))
        with socket.create_connection(place), socket.create_connection(place), socket.create_connection(place) as fourth:
            assert fourth.recv(100).startswith(b"HTTP/1.1 503")
            page = kept.get(f"{server.address}/metrics").text
    assert 'genie_refused_requests_total{why="connections"} 1.0' in page


def test_a_conversation_beyond_the_limit_is_counted(serve: Serve) -> None:
    server = waiting(serve, max_sessions=1)
    answers = [post(server, "/v1/runs?follow=false", json=ASKED | {"session_id": name}) for name in ("a", "b")]
    assert [answer.status_code for answer in answers] == [202, 429]
    assert refused(server) == {"sessions": 1}


def test_an_upload_for_which_there_is_no_room_is_counted(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(gn.ScriptedModel([]), max_stored_mib=1)
    assert post(server, "/v1/uploads", files={"file": ("a.bin", b"x" * 2**21)}).status_code == 507
    assert refused(server) == {"files": 1}

    async def full(folder: Path, file: object, quota: object) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(agent_routes, "save_upload", full)
    assert post(server, "/v1/uploads", files={"file": ("a.bin", b"x")}).status_code == 507
    assert refused(server) == {"files": 1, "disk": 1}


def test_a_file_that_is_too_large_for_the_shelf_is_counted(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]), max_upload_mib=1)
    files = {"file": ("a.bin", b"x" * (2**20 + 1))}
    assert post(server, "/v1/file_tool/upload_file_data", data={"requestId": "r"}, files=files).status_code == 413
    assert refused(server) == {"file": 1}


def test_a_run_whose_store_cannot_be_read_for_now_is_counted(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = serve(gn.ScriptedModel([gn.Say("done")]), log=tmp_path / "runs.sqlite", token="secret")
    path = post(first, "/v1/runs?follow=false", json=ASKED).headers["location"]
    first.close()
    server = serve(gn.ScriptedModel([]), log=tmp_path / "runs.sqlite", token="secret")

    def busy(store: SqliteStore, run_id: str) -> list[Entry]:
        raise OSError("busy")

    monkeypatch.setattr(SqliteStore, "read", busy)
    assert httpx.get(server.url.replace("/?", f"{path}?"), timeout=BOUND_S).status_code == 503
    assert refused(server) == {"store": 1}


def test_a_call_for_which_there_is_no_mcp_session_is_counted(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(sessions: McpSessions) -> None:
        raise AdmissionRefused("All are in use.", why="mcp_sessions", retry_after_s=5)

    monkeypatch.setattr(McpSessions, "_make_room", full)
    server = serve(gn.ScriptedModel([]), fetch_hosts=("127.0.0.1",))
    answer = post(server, "/v1/tool/list", json={"server_url": "http://127.0.0.1:9/mcp"}).json()
    assert (answer["code"], answer["message"]) == (500, "Error: All are in use.")
    assert refused(server) == {"mcp_sessions": 1}


def test_a_request_to_a_server_that_shuts_down_is_counted(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]))
    server._backend.submit(server.host.drain()).result(BOUND_S)
    assert post(server, "/v1/runs", json=ASKED).status_code == 503
    assert post(server, "/mcp", json={}).status_code == 503
    assert refused(server) == {"closing": 2}
