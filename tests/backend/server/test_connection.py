"""Connections of a real server: what is not a request, not yet, or too early; and readers that take nothing."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

import genie_nb as gn
from genie_nb.backend.server.serving import Server
from tests.fakes import BOUND_S

Serve = Callable[..., Server]


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(server.address.rsplit(":", 1)[1])), timeout=BOUND_S) as link:
        yield link


def until_closed(link: socket.socket) -> bytes:
    """What comes until the server closes the connection, however it does."""
    got = b""
    try:
        while piece := link.recv(65536):
            got += piece
    except ConnectionResetError:
        pass
    return got


def metric(server: Server, name: str) -> float:
    page = httpx.get(
        f"{server.address}/metrics", headers={"authorization": f"Bearer {server.host.token}"}, timeout=BOUND_S
    ).text
    return sum(float(found) for found in re.findall(rf"^genie_{name}(?:{{.*}})? ([0-9.e+]+)$", page, re.MULTILINE))


def head(server: Server, path: str, method: str = "GET", *more: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {server.host.token}", *more, "", "")
    return "\r\n".join(lines).encode()


def begun(server: Server) -> str:
    """A run that is at work until the server closes; its path."""
    headers = {"authorization": f"Bearer {server.host.token}"}
    answer = httpx.post(f"{server.address}/v1/runs?follow=false", json={"query": "?"}, headers=headers, timeout=BOUND_S)
    return str(answer.headers["location"])


def waiting(serve: Serve, **options: Any) -> Server:
    """A server whose model never comes to its end."""
    return serve(gn.ScriptedModel([gn.Say(["x"] * 2, pace_s=3600)]), **options)


def test_a_request_that_comes_too_early_is_not_read_and_its_sender_leaving_ends_the_stream(serve: Serve) -> None:
    server = waiting(serve)
    path = begun(server)
    with connected(server) as link:
        link.sendall(head(server, f"{path}/events") + head(server, "/health"))
        assert link.recv(65536).startswith(b"HTTP/1.1 200")
        while metric(server, "links") != 1:
            continue
        link.sendall(head(server, "/health") * 1000)
    while metric(server, "links"):
        continue
    headers = {"authorization": f"Bearer {server.host.token}"}
    assert httpx.get(server.address + path, headers=headers, timeout=BOUND_S).json()["listeners"] == 0


def test_an_answer_is_the_last_one_when_another_request_came_too_early(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]))
    with connected(server) as link:
        link.sendall(head(server, "/health") * 3)
        got = until_closed(link)
    assert got.count(b"HTTP/1.1 200") == 1
    assert b'"status":"ok"' in got


def test_a_request_that_comes_during_an_answer_waits_for_its_end(serve: Serve) -> None:
    gate = threading.Event()

    def wait() -> str:
        """Wait."""
        gate.wait(BOUND_S)
        return "opened"

    server = serve(gn.ScriptedModel([gn.Say("", [("wait", {})]), gn.Say("42")]), tools=[gn.tool(wait)])
    path = begun(server)
    with connected(server) as link:
        link.sendall(head(server, f"{path}/events"))
        got = link.recv(65536)
        link.sendall(head(server, "/health"))
        while metric(server, "links") != 1:
            continue
        gate.set()
        healthy = b'{"status":"ok","version"'
        while healthy not in got:
            got += link.recv(65536)
    assert got.count(b"HTTP/1.1 200") == 2
    assert got.index(b"run_finished") < got.index(healthy)


def test_too_much_that_comes_during_an_answer_is_not_kept(serve: Serve) -> None:
    server = waiting(serve)
    path = begun(server)
    with connected(server) as link:
        link.sendall(head(server, f"{path}/events"))
        assert link.recv(65536).startswith(b"HTTP/1.1 200")
        while metric(server, "links") != 1:
            continue
        link.sendall(head(server, "/health") * 10_000)
        link.shutdown(socket.SHUT_WR)
        while metric(server, "links"):
            continue


def test_one_request_after_another_goes_over_one_connection(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]))
    with httpx.Client(base_url=server.address, timeout=BOUND_S) as http:
        ports = {http.get("/health").extensions["network_stream"].get_extra_info("client_addr") for _ in range(5)}
    assert len(ports) == 1


HEADS = {
    "address": b"GET /" + b"x" * 70_000,
    "one-header": b"GET /health HTTP/1.1\r\nX: " + b"x" * 70_000,
    "many-headers": b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 12_000,
}


@pytest.mark.parametrize("endless", HEADS.values(), ids=HEADS)
def test_a_head_without_an_end_is_cut(serve: Serve, endless: bytes) -> None:
    with connected(serve(gn.ScriptedModel([]))) as link:
        link.sendall(endless)
        got = until_closed(link)
    assert got.startswith(b"HTTP/1.1 431")
    assert b"may have 65,536 bytes" in got


def test_headers_after_a_body_that_have_no_end_are_cut_too(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]))
    with connected(server) as link:
        link.sendall(head(server, "/v1/runs", "POST", "Transfer-Encoding: chunked") + b"0\r\n")
        with suppress(ConnectionError):
            link.sendall(b"X: y\r\n" * 500_000)
        until_closed(link)


@pytest.mark.parametrize(
    "beginning",
    [b"", b"\r\n", b"GET /heal", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"],
    ids=["nothing", "an-empty-line", "half-an-address", "half-a-head"],
)
def test_a_request_whose_head_does_not_come_in_time_is_given_up(serve: Serve, beginning: bytes) -> None:
    server = serve(gn.ScriptedModel([]), head_s=0.2)
    with connected(server) as link:
        link.sendall(beginning)
        got = until_closed(link)
    assert got.startswith(b"HTTP/1.1 408")
    assert "did not come to its end" in json.loads(got.partition(b"\r\n\r\n")[2])["error"]["message"]


def test_a_connection_that_goes_on_without_a_request_is_given_up(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]), head_s=0.2)
    with connected(server) as link:
        link.sendall(head(server, "/health"))
        assert link.recv(65536).startswith(b"HTTP/1.1 200")
        link.sendall(b"\r\n")
        assert b"HTTP/1.1 408" in until_closed(link)


@pytest.mark.parametrize("how", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_go_on_is_given_up(serve: Serve, how: str) -> None:
    server = serve(gn.ScriptedModel([]), stall_s=0.2)
    with connected(server) as link:
        link.sendall(head(server, "/v1/runs", "POST", "Content-Type: application/json", how) + b"5\r\n")
        got = until_closed(link)
    assert got.startswith(b"HTTP/1.1 408")


def test_a_reader_that_takes_nothing_of_an_answer_is_cut(serve: Serve) -> None:
    code = "open('big.bin', 'wb').truncate(2**26)"
    server = serve(gn.ScriptedModel([gn.Say("", [("code_interpreter", {"code": code})]), gn.Say("done")]), stall_s=0.2)
    headers = {"authorization": f"Bearer {server.host.token}"}
    asked = httpx.post(f"{server.address}/v1/runs", json={"query": "?"}, headers=headers, timeout=BOUND_S)
    before = metric(server, "evicted_links_total")
    with connected(server) as link:
        link.sendall(head(server, f"{asked.headers['location']}/files/big.bin"))
        while metric(server, "evicted_links_total") == before:
            continue
        assert len(until_closed(link)) < 2**26


@pytest.mark.parametrize("first", ["the connection", "the wheel"])
def test_a_reader_of_a_stream_that_takes_nothing_is_cut_and_counted_once(serve: Serve, first: str) -> None:
    """Both watch over it, and both come to the end of their patience."""
    server = serve(gn.ScriptedModel([gn.Say(["x" * 100_000] * 200), gn.Say("done")]))
    path = begun(server)
    with connected(server) as link:
        link.sendall(head(server, f"{path}/events"))
        assert link.recv(100).startswith(b"HTTP/1.1 200")
        while not any(stream.stalled for stream in tuple(server.host.links.open)):
            threading.Event().wait(0.01)

        async def cut() -> None:
            (stream,) = server.host.links.open
            wheel = server.host.wheel
            (connection,) = (one for one in server._server.server_state.connections if one.cycle.scope is stream.scope)
            watchers = [connection._evict, lambda: stream.visit(wheel.clock() + 3600)]
            for watcher in watchers if first == "the connection" else reversed(watchers):
                watcher()

        server._backend.submit(cut()).result(BOUND_S)
        until_closed(link)
    while metric(server, "links"):
        continue
    assert metric(server, "evicted_links_total") == 1


def test_beyond_its_limit_a_server_refuses_connections_and_takes_them_again(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]), max_links=1, max_requests=2)
    with connected(server), connected(server), connected(server) as third:
        with connected(server) as fourth:
            got = until_closed(fourth)
        assert got.startswith(b"HTTP/1.1 503")
        assert b"All 3 connections" in got
        third.close()
        while True:
            with connected(server) as link:
                link.sendall(head(server, "/health"))
                if link.recv(65536).startswith(b"HTTP/1.1 200"):
                    break


def test_what_is_sent_does_not_wait_for_the_reader_to_say_that_it_has_the_last_piece(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]))
    with connected(server) as link:
        link.sendall(head(server, "/health"))
        assert link.recv(65536)
        (connection,) = server._server.server_state.connections
        there = connection.transport.get_extra_info("socket")
        assert there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
