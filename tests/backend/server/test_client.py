"""The client at a server: silence with heartbeats, and servers that are broken or hostile."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import httpx
import pytest

import genie_nb as gn
from genie_nb import events as ev
from genie_nb.backend.client import Client
from genie_nb.backend.link import LinkPatience
from genie_nb.backend.server.serving import Server
from genie_nb.errors import LinkError
from tests.backend.server.test_serving import gated
from tests.fakes import collect, run

Serve = Callable[..., Server]


class Pieces(httpx.AsyncByteStream):
    """A body that comes in pieces, and is counted."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self.pieces, self.sent, self.closed = pieces, 0, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self.pieces:
            self.sent += len(piece)
            yield piece

    async def aclose(self) -> None:
        self.closed = True


async def once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def forever(piece: bytes) -> AsyncIterator[bytes]:
    while True:
        yield piece


async def nothing_more() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


def a_client(answer: Callable[[httpx.Request], Any], **patience: Any) -> Client:
    """A client of a server that answers like this, which never really waits between two tries."""

    async def no_wait(_seconds: float) -> None:
        return None

    quick = LinkPatience(**{"sleep": no_wait, "chance": lambda: 1.0, "tries": 3, **patience})
    return Client("http://server.example", patience=quick, transport=httpx.MockTransport(answer))


def stream(*frames: str, heartbeat: str = "10", more: AsyncIterator[bytes] | None = None) -> httpx.Response:
    """An event stream with these frames, and then its end, or more."""

    async def pieces() -> AsyncIterator[bytes]:
        yield "".join(frames).encode()
        if more is not None:
            async for piece in more:
                yield piece

    headers = {"content-type": "text/event-stream", "x-genie-heartbeat": heartbeat}
    return httpx.Response(200, headers=headers, stream=Pieces(pieces()))


def test_a_silent_run_loses_no_link_however_many_heartbeats_it_is_silent_for(serve: Serve) -> None:
    """What a connection may take to stand is no longer than a heartbeat, as by default, and says nothing of silence."""
    tools, open_gate = gated()
    server = serve(gn.ScriptedModel([gn.Say("I wait.", [("wait", {})]), gn.Say("done")]), tools=tools, heartbeat_s=0.5)

    async def main() -> list[ev.Event]:
        client = Client(server.url, patience=LinkPatience(connect_s=0.3, silent_heartbeats=20))
        run_id = await client.ask("?", request_id="r1")
        got: list[ev.Event] = []
        async for event in client.events(run_id):
            got += [event] if got or isinstance(event, ev.LinkOpened) else []  # a slow machine may open it twice
            if sum(isinstance(event, ev.Heartbeat) for event in got) == 6:
                open_gate()
        await client.close()
        return got

    got = run(main())
    assert sum(isinstance(event, ev.Heartbeat) for event in got) >= 6
    assert [event for event in got if isinstance(event, ev.LinkLost)] == []
    assert isinstance(got[-2], ev.RunFinished)


@pytest.mark.parametrize(
    ("said", "silent_heartbeats", "silence"), [("0.000001", 1, "0.1"), ("999999", 0.0001, "0.03")], ids=["short", "long"]
)
def test_a_server_cannot_call_any_time_a_heartbeat(said: str, silent_heartbeats: float, silence: str) -> None:
    """The shortest is 0.1 s, the longest 300 s."""

    async def main() -> ev.LinkLost:
        client = a_client(
            lambda request: stream(": hb\n", heartbeat=said, more=nothing_more()), silent_heartbeats=silent_heartbeats
        )
        async with aclosing(client.events("run1")) as events:
            return await anext(event async for event in events if isinstance(event, ev.LinkLost))

    assert run(main()).reason == f"nothing came for {silence} s, not even a heartbeat"


def test_a_server_that_takes_the_question_and_says_nothing_is_given_up() -> None:
    async def silent(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(LinkError, match=r"the server did not answer within 0\.01 s"):
        run(collect(a_client(silent, connect_s=0.01).events("run1")))


def asks(answer: Callable[[httpx.Request], Any], what: str) -> Any:
    """What a server that answers like this makes of a question, a look, a file."""

    async def main() -> Any:
        client = a_client(answer)
        match what:
            case "ask":
                return await client.ask("?", request_id="r1")
            case "look":
                return await client.look("run1")
            case "file":
                return await client.read_file("run1", "a.txt", 10)
            case _:
                return await collect(client.events("run1"))

    return run(main())


@pytest.mark.parametrize("what", ["ask", "look", "file", "events"])
@pytest.mark.parametrize("status", [200, 404, 500])
def test_of_an_endless_answer_no_more_is_read_than_makes_sense(what: str, status: int) -> None:
    bodies: list[Pieces] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(Pieces(forever(b"x" * 65536)))
        headers = {"content-type": "text/event-stream" if status == 200 and what == "events" else "application/json"}
        return httpx.Response(status, headers=headers, stream=bodies[-1])

    if (what, status) == ("file", 200):
        assert asks(answer, what) == b"x" * 10
    else:
        with pytest.raises(LinkError):
            asks(answer, what)
    most = {"events": 17 * 2**20, "file": 65536}.get(what, 2**21) if status == 200 else 65536
    assert all(body.closed and body.sent <= most for body in bodies)


@pytest.mark.parametrize("kind", ["gzip", "deflate"])
def test_a_few_bytes_that_unpack_to_very_many_are_not_unpacked(kind: str) -> None:
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}[kind](b'{"run_id": "r"}' + b" " * 2**26)

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept-encoding"] == "identity"
        return httpx.Response(200, headers={"content-encoding": kind}, stream=Pieces(once(packed)))

    with pytest.raises(LinkError, match=f"something else than genie_nb .*{len(packed):,} bytes"):
        asks(answer, "look")


@pytest.mark.parametrize(
    "body",
    [b"<html>Sign in</html>", b"", b"null", b"[1]", b"\xff{", b"[" * 100_000, b'{"run_id": null}', b"{}"],
    ids=["html", "empty", "null", "list", "no-text", "deep", "no-run", "no-word"],
)
def test_an_answer_that_is_none_of_ours_is_told_in_words_and_not_asked_for_again(body: bytes) -> None:
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(200, headers={"content-type": "text/html"}, stream=Pieces(once(body)))

    with pytest.raises(LinkError, match=r"(?s)something else than genie_nb \(text/html|lacks 'run_id'"):
        asks(answer, "ask")
    assert asked == 1


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_never_ends_is_given_up(status: int) -> None:
    client = a_client(lambda request: httpx.Response(status, stream=Pieces(nothing_more())), answer_s=0.01)

    with pytest.raises(LinkError, match=r"did not answer within 0\.01 s"):
        run(client.look("run1"))
