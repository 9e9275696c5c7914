"""One client on several event loops: each has connections of its own, and none is left open."""

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

import genie_nb as gn
from genie_nb.backend.loop import BackendLoop, backend_loop
from genie_nb.backend.server.serving import Server
from genie_nb.events import Event, TextDelta
from genie_nb.network import RemoteGenie, RemoteRun

Serve = Callable[..., Server]
BOUND_S = 30.0
WORDS = [f"word{number} " for number in range(20)]


async def followed(genie: RemoteGenie, run: RemoteRun) -> str:
    events: list[Event] = [event async for event in genie.client.events(run.run_id)]
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def connections(server: Server) -> int:
    return len(server._server.server_state.connections)


def wait_until(ready: Callable[[], Any]) -> None:
    end = threading.Event()
    for _ in range(int(BOUND_S / 0.01)):
        if ready():
            return
        end.wait(0.01)
    raise AssertionError("It did not come about.")


@pytest.fixture
def server(serve: Serve) -> Server:
    served = serve(gn.ScriptedModel([gn.Say(WORDS, pace_s=0.02)] * 4))
    served._server.config.timeout_keep_alive = 600  # so that it is never the server who closes
    return served


def test_events_can_be_read_in_a_cell_after_the_backend_has_asked(server: Server, connect: Callable[[str], Any]) -> None:
    genie = connect(server.url)
    run = genie.ask("?", show=False)
    wait_until(lambda: run.run_id)
    backend_loop().submit(genie.client.look(run.run_id)).result(BOUND_S)  # whose connection is free now

    for _ in range(2):
        assert asyncio.run(followed(genie, run)) == "".join(WORDS)
    assert run.result(BOUND_S).answer == "".join(WORDS)


def test_the_backend_can_ask_after_a_cell_has(server: Server, connect: Callable[[str], Any]) -> None:
    genie = connect(server.url)

    async def cell() -> str:
        run_id = await genie.client.ask("?", request_id="r1")
        return "".join([event.text async for event in genie.client.events(run_id) if isinstance(event, TextDelta)])

    assert asyncio.run(cell()) == "".join(WORDS)
    assert genie.ask("?", show=False).result(BOUND_S).answer == "".join(WORDS)


def test_two_loops_read_at_the_same_time(server: Server, connect: Callable[[str], Any]) -> None:
    genie = connect(server.url)
    run = genie.ask("?", show=False)
    wait_until(lambda: run.run_id)

    assert asyncio.run(followed(genie, run)) == "".join(WORDS)
    assert run.result(BOUND_S).answer == "".join(WORDS)


def test_a_loop_that_ends_leaves_no_connection(server: Server, connect: Callable[[str], Any]) -> None:
    genie = connect(server.url)

    asyncio.run(genie.client.ask("?", request_id="r1"))
    wait_until(lambda: connections(server) == 0)


def test_closing_ends_the_connections_of_every_loop(server: Server, backend: BackendLoop) -> None:
    genie = gn.connect(server.url)
    for loop, name in ((backend, "r1"), (backend_loop(), "r2")):
        loop.submit(genie.client.ask("?", request_id=name)).result(BOUND_S)
    assert connections(server) == 2
    genie.close()

    wait_until(lambda: connections(server) == 0)


def test_a_client_that_nobody_has_leaves_no_connection(server: Server, backend: BackendLoop) -> None:
    genie = gn.connect(server.url)
    for loop, name in ((backend, "r1"), (backend_loop(), "r2")):
        loop.submit(genie.client.ask("?", request_id=name)).result(BOUND_S)
    assert connections(server) == 2
    del genie
    gc.collect()

    wait_until(lambda: connections(server) == 0)
