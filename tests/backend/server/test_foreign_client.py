"""A client of somebody else's, with a connection of its own, over a real port: aiohttp-sse-client2."""

import asyncio
from pathlib import Path

import pytest

import genie_nb as gn
from genie_nb.events import decode_event, is_terminal
from tests.fakes import BOUND_S, fold


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_sees_every_event_once_and_no_heartbeat_as_one(tmp_path: Path) -> None:
    from aiohttp_sse_client2 import client

    said = gn.Say([f"word{number} 字 " for number in range(40)], pace_s=0.02)
    settings = {"agent": "react", "runs_folder": tmp_path}
    with gn.serve(model=gn.ScriptedModel([said]), settings=settings, heartbeat_s=0.01) as server:
        run = gn.connect(server.url).ask("Speak", show=False)
        while not run.run_id:
            asyncio.run(asyncio.sleep(0.01))

        async def read() -> list[object]:
            got = []
            headers = {"Authorization": f"Bearer {server.host.token}"}
            async with (
                asyncio.timeout(BOUND_S),
                client.EventSource(f"{server.address}/v1/runs/{run.run_id}/events", headers=headers) as source,
            ):
                async for event in source:
                    got.append(decode_event(event.data))
                    if is_terminal(got[-1]):
                        break
            return got

        got = asyncio.run(read())
        run.result(BOUND_S)
        kept = next(iter(server.host.archive.kept()))
        server.host.look()

        assert [event.seq for event in got] == list(range(1, len(got) + 1))
        assert fold(got) == kept.run.transcript
        page = server.host.metrics.page(lambda: None).decode()
        beats = [line for line in page.splitlines() if line.startswith("genie_heartbeats_total")]
        assert float(beats[0].rsplit(" ", 1)[1]) > 0
